"""The equations of the limit models, as SymPy equalities that print."""

from __future__ import annotations

import sympy as sp
from sympy.printing.latex import LatexPrinter

i = sp.Symbol("i", integer=True)
n = sp.Symbol("n", integer=True, positive=True)
sigma, eta_a, eta_w = sp.symbols("sigma eta_a eta_w", positive=True)
x, z = sp.symbols("x z", real=True)
phi, slope = sp.Function(r"\phi"), sp.Function(r"\phi'")
tangent = sp.Function(r"\Theta_{0}")
process = sp.Function(r"\mathcal{G}")  # the Gaussian process of covariance sigma^2 E phi phi
mean = sp.Function(r"\mathrm{E}")  # over the law of (a, w) at the start: standard normal, independent


class Indexed(sp.Indexed):
    """One entry, such as that of a datum: its index prints below the superscript, not behind it."""

    def _latex(self, printer: LatexPrinter) -> str:
        name = self.base.label.name
        letters = f"{name}_{{{', '.join(map(printer._print, self.indices))}}}"
        return f"{{{letters}}}" if "^" in name else letters  # in braces it takes a power


x_i, y_i = Indexed("x", i), Indexed("y", i)  # a datum and its label


def of(dynamics: str, gradients: tuple[str, str]) -> tuple[sp.Eq, ...]:
    """Start, motion, what the motion is made of, and the gradients at step 0 and later.

    >>> [str(line.lhs) for line in of("kernel", ("logit", "logit"))]
    ['F^{(0)}(x)', 'F^{(k+1)}(x)', '\\\\Theta_{0}(x, z)', 'g^{(0)}[i]', 'g^{(k)}[i]']
    """
    motion = _kernel if dynamics.startswith("kernel") else _measure
    beginning = sp.Eq(_logit("0")(x), process(x))
    return (beginning, *motion(dynamics), _gradient(gradients[0], "0"), _gradient(gradients[1], "k"))


def _kernel(dynamics: str) -> tuple[sp.Eq, ...]:
    a_step = _over_data(tangent(x, x_i) * _g("k"))
    before = _logit("k")(x)
    w = sp.Symbol("w^{(0)}", real=True)
    features = eta_a * mean(phi(w * x) * phi(w * z))
    slopes = eta_w * mean(slope(w * x) * slope(w * z)) * x * z
    kernel = sp.Eq(tangent(x, z), sigma**2 * (features + slopes))
    if dynamics == "kernel":
        return sp.Eq(_logit("k+1")(x), before - a_step), kernel
    first = _over_data(tangent(x, x_i) * _g("0"))
    return sp.Eq(_logit("1")(x), -first), sp.Eq(_logit("k+1")(x), before - a_step), kernel


def _measure(dynamics: str) -> tuple[sp.Eq, ...]:
    (a, w), (a_next, w_next) = (sp.symbols(f"a^{{({k})}} w^{{({k})}}", real=True) for k in ("k", "k+1"))
    value = sigma * mean(a * phi(w * x))
    g = _g("k")
    return (
        sp.Eq(_logit("k")(x), value + process(x) if dynamics.endswith("kept") else value),
        sp.Eq(a_next, a - eta_a * sigma * _over_data(g * phi(w * x_i))),
        sp.Eq(w_next, w - eta_w * sigma * _over_data(g * a * slope(w * x_i) * x_i)),
    )


def _gradient(rule: str, step: str) -> sp.Eq:
    y, logit = y_i, _logit(step)(x_i)
    match rule:
        case "zero":
            value = -y / 2
        case "logit":
            value = -y / (1 + sp.exp(y * logit))
        case _:
            value = sp.Piecewise((-y, y * logit < 0), (0, True))
    return sp.Eq(_g(step), value)


def _over_data(term: sp.Expr) -> sp.Expr:
    return sp.Sum(term, (i, 1, n)) / n


def _logit(step: str) -> sp.Function:
    return sp.Function(f"F^{{({step})}}")


def _g(step: str) -> Indexed:
    return Indexed(f"g^{{({step})}}", i)

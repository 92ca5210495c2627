r"""Line integrals of Gamma functions by their classical name: Meijer's G function."""

from __future__ import annotations

import sympy as sp

from symlimits.derivation.trace import Rule
from symlimits.language.integral import LineIntegral


def _meijer(head: LineIntegral) -> sp.Expr:
    r"""A product of $\Gamma(b + w)$, $\Gamma(1 - a - w)$ and $Z^{-w}$ as $G^{m,n}_{n,m}\big(Z\big|{a \atop b}\big)$."""
    constant, Z, above, below = sp.S.One, sp.S.One, list[sp.Expr](), list[sp.Expr]()
    for factor in sp.Mul.make_args(head.integrand):
        base, power = (sp.E, factor.exp) if isinstance(factor, sp.exp) else factor.as_base_exp()
        argument = _gamma_argument(base)
        if not factor.has(head.variable):
            constant *= factor
        elif argument is not None and power.is_Integer and power > 0:
            slope = sp.expand(argument).coeff(head.variable)
            rest = sp.expand(argument - slope * head.variable)
            if slope not in (1, -1):
                return head
            (above if slope == 1 else below).extend([rest if slope == 1 else 1 - rest] * int(power))
            constant /= sp.gamma(base.args[0]) ** power if isinstance(base, sp.RisingFactorial) else 1
        elif not base.has(head.variable) and sp.expand(power).is_polynomial(head.variable):
            slope = sp.expand(power).coeff(head.variable)
            if sp.expand(power - slope * head.variable).has(head.variable):
                return head
            constant, Z = constant * base ** sp.expand(power - slope * head.variable), Z * base**-slope
        else:
            return head
    return constant * sp.meijerg([below, []], [sorted(above, key=sp.default_sort_key), []], sp.simplify(Z))


def _gamma_argument(base: sp.Expr) -> sp.Expr | None:
    """z where the base is Gamma(z) up to a constant."""
    if isinstance(base, sp.RisingFactorial):
        return base.args[0] + base.args[1]
    return base.args[0] + int(base.func is sp.factorial) if isinstance(base, sp.gamma | sp.factorial) else None


meijer = Rule(
    "Meijer's G function",
    "Meijer 1936; Springer and Thompson 1966",
    "A line integral of Gamma functions is a G function by definition; the lines that are computed stay integrals.",
    lambda expr: expr.replace(lambda node: isinstance(node, LineIntegral), _meijer),
)

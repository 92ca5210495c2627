r"""What a network of finite width is, exactly: the kurtosis of its output, and the variance of its tangent kernel.

At infinite width outputs are Gaussian and the tangent kernel is a number. For positively homogeneous activations
(linear, relu, leaky_relu, absolute) in networks without biases both deviations are known in closed form at one input
and **every width**: rational functions of the widths n_1, ..., n_L, whatever the input, its dimension and the scale of
the weights are. `moments` derives them, `finite/width_networks.py` draws the networks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from symlimits.derivation.price import gaussian_integrals
from symlimits.derivation.trace import Rule, Step, Trace
from symlimits.errors import DomainError, NoRule
from symlimits.finite.linear_pairs import LinearPairs
from symlimits.finite.width_networks import WidthNetworks
from symlimits.language.activation import Activation, activation, x
from symlimits.language.domain import CORRELATION, Domain, Point, natural_domain
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.language.piecewise import branches
from symlimits.language.recursion import Recursion
from symlimits.limits import Limit
from symlimits.theory.finite_width.moments import A, D, mean_kernel, second_moments
from symlimits.theory.finite_width.two_inputs import rho, squares

__all__ = ["first_order", "linear_squares", "ntk_variance", "output_kurtosis"]

HANIN = "Hanin and Nica 2020, arXiv 1909.05989; exact at every width: derived here"
DEEPEST = 50  # hidden layers: the lines are written out
u = sp.Symbol("u", real=True)


def output_kurtosis(activation: object, widths: object) -> Limit:
    r"""The kurtosis $\mathbb E f(x)^4/(\mathbb E f(x)^2)^2$ of the output over random networks of these hidden widths.

    $$3\prod_\ell\Bigl(1 + \frac{m_4/m_2^2 - 1}{n_\ell}\Bigr),\qquad m_k = \mathbb E\phi(g)^k,\ g\sim N(0, 1)$$
    `widths` are those of the hidden layers, numbers or symbols; the network has no biases, and Gaussian weights of any
    variance. Three is that of a Gaussian. Raises `NoRule` for an activation that is not positively homogeneous,
    $\phi(tz) = t\phi(z)$ for t > 0, and `DomainError` for widths that are no positive integers or symbols.
    Source: derived here; see Hanin and Nica 2020, arXiv 1909.05989.

    >>> from symlimits import activations as act
    >>> output_kurtosis(act.relu, ("n", "n")).expr
    3*(n + 5)**2/n**2
    >>> output_kurtosis(act.linear, (10,))()
    3.6
    """
    phi, slopes, known = _network(activation, widths)
    line = second_moments(known, _spread(phi), A)
    observable = r"$\mathbb{E} f^4$ over the readout, at one input, where $\mathbb{E} f^2 = 1$"
    return _limit(line, known, slopes, "output", r"\mathbb{E} f^4 / (\mathbb{E} f^2)^2", observable)


def ntk_variance(activation: object, widths: object) -> Limit:
    r"""The relative variance $\mathrm{Var}\,\Theta(x, x)/(\mathbb E\Theta(x, x))^2$ of the tangent kernel at one input.

    Over random networks of these hidden widths, in NTK parameterisation and without biases; all parameters are trained.
    Five moments of the features and of the kernel between units go through each layer by a linear map (`moments`).
    Arguments and errors as for `output_kurtosis`. Source: derived here; the growth with depth over width is that of
    Hanin and Nica 2020, arXiv 1909.05989.

    >>> from symlimits import activations as act
    >>> ntk_variance(act.relu, ("n",)).expr
    3/n
    >>> first_order(ntk_variance(act.relu, ("n", "n", "n")))
    10/n
    """
    phi, slopes, known = _network(activation, widths)
    line = second_moments(known, _spread(phi), D) / mean_kernel(len(known)) ** 2 - 1
    observable = r"$(\Theta(x, x) / \mathbb{E} \Theta(x, x))^2 - 1$"
    name = r"\mathrm{Var}\,\Theta / (\mathbb{E}\,\Theta)^2"
    return _limit(line, known, slopes, "ntk", name, observable)


def linear_squares(widths: object) -> Limit:
    r"""$\mathbb E f(x)^2f(z)^2/(\mathbb E f(x)^2\,\mathbb E f(z)^2)$ of deep linear networks at two inputs.

    `rho` is the correlation of the inputs, $x\cdot z/|x||z|$; $1 + 2\rho^2$ for Gaussian outputs. Without correlation
    the squares still are correlated: the outputs share the scale of the layers between. `widths` as for
    `output_kurtosis`, which is the value at rho = 1. Source: derived here.

    >>> linear_squares(("n",)).expr
    (n + 2)*(2*rho**2 + 1)/n
    >>> linear_squares((10,)).bind(rho=1).expr == output_kurtosis(Activation(x), (10,)).expr
    True
    """
    known = _widths(widths)
    line = squares(known)
    ranges = natural_domain(sp.Add(*(line.free_symbols - {rho}))).ranges
    arguments = tuple(sorted(line.free_symbols, key=str))
    name = r"\mathbb{E} f(x)^2 f(z)^2 / (\mathbb{E} f(x)^2\, \mathbb{E} f(z)^2)"
    return Limit(
        _lines(line), Domain({**ranges, rho: CORRELATION}), arguments, name, "derived here; Isserlis 1918",
        experiment=Pairs(known, rho).drawn(),
        observable=r"$f(x)^2 f(z)^2$ over the readout, where $\mathbb{E} f^2 = 1$", regime="every width", order=0,
    )  # fmt: skip


def first_order(statement: Limit) -> sp.Expr:
    r"""The value at infinite width and the first correction, where all widths are multiples of n: c_0 + c_1/n.

    >>> from symlimits import activations as act
    >>> first_order(output_kurtosis(act.linear, ("n", "2*n")))
    3 + 9/n
    """
    if not isinstance(statement, Limit):
        raise DomainError(shown(statement), "a statement of this module", 'output_kurtosis(act.relu, ("n", "n"))')
    symbols = statement.expr.free_symbols
    if len(symbols) != 1:
        given = f"a statement in {', '.join(sorted(map(str, symbols))) or 'no symbol'}"
        raise DomainError(given, "one symbol, the width", 'widths=("n", "n")')
    (n,) = symbols
    t = sp.Dummy("t", positive=True)
    rational = sp.together(statement.expr.subs(n, 1 / t))
    return rational.subs(t, 0) + rational.diff(t).subs(t, 0) / n


@dataclass(frozen=True)
class Family:
    """The networks of a statement, whose widths may still be symbols: an experiment where they have values."""

    slopes: tuple[sp.Expr, sp.Expr]
    widths: tuple[sp.Expr, ...]
    observable: str

    def bind(self, given: Point) -> Family | WidthNetworks:
        """The networks with values for some widths, or slopes."""
        slopes, widths = (
            tuple(value.subs(given, simultaneous=True) for value in part) for part in (self.slopes, self.widths)
        )
        return replace(self, slopes=slopes, widths=widths).drawn()

    def drawn(self) -> Family | WidthNetworks:
        """The experiment, where every symbol has a value."""
        if not all(value.is_number for value in (*self.slopes, *self.widths)):
            return self
        return WidthNetworks((float(self.slopes[0]), float(self.slopes[1])), _whole(self.widths), self.observable)

    def __call__(self, size: int, rng: Any) -> Any:
        raise DomainError("networks whose widths are symbols", "numbers", "statement.bind(n=10).certify()")


@dataclass(frozen=True)
class Pairs:
    """Linear networks at two inputs, of widths or a correlation that may still be symbols."""

    widths: tuple[sp.Expr, ...]
    rho: sp.Expr

    def bind(self, given: Point) -> Pairs | LinearPairs:
        """The networks with values for some symbols."""
        widths = tuple(width.subs(given, simultaneous=True) for width in self.widths)
        return Pairs(widths, self.rho.subs(given, simultaneous=True)).drawn()

    def drawn(self) -> Pairs | LinearPairs:
        """The experiment, where every symbol has a value."""
        if not all(value.is_number for value in (*self.widths, self.rho)):
            return self
        return LinearPairs(_whole(self.widths), float(self.rho))

    def __call__(self, size: int, rng: Any) -> Any:
        raise DomainError("networks with symbols", "numbers", "statement.bind(n=10, rho=0).certify()")


def _whole(widths: tuple[sp.Expr, ...]) -> tuple[int, ...]:
    """Widths as integers; `DomainError` for those of no network, such as n/2 at an odd n."""
    for width in widths:
        if not (width.is_Integer and width >= 1):
            raise DomainError(f"width {width}", "a positive integer", "another value of its symbols")
    return tuple(map(int, widths))


def _limit(
    line: sp.Expr, widths: tuple[sp.Expr, ...], slopes: tuple[sp.Expr, sp.Expr], kind: str, name: str, observable: str
) -> Limit:
    experiment = Family(slopes, widths, kind).drawn()
    domain = natural_domain(sp.Add(*line.free_symbols))
    arguments = tuple(sorted(line.free_symbols, key=str))
    return Limit(
        _lines(line), domain, arguments, name, HANIN,
        experiment=experiment, observable=observable, regime="every width and input", order=0,
    )  # fmt: skip


def _lines(line: sp.Expr) -> Trace:
    """The recursion with moments as expectations; their values; the layers written out; one fraction."""
    lines = [Step(line, "definition", f"{HANIN}; Isserlis 1918")]
    for rule in (gaussian_integrals, written_out, one_fraction):
        try:
            lines.append(rule.step(lines[-1].expr))
        except NoRule:
            continue
    return tuple(lines)


def _unrolled(line: sp.Expr) -> sp.Expr:
    return line.xreplace({recursion: recursion.unroll() for recursion in line.atoms(Recursion)})


written_out = Rule(
    "the layers, one after the other",
    "the definition of a recursion",
    "The map of each layer is put into that of the next.",
    _unrolled,
)
one_fraction = Rule("one fraction", "algebra", "A rational function of the widths, factored.", sp.factor)


def _spread(phi: Activation) -> sp.Expr:
    r"""$\mathbb E d^4/(\mathbb E d^2)^2$ of the slopes, from $\phi(g) = d\,g$ and $\mathbb E g^4 = 3$."""
    fourth, second = (GaussianExpectation(phi(u) ** k, (u,), [[1]]) for k in (4, 2))
    return fourth / (3 * second**2)


def _network(phi: object, widths: object) -> tuple[Activation, tuple[sp.Expr, sp.Expr], tuple[sp.Expr, ...]]:
    known = activation(phi)
    return known, _slopes(known), _widths(widths)


def _slopes(phi: Activation) -> tuple[sp.Expr, sp.Expr]:
    """phi(z)/z for z < 0 and for z > 0."""
    cut = branches(phi.expr, x)
    slopes = [sp.cancel(piece / x) for piece in cut.pieces]
    if cut.points not in ((), (sp.S.Zero,)) or any(slope.has(x) for slope in slopes):
        wanted = "phi(t z) = t phi(z) for t > 0: linear, relu, leaky_relu(slope) or absolute"
        raise NoRule(f"the activation {phi.expr} at finite width", wanted, "sl.ntk(net), its limit of infinite width")
    if not any(slopes):
        raise DomainError("an activation that is zero", "a slope that is not", "act.relu")
    return slopes[0], slopes[-1]


def _widths(widths: object) -> tuple[sp.Expr, ...]:
    if isinstance(widths, str | bytes | Mapping | Set) or not isinstance(widths, Iterable):
        raise DomainError(f"widths = {shown(widths)}", "a sequence, one for each hidden layer", 'widths=("n", "n")')
    found = tuple(exact(width, "widths") for width in widths)
    if not 1 <= len(found) <= DEEPEST:
        raise DomainError(f"{len(found)} widths", f"one to {DEEPEST} hidden layers", 'widths=("n", "n")')
    for width in found:
        if width.is_number and not (width.is_Integer and width >= 1):
            raise DomainError(f"width {width}", "a positive integer or a symbol", "widths=(10, 10)")
    symbols = sp.Tuple(*found).free_symbols
    return tuple(w.xreplace({s: sp.Symbol(s.name, integer=True, positive=True) for s in symbols}) for w in found)

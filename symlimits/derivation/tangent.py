r"""The derivative of a recursion in one of its parameters: forward mode, layer by layer.

With states y and the map of a layer, $y' = F(y;\sigma)$, the chain rule gives the derivative $dy = \partial y/\partial
\sigma$ a map of its own,
$$dy' = \frac{\partial F}{\partial\sigma} + \sum_i\frac{\partial F}{\partial y_i}\,dy_i ,$$
and the recursion of (y, dy) is a recursion again. For a kernel $\partial T/\partial c = \mathbb E\phi'(u)\phi'(v)$ and
$\partial T/\partial p = \tfrac12\mathbb E\phi''(u)\phi(v)$ (Price 1958), in the closed form or as expectations.

Where two inputs are parallel, c = +-sqrt(p q), a kink of the activation makes the partial derivatives infinite, though
the sum has a limit: parallel inputs stay parallel, so that there F is differentiated along c = +-sqrt(p q).
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from symlimits.derivation.collect import collect
from symlimits.derivation.trace import Step, Trace
from symlimits.errors import NoRule
from symlimits.language.expectation import GaussianExpectation, separated
from symlimits.language.pixels import is_of_images
from symlimits.language.recursion import Earlier, Recursion

RULE = "the chain rule, layer by layer"
SOURCE = "forward-mode differentiation; Price 1958 for expectations"

Rates = Mapping[sp.Symbol, sp.Symbol]


def tangent_lines(trace: Trace, parameter: sp.Symbol) -> Trace:
    """The derivative of the last line, after that of the first one where expectations of functions are left of it.

    Dirac masses, which kinks leave in the derivative of a definition, have a closed form only.

    >>> y, y0, w = sp.symbols("y y0 w", positive=True)
    >>> lines = tangent_lines((Step(Recursion((y,), (y0,), [((w * y,), 2)], y), "definition", "an example"),), w)
    >>> lines[-1].expr.unroll().factor()
    2*w*y0
    """
    recursions = [step.expr for step in trace if isinstance(step.expr, Recursion)]
    if not recursions:
        raise NoRule("the derivative of a line without layers", "a kernel of a network", 'sl.nngp(net).derivative("w")')
    if is_of_images(recursions[0]):
        given, advice = "the derivative of a kernel of images", "differences of K(X, sigma_w=...)"
        raise NoRule(given, "a network without filters, pools and Flatten", advice)
    first, last = (tangent(recursion, parameter) for recursion in (recursions[0], recursions[-1]))
    if first == last or first.has(sp.DiracDelta):
        return (Step(last, RULE, SOURCE),)
    return Step(first, RULE, SOURCE), Step(last, "the closed form, differentiated", "calculus")


def tangent(recursion: Recursion, parameter: sp.Symbol) -> Recursion:
    """The recursion of the states and of their derivatives, whose output is the derivative of the output."""
    if any(parameter in count.free_symbols for _, count in recursion.blocks):
        raise NoRule(f"the derivative in the depth {parameter}", "a variance", "a parameter of the layers")
    rates = {state: rate_of(state) for state in recursion.states}
    stages = [(tuple(_with_rates(layer, rates, parameter) for layer in layers), n) for layers, n in recursion.blocks]
    start = (*recursion.start, *(collect(value.diff(parameter)) for value in recursion.start))
    return Recursion((*rates, *rates.values()), start, stages, rates[recursion.output])


def rate_of(state: sp.Symbol) -> sp.Symbol:
    """The symbol of a state's derivative, which prints with a dot.

    >>> rate_of(sp.Symbol("K_xz"))
    Kdot_xz
    """
    letter, *index = state.name.split("_", 1)
    return sp.Symbol("_".join([f"{letter}dot", *index]), real=True)


def _with_rates(layer: tuple[sp.Expr, ...], rates: Rates, parameter: sp.Symbol) -> tuple[sp.Expr, ...]:
    return (*layer, *(_rate(line, rates, parameter) for line in layer))


def _rate(line: sp.Expr, rates: Rates, parameter: sp.Symbol) -> sp.Expr:
    """The derivative of one line of a map; earlier values move as the states do."""
    names = {head: sp.Dummy("y", real=True) for head in line.atoms(Earlier)}
    moving = {**rates, **{name: Earlier(rates[head.args[0]], head.back) for head, name in names.items()}}
    inside = line.xreplace(names)
    total = _in_order(inside.diff(parameter))
    slopes = {y: _in_order(inside.diff(y)) for y in moving}
    total += sp.Add(*(slope * moving[y] for y, slope in slopes.items()))
    if len(rates) >= 3 and any(_is_singular(slope, tuple(rates)) for slope in slopes.values()):
        total = _with_ends(total, inside, rates, parameter)
    return total.xreplace({name: head for head, name in names.items()})


def _in_order(slope: sp.Expr) -> sp.Expr:
    """Like terms together, of what has a closed form; functions of u times functions of v, where expectations stay."""
    if not slope.has(GaussianExpectation, sp.Integral):
        return collect(slope)
    return slope.xreplace({head: _as_product(head) for head in slope.atoms(GaussianExpectation)})


def _as_product(head: GaussianExpectation) -> GaussianExpectation:
    if len(head.variables) != 2 or separated(head.integrand, *head.variables)[2] == 1:
        return head
    return head.func(sp.factor(head.integrand), head.variables, head.covariance)


def _is_singular(slope: sp.Expr, states: tuple[sp.Symbol, ...]) -> bool:
    """Whether a slope is infinite where c^2 = p q."""
    p, q, c = states[:3]
    ends = {c: sp.sqrt(p) * sp.sqrt(q)}
    poles = (node for node in slope.atoms(sp.Pow) if node.exp.is_negative)
    return any(sp.expand(pole.base.subs(ends)) == 0 for pole in poles)


def _with_ends(total: sp.Expr, line: sp.Expr, rates: Rates, parameter: sp.Symbol) -> sp.Expr:
    """The derivative inside of c^2 < p q, and that along c = +-sqrt(p q) at the ends."""
    p, q, c = tuple(rates)[:3]
    side = sp.Dummy("side", real=True)
    end = line.subs(c, side * sp.sqrt(p) * sp.sqrt(q))
    others = [y for y in rates if y != c]
    along = end.diff(parameter) + sp.Add(*(collect(end.diff(y)) * rates[y] for y in others))
    along = along.subs(side, sp.sign(c))
    return sp.Piecewise((total, c**2 < p * q), (along, True))

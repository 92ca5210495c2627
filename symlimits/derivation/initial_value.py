"""Rules for differential equations: other variables, what is conserved, and Riccati's equation.

Each takes an `InitialValue` and returns one with the same value, or the value itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from symlimits.errors import FalseLine, NoRule
from symlimits.language.initial_value import InitialValue
from symlimits.language.straight_line import Definition, StraightLine


def in_polynomials(head: InitialValue, new: Mapping[sp.Symbol, sp.Expr]) -> InitialValue:
    """The same in new variables, polynomials of the old ones; `NoRule` where they do not close on themselves.

    >>> x, y, r, t = sp.symbols("x y r t", real=True)
    >>> in_polynomials(InitialValue(x**2 + y**2, [x, y], [-x, -y], [1, 0], t), {r: x**2 + y**2})
    r at t, from dr/dt = -2*r, r(0) = 1
    """
    relations = [expr - symbol for symbol, expr in new.items()]

    def closed(expr: sp.Expr) -> sp.Expr:
        _, rest = sp.reduced(sp.expand(expr), relations, *head.variables)
        if rest.has(*head.variables):
            raise NoRule(f"{expr} in {', '.join(map(str, new))}", "variables that close on themselves", "more of them")
        return factors(rest)

    at_start = dict(zip(head.variables, head.start, strict=True))
    moves = [closed(along(head, expr)) for expr in new.values()]
    return InitialValue(closed(head.output), new, moves, [e.subs(at_start) for e in new.values()], head.time)


def along(head: InitialValue, expr: sp.Expr) -> sp.Expr:
    """How an expression of the variables moves: the chain rule."""
    return sp.Add(*(expr.diff(x) * F for x, F in zip(head.variables, head.velocities, strict=True)))


def conserved(head: InitialValue, degree: int = 2) -> list[sp.Expr]:
    """Polynomials of the variables, up to a degree, that do not move: a basis, found by linear algebra.

    >>> x, y, t = sp.symbols("x y t", real=True)
    >>> conserved(InitialValue(x, [x, y], [y, -x], [1, 0], t))
    [x**2 + y**2]
    """
    monomials = sorted(sp.itermonomials(head.variables, degree), key=sp.default_sort_key)
    monomials.remove(sp.S.One)
    symbols = sorted(set().union(*(F.free_symbols for F in head.velocities), head.variables), key=str)
    moves = [sp.Poly(sp.expand(along(head, m)), *symbols).as_dict() for m in monomials]
    rows = sorted(set().union(*moves))
    matrix = sp.Matrix([[move.get(row, 0) for move in moves] for row in rows])
    return [sp.Add(*(c * m for c, m in zip(vector, monomials, strict=True))) for vector in matrix.nullspace()]


def without(head: InitialValue, gone: Sequence[sp.Symbol]) -> InitialValue:
    """The same without some variables, by what is conserved; `NoRule` where that does not tell them."""
    at_start = dict(zip(head.variables, head.start, strict=True))
    laws = [law - law.subs(at_start) for law in conserved(head)]
    right = [
        found
        for found in sp.solve(laws, list(gone), dict=True)
        if all(found[x].subs(at_start) == at_start[x] for x in gone)
    ]
    if len(right) != 1:
        raise NoRule(f"{', '.join(map(str, gone))} from {laws}", "laws that tell them", "other variables")
    (told,) = right
    kept = [(x, F, x0) for x, F, x0 in zip(*head.args[1:4], strict=True) if x not in gone]
    x, moves, start = zip(*kept, strict=True)
    return InitialValue(head.output.subs(told), x, [factors(F.subs(told)) for F in moves], start, head.time)


def substituted(head: InitialValue, new: sp.Symbol, old: sp.Expr, start: sp.Expr) -> InitialValue:
    """The same in another variable: the old one is `old`, an expression of the new one, which is `start` at first."""
    (x,), (F,), (x0,) = head.args[1:4]
    if sp.simplify(old.subs(new, start) - x0) != 0:
        raise FalseLine(f"{x} = {old} at {new} = {start}", f"{x} = {x0} at the start", "another start")
    move, output = F.subs(x, old) / old.diff(new), head.output.subs(x, old)
    if old.has(sp.log):  # a hyperbolic function of a logarithm is a rational one
        move, output = move.rewrite(sp.exp), output.rewrite(sp.exp)
    return InitialValue(sp.expand(output), [new], [sp.expand(sp.simplify(move))], [start], head.time)


def factors(expr: sp.Expr) -> sp.Expr:
    """A product, whose sign stands in a factor that has both: (P + Q)(b - a A), not -(P + Q)(a A - b).

    >>> x, y = sp.symbols("x y")
    >>> factors(x * y - y**2 * x)
    x*y*(1 - y)
    """
    product = sp.factor(expr)
    number, rest = product.as_coeff_Mul()
    if number < 0:
        for factor in rest.as_ordered_factors():
            if factor.is_Add and any(term.could_extract_minus_sign() for term in factor.args):
                return sp.Mul(-number, rest / factor, sp.expand(-factor))
    return product


def riccati(head: InitialValue, rho: sp.Symbol, c: sp.Symbol) -> StraightLine:
    r"""The value for $\dot u = c_0 + c_1u + c_2u^2$: $u = -\dot w/(c_2w)$ with $\ddot w = c_1\dot w - c_0c_2w$.

    The roots of its characteristic equation are $c_1/2\pm\rho$, so that with $\kappa = -c_2u_0 - c_1/2$ and
    $y = \rho\coth\rho t$ it is $-c_2u = c_1/2 + (\rho^2 + \kappa y)/(y + \kappa)$. `rho` and `c` are the symbols of
    $\rho$ and of $c = y - c_2u_0^2$, which the definitions hold.

    >>> u, t, rho, c = sp.symbols("u t rho c", positive=True)
    >>> riccati(InitialValue(u, [u], [1 - u**2], [0], t), rho, c).output
    1/c
    """
    (u,), (F,), (u0,) = head.args[1:4]
    c2, c1, c0 = (sp.Poly(F, u).coeff_monomial(u**n) for n in (2, 1, 0))
    square, kappa, shift = sp.expand(c1**2 / 4 - c0 * c2), -c2 * u0 - c1 / 2, -c2 * u0**2
    y = c - shift
    found = sp.cancel(-(c1 / 2 + (square + kappa * y) / (y + kappa)) / c2)
    root = Definition(rho, sp.sqrt(square))
    return StraightLine(
        [root, Definition(c, shift + rho / sp.tanh(rho * head.time))], sp.cancel(head.output.subs(u, found))
    )

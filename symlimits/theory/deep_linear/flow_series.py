r"""The gradient flow as a series in time, for one output and whitened data: exact coefficients, by Taylor's recursion.

On the forest the flow is polynomial, so that its coefficients follow from those before: with
$X = \sum_nX_n\tau^n$ for every quantity, products are sums of products and
$$(n + 1)U_{n+1} = [B_1E]_n,\quad (n + 1)M_{l,n+1} = [B_lEH_{l-1}^\top]_n,\quad (n + 1)V_{n+1} = [EH_L^\top]_n .$$
The coefficient of $\tau^n$ of the predictor is that of the infinitely wide network iff the forest is cut at tree depth
$\lceil n/2\rceil(L - 1)$ or more (found here, exactly, up to n = 7): half of what n steps of gradient descent need.
The target enters by its size s alone: $A_t = a_t\beta^\top/s$. Derived here.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import sympy as sp

from symlimits.chain import Derivation
from symlimits.derivation.trace import Rule, Step
from symlimits.errors import DomainError
from symlimits.finite.deep_linear_training import check_size
from symlimits.language.block import Block, Entry, Numbers, Transposed, blocks
from symlimits.language.domain import POSITIVE, Domain
from symlimits.language.straight_line import Definition, Loop, StraightLine
from symlimits.reading.rings import as_polynomial, polynomials
from symlimits.reading.straight_line import run
from symlimits.theory.deep_linear.forest import Forest
from symlimits.theory.deep_linear.polynomial import HERE, SOURCE, swept

s, tau = sp.symbols("s tau", positive=True)
n, j = sp.symbols("n j", integer=True)
MOST_ENTRIES = 20_000  # of the forest's matrices: beyond, the program is too long to store or to read
DEEPEST = 24  # levels of a forest that are counted: beyond, it has long been too large
MOST_ORDER = 40  # a program of sums of sums: some seconds at this order
A, E, Y, r = (blocks(name, 1, 1) for name in ("A", "E", "Y", "r"))


def flow_series(depth: int, order: int) -> Derivation:
    r"""Taylor's polynomial $[a_\tau]_n$ of the flow at time zero, n = `order`, for L = `depth` hidden layers.

    Lines: Taylor's recursion as a program, its sweep over polynomials, the coefficients of the powers of $\tau$.

    >>> flow_series(1, 3).expr
    4*s*tau**3*(s**2 + 1)/3 - 2*s*tau**2 + 2*s*tau
    """
    _check_order(depth, order)
    line = taylor(depth, order)
    trace = [Step(line, "definition", SOURCE), swept.step(line)]
    found = collected.rewrite(trace[-1].expr)
    if found != trace[-1].expr:
        trace.append(collected.step(trace[-1].expr))
    name = rf"[a_\tau]_{{{order}}}"
    return Derivation(tuple(trace), Domain({s: POSITIVE, tau: POSITIVE}), (s, tau), name, SOURCE)


def flow_coefficients(depth: int, order: int, tree_depth: int | None = None) -> list[sp.Expr]:
    """The coefficients of tau^0, ..., tau^order, polynomials in s; `tree_depth` is where the forest is cut.

    >>> flow_coefficients(2, 2)
    [0, 3*s, -9*s/2]
    """
    _check_order(depth, order)
    program = StraightLine(taylor(depth, order, tree_depth).statements, A(order))
    memory = run(program, polynomials(s), {s: s})
    return [as_polynomial(memory[A(m)][0, 0], s).as_expr() for m in range(order + 1)]


def needed_depth(depth: int, order: int) -> int:
    """The tree depth from which on the forest gives the coefficient of an order.

    >>> needed_depth(3, 4)
    4
    """
    return -(-order // 2) * (depth - 1)


def taylor(depth: int, order: int, tree_depth: int | None = None) -> StraightLine:
    r"""Taylor's recursion for the flow on the forest, d = k = 1: its output is $\sum_nA_n\tau^n$.

    Blocks: parameters $U_n$, $M_l(n)$, $V_n$ (transposed), features $H_l(n)$, derivatives $B_l(n)$, $D_l = B_lE$; each
    layer has names of its own, since layers differ in width.

    >>> taylor(2, 3).free_symbols == {s, tau}
    True
    """
    forest = Forest(depth, needed_depth(depth, order) if tree_depth is None else tree_depth, 1, 1)
    w, start = forest.widths, forest.network(object).start
    H, B, D = (_columns(name, w) for name in "HBD")
    weights = [blocks("U", w[0], 1), *_hidden(w), blocks("V", w[-1], 1)]
    first = [Definition(weight(0), Numbers(x.tolist())) for weight, x in zip(weights, start, strict=True)]
    target = [Definition(Y(0), Numbers([[s]])), *(Definition(Y(m), 0) for m in range(1, order + 1))]
    inverse = [Definition(r(m), Numbers([[sp.Rational(1, m)]])) for m in range(1, order + 2)]
    passes = [Definition(H(1, n), weights[0](n)), Definition(B(depth, n), weights[-1](n))]
    passes += [Definition(H(l, n), _product(weights[l - 1], _of(H, l - 1))) for l in range(2, depth + 1)]
    passes += [Definition(B(l, n), _product(_turned(weights[l]), _of(B, l + 1))) for l in range(depth - 1, 0, -1)]
    predictor = _product(_turned(_of(B, depth)), _of(H, depth))
    passes += [Definition(A(n), predictor), Definition(E(n), Y(n) - A(n))]
    passes += [Definition(D(l, n), _product(_of(B, l), E)) for l in range(1, depth + 1)]
    moves = [D(1, n), *(_product(_of(D, l), _turned(_of(H, l - 1))) for l in range(2, depth + 1))]
    moves.append(_product(_of(H, depth), E))
    passes += [Definition(x(n + 1), Entry(r(n + 1), 0, 0) * v) for x, v in zip(weights, moves, strict=True)]
    output = sp.Add(*(Entry(A(m), 0, 0) * tau**m for m in range(order + 1)))
    return StraightLine([*first, *target, *inverse, Loop(n, 0, order, passes)], output)


Series = Callable[[sp.Expr], sp.Expr]


def _product(x: Series, y: Series) -> sp.Expr:
    """The n-th coefficient of a product of series."""
    return sp.Sum(x(j) * y(n - j), (j, 0, n))


def _turned(x: Series) -> Series:
    return lambda m: Transposed(x(m))


def _of(family: Callable[..., Block], layer: int) -> Series:
    return lambda m: family(layer, m)


def _columns(name: str, widths: tuple[int, ...]) -> Callable[..., Block]:
    return lambda layer, m: Block(f"{name}_{layer}", (m,), (widths[layer - 1], 1))


def _hidden(widths: tuple[int, ...]) -> list[Series]:
    """The series of the hidden matrices, from the second layer on."""

    def matrix(layer: int) -> Series:
        return lambda m: Block(f"M_{layer}", (m,), (widths[layer - 1], widths[layer - 2]))

    return [matrix(layer) for layer in range(2, len(widths) + 1)]


def _collect(expr: sp.Expr) -> sp.Expr:
    """The coefficients of the powers of tau, in factors."""
    return sp.Add(*(sp.factor(c) * tau**power for (power,), c in sp.Poly(expr, tau).terms()))


collected = Rule("powers of tau", HERE, "The coefficients of the powers of time, in factors.", _collect)


def _fits(depth: int, order: int) -> bool:
    """Whether a program is short enough; from three layers on, the forest doubles with every few levels."""
    cut = needed_depth(depth, order)
    if order > MOST_ORDER or (depth > 2 and cut > DEEPEST):
        return False
    w = Forest(depth, cut, 1, 1).widths
    return sum(a * b for a, b in pairwise((1, *w, 1))) <= MOST_ENTRIES


def _check_order(depth: int, order: int) -> None:
    check_size(depth=depth, order=order)
    if not _fits(depth, order):
        most = max((m for m in range(1, MOST_ORDER + 1) if _fits(depth, m)), default=0)
        wanted = f"an order of at most {most} at this depth" if most else "fewer layers"
        raise DomainError(f"a series of order {order} at depth {depth}", wanted, "gradient_flow, for numbers")

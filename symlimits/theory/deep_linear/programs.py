r"""The recursion with its data as numbers: programs whose outputs statements speak of, and their values.

A program binds $\eta$, $\Sigma_{xx}$ and $\Sigma_{yx}$ to exact rationals; floats count as the decimals that they print
as. Its sweep is exact while fractions are short, and else rounded to thirty digits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp

from symlimits.derivation.trace import Rule
from symlimits.language.block import Block, Entry, Numbers, Transposed, blocks
from symlimits.language.straight_line import Definition, Loop, StraightLine
from symlimits.reading.rings import RATIONALS, digits
from symlimits.reading.straight_line import run
from symlimits.theory.deep_linear.recursion import Families, eta, recursion, t, u, v

SHORT = 10**12  # numerators and denominators up to this are written out
DIGITS = 30  # of what has longer ones
GUARD = 30  # digits more to sweep with, since definitions may cancel
n, variance = sp.Symbol("n", integer=True), sp.Symbol("V", positive=True)
tau, tau_prime = sp.symbols("tau tauprime", integer=True)


@dataclass(frozen=True)
class BoundRecursion:
    r"""The recursion of T steps, bound to given data, as straight lines: one for each number that is asked for.

    >>> BoundRecursion(1, ((sp.S(1),),), ((sp.S(2),),), sp.Rational(1, 10), 1).predictor((0, 0))
    A[1][0, 0] after 23 definitions
    """

    depth: int
    Sxx: tuple[tuple[sp.Rational, ...], ...]
    Syx: tuple[tuple[sp.Rational, ...], ...]
    lr: sp.Rational
    steps: int

    @property
    def families(self) -> Families:
        """The families of matrices, by name."""
        return Families(len(self.Sxx), len(self.Syx))

    def predictor(self, entry: tuple[int, int]) -> StraightLine:
        """$(A_T)_{ij}$."""
        return StraightLine(self._statements, Entry(self.families.A(self.steps), *entry))

    def neuron(self, layer: int) -> StraightLine:
        r"""The variance of $\sum_i h_l(T)_i + \sum_j b_l(T)_j$: the entries of $\Phi_l$ and $G_l$, twice those of A.

        Times are called tau here: t is the argument of the characteristic function.
        """
        F, T = self.families, self.steps
        forward, backward, mixed = (_entries(B) for B in (F.Phi(layer, T, T), F.G(layer, T, T), F.A(T)))
        whole = Definition(variance, sp.Add(*forward, *backward, *(2 * entry for entry in mixed)))
        return StraightLine([*self._statements, whole], variance).renamed({t: tau, v: tau_prime})

    def increment(self, layer: int, power: int) -> StraightLine:
        r"""$\sum_i\sigma_i^{2p}$ of $M_l(T) - M_l(0)$, by the Grams of what it is made of.

        With $Y_l(t, t') = \eta^2E_t^\top G_l(t, t')E_{t'}$ and $W_1(t, t') = \sum_{u<T}Y_l(t, u)\Phi_{l-1}(u, t')$ it
        is the trace of the power p of $W_1$, over times and inputs.
        """
        F, last, d = self.families, self.steps - 1, len(self.Sxx)
        Y, W = blocks("Y", d, d), blocks("W", d, d)
        moves = eta**2 * Transposed(F.E(t)) * F.G(layer, t, v) * F.E(v)
        first = sp.Sum(Y(layer, t, u) * F.Phi(layer - 1, u, v), (u, 0, last))
        further = sp.Sum(W(n - 1, t, u) * W(1, u, v), (u, 0, last))
        powers = [Loop(n, 2, power, [_over_times(W(n, t, v), further, last)])] if power > 1 else []
        grams = [_over_times(Y(layer, t, v), moves, last), _over_times(W(1, t, v), first, last), *powers]
        trace = sp.Sum(sp.Add(*(Entry(W(power, t, t), i, i) for i in range(d))), (t, 0, last))
        return StraightLine([*self._statements, *grams], trace)

    @property
    def _statements(self) -> list[Any]:
        F, data = self.families, (self.Sxx, self.Syx)
        given = zip((F.Sigma_xx(), F.Sigma_yx()), map(Numbers, data), strict=True)
        line = recursion(self.depth, self.steps, F.d, F.k)
        return [Definition(eta, self.lr), *(Definition(*pair) for pair in given), *line.statements]


def value(line: StraightLine) -> sp.Rational:
    """The output of a program: an exact rational while it is short, else the decimal of thirty digits.

    >>> value(BoundRecursion(1, ((sp.S(1),),), ((sp.S(2),),), sp.Rational(1, 10), 2).predictor((0, 0)))
    2322/3125
    """
    try:
        found = run(line, _SHORT, {})[line.output]
        return sp.Rational(int(found.numerator), int(found.denominator))
    except _LongFraction:
        found = run(line, digits(DIGITS + GUARD), {})[line.output]
        return sp.Rational(mp.nstr(found, DIGITS))


class _LongFraction(Exception):
    """A fraction that no page would hold."""


def _settled(element: Any) -> Any:
    for number in element.flat if isinstance(element, np.ndarray) else [element]:
        if max(abs(number.numerator), number.denominator) > SHORT:
            raise _LongFraction
    return element


def _swept(expr: sp.Expr) -> sp.Expr:
    """The programs in an expression as their values."""
    return expr.xreplace({line: value(line) for line in expr.atoms(StraightLine)})


def _entries(block: Block) -> list[sp.Expr]:
    rows, columns = block.shape
    return [Entry(block, i, j) for i in range(rows) for j in range(columns)]


def _over_times(target: Block, expression: sp.Expr, last: int) -> Loop:
    return Loop(t, 0, last, [Loop(v, 0, last, [Definition(target, expression)])])


_SHORT = replace(RATIONALS, settle=_settled)
swept = Rule(
    "sweep over numbers", "derived here", "The statements are done in their order, exactly or to 30 digits.", _swept
)

"""A program read over series in powers of the width, instruction by instruction."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import sympy as sp
from scipy import stats

from symlimits.derivation.calculus import Calculus, one_monomial
from symlimits.derivation.coordinates import ONE, Applied, Coordinates, Drawn
from symlimits.derivation.drawn_networks import WIDTHS, WIDTHS_OF_MATRICES, Networks
from symlimits.derivation.formula_series import Formulas
from symlimits.derivation.generic_numbers import Array, Indeterminates
from symlimits.derivation.n_series import Precision, Series
from symlimits.derivation.tails_of_programs import Signs
from symlimits.language.tensor_program import Apply, Formula, Gaussian, Initial, Map, Mean, Program, Trained

ALPHA = 1e-6  # that a coefficient which is zero is taken for another, in all attempts
FLOOR = 1e-7  # below it a coefficient is rounding: its terms are of order one
ATTEMPTS = range(4)  # three at the first width, one at the second
COORDINATES = 16  # of a vector that are looked at
SEED = 1


class Reading:
    """A program at one precision: `series(place)` is that of an instruction."""

    def __init__(self, program: Program, calculus: Calculus) -> None:
        self.program, self.calculus = program, calculus
        self.formula = Formulas(calculus, self._value, Signs(program))
        self._known: dict[int, Series] = {}

    def series(self, place: int) -> Series:
        """The series of an instruction."""
        for earlier in self.program.needed([place]):
            if earlier not in self._known:
                self._known[earlier] = self._read(earlier)
        return self._known[place]

    def _value(self, symbol: sp.Symbol) -> Series | None:
        place = self.program.places.get(symbol)
        return None if place is None else self._known[place]

    def _read(self, place: int) -> Series:
        match self.program.instructions[place]:
            case Gaussian(_, variance):
                drawn = self.calculus.coordinates.single(Drawn(place))
                return self.calculus.times(self._root(variance), one_monomial(drawn))
            case Apply(matrix, vector, transposed):
                initial = self.program.matrices[matrix]
                assert isinstance(initial, Initial)
                return self.calculus.times(self._root(initial.variance), self._applied(matrix, transposed, vector))
            case Trained(_, _, _, expansion):
                return self._known[expansion]
            case Mean(expr):
                return self.calculus.mean(self.formula(expr))
            case Map(expr) | Formula(expr):
                return self.formula(expr)

    def _root(self, variance: sp.Expr) -> Series:
        return self.formula(sp.powdenest(sp.sqrt(variance), force=True))

    def _applied(self, matrix: int, transposed: bool, vector: int) -> Series:
        """Level by level; the operator norm is of order one, and so is what it does to the remainder."""
        single, value = self.calculus.coordinates.single, self._known[vector]
        levels = {
            q: {single(Applied(matrix, transposed, monomial)): number for monomial, number in level.items()}
            for q, level in value.levels.items()
        }
        return Series(levels, value.remainder)

    def is_nonzero(self, place: int) -> bool:
        """Whether the leading coefficient is told from zero: independent estimates agree on what it is somewhere."""
        networks, series = self.calculus.networks, self.series(place)
        assert networks is not None
        value = np.zeros((1, 1, 1))
        for monomial, number in series.levels[Fraction(series.top)].items():
            assert number.values is not None
            seen = np.ones((1, 1, 1)) if monomial == ONE else networks.arrays(monomial)[1][:, :, :COORDINATES]
            value = value + number.values[:, :, None] * seen
        return told_from_zero(value.reshape(len(value), -1))


def reading(program: Program, targets: Sequence[int], precision: Precision, attempt: int | None = None) -> Reading:
    """A reading with indeterminates of its own; with an attempt, of ATTEMPTS, on samples and parameters of its own."""
    rng = np.random.default_rng((SEED, attempt or 0))
    parameters = {s: float(rng.uniform(0.5, 1.5)) for s in sorted(program.parameters(targets), key=str)}
    coordinates, networks = Coordinates(), None
    if attempt is not None:
        has_matrices = any(isinstance(program.instructions[place], Apply) for place in program.needed(targets))
        width = (WIDTHS_OF_MATRICES if has_matrices else WIDTHS)[attempt // 3]
        networks = Networks(coordinates, parameters, width, attempt, rng)
    unknown = Indeterminates(SEED if attempt is None else SEED + 1 + attempt)
    return Reading(program, Calculus(coordinates, precision, unknown, parameters, networks))


def told_from_zero(estimates: Array) -> bool:
    """Student's test of each column, with a share of ALPHA for all of them together; one row is a value without error.

    >>> told_from_zero(np.array([[1.0], [1.1], [0.9]] * 5)), told_from_zero(np.array([[1.0], [-1.1], [0.2]] * 5))
    (True, False)
    """
    middle = np.abs(estimates.mean(axis=0))
    if len(estimates) == 1:
        return bool((middle > FLOOR).any())
    error = estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates))
    limit = stats.t.isf(ALPHA / 2 / len(ATTEMPTS) / estimates.shape[1], len(estimates) - 1)
    return bool((middle > np.maximum(limit * error, FLOOR)).any())

r"""What the engine says of a deep linear network trained on data: every parameter by reverse mode, step by step.

$A_{ij} = \frac1n v_i\cdot W_L\cdots W_2u_j$ and $R = \frac12\operatorname{tr}A\Sigma_{xx}A^\top -
\operatorname{tr}A\Sigma_{yx}^\top$ are scalars of the program; no backward pass is written. The recursion of
deep linear networks takes no expectation, and the engine knows no recursion.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp

from symlimits.certify.certificate import Link
from symlimits.certify.general import check_general, unreached
from symlimits.derivation.master import limit_lines
from symlimits.errors import FormulaError, NoRule
from symlimits.language.domain import Point
from symlimits.language.program_handles import Matrix, Scalar, Vector
from symlimits.limits import Limit
from symlimits.reading.reference import reference
from symlimits.theory.programs.tensor_program import TensorProgram

KIND = "predictor by its program"
MOST_STEPS = {1: 4, 2: 3, 3: 2}  # by depth: a second or two
MOST_ENTRIES = 4  # of the predictor
DIGITS, TOLERANCE = 30, 1e-12  # of values of order one; both sides are exact, or have 25 digits
Rows = tuple[tuple[sp.Rational, ...], ...]


@dataclass(frozen=True)
class PredictorProgram:
    """The engine beside an entry of the predictor after some steps, for data with given second moments."""

    depth: int
    Sxx: Rows
    Syx: Rows
    lr: sp.Rational
    steps: int
    entry: tuple[int, int]

    def bind(self, _given: Point) -> PredictorProgram:
        """The same: the data are numbers."""
        return self

    def record(self) -> dict[str, Any]:
        """The network as JSON, for a certificate; `from_record` reads it."""
        data = {name: [list(map(str, row)) for row in getattr(self, name)] for name in ("Sxx", "Syx")}
        named = {"depth": self.depth, "lr": str(self.lr), "steps": self.steps, "entry": list(self.entry)}
        return {"kind": KIND, **data, **named}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> PredictorProgram:
        """The engine of a record; `FormulaError` for what is none."""
        try:
            Sxx, Syx = (tuple(tuple(map(sp.Rational, row)) for row in record[name]) for name in ("Sxx", "Syx"))
            (i, j), depth, steps = map(int, record["entry"]), int(record["depth"]), int(record["steps"])
            lr = sp.Rational(record["lr"])
            square = all(len(row) == len(Sxx) for row in (*Sxx, *Syx))
            if not (square and 0 <= i < len(Syx) and 0 <= j < len(Sxx) and depth > 0 <= steps and lr > 0):
                raise ValueError
            return cls(depth, Sxx, Syx, lr, steps, (i, j))
        except (KeyError, TypeError, ValueError):
            raise FormulaError("a program with parts missing", "what PredictorProgram.record writes", KIND) from None

    def link(self, limit: Limit, point: Point) -> Link:
        """The last line against the program's."""
        if self.steps > MOST_STEPS.get(self.depth, 0) or len(self.Sxx) * len(self.Syx) > MOST_ENTRIES:
            reached = ", ".join(f"{steps} of depth {depth}" for depth, steps in MOST_STEPS.items())
            given = f"{self.steps} steps of depth {self.depth}, {len(self.Syx)} outputs of {len(self.Sxx)} inputs"
            return unreached(f"{given}; the engine is asked for steps up to {reached}, and {MOST_ENTRIES} entries")
        try:
            general = predictor_value(self)
        except NoRule as refusal:
            return unreached(refusal.given)
        what = f"the predictor of depth {self.depth} after {self.steps} steps"
        special = float(reference(limit.expr, point, DIGITS))
        return check_general(special, float(general), TOLERANCE, what)


@lru_cache(maxsize=16)
def predictor_value(asked: PredictorProgram, transpose_correction: bool = True) -> Any:
    """The limit of the entry: all its definitions are numbers.

    >>> float(predictor_value(PredictorProgram(1, ((sp.S(1),),), ((sp.S(2),),), sp.Rational(1, 10), 1, (0, 0)))) == 0.4
    True
    """
    tp = TensorProgram()
    columns, readouts = (
        [tp.gaussian(f"{x}_{i}") for i in range(len(of))] for x, of in (("u", asked.Sxx), ("v", asked.Syx))
    )
    parameters: list[Any] = [*columns, *(tp.matrix(f"W_{layer}") for layer in range(2, asked.depth + 1)), *readouts]
    for _ in range(asked.steps):
        gradients = tp.gradient(_risk(tp, asked, parameters), *parameters)
        parameters = [x - asked.lr * g for x, g in zip(parameters, gradients, strict=True)]
    place = _predictor(tp, asked, parameters)[asked.entry].place
    return reference(limit_lines(tp.program, place, transpose_correction)[-1].expr, digits=DIGITS)


def _predictor(tp: TensorProgram, asked: PredictorProgram, parameters: list[Any]) -> dict[tuple[int, int], Scalar]:
    """The entries of A, by their places."""
    d, k = len(asked.Sxx), len(asked.Syx)
    columns, matrices, readouts = parameters[:d], parameters[d:-k], parameters[-k:]
    h = [_applied(matrices, u) for u in columns]
    return {(i, j): tp.mean(v * h[j]) for i, v in enumerate(readouts) for j in range(d)}


def _applied(matrices: list[Matrix], u: Vector) -> Vector:
    for W in matrices:
        u = W @ u
    return u


def _risk(tp: TensorProgram, asked: PredictorProgram, parameters: list[Any]) -> Scalar:
    A = _predictor(tp, asked, parameters)
    entries = sp.Matrix(len(asked.Syx), len(asked.Sxx), lambda i, j: A[i, j].symbol)
    quadratic, linear = entries * sp.Matrix(asked.Sxx) * entries.T / 2, entries * sp.Matrix(asked.Syx).T
    risk = tp.map(lambda *_: sp.expand((quadratic - linear).trace()), *A.values())
    assert isinstance(risk, Scalar)
    return risk

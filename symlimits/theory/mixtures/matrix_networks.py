"""Experiments for laws of several outputs: full random networks, and the triangular factors of deep ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import DomainError, FormulaError
from symlimits.finite.deep_linear import DeepLinear, input_root
from symlimits.language.domain import Point
from symlimits.language.names import shown
from symlimits.language.tree import from_tree, to_tree
from symlimits.theory.mixtures.mixing import MixingLaw

Array = npt.NDArray[np.float64]
BATCH = 64  # full networks a call
ROOM = 2**24  # random numbers of one size
FACTORS = 1024  # networks a call where only triangular factors are drawn
KIND = "networks of several outputs"
MOST_OUTPUTS = 64  # that a file may ask for


def outputs(
    widths: Sequence[int], dimension: int, count: int, covariance: Array, inputs: int, rng: np.random.Generator
) -> Array:
    """The D = `dimension` outputs of `count` networks, every weight drawn: an array (count, D, P).

    The P inputs, with products N_0 K, lie in general position in `inputs` = N_0 dimensions.
    """
    root = input_root(covariance)
    if inputs < len(root):
        given = f"inputs of rank {len(root)} in {inputs} dimensions"
        raise DomainError(given, "as many dimensions", f"sizes from {len(root)} on")
    frame = np.linalg.qr(_generic(inputs, len(root)))[0]
    h = np.broadcast_to(sqrt(inputs) * frame @ root, (count, inputs, root.shape[1]))
    for rows in (*widths, dimension):
        columns = h.shape[1]
        h = rng.standard_normal((count, rows, columns)) @ h / sqrt(columns)
    return np.asarray(h)


@dataclass(frozen=True, eq=False)
class Directions:
    r"""Arguments T (D, P) of a characteristic function, in general position with given singular values of TK^(1/2)."""

    outputs: int
    covariance: Array

    def __post_init__(self) -> None:
        if np.linalg.matrix_rank(self.covariance, hermitian=True) < len(self.covariance):
            raise DomainError("a singular covariance", "one of full rank", "inputs that are linearly independent")

    def at(self, values: Sequence[float]) -> Array:
        """T (D, P) such that the eigenvalues of $TKT^\top$ are the squares of `values`, and zero."""
        left, right = (np.linalg.qr(_generic(size, len(values)))[0] for size in (self.outputs, len(self.covariance)))
        root = np.linalg.cholesky(self.covariance)
        return np.asarray(np.linalg.solve(root.T, right * np.asarray(values) @ left.T).T)


def _generic(rows: int, columns: int) -> Array:
    """A fixed matrix in general position."""
    i, j = np.indices((rows, columns)) + 1.0
    return np.asarray(np.cos(i * j) + np.sin(2.0 * i + j))


@dataclass(frozen=True, eq=False)
class PlaneExperiment:
    r"""Draws of $\operatorname{tr}T^\top S$, T with the singular values 1 and r after whitening.

    At finite `widths` of full networks, and the size is the input dimension, on which the law does not depend. With
    `ratio` a the networks have width N = size and depth aN; every weight of so many layers would be N^3 numbers a
    draw, so that the triangular factors are drawn, whose products are the outputs in law at every N.
    """

    directions: Directions
    widths: tuple[int, ...] | None
    ratio: sp.Expr | None
    r: sp.Expr | None = None

    @property
    def mixing(self) -> MixingLaw:
        """The law of Q."""
        return MixingLaw(self.widths, self.ratio)

    def at(self, point: Point) -> PlaneExperiment:
        """The same at a point with a value for r, or already bound."""
        return self.bind(point)

    def bind(self, given: Point) -> PlaneExperiment:
        """The same with a value for r or a."""
        by_name = {symbol.name: value for symbol, value in given.items()}
        ratio = self.ratio if self.ratio is None else self.ratio.subs(given)
        return PlaneExperiment(self.directions, self.widths, ratio, by_name.get("r", self.r))

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        if self.r is None:
            raise DomainError("an experiment without r", "a ratio of singular values", ".bind(r='1/2')")
        T, K = self.directions.at((1.0, float(self.r))), self.directions.covariance
        if self.widths is not None:
            S = outputs(self.widths, len(T), BATCH, K, size, rng)
        else:
            S = DeepLinear((size,) * self._depth(size), len(T), K).draws(FACTORS, rng)
        return np.asarray(np.einsum("ndp,dp->n", S, T))

    def wanted(self, size: int) -> int:
        """Networks of one size: as many as some seconds draw, by the random numbers of one network."""
        if self.widths is None:
            return max(2**14, min(2**17, ROOM // self._numbers(size)))
        return max(2**12, min(2**16, ROOM // self._numbers(size)))

    def work(self, size: int, rounds: int | None = None) -> float:
        """The random numbers of a certificate at one size; of a run until decided, by its rounds."""
        chunk = FACTORS if self.widths is None else BATCH
        return float(chunk * (rounds + 1) if rounds else self.wanted(size)) * self._numbers(size)

    def record(self) -> dict[str, Any]:
        """The networks as JSON, for a certificate; `from_record` reads it."""
        asked = {"outputs": self.directions.outputs, "covariance": self.directions.covariance.tolist()}
        place = {name: None if x is None else to_tree(x) for name, x in (("ratio", self.ratio), ("r", self.r))}
        return {"kind": KIND, **asked, "widths": None if self.widths is None else list(self.widths), **place}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> PlaneExperiment:
        """The networks of a record; `FormulaError` for what is none.

        >>> pair = PlaneExperiment(Directions(2, np.eye(2)), (5, 3), None)
        >>> PlaneExperiment.from_record(pair.record()).record() == pair.record()
        True
        """
        try:
            outputs, widths = record["outputs"], record["widths"]
            covariance = np.array(record["covariance"], dtype=np.float64)
            ratio, r = (None if record[name] is None else from_tree(record[name]) for name in ("ratio", "r"))
            symmetric = covariance.ndim == 2 and np.isfinite(covariance).all() and (covariance == covariance.T).all()
            known = widths is None or all(type(width) is int and width > 0 for width in widths)
            numbers = all(x is None or (isinstance(x, sp.Expr) and x.is_number and x.is_positive) for x in (ratio, r))
            one = (widths is None) != (ratio is None)
            if not (type(outputs) is int and 0 < outputs <= MOST_OUTPUTS and symmetric and known and numbers and one):
                raise ValueError
            np.linalg.cholesky(covariance)
        except (KeyError, TypeError, ValueError, np.linalg.LinAlgError):
            given = f"networks of {shown(record.get('outputs'))} outputs, {shown(record.get('widths'))} wide"
            raise FormulaError(given, "what PlaneExperiment.record writes", "a certificate of this version") from None
        return cls(Directions(outputs, covariance), widths if widths is None else tuple(widths), ratio, r)

    def _numbers(self, size: int) -> int:
        """How many random numbers one network takes."""
        if self.widths is None:
            return 4 * self._depth(size)
        return sum(rows * columns for rows, columns in pairwise((size, *self.widths, self.directions.outputs)))

    def _depth(self, size: int) -> int:
        depth = sp.sympify(self.ratio) * size
        if not depth.is_Integer:
            wanted = "widths times the ratio that are integers"
            raise DomainError(f"depth {depth} at width {size}", wanted, "other sizes")
        return int(depth)

"""The random networks that an output law speaks of, as experiments of certificates.

At fixed widths every weight is drawn. In the limit the networks of width N and depth aN are drawn by samplers exact in
law: triangular factors for linear layers (`finite/deep_linear.py`), numbers of positive units and chi squares for ReLU
layers (`mixing.py`). Both are held against full networks by the tests of these modules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import DomainError, FormulaError
from symlimits.finite.deep_linear import DeepLinear
from symlimits.language.domain import Point
from symlimits.language.names import shown
from symlimits.language.tree import from_tree, to_tree
from symlimits.theory.mixtures.mixing import MixingLaw

Array = npt.NDArray[np.float64]
BATCH, LIMIT_BATCH = 64, 2**12  # draws a call
LIMIT_DRAWS = 2**16  # networks of a size, which a law's bounded functionals can use
ADVICE = "a certificate of this version"


def outputs(
    widths: Sequence[int], inputs: int, K: float, rectified: bool, count: int, rng: np.random.Generator
) -> Array:
    """One output of `count` networks on an input of |x|^2/N_0 = K: an array (count,).

    ReLU layers have He weights: variance 2 behind a layer that is rectified.
    """
    h = np.full((count, inputs, 1), sqrt(K))
    for layer, rows in enumerate((*widths, 1)):
        columns, gain = h.shape[1], 2.0 if rectified and layer else 1.0
        h = sqrt(gain / columns) * (rng.standard_normal((count, rows, columns)) @ h)
        if rectified and layer < len(widths):
            h = np.maximum(h, 0.0)
    return h[:, 0, 0]


@dataclass(frozen=True)
class Networks:
    """Networks of fixed widths; the size is the input dimension, on which the law does not depend."""

    widths: tuple[int, ...]
    K: sp.Expr
    rectified: bool = False

    @property
    def mixing(self) -> MixingLaw:
        """The law of q."""
        return MixingLaw(self.widths, None, self.rectified)

    def bind(self, given: Point) -> Networks:
        """The same networks with a number for a symbol in K."""
        return replace(self, K=self.K.subs(given, simultaneous=True))

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        return outputs(self.widths, size, float(self.K), self.rectified, BATCH, rng)

    def wanted(self, size: int) -> int:
        """Networks of one size."""
        return max(2**12, min(2**15, 2**23 // size))

    def work(self, size: int, rounds: int | None = None) -> float:
        """The random numbers of a certificate at one size; of a run until decided, by its rounds."""
        shapes = zip((size, *self.widths), (*self.widths, 1), strict=True)
        return float(BATCH * (rounds + 1) if rounds else self.wanted(size)) * sum(m * n for m, n in shapes)

    def record(self) -> dict[str, Any]:
        """The networks as JSON, for a certificate; `from_record` reads it."""
        named = {"widths": list(self.widths), "K": to_tree(self.K), "rectified": self.rectified}
        return {"kind": "output networks", **named}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Networks:
        """The networks of a record; `FormulaError` for what is none.

        >>> Networks.from_record(Networks((5, 3), sp.Integer(2)).record())
        Networks(widths=(5, 3), K=2, rectified=False)
        """
        widths = record.get("widths")
        known = isinstance(widths, list) and all(type(width) is int and width > 0 for width in widths)
        if not known:
            raise FormulaError(f"networks of widths {shown(widths)}", "a list of positive integers", ADVICE)
        return cls(tuple(widths or ()), _positive(record, "K"), _rectified(record))


@dataclass(frozen=True)
class LimitNetworks:
    """Networks of width N = size and depth a N, drawn exactly in law: the dimension of the input plays no part."""

    ratio: sp.Expr
    K: sp.Expr
    rectified: bool = False

    @property
    def mixing(self) -> MixingLaw:
        """The law of q in the limit."""
        return MixingLaw(None, self.ratio, self.rectified)

    def bind(self, given: Point) -> LimitNetworks:
        """The same networks with numbers for symbols in the ratio and in K."""
        ratio, K = (expr.subs(given, simultaneous=True) for expr in (self.ratio, self.K))
        return replace(self, ratio=ratio, K=K)

    def depth(self, size: int) -> int:
        """a N; `DomainError` where it is no integer."""
        depth = self.ratio * size
        if not depth.is_Integer:
            given = f"depth {depth} at width {size}"
            raise DomainError(given, "widths times the ratio that are integers", "other sizes")
        return int(depth)

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        widths = (size,) * self.depth(size)
        if self.rectified:
            scales = MixingLaw(widths, None, True).sample(LIMIT_BATCH, rng)
            return np.sqrt(float(self.K) * scales) * rng.standard_normal(LIMIT_BATCH)
        return DeepLinear(widths, 1, ((float(self.K),),)).draws(LIMIT_BATCH, rng)[:, 0, 0]

    def wanted(self, _size: int) -> int:
        """Networks of one size, the same for every size: their cost grows with the depth alone."""
        return LIMIT_DRAWS

    def work(self, size: int, rounds: int | None = None) -> float:
        """The random numbers of a certificate at one size; of a run until decided, by its rounds."""
        return float(LIMIT_BATCH * (rounds + 1) if rounds else LIMIT_DRAWS) * (2 * self.depth(size) + 1)

    def record(self) -> dict[str, Any]:
        """The networks as JSON, for a certificate; `from_record` reads it."""
        named = {"ratio": to_tree(self.ratio), "K": to_tree(self.K), "rectified": self.rectified}
        return {"kind": "output networks in the limit", **named}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> LimitNetworks:
        """The networks of a record; `FormulaError` for what is none.

        >>> LimitNetworks.from_record(LimitNetworks(sp.Rational(1, 2), sp.Integer(2)).record())
        LimitNetworks(ratio=1/2, K=2, rectified=False)
        """
        return cls(_positive(record, "ratio"), _positive(record, "K"), _rectified(record))


def _positive(record: dict[str, Any], name: str) -> sp.Expr:
    value = from_tree(record.get(name))
    if not (isinstance(value, sp.Expr) and value.is_number and value.is_finite and value.is_positive):
        raise FormulaError(f"networks with {name} = {shown(value)}", "a positive number", ADVICE)
    return value


def _rectified(record: dict[str, Any]) -> bool:
    if not isinstance(record.get("rectified"), bool):
        raise FormulaError(f"networks with rectified = {shown(record.get('rectified'))}", "true or false", ADVICE)
    return bool(record["rectified"])

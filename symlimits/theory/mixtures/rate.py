r"""How fast networks approach the proportional limit: the power of 1/N, and the coefficient before it.

With $M_N(u) = M(u)(1 + D_1(u)/N + D_2(u)/N^2 + \dots)$ at depth aN (`expansion`), and $z\partial_z$ in place of $-w$,
$$\varphi_N(t) - \varphi(t) = \frac1N\,\mathbb E\big[D_1(z\partial_z)e^{-zq}\big] + O(N^{-2}),\qquad z = Kt^2/2.$$
Both sides are numbers that are known exactly: the certificate of the power is drawn over t alone. Derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.chain import Derivation
from symlimits.derivation.mellin import derive, mellin_inversion, v
from symlimits.derivation.one_line import one_line
from symlimits.derivation.trace import Step
from symlimits.errors import DomainError, FormulaError
from symlimits.language.domain import POSITIVE, Domain
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.names import shown
from symlimits.language.tree import from_tree, to_tree
from symlimits.limits import Limit
from symlimits.theory.mixtures.expansion import HIGHEST, checked_order, coefficient, expanded_laplace, u
from symlimits.theory.mixtures.mixing import MixingLaw
from symlimits.theory.mixtures.networks import LimitNetworks
from symlimits.theory.mixtures.scale_mixture import ScaleMixture

Array = npt.NDArray[np.float64]
SOURCE = "derived here"
POINTS, RANGE = 4, (0.1, 10.0)  # of t, evenly in its logarithm, from a start that is drawn
DRAWS, CALLS = 128, 8  # gaps a call, and calls of one size: no more, which would see terms past those that are fitted
t = sp.Symbol("t", positive=True)


@dataclass(frozen=True)
class Gaps:
    r"""$|\varphi_N(t) - \varphi^{(k)}(t)|$ at width N = size and depth aN, mean over some t, with k corrections."""

    ratio: sp.Expr
    kept: int
    rectified: bool = False

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        depth = LimitNetworks(self.ratio, sp.S.One).depth(size)
        low, high = np.log(RANGE)
        places = (np.arange(POINTS) + rng.random((DRAWS, 1))) / POINTS
        z = np.exp(2 * (low + (high - low) * places)) / 2
        widths = (size,) * depth
        gaps = _mixture(widths, self.rectified).laplace(z) - expanded_laplace(widths, self.kept, self.rectified, z)
        return np.abs(gaps).mean(axis=1)

    def wanted(self, _size: int) -> int:
        """Draws of one size."""
        return CALLS * DRAWS

    @property
    def mixing(self) -> MixingLaw:
        """The law of q in the limit."""
        return MixingLaw(None, self.ratio, self.rectified)

    def work(self, size: int, _rounds: int | None = None) -> float:
        """Numbers of a certificate at one size: the layers, and points of t."""
        return float(max(LimitNetworks(self.ratio, sp.S.One).depth(size), 1)) * self.wanted(size) * POINTS

    def record(self) -> dict[str, Any]:
        """The gaps as JSON, for a certificate; `from_record` reads it."""
        named = {"ratio": to_tree(self.ratio), "kept": self.kept, "rectified": self.rectified}
        return {"kind": "gaps of an output law", **named}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Gaps:
        """The gaps of a record; `FormulaError` for what is none."""
        ratio, kept, rectified = from_tree(record.get("ratio")), record.get("kept"), record.get("rectified")
        known = isinstance(ratio, sp.Rational) and 0 < ratio <= 100
        if not known or not isinstance(rectified, bool) or type(kept) is not int or not 0 <= kept < HIGHEST:
            given = f"gaps of {shown(ratio)}, {shown(kept)}, {shown(rectified)}"
            raise FormulaError(given, "a ratio, a number of corrections, true or false", "a certificate")
        return cls(ratio, kept, rectified)


@lru_cache(maxsize=16)
def _mixture(widths: tuple[int, ...], rectified: bool) -> ScaleMixture:
    return ScaleMixture(MixingLaw(widths, None, rectified), 1)


def rate(mixing: MixingLaw, kept: object) -> Limit:
    """The power of the width that the gap falls like, with `kept` corrections: minus the first order left out."""
    _proportional(mixing)
    kept = checked_order(kept, HIGHEST - 1)
    first = next(j for j in range(kept + 1, HIGHEST + 1) if coefficient(j, mixing.spread, mixing.rectified) != 0)
    trace = (Step(sp.Integer(-first), "first term of the expansion in 1/N that is left out and not zero", SOURCE),)
    gaps = Gaps(mixing.spread * sp.Rational(2, 5) if mixing.rectified else mixing.spread, kept, mixing.rectified)
    words = f"gap of the characteristic function with corrections up to order {kept}, mean over some $t$"
    regime = "width $n$ and depth $L = an$ to infinity"
    return Limit(trace, Domain({}), (), r"e_{\varphi}", SOURCE, gaps, words, regime, "exponent", 1)


def leading_gap(mixing: MixingLaw, K: sp.Expr, order: object = 1) -> Derivation:
    r"""$\lim N^k(\varphi_N - \varphi^{(k - 1)})$ at order k: the coefficient before $N^{-k}$, as a function of t."""
    _proportional(mixing)
    k = checked_order(order, HIGHEST)
    z, q = sp.Symbol("z", positive=True), sp.Symbol("q", positive=True)
    polynomial = sp.Poly(coefficient(k, mixing.spread, mixing.rectified), u) if k else sp.Poly(1, u)
    waves, total = sp.exp(-z * q), sp.S.Zero
    for c in reversed(polynomial.all_coeffs()):
        total, waves = total + c * waves, z * waves.diff(z)
    terms = sp.Add.make_args(sp.expand(total).subs({z: t**2 * K / 2, q: sp.exp(v - mixing.spread)}))
    mean = sp.Add(*(GaussianExpectation(term, (v,), [[2 * mixing.spread]]) for term in terms))
    trace = derive(mean, (mellin_inversion, one_line) if len(terms) > 1 else (mellin_inversion,), SOURCE)
    return Derivation(trace, Domain({t: POSITIVE}), (t,), rf"\varphi_{{{k}}}(t)", SOURCE)


def _proportional(mixing: MixingLaw) -> None:
    if mixing.widths is not None:
        raise DomainError("a rate of fixed widths", "a limit", "output_law(ratio=...)")

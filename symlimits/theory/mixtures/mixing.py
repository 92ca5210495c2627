r"""The mixing variable q of one output, or of one input: a product over layers, or its proportional limit.

Linear layers: $q = \prod_l \chi^2_{N_l}/N_l$. ReLU layers, one input, He weights: $q = \prod_l 2\chi^2_{k_l}/N_l$ with
$k_l$ binomial $(N_l, 1/2)$ (Zavatone-Veth and Pehlevan, arXiv 2104.11734). With $\sum_l 1/N_l \to a$ and
$\max_l 1/N_l \to 0$, $\log q \to N(-a', 2a')$, a' = a for linear layers and 5a/2 for ReLU (Bassetti, Ladelli and
Rotondo, arXiv 2411.15267; derived here by `expansion`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp
from mpmath import mp, mpf

from symlimits.derivation.gaussian import mean
from symlimits.derivation.mellin import chi_square_factor, gamma_integrals, layer_factor, w
from symlimits.derivation.terms import Term
from symlimits.errors import DomainError, NoRule
from symlimits.language.integral import LineIntegral
from symlimits.points import generator
from symlimits.reading.line_kernel import Contour, contour, lowered
from symlimits.reading.real import as_real, plain

Array = npt.NDArray[np.float64]
DIGITS = 30  # of logarithms of moments
ACCURACY = 1e-8  # of logarithms of line integrals, absolute near zero: what is less is refused
LOST = 0.1  # a bound of the error from which on nothing is known
_N = sp.Symbol("N", positive=True)


@cache
def _linear_factor() -> sp.Expr:
    """A layer's factor at a symbol N, before numbers: SymPy writes out the factorials in the density of a number."""
    return gamma_integrals.rewrite(chi_square_factor(_N, w))


def needs_numbers(what: str, symbols: Iterable[sp.Symbol]) -> None:
    """`NoRule` where there are symbols that have no number."""
    names = sorted(map(str, symbols))
    if names:
        given, wanted = f"{what} with {names[0]} free", "a number for it"
        raise NoRule(given, wanted, f"output_law(...) with a number in place of {names[0]}")


@dataclass(frozen=True)
class MixingLaw:
    """The law of q: of `widths`, or of the limit with `ratio` (the other is None); `rectified` for ReLU layers.

    >>> q = MixingLaw((5, 3), None)
    >>> q.moment(2), q.moment(-1)
    (7/3, 5)
    """

    widths: tuple[int, ...] | None
    ratio: sp.Expr | None
    rectified: bool = False

    # ------------------------------------------------------------------ its Mellin transform

    def factors(self, u: sp.Expr) -> list[sp.Expr]:
        r"""$\mathbb E q_l^u$ for every layer, as integrals over the densities of chi squares."""
        return [layer_factor(N, p, u) ** count for N, p, count in self.layers]

    @property
    def layers(self) -> list[tuple[sp.Integer, sp.Rational, sp.Integer]]:
        """Units, the probability that one is positive, and how many layers are so: as in a `ProductExpectation`."""
        p = sp.S.Half if self.rectified else sp.S.One
        return [(sp.Integer(N), p, sp.Integer(count)) for N, count in sorted(Counter(self.widths).items())]

    def mellin(self, u: sp.Expr) -> sp.Expr:
        r"""$\mathbb E[q^u; q > 0]$ in Gamma functions, or $e^{a'u(u-1)}$ in the limit."""
        if self.widths is None:
            return sp.exp(-self.spread * u) * mean((Term(sp.S.One, 0, sp.S.Zero, u),), 2 * self.spread)
        if self.rectified:
            closed = sp.Mul(*(gamma_integrals.rewrite(factor) for factor in self.factors(w)))
        else:
            closed = sp.Mul(*(_linear_factor().subs(_N, N) ** count for N, _, count in self.layers))
        return closed.subs(w, u)

    @property
    def spread(self) -> sp.Expr:
        """a': half the variance of log q in the limit."""
        if self.ratio is None:
            raise DomainError("the spread of a law of finite width", "a limit", "output_law(ratio=...)")
        return self.ratio * sp.Rational(5, 2) if self.rectified else self.ratio

    @property
    def lowest(self) -> sp.Expr:
        """The u down to which the transform is finite."""
        if self.widths is None:
            return -sp.oo
        return -sp.Rational(1 if self.rectified else min(self.widths, default=sp.oo), 2) if self.widths else -sp.oo

    @property
    def atom(self) -> float:
        """The probability of q = 0."""
        if not self.rectified or self.widths is None:
            return 0.0
        return float(-np.expm1(np.sum(np.log1p(-(2.0 ** -np.array(self.widths, dtype=np.float64))))))

    def moment(self, u: object) -> sp.Expr:
        """E q^u, exact for integer u; infinite at and below `lowest`."""
        u = sp.nsimplify(sp.sympify(u))
        if (u <= self.lowest) == True:  # noqa: E712 - of a symbol it is undecided
            return sp.oo
        return sp.simplify(self.mellin(u).doit()) if u != 0 else sp.S.One

    def log_moment(self, u: float) -> float:
        """log E[q^u; q > 0] as a float, where the moment itself may be none."""
        if u <= self.lowest:
            return inf
        with mp.workdps(DIGITS):
            if self.widths is None:
                return float(self.spread * sp.Rational(u) * (sp.Rational(u) - 1))
            u = mpf(u)
            return float(sum(n * self._log_factor(N, u) for N, n in Counter(self.widths).items()))

    def _log_factor(self, N: int, u: mpf) -> mpf:
        def ratio(k: int) -> mpf:
            return mp.loggamma(mpf(k) / 2 + u) - mp.loggamma(mpf(k) / 2)

        if not self.rectified:
            return u * mp.log(mpf(2) / N) + ratio(N)
        terms = [mp.binomial(N, k) * mp.exp(ratio(k)) for k in range(1, N + 1)]
        return u * mp.log(mpf(4) / N) - N * mp.log(2) + mp.log(mp.fsum(terms))

    def log_cumulant(self, n: int) -> float:
        r"""The n-th cumulant of log q, given that q > 0: $\sum_l \psi^{(n-1)}(N_l/2) - \delta_{n1}\log(N_l/2)$."""
        with mp.workdps(DIGITS):
            if self.widths is None:
                return float({1: -self.spread, 2: 2 * self.spread}.get(n, 0))
            layers = Counter(self.widths).items()
            return float(mp.diff(lambda u: sum(m * self._log_factor(N, u) for N, m in layers), 0, n))

    # ------------------------------------------------------------------ values

    @cached_property
    def _density(self) -> Contour:
        return self._contour(self.mellin(w), (self.lowest, sp.oo))

    @cached_property
    def _tails(self) -> tuple[Contour, Contour]:
        """P(q > x), and -P(0 < q < x)."""
        integrand = self.mellin(w) / w
        return self._contour(integrand, (0, sp.oo)), self._contour(integrand, (self.lowest, 0))

    def _contour(self, integrand: sp.Expr, strip: tuple[Any, Any]) -> Contour:
        head = LineIntegral(integrand, w, strip)
        return contour(lowered(head), head)

    def log_pdf(self, q: Any) -> Any:
        """The logarithm of the density of q at q > 0 (of its continuous part); broadcasts."""
        logs = np.log(_positive(q))
        if not self.widths and self.ratio is None:
            raise DomainError("the density of q without hidden layers", "hidden layers: q is 1", "widths=(100,)")
        return plain(found(self._density, -logs) - logs)

    def log_pdf_anywhere(self, q: Array) -> Array:
        """The same to be integrated: far out, where it loses its digits, nothing of it counts."""
        logs = np.log(q)
        return found(self._density, -logs, inf) - logs

    def pdf(self, q: Any) -> Any:
        """The density of q at q > 0."""
        return plain(np.exp(self.log_pdf(q)))

    def cdf(self, q: Any) -> Any:
        """P(q <= x) at x > 0, the atom included."""
        logs = np.log(_positive(q))
        if self.widths == ():
            return plain(np.where(logs >= 0, 1.0, 0.0))
        above, below = (found(tail, -logs, inf) for tail in self._tails)
        small = np.exp(np.minimum(below, 0.0))
        return plain(np.where(small < 0.5, self.atom + small, 1.0 - np.exp(np.minimum(above, 0.0))))

    def sample(self, size: int, seed: Any) -> Array:
        """Independent draws (size,), exact in law: one chi square a layer, or one Gaussian."""
        rng = generator(size, seed)
        if self.widths is None:
            needs_numbers("draws", self.spread.free_symbols)
            spread = float(self.spread)
            return np.exp(rng.normal(-spread, np.sqrt(2 * spread), size))
        q = np.ones(size)
        for N in self.widths:
            if self.rectified:
                q *= 4.0 * rng.standard_gamma(0.5 * rng.binomial(N, 0.5, size)) / N
            else:
                q *= 2.0 * rng.standard_gamma(0.5 * N, size) / N
        return q


def found(line: Contour, X: Array, accuracy: float = ACCURACY, least: float = -inf) -> Array:
    """The logarithms of a line integral; `DomainError` where the saddle is too far out to be found, or digits are lost.

    The bound of the error is held against `accuracy`, relative to the logarithm where that is large; `inf` is none.
    What is surely below `least` needs no digits.
    """
    logs, _, error = line(X)
    allowed = inf if accuracy == inf else np.minimum(accuracy * np.maximum(1.0, np.abs(logs)), LOST)
    if np.isnan(logs).any() or ((error > allowed) & (logs + error > least)).any():
        raise DomainError("a point too far out for the line integral", "a nearer one", "the leading term, `law.tail`")
    return logs


def _positive(q: Any) -> Array:
    values: Array = as_real(q, "q")
    if (values <= 0).any():
        raise DomainError("a mixing variable that is not positive", "q > 0", "q=1.0")
    return values

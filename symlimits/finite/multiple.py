"""Many claims in one table: Holm's step-down, which keeps the rate of any false alarm at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError


@dataclass(frozen=True)
class Holm:
    """The adjusted p values, in the order of the table; `rejected` are those at most `alpha`."""

    adjusted: tuple[float, ...]
    alpha: float

    @property
    def rejected(self) -> tuple[bool, ...]:
        """Which claims are rejected: with probability `alpha` at most, any of the true ones is."""
        return tuple(p <= self.alpha for p in self.adjusted)


def holm(p_values: npt.ArrayLike, alpha: float) -> Holm:
    r"""A table of m p values, whatever their dependence.

    With $p_{(1)} \le \dots \le p_{(m)}$ the adjusted ones are
    $\tilde p_{(i)} = \min(1, \max_{j \le i} (m - j + 1) p_{(j)})$. Source: Holm, Scand. J. Statist. 6 (1979).

    >>> holm([0.01, 0.04, 0.03], alpha=0.05)
    Holm(adjusted=(0.03, 0.06, 0.06), alpha=0.05)
    >>> holm([0.01, 0.04, 0.03], alpha=0.05).rejected
    (True, False, False)
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise DataError(
            f"p values {p.tolist()}", "a list of numbers between 0 and 1", "[test.p_value for test in tests]"
        )
    if not 0 < alpha < 1:
        raise DomainError(f"alpha = {alpha}", "a number between 0 and 1", "alpha=1e-6")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(np.arange(p.size, 0, -1) * p[order]))
    return Holm(tuple(adjusted.tolist()), alpha)

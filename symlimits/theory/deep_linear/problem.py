r"""The least-squares problem that a deep linear network is trained on, held at the door.

The risk $R(A) = \frac12 E|y - Ax|^2$ depends on the data by $\Sigma_{xx} = E xx^\top$ and
$\Sigma_{yx} = E yx^\top$ only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.reading.gram_data import as_rows
from symlimits.theory.deep_linear.spectrum import minimiser

MOST = 10**6  # layers, and steps
Floats = npt.NDArray[np.float64]
# Asymmetry and negative eigenvalues up to this, relative to the largest entry or eigenvalue and times d, are rounding.
ROUNDING = 8 * float(np.finfo(np.float64).eps)
RCOND = 64 * float(np.finfo(np.float64).eps)  # times d: below it, relative to the largest, an eigenvalue counts as zero


@dataclass(frozen=True, eq=False)
class Problem:
    r"""$\Sigma_{xx}$ (d, d) and $\Sigma_{yx}$ (k, d); eigenvalues below `rcond` times the largest count as zero.

    Where $\Sigma_{yx}$ has a part outside the range of $\Sigma_{xx}$, the risk has no minimum; `note` says so.
    """

    Sxx: Floats
    Syx: Floats
    rcond: float

    @property
    def projector(self) -> Floats:
        r"""The orthogonal projector $\Pi$ (d, d) onto the range of $\Sigma_{xx}$."""
        values, vectors = np.linalg.eigh(self.Sxx)
        kept = vectors[:, values > self.rcond * values.max(initial=0.0)]
        return np.asarray(kept @ kept.T)

    @property
    def rank(self) -> int:
        r"""The rank of $\Sigma_{xx}$."""
        return round(float(np.trace(self.projector)))

    @property
    def outside(self) -> float:
        r"""The part of $\Sigma_{yx}$ outside the range of $\Sigma_{xx}$, in Frobenius norm, relative to the whole."""
        size = float(np.linalg.norm(self.Syx))
        return float(np.linalg.norm(self.Syx - self.Syx @ self.projector)) / size if size else 0.0

    @property
    def note(self) -> str:
        """What is to be known about the problem; empty if nothing."""
        if self.outside <= self.rcond**0.5:
            return ""
        return f"{self.outside:.2g} of Syx lies outside the range of Sxx: no data have it, and the risk has no minimum"

    def minimiser(self) -> Floats:
        r"""$\Sigma_{yx}\Sigma_{xx}^+$ (k, d), the minimiser of the least norm."""
        return minimiser(self.Sxx, self.Syx, self.rcond)


def problem(Sxx: npt.ArrayLike, Syx: npt.ArrayLike, rcond: float | None = None) -> Problem:
    r"""The problem of $\Sigma_{xx}$ (d, d), symmetric and positive semidefinite, and $\Sigma_{yx}$ (k, d).

    Raises `DataError` for shapes and entries that are none of such matrices, `DomainError` for an asymmetric
    $\Sigma_{xx}$, a negative eigenvalue, and an `rcond` outside of [0, 1).

    >>> problem([[1.0, 0.0], [0.0, 0.0]], [[2.0, 0.5]]).note
    '0.24 of Syx lies outside the range of Sxx: no data have it, and the risk has no minimum'
    """
    Sxx, Syx = as_rows(Sxx, "Sxx"), as_rows(Syx, "Syx")
    d = Sxx.shape[1]
    if Sxx.shape != (d, d) or Syx.shape[1] != d:
        given = f"Sxx of shape {Sxx.shape} and Syx of shape {Syx.shape}"
        raise DataError(given, "shapes (d, d) and (k, d)", "Sxx = X.T @ X / n and Syx = Y.T @ X / n")
    asymmetry, size = np.abs(Sxx - Sxx.T).max(), np.abs(Sxx).max()
    if asymmetry > ROUNDING * d * size:
        given = f"Sxx, which differs from its transpose by {asymmetry:.3g}"
        raise DomainError(given, "a symmetric matrix", "X.T @ X / n")
    least = np.linalg.eigvalsh(Sxx).min()
    if least < -ROUNDING * d * size:
        raise DomainError(f"Sxx with the eigenvalue {least:.3g}", "no negative eigenvalue", "X.T @ X / n")
    return Problem(0.5 * (Sxx + Sxx.T), Syx, _cutoff(rcond, d))


def problem_of_data(X: npt.ArrayLike, Y: npt.ArrayLike, rcond: float | None = None) -> Problem:
    """The problem of n inputs X (n, d) and targets Y (n, k): Sxx = X'X/n, Syx = Y'X/n.

    >>> problem_of_data([[1.0, 2.0], [3.0, 4.0]], [[1.0], [0.0]]).Syx
    array([[0.5, 1. ]])
    """
    X, Y = as_rows(X, "X"), as_rows(Y, "Y")
    if len(X) != len(Y):
        raise DataError(f"{len(X)} inputs and {len(Y)} targets", "as many of both", "Y = Y[:len(X)]")
    return problem(X.T @ X / len(X), Y.T @ X / len(X), rcond)


def positive_integer(value: Any, name: str, least: int = 1) -> int:
    """An integer from `least` to a million, or `DomainError`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= MOST:
        raise DomainError(f"{name} = {shown(value)}", f"an integer from {least} to {MOST}", f"{name}={max(least, 2)}")
    return int(value)


def learning_rate(value: Any) -> float:
    """A positive number, or `DomainError`."""
    rate = exact(value, "lr")
    if not (rate.is_number and rate.is_positive):
        raise DomainError(f"lr = {shown(value)}", "a number larger than zero", "lr=0.1")
    return float(rate)


def check_rate(rate: float, critical: float, forced: bool) -> None:
    """Refuse a learning rate above the critical one where the path ends, unless it is forced."""
    if rate > critical and not forced:
        given = f"lr = {rate:.6g}, above the critical rate 2/lambda_max(K) = {critical:.6g} where the path ends"
        raise DomainError(given, f"lr below {critical:.6g}", "a smaller lr, or forced=True")


def _cutoff(rcond: float | None, d: int) -> float:
    if rcond is None:
        return RCOND * d
    cutoff = exact(rcond, "rcond")
    if not (cutoff.is_number and 0 <= cutoff < 1):
        raise DomainError(f"rcond = {shown(rcond)}", "a number from 0 to below 1", "rcond=1e-12")
    return float(cutoff)

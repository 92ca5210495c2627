r"""The least-squares problem that a deep linear network is trained on, held at the door.

The risk $R(A) = \frac12 E|y - Ax|^2$ depends on the data by $\Sigma_{xx} = E xx^\top$ and
$\Sigma_{yx} = E yx^\top$ only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.finite.deep_linear_training import positive_integer
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.reading.gram_data import as_rows
from symlimits.theory.deep_linear.spectrum import RCOND, Spectrum, cutoff, kept, matrices, minimiser

__all__ = [
    "Problem",
    "check_rate",
    "check_reached",
    "learning_rate",
    "positive_integer",
    "problem",
    "problem_of_data",
    "yes_or_no",
]

Floats = npt.NDArray[np.float64]
# Asymmetry and negative eigenvalues up to this, relative to the largest entry or eigenvalue and times d, are rounding.
ROUNDING = 8 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Problem:
    r"""$\Sigma_{xx}$ (d, d) and $\Sigma_{yx}$ (k, d); eigenvalues below `rcond` times the largest count as zero.

    Where $\Sigma_{yx}$ has a part outside the range of $\Sigma_{xx}$, the risk has no minimum; `note` says so.
    """

    Sxx: Floats
    Syx: Floats
    rcond: float

    @cached_property
    def spectrum(self) -> Spectrum:
        r"""The eigenvalues of $\Sigma_{xx}$ that count, (r,), and their vectors (d, r)."""
        return kept(self.Sxx, self.rcond)

    @property
    def projector(self) -> Floats:
        r"""The orthogonal projector $\Pi$ (d, d) onto the range of $\Sigma_{xx}$."""
        vectors = self.spectrum.vectors
        return np.asarray(vectors @ vectors.T)

    @property
    def rank(self) -> int:
        r"""The rank of $\Sigma_{xx}$."""
        return len(self.spectrum.values)

    @property
    def outside(self) -> float:
        r"""The part of $\Sigma_{yx}$ outside the range of $\Sigma_{xx}$, in Frobenius norm, relative to the whole."""
        size = float(np.linalg.norm(self.Syx))
        return float(np.linalg.norm(self.Syx - self.Syx @ self.projector)) / size if size else 0.0

    @cached_property
    def note(self) -> str:
        """What is to be known about the problem; empty if nothing."""
        if self.outside <= max(self.rcond, RCOND * len(self.Sxx)) ** 0.5:  # also of rcond = 0: rounding
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
    Sxx, Syx = matrices(Sxx, Syx)
    d = len(Sxx)
    asymmetry, size = np.abs(Sxx - Sxx.T).max(), np.abs(Sxx).max()
    if asymmetry > ROUNDING * d * size:
        given = f"Sxx, which differs from its transpose by {asymmetry:.3g}"
        raise DomainError(given, "a symmetric matrix", "X.T @ X / n")
    least = np.linalg.eigvalsh(Sxx).min()
    if least < -ROUNDING * d * size:
        raise DomainError(f"Sxx with the eigenvalue {least:.3g}", "no negative eigenvalue", "X.T @ X / n")
    return Problem(0.5 * (Sxx + Sxx.T), Syx, cutoff(rcond, d))


def problem_of_data(X: npt.ArrayLike, Y: npt.ArrayLike, rcond: float | None = None) -> Problem:
    """The problem of n inputs X (n, d) and targets Y (n, k): Sxx = X'X/n, Syx = Y'X/n.

    >>> problem_of_data([[1.0, 2.0], [3.0, 4.0]], [[1.0], [0.0]]).Syx
    array([[0.5, 1. ]])
    """
    X, Y = as_rows(X, "X"), as_rows(Y, "Y")
    if len(X) != len(Y):
        raise DataError(f"{len(X)} inputs and {len(Y)} targets", "as many of both", "Y = Y[:len(X)]")
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
        return problem(X.T @ X / len(X), Y.T @ X / len(X), rcond)


def check_reached(data: Problem) -> None:
    """A part of Syx outside of the range of Sxx is never fitted: `DomainError` where there is one."""
    if data.note:
        raise DomainError(data.note, "a risk with a minimiser", "Syx = Y.T @ X / n")


def learning_rate(value: Any) -> float:
    """A positive number, or `DomainError`."""
    rate = exact(value, "lr")
    if not (rate.is_number and rate.is_positive):
        raise DomainError(f"lr = {shown(value)}", "a number larger than zero", "lr=0.1")
    return float(rate)


def yes_or_no(value: Any, name: str) -> bool:
    """True or False, or `DomainError`: a word such as "no" would count as yes."""
    if not isinstance(value, bool | np.bool_):
        raise DomainError(f"{name} = {shown(value)}", "True or False", f"{name}=True")
    return bool(value)


def check_rate(rate: float, critical: float, forced: bool) -> None:
    """Refuse a learning rate above the critical one at the minimiser that small rates lead to, unless it is forced."""
    if rate > critical and not yes_or_no(forced, "forced"):
        given = f"lr = {rate:.6g}, above the critical rate {critical:.6g} of the minimiser that small rates lead to"
        raise DomainError(given, f"lr below {critical:.6g}", "a smaller lr, or forced=True")

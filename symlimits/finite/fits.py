"""Weighted least squares of means at several sizes, and the limit that they point to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.finite.statistics import ROUNDING

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LeastSquares:
    """Coefficients c, W with c = W y, the standard errors of c, and chi-square with `dof` degrees of freedom."""

    coefficients: Array
    weights: Array
    standard_errors: Array
    chi_square: float
    dof: int


def least_squares(design: Array, y: Array, errors: Array) -> LeastSquares:
    r"""The minimum of $\sum_i (y_i - (Xc)_i)^2/\sigma_i^2$, for a design X (sizes, terms) and known errors.

    >>> fit = least_squares(np.ones((2, 1)), np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    >>> fit.coefficients.round(12), fit.standard_errors.round(6), round(fit.chi_square, 12), fit.dof
    (array([2.]), array([0.707107]), 2.0, 1)
    """
    q, r = np.linalg.qr(design / errors[:, None])
    weights = np.linalg.solve(r, q.T / errors)
    coefficients = np.linalg.solve(r, q.T @ (y / errors))
    residual = (y - design @ coefficients) / errors
    standard_errors = np.linalg.norm(np.linalg.inv(r), axis=1)
    return LeastSquares(
        coefficients, weights, standard_errors, float(residual @ residual), design.shape[0] - r.shape[0]
    )


@dataclass(frozen=True)
class Fit:
    """`limit` is `coefficients[0]`, the sum of the means times `weights`.

    `chi_square` has `dof` degrees of freedom if the model holds.
    """

    limit: float
    standard_error: float
    coefficients: tuple[float, ...]
    chi_square: float
    dof: int
    weights: tuple[float, ...]


def extrapolate(
    sizes: Sequence[int],
    means: npt.ArrayLike,
    standard_errors: npt.ArrayLike,
    order: float,
    degree: int | None = None,
) -> Fit:
    r"""The limit of means at several sizes: weighted least squares for $c_0 + c_1 N^{-order} + c_2 N^{-2 order}$.

    `degree` is the highest power of $N^{-order}$: by default 2, or fewer with fewer than 3 sizes.
    No standard error is taken below the rounding error of the largest mean.

    >>> round(extrapolate([10, 20, 40], [1.1, 1.05, 1.025], [0.01, 0.01, 0.01], order=1, degree=1).limit, 12)
    1.0
    """
    y, errors = np.asarray(means, dtype=np.float64), np.asarray(standard_errors, dtype=np.float64)
    degree = min(2, len(sizes) - 1) if degree is None else degree
    check_means(sizes, y, errors)
    if not (order > 0 and 0 <= degree < len(set(sizes))):
        raise DomainError(
            f"sizes {tuple(sizes)}, order {order}, degree {degree}",
            "a positive order, and more sizes than the degree",
            "sizes=(32, 128, 512), order=1",
        )
    smallest = min(sizes)  # powers of N_min/N, of order one, keep the problem well conditioned
    design = np.power.outer((smallest / np.asarray(sizes, dtype=np.float64)) ** order, np.arange(degree + 1))
    fit = least_squares(design, y, at_least_rounding(y, errors))
    scale = float(smallest) ** (order * np.arange(degree + 1))
    return Fit(
        limit=float(fit.coefficients[0]),
        standard_error=float(fit.standard_errors[0]),
        coefficients=tuple((fit.coefficients * scale).tolist()),
        chi_square=fit.chi_square,
        dof=fit.dof,
        weights=tuple(fit.weights[0].tolist()),
    )


def at_least_rounding(means: Array, errors: Array) -> Array:
    """Standard errors, none of them below the rounding error of the largest mean."""
    return np.maximum(errors, ROUNDING * (float(max(np.abs(means).max(), errors.max())) or 1.0))


def check_means(sizes: Sequence[int], means: Array, errors: Array) -> None:
    """Raise `DataError` or `DomainError` unless there are finite means and errors at positive sizes."""
    if means.shape != (len(sizes),) or errors.shape != means.shape:
        raise DataError(f"{means.shape} means, {errors.shape} errors", f"one for each of {len(sizes)} sizes", "lists")
    if not (np.isfinite(means).all() and np.isfinite(errors).all() and (errors >= 0).all()):
        raise DataError("means or errors that are not finite", "finite numbers", "two draws or more at each size")
    if not sizes or min(sizes) <= 0:
        raise DomainError(f"sizes {tuple(sizes)}", "positive sizes", "sizes=(32, 128, 512)")

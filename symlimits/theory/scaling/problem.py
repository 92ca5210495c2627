"""A classification problem that a limit model is run on, checked at the door."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.language.activation import Activation, x
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.points import check_seed
from symlimits.reading.gram_data import as_rows
from symlimits.reading.kernel import ScalarKernel
from symlimits.theory.scaling.exact_numbers import positive
from symlimits.theory.scaling.traits import named

Array = npt.NDArray[np.float64]
MOST_PARTICLES = 2**26  # some gigabytes in a few dimensions


@dataclass(frozen=True)
class Functions:
    """An activation and its derivative as functions of arrays; they compile, print and pickle."""

    phi: ScalarKernel
    slope: ScalarKernel

    @classmethod
    def of(cls, phi: Activation) -> Functions:
        """Compiled functions; `DomainError` for a discontinuous activation or one with parameters."""
        if phi.parameters:
            raise DomainError(f"{phi} with the parameter {phi.parameters[0]}", "numbers", "leaky_relu('1/10')")
        return cls(ScalarKernel(phi.expr, (x,)), ScalarKernel(phi.derivative().expr, (x,)))


@dataclass(frozen=True)
class Problem:
    """Data `X` (n, p) with labels `y`, all `points` (the data first), and the constants of the model."""

    X: Array
    y: Array
    points: Array
    shown: slice
    steps: int
    phi: Activation
    sigma: float
    rates: tuple[float, float]
    particles: int
    seed: int
    given_start: Array | None

    @cached_property
    def functions(self) -> Functions:
        """The activation, compiled."""
        return Functions.of(self.phi)


def problem(
    X: Any, y: Any, steps: Any, phi: Any, sigma: Any, eta: Any, particles: Any, seed: Any, points: Any, start: Any
) -> Problem:
    """The problem of these arguments; `DataError` or `DomainError` says what is wrong with them."""
    X = as_rows(X, "X")
    everywhere = X if points is None else np.concatenate([X, _points(points, X.shape[1])])
    if not everywhere.any(axis=1).all():
        raise DataError("a point of norm zero", "points with a direction", "a constant as a further coordinate")
    check_seed(seed)
    return Problem(
        X, labels(y, len(X)), everywhere, slice(0 if points is None else len(X), None), count(steps, "steps"),
        named(phi), positive(sigma, "sigma"), _rates(eta), _particles(particles), int(seed),
        None if start is None else _start(start, len(everywhere)),
    )  # fmt: skip


def labels(y: Any, n: int) -> Array:
    """Labels of 1 and -1 as floats.

    >>> labels([1, -1], 2)
    array([ 1., -1.])
    """
    try:
        found = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"labels {shown(y)}", "numbers", "y = [1, -1, ...]") from None
    if found.shape != (n,) or not (np.abs(found) == 1).all():
        raise DataError(f"labels {shown(y)}", f"1 or -1 for each of {n} rows", "y = 2*(labels == 1) - 1")
    return found


def _points(points: Any, dimension: int) -> Array:
    found = as_rows(points, "points")
    if found.shape[1] != dimension:
        raise DataError(f"points of {found.shape[1]} coordinates", f"{dimension}, as the data have", "points like X")
    return found


def _start(start: Any, n: int) -> Array:
    try:
        found = np.asarray(start, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.full(0, np.nan)
    if found.shape != (n,) or not np.isfinite(found).all():
        raise DataError(f"start = {shown(start)}", f"{n} finite numbers: at the data, then the points", "start=None")
    return found


def _rates(eta: Any) -> tuple[float, float]:
    """One rate for both layers, or a pair of which one may be zero: what a kernel that is the smaller one has."""
    if not isinstance(eta, tuple) or len(eta) != 2:
        return (positive(eta, "eta"),) * 2
    eta_a, eta_w = (rate if _is_zero(rate) else positive(rate, "eta") for rate in eta)
    if not (eta_a or eta_w):
        raise DomainError(f"eta = {shown(eta)}", "a rate that is not zero", "eta=(1.0, 0.0)")
    return float(eta_a), float(eta_w)


def _is_zero(rate: Any) -> bool:
    return bool(exact(rate, "eta") == 0)


def _particles(value: Any) -> int:
    found = count(value, "particles")
    if found > MOST_PARTICLES:
        raise DomainError(f"particles = {found}", f"{MOST_PARTICLES} or fewer: all are held", "particles=2**17")
    return found


def count(value: Any, name: str) -> int:
    """The value if it is a count, 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise DomainError(f"{name} = {shown(value)}", "an integer, 1 or larger", f"{name}=100")
    return int(value)

r"""Gradient flow of infinitely wide deep linear networks: the limit of small steps, at fixed time.

The lazy network is integrated by extrapolation: Gragg's midpoint rule with 2, 4, ..., 2K substeps has an error in even
powers of the step, which Aitken and Neville's scheme removes one by one: order 2K, with an estimate of the error of
each step beside it. The error over all is what a run with a hundred times the tolerance differs by.
Source: Gragg (1965); Bulirsch and Stoer (1966); the networks: derived here.
"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, ResourceError
from symlimits.finite.deep_linear_training import (
    Array,
    Parameters,
    State,
    check_size,
    direction,
    moved,
    transposed,
)
from symlimits.finite.revealed import TOLERANCE, Revealed
from symlimits.language.names import shown
from symlimits.theory.deep_linear.lazy import collected
from symlimits.theory.deep_linear.path import Path
from symlimits.theory.deep_linear.problem import problem

SEQUENCE = (2, 4, 6, 8, 10)  # substeps: order 10
RTOL = 1e-12  # of the error of a step, relative to the parameters' increments and the start's size one
LOOSER = 1e2  # times the tolerance, in the run that tells the error
SAFETY, LEAST, MOST = 0.8, 0.1, 4.0  # of a change of the step
STEPS = 20_000  # of one integration


def gradient_flow(depth: int, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, times: npt.ArrayLike, rtol: float = RTOL) -> Path:
    r"""The flow $\dot\theta = -m\nabla R$ of the network of L = `depth` hidden layers, m to infinity.

    `Sxx` (d, d), `Syx` (k, d); `times` (T,) are zero or more, and increase. `error` of the path is the largest entry
    that its predictors differ by from those of a run with a hundred times the tolerance `rtol`: a generous estimate.
    Raises `ResourceError` for data so badly conditioned that the steps are too many.

    >>> path = gradient_flow(1, [[1.0]], [[2.0]], [0.0, 0.5, 20.0])
    >>> path.predictors.ravel().round(6), path.error < 1e-8
    (array([0.      , 1.475699, 2.      ]), True)
    """
    xx, yx, at = _checked(depth, Sxx, Syx, times)
    runs = []
    for tolerance in (LOOSER * rtol, rtol):
        flow, states = Flow(depth, xx, yx, tolerance), []
        for time in at:
            flow.advance(float(time))
            states.append(flow.state())
        runs.append(collected(problem(xx, yx), at, states))
    coarse, fine = runs
    return replace(fine, error=float(np.abs(coarse.predictors - fine.predictors).max(initial=0.0)))


class Flow:
    """A network moved by gradient flow: `advance(until)`, then `state()`."""

    def __init__(self, depth: int, Sxx: Array, Syx: Array, rtol: float = RTOL, most: int = STEPS) -> None:
        self.Sxx, self.Syx, self.rtol, self.most = Sxx, Syx, rtol, most
        self.network = Revealed(depth, Sxx.shape[0], Syx.shape[0], tolerance=max(rtol, TOLERANCE))
        self.increments, self.time, self.taken = self.network.zeros(), 0.0, 0
        largest = float(max(np.linalg.norm(Sxx, 2), np.linalg.norm(Syx, 2)))
        self.step = 0.1 / ((depth + 1) * largest or 1.0)

    def state(self) -> State:
        """Where the network is now."""
        features, derivatives = self.network.passes(1.0, self.increments)
        return State(transposed(derivatives[-1]) @ features[-1], features, derivatives, self.increments)

    def velocity(self, increments: Parameters) -> Parameters:
        """Minus the gradient of the risk."""
        features, derivatives = self.network.passes(1.0, increments)
        return direction(features, derivatives, self.Syx - transposed(derivatives[-1]) @ features[-1] @ self.Sxx)

    def advance(self, until: float) -> None:
        """Move to a time, by steps as long as the tolerance allows."""
        while self.time < until:
            h, start = min(self.step, until - self.time), self.velocity(self.increments)
            last = h == until - self.time
            found, error = extrapolated(self, start, h)
            self.taken += 1
            if self.taken > self.most:
                given = f"a flow that takes more than {self.most} steps up to time {until:.6g}"
                given = "; ".join(filter(None, (given, problem(self.Sxx, self.Syx).note)))
                raise ResourceError(given, "data that are better conditioned, or a shorter time", "gradient_descent")
            factor = SAFETY * (self.rtol / error) ** (1 / (2 * len(SEQUENCE) - 1)) if error else MOST
            if error <= self.rtol:
                self.increments, self.time = found, until if last else self.time + h
                self.step = max(self.step, h * min(factor, MOST)) if last else h * min(factor, MOST)
            else:
                self.step = h * max(factor, LEAST)


def extrapolated(flow: Flow, start: Parameters, h: float) -> tuple[Parameters, float]:
    """The increments after a step of length h, and an estimate of their error, relative."""
    row: list[Parameters] = []
    for k, n in enumerate(SEQUENCE):
        before, row = row, [_midpoint(flow, start, h, n)]
        for j in range(1, k + 1):
            ratio = 1 / ((n / SEQUENCE[k - j]) ** 2 - 1)
            row.append(moved(row[-1], 1 + ratio, before[j - 1], -ratio))
    difference = moved(row[-1], 1.0, row[-2], -1.0)
    return row[-1], _norm(difference) / (1 + _norm(row[-1]))


def _midpoint(flow: Flow, start: Parameters, h: float, n: int) -> Parameters:
    """Gragg's rule with n substeps and his smoothing step."""
    dt, old = h / n, flow.increments
    now = moved(old, 1.0, start, dt)
    for _ in range(n - 1):
        old, now = now, moved(old, 1.0, flow.velocity(now), 2 * dt)
    return moved(moved(old, 0.5, now, 0.5), 1.0, flow.velocity(now), dt / 2)


def _norm(parameters: Parameters) -> float:
    return sqrt(sum(float(np.sum(x**2)) for x in parameters))


def _checked(depth: int, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, times: npt.ArrayLike) -> tuple[Array, Array, Array]:
    check_size(depth=depth)
    data = problem(Sxx, Syx)
    try:
        at = np.asarray(times, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"times = {shown(times)}", "numbers of zero or more that increase", "times=[0, 1, 2]") from None
    if at.ndim != 1 or not at.size or not np.isfinite(at).all() or at[0] < 0 or (np.diff(at) < 0).any():
        raise DataError(f"times = {shown(times)}", "numbers of zero or more that increase", "times=[0, 1, 2]")
    return data.Sxx, data.Syx, at

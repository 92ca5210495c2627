r"""Gradient flow of infinitely wide deep linear networks: the limit of small steps, at fixed time.

The lazy network is integrated by collocation at Radau's points. Its equations are solved by Newton's method with the
part of the Hessian that makes the flow stiff, $-J^\top\Sigma J$ with J the derivative of the predictor by the
parameters: of rank k d at most, its inverse is known from the kernel operator. So a step is as long as the flow is
smooth, however fast the modes are that have ended. The error over all is estimated by what a run with a hundred times
the tolerance differs by. Derived here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import inf, sqrt

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError, ResourceError
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
from symlimits.finite.threads import one_thread
from symlimits.language.names import shown
from symlimits.memory import check_memory
from symlimits.theory.deep_linear.collocation import Collocation
from symlimits.theory.deep_linear.gauss_newton import GaussNewton
from symlimits.theory.deep_linear.lazy import GROWN, collected
from symlimits.theory.deep_linear.path import Path
from symlimits.theory.deep_linear.problem import Problem, problem
from symlimits.theory.deep_linear.spectrum import cutoff

RULE = Collocation(8)
RTOL = 1e-10  # of the error of a step, relative to the parameters' increments
LOOSER = 1e2  # times the tolerance, in the run that tells the error
NOISE = 4 * float(np.finfo(np.float64).eps)  # of the residual, relative to the data: rounding of a few products
SAFETY, LEAST, MOST = 0.8, 0.2, 3.0  # of a change of the step
SOLVED = 0.05  # of the tolerance, to which the equations of a step are solved
ITERATIONS = 12  # of Newton's method: where it takes more, the step is too long
STEPS = 5_000  # of one integration: those of data of condition 1e4 take some hundred


def gradient_flow(
    depth: int,
    Sxx: npt.ArrayLike,
    Syx: npt.ArrayLike,
    times: npt.ArrayLike,
    rtol: float = RTOL,
    rcond: float | None = None,
) -> Path:
    r"""The flow $\dot\theta = -m\nabla R$ of the network of L = `depth` hidden layers, m to infinity.

    `Sxx` (d, d), `Syx` (k, d); `times` (T,) are zero or more, and increase. `error` of the path estimates what its
    predictors are off by, in their entries: the largest difference from a run with a hundred times the tolerance
    `rtol`, which errs on the large side, and rounding. Where Syx has a part outside of the range of Sxx, `note` of the
    path says so: the risk has no minimum, and the predictor grows without end, for one hidden layer like an
    exponential, for more to infinity in finite time. Raises `DomainError` for times at which it has grown 1e8 times,
    `ResourceError` for flows of too many steps and for want of memory.

    >>> path = gradient_flow(1, [[1.0]], [[2.0]], [0.0, 0.5, 20.0])
    >>> path.predictors.ravel().round(6), path.error < 1e-8
    (array([0.      , 1.475699, 2.      ]), True)
    """
    data, at = _checked(depth, Sxx, Syx, times)
    if rcond is not None:
        data = replace(data, rcond=cutoff(rcond, len(data.Sxx)))
    flows = [Flow(depth, data, tolerance) for tolerance in (LOOSER * rtol, rtol)]
    with one_thread():  # the matrices are too small for more
        coarse, fine = (collected(data, at, flow.states(at)) for flow in flows)
    difference = float(np.abs(coarse.predictors - fine.predictors).max(initial=0.0))
    return replace(fine, error=difference + flows[1].rounding)


class Flow:
    """A network moved by gradient flow, step by step: `states(times)`, or `advance()` and `state()`."""

    def __init__(self, depth: int, data: Problem, rtol: float = RTOL) -> None:
        self.data, self.rtol = data, rtol
        self.network = Revealed(depth, data.Sxx.shape[0], data.Syx.shape[0], tolerance=max(rtol, TOLERANCE))
        self.start, self.time, self.length, self.taken = self.network.zeros(), 0.0, 0.0, 0
        self.added = [np.zeros((RULE.count, *x.shape)) for x in self.start]  # at the points of the last step
        self.residual, self.noise, self.size = data.Syx, NOISE * float(np.linalg.norm(data.Syx)), depth + 1.0
        largest = float(max(np.linalg.norm(data.Sxx, 2), np.linalg.norm(data.Syx, 2)))
        self.step = 0.1 / ((depth + 1) * largest or 1.0)
        self.most = GROWN * max(float(np.linalg.norm(data.minimiser())), 1.0) if data.note else inf

    @property
    def end(self) -> float:
        """The end of the last step, which began at `time`."""
        return self.time + self.length

    @property
    def rounding(self) -> float:
        """What rounding of the residual makes of the predictor: it adds up, until the slowest mode forgets it."""
        values = np.linalg.eigvalsh(self.data.Sxx)
        kept = values[values > self.data.rcond * values[-1]]
        return self.noise * min(self.size * self.end, 1 / float(kept[0]) if kept.size else inf)

    def states(self, times: Array) -> Iterator[State]:
        """At increasing times: between the ends of steps by the polynomials of the steps, no step where all is over."""
        for count, time in enumerate(times):
            while self.end < time and np.linalg.norm(self.residual) > self.noise:
                self.advance()
            state = self.state(float(time))
            if not count & (count - 1):  # 0, 1, 2, 4, ...: what all times would take, if it grew no more
                check_memory(8 * len(times) * sum(x.size for x in state.increments), "states of a flow", "fewer times")
            yield state

    def state(self, time: float = inf) -> State:
        """The network at a time on the last step, or at its end."""
        place = min((time - self.time) / self.length, 1.0) if self.length else 0.0
        weights = RULE.weights(np.array([place]))[0]
        increments = moved(self.start, 1.0, [np.tensordot(weights, x, 1) for x in self.added], 1.0)
        features, derivatives = self.network.passes(1.0, increments)
        return State(transposed(derivatives[-1]) @ features[-1], features, derivatives, increments)

    def advance(self) -> None:
        """One step, as long as the tolerance allows."""
        start, error = moved(self.start, 1.0, [x[-1] for x in self.added], 1.0), inf
        while error > 1:
            self._check()
            h = self.step
            try:
                with np.errstate(all="ignore"):  # what overflows is a step too long
                    added, residual, error = self._solved(start, h)
            except np.linalg.LinAlgError:  # of numbers beyond the floats
                error = inf
            factor = SAFETY * error ** (-1 / RULE.count) if error else MOST
            self.step = h * min(max(factor, LEAST), MOST)
        self.start, self.added, self.residual, self.time, self.length = start, added, residual, self.end, h

    def _solved(self, start: Parameters, h: float) -> tuple[Parameters, Array, float]:
        """What is added at the points of a step, the residual at its end, and the error in units of what is allowed.

        The error is infinite where Newton's method does not converge.
        """
        weights = RULE.weights(1 + RULE.points * h / (self.length or h))
        added = [np.tensordot(weights, x, 1) - x[-1] for x in self.added]  # the last step, continued
        matrix, size, newton = h * RULE.integrals, inf, None
        for _ in range(ITERATIONS):
            E, features, derivatives = self._passed(moved(start, 1.0, added, 1.0))
            newton = newton or GaussNewton(_middle(features), _middle(derivatives), self.data.Sxx)
            rates = direction(features, derivatives, E)
            defect = moved([np.tensordot(matrix, x, 1) for x in rates], 1.0, added, -1.0)
            change = moved(defect, 1.0, newton.correction(defect, matrix), 1.0)
            added, size, before, self.size = moved(added, 1.0, change, 1.0), _norm(change), size, newton.size
            allowed = max(self.rtol * _norm(moved(start, 1.0, added, 1.0)), sqrt(newton.size) * h * self.noise)
            if size <= SOLVED * allowed:
                return added, E[-1], _norm([np.tensordot(RULE.unresolved[None], x, 1) for x in added]) / allowed
            if not size < 2 * before:
                break
        return added, E[-1], inf

    def _passed(self, increments: Parameters) -> tuple[Array, list[Array], list[Array]]:
        """The residuals (s, k, d), features and derivatives at the points of a step."""
        features, derivatives = self.network.passes(1.0, increments)
        A = transposed(derivatives[-1]) @ features[-1]
        sizes = np.linalg.norm(self.data.Syx) + np.linalg.norm(A[-1]) * np.linalg.norm(self.data.Sxx)
        self.noise = NOISE * float(sizes)
        return self.data.Syx - A @ self.data.Sxx, features, derivatives

    def _check(self) -> None:
        """Refuse what has grown too much, or takes too long."""
        self.taken += 1
        if np.linalg.norm(self.state().predictor) > self.most:
            given = f"a flow that has grown {GROWN:.0e} times up to time {self.end:.6g}; {self.data.note}"
            raise DomainError(given, f"times below {self.end:.4g}, or a risk with a minimum", "Syx = Y.T @ X / n")
        if self.taken > STEPS:
            given = f"a flow that takes more than {STEPS} steps up to time {self.end:.6g}"
            raise ResourceError(given, "data that are better conditioned, or a shorter time", "gradient_descent")


def _middle(stages: list[Array]) -> list[Array]:
    return [x[RULE.count // 2] for x in stages]


def _norm(stages: Parameters) -> float:
    """The largest norm of the parameters over the stages."""
    return sqrt(max(sum(np.sum(x**2, axis=(1, 2)) for x in stages)))


def _checked(depth: int, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, times: npt.ArrayLike) -> tuple[Problem, Array]:
    """The problem, without what rounding left outside of the range of Sxx, which is never fitted; and the times."""
    check_size(depth=depth)
    data = problem(Sxx, Syx)
    if not data.note and data.rank < len(data.Sxx):
        data = replace(data, Syx=data.Syx @ data.projector)
    try:
        at = np.asarray(times, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"times = {shown(times)}", "numbers of zero or more that increase", "times=[0, 1, 2]") from None
    if at.ndim != 1 or not at.size or not np.isfinite(at).all() or at[0] < 0 or (np.diff(at) < 0).any():
        raise DataError(f"times = {shown(times)}", "numbers of zero or more that increase", "times=[0, 1, 2]")
    return data, at

r"""Where gradient flow ends: the Grams of the minimiser that small rates lead to, for data of any condition.

With one hidden layer what the flow conserves says it: $\Phi_1 = (I + A^\top A)^{1/2}$, $G_1 = (I + AA^\top)^{1/2}$.
From two on the end depends on the way. The flow is stiff: it lasts as long as the smallest eigenvalue of
$\Sigma_{xx}$ asks, and explicit steps are no longer than the largest allows. A step h of the linearly implicit Euler
rule, with $J^\top J$ for the Hessian of the risk, is one of plain gradient descent with a filtered error: since
$(I + hJ^\top J)^{-1}J^\top = J^\top(I + hJJ^\top)^{-1}$ and $JJ^\top = K$, the kernel operator,
$$\theta\leftarrow\theta + hJ^\top\tilde\delta,\qquad(I + hK)\tilde\delta = \delta .$$
Its error has an expansion in powers of the step, which Aitken and Neville's scheme removes one by one; steps grow with
time, and their number with the logarithm of the condition. Source: Deuflhard, Hairer and Zugck (1987) for the
extrapolated rule; the networks: derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from symlimits.errors import DomainError, ResourceError
from symlimits.finite.deep_linear_training import Array, Parameters, direction, moved
from symlimits.finite.revealed import Revealed
from symlimits.finite.threads import one_thread
from symlimits.memory import check_memory
from symlimits.theory.deep_linear.kronecker import solved
from symlimits.theory.deep_linear.problem import Problem
from symlimits.theory.deep_linear.spectrum import LARGEST

ORDER = 6  # 1, 2, ..., 6 substeps
TOLERANCE = 1e-6  # of a step and of the end, relative to 1 + the parameters' increments, and 1 + the minimiser
REVEALED = 0.1 * TOLERANCE  # directions below it are dropped
SAFETY, LEAST, GROWTH = 0.8, 0.1, 4.0  # of a change of the step
STEPS = 2_000  # a hundred decades of condition take fewer

Grams = tuple[list[Array], list[Array]]  # Phi_0, ..., Phi_L (d, d) and G_1, ..., G_{L+1} (k, k), at one time


def flow_end(depth: int, data: Problem) -> Grams:
    r"""$\Phi_0, \dots, \Phi_L$ and $G_1, \dots, G_{L+1}$ at the end of the flow.

    To rounding for one hidden layer, to about 1e-6 for more: in a tenth of a second for a few inputs and outputs, in
    seconds for hundreds of k r, r the rank of Sxx. `ResourceError` for want of memory or where the steps are too many,
    `DomainError` where numbers leave the range of floats.

    >>> from symlimits.theory.deep_linear.problem import problem
    >>> forward, backward = flow_end(1, problem([[1.0]], [[2.0]]))
    >>> [Phi.round(3).tolist() for Phi in forward]  # 1, and the root of 1 + 2^2
    [[[1.0]], [[2.236]]]
    """
    k, r = len(data.Syx), data.rank
    check_memory(5 * 8 * (k * r) ** 2, f"the kernel operator of {k} outputs and {r} directions", "forced=True")
    with one_thread(), np.errstate(all="ignore"):  # matrices are too small for threads; what overflows is refused
        A = data.minimiser()
        size = np.abs(A).max()
        try:
            if size <= LARGEST:
                return _one_hidden(A) if depth == 1 else _Descent(depth, data).run()
        except np.linalg.LinAlgError:  # of numbers beyond the floats
            pass
        given, wanted = f"a minimiser with entries up to {size:.3g}", "a flow within the range of floats"
        raise DomainError(given, wanted, "a smaller Syx, or forced=True")


def _one_hidden(A: Array) -> Grams:
    k, d = A.shape
    return [np.eye(d), _hyperbolic(A.T @ A)], [_hyperbolic(A @ A.T), np.eye(k)]


def _hyperbolic(N: Array) -> Array:
    """The root of I + N, N symmetric and positive."""
    values, vectors = np.linalg.eigh(N)
    return np.asarray(vectors * np.sqrt(1 + np.maximum(values, 0.0)) @ vectors.T)


@dataclass(frozen=True)
class _Seen:
    r"""A network at one time: its vectors, and $\delta = (A^* - A)\Sigma_{xx}^{1/2}$, (k, r) on the range."""

    features: list[Array]
    derivatives: list[Array]
    error: Array

    def grams(self) -> Grams:
        forward, backward = ([x.T @ x for x in vectors] for vectors in (self.features, self.derivatives))
        d, k = self.features[0].shape[1], len(self.error)
        return [np.eye(d), *forward], [*backward, np.eye(k)]


class _Descent:
    """The flow of a network, to its end."""

    def __init__(self, depth: int, data: Problem) -> None:
        values, vectors = data.spectrum
        self.roots = np.sqrt(values / values.max())  # the end of the flow does not know the unit of time
        self.axes = vectors * self.roots
        self.target = data.Syx @ vectors / values * self.roots
        self.network = Revealed(depth, len(data.Sxx), len(data.Syx), tolerance=REVEALED)
        self.step = 0.1 / ((depth + 1) * max(1.0, float(np.linalg.norm(self.target * self.roots))))

    def run(self) -> Grams:
        """Until the predictor is the minimiser, to the tolerance."""
        now, small = self.network.zeros(), TOLERANCE * (1 + np.linalg.norm(self.target / self.roots))
        seen = self.seen(now)
        for _ in range(STEPS):
            if np.linalg.norm(seen.error / self.roots) <= small:
                return seen.grams()
            found, error = self.extrapolated(now, seen, self.step)
            factor = SAFETY * (TOLERANCE / error) ** (1 / ORDER) if error else GROWTH
            self.step *= min(max(LEAST, factor), GROWTH)  # the least for a step that has overflowed
            if error <= TOLERANCE:
                now, seen = found, self.seen(found)
        wanted = "data that are better conditioned, or a smaller target"
        raise ResourceError(f"a flow that has not ended after {STEPS} steps", wanted, "forced=True")

    def seen(self, increments: Parameters) -> _Seen:
        features, derivatives = self.network.passes(1.0, increments)
        return _Seen(features, derivatives, self.target - derivatives[-1].T @ (features[-1] @ self.axes))

    def extrapolated(self, now: Parameters, seen: _Seen, h: float) -> tuple[Parameters, float]:
        """The increments after a step h, and an estimate of their error, relative."""
        row: list[Parameters] = []
        for n in range(1, ORDER + 1):
            before, row = row, [self.substeps(now, seen, h, n)]
            for j in range(1, n):
                ratio = (n - j) / j
                row.append(moved(row[-1], 1 + ratio, before[j - 1], -ratio))
        return row[-1], _norm(moved(row[-1], 1.0, row[-2], -1.0)) / (1 + _norm(row[-1]))

    def substeps(self, now: Parameters, seen: _Seen, h: float, n: int) -> Parameters:
        """n steps of the linearly implicit rule."""
        for step in range(n):
            seen = self.seen(now) if step else seen
            filtered = self.filtered(seen, h / n)
            now = moved(now, 1.0, direction(seen.features, seen.derivatives, filtered @ self.axes.T), h / n)
        return now

    def filtered(self, seen: _Seen, h: float) -> Array:
        """The solution of (I + hK) x = delta."""
        forward, backward = seen.grams()
        return solved(np.stack(backward), self.axes.T @ np.stack(forward) @ self.axes, h, seen.error)


def _norm(parameters: Parameters) -> float:
    return sqrt(sum(float(np.sum(x**2)) for x in parameters))

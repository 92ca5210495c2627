r"""How fast gradient flow converges: an exponential bound on the risk, checked along a path, and the rate at the end.

The excess risk $R - R^* = \frac12|\delta|^2$ of the whitened error $\delta = (A - A^*)\Sigma_{xx}^{1/2}$ moves by
$-\langle\delta, K\delta\rangle$, with K the kernel operator at that time. At the start $K\ge(L + 1)\sigma_{\min}^+$,
and where that stays so
$$R(A_t) - R^* \le e^{-2(L + 1)\sigma_{\min}^+t}(R_0 - R^*).$$
For one hidden layer it does: $\Phi_1 = (I + A^\top A)^{1/2}\ge I$ and $G_1 = (I + AA^\top)^{1/2}\ge I$. For more it was
seen on every path that was looked at, and is not proved here. In the end the excess falls like $e^{-2\lambda t}$,
$\lambda$ the least eigenvalue of $K_\infty$. Statement: Chizat et al., arXiv 2211.16980; formulas derived here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from symlimits.finite.deep_linear_training import Array
from symlimits.theory.deep_linear.flow import gradient_flow
from symlimits.theory.deep_linear.operator import operator_at
from symlimits.theory.deep_linear.path import Path
from symlimits.theory.deep_linear.problem import check_reached, problem
from symlimits.theory.deep_linear.spectrum import minimiser, spectrum

ROUNDING = 1e-12  # of the bound and of the kernel operator, relative: sums of some hundred products


@dataclass(frozen=True, eq=False)
class ExponentialBound:
    r"""Both sides of $R(A_t) - R^* \le e^{-rt}(R_0 - R^*)$, r = `rate` $= 2(L + 1)\sigma_{\min}^+$, along a flow.

    `start` is $R_0 - R^*$, at time zero; `times`, `excess` and `bound` are (T,). `slowest` (T,) is twice the least
    eigenvalue of the kernel operator at each time: no excess falls more slowly there, and in the end it falls at the
    last of them. `error` estimates what the excess is off by, relative to the start.
    """

    depth: int
    times: Array
    excess: Array
    bound: Array
    slowest: Array
    rate: float
    start: float
    error: float = 0.0

    @property
    def status(self) -> str:
        """ "proved" for one hidden layer, "observed" for more."""
        return "proved" if self.depth == 1 else "observed"

    def holds(self, rounding: float = ROUNDING) -> bool:
        """Whether the excess risk is below the bound at every time, up to rounding and the error of the path."""
        slack = max(rounding, self.error) * self.start
        return bool((self.excess <= self.bound * (1 + rounding) + slack).all())

    def implied(self, rounding: float = ROUNDING) -> bool:
        """Whether at every time the excess falls at least as fast as the bound: what the bound follows from."""
        return bool((self.slowest >= self.rate * (1 - rounding)).all())

    def __str__(self) -> str:
        found = "holds" if self.holds() else "FAILS"
        proof = "proved" if self.depth == 1 else f"observed, not proved, for {self.depth} hidden layers"
        return (
            f"R(A_t) - R* <= exp(-{self.rate:.6g} t) (R_0 - R*) {found} at {len(self.times)} times up to "
            f"{self.times[-1]:.6g}; {proof}; at the end the excess falls like exp(-{self.slowest[-1]:.4g} t)"
        )


def exponential_bound(
    path: Path, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, rcond: float | None = None
) -> ExponentialBound:
    r"""The excess risk along a path of gradient flow, which starts from zero at time zero, and its bound.

    $\sigma_{\min}^+$ is the smallest positive eigenvalue of Sxx. Proved for L = 1, observed for more layers. Raises
    `DomainError` where Syx has a part outside of the range of Sxx: the risk has no minimum.

    >>> Sxx, Syx = [[1.0]], [[2.0]]
    >>> found = exponential_bound(gradient_flow(2, Sxx, Syx, [0.0, 0.5, 1.0]), Sxx, Syx)
    >>> found.holds(), found.rate, found.status
    (True, 6.0, 'observed')
    """
    check_reached(problem(Sxx, Syx, rcond))
    values, vectors = spectrum(Sxx, rcond)
    end, root = minimiser(Sxx, Syx, rcond), vectors * np.sqrt(values)
    excess = (((path.predictors - end) @ root) ** 2).sum(axis=(1, 2)) / 2
    start, rate = float(((end @ root) ** 2).sum() / 2), 2 * (path.depth + 1) * float(values.min())
    slowest = [2 * np.linalg.eigvalsh(operator_at(path, Sxx, i, rcond))[0] for i in range(len(path.times))]
    size = path.error * np.sqrt(end.size * values.max() / (2 * start)) if start else 0.0  # of the whitened error
    bound = start * np.exp(-rate * path.times)
    return ExponentialBound(
        path.depth, path.times, excess, bound, np.array(slowest), rate, start, float(size * (2 + size))
    )


def flow_bound(
    depth: int, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, times: npt.ArrayLike, rcond: float | None = None
) -> ExponentialBound:
    """The bound along the flow from the start, at increasing times; raises as `gradient_flow` does.

    >>> print(flow_bound(1, [[1.0]], [[2.0]], [0.0, 1.0, 2.0]))
    R(A_t) - R* <= exp(-4 t) (R_0 - R*) holds at 3 times up to 2; proved; at the end the excess falls like exp(-8.941 t)
    """
    return exponential_bound(gradient_flow(depth, Sxx, Syx, times, rcond=rcond), Sxx, Syx, rcond)

r"""Training of deep linear networks at infinite width: the predictor follows a deterministic path.

$f(x) = m^{-1} V M_L \cdots M_2 U x$ with $M_l = m^{-1/2}W_l$ and entries of U, W, V from N(0, 1), trained on
$R = \frac12 E|y - f(x)|^2$ by gradient descent with the step lr m on every parameter. Statement: Chizat, Colombo,
Fernandez-Real, Figalli, arXiv 2211.16980; formulas derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import sympy as sp

from symlimits.chain import Derivation
from symlimits.theory.deep_linear.convergence import ExponentialBound, flow_bound
from symlimits.theory.deep_linear.flow import gradient_flow
from symlimits.theory.deep_linear.flow_closed import flow_closed
from symlimits.theory.deep_linear.flow_series import flow_series
from symlimits.theory.deep_linear.forest import Forest
from symlimits.theory.deep_linear.lazy import LazyPath
from symlimits.theory.deep_linear.path import Path
from symlimits.theory.deep_linear.polynomial import lazy_polynomial, path_polynomial, path_polynomials
from symlimits.theory.deep_linear.problem import check_rate, learning_rate, positive_integer, problem
from symlimits.theory.deep_linear.sweep import sweep

__all__ = ["DeepLinear", "Path", "deep_linear"]


@dataclass(frozen=True)
class DeepLinear:
    """Deep linear networks of L = `depth` hidden layers, at infinite width."""

    depth: int

    def gradient_descent(
        self,
        Sxx: npt.ArrayLike,
        Syx: npt.ArrayLike,
        lr: Any = 0.1,
        steps: int = 50,
        rcond: float | None = None,
        forced: bool = False,
    ) -> Path:
        r"""The path of gradient descent from $A_0 = 0$, as a causal recursion in time.

        `Sxx` is $E xx^\top$ (d, d), `Syx` is $E yx^\top$ (k, d); parameters move with `lr` times the width, so that
        $A_1 = (L + 1)\,lr\,\Sigma_{yx}$. `rcond` is what counts as zero among eigenvalues of Sxx, relative to the
        largest. Time $O(L T^3)$, memory $O(L T^2)$. Raises `DataError` for wrong shapes, `DomainError` for matrices
        that are no covariances, numbers out of range, a path that diverges out of the range of floats, and a rate above
        the critical one where the path ends, unless it is `forced`; `ResourceError` for want of memory. Source: arXiv
        2211.16980; derived here.

        >>> path = deep_linear(depth=2).gradient_descent([[1, 0], [0, 0.25]], [[1, 0.25]], lr=0.1, steps=50)
        >>> path.predictors[[0, 1, 50]].round(4).tolist()
        [[[0.0, 0.0]], [[0.3, 0.075]], [[1.0001, 0.9989]]]
        """
        data, rate, count = problem(Sxx, Syx, rcond), learning_rate(lr), positive_integer(steps, "steps", 0)
        path = Path(self.depth, data, rate, sweep(self.depth, data, rate, count))
        if not data.note:  # else there is no minimum that a rate could miss
            check_rate(rate, path.critical_rate, forced)
        return path

    def gradient_flow(self, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, times: npt.ArrayLike) -> LazyPath:
        r"""The path of gradient flow at increasing `times`; arguments and errors as for `gradient_descent`.

        `error` of the path estimates what its predictors are off by; `note` says where the risk has no minimum: the
        flow is followed while it is finite. One hidden layer has a closed form, `flow_closed`.

        >>> deep_linear(1).gradient_flow([[1.0]], [[2.0]], times=[0.0, 0.5]).predictors[-1].round(4).tolist()
        [[1.4757]]
        """
        return gradient_flow(self.depth, Sxx, Syx, times)

    def flow_bound(self, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, times: npt.ArrayLike) -> ExponentialBound:
        r"""$R(A_t) - R^* \le e^{-2(L+1)\sigma_{\min}^+t}(R_0 - R^*)$ along the flow: proved for L = 1, else observed.

        $\sigma_{\min}^+$ is the least positive eigenvalue of Sxx. Both sides at the times, `.holds()`, and `.slowest`,
        the rate that the kernel operator tells; raises as `gradient_flow` does, and `DomainError` for a risk without
        minimum.

        >>> found = deep_linear(2).flow_bound([[1.0]], [[2.0]], times=[0.0, 0.5, 1.0])
        >>> found.holds(), found.status
        (True, 'observed')
        """
        return flow_bound(self.depth, Sxx, Syx, times)

    def flow_closed(self) -> Derivation:
        r"""The predictor $A_t$ of gradient flow in closed form: one hidden layer, one input and one output.

        From the infinitely wide network by what is conserved to Riccati's equation; a function of $\sigma_{xx}$,
        $\sigma_{yx}$ and t. Raises `DomainError` for more layers. Source: derived here.

        >>> round(deep_linear(1).flow_closed()(1.0, 2.0, 0.5), 6)
        1.475699
        """
        return flow_closed(self.depth)

    def flow_series(self, order: int = 3) -> Derivation:
        r"""Taylor's polynomial of gradient flow in time, $[a_\tau]_n$, exactly, for one output and $\Sigma_{xx} = I$.

        $A_\tau = a_\tau\,\Sigma_{yx}/s$ with $s = |\Sigma_{yx}|$; n = `order`. Raises `DomainError` for an order that
        no page could hold. Source: derived here.

        >>> deep_linear(2).flow_series(2).expr
        -9*s*tau**2/2 + 3*s*tau
        """
        return flow_series(self.depth, order)

    def network(self, tree_depth: int, d: int = 1, k: int = 1) -> Forest:
        """The infinitely wide network as a finite one of zeros and ones, exact for `tree_depth`/(depth - 1) steps.

        >>> deep_linear(2).network(3).widths
        (4, 4)
        """
        return Forest(self.depth, tree_depth, d, k)

    def polynomial(self, steps: int = 2) -> Derivation:
        r"""The predictor after some steps, exactly, for one output and inputs with $\Sigma_{xx} = I$.

        $A_t = a_t\,\Sigma_{yx}/s$ with $s = |\Sigma_{yx}|$, and $a_t$ is a polynomial in the learning rate $\eta$ and
        in s: of degree $(2L + 1)^{t-1}$ in s. Returns a derivation: the program of the recursion, its sweep over
        polynomials, and the coefficients in factors. Raises `DomainError` for more steps than a page could hold.
        Source: derived here.

        >>> deep_linear(depth=1).polynomial(steps=2).expr
        4*eta**3*s**3*(1 - 2*eta)*(1 - eta) + 4*eta*s*(1 - eta)
        """
        return path_polynomial(self.depth, positive_integer(steps, "steps", 0))

    def lazy_polynomial(self, steps: int = 2) -> Derivation:
        r"""The part of the path that is linear in the target, $\lim_{s\to0} a_t/s$: the path of the tangent kernel.

        Arguments and errors as for `polynomial`. Source: derived here.

        >>> deep_linear(depth=2).lazy_polynomial(steps=3).expr
        1 - (1 - 3*eta)**3
        """
        return lazy_polynomial(self.depth, positive_integer(steps, "steps", 0))

    def polynomials(self, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, steps: int = 2) -> sp.ImmutableDenseMatrix:
        r"""The predictor after some steps, (k, d): polynomials in the learning rate $\eta$, with rational coefficients.

        `Sxx` (d, d) and `Syx` (k, d) have rational entries: integers, fractions, strings such as "1/3", or floats,
        which count as the decimals that they print as. Raises as `gradient_descent` and `polynomial` do.

        >>> deep_linear(depth=1).polynomials([[1]], [["1/2"]], steps=1)
        Matrix([[eta]])
        """
        return path_polynomials(self.depth, Sxx, Syx, positive_integer(steps, "steps", 0))


def deep_linear(depth: int) -> DeepLinear:
    """Deep linear networks of `depth` hidden layers (depth + 1 weight matrices), trained at infinite width.

    Raises `DomainError` for a depth that is no positive integer.

    >>> deep_linear(depth=2)
    DeepLinear(depth=2)
    """
    return DeepLinear(positive_integer(depth, "depth"))

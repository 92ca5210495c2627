r"""Training of deep linear networks at infinite width: the predictor follows a deterministic path.

$f(x) = m^{-1} V M_L \cdots M_2 U x$ with $M_l = m^{-1/2}W_l$ and entries of U, W, V from N(0, 1), trained on
$R = \frac12 E|y - f(x)|^2$ by gradient descent with the step lr m on every parameter. Statement: Chizat, Colombo,
Fernandez-Real, Figalli, arXiv 2211.16980; formulas derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.chain import Derivation
from symlimits.finite.deep_linear_training import PLAIN, Rule
from symlimits.limits import Limit
from symlimits.theory.deep_linear.claims import TrainingLimits, training_limits
from symlimits.theory.deep_linear.convergence import ExponentialBound, flow_bound
from symlimits.theory.deep_linear.flow import gradient_flow
from symlimits.theory.deep_linear.flow_closed import flow_closed
from symlimits.theory.deep_linear.flow_series import flow_series
from symlimits.theory.deep_linear.forest import Forest
from symlimits.theory.deep_linear.grams import Blocks
from symlimits.theory.deep_linear.lazy import descent, rule_of
from symlimits.theory.deep_linear.minibatches import Batches, problems
from symlimits.theory.deep_linear.operator import critical, critical_rate
from symlimits.theory.deep_linear.path import Path
from symlimits.theory.deep_linear.path_limit import path_limit
from symlimits.theory.deep_linear.polynomial import lazy_polynomial, path_polynomial, path_polynomials
from symlimits.theory.deep_linear.problem import (
    Problem,
    check_rate,
    learning_rate,
    positive_integer,
    problem,
    yes_or_no,
)
from symlimits.theory.deep_linear.sweep import sweep

__all__ = ["DeepLinear", "Path", "deep_linear"]

RECURSED = 100  # steps up to which the recursion takes some hundredths of a second


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
        momentum: Any = 0.0,
        weight_decay: Any = 0.0,
        towards_start: bool = False,
    ) -> Path:
        r"""The path of gradient descent from $A_0 = 0$, as a causal recursion in time.

        `Sxx` is $E xx^\top$ (d, d), `Syx` is $E yx^\top$ (k, d); parameters move with `lr` times the width, so that
        $A_1 = (L + 1)\,lr\,\Sigma_{yx}$. `rcond` is what counts as zero among eigenvalues of Sxx, relative to the
        largest. The recursion takes a time of $O(L T^3)$ and memory of $O(L T^2)$; paths of more than 100 steps that
        end at a minimiser are those of the network in coordinates, equal up to rounding, in a time of $O(T)$. With
        `momentum` $\mu$ in [0, 1), heavy-ball, or `weight_decay` $\lambda$, by which a step takes $lr\,\lambda\theta$,
        or with `towards_start` $lr\,\lambda(\theta - \theta_0)$, from every parameter, the path is that network's too.

        A rate above the critical one is refused unless it is `forced`: above `critical_rate(Sxx, Syx)`, times
        $1 + \mu$ with momentum, gradient descent cannot end at the minimiser that small rates lead to. It is not judged
        without a step, with weight decay, which moves where training ends, or where the risk has no minimum (`note` of
        the path says so). Raises `DataError` for wrong shapes, `DomainError` for matrices that are no covariances,
        numbers out of range, such a rate, and a path that diverges out of the range of floats; `ResourceError` for want
        of memory. Source: arXiv 2211.16980; derived here.

        >>> path = deep_linear(depth=2).gradient_descent([[1, 0], [0, 0.25]], [[1, 0.25]], lr=0.1, steps=50)
        >>> path.predictors[[0, 1, 50]].round(4).tolist()
        [[[0.0, 0.0]], [[0.3, 0.075]], [[1.0001, 0.9989]]]
        >>> deep_linear(depth=2).gradient_descent([[1.0]], [[2.0]], lr=0.25)
        Traceback (most recent call last):
        symlimits.errors.DomainError: lr = 0.25, above the critical rate 0.207789 of the minimiser that small rates lead
        to; wanted: lr below 0.207789; try: a smaller lr, or forced=True
        """
        data = problem(Sxx, Syx, rcond)
        return self._trained(data, [data], lr, steps, rule_of(momentum, weight_decay, towards_start), forced)

    def train(
        self,
        X: npt.ArrayLike,
        Y: npt.ArrayLike,
        lr: Any = 0.1,
        steps: int = 50,
        batches: Batches = None,
        momentum: Any = 0.0,
        weight_decay: Any = 0.0,
        towards_start: bool = False,
        forced: bool = False,
        rcond: float | None = None,
    ) -> Path:
        r"""The path of training on data X (n, d), Y (n, k): gradient descent on Sxx = X'X/n, Syx = Y'X/n.

        `batches` are the minibatches that steps take in turn, again from the first after the last: arrays of places
        0, ..., n - 1 of data, or a number of consecutive parts. Their steps descend the risk of the batch alone;
        `errors` and `risks` of the path are those of all data. Rates of minibatches are judged by no critical one.
        The other arguments, and errors, as for `gradient_descent`; `DataError` for batches that are empty or name data
        that are not there.

        >>> X, Y = [[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]], [[1.0], [0.0], [-2.0]]
        >>> deep_linear(2).train(X, Y, lr=0.1, steps=200).predictors[-1].round(6).tolist()
        [[1.0, -1.0]]
        >>> deep_linear(2).train(X, Y, lr=0.05, steps=2, batches=[[0], [1, 2]]).predictors[1].round(6).tolist()
        [[0.15, 0.0]]
        """
        data, each = problems(X, Y, batches, rcond)
        return self._trained(data, each, lr, steps, rule_of(momentum, weight_decay, towards_start), forced)

    def _trained(self, data: Problem, each: list[Problem], lr: Any, steps: Any, rule: Rule, forced: Any) -> Path:
        """By the recursion where it holds, plain gradient descent on all data, else by the network in coordinates.

        Of long paths the network is by far the faster, where errors do not grow: it refuses those that do.
        """
        rate, count = learning_rate(lr), positive_integer(steps, "steps", 0)
        whole = len(each) == 1 and each[0] is data
        judged = not (yes_or_no(forced, "forced") or data.note)
        if whole and count and judged and not rule.weight_decay:
            check_rate(rate, (1 + rule.momentum) * critical(self.depth, data), forced)
        long = count > RECURSED and judged
        if long or not (whole and rule == PLAIN):
            return descent(self.depth, data, each, rate, count, rule)
        found = sweep(self.depth, data, rate, count)
        moves = rate * (data.Syx - found.predictors @ data.Sxx)
        return Path(data, np.arange(count + 1.0), found.predictors, Blocks(found, moves), rate)

    def critical_rate(self, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, rcond: float | None = None) -> float:
        r"""$2/\lambda_{\max}(K)$ at the minimiser that small rates lead to, the limit of gradient flow.

        K is the kernel operator there, $\delta\mapsto\sum_lG_l\,\delta\,\Sigma_{xx}^{1/2}\Phi_{l-1}
        \Sigma_{xx}^{1/2}$: gradient descent multiplies the late error by $1 - lr K$, and cannot end there at a larger
        rate. Raises as `gradient_descent` does, and `DomainError` where the risk has no minimum.

        >>> round(deep_linear(2).critical_rate([[1.0]], [[2.0]]), 4)
        0.2078
        """
        return critical_rate(self.depth, Sxx, Syx, rcond)

    def gradient_flow(
        self, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, times: npt.ArrayLike, rcond: float | None = None
    ) -> Path:
        r"""The path of gradient flow at increasing `times`; arguments and errors as for `gradient_descent`.

        `error` of the path estimates what its predictors are off by; `note` says where the risk has no minimum: the
        flow is followed while it is finite. One hidden layer has a closed form, `flow_closed`.

        >>> deep_linear(1).gradient_flow([[1.0]], [[2.0]], times=[0.0, 0.5]).predictors[-1].round(4).tolist()
        [[1.4757]]
        """
        return gradient_flow(self.depth, Sxx, Syx, times, rcond=rcond)

    def flow_bound(
        self, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, times: npt.ArrayLike, rcond: float | None = None
    ) -> ExponentialBound:
        r"""$R(A_t) - R^* \le e^{-2(L+1)\sigma_{\min}^+t}(R_0 - R^*)$ along the flow: proved for L = 1, else observed.

        $\sigma_{\min}^+$ is the least positive eigenvalue of Sxx. Both sides at the times, `.holds()`, and `.slowest`,
        the rate that the kernel operator tells; raises as `gradient_flow` does, and `DomainError` for a risk without
        minimum.

        >>> found = deep_linear(2).flow_bound([[1.0]], [[2.0]], times=[0.0, 0.5, 1.0])
        >>> found.holds(), found.status
        (True, 'observed')
        """
        return flow_bound(self.depth, Sxx, Syx, times, rcond)

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

    def limits(self, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, lr: Any, steps: int) -> TrainingLimits:
        r"""What networks tend to after some steps, as limits that `certify` holds against finite networks.

        Arguments and errors as for `gradient_descent`, but that any rate is taken; entries and `lr` are rational
        numbers, "1/3" or 0.1, and kept exactly. `.predictor(entry)`, `.increment(layer, power)`, `.neuron(layer)` and
        `.rate(quantity, layer)`. Line 0 is the limit of the training as a tensor program where that is short (see
        `claims.py`), and the recursion for more steps.

        >>> deep_linear(2).limits([[1]], [["1/2"]], lr="1/10", steps=1).predictor().expr
        3/20
        """
        return training_limits(self.depth, Sxx, Syx, lr, steps)

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

    def path_limit(self, steps: int = 2) -> Limit:
        r"""The same polynomial as a limit, for `certify`: $\eta$ up to 1/(L + 1) and s up to 1. Arguments as above.

        >>> deep_linear(depth=2).path_limit(steps=1).expr
        3*eta*s
        """
        return path_limit(self.depth, positive_integer(steps, "steps"))

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

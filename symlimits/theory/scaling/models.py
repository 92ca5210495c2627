r"""The limit models of networks with one hidden layer: what the training of a wide network tends to.

A model says how the limit $F^{(k)} = \lim d^{-e_k} f^{(k)}$ of the logits moves, and by which gradient. The dynamics
follow from the exponent s of the weights' increments, the gradients from the signs of the logits' exponents
(Golikov 2020, arXiv 2006.06574; the initialisation-corrected mean field is defined there too).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.names import shown
from symlimits.theory.scaling import dynamics, equations
from symlimits.theory.scaling.exact_numbers import Factor
from symlimits.theory.scaling.problem import Problem, problem

Array = npt.NDArray[np.float64]
Dynamics = Literal["kernel", "kernel, start forgotten", "measure", "measure, start kept"]
Rule = Literal["zero", "logit", "saturated"]
RULES: dict[int, Rule] = {-1: "zero", 0: "logit", 1: "saturated"}  # by the sign of the logit's exponent


@dataclass(frozen=True)
class Trajectory:
    """Limits of logits `F` (steps + 1, points) and their standard errors, zero where only rounding is left."""

    F: Array
    error: Array


@dataclass(frozen=True)
class LimitModel:
    r"""The limit of the training of one hidden layer.

    `dynamics`: "kernel", $F^{k+1} = F^k - \Theta_0 * g^k$ from a Gaussian process; "kernel, start forgotten", the same
    from zero; "measure", the law of the weights moves (mean field); "measure, start kept", the same with the Gaussian
    process added to the logits. `gradients` are the rules at step 0 and at later steps: "zero" $\ell'(0)$, "logit"
    $\ell'(F)$, "saturated" $-y\,\mathbf 1[yF < 0]$.

    Raises `DomainError` for other names.

    >>> LimitModel.of(start=-1, later=0, kernels_evolve=True, start_kept=False)
    LimitModel(dynamics='measure', gradients=('zero', 'logit'))
    """

    dynamics: Dynamics
    gradients: tuple[str, str]

    def __post_init__(self) -> None:
        if self.dynamics not in get_args(Dynamics):
            wanted = f"one of {', '.join(map(repr, get_args(Dynamics)))}"
            raise DomainError(f"dynamics = {shown(self.dynamics)}", wanted, "dynamics='measure'")
        if not (
            isinstance(self.gradients, tuple)
            and len(self.gradients) == 2
            and set(self.gradients) <= set(RULES.values())
        ):
            wanted = f"two of {', '.join(map(repr, RULES.values()))}: at step 0, and later"
            raise DomainError(f"gradients = {shown(self.gradients)}", wanted, "gradients=('zero', 'logit')")

    @classmethod
    def of(cls, start: int, later: int, kernels_evolve: bool, start_kept: bool) -> LimitModel:
        """The model of four properties: signs of the exponents of the logits at the start and later, and two facts."""
        for name, sign in (("start", start), ("later", later)):
            if isinstance(sign, bool) or not isinstance(sign, int) or sign not in RULES:
                raise DomainError(f"{name} = {shown(sign)}", "the sign of an exponent: -1, 0 or 1", f"{name}=0")
        names: dict[tuple[bool, bool], Dynamics] = {
            (False, True): "kernel",
            (False, False): "kernel, start forgotten",
            (True, False): "measure",
            (True, True): "measure, start kept",
        }
        return cls(names[kernels_evolve, start_kept], (RULES[start], RULES[later]))

    @property
    def is_kernel(self) -> bool:
        """Whether the tangent kernel is constant."""
        return self.dynamics.startswith("kernel")

    @property
    def keeps_start(self) -> bool:
        """Whether the logits at the start stay a part of the later ones."""
        return self.dynamics in ("kernel", "measure, start kept")

    @property
    def equations(self) -> tuple[sp.Eq, ...]:
        """The equations of the limit: its start, its motion, its gradients.

        >>> print(*LimitModel("kernel", ("zero", "logit")).equations[3:], sep="; ")
        Eq(g^{(0)}[i], -y[i]/2); Eq(g^{(k)}[i], -y[i]/(exp(F^{(k)}(x[i])*y[i]) + 1))
        """
        return equations.of(self.dynamics, self.gradients)

    def run(self, X: Any, y: Any, steps: int, **options: Any) -> Array:
        """`trajectory` without its errors: F, (steps + 1, points).

        >>> NTK, MF = LimitModel("kernel", ("logit", "logit")), LimitModel("measure", ("zero", "logit"))
        >>> X, y = [[1.0, 0.0], [0.0, 1.0]], [1, -1]
        >>> F = NTK.run(X, y, 2, activation="x", start=[0, 0])  # Theta(x, z) = 2 x.z
        >>> F[1].tolist()
        [0.5, -0.5]
        >>> MF.run(X, y, 2, activation="erf(x)", sigma=2).shape
        (3, 2)
        """
        return self.trajectory(X, y, steps, **options).F

    def trajectory(
        self, X: Any, y: Any, steps: int, activation: object = "x/(1+exp(-x))", sigma: Factor = 1.0,
        eta: Factor | tuple[Factor, Factor] = 1.0, particles: int = 2**14, seed: int = 0, points: Any = None,
        start: Any = None,
    ) -> Trajectory:  # fmt: skip
        r"""The limits of the logits before the first step and after each, with standard errors.

        `X` (n, p) are the data, `y` (n,) labels of 1 and -1, `points` (m, p) where F is asked for (the data when left
        out). $\sigma_*$ = `sigma` and $\eta_*$ = `eta`, one for both layers or $(\eta_a, \eta_w)$, are the constants
        before the powers of the width, numbers or exact strings; one of a pair may be zero, for a cell whose other
        kernel is the larger one. `activation` is an activation, its name or a formula. `start` is the limit at the
        start at the points, or at the data and then the points; drawn from the Gaussian process by `seed` when left
        out. A measure is that of `particles` in all, quasi-random and in pairs (a, w), (-a, w), in REPEATS independent
        sets whose spread is the error. Raises `DataError` for data of other shapes, `DomainError` for rates or counts
        that are not positive.
        """
        asked = problem(X, y, steps, activation, sigma, eta, particles, seed, points, start)
        return Trajectory(*_run(self, asked))


def _run(model: LimitModel, asked: Problem) -> tuple[Array, Array]:
    move = dynamics.constant_kernel if model.is_kernel else dynamics.measure
    F, error = move(asked, dynamics.gradient(model.gradients, asked), model.keeps_start)
    return F[:, asked.shown], error[:, asked.shown]


__all__ = ["LimitModel", "Trajectory"]

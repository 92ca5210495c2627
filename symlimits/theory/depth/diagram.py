r"""The phase diagram of an activation: statements about its maps, points of it, its critical line and its picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symlimits.chain import Derivation
from symlimits.errors import DomainError
from symlimits.ladder import Value
from symlimits.language.activation import Activation
from symlimits.language.formula import exact
from symlimits.theory.depth import statements
from symlimits.theory.depth.decay import correlation_decay, tangent_ratio
from symlimits.theory.depth.layer import Layer
from symlimits.theory.depth.moments import Array, Moments
from symlimits.theory.depth.phase import REPELS, Phase, phase_at
from symlimits.theory.depth.picture import picture as drawn
from symlimits.theory.depth.rate import Decay, decay_at


@dataclass(frozen=True)
class CriticalLine:
    r"""Where $\chi_1 = 1$ at a fixed point q: `w_var` and `b_var` as derivations in q.

    `is_point` where both do not depend on q, as for relu: there every variance is a fixed point. Only values of q at
    which $\sigma_b^2$ is not negative are on the line.
    """

    activation: Activation
    w_var: Derivation
    b_var: Derivation

    @property
    def is_point(self) -> bool:
        """Whether the line is one point of the plane."""
        return not (self.w_var.expr.free_symbols | self.b_var.expr.free_symbols) & {statements.q}

    @property
    def decay(self) -> Derivation:
        r"""The constant of the decay of $1 - \rho_\ell$ along the line, of inputs that keep the variance q."""
        return correlation_decay(self.activation)

    @property
    def ntk_ratio(self) -> Derivation:
        r"""What $\Theta_\ell(x, z)/\Theta_\ell(x, x)$ tends to along the line, of inputs that keep the variance q."""
        return tangent_ratio(self.activation)

    def points(self, q: Any) -> tuple[Array, Array]:
        r"""$(\sigma_w^2, \sigma_b^2)$ at an array of q > 0, in float64; `DomainError` for q off the line."""
        variances = np.asarray(q, dtype=np.float64)
        if not np.all(np.isfinite(variances) & (variances > 0)):
            raise DomainError("a variance q that is not positive", "variances larger than zero", "points([0.5, 1.0])")
        weights, biases = self._values(variances)
        if not np.all(biases >= 0):  # or beyond floats
            k = int(np.argmin(biases))
            given = f"q = {variances.flat[k]:.6g}, where b_var would be {biases.flat[k]:.4g}"
            raise DomainError(given, "q at which b_var is not negative", "another q: this is off the critical line")
        return weights, biases

    def _values(self, q: Array) -> tuple[Array, Array]:
        moments = Moments(self.activation)
        mean, slope = moments.mean(q, 1.0), moments.slope(q, 1.0)
        with np.errstate(all="ignore"):  # moments that leave the floats give NaN, which is not on the line
            weights, biases = 1 / slope.value, q - mean.value / slope.value
            rounding = (mean.error + mean.value * slope.error / slope.value) / slope.value + 2.0**-52 * q
        return weights, np.where(np.abs(biases) <= rounding, 0.0, biases)

    def at(self, q: object) -> tuple[Value, Value]:
        """`Value`s of w_var and b_var at one q."""
        return self.w_var.evaluate(q), self.b_var.evaluate(q)


@dataclass(frozen=True)
class PhaseDiagram:
    r"""Signals in deep random networks with one activation, in the plane of $\sigma_w^2$ and $\sigma_b^2$."""

    activation: Activation

    @property
    def variance_map(self) -> Derivation:
        r"""V(q), the variance after a layer."""
        return statements.variance_map(self.activation)

    @property
    def variance_slope(self) -> Derivation:
        r"""V'(q)."""
        return statements.variance_slope(self.activation)

    @property
    def chi(self) -> Derivation:
        r"""$\chi_1(q) = \sigma_w^2\,\mathbb E\phi'(u)^2$."""
        return statements.chi(self.activation)

    @property
    def correlation_map(self) -> Derivation:
        r"""$R(\rho)$, the correlation after a layer of inputs of equal variance q."""
        return statements.correlation_map(self.activation)

    def critical_line(self) -> CriticalLine:
        r"""The line $\chi_1 = 1$, with the fixed point q as its parameter.

        >>> from symlimits import activations as act
        >>> PhaseDiagram(act.relu).critical_line().is_point
        True
        """
        return CriticalLine(self.activation, *statements.critical_variances(self.activation))

    def at(self, w_var: object, b_var: object = 0, start: object = 1) -> Phase:
        r"""The phase at weights of variance `w_var` > 0 and biases of variance `b_var`, for variances from `start` > 0.

        Raises `DomainError` for what are no such numbers, and where the fixed point is not between 1e-8 and 1e8.

        >>> from symlimits import activations as act
        >>> print(PhaseDiagram(act.erf).at(w_var=1, b_var="1/10"))
        ordered, q* = 0.38777, chi_1 = 0.797165, xi_q = 1.24875, xi_c = 4.41123, rho* = 1
        """
        weights, first = (_number(value, name, positive=True) for value, name in ((w_var, "w_var"), (start, "start")))
        return phase_at(Layer(self._moments(), weights, _number(b_var, "b_var")), first)

    def decay(self, w_var: object, b_var: object = 0, start: object = 1) -> Decay:
        """The algebraic rate at a critical point.

        Raises `DomainError` where the point is not critical, with the distance from it, and `NoRule` where the map has
        no expansion.

        >>> from symlimits import activations as act
        >>> print(PhaseDiagram(act.relu).decay(w_var=2))
        1 - rho ~ 44.4132 * ell**(-2) at q* = 1, NTK ratio 1/4
        """
        phase = self.at(w_var, b_var, start)
        if phase.phase != "critical":
            raise self._not_critical(phase)
        if phase.note == REPELS:
            given = f"w_var = {phase.w_var:g}, b_var = {phase.b_var:g}, whose fixed point repels: V' > 1"
            raise DomainError(given, "one that variances stay at", "critical_line().points(q) at another q")
        return decay_at(self.activation, phase)

    def picture(self, path: str | Path | None = None, sigma_w: object = 3, sigma_b: object = 1) -> Any:
        r"""The plane up to `sigma_w` and `sigma_b`: phases, critical line, depth scale of the correlation.

        Signals start from a variance of one. Returns a matplotlib figure, written to `path` (.pdf, .png, .svg) if it is
        given. Raises `NoRule` without matplotlib (the extra `plot`).
        """
        ends = (_number(end, name, positive=True) for end, name in ((sigma_w, "sigma_w"), (sigma_b, "sigma_b")))
        return drawn(self, path, *ends)

    def _moments(self) -> Moments:
        if self.activation.parameters:
            name = self.activation.parameters[0]
            raise DomainError(f"{self.activation.expr} with {name} free", "numbers", "the activation with a number")
        return Moments(self.activation)

    def _not_critical(self, phase: Phase) -> DomainError:
        wanted = "a point of the critical line, chi_1 = 1"
        if phase.chi is None:
            return DomainError(f"w_var = {phase.w_var:g}, where the variance diverges", wanted, "a smaller w_var")
        given = f"w_var = {phase.w_var:g}, b_var = {phase.b_var:g}, where chi_1 - 1 = {phase.chi.value - 1:.4g}"
        if phase.q.value == 0:
            return DomainError(given, wanted, f"w_var={phase.w_var / phase.chi.value!r}")
        weights, biases = self.critical_line()._values(np.asarray(phase.q.value))
        if biases < 0:
            return DomainError(given, wanted, "critical_line().points(q) at another q")
        return DomainError(given, wanted, f"w_var={float(weights)!r}, b_var={float(biases)!r}")


def _number(value: object, name: str, positive: bool = False) -> float:
    """A variance as a float."""
    found = exact(value, name)
    wanted = f"a {'positive' if positive else 'nonnegative'} number"
    if found.free_symbols or not found.is_finite or not found.is_real or found < 0 or (positive and found == 0):
        raise DomainError(f"{name} = {found}", wanted, f"{name}={'1' if positive else '0'}")
    return float(found)

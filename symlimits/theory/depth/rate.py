r"""The algebraic rate at one critical point, as an object: derived lines, their constant, and networks beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import sympy as sp

from symlimits.certify import Certificate, Link, certificate
from symlimits.chain import Derivation
from symlimits.errors import DomainError
from symlimits.ladder import Value
from symlimits.language.activation import Activation
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.names import shown
from symlimits.theory.depth.decay import correlation_decay, correlation_power, ell, tangent_ratio, variance_decay
from symlimits.theory.depth.iteration import FRACTIONS, Iterated, iterated
from symlimits.theory.depth.phase import Phase
from symlimits.theory.depth.statements import correlation_map

CORRELATION = "correlation"
VARIANCE = "variance"
RATE = 1e-4  # of a fitted constant: what the fit leaves out is (log l)/l^2 of it, 1e-5 at the first of the depths
BENT = 6e-4  # where a second or higher derivative jumps, as elu's: some (log l)/l^(3/2) of it
EXPONENT = 0.06  # of a slope between two depths: some l^(-1/2) at kinks, and 1/s of s = 1/2, 1, 3/2 differ by 1/3
RATIO = 1e-3  # of a ratio: (log l)^2/l^2 at the first of the depths
SHALLOWEST = 5000  # layers, for which these hold


@dataclass(frozen=True)
class Decay:
    r"""What decays algebraically at a critical point: the gap $1 - \rho_\ell$, or the variance itself at $q^* = 0$.

    `quantity` is "correlation" or "variance", `derivation` the lines to its constant C, `exponent` $\beta$ in
    $C\ell^{-\beta}$, `constant` the value of C at this point. `ntk_ratio` derives what
    $\Theta_\ell(x, z)/\Theta_\ell(x, x)$ tends to; None at $q^* = 0$, where it depends on the start, as the correlation
    does: `iterate` shows both. `expr` is the leading term, in the depth `ell`.
    """

    activation: Activation
    phase: Phase
    quantity: str
    exponent: sp.Rational
    derivation: Derivation
    ntk_ratio: Derivation | None

    @property
    def constant(self) -> Value:
        """C at this point, with the error that the fixed point's makes."""
        q, error = self.phase.q.value, self.phase.q.error
        points = (q, q - error, q + error) if self.derivation.arguments and error else (q,)
        found, *ends = (self.derivation.evaluate(*(at for _ in self.derivation.arguments)) for at in points)
        found = found._replace(error=found.error + max((abs(end.value - found.value) for end in ends), default=0.0))
        if not found.value > 0:
            given = f"a gap that grows: a constant of {found.value:.6g} at q* = {self.phase.q.value:.6g}"
            raise DomainError(given, "a fixed point that attracts", "another point of the critical line")
        return found

    @property
    def expr(self) -> sp.Expr:
        """The leading term."""
        return self.derivation.expr * ell**-self.exponent

    def __str__(self) -> str:
        state = "1 - rho" if self.quantity == CORRELATION else "q"
        ends = f", NTK ratio {self.ntk_ratio.expr}" if self.ntk_ratio is not None else ""
        return f"{state} ~ {self.constant.value:.6g} * ell**(-{self.exponent}) at q* = {self.phase.q.value:.6g}{ends}"

    def iterate(self, rho: float = 0.5, depth: int = 10_000) -> Iterated:
        r"""Two inputs at depths up to `depth`: variance, gap of the correlation, and ratio of the tangent kernels.

        `rho` is their correlation in the first layer, whose variance is $q^*$ (at $q^* = 0$ the start's). The least
        that biases allow is $2\sigma_b^2/q - 1$. Raises `DomainError` outside of it, and for a depth below 16.
        """
        q = self.phase.q.value or self.phase.start
        least = 2 * self.phase.b_var / q - 1
        if isinstance(rho, bool) or not isinstance(rho, int | float) or not least <= rho < 1:
            raise DomainError(f"rho = {shown(rho)}", f"a correlation from {least:.6g} to below 1", "rho=0.5")
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < max(FRACTIONS):
            raise DomainError(f"depth = {shown(depth)}", f"a number of layers, {max(FRACTIONS)} or more", "depth=10000")
        return iterated(self.activation, self.phase.w_var, self.phase.b_var, q, rho, depth)

    def check(self, depth: int = 10_000, rho: float = 0.5, seed: int = 0) -> Certificate:
        """The lines, the expansion of a map without closed form, and what `depth` layers leave of two inputs.

        Constants are fitted at eight depths; `depth` is 5000 or more. One that is wrong by a thousandth is rejected.
        """
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < SHALLOWEST:
            raise DomainError(f"depth = {shown(depth)}", f"{SHALLOWEST} layers or more, for a fit", "depth=10000")
        links = [self.derivation.check(seed).links[0]]
        if self.quantity == CORRELATION and self.derivation.expr.has(GaussianExpectation):
            links.append(correlation_map(self.activation).at_one(1).check(seed))
        if self.ntk_ratio is not None:
            links.append(self.ntk_ratio.check(seed).links[0])
        links.append(self._iteration(self.iterate(rho, depth)))
        return certificate(f"{self.derivation.name} = {self.derivation.expr}", links, seed)

    def _iteration(self, found: Iterated) -> Link:
        """What networks say, beside what is derived."""
        state, s = found.gap if self.quantity == CORRELATION else found.variance, float(1 / self.exponent)
        constant, power = found.rate(state, s), found.exponent(state)
        details = {"constant": constant, "exponent": power, "derived": self.constant.value}
        off = abs(constant / self.constant.value - 1)
        passed = off < (BENT if found.bent and s != 0.5 else RATE) and abs(power - float(self.exponent)) < EXPONENT
        said = f"constant {constant:.7g} fitted, off by {off:.1e}; exponent {power:.4f}"
        if self.ntk_ratio is not None:
            ratio, derived = found.end(found.ratio), float(self.ntk_ratio.expr)
            details |= {"NTK ratio": ratio, "derived ratio": derived}
            passed &= abs(ratio - derived) < RATIO
            said += f"; NTK ratio {ratio:.5f}"
        return Link("iteration", bool(passed and math.isfinite(off)), f"{said}, {found.depths[-1]:.0f} layers", details)


def decay_at(phi: Activation, phase: Phase) -> Decay:
    """The rate at a critical point."""
    if phase.q.value == 0:
        s, lines = variance_decay(phi)
        return Decay(phi, phase, VARIANCE, 1 / s, lines, None)
    s = correlation_power(phi)
    return Decay(phi, phase, CORRELATION, 1 / s, correlation_decay(phi), tangent_ratio(phi))

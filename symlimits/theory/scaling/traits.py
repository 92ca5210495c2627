"""What the scaling of a network asks of its activation: Taylor orders, jumps of the derivative, homogeneity."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from symlimits import activations
from symlimits.errors import DomainError
from symlimits.language.activation import Activation, activation, x
from symlimits.language.names import shown


@dataclass(frozen=True)
class Traits:
    """`degree` of a polynomial, or None; whether the derivative `jumps`; whether phi(c x) = c phi(x) for c > 0.

    `lopsided`: whether a jump changes the size of the derivative, so that training pushes neurons over a kink with
    another force than back; the slopes of |x| have one size.

    >>> traits(activations.relu)
    Traits(degree=None, jumps=True, homogeneous=True, lopsided=True)
    >>> traits(activations.absolute).lopsided
    False
    """

    degree: int | None
    jumps: bool
    homogeneous: bool
    lopsided: bool

    @property
    def exact(self) -> bool:
        """Whether the first order of Taylor's formula is all there is, at every size of the increment."""
        return self.degree == 1


def traits(phi: Activation) -> Traits:
    """The traits of an activation; `DomainError` for one that jumps or is constant: it has no gradient."""
    if phi.discontinuities:
        jump = phi.discontinuities[0]
        raise DomainError(f"{phi.expr}, which jumps at x = {jump}", "an activation with a gradient", "relu or tanh")
    degree = sp.degree(phi.expr, x) if phi.expr.is_polynomial(x) else None
    if degree is not None and degree < 1:
        raise DomainError(f"the constant activation {phi.expr}", "a function of x", "activation='tanh'")
    lopsided = any(below**2 != above**2 for below, above in phi.slope_jumps)
    return Traits(None if degree is None else int(degree), bool(phi.slope_jumps), phi.degree == 1, lopsided)


def named(phi: object) -> Activation:
    """An activation from itself, the name of one in `symlimits.activations`, or a formula.

    >>> named("tanh"), named("x + tanh(x)")
    (activation('tanh(x)'), activation('x + tanh(x)'))
    """
    if isinstance(phi, Activation):
        return phi
    if isinstance(phi, sp.Expr):
        return activation(phi)
    if isinstance(phi, str):
        if phi in activations.FORMULAS or phi == "elu":
            return getattr(activations, phi)
        if phi.isidentifier() and phi != x.name:
            known = ", ".join(sorted(activations.FORMULAS))
            raise DomainError(f"activation = {phi!r}", f"a formula in x, or one of {known}", "activation='tanh'")
        return activation(phi)
    raise DomainError(f"activation = {shown(phi)}", "an activation, its name or a formula", "activation='tanh'")

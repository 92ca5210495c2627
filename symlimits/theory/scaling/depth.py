r"""Exponents of depth: residual networks $x^{l+1} = x^l + \mathcal{L}^{-\alpha}\phi(W^l x^l)$ with rates
$\mathcal{L}^{-\gamma}$.

The calculus of width with depth $\mathcal{L}$ for its base: the $\mathcal{L}$ blocks add to one stream; at
initialisation they are independent and obey the central limit theorem, $\mathcal{L}^{1/2}$; their updates all move the
stream by the gradient that reaches them and add up coherently, $\mathcal{L}^1$. Derived here; compare Yang et al.,
arXiv 2310.02244, and Bordelon et al., arXiv 2309.16620.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import sympy as sp

from symlimits.derivation.affine import Affine, as_fraction
from symlimits.derivation.maxplus import MaxPlus
from symlimits.derivation.polyhedra import Constraint, implied, minimal
from symlimits.errors import DomainError
from symlimits.language.names import shown
from symlimits.theory.scaling.exact_numbers import rational
from symlimits.theory.scaling.passes import MOVES

ALPHA, GAMMA = sp.symbols("alpha gamma", real=True)
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class DepthExponents:
    """`init` is the exponent of the stream at initialisation, `update` that of its change by training.

    `update` holds where the initialisation is stable. `stable` are the conditions that neither diverges.
    """

    optimizer: str
    init_number: MaxPlus
    update_number: MaxPlus
    constraints: tuple[Constraint, ...]

    @property
    def init(self) -> sp.Expr:
        """The exponent at initialisation."""
        return sp.Max(*(form.expr((ALPHA, GAMMA)) for form in self.init_number.forms))

    @property
    def update(self) -> sp.Expr:
        """The exponent of the change."""
        return sp.Max(*(form.expr((ALPHA, GAMMA)) for form in self.update_number.forms))

    @property
    def stable(self) -> tuple[sp.Basic, ...]:
        """The conditions of stability."""
        return tuple(constraint.expr((ALPHA, GAMMA)) for constraint in self.constraints)

    def rate(self, alpha: object = "1/2") -> sp.Rational:
        r"""The $\gamma$ at which the features learn as fast as stability allows: the change has exponent zero.

        Raises `DomainError` where the initialisation diverges.

        >>> depth_exponents("sgd").rate("1/2"), depth_exponents("adam").rate("1/2")
        (0, 1/2)
        """
        value, _ = rational(alpha, "alpha")
        here = (Constraint(Affine.variables(2)[0] - as_fraction(value), "="),)
        for form in self.init_number.forms:
            if not implied(here, Constraint(form, "<=")):
                raise DomainError(f"alpha = {value}", "1/2 or more, so that the stream does not diverge", "alpha='1/2'")
        return max(sp.solve(form.expr((value, GAMMA)), GAMMA)[0] for form in self.update_number.forms)


def depth_exponents(optimizer: str = "sgd") -> DepthExponents:
    r"""Depth exponents under "sgd", or "adam" or "sign".

    >>> depth_exponents("sgd").update, depth_exponents("adam").update
    (-2*alpha - gamma + 1, -alpha - gamma + 1)
    >>> depth_exponents("sgd").stable
    (1 - 2*alpha <= 0, -2*alpha - gamma + 1 <= 0)
    """
    if not isinstance(optimizer, str) or optimizer not in MOVES:
        raise DomainError(f"optimizer = {shown(optimizer)}", f"one of {', '.join(MOVES)}", "optimizer='sgd'")
    alpha, gamma = Affine.variables(2)
    one = MaxPlus.of(Affine.const(0, 2))
    blocks = one.shifted(HALF - alpha)  # independent branches
    init = one + blocks
    premise = tuple(Constraint(form, "<=") for form in sorted(blocks.forms))
    stream = init.pruned(premise)  # forward, and, with the transposed blocks, backward
    gradient = (stream * stream).shifted(-alpha)  # of one block's weights: through its branch
    move = (gradient if MOVES[optimizer] == "sgd" else one).shifted(-gamma)
    update = (move * stream).shifted(1 - alpha).pruned(premise)  # all blocks together, coherently
    constraints = minimal([*premise, *(Constraint(form, "<=") for form in sorted(update.forms))])
    return DepthExponents(optimizer, init, update, constraints)

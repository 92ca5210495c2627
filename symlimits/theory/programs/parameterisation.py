r"""How the weights of each layer stand in a network: multipliers, variances and rates, from an abc-parameterisation.

$W^l = m_l w^l$ with entries of $w^l$ from $N(0, s_l)$ and rate $r_l$ for $w^l$, where
$$m_l \propto n^{-a_l},\qquad s_l \propto n^{-2b_l},\qquad r_l \propto n^{-c_l}$$
(Yang & Hu, arXiv 2011.14522, definition 1.1). Powers of n move between the three without a change of the network: here
to b = 0, so that Gaussian vectors are of order one, with $c_l - 2b_l$ for gradient descent, $c_l - b_l$ for signs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.names import shown
from symlimits.language.tensor_program import n
from symlimits.theory.scaling.abc_point import Point
from symlimits.theory.scaling.named import NAMES

TITLES = {"mup": "MFP", "ntk": "NTK", "standard": "SP", "mean_field": "deep-MF"}  # as `sl.scaling.named` calls them
OPTIMIZERS = ("sgd", "sign")


@dataclass(frozen=True)
class Factors:
    """Weights w of one kind: they stand in the network as `multiplier` w, start as N(0, variance), move at `rate`."""

    multiplier: sp.Expr
    variance: sp.Expr
    rate: sp.Expr


@dataclass(frozen=True)
class Parameterisation:
    """Exponents of the L + 1 layers with b = 0, the learning rate, and where the variances stand.

    With `variance_outside` a weight is $\\sqrt{w_{var}}$ times one from N(0, 1), as in the NTK parameterisation.
    """

    multipliers: tuple[sp.Rational, ...]
    rates: tuple[sp.Rational, ...]
    lr: sp.Expr
    sign: bool
    variance_outside: bool

    def weights(self, layer: int, variance: sp.Expr) -> Factors:
        """The weights of layer 0, ..., L."""
        power = n ** self.multipliers[layer]
        if self.variance_outside:
            return Factors(sp.sqrt(variance) * power, sp.S.One, self.lr * n ** self.rates[layer])
        return Factors(power, variance, self.lr * n ** self.rates[layer])

    def bias(self, variance: sp.Expr) -> Factors:
        """The bias of a hidden layer: it is a weight of the first layer, whose input is 1."""
        return self.weights(0, variance)

    def output_bias(self, variance: sp.Expr) -> Factors:
        """The bias of the output: one number, which order-one rates move by order one already."""
        power = self.rates[0] + (1 if self.sign else 2) * self.multipliers[0]  # that of the first layer, multiplier 1
        rate = self.lr * n ** min(power, sp.S.Zero)
        if self.variance_outside:
            return Factors(sp.sqrt(variance), sp.S.One, rate)
        return Factors(sp.S.One, variance, rate)


def parameterisation(scaling: Any, depth: int, optimizer: str, lr: sp.Expr) -> Parameterisation:
    """A scaling by its name, or a point of `sl.scaling.abc`, for `depth` hidden layers."""
    if not isinstance(optimizer, str) or optimizer not in OPTIMIZERS:
        given = f"optimizer = {shown(optimizer)}"
        raise DomainError(given, "'sgd' or 'sign' (Adam with epsilon and both betas zero)", "optimizer='sgd'")
    sign = optimizer == "sign"
    rows = _rows(scaling, depth, optimizer)
    multipliers = tuple(-(a + b) for a, b, _ in rows)
    rates = tuple((1 if sign else 2) * b - c for _, b, c in rows)
    return Parameterisation(multipliers, rates, lr, sign, isinstance(scaling, str) and scaling == "ntk")


def _rows(scaling: Any, depth: int, optimizer: str) -> list[tuple[sp.Rational, ...]]:
    """The exponents (a, b, c), layer by layer."""
    if isinstance(scaling, str) and scaling in TITLES:
        row = NAMES[TITLES[scaling] + ("-adam" if optimizer == "sign" else "")]
        first, hidden, last = (tuple(map(sp.Rational, layer)) for layer in zip(row.a, row.b, row.c, strict=True))
        return [first, *[hidden] * (depth - 1), last]
    point = _point(scaling, depth, optimizer)
    return list(zip(point.a, point.b, point.c, strict=True))


def _point(scaling: Any, depth: int, optimizer: str) -> Point:
    if not isinstance(scaling, Point):
        wanted = f"one of {', '.join(TITLES)}, or a point of sl.scaling.abc"
        raise DomainError(f"scaling = {shown(scaling)}", wanted, "sl.scaling.abc(depth=2).at(a=..., b=..., c=...)")
    if scaling.depth != depth:
        given = f"a scaling of {scaling.depth} hidden layers for a network of {depth}"
        raise DomainError(given, "one of the same depth", f"sl.scaling.abc(depth={depth})")
    if (scaling.optimizer == "sgd") != (optimizer == "sgd"):
        given = f"a scaling for {scaling.optimizer} with optimizer = {optimizer!r}"
        raise DomainError(given, "one for the same optimizer", "sl.scaling.abc(depth, optimizer='sign')")
    return scaling

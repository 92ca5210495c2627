"""Functions of one variable that a map applies to each coordinate: derivatives, parity, degree, numbers.

An undefined SymPy function stands for a generic one: all its derivatives are different, and none of them vanishes. On
samples it is a trigonometric sum that is drawn: what is not zero for one function is not zero for generic ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
import numpy.typing as npt
import sympy as sp
from sympy.core.function import AppliedUndef

from symlimits.errors import NoRule
from symlimits.language.activation import Activation, x

Array = npt.NDArray[np.float64]
Y = sp.Dummy("y", real=True)
KINKED = (sp.Abs, sp.sign, sp.Heaviside, sp.Piecewise, sp.Max, sp.Min)
UNKNOWN = (sp.DiracDelta, sp.floor, sp.ceiling, sp.frac)
WAVES = 3  # of a stand-in: no derivative of it is a multiple of another


@dataclass(frozen=True)
class Curve:
    """The derivative of order `order` of `head`, a formula in Y or an undefined function of it."""

    head: sp.Expr
    order: int = 0

    def derivative(self, k: int) -> Curve:
        """The k-th derivative."""
        return Curve(self.head, self.order + k)

    @property
    def generic(self) -> bool:
        """Whether it is an undefined function."""
        return isinstance(self.head, AppliedUndef)

    @property
    def kinked(self) -> bool:
        """Whether it has kinks or jumps: Taylor's formula does not hold for it."""
        return bool(self.head.has(*KINKED))

    @property
    def degree(self) -> int | None:
        r"""The m of $f(cy) = c^mf(y)$ for positive c, or None."""
        return None if self.generic else _degree(self.head)

    @property
    def parity(self) -> int:
        """1 if it is even, -1 if odd, 0 if neither is seen."""
        return 0 if self.generic else _parity(self.head) * (-1) ** self.order

    def at_zero(self) -> sp.Expr | None:
        """Its value at zero, None for a generic one; `NoRule` where it has none."""
        return None if self.generic else _at_zero(self.head, self.order)

    def function(self, parameters: Mapping[sp.Symbol, float], seed: int) -> Callable[[Array], Array]:
        """It as a function of arrays, at values of its parameters; of a generic one the seed picks the sum."""
        if self.generic:
            return _stand_in(self.head.func.__name__, self.order, seed)
        return _compiled(self.head.subs(parameters), self.order)


def curve(expr: sp.Expr) -> Curve:
    """The curve of a formula in Y; `NoRule` for one that is singular, or holds functions that nothing is known of.

    >>> phi = sp.Function("phi")
    >>> curve(phi(Y).diff(Y, 2)).order
    2
    """
    if isinstance(expr, sp.Derivative) and isinstance(expr.expr, AppliedUndef) and expr.expr.args == (Y,):
        return Curve(expr.expr, sum(int(count) for _, count in expr.variable_count))
    found = Curve(expr)
    if not found.generic:
        _check(expr)
    return found


def _check(expr: sp.Expr) -> None:
    shown = expr.xreplace({Y: sp.Symbol("x")})
    if expr.has(*UNKNOWN):
        raise NoRule(f"width exponents with the map {shown}", "a map with few kinks", "a smooth map")
    if expr.atoms(AppliedUndef, sp.Derivative, sp.Subs, sp.Integral):
        advice = "phi(x) in a map of its own"
        raise NoRule(f"width exponents with the map {shown}", "an undefined function alone", advice)
    bases = [p.base for p in expr.atoms(sp.Pow) if not (p.exp.is_integer and p.exp.is_nonnegative)]
    bases += [log.args[0] for log in expr.atoms(sp.log)]
    if any(base.is_polynomial(Y) and base.has(Y) and _has_zero(base) for base in bases):
        raise NoRule(f"width exponents with the map {shown}", "a map that is smooth on the line", "a smooth map")
    if Activation(expr.xreplace({Y: x})).growth != 0:
        raise NoRule(f"width exponents with the map {shown}", "a map with all Gaussian moments", "a slower function")


def _has_zero(base: sp.Expr) -> bool:
    try:
        return bool(sp.Poly(base, Y).count_roots() > 0)
    except (sp.PolynomialError, NotImplementedError):  # coefficients that are no numbers
        return True


@lru_cache(maxsize=4096)
def _derivative(head: sp.Expr, order: int) -> sp.Expr:
    return head if order == 0 else _derivative(head, order - 1).diff(Y)


@lru_cache(maxsize=1024)
def _degree(head: sp.Expr) -> int | None:
    return Activation(head.xreplace({Y: x})).degree


@lru_cache(maxsize=1024)
def _parity(head: sp.Expr) -> int:
    mirrored = head.xreplace({Y: -Y})
    if sp.expand(mirrored - head) == 0:
        return 1
    return -1 if sp.expand(mirrored + head) == 0 else 0


@lru_cache(maxsize=4096)
def _at_zero(head: sp.Expr, order: int) -> sp.Expr:
    value = _derivative(head, order).subs(Y, 0)
    if value.is_finite is False or value.has(sp.nan, sp.zoo, sp.oo):
        given = f"the map {head.xreplace({Y: sp.Symbol('x')})} at zero"
        raise NoRule(given, "a map that is smooth there", "another map")
    return value


@lru_cache(maxsize=4096)
def _compiled(head: sp.Expr, order: int) -> Callable[[Array], Array]:
    written = _derivative(head, order)
    written = written.rewrite(sp.Piecewise) if written.has(*KINKED) else written
    found = sp.lambdify(Y, written, modules=["scipy", "numpy"], cse=True)
    return lambda x: np.broadcast_to(found(x), x.shape)


def _stand_in(name: str, order: int, seed: int) -> Callable[[Array], Array]:
    rng = np.random.default_rng((seed, crc32(name.encode())))
    speeds, phases, sizes = (rng.uniform(low, high, WAVES) for low, high in ((0.3, 1.2), (0.3, 1.2), (0.5, 1.0)))
    waves = [*zip(sizes * speeds**order, speeds, phases + order * np.pi / 2, strict=True)]
    return lambda x: sum((a * np.sin(w * x + p) for a, w, p in waves), np.zeros(1))

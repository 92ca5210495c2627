r"""How fast the values of a program grow in its Gaussian variables g: what has all moments, and what has not.

A bound $|Z|\le C(1+|g|)^de^{C|g|^p}$ is carried through maps one after the other: of several vectors, of maps of maps,
of matrices between them. With $p<2$ all moments exist. The bound is from above: what is beyond it is not seen to have a
mean, and is refused. A map of one vector is measured far out; an exponential falls where its argument is not positive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import sympy as sp
from sympy.core.function import AppliedUndef

from symlimits.errors import NoRule
from symlimits.language.activation import Activation, x
from symlimits.language.growth import FAR, PHASES
from symlimits.language.magnitude import DIGITS, magnitude

WANTED = "maps with all moments, as the Master theorem asks"
BOUNDED = (sp.erf, sp.erfc, sp.sin, sp.cos, sp.tanh, sp.atan, sp.sech, sp.sinc, sp.Si, sp.sign, sp.Heaviside)
LINEAR_MAPS = (sp.Abs, sp.Max, sp.Min, sp.asinh)
GROWING = (sp.exp, sp.sinh, sp.cosh)
KNOWN = (*BOUNDED, *LINEAR_MAPS, *GROWING, sp.log, sp.Piecewise, sp.besselj, AppliedUndef)
ENOUGH = sp.Rational(1, 50)  # what is added to a measured power
SAMPLES = (sp.Rational(97, 89), sp.Rational(53, 71))  # scalars of a map that is measured
SMOOTH, LOGARITHM, POLE, UNREAL = range(4)


@dataclass(frozen=True)
class Tail:
    r"""$|g|^d e^{|g|^p}$ with the order p and the degree d; what it is like near its singularities."""

    order: sp.Expr = sp.S.Zero
    degree: sp.Expr = sp.S.Zero
    singular: int = SMOOTH
    gaussian: bool = False  # or a sum of such: its density is bounded

    @property
    def has_moments(self) -> bool:
        """Whether all moments are seen to exist."""
        return bool(self.order < 2) and self.singular != UNREAL


CONSTANT = Tail()
LINEAR = Tail(degree=sp.S.One, gaussian=True)
UNBOUNDED = Tail(sp.oo)
UNKNOWN = Tail(sp.oo, sp.S.Zero, UNREAL)  # it may have no real values


@dataclass(frozen=True)
class Tails:
    """The tail of a formula, from those of the vectors in it and from `signs`, symbols with what is known of a value.

    >>> z, w = sp.symbols("z w", real=True)
    >>> of = Tails({z: LINEAR, w: LINEAR}, {})
    >>> [of(f).has_moments for f in (sp.exp(z + w), sp.exp(z * w / 9), sp.exp(-((z - w) ** 2)), sp.tanh(z * w))]
    [True, False, True, True]
    """

    sizes: Mapping[sp.Symbol, Tail]
    signs: Mapping[sp.Symbol, sp.Symbol]

    def checked(self, expr: sp.Expr, wanted_for: str = "the limit of") -> Tail:
        """The tail; `NoRule` where it is not seen to have moments."""
        found = self(expr)
        if not found.has_moments:
            raise NoRule(f"{wanted_for} the map {expr}, which {self._why(expr, found)}", WANTED, "a slower function")
        return found

    def _why(self, expr: sp.Expr, found: Tail) -> str:
        if found.singular != UNREAL:
            return "is not seen to have all moments"
        heads = sorted({f.func.__name__ for f in expr.atoms(sp.Function) if not isinstance(f, KNOWN)})
        if heads and len(self._vectors(expr)) > 1:
            return (
                f"is not seen to have all moments, as the growth of {', '.join(heads)} of several vectors is not known"
            )
        return "is not seen to be real"

    def __call__(self, expr: sp.Expr) -> Tail:
        vectors = self._vectors(expr)
        if not vectors:
            return CONSTANT
        if expr.is_Symbol:
            return self.sizes[expr]
        parts = self._of_parts(expr)
        if len(vectors) > 1 or expr.is_polynomial(*vectors) or expr.atoms(AppliedUndef, sp.Derivative, sp.Subs):
            return parts
        return self._curve(expr, vectors[0], parts)

    def _vectors(self, expr: sp.Expr) -> list[sp.Symbol]:
        return [s for s in expr.free_symbols if self.sizes.get(s, CONSTANT) != CONSTANT]

    def signed(self, expr: sp.Expr) -> sp.Expr:
        """A formula in symbols with what is known of the signs of values."""
        return expr.xreplace(
            {s: self.signs.get(s, sp.Dummy(positive=True)) for s in expr.free_symbols if self._free(s)}
        )

    def _free(self, symbol: sp.Symbol) -> bool:
        """Whether a symbol stands for itself no longer: a value of a known sign, or a parameter, taken as positive."""
        return symbol in self.signs or (symbol not in self.sizes and symbol.is_positive is None)

    def _of_parts(self, expr: sp.Expr) -> Tail:
        if expr.is_Add:
            return _sum([self(part) for part in expr.args])
        if expr.is_Mul:
            return _product([self(part) for part in self._factors(expr)])
        if expr.is_Pow and not isinstance(expr, sp.exp):
            return self._power(*expr.as_base_exp())
        if isinstance(expr, BOUNDED):
            return UNKNOWN if self(expr.args[0]).singular == UNREAL else CONSTANT
        if isinstance(expr, sp.besselj) and expr.order.is_integer and not self._vectors(expr.order):
            return UNKNOWN if self(expr.argument).singular == UNREAL else CONSTANT
        if isinstance(expr, GROWING):
            return self._exponential(expr)
        if isinstance(expr, sp.log):
            return self._logarithm(expr.args[0])
        if isinstance(expr, (*LINEAR_MAPS, AppliedUndef)):
            return _plain(_sum(list(map(self, expr.args))))
        if isinstance(expr, sp.Derivative | sp.Subs):  # of an undefined function
            return _plain(_sum([self.sizes.get(s, CONSTANT) for s in expr.free_symbols]))
        if isinstance(expr, sp.Piecewise):
            return _plain(_sum([self(value) for value, _ in expr.args]))
        return UNKNOWN

    def _factors(self, expr: sp.Expr) -> list[sp.Expr]:
        """The factors of a product, those of the same vectors in one: a logistic slope is a quotient of two."""
        groups: dict[frozenset[sp.Symbol], list[sp.Expr]] = {}
        for factor in expr.args:
            groups.setdefault(frozenset(self._vectors(factor)), []).append(factor)
        return list(expr.args) if len(groups) == 1 else [sp.Mul(*group) for group in groups.values()]

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> Tail:
        if self._vectors(exponent):
            if self._vectors(base) or not self.signed(base).is_positive:
                return UNKNOWN
            return self._exponential(sp.exp(exponent))
        inner = self(base)
        exponent = sp.nsimplify(exponent, rational=True) if exponent.is_Float else exponent
        real = exponent.is_integer or self.signed(base).is_nonnegative
        if not exponent.is_Rational or not real:
            return UNKNOWN
        if exponent > 0:
            order = sp.oo if inner.singular == POLE and exponent > 1 else inner.order
            return Tail(order, inner.degree * exponent, inner.singular)
        if inner.singular != UNREAL and self._is_away_from_zero(base):
            return CONSTANT
        return Tail(inner.order, sp.oo, max(inner.singular, POLE))

    def _is_away_from_zero(self, base: sp.Expr) -> bool:
        """A sum of what is not negative, and of a number or scalar that is positive."""
        if isinstance(base, sp.cosh):
            return True
        if base.is_Mul:
            return all(self._is_away_from_zero(part) for part in base.args)
        if base.is_Pow and base.exp.is_positive:
            return self._is_away_from_zero(base.base)
        signed = [self.signed(part) for part in sp.Add.make_args(base)]
        fixed = sp.Add(*(s for s, part in zip(signed, sp.Add.make_args(base), strict=True) if not self._vectors(part)))
        return bool(fixed.is_positive and all(part.is_nonnegative for part in signed if part.free_symbols))

    def _exponential(self, expr: sp.Expr) -> Tail:
        argument = expr.args[0]
        inner = self(argument)
        if inner.singular == UNREAL:
            return UNKNOWN
        smooth = inner.order == 0 and not inner.singular
        if isinstance(expr, sp.exp):
            if self.signed(argument).is_nonpositive:
                return CONSTANT
            if smooth and inner.degree >= 2 and self._has_falling_square(argument):
                return Tail(sp.S.One)
            rising = self._rising(argument)
            if rising != argument:
                return _plain(self(sp.exp(rising)))
        return Tail(inner.degree) if smooth else UNBOUNDED

    def _rising(self, argument: sp.Expr) -> sp.Expr:
        """A sum without the terms that are nowhere positive: its exponential is no smaller."""
        return sp.Add(*(part for part in sp.Add.make_args(argument) if not self.signed(part).is_nonpositive))

    def _has_falling_square(self, argument: sp.Expr) -> bool:
        """Whether it is a polynomial of degree two in what grows linearly, whose largest part is nowhere positive."""
        vectors = self._vectors(argument)
        if any(self.sizes[s].degree > 1 for s in vectors) or not argument.is_polynomial(*vectors):
            return False
        if sp.Poly(argument, *vectors).total_degree() != 2:
            return False
        return bool(self.signed(sp.hessian(argument, vectors)).is_negative_semidefinite)

    def _logarithm(self, argument: sp.Expr) -> Tail:
        inner = self(argument)
        if not self.signed(argument).is_nonnegative or inner.singular == UNREAL or inner.order == sp.oo:
            return UNKNOWN
        singular = SMOOTH if self._is_away_from_zero(argument) else LOGARITHM
        return Tail(sp.S.Zero, inner.order or ENOUGH, singular)

    def _curve(self, expr: sp.Expr, vector: sp.Symbol, parts: Tail) -> Tail:
        """A map of one vector: the better of what its parts say and of what is measured."""
        inner, scalars = self.sizes[vector], sorted(expr.free_symbols - {vector}, key=str)
        if scalars and not parts.has_moments:
            return parts
        if parts.singular and not inner.gaussian:  # what is integrable there was asked of a bounded density
            return UNBOUNDED if parts.singular != UNREAL else UNKNOWN
        singular = min(parts.singular, POLE)  # real, as the map was looked at whole
        points = [dict.fromkeys(scalars, value) for value in SAMPLES] if scalars else [{}]
        measured = [_measured(expr.xreplace({vector: x} | point)) for point in points]
        order = max(order for order, _ in measured)
        degree = max(degree for _, degree in measured)
        found = Tail(inner.order, degree * inner.degree, singular)
        if order > 0:
            found = Tail(order * inner.degree if inner.order == 0 else sp.oo, sp.S.Zero, singular)
        return min(found, parts, key=lambda tail: (tail.order, tail.degree))


def _plain(tail: Tail) -> Tail:
    return Tail(tail.order, tail.degree, tail.singular)


def _sum(tails: list[Tail]) -> Tail:
    return Tail(
        max(tail.order for tail in tails),
        max(tail.degree for tail in tails),
        max(tail.singular for tail in tails),
        all(tail.gaussian or tail == CONSTANT for tail in tails),
    )


def _product(tails: list[Tail]) -> Tail:
    moving = [tail for tail in tails if tail != CONSTANT]
    if len(moving) == 1:
        return moving[0]
    singular = [tail.singular for tail in moving if tail.singular]
    known = not (len(singular) > 1 and POLE in singular)
    order = max((tail.order for tail in moving), default=sp.S.Zero)
    return Tail(order if known else sp.oo, sp.Add(*(tail.degree for tail in moving)), max(singular, default=SMOOTH))


@lru_cache(maxsize=4096)
def _measured(curve: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    r"""The order p and the degree d of a function of one variable: $\log|f|$ at two points far out, on either side."""
    pieces = Activation(curve).branches.pieces
    sides = [_measured_on(piece, side) for piece, side in ((pieces[0], -1), (pieces[-1], 1))]
    return max(order for order, _ in sides), max(degree for _, degree in sides)


def _measured_on(piece: sp.Expr, side: int) -> tuple[sp.Expr, sp.Expr]:
    if piece.is_polynomial(x):
        return sp.S.Zero, sp.S.Zero if piece == 0 else sp.Integer(sp.Poly(piece, x).degree())
    sizes = []
    for far in FAR:
        found = [_log_size(piece, side * (far + phase)) for phase in PHASES]
        sizes.append(max((size for size in found if size is not None), default=mpmath.inf))
    near, far = sizes
    if far == mpmath.inf:
        return sp.oo, sp.S.Zero
    steps = mpmath.log(mpmath.mpf(FAR[1]) / FAR[0])
    if far < 2 * near or far < 1:  # of x^d it is 5/3, of what tends to a number 1
        degree = max(mpmath.mpf(0), (far - near) / steps)
        return sp.S.Zero, sp.S.Zero if degree < 1e-9 else sp.Rational(str(mpmath.nstr(degree, 8))) + ENOUGH
    return sp.Rational(str(mpmath.nstr(mpmath.log(far / near) / steps, 8))) + ENOUGH, sp.S.Zero


def _log_size(piece: sp.Expr, at: sp.Expr) -> Any:
    try:
        size = abs(magnitude(piece, {x: at}))
    except ValueError:
        return None
    with mpmath.workdps(DIGITS):
        return mpmath.log(size + 1)


def of_a_product(answers: Iterable[Tail]) -> Tail:
    """Of a matrix times a vector: a Gaussian, and a multiple of each vector that its transpose was applied to."""
    found = _sum([LINEAR, *answers])
    return Tail(found.order, found.degree, found.singular, gaussian=True)

"""Scalar functions for compiled kernels: accurate to a few ulps, free of branches and of library calls.

LLVM turns a loop that calls them into vector instructions, which it cannot do with `math.acos` or `math.atan2`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_DOUBLE = ir.DoubleType()
_ROUNDED = 2e-12  # of c^2: a covariance may exceed sqrt(p q) by 1e-12 of it, as everywhere
_SLACK = 1e-9  # below zero or beyond one: what rounding makes of the sums that stand under roots and in arcsines

# asin(sqrt z) = sqrt z (1 + z P(z)) on 0 <= z <= 1/2; P by benchmarks/special_coefficients.py
_HALF_ANGLE = (
    0.16666666666666666,
    0.0750000000000028,
    0.04464285714211393,
    0.03038194452250247,
    0.02237215476552006,
    0.017352910485470593,
    0.01396156950707128,
    0.011603298700993395,
    0.00917160999006769,
    0.013442391811587493,
    -0.025581324215004246,
    0.17101146220020227,
    -0.6297138419141283,
    1.8963187485717359,
    -4.297586832199172,
    7.358619925497615,
    -9.158597380805825,
    7.8829450923016555,
    -4.201910132386749,
    1.0656658840535,
)


def _call(builder: Any, name: str, *arguments: Any) -> Any:
    """Emit a call of the LLVM intrinsic `name` on doubles."""
    function_type = ir.FunctionType(_DOUBLE, [_DOUBLE] * len(arguments))
    return builder.call(builder.module.declare_intrinsic(name, [_DOUBLE], function_type), arguments)


@intrinsic
def fma(typing_context: Any, x: Any, y: Any, z: Any) -> tuple[Any, Callable[..., Any]]:
    """x y + z with a single rounding (inside compiled code only)."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _call(builder, "llvm.fma", *arguments)

    return types.float64(types.float64, types.float64, types.float64), emit


@intrinsic
def copysign(typing_context: Any, magnitude: Any, sign: Any) -> tuple[Any, Callable[..., Any]]:
    """|magnitude| with the sign of `sign`, zeros included (numba's own is a library call; compiled code only)."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _call(builder, "llvm.copysign", *arguments)

    return types.float64(types.float64, types.float64), emit


@intrinsic
def _half_angle(typing_context: Any, z: Any) -> tuple[Any, Callable[..., Any]]:
    """P(z) by Horner's rule, unrolled here because LLVM need not unroll a loop over a table."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = _DOUBLE(_HALF_ANGLE[-1])
        for coefficient in reversed(_HALF_ANGLE[:-1]):
            value = _call(builder, "llvm.fmuladd", value, arguments[0], _DOUBLE(coefficient))
        return value

    return types.float64(types.float64), emit


@njit(error_model="numpy")
def angle(gap: float) -> float:
    """arccos(1 - gap) = 2 arcsin(sqrt(gap/2)) for 0 <= gap <= 1, to 1.2 ulps also where the gap is tiny.

    >>> angle(0.0), round(angle(0.5), 9) == round(math.pi / 3, 9)
    (0.0, True)
    """
    z = 0.5 * gap
    chord = 2.0 * math.sqrt(z)
    return fma(chord * z, _half_angle(z), chord)


@njit(error_model="numpy")
def angle_between(c: float, s: float) -> float:
    """atan2(s, c), the angle in [0, pi] of the vector (c, s) with s >= 0, to 3 ulps; NaN at the origin.

    The sine of half the angle to the nearer end of the horizontal axis is s/sqrt(2 h (h + |c|)), h = |(c, s)|,
    which has no cancellation. With c >= 0, s may be negative too: arcsin(s/h) is angle_between(sqrt(h^2 - s^2), s),
    which keeps its digits near 0. Squares must neither overflow nor lose their last digits: 1e-140 < h < 1e150.

    >>> angle_between(-1.0, 0.0) == math.pi, angle_between(1.0, -1e-20)
    (True, -1e-20)
    """
    length_squared = fma(c, c, s * s)
    sine = s / math.sqrt(2.0 * fma(abs(c), math.sqrt(length_squared), length_squared))
    square = sine * sine
    chord = 2.0 * sine
    nearer = fma(chord * square, _half_angle(square), chord)
    return nearer if c >= 0.0 else math.pi - nearer


@njit(error_model="numpy")
def difference_of_products(a: float, b: float, c: float, d: float) -> float:
    """a b - c d to 1.5 ulps, whatever cancels (Kahan's algorithm; Jeannerod, Louvet, Muller 2013, theorem 3.1).

    >>> difference_of_products(1 + 2.0**-30, 1 + 2.0**-30, 1.0, 1 + 2.0**-29) == 2.0**-60
    True
    """
    product = c * d
    error = fma(-c, d, product)
    return fma(a, b, -product) + error


@njit(error_model="numpy")
def gap_of_products(a: float, b: float, c: float, d: float) -> float:
    """a b - c d where it is not negative: zero where rounding makes it so, and NaN beyond.

    >>> gap_of_products(1.0, 1.0, 1.0, 1 + 1e-13), gap_of_products(1.0, 1.0, 1.0, 2.0)
    (0.0, nan)
    """
    gap = difference_of_products(a, b, c, d)
    if gap >= 0.0:
        return gap
    return 0.0 if -gap < _ROUNDED * abs(c * d) else math.nan


@njit(error_model="numpy")
def root_within(x: float, size: float) -> float:
    """sqrt(x) of a sum whose terms have this size: zero where rounding makes x negative, and NaN beyond."""
    if x >= 0.0:
        return math.sqrt(x)
    return 0.0 if -x < _SLACK * size else math.nan


@njit(error_model="numpy")
def asin_within(x: float) -> float:
    """asin(x), also where rounding carries x beyond one, and NaN farther out."""
    if abs(x) <= 1.0:
        return math.asin(x)
    return math.asin(math.copysign(1.0, x)) if abs(x) <= 1.0 + _SLACK else math.nan


@njit(error_model="numpy")
def root_of_gap(p: float, q: float, c: float) -> float:
    """sqrt(p q - c^2) without cancellation, overflow or underflow, as `gap_of_products` has it.

    Far from one the numbers are first divided by powers of two, so that no digit changes.

    >>> root_of_gap(1e200, 1e200, 0.0), root_of_gap(5e-324, 5e-324, 0.0)
    (1e+200, 5e-324)
    """
    if 1e-130 < p < 1e130 and 1e-130 < q < 1e130:
        return math.sqrt(gap_of_products(p, q, c, c))
    i = (math.frexp(p)[1] + 1) // 2
    j = (math.frexp(q)[1] + 1) // 2
    gap = gap_of_products(_scaled(p, -2 * i), _scaled(q, -2 * j), _scaled(c, -i - j), _scaled(c, -i - j))
    return _scaled(math.sqrt(gap), i + j)


@njit(error_model="numpy")
def _scaled(a: float, exponent: int) -> float:
    """a times a power of two, in two steps: the power itself may overflow."""
    return math.ldexp(math.ldexp(a, exponent // 2), exponent - exponent // 2)


@njit(error_model="numpy")
def exp_sinh(a: float, b: float) -> float:
    """exp(a) sinh(b) without overflow of a factor where the product is finite.

    >>> exp_sinh(-1000.0, 1000.0)
    0.5
    """
    size = abs(b)
    return math.copysign(-0.5 * math.exp(a + size) * math.expm1(-2.0 * size), b)


@njit(error_model="numpy")
def exp_cosh(a: float, b: float) -> float:
    """exp(a) cosh(b) without overflow of a factor where the product is finite.

    >>> exp_cosh(-1000.0, 1000.0)
    0.5
    """
    size = abs(b)
    return 0.5 * math.exp(a + size) * (1.0 + math.exp(-2.0 * size))


@njit(error_model="numpy")
def top_sinh(a: float, b: float) -> float:
    """exp(a - |b|) sinh(b): a is the exponent of what is left for large |b|, known better than as a sum.

    >>> top_sinh(0.0, 1000.0)
    0.5
    """
    return math.copysign(-0.5 * math.exp(a) * math.expm1(-2.0 * abs(b)), b)


@njit(error_model="numpy")
def top_cosh(a: float, b: float) -> float:
    """exp(a - |b|) cosh(b): a is the exponent of what is left for large |b|, known better than as a sum.

    >>> top_cosh(0.0, 1000.0)
    0.5
    """
    return 0.5 * math.exp(a) * (1.0 + math.exp(-2.0 * abs(b)))

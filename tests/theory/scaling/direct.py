"""The recursion in plain Fractions at one point of the space: no forms, no regions, none of the package's code.

Golikov's exponents with the parity grade, written anew from the update equations; NONE is the exponent of zero.
"""

from __future__ import annotations

from fractions import Fraction

NONE = Fraction(-(10**6))
HALF = Fraction(1, 2)
Pair = tuple[Fraction, Fraction]
MANY = 9  # steps: what still changes then never settles


def times(x: Pair, y: Pair) -> Pair:
    return max(x[0] + y[0], x[1] + y[1]), max(x[0] + y[1], x[1] + y[0])


def plus(*pairs: Pair) -> Pair:
    return max(p[0] for p in pairs), max(p[1] for p in pairs)


def shift(x: Pair, by: Fraction) -> Pair:
    return x[0] + by, x[1] + by


def moved(delta: Pair) -> Pair:
    """phi(w + delta) - phi(w) for a homogeneous function out of bounds, any smooth one inside."""
    if max(delta) > 0:
        return max(delta), delta[1]
    return max(delta[0], 2 * delta[1]), delta[1]


def turned(delta: Pair) -> Pair:
    return (Fraction(0), Fraction(0)) if max(delta) > 0 else moved(delta)


def total(x: Pair) -> Fraction:
    return max(x[0] + 1, x[1] + HALF)


def signature(q_sigma: Fraction, q_a: Fraction, q_w: Fraction, homogeneous: bool) -> tuple[object, ...] | str:
    """Signs of u and of the trained logit, kept, larger kernel, signs of the increments; or the word for why not."""
    start, unit = (NONE, Fraction(0)), (Fraction(0), NONE)
    da = dw = (NONE, NONE)
    history: list[tuple[Fraction, ...]] = []
    for _ in range(MANY):
        if not homogeneous and max(dw) > 0:
            return "divergent"
        features, slopes, weight = plus(unit, moved(dw)), plus(unit, turned(dw)), plus(start, da)
        da, dw = (
            plus(da, shift(features, q_a + q_sigma)),
            plus(dw, shift(times(weight, slopes), q_w + q_sigma)),
        )
        history.append((*da, *dw))
    if not homogeneous and max(dw) > 0:
        return "divergent"
    if history[-1] != history[-2]:
        return "divergent"
    features, slopes, weight = plus(unit, moved(dw)), plus(unit, turned(dw)), plus(start, da)
    first = q_sigma + total(times(start, unit))
    change = q_sigma + max(total(times(x, y)) for x, y in ((da, unit), (start, moved(dw)), (da, moved(dw))))
    if change < first:
        return "stagnant"
    kernel_a = q_a + 2 * q_sigma + total(times(features, features))
    kernel_w = q_w + 2 * q_sigma + total(times(times(weight, weight), times(slopes, slopes)))
    larger = "both" if kernel_a == kernel_w else "a" if kernel_a > kernel_w else "w"
    return sign(first), sign(max(first, change)), change == first, larger, sign(max(da)), sign(max(dw))


def sign(x: Fraction) -> int:
    return (x > 0) - (x < 0)

r"""The reference reading of a line integral, in mpmath: the trapezoid rule on the line through the saddle.

It takes the integrand as it stands, by mpmath's own functions; integrals over (0, oo) inside, one a layer, are sums
over even steps in the logarithm of their variable, which converge as fast.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import NoRule
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.integral import LineIntegral
from symlimits.reading.quadrature import GUARD

Function = Callable[[Any], Any]
NEARLY = 1e-4  # of the saddle, in the coordinate of the strip: within the peak, where that is 10^4 times narrower
RANGE = 40  # of the coordinate of the strip: distances from e^-40 to e^40
DOUBLINGS = 10
MOST = 20_000  # nodes
INNER_STEP, BLOCK = 1 / 32, 256  # of integrals inside: e^{-y} in log y is analytic in a strip of half-width pi/2
LONGEST = 10**1000  # of the integers in a formula that are written out: Python prints 4300 digits
INNER_DIGITS = 20  # more are not asked of an integrand with integrals, which are known to 14 or so


def line_integral(head: LineIntegral, numbers: dict[sp.Symbol, sp.Expr], digits: int) -> mpf:
    """The value with `numbers` for the free symbols, to `digits` digits; `NoRule` where halvings do not reach them."""
    if head.integrand.has(sp.Integral, GaussianExpectation):
        if digits > INNER_DIGITS + GUARD:
            raise NoRule(f"{digits} digits of a line integral of integrals", "15 or fewer", "its last line")
        digits = 12
    low, high = (end_value(end.subs(numbers, simultaneous=True)) for end in head.strip)
    with mp.workdps(digits + 10):
        integrand = head.integrand.subs(numbers, simultaneous=True)
        g = function(integrand, head.variable)
        peaked = function(_without_polynomials(integrand, head.variable), head.variable)
        place = strip_map(low, high)
        s = lowest(peaked, place)
        c = place(s)
        delta = min((abs(c - end) for end in (low, high) if mp.isfinite(end)), default=None)
        width = peak_width(peaked, c, delta or mpf(1))
        delta = width * 4 if delta is None else delta
        first = min(mpf(1) / 4, width / delta)  # far from the ends of the strip the peak is narrow
        return _halved(lambda t: mp.re(g(mp.mpc(c, delta * mp.sinh(t)))) * delta * mp.cosh(t), first, digits) / mp.pi


def _without_polynomials(integrand: sp.Expr, w: sp.Symbol) -> sp.Expr:
    """The factors that make the saddle: a zero of a polynomial beside them would be taken for it."""
    factors = [factor for factor in sp.Mul.make_args(integrand) if not factor.is_polynomial(w)]
    return sp.Mul(*factors) if factors else integrand


def saddle(head: LineIntegral) -> sp.Rational:
    """Nearly where the integrand is least on the real axis, inside the strip."""
    with mp.workdps(30):
        low, high = map(end_value, head.strip)
        place = strip_map(low, high)
        return sp.Rational(str(place(lowest(function(head.integrand, head.variable), place))))


def function(integrand: sp.Expr, w: sp.Symbol) -> Function:
    """The integrand as a function of a complex number; inside, integrals over (0, oo) and means are float64 sums."""
    expanded = integrand.replace(lambda node: isinstance(node, sp.Sum), lambda node: node.doit())
    expanded = expanded.replace(lambda node: isinstance(node, GaussianExpectation), _log_normal)
    expanded = expanded.replace(lambda node: isinstance(node, sp.RisingFactorial), _gamma_ratio)
    inner = sorted(expanded.atoms(sp.Integral), key=sp.default_sort_key)
    names = [sp.Dummy() for _ in inner]
    rounded = {n: n.evalf(mp.dps + GUARD) for n in expanded.atoms(sp.Rational) if max(abs(n.p), n.q) > LONGEST}
    outer = sp.lambdify([w, *names], expanded.xreplace({**dict(zip(inner, names, strict=True)), **rounded}), "mpmath")
    sums = [_half_line_integral(integral, w) for integral in inner]
    return lambda z: outer(z, *(mp.mpmathify(total(complex(z))) for total in sums))


def _gamma_ratio(rising: sp.Expr) -> sp.Expr:
    """As SymPy's printer would write it, where its integers cannot be rounded any more."""
    a, n = rising.args
    return sp.gamma(a + n) / sp.gamma(a)


def _log_normal(head: GaussianExpectation) -> sp.Integral:
    """A mean over one Gaussian variable as an integral over the exponential of a standard one."""
    if len(head.variables) != 1:
        raise NoRule(f"a line integral of {head}", "means over one variable", "its last line")
    y, deviation = sp.Symbol("y", positive=True), sp.sqrt(head.covariance[0, 0])
    density = sp.exp(-(sp.log(y) ** 2) / 2) / (sp.sqrt(2 * sp.pi) * y)
    return sp.Integral(head.integrand.subs(head.variables[0], deviation * sp.log(y)) * density, (y, 0, sp.oo))


def _half_line_integral(integral: sp.Integral, w: sp.Symbol) -> Callable[[complex], complex]:
    """Over (0, oo), by even steps in x = log y, in blocks outwards from zero until one adds nothing.

    The logarithm of the integrand is linear in w, so that along a vertical line only phases change.
    """
    y, low, high = integral.limits[0]
    if (low, high) != (0, sp.oo) or len(integral.limits) > 1:
        raise NoRule(f"the integral {integral}", "one over (0, oo)", "an integral of one layer")
    x = sp.Symbol("x", real=True)
    logarithm = sp.expand_log(sp.log(integral.function), force=True).subs(y, sp.exp(x)) + x
    logarithm = sp.expand(sp.expand_log(logarithm, force=True))
    if not logarithm.is_polynomial(w) or sp.degree(logarithm, w) > 1:
        raise NoRule(
            f"the integral {integral}", f"powers whose exponents are linear in {w}", "an integral of one layer"
        )
    numbers = logarithm.evalf(INNER_DIGITS)  # of a hundred units: integers beyond NumPy's
    f, slope = (sp.lambdify(names, part, "numpy") for names, part in (((x, w), numbers), ((x,), numbers.coeff(w))))

    @lru_cache(maxsize=4)
    def on_axis(c: float) -> tuple[Any, Any]:
        """The terms at a real w, and the slopes of their logarithms."""
        terms, slopes, size = list[Any](), list[Any](), 0.0
        for direction in (1, -1):
            for block in range(MOST):
                places = direction * np.arange(block * BLOCK, (block + 1) * BLOCK) - (direction < 0)
                terms.append(np.exp(f(INNER_STEP * places, c)))
                slopes.append(np.broadcast_to(slope(INNER_STEP * places), places.shape))
                size += terms[-1].sum()
                if terms[-1].max() < 1e-18 * size and block:
                    break
        found, rates = np.concatenate(terms), np.concatenate(slopes)
        kept = found > 1e-20 * found.max()
        return found[kept], rates[kept]

    def total(z: complex) -> complex:
        terms, slopes = on_axis(z.real)
        return complex(INNER_STEP * (terms * np.exp(1j * z.imag * slopes)).sum())

    return total


def strip_map(low: mpf, high: mpf) -> Function:
    """The strip as an image of the real line."""
    if mp.isfinite(low) and mp.isfinite(high):
        return lambda s: low + (high - low) / (1 + mp.exp(-s))
    if mp.isfinite(low):
        return lambda s: low + mp.exp(s)
    return (lambda s: high - mp.exp(-s)) if mp.isfinite(high) else mp.sinh


def lowest(g: Function, place: Function) -> mpf:
    """Where |g| is least on the real axis, by golden section: its logarithm is convex there."""
    with mp.workdps(20):
        ratio = (mp.sqrt(5) - 1) / 2
        left, right = _bracket(g, place)

        def value(s: mpf) -> mpf:
            return mp.log(abs(g(place(s))))

        a, b = right - ratio * (right - left), left + ratio * (right - left)
        at_a, at_b = value(a), value(b)
        while right - left > NEARLY:
            if at_a < at_b:
                right, b, at_b = b, a, at_a
                a = right - ratio * (right - left)
                at_a = value(a)
            else:
                left, a, at_a = a, b, at_b
                b = left + ratio * (right - left)
                at_b = value(b)
        return (left + right) / 2


def _bracket(g: Function, place: Function) -> tuple[mpf, mpf]:
    """Two points with the least value between them: outwards in growing steps, downhill."""

    def value(s: mpf) -> mpf:
        return mp.log(abs(g(place(s))))

    here = value(mpf(0))
    sign = 1 if value(mpf(1) / 50) < here else -1
    before, s, width = -sign * mpf(1) / 50, mpf(0), mpf(1) / 2
    while abs(s) < RANGE * 20:
        ahead = s + sign * width
        there = value(ahead)
        if there > here:
            return min(before, ahead), max(before, ahead)
        before, s, here, width = s, ahead, there, width * mpf(3) / 2
    raise NoRule("a line integral without a saddle", "an integrand that grows towards both ends", "another strip")


def peak_width(g: Function, c: mpf, scale: Any = 1) -> mpf:
    """How wide |g| is on the vertical line through c; `scale` where it does not fall at all."""
    eta = mpf(scale) / 1000
    drop = abs(mp.log(abs(g(c))) - mp.log(abs(g(mp.mpc(c, eta)))))
    return eta / mp.sqrt(2 * drop) if drop else mpf(scale)


def _halved(f: Function, step: mpf, digits: int) -> mpf:
    """The integral from 0 on of an even function: steps are halved until two sums agree."""
    before, whole = None, _sum(f, mpf(0), step)
    for _ in range(DOUBLINGS):
        now = whole * step
        if before is not None and abs(now - before) <= abs(now) * mpf(10) ** (-(digits // 2) - 2):
            return now  # the error of the finer of two trapezoid rules is the square of their difference
        whole += _sum(f, step / 2, step)
        step, before = step / 2, now
    raise NoRule("a line integral", f"{digits} digits", "fewer digits")


def _sum(f: Function, offset: mpf, step: mpf) -> mpf:
    terms, largest, quiet = [], mpf(0), 0
    for k in range(MOST):
        t = offset + k * step
        term = f(t) / (2 if t == 0 else 1)
        terms.append(term)
        largest = max(largest, abs(term))
        quiet = quiet + 1 if abs(term) < largest * mpf(10) ** -mp.dps else 0
        if quiet > 2:
            break
    return mp.fsum(terms)


def end_value(value: sp.Expr) -> mpf:
    """The end of a strip, which may be infinite, as a number."""
    return mp.inf if value == sp.oo else -mp.inf if value == -sp.oo else mp.mpmathify(value.evalf(mp.dps))

r"""Gaussian expectations by quadrature at any precision: the oracle of every closed form.

One variable: Gauss-Legendre panels between the kinks. Two variables with kinks at zero: polar
coordinates $u=\sqrt p\,r\cos\alpha$, $v=\sqrt q\,r\cos(\alpha-\theta_0)$, $\cos\theta_0=c/\sqrt{pq}$, where
a kink is a ray and a correlation near one a thin sector, so that no precision is lost. Kinks
elsewhere: one variable after the other, cut at the kinks. The number of nodes grows until two
results agree. Nothing here knows how closed forms are derived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise

import numpy as np
import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import DomainError, NoRule
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.piecewise import branches

Function = Callable[..., mpf]
_MOST_NODES = 800
GUARD = 6  # digits that may be lost in the sums


def gaussian_mean(integrand: sp.Expr, variables: tuple[sp.Symbol, ...], covariance: list[list[mpf]]) -> mpf:
    """E f(u) to the working precision of mpmath; the integrand has no symbols beside its variables."""
    if len(variables) == 1:
        return _mean_1(integrand, variables[0], covariance[0][0])
    if len(variables) != 2:
        raise NoRule(f"quadrature over {len(variables)} variables", "one or two", "sampling")
    u, v = variables
    if not integrand.has(v):
        return _mean_1(integrand, u, covariance[0][0])
    if not integrand.has(u):
        return _mean_1(integrand, v, covariance[1][1])
    return _mean_2(integrand, u, v, covariance[0][0], covariance[1][1], covariance[0][1])


def _mean_1(f: sp.Expr, u: sp.Symbol, variance: mpf) -> mpf:
    if variance == 0:
        return _number(f.subs(u, 0))
    cut = branches(f, u)
    root = mp.sqrt(variance)
    kinks = [_number(a) / root for a in cut.points]
    pieces = [_function((u,), piece) for piece in cut.pieces]

    def attempt(n: int) -> mpf:
        total = mpf(0)
        for (low, high), piece in zip(pairwise([-_reach(), *kinks, _reach()]), pieces, strict=True):
            if piece is not None:
                total += sum(w * mp.npdf(z) * piece(root * z) for z, w in nodes(_panels(low, high, root), n))
        return total

    return converge(attempt)


def _mean_2(f: sp.Expr, u: sp.Symbol, v: sp.Symbol, p: mpf, q: mpf, c: mpf) -> mpf:
    if p == 0:
        return _mean_1(f.subs(u, 0), v, q)
    if q == 0:
        return _mean_1(f.subs(v, 0), u, p)
    det = p * q - c**2
    if det < -p * q * mpf(10) ** (-mp.dps // 2):
        raise DomainError(f"covariance {mp.nstr(c, 8)} of variances {mp.nstr(p, 8)}, {mp.nstr(q, 8)}", "c^2 <= p q", "a smaller c")
    if abs(det) <= p * q * mpf(10) ** (3 - mp.dps):
        return _on_a_line(f, u, v, mp.sqrt(p), mp.sign(c) * mp.sqrt(q))
    kinks = [a for kinks in _kinks(f, u, v) for a in kinks]
    if not kinks:
        return _smooth(f, u, v, p, q, c)
    if all(a == 0 for a in kinks):
        return _polar(f, u, v, p, q, c)
    return _iterated(f, u, v, p, q, c)


def _smooth(f: sp.Expr, u: sp.Symbol, v: sp.Symbol, p: mpf, q: mpf, c: mpf) -> mpf:
    """The trapezoid rule in independent coordinates: for analytic functions its error falls like exp(-const/h^2)."""
    first, second = _separated(f, u, v)
    rp, slope, spread = mp.sqrt(p), c / p, mp.sqrt(q - c**2 / p)

    reach = _reach()

    def attempt(n: int) -> mpf:
        points = [reach * (mpf(2 * k + 1) / n - 1) for k in range(n)]
        weighted = [(z, mp.npdf(z)) for z in points]
        total = mpf(0)
        for z, weight in weighted:
            x = rp * z
            shift, disc = slope * x, mp.sqrt(reach**2 - z**2)
            inner = [w * second(x, shift + spread * t) for t, w in weighted if abs(t) < disc]
            total += weight * first(x) * mp.fsum(inner)
        return total * (2 * reach / n) ** 2

    return converge(attempt, start=2 * mp.dps, gain=1.5)


def _separated(f: sp.Expr, u: sp.Symbol, v: sp.Symbol) -> tuple[Function, Function]:
    """f(u, v) as a function of u alone times one of both (of v alone, if f is a product)."""
    factors = sp.Mul.make_args(sp.expand_power_exp(f))
    first = sp.Mul(*(factor for factor in factors if not factor.has(v)))
    second = sp.Mul(*(factor for factor in factors if factor.has(v)))
    return _function((u,), first) or (lambda x: mpf(0)), _function((u, v), second) or (lambda x, y: mpf(0))


def _kinks(f: sp.Expr, u: sp.Symbol, v: sp.Symbol) -> tuple[list[mpf], list[mpf]]:
    cut = branches(f, u)
    others = {b for piece in cut.pieces for b in branches(piece, v).points}
    return [_number(a) for a in cut.points], sorted(_number(b) for b in others)


def _on_a_line(f: sp.Expr, u: sp.Symbol, v: sp.Symbol, a: mpf, b: mpf) -> mpf:
    """Correlation one or minus one: u = a z, v = b z."""
    us, vs = _kinks(f, u, v)
    ends = [-_reach(), *sorted({k / a for k in us} | {k / b for k in vs}), _reach()]
    pieces = [_function((u, v), _piece_at(f, {u: a * (x + y) / 2, v: b * (x + y) / 2})) for x, y in pairwise(ends)]

    def attempt(n: int) -> mpf:
        total = mpf(0)
        for (low, high), piece in zip(pairwise(ends), pieces, strict=True):
            if piece is not None:
                rule = nodes(_panels(low, high, max(a, abs(b))), n)
                total += sum(w * mp.npdf(z) * piece(a * z, b * z) for z, w in rule)
        return total

    return converge(attempt)


def _piece_at(f: sp.Expr, point: dict[sp.Symbol, mpf]) -> sp.Expr:
    """The smooth piece of f around a point."""
    for symbol, value in point.items():
        cut = branches(f, symbol)
        f = cut.pieces[sum(value > _number(a) for a in cut.points)]
    return f


def _polar(f: sp.Expr, u: sp.Symbol, v: sp.Symbol, p: mpf, q: mpf, c: mpf) -> mpf:
    angle = mp.atan2(mp.sqrt(p * q - c**2), c)
    rp, rq = mp.sqrt(p), mp.sqrt(q)
    rays = sorted({-mp.pi / 2, angle - mp.pi / 2, mp.pi / 2, angle + mp.pi / 2})
    rays.append(rays[0] + 2 * mp.pi)
    sectors = []
    for low, high in pairwise(rays):
        middle = (low + high) / 2
        piece = _piece_at(f, {u: mp.cos(middle), v: mp.cos(middle - angle)})
        sectors.append((low, high, _function((u, v), piece)))
    radii = _panels(mpf(0), _reach(), max(rp, rq))

    def attempt(n: int) -> mpf:
        radial = [(r, w * r * mp.exp(-r * r / 2)) for r, w in nodes(radii, n)]
        total = mpf(0)
        for low, high, piece in sectors:
            if piece is None:
                continue
            for alpha, weight in nodes([(low, high)], 2 * n):
                a, b = rp * mp.cos(alpha), rq * mp.cos(alpha - angle)
                total += weight * mp.fsum(w * piece(a * r, b * r) for r, w in radial)
        return total / (2 * mp.pi)

    return converge(attempt)


def _iterated(f: sp.Expr, u: sp.Symbol, v: sp.Symbol, p: mpf, q: mpf, c: mpf) -> mpf:
    """E_u E_{v|u}, both cut at the kinks and where the narrow law of v given u crosses a kink."""
    cut = branches(f, u)
    slope, spread = c / p, mp.sqrt(q - c**2 / p)
    crossings = {_number(b) for piece in cut.pieces for b in branches(piece, v).points}
    width = spread / abs(slope) if slope else mpf(0)
    extra = [b / slope + k * width for b in crossings if slope for k in (-9, -3, -1, 0, 1, 3, 9)]
    inner = [branches(piece, v) for piece in cut.pieces]
    functions = [[_function((u, v), piece) for piece in cell.pieces] for cell in inner]
    kinks = [[_number(b) for b in cell.points] for cell in inner]
    us = [_number(a) for a in cut.points]
    rp = mp.sqrt(p)

    def given(value: mpf, index: int, n: int) -> mpf:
        cuts = [max(-_reach(), min(_reach(), (b - slope * value) / spread)) for b in kinks[index]]
        total = mpf(0)
        for (low, high), piece in zip(pairwise([-_reach(), *cuts, _reach()]), functions[index], strict=True):
            if piece is not None and low < high:
                rule = nodes(_panels(low, high, spread), n)
                total += sum(w * mp.npdf(z) * piece(value, slope * value + spread * z) for z, w in rule)
        return total

    def attempt(n: int) -> mpf:
        total = mpf(0)
        for index, (low, high) in enumerate(pairwise([-_reach() * rp, *us, _reach() * rp])):
            inside = sorted({low, high, *(x for x in extra if low < x < high)})
            for a, b in pairwise(inside):
                for z, w in nodes(_panels(a / rp, b / rp, rp), n):
                    total += w * mp.npdf(z) * given(rp * z, index, n)
        return total

    return converge(attempt)


def without_masses(head: GaussianExpectation) -> sp.Expr:
    r"""The same expectation with Dirac masses integrated out: densities stand in their place.

    >>> u = sp.Symbol("u", real=True)
    >>> without_masses(GaussianExpectation(sp.DiracDelta(u), (u,), [[4]]))
    sqrt(2)/(4*sqrt(pi))
    """
    terms = sp.Add.make_args(sp.expand(head.integrand))
    return sp.Add(*(_sifted(term, head.variables, head.covariance) for term in terms))


def _sifted(term: sp.Expr, variables: tuple[sp.Symbol, ...], covariance: sp.Matrix) -> sp.Expr:
    """A mass in u: the law of u given the others, written out, at the mass; then the others."""
    for i, u in enumerate(variables):
        delta = next((f for f in sp.Mul.make_args(term) if isinstance(f, sp.DiracDelta) and f.has(u)), None)
        if delta is None:
            continue
        others = [w for w in variables if w != u]
        kept = [j for j in range(len(variables)) if j != i]
        within = covariance.extract(kept, kept)
        weights = covariance.extract([i], kept) * within.inv() if kept else sp.zeros(1, 0)
        mean = sum((w * x for w, x in zip(weights, others, strict=True)), sp.S.Zero)
        variance = covariance[i, i] - (weights * covariance.extract(kept, [i]))[0] if kept else covariance[i, i]
        density = sp.exp(-((u - mean) ** 2) / (2 * variance)) / sp.sqrt(2 * sp.pi * variance)
        rest = [f for f in sp.Mul.make_args(term) if f != delta]
        smooth = sp.Mul(density, *(f for f in rest if not isinstance(f, sp.DiracDelta)))
        masses = sp.Mul(*(f for f in rest if isinstance(f, sp.DiracDelta)))
        return _sifted(_sift(smooth, u, delta) * masses, tuple(others), within)
    return GaussianExpectation(term, variables, covariance) if variables else term


def _sift(expr: sp.Expr, u: sp.Symbol, delta: sp.DiracDelta) -> sp.Expr:
    order = int(delta.args[1]) if len(delta.args) > 1 else 0
    (at,) = sp.roots(sp.Poly(delta.args[0], u))
    return sp.S.NegativeOne**order * expr.diff(u, order).subs(u, at)


@lru_cache(maxsize=2048)
def _function(variables: tuple[sp.Symbol, ...], piece: sp.Expr) -> Function | None:
    if piece == 0:
        return None
    dummies = [sp.Dummy() for _ in variables]
    return sp.lambdify(dummies, piece.xreplace(dict(zip(variables, dummies, strict=True))), "mpmath", cse=True)


def _number(value: sp.Expr) -> mpf:
    return mp.mpmathify(value.evalf(mp.dps))


def _reach() -> mpf:
    """Where the normal density has fallen below the working precision."""
    return mp.sqrt(2 * mp.log(10) * (mp.dps + 5))


def _panels(low: mpf, high: mpf, scale: mpf) -> list[tuple[mpf, mpf]]:
    """Panels of length 3, halved towards zero down to the scale 1/`scale` of the function."""
    radii = [mpf(3 * k) for k in range(int(_reach() / 3) + 1)]
    while radii[1] > 2 / scale:
        radii.insert(1, radii[1] / 2)
    cuts = {x for radius in radii for x in (radius, -radius) if low < x < high}
    return list(pairwise([low, *sorted(cuts), high]))


def nodes(panels: Iterable[tuple[mpf, mpf]], n: int) -> list[tuple[mpf, mpf]]:
    """Nodes and weights of the n-point Gauss-Legendre rule on each panel."""
    found = []
    for low, high in panels:
        half, middle = (high - low) / 2, (high + low) / 2
        found += [(middle + half * x, half * w) for x, w in _legendre(n, mp.prec)]
    return found


@lru_cache(maxsize=128)
def _legendre(n: int, precision: int) -> tuple[tuple[mpf, mpf], ...]:
    """Gauss-Legendre nodes and weights: Newton's method from double precision."""
    with mp.workprec(precision + 20):
        rule = []
        for start in np.polynomial.legendre.leggauss(n)[0]:
            x = mpf(float(start))
            for _ in range(max(2, int(mp.log(precision / 40, 2)) + 2)):
                value, slope = _legendre_value(n, x)
                x -= value / slope
            slope = _legendre_value(n, x)[1]
            rule.append((x, 2 / ((1 - x * x) * slope**2)))
    return tuple(rule)


def _legendre_value(n: int, x: mpf) -> tuple[mpf, mpf]:
    before, value = mpf(1), x
    for k in range(2, n + 1):
        before, value = value, ((2 * k - 1) * x * value - (k - 1) * before) / k
    return value, n * (x * value - before) / (x * x - 1)


def converge(attempt: Callable[[int], mpf], start: int | None = None, gain: float = 1.0) -> mpf:
    """More nodes until two results agree, with some guard digits left.

    `gain`: with 4/3 as many nodes the error e falls to about e**gain, or below.
    """
    digits = mp.dps - GUARD
    n = start or 8 + digits // 2
    last = attempt(n)
    while n < _MOST_NODES:
        n = n * 4 // 3
        value = attempt(n)
        scale = max(abs(value), mpf("1e-3"))
        if abs(value - last) <= mpf(10) ** (-digits / gain) * scale:
            return value
        last = value
    raise NoRule(f"quadrature with {n} nodes a panel", "agreement of two rules", "fewer digits or moderate variances")



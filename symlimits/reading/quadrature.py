r"""Gaussian expectations by quadrature at any precision: the oracle of every closed form.

One variable: Gauss-Legendre panels between the kinks. Two variables, by the first that applies:
polar coordinates $u=\sqrt p\,r\cos\alpha$, $v=\sqrt q\,r\cos(\alpha-\theta_0)$, $\cos\theta_0=c/\sqrt{pq}$, where
a kink at zero is a ray and a correlation near one a thin sector, so that no precision is lost; for a
smooth product f(u) g(v) of moderate variances the trapezoid rule; for other products `cells`, or `ridge`
near a correlation of one; else one variable after the other.

What is guaranteed: two rules with different nodes agree to the digits asked, relative to E|f|, on a range beyond
which the integrand has died away, else `NoRule`. Between nodes functions are trusted to be what their formulas say:
narrow places are looked for where arguments vanish. Nothing here knows how closed forms are derived.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from itertools import accumulate, pairwise
from operator import mul

import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import DomainError, NoRule
from symlimits.language.expectation import separated
from symlimits.language.piecewise import KINKED_HEADS, branches
from symlimits.reading.cells import cellwise
from symlimits.reading.legendre import Rule, nodes
from symlimits.reading.resolved import Line, line_mean, narrow_places, reach_of
from symlimits.reading.ridge import inner_steps, ridge

Function = Callable[..., mpf]
Sum = tuple[mpf, mpf]  # a quadrature sum, and the sum of the absolute values of its terms
Side = tuple[list[mpf], list[Function | None]]  # kinks, and the pieces between them
GUARD = 6  # digits that may be lost in the sums
_MODERATE = 25  # a variance up to which one scale describes both the density and the function
_NONE = sp.Dummy(real=True)  # no second variable
# Nodes after which a rule gives up (a few seconds to half a minute at 30 digits).
_MOST_NODES, _MOST_PAIRS, _MOST_ROTATED, _MOST_NESTED = 200, 600, 500, 60


def gaussian_mean(integrand: sp.Expr, variables: tuple[sp.Symbol, ...], covariance: list[list[mpf]]) -> mpf:
    """E f(u) to the working precision of mpmath; the integrand has no symbols beside its variables.

    The covariance may carry more digits than the working precision: near a correlation of one
    its determinant needs them.
    """
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
    if variance < 0:
        raise DomainError(f"variance {mp.nstr(variance, 8)}", "a variance, zero or larger", "a positive one")
    if variance == 0:
        return _number(f.subs(u, 0))
    return _on_a_line(f, u, _NONE, mp.sqrt(variance), mpf(0))


def _mean_2(f: sp.Expr, u: sp.Symbol, v: sp.Symbol, p: mpf, q: mpf, c: mpf) -> mpf:
    if p <= 0:
        return _mean_1(f.subs(u, 0), v, q) if p == 0 else _mean_1(f, u, p)
    if q <= 0:
        return _mean_1(f.subs(v, 0), u, p) if q == 0 else _mean_1(f, v, q)
    with mp.workdps(2 * mp.dps):
        rho, gap = c / mp.sqrt(p * q), 1 - c**2 / (p * q)
    if gap < -(mpf(10) ** (-mp.dps // 2)):
        given = f"covariance {mp.nstr(c, 8)} of variances {mp.nstr(p, 8)}, {mp.nstr(q, 8)}"
        raise DomainError(given, "c^2 <= p q", "a smaller c")
    if gap <= mpf(10) ** (3 - 2 * mp.dps):
        return _on_a_line(f, u, v, mp.sqrt(p), mp.sign(c) * mp.sqrt(q))
    if not _pieces(f, u, v):
        return mpf(0)
    return _in_the_plane(f, u, v, (mp.sqrt(p), mp.sqrt(q), rho, mp.sqrt(gap)))


Shape = tuple[mpf, mpf, mpf, mpf]  # standard deviations of u and v, correlation rho, sqrt(1 - rho^2)


def _in_the_plane(f: sp.Expr, u: sp.Symbol, v: sp.Symbol, shape: Shape) -> mpf:
    kinks = {a for side in _kinks(f, u, v) for a in side}
    pieces = _pieces(f, u, v)
    moderate = max(shape[0] * _steepness(f, u), shape[1] * _steepness(f, v)) ** 2 <= _MODERATE
    reach = _reach_2(_everywhere(f, u, v), shape)
    if kinks == {0} and (moderate or all(piece.is_polynomial(u, v) for piece in pieces)):
        return _polar(f, u, v, shape, reach)
    first, second, mixed = separated(f, u, v)
    if mixed != 1:
        if kinks == {0}:
            return _polar(f, u, v, shape, reach)
        return _iterated(f, u, v, shape, reach) if kinks else _smooth(f, u, v, shape, reach)
    sides = (_line(first, u, shape[0]), _line(second, v, shape[1]))
    if moderate and not kinks and _trapezoid_nodes(sides, reach) <= _MOST_ROTATED:
        with suppress(NoRule):
            if shape[3] > mpf("0.3"):
                return _product(*sides, shape, reach)
            return _smooth(f, u, v, shape, reach)
    return _in_panels(*sides, shape)


def _in_panels(f: Line, g: Line, shape: Shape) -> mpf:
    """A product at any variances, by the quicker of two ways."""
    *_, rho, width = shape
    least = mpf("0.003") if not f.kinks and not g.kinks and inner_steps(g, width) * width > 3 else mpf("0.01")
    return cellwise(f, g, rho, width) if width > least else ridge(f, g, rho, width)


def _line(f: sp.Expr, u: sp.Symbol, root: mpf) -> Line:
    """x -> f(root x); one object for f(u) and f(v), of the same variance."""
    return _standard_line(f.xreplace({u: _NONE}), root, mp.prec)


@lru_cache(maxsize=64)
def _standard_line(f: sp.Expr, root: mpf, precision: int) -> Line:
    kinks, pieces = _sides(f, _NONE)
    return Line(kinks, pieces, narrow_places(f, _NONE)).scaled(root)


def _trapezoid_nodes(sides: tuple[Line, Line], reach: mpf) -> mpf:
    """Nodes that the trapezoid rule needs for poles at 3/2 of the distance that `narrow_places` names."""
    nearest = min((width for side in sides for _, width in side.narrow), default=mp.inf)
    return reach * mp.log(10) * mp.dps / (mp.pi * nearest * mpf("1.5"))


def _product(f: Line, g: Line, shape: Shape, reach: mpf) -> mpf:
    """f(u) g(v): trapezoid rules for u and v, and the joint density at every pair of their nodes."""
    *_, rho, width = shape

    def attempt(n: int) -> Sum:
        rule = _trapezoid(n, reach)
        weighted = [[(x, w * side(x)) for x, w in rule] for side in (f, g)]
        squares = [mp.fsum(a * a / rule[0][1] * mp.npdf(x) for x, a in side) for side in weighted]
        us, vs = ([(x, a * mp.exp(-((x / width) ** 2) / 2)) for x, a in side] for side in weighted)
        ys = [y for y, _ in vs]
        rows = []
        for x, a in us:
            half = width * mp.sqrt(max(reach**2 - x**2, 0))
            near = vs[bisect_left(ys, rho * x - half) : bisect_left(ys, rho * x + half)]
            rows.append(a * _row(rho * x / width**2, near))
        return mp.fsum(rows) / (2 * mp.pi * width), mp.sqrt(squares[0] * squares[1])

    return converge(attempt, int(reach**2 / (3 * width)) + 8, 1.3, _MOST_PAIRS)


def _row(rate: mpf, near: Rule) -> mpf:
    """The sum of b exp(rate y) over equidistant y: the exponentials are powers of one of them."""
    if len(near) < 3:
        return mp.fsum(b * mp.exp(rate * y) for y, b in near)
    factors = [mp.exp(rate * near[0][0])] + [mp.exp(rate * (near[1][0] - near[0][0]))] * (len(near) - 1)
    return mp.fdot(accumulate(factors, mul), (b for _, b in near))


def _smooth(f: sp.Expr, u: sp.Symbol, v: sp.Symbol, shape: Shape, reach: mpf) -> mpf:
    """The trapezoid rule in independent coordinates: for analytic functions its error falls like exp(-const/h^2)."""
    alone, *rest = separated(f, u, v)
    first, second = _function((u,), alone), _function((u, v), sp.Mul(*rest))
    rp, rq, rho, width = shape
    if first is None or second is None:
        return mpf(0)

    start = int(reach**2 / 3) + 8  # resolves the density; what grows beyond resolves the function, which t moves less

    def attempt(n: int) -> Sum:
        inner = [(t, w * mp.npdf(t)) for t, w in _trapezoid(start + int((n - start) * min(1, 2 * width)), reach)]
        terms = []
        for z, weight in _trapezoid(n, reach):
            x, shift, disc = rp * z, rq * rho * z, mp.sqrt(reach**2 - z**2)
            outer = weight * mp.npdf(z) * first(x)
            terms += [outer * w * second(x, shift + rq * width * t) for t, w in inner if abs(t) < disc]
        return mp.fsum(terms), mp.fsum(terms, absolute=True)

    return converge(attempt, start, 1.3, _MOST_ROTATED)


def _trapezoid(n: int, reach: mpf) -> Rule:
    return [(reach * (mpf(2 * k + 1) / n - 1), 2 * reach / n) for k in range(n)]


def _on_a_line(f: sp.Expr, u: sp.Symbol, v: sp.Symbol, a: mpf, b: mpf) -> mpf:
    """u = a z, v = b z: one variable, or correlation one or minus one."""
    us, vs = _kinks(f, u, v)
    points = sorted({k / a for k in us} | ({k / b for k in vs} if b else set()))
    samples = [(x + y) / 2 for x, y in pairwise([points[0] - 2, *points, points[-1] + 2])] if points else [mpf(0)]
    pieces = [_function((u, v), _piece_at(f, {u: a * z, v: b * z})) for z in samples]
    if not any(pieces):
        return mpf(0)

    def everywhere(z: mpf) -> mpf:
        piece = pieces[bisect_left(points, z)]
        return piece(a * z, b * z) if piece else mpf(0)

    reach = reach_of(lambda r: max(abs(everywhere(r)), abs(everywhere(-r))))
    scale, ends = max(a * _steepness(f, u), abs(b) * _steepness(f, v)), _clamped(points, reach)
    if scale**2 > _MODERATE:
        narrow = [(place / by, w / abs(by)) for x, by in ((u, a), (v, b)) if by for place, w in narrow_places(f, x)]
        along: list[Function | None] = [piece and (lambda z, piece=piece: piece(a * z, b * z)) for piece in pieces]
        return line_mean(Line(points, along, narrow), reach)

    def attempt(n: int) -> Sum:
        terms = []
        for (low, high), piece in zip(pairwise(ends), pieces, strict=True):
            if piece is not None:
                terms += [w * mp.npdf(z) * piece(a * z, b * z) for z, w in nodes(_panels(low, high, scale), n)]
        return mp.fsum(terms), mp.fsum(terms, absolute=True)

    return converge(attempt)


def _polar(f: sp.Expr, u: sp.Symbol, v: sp.Symbol, shape: Shape, reach: mpf) -> mpf:
    rp, rq, rho, width = shape
    angle = mp.atan2(width, rho)
    rays = sorted({-mp.pi / 2, angle - mp.pi / 2, mp.pi / 2, angle + mp.pi / 2})
    rays.append(rays[0] + 2 * mp.pi)
    sectors = []
    for low, high in pairwise(rays):
        middle = (low + high) / 2
        piece = _function((u, v), _piece_at(f, {u: mp.cos(middle), v: mp.cos(middle - angle)}))
        if piece is not None:
            sectors.append((low, high, piece))
    radii = _panels(mpf(0), reach, max(rp * _steepness(f, u), rq * _steepness(f, v)))

    def attempt(n: int) -> Sum:
        radial = [(r, w * r * mp.exp(-r * r / 2) / (2 * mp.pi)) for r, w in nodes(radii, n)]
        terms = []
        for low, high, piece in sectors:
            for alpha, weight in nodes([(low, high)], 2 * n):
                a, b = rp * mp.cos(alpha), rq * mp.cos(alpha - angle)
                terms += [weight * w * piece(a * r, b * r) for r, w in radial]
        return mp.fsum(terms), mp.fsum(terms, absolute=True)

    return converge(attempt, most=_MOST_NESTED)


def _iterated(f: sp.Expr, u: sp.Symbol, v: sp.Symbol, shape: Shape, reach: mpf) -> mpf:
    """E_u E_{v|u}, both cut at the kinks and where the narrow law of v given u crosses a kink."""
    rp, rq, rho, width = shape
    slope, spread = rq * rho / rp, rq * width
    us, vs = _kinks(f, u, v)
    narrow = spread / abs(slope) if slope else mpf(0)
    crossings = [(b / slope + k * narrow) / rp for b in vs if slope for k in (-9, -3, -1, 0, 1, 3, 9)]
    inner = [_sides(piece, v, (u, v)) for piece in branches(f, u).pieces]
    scales = rp * _steepness(f, u), spread * _steepness(f, v)
    outer = list(pairwise(_clamped([a / rp for a in us], reach)))

    def given(x: mpf, index: int, n: int) -> list[mpf]:
        kinks, functions = inner[index]
        ends = _clamped([(b - slope * x) / spread for b in kinks], reach)
        terms = []
        for (low, high), piece in zip(pairwise(ends), functions, strict=True):
            if piece is not None and low < high:
                rule = nodes(_panels(low, high, scales[1]), n)
                terms += [w * mp.npdf(z) * piece(x, slope * x + spread * z) for z, w in rule]
        return terms

    def attempt(n: int) -> Sum:
        terms = []
        for index, (low, high) in enumerate(outer):
            cuts = sorted({low, high, *(z for z in crossings if low < z < high)})
            panels = [panel for a, b in pairwise(cuts) for panel in _panels(a, b, scales[0])]
            for z, w in nodes(panels, n):
                terms += [w * mp.npdf(z) * term for term in given(rp * z, index, n)]
        return mp.fsum(terms), mp.fsum(terms, absolute=True)

    return converge(attempt, most=_MOST_NESTED)


def _sides(f: sp.Expr, u: sp.Symbol, arguments: tuple[sp.Symbol, ...] = ()) -> Side:
    cut = branches(f, u)
    return [_number(a) for a in cut.points], [_function(arguments or (u,), piece) for piece in cut.pieces]


def _kinks(f: sp.Expr, u: sp.Symbol, v: sp.Symbol) -> tuple[list[mpf], list[mpf]]:
    cut = branches(f, u)
    others = {b for piece in cut.pieces for b in branches(piece, v).points}
    if any(point.free_symbols for point in (*cut.points, *others)):
        raise NoRule(f"{f}, with a kink on a curve", f"kinks at fixed {u} or {v}", "independent variables")
    return [_number(a) for a in cut.points], sorted(_number(b) for b in others)


def _pieces(f: sp.Expr, u: sp.Symbol, v: sp.Symbol) -> list[sp.Expr]:
    return [piece for side in branches(f, u).pieces for piece in branches(side, v).pieces if piece != 0]


def _piece_at(f: sp.Expr, point: dict[sp.Symbol, mpf]) -> sp.Expr:
    """The smooth piece of f around a point."""
    for symbol, value in point.items():
        cut = branches(f, symbol)
        f = cut.pieces[sum(value > _number(a) for a in cut.points)]
    return f


def _steepness(f: sp.Expr, u: sp.Symbol) -> mpf:
    """How much faster than x the arguments of tanh, erf, exp, ... vary in f: |k|^(1/m) for k u^m, at least 1."""
    steepest = mpf(1)
    for node in f.atoms(sp.Function):
        if not isinstance(node, KINKED_HEADS) and node.args[0].has(u) and node.args[0].is_polynomial(u):
            for (m,), k in sp.Poly(node.args[0], u).terms():
                if m and k.is_number:
                    steepest = max(steepest, abs(_number(k)) ** (mpf(1) / m))
    return steepest


def _everywhere(f: sp.Expr, u: sp.Symbol, v: sp.Symbol) -> Function:
    """f(u, v), by looking up the piece."""
    points = _sides(f, u)[0]
    inner = [_sides(piece, v, (u, v)) for piece in branches(f, u).pieces]

    def value(x: mpf, y: mpf) -> mpf:
        kinks, functions = inner[bisect_left(points, x)]
        piece = functions[bisect_left(kinks, y)]
        return piece(x, y) if piece else mpf(0)

    return value


def _reach_2(f: Function, shape: Shape) -> mpf:
    rp, rq, rho, width = shape
    angle = mp.atan2(width, rho)
    alphas = [2 * mp.pi * (k + mpf("0.3")) / 16 for k in range(16)]
    alphas += [angle / 2 + k * mp.pi / 2 for k in range(4)]  # inside each sector between u = 0 and v = 0, however thin
    rays = [(rp * mp.cos(alpha), rq * mp.cos(alpha - angle)) for alpha in alphas]
    return reach_of(lambda r: max(abs(f(a * r, b * r)) for a, b in rays))


def _clamped(points: list[mpf], reach: mpf) -> list[mpf]:
    """The ends of the range with the points between them; a point outside moves to its end."""
    return [-reach, *(max(-reach, min(reach, point)) for point in points), reach]


@lru_cache(maxsize=2048)
def _function(variables: tuple[sp.Symbol, ...], piece: sp.Expr) -> Function | None:
    if piece == 0:
        return None
    dummies = [sp.Dummy() for _ in variables]
    return sp.lambdify(dummies, piece.xreplace(dict(zip(variables, dummies, strict=True))), "mpmath", cse=True)


def _number(value: sp.Expr) -> mpf:
    return mp.mpmathify(value.evalf(mp.dps))


def _panels(low: mpf, high: mpf, scale: mpf) -> list[tuple[mpf, mpf]]:
    """Panels of length 3, halved towards zero down to the scale 1/`scale` of the function."""
    radii = [mpf(3 * k) for k in range(int(max(abs(low), abs(high)) / 3) + 2)]
    while radii[1] > 2 / scale:
        radii.insert(1, radii[1] / 2)
    cuts = {x for radius in radii for x in (radius, -radius) if low < x < high}
    return list(pairwise([low, *sorted(cuts), high]))


def converge(attempt: Callable[[int], Sum], start: int | None = None, gain: float = 1, most: int = _MOST_NODES) -> mpf:
    """More nodes until two results agree, with some guard digits left.

    `attempt` returns the sum and the sum of the absolute values: agreement is relative to the latter.
    `gain`: with 4/3 as many nodes the error e falls to about e**gain, or below.
    """
    digits = mp.dps - GUARD
    n = start or 8 + digits // 2
    last, most = attempt(n)[0], max(most, 2 * n)
    while n < most:
        n = n * 4 // 3
        value, size = attempt(n)
        if abs(value - last) <= mpf(10) ** (-digits / gain) * size:
            return value
        last = value
    raise NoRule(f"quadrature with {n} nodes", "agreement of two rules", "fewer digits or moderate variances")

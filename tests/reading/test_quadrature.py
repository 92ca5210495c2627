"""Quadrature against exact values, against nested mpmath quadrature, and what it refuses."""

from __future__ import annotations

import pytest
import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import DomainError, NoRule
from symlimits.reading import quadrature
from symlimits.reading.legendre import nodes
from symlimits.reading.quadrature import converge, gaussian_mean

u, v = sp.symbols("u v", real=True)
HALF = sp.Rational(1, 2)
HARD_TANH = sp.Max(-1, sp.Min(1, u))
ELU = sp.Piecewise((u, u > 0), (sp.exp(u) - 1, True))


def pair(phi: sp.Expr, p: object, q: object, rho: object, psi: sp.Expr | None = None) -> mpf:
    """E phi(u) psi(v) at the working precision; numbers are exact strings."""
    with mp.workdps(2 * mp.dps):
        P, Q = mpf(p), mpf(q)
        C = mpf(rho) * mp.sqrt(P * Q)
    integrand = phi * (phi if psi is None else psi).subs(u, v)
    return gaussian_mean(integrand, (u, v), [[P, C], [C, Q]])


def close(value: mpf, expected: mpf, digits: int) -> bool:
    return abs(value - expected) <= mpf(10) ** -digits * abs(expected)


@pytest.mark.parametrize(
    ("f", "exact"),
    [
        (u**10, 945 * sp.Rational(3, 2) ** 5),
        (sp.exp(3 * u), sp.exp(sp.Rational(27, 4))),
        (sp.cos(5 * u), sp.exp(-sp.Rational(75, 4))),
        (sp.Max(u, 0) ** 3, 2 * sp.Rational(3, 2) ** sp.Rational(3, 2) / sp.sqrt(2 * sp.pi)),
        (sp.Abs(u - 1), None),
        (sp.Heaviside(u - 1, HALF), (1 - sp.erf(1 / sp.sqrt(3))) / 2),
        (sp.exp(u**2 / 6), sp.sqrt(2)),
        (sp.exp(-50 * u**2), 1 / sp.sqrt(151)),
        (sp.Max(u - 40, 0), None),
    ],
    ids=str,
)
def test_one_variable(f: sp.Expr, exact: sp.Expr | None) -> None:
    """E f(u), u ~ N(0, 3/2): exponentials far out and kinks beyond the bulk are reached."""
    with mp.workdps(40):
        if exact is None:  # of (u-a)^+ : the density and the tail
            a = mpf(40) if f.has(sp.Max) else mpf(1)
            with mp.workdps(60):  # they cancel
                above = mp.npdf(a, 0, mp.sqrt("1.5")) * mpf("1.5") - a * mp.erfc(a / mp.sqrt(3)) / 2
            expected = above if f.has(sp.Max) else a + 2 * above
        else:
            expected = mp.mpmathify(exact.evalf(40))
        value = gaussian_mean(f, (u,), [[mpf("1.5")]])
        # cos(5u) is right relative to E|f|, which is 1e8 times the value
        assert close(value, expected, 22 if f.has(sp.cos) else 30)


def test_zero_variance() -> None:
    one, zero = mpf(1), mpf(0)
    assert gaussian_mean(sp.cos(u) + 1, (u,), [[zero]]) == 2
    assert gaussian_mean(sp.Heaviside(u, HALF), (u,), [[zero]]) == 0.5
    assert gaussian_mean(sp.sign(u), (u,), [[zero]]) == 0
    for covariance in ([[zero, zero], [zero, one]], [[one, zero], [zero, zero]]):
        value = gaussian_mean((1 + sp.Abs(u)) * (1 + sp.Abs(v)), (u, v), covariance)
        assert close(value, 1 + mp.sqrt(2 / mp.pi), 12)
    assert gaussian_mean(sp.exp(u + v), (u, v), [[zero, zero], [zero, zero]]) == 1


def test_one_variable_of_two() -> None:
    covariance = [[mpf(2), mpf(1)], [mpf(1), mpf(3)]]
    assert close(gaussian_mean(u**2, (u, v), covariance), mpf(2), 12)
    assert close(gaussian_mean(v**2, (u, v), covariance), mpf(3), 12)
    assert gaussian_mean(sp.S(7), (u, v), covariance) == 7


def arc_cosine(n: int, p: mpf, q: mpf, theta: mpf) -> mpf:
    """E of relu powers: J_n(pi - ...) of Cho and Saul 2009, for orders 0, 1, 2."""
    sin, cos, rest = mp.sin(theta), mp.cos(theta), mp.pi - theta
    J = [rest, sin + rest * cos, 3 * sin * cos + rest * (1 + 2 * cos**2)][n]
    return mp.sqrt(p * q) ** n * J / (2 * mp.pi)


@pytest.mark.parametrize("rho", ["-1", "-0.999999", "-0.3", "0", "0.5", "0.99999999999999", "1"])
@pytest.mark.parametrize("n", [0, 1, 2])
def test_arc_cosine_kernels(n: int, rho: str) -> None:
    phi = sp.Max(u, 0) ** n if n else sp.Heaviside(u, HALF)
    with mp.workdps(30):
        expected = arc_cosine(n, mpf(2), mpf("0.3"), mp.acos(mpf(rho)))
        value = pair(phi, "2", "0.3", rho)
        assert abs(value - expected) < mpf("1e-22") * mp.sqrt("0.6") ** n


def test_tanh() -> None:
    """theory: p = 4, q = 2, rho = 0.9."""
    with mp.workdps(26):
        assert abs(pair(sp.tanh(u), 4, 2, "0.9") - mpf("0.496238793154857")) < mpf("1e-15")


@pytest.mark.parametrize("rho", ["-0.5", "0.96"])
def test_three_routes_agree(rho: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trapezoid rules for products, the one in independent coordinates, and cells."""
    phi = sp.erf(u) + u / 3

    def refused(*_: object) -> mpf:
        raise NoRule("the quick way", "another", "cells")

    with mp.workdps(22):
        product = pair(phi, "1.5", "0.4", rho)
        shape = (mp.sqrt("1.5"), mp.sqrt("0.4"), mpf(rho), mp.sqrt(1 - mpf(rho) ** 2))
        rotated = quadrature._smooth(phi * phi.subs(u, v), u, v, shape, mpf(11))
        monkeypatch.setattr(quadrature, "_product", refused)
        monkeypatch.setattr(quadrature, "_smooth", refused)
        assert close(product, rotated, 14)
        assert close(product, pair(phi, "1.5", "0.4", rho), 14)


def nested(phi: sp.Expr, p: str, q: str, rho: str, kinks: list[int]) -> mpf:
    """mpmath's own nested tanh-sinh quadrature, cut at the kinks."""
    f = sp.lambdify(u, phi, "mpmath")
    P, Q, R = mpf(p), mpf(q), mpf(rho)
    rp, slope, spread = mp.sqrt(P), R * mp.sqrt(Q / P), mp.sqrt(Q * (1 - R * R))

    def ends(center: mpf, width: mpf) -> list[mpf]:
        low, high = center - 8 * width, center + 8 * width
        return [low, *(k for k in kinks if low < k < high), high]

    def inner(x: mpf) -> mpf:
        return mp.quad(lambda y: f(y) * mp.npdf(y, slope * x, spread), ends(slope * x, spread))

    return mp.quad(lambda x: f(x) * mp.npdf(x, 0, rp) * inner(x), ends(mpf(0), rp))


@pytest.mark.parametrize(
    ("phi", "kinks", "rho"),
    [
        pytest.param(HARD_TANH, [-1, 1], "0.5", marks=pytest.mark.slow),
        pytest.param(sp.Max(u - HALF, 0), [HALF], "0.5", marks=pytest.mark.slow),
        (ELU, [0], "0.5"),
        pytest.param(HARD_TANH, [-1, 1], "-0.97", marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_kinks_against_nested_quadrature(phi: sp.Expr, kinks: list[sp.Expr], rho: str) -> None:
    with mp.workdps(10):
        expected = nested(phi, "1.5", "0.8", rho, [mp.mpmathify(k) for k in kinks])
    with mp.workdps(16):
        assert close(pair(phi, "1.5", "0.8", rho), expected, 8)


@pytest.mark.slow
@pytest.mark.parametrize("rho", ["0.999", "-0.999999"])
def test_a_narrow_ridge_across_kinks(rho: str) -> None:
    """Hard tanh is the difference of two relus: E of products of shifted relus by one variable less."""
    with mp.workdps(20):
        value = pair(HARD_TANH, "1.5", "0.8", rho)
        P, Q, R = mpf("1.5"), mpf("0.8"), mpf(rho)
        slope, spread = R * mp.sqrt(Q / P), mp.sqrt(Q * (1 - R * R))

        def above(m: mpf, a: mpf) -> mpf:  # E (y - a)^+ for y ~ N(m, spread^2)
            z = (m - a) / spread
            return spread * (mp.npdf(z) + z * mp.ncdf(z))

        def given(x: mpf) -> mpf:
            return -1 + above(slope * x, mpf(-1)) - above(slope * x, mpf(1))

        ends = sorted(
            {mpf(-12), mpf(12), mpf(-1), mpf(1), *(k / slope + j * spread for k in (-1, 1) for j in (-6, 0, 6))}
        )
        expected = mp.quad(lambda x: max(-1, min(1, x)) * mp.npdf(x, 0, mp.sqrt(P)) * given(x), ends)
        assert close(value, expected, 12)


LARGE = [
    *((100, 30, "0.5"), (1000, "0.01", "-0.5"), (1000, 1000, "0.9")),
    *(("1e-8", 3, "0.5"), ("1e-12", "1e-12", "-0.9"), (100, 50, "0.99")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("p", "q", "rho"), LARGE, ids=str)
def test_large_and_small_variances(p: object, q: object, rho: str) -> None:
    """Right, or refused: never silently wrong."""
    with mp.workdps(26):
        P, Q, R = mpf(p), mpf(q), mpf(rho)
        C = R * mp.sqrt(P * Q)
        arcsine = 2 * mp.asin(2 * C / mp.sqrt((1 + 2 * P) * (1 + 2 * Q))) / mp.pi
        cases = [
            (sp.erf(u), arcsine),
            (sp.exp(u), mp.exp((P + Q) / 2 + C)),
            (sp.Max(u, 0), arc_cosine(1, P, Q, mp.acos(R))),
        ]
        for phi, expected in cases:
            try:
                value = pair(phi, p, q, rho)
            except NoRule:
                assert max(P, Q) > 25
                continue
            assert close(value, expected, 15), phi


@pytest.mark.parametrize(("p", "q", "rho"), [(100, 100, "1"), (400, 9, "-1"), (30, "1e-6", "0.5")])
def test_exponentials_far_out(p: object, q: object, rho: str) -> None:
    """The mass of exp(u + v) lies far outside the bulk of the density."""
    with mp.workdps(20):
        P, Q = mpf(p), mpf(q)
        expected = mp.exp((P + Q) / 2 + mpf(rho) * mp.sqrt(P * Q))
        assert close(pair(sp.exp(u), p, q, rho), expected, 12)


def test_infinite_means_are_refused() -> None:
    with mp.workdps(20):
        for rho in ("0", "0.5", "1"):
            with pytest.raises(DomainError, match="outgrows"):
                pair(sp.exp(u**2 / 8), 5, 5, rho)
        assert close(pair(sp.exp(u**2 / 8), 1, 1, "0"), mpf(4) / 3, 12)
        with pytest.raises(DomainError, match="outgrows"):
            gaussian_mean(sp.exp(u**2), (u,), [[mpf(1)]])


def test_covariances_that_are_none() -> None:
    with mp.workdps(20):
        for bad in ("1.0000001", "-1.5"):
            with pytest.raises(DomainError, match=r"c\^2 <= p q"):
                pair(sp.tanh(u), 1, 2, bad)
        for p, q in ((-1, 1), (1, -1)):
            covariance = [[mpf(p), mpf(0)], [mpf(0), mpf(q)]]
            with pytest.raises(DomainError, match="variance"):
                gaussian_mean(sp.tanh(u) * sp.tanh(v), (u, v), covariance)
        # beyond one by rounding only: correlation one
        assert close(pair(sp.tanh(u), 1, 1, "1.000000000000000000000000000001"), pair(sp.tanh(u), 1, 1, 1), 15)


def test_integrands_that_are_no_products() -> None:
    """E max(u, v) = sqrt((p + q - 2c)/(2 pi)) needs a kink on the diagonal, which is refused; smooth ones are not."""
    covariance = [[mpf(1), mpf("0.3")], [mpf("0.3"), mpf(2)]]
    with mp.workdps(16):
        value = gaussian_mean(sp.cos(u * v), (u, v), covariance)
        law = [(mpf(k) / 8, mp.npdf(mpf(k) / 8) / 8) for k in range(-64, 65)]
        spread = mp.sqrt(2 - mpf("0.09"))
        expected = mp.fsum(a * b * mp.cos(x * (mpf("0.3") * x + spread * t)) for x, a in law for t, b in law)
        assert abs(value - expected) < mpf("1e-8")
        with pytest.raises(NoRule):
            gaussian_mean(sp.Max(u, v), (u, v), covariance)
    with pytest.raises(NoRule, match="3 variables"):
        gaussian_mean(u * v, (u, v, sp.Symbol("w")), [[mpf(1)] * 3] * 3)


def test_steep_functions() -> None:
    """The panels follow the steepness: tanh(5000 u)^2 is not taken for one."""
    with mp.workdps(20):
        value = gaussian_mean(1 - sp.tanh(5000 * u) ** 2, (u,), [[mpf(1)]])
        # integral of sech^2 is 2/5000, against a density that is flat on this scale
        assert close(value, mp.npdf(0) * 2 / 5000, 7)
        assert close(1 - gaussian_mean(sp.tanh(5000 * u) ** 2, (u,), [[mpf(1)]]), value, 8)


@pytest.mark.parametrize("k", [50_000, 10**9])
def test_a_steep_place_away_from_zero(k: int) -> None:
    """E erf(k(u - 1)) = -erf(k/sqrt(1 + 2 k^2)): the formula tells where the step is."""
    with mp.workdps(30):
        value = gaussian_mean(sp.erf(k * (u - 1)), (u,), [[mpf(1)]])
        assert close(value, -mp.erf(k / mp.sqrt(1 + 2 * mpf(k) ** 2)), 23)


def test_too_many_waves_are_refused() -> None:
    for f, covariance in ((sp.cos(10**5 * u), [[1]]), (sp.cos(10**5 * u) * sp.cos(v), [[1, 0.5], [0.5, 1]])):
        with mp.workdps(15), pytest.raises(NoRule, match="few narrow places"):
            gaussian_mean(f, (u, v)[: len(covariance)], [[mpf(x) for x in row] for row in covariance])


def test_legendre_nodes() -> None:
    with mp.workdps(50):
        rule = nodes([(mpf(-1), mpf(2)), (mpf(2), mpf(3))], 12)
        for k in range(24):  # 12 nodes: exact to degree 23
            assert close(mp.fsum(w * x**k for x, w in rule), (mpf(3) ** (k + 1) - mpf(-1) ** (k + 1)) / (k + 1), 45)


def test_converge() -> None:
    seen: list[int] = []

    def attempt(n: int) -> tuple[mpf, mpf]:
        seen.append(n)
        return 1 + mpf(2) ** -n, mpf(1)

    with mp.workdps(20):
        assert abs(converge(attempt, start=10) - 1) < mpf("1e-14")
        with pytest.raises(NoRule):
            converge(lambda n: (mpf(n), mpf(1)))
    assert seen == sorted(seen)

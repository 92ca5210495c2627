"""Reference values at high variances and near a correlation of one: against closed forms and each other."""

from __future__ import annotations

import pytest
import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import NoRule
from symlimits.reading.cells import cellwise
from symlimits.reading.legendre import hermite_nodes, nodes
from symlimits.reading.quadrature import _line, gaussian_mean
from symlimits.reading.resolved import line_mean
from symlimits.reading.ridge import ridge

u, v = sp.symbols("u v", real=True)
GUARD = 10  # digits of the working precision beyond those that are compared
ELU = sp.Piecewise((u, u > 0), (sp.exp(u) - 1, True))
HARD_TANH = sp.Max(-1, sp.Min(1, u))
STEEP = pytest.param(sp.tanh(20 * u + 3), marks=pytest.mark.slow)
STEEP_AND_OTHERS = [sp.tanh(u), ELU, HARD_TANH, STEEP, sp.log(1 + u**2)]


def pair(phi: sp.Expr, p: object, q: object, rho: object, digits: int) -> mpf:
    with mp.workdps(2 * digits + 40):
        P, Q = mpf(p), mpf(q)
        C = mpf(rho) * mp.sqrt(P * Q)
    with mp.workdps(digits + GUARD):
        return gaussian_mean(phi * phi.subs(u, v), (u, v), [[P, C], [C, Q]])


def arcsine(p: object, q: object, rho: object) -> mpf:
    """E erf(u) erf(v) (Williams 1997)."""
    P, Q = mpf(p), mpf(q)
    return 2 / mp.pi * mp.asin(2 * mpf(rho) * mp.sqrt(P * Q) / mp.sqrt((1 + 2 * P) * (1 + 2 * Q)))


def close(value: mpf, expected: mpf, digits: int) -> bool:
    with mp.workdps(2 * digits):
        return abs(value - expected) <= mpf(10) ** -digits * abs(expected)


ERF_POINTS = [
    *((1000, 1000, "0.99", 30), (1000, "0.001", "-0.3", 30), (30, "0.5", "-0.999", 15)),
    *((1000, 500, "0.999999999999", 15), (1000, 1000, 1, 30), (10, 10, "-0.9", 30)),
    pytest.param(1000, 1000, "0.5", 50, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("p", "q", "rho", "digits"), ERF_POINTS, ids=str)
def test_erf(p: object, q: object, rho: object, digits: int) -> None:
    value = pair(sp.erf(u), p, q, rho, digits)
    with mp.workdps(2 * digits + 20):
        expected = arcsine(p, q, rho)
    assert close(value, expected, digits)
    assert not close(value, expected * (1 + mpf(10) ** (2 - digits)), digits)


@pytest.mark.slow
@pytest.mark.parametrize("gap", ["1e-4", "4e-4", "1e-6", "1e-9"])
def test_erf_between_cells_and_ridges(gap: str) -> None:
    """Where both ways are at their slowest."""
    with mp.workdps(80):
        rho = 1 - mpf(gap)
        expected = arcsine(1000, 1000, rho)
        text = mp.nstr(rho, 40)
    assert close(pair(sp.erf(u), 1000, 1000, text, 30), expected, 30)


def test_sine() -> None:
    """E sin u sin v = exp(-(p + q)/2) sinh c, relative to E|sin u sin v|, here near 4/pi^2."""
    value = pair(sp.sin(u), 900, 400, "0.9999999999", 15)
    with mp.workdps(50):
        c = mpf("0.9999999999") * 600
        assert abs(value - mp.exp(mpf(-650)) * mp.sinh(c)) < mpf("1e-15")


def test_theory() -> None:
    with mp.workdps(30):
        line = [_line(sp.tanh(u), u, mp.sqrt(p)) for p in (4, 2)]
        assert abs(cellwise(*line, mpf("0.9"), mp.sqrt("0.19")) - mpf("0.496238793154857")) < mpf("5e-16")


@pytest.mark.slow
@pytest.mark.parametrize("phi", STEEP_AND_OTHERS, ids=str)
def test_cells_and_ridge_agree(phi: sp.Expr) -> None:
    """Two ways that share nothing but the panels of one variable."""
    with mp.workdps(16):
        f, g = _line(phi, u, mpf(6)), _line(phi, u, mpf(2))
        rho, width = mpf("-0.96"), mpf("0.28")
        assert close(cellwise(f, g, rho, width), ridge(f, g, rho, width), 9)


def test_mehler() -> None:
    """sum_n a_n(p) a_n(q) rho^n of tanh(u)^2 and rho = 1/2: what follows 60 terms is below 2^-60."""
    f = sp.tanh(u) ** 2

    def coefficients(p: int) -> list[mpf]:
        grid = [(mpf(k) / 40, mp.npdf(mpf(k) / 40) / 40) for k in range(-600, 601)]
        values = [w * mp.tanh(mp.sqrt(p) * z) ** 2 for z, w in grid]
        before, here, found = [mpf(0)] * len(grid), [mpf(1)] * len(grid), []
        for n in range(60):
            found.append(mp.fdot(values, here))
            up, down = mp.sqrt(n + 1), mp.sqrt(n)
            before, here = here, [(z * h - down * b) / up for (z, _), h, b in zip(grid, here, before, strict=True)]
        return found

    with mp.workdps(26):
        expected = mp.fsum(
            a * b / mpf(2) ** n for n, (a, b) in enumerate(zip(coefficients(3), coefficients(2), strict=True))
        )
        line = [_line(f, u, mp.sqrt(p)) for p in (3, 2)]
        assert close(cellwise(*line, mpf("0.5"), mp.sqrt("0.75")), expected, 16)


@pytest.mark.parametrize("phi", [sp.tanh(u), sp.log(1 + sp.exp(u)), u / (1 + sp.exp(-u)), u - sp.tanh(u)], ids=str)
@pytest.mark.parametrize(("p", "q", "rho"), [(1000, 1000, "0.99"), (1000, "0.001", "0.3")], ids=str)
def test_two_precisions_agree(phi: sp.Expr, p: object, q: object, rho: str) -> None:
    assert close(pair(phi, p, q, rho, 12), pair(phi, p, q, rho, 20), 12)


def test_correlation_one_is_one_variable() -> None:
    """E tanh(20 u + 3)^2 at p = 1000 is right to 30 digits by two precisions; E(1 + u^2) exactly."""
    phi = sp.tanh(20 * u + 3)
    assert close(pair(phi, 1000, 1000, 1, 30), pair(phi, 1000, 1000, 1, 40), 30)
    assert close(pair(sp.sqrt(1 + u**2), 1000, 1000, 1, 30), mpf(1001), 30)


@pytest.mark.slow
def test_small_overlap_takes_more_digits() -> None:
    """E of relu(u - 4) relu(-v - 4) at rho = 1/2 is 1e-19: right relative to itself."""
    f, g = sp.Max(u - 4, 0), sp.Max(-u - 4, 0)
    with mp.workdps(20):
        one = cellwise(_line(f, u, mpf(1)), _line(g, u, mpf(1)), mpf("0.5"), mp.sqrt("0.75"))
    with mp.workdps(30):
        two = ridge(_line(f, u, mpf(1)), _line(g, u, mpf(1)), mpf("0.5"), mp.sqrt("0.75"))
    assert 0 < one < mpf("1e-15")
    assert close(one, two, 13)


def test_hostile_functions_are_refused() -> None:
    with mp.workdps(20):
        wild = _line(sp.sin(10**6 * u), u, mpf(1))
        for attempt in (cellwise, ridge):
            with pytest.raises(NoRule):
                attempt(wild, wild, mpf("0.6"), mpf("0.8"))
        with pytest.raises(NoRule):
            line_mean(wild, mpf(10))


def test_hermite_nodes() -> None:
    with mp.workdps(40):
        rule = hermite_nodes(9)
        for k in range(9):  # 9 nodes: exact to degree 17
            assert close(mp.fsum(w * x ** (2 * k) for x, w in rule), mp.fac2(2 * k - 1), 36)
        assert len(nodes([(mpf(0), mpf(1))], 9)) == 9

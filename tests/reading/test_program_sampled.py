"""Straight lines of expectations by quasi-Monte Carlo: values within their errors, correlated symbols drawn once."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from symlimits.errors import DomainError, NoRule, UnboundSymbol
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.straight_line import Definition, Loop, StraightLine
from symlimits.reading.normal_points import NormalPoints, covariances, explained, normal_sources
from symlimits.reading.program_sampled import sampled

g, h, k = sp.symbols("zeta_1 zeta_2 zeta_3", real=True)
y, z, q, r = sp.symbols("y z_4 q r", real=True)


def E(f: sp.Expr, *us: sp.Symbol, C: list | None = None) -> GaussianExpectation:  # type: ignore[type-arg]
    return GaussianExpectation(f, us, sp.eye(len(us)) if C is None else C)


@pytest.mark.parametrize(
    ("head", "value"),
    [
        (E(sp.cos(g), g), np.exp(-0.5)),
        (E(sp.Max(0, g) * sp.Max(0, h), g, h, C=[[1, 1], [1, 1]]), 0.5),
        (E(sp.sign(g) * sp.sign(h), g, h, C=[[1, 0.5], [0.5, 1]]), 2 / np.pi * np.arcsin(0.5)),
        (E(g**2 * h**2, g, h), 1.0),
        (E(StraightLine([Definition(z, g + h)], sp.exp(-(z**2))), g, h), 5**-0.5),
        (E(sp.Piecewise((g**2, g > 0), (0, True)), g), 0.5),
    ],
)
def test_known_means(head: sp.Expr, value: float) -> None:
    """Within the error, and not when moved by three times it."""
    found = sampled(StraightLine([Definition(y, head)], 2 * y), {})
    assert abs(found.value - 2 * value) < found.error < 0.1
    assert abs(found.value - 2 * value + 3 * found.error) > found.error


def test_errors_cover() -> None:
    """Of 40 seeds none misses: each would once in 2000."""
    line = StraightLine([Definition(y, E(sp.tanh(g + h) * sp.tanh(h + k), g, h, k))], y)
    truth = sampled(line, {}, points=2**15, seed=99).value
    found = [sampled(line, {}, points=2**6, seed=seed) for seed in range(40)]
    assert all(abs(value.value - truth) < value.error for value in found)
    assert np.median([value.error for value in found]) < 0.05


def test_symbols_of_one_name_are_one_draw() -> None:
    """E (f(g) - f(g)) over two heads is zero to the bit; over two names it is not."""
    same = StraightLine([Definition(y, E(sp.tanh(g) ** 4, g)), Definition(z, E(sp.tanh(g) ** 4, g, h))], y - z)
    other = StraightLine([Definition(y, E(sp.tanh(g) ** 4, g)), Definition(z, E(sp.tanh(h) ** 4, h))], y - z)
    assert sampled(same, {}).value == 0
    assert sampled(other, {}).value != 0


def test_covariances_may_be_scalars_of_the_line() -> None:
    c = sp.Symbol("c_1_2", real=True)
    line = StraightLine(
        [
            Definition(c, E(sp.tanh(k) ** 2, k)),
            Definition(y, E(g * h, g, h, C=[[1, c], [c, 1]])),
        ],
        y - c,
    )
    found = sampled(line, {})
    assert abs(found.value) < found.error


def test_free_symbols_have_to_have_values() -> None:
    line = StraightLine([Definition(y, E(sp.cos(q * g), g))], r * y)
    with pytest.raises(UnboundSymbol, match="q without a value"):
        sampled(line, {r: 1})
    found = sampled(line, {q: 2, r: sp.Rational(1, 2)})
    assert abs(found.value - np.exp(-2) / 2) < found.error


def test_what_is_not_finite() -> None:
    with pytest.raises(DomainError, match="not finite"):
        sampled(StraightLine([Definition(y, E(g**2, g))], y / q), {q: 0})


@pytest.mark.parametrize("wrong", [{"points": 1000}, {"points": 1}, {"points": 0}, {"scrambles": 1}])
def test_counts(wrong: dict[str, int]) -> None:
    with pytest.raises(DomainError, match=next(iter(wrong))):
        sampled(StraightLine([Definition(y, E(sp.cos(g), g))], y), {}, **wrong)


def test_loops_are_refused() -> None:
    t = sp.Symbol("t", integer=True)
    with pytest.raises(NoRule, match="loops"):
        sampled(StraightLine([Loop(t, 0, 1, [])], y), {y: 1})


def test_points_have_the_covariance() -> None:
    C = np.array([[2.0, 1.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])  # singular: g = h + k
    head = GaussianExpectation(g, (g, h, k), sp.ImmutableDenseMatrix(C.astype(int)))
    points = NormalPoints(covariances([head]), float, normal_sources(3, 2**12, np.random.SeedSequence(0)))
    drawn = np.array([points[u] for u in (g, h, k)])
    np.testing.assert_allclose(drawn @ drawn.T / 2**12, C, atol=5e-3)  # of 4096 Sobol points
    np.testing.assert_allclose(drawn[0], drawn[1] + drawn[2], atol=1e-7)  # the root of rounding


def test_covariances_that_nearly_fit_are_met_and_others_refused() -> None:
    before = np.array([[1.0, 0.0, 0.0], [1.0, 1e-4, 0.0]])
    near = explained(before, np.array([1.0, 1.0 + 1e-3]), 1.0)  # exactly met by a row of length 10 only
    assert near @ near <= 1.0 + 1e-6
    np.testing.assert_allclose(before @ near, [1.0, 1.0], atol=2e-3)
    with pytest.raises(NoRule, match="semidefinite"):
        explained(before, np.array([1.0, 0.5]), 1.0)

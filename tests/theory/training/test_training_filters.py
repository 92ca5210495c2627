"""What training makes of a mode, in floats: against the exponential and the powers of its matrix, at 30 digits."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp

from symlimits.theory.training.filters import EARLY, FEW, SLOW, growth, growth_in_steps

MOMENTA = (0.0, 1e-6, 0.1, 0.5, 0.9, 0.99)
ALMOST_ONE = (1 - 1e-6, 1 - 1e-12, 1 - 2.0**-53)
MARKED = [pytest.param(m, marks=[] if m in (0.0, 0.9) else pytest.mark.slow) for m in MOMENTA]
STRENGTHS = (0.0, 1e-300, 1e-20, 1e-9, 1e-4, 0.1, 0.7, 1.0, 1.5)
TIMES = (1e-3, 0.1, 1.0, 3.5, 30.0, 1000.0)
STEPS = (0, 1, 2, 7, 64, 65, 1000)
NEAR = (1.0, 1 - 1e-12, 1 + 1e-12, 1 - 1e-5, 1 + 1e-5, 0.9, 1.1, 0.5, 0.499)  # times a join
DIGITS = 50
ROUNDINGS = 2**-46  # 128 units of the last place, of a handful of functions
BACKWARD = 2**-50  # of x: floats near a join know the root's square no better than this


def by_matrix(x: float, momentum: float, time: float) -> mp.mpf:
    """The constant drive's share in the propagator of the flow."""
    x, friction = mp.mpf(x), 1 - mp.mpf(momentum)
    if not momentum:
        return mp.expm(mp.matrix([[-x, 1], [0, 0]]) * mp.mpf(time))[0, 1]
    return mp.expm(mp.matrix([[0, 1, 0], [-x, -friction, 1], [0, 0, 0]]) * mp.mpf(time))[0, 2]


def by_powers(x: float, momentum: float, steps: int) -> mp.mpf:
    x, m = mp.mpf(x), mp.mpf(momentum)
    return (mp.matrix([[1 + m - x, -m, 1], [1, 0, 0], [0, 0, 1]]) ** steps)[0, 2] if steps else mp.mpf(0)


def strengths(momentum: float, joins: tuple[float, ...], most: float) -> np.ndarray:
    return np.array([x for x in (*STRENGTHS, *(j * c for j in joins for c in NEAR)) if x < most])


@pytest.mark.parametrize("momentum", MARKED)
def test_flow(momentum: float) -> None:
    x = strengths(momentum, ((1 - momentum) ** 2 / 4,), np.inf)
    with mp.workdps(DIGITS):
        for time in TIMES:
            found = growth(x, time, momentum)
            for strength, value in zip(x, found, strict=True):
                truth = by_matrix(strength, momentum, time)
                assert abs(value - truth) <= ROUNDINGS * truth, (strength, time)


@pytest.mark.parametrize("momentum", MARKED)
def test_steps(momentum: float) -> None:
    p = momentum**0.5
    x = strengths(momentum, ((1 - p) ** 2, (1 + p) ** 2), 1.999 * (1 + momentum))
    with mp.workdps(DIGITS):
        for steps in STEPS:
            found = growth_in_steps(x, steps, momentum)
            for strength, value in zip(x, found, strict=True):
                truth = by_powers(strength, momentum, steps)
                moved = by_powers(strength * (1 + BACKWARD), momentum, steps)
                inside = ROUNDINGS * max(abs(truth), whole(strength, momentum, steps))
                assert abs(value - truth) <= inside + 4 * abs(moved - truth), (strength, steps)


@pytest.mark.parametrize("momentum", ALMOST_ONE)
def test_first_steps_of_a_momentum_near_one(momentum: float) -> None:
    """Where 1 - q is far below rounding, next to the critical damping of tiny strengths too; and no time overflows."""
    x = strengths(momentum, ((1 - momentum) ** 2 / 4,), 1e-9)
    with mp.workdps(10 * DIGITS):
        for steps in (65, 1000, 10_000, 10**6):
            for strength, value in zip(x, growth_in_steps(x, steps, momentum), strict=True):
                if (1 - momentum + strength**0.5) * steps < EARLY:
                    assert abs(value / by_powers(strength, momentum, steps) - 1) < ROUNDINGS, (strength, steps)
    friction = 1 - momentum
    assert growth(np.zeros(1), 1e300, momentum)[0] == pytest.approx(1e300 / friction, rel=ROUNDINGS)


def whole(x: float, momentum: float, steps: int) -> float:
    """The size of 1/x where G is (1 - q)/x with q rounded: past the first steps, and not far below critical damping."""
    rounded = momentum > 0 and steps > FEW and x >= SLOW * (1 - momentum**0.5) ** 2
    return 1 / x if rounded or x > 1 else 0.0


def test_the_oracles_are_not_the_same_formula_twice() -> None:
    """Small steps are the flow: at a hundredth of the rate and a hundred times the steps, within the first order."""
    x, momentum = np.array([0.3, 0.02, 0.0]), 0.0
    flow, steps = growth(x, 10.0, momentum), growth_in_steps(x / 1000, 10_000, momentum) / 1000
    assert np.abs(steps / flow - 1).max() < 10 * 0.3**2 / 1000
    assert np.abs(steps / flow - 1).max() > 0


def test_momentum_in_small_steps_is_its_flow() -> None:
    """At fixed friction (1 - mu)/sqrt(lr): the error of the differences is of the first order in the step h."""
    strength, friction, time = np.array([2.0]), 0.7, 6.0
    errors = []
    for h in (0.02, 0.01, 0.005):
        steps = growth_in_steps(strength * h**2, round(time / h), 1 - friction * h) * h**2
        flow = growth(strength * h**2, time / h, 1 - friction * h) * h**2
        errors.append(float(abs(steps - flow)[0]))
    assert 1.8 < errors[0] / errors[1] < 2.2
    assert 1.8 < errors[1] / errors[2] < 2.2


def test_a_wrong_filter_is_seen() -> None:
    """Momentum without the velocity at rest, f_{-1} = 0 in place of f_0, is off by far more than the tolerance."""
    wrong = float(growth_in_steps(np.array([0.3]), 3, 0.5)[0] + 0.5)
    assert abs(wrong - by_powers(0.3, 0.5, 3)) > 1e6 * ROUNDINGS

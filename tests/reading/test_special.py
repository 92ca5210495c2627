"""Accuracy of the scalar functions against mpmath, in ulps, on linear and logarithmic grids."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import mpmath as mp
import numpy as np
import pytest

from symlimits.reading import special

DIGITS = 40
TINIEST_GAP = 1e-300


@pytest.fixture(scope="module")
def derivation() -> ModuleType:
    """The script that derives the table."""
    path = Path(__file__).parents[2] / "benchmarks" / "special_coefficients.py"
    spec = importlib.util.spec_from_file_location("special_coefficients", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ulps(computed: float, exact: mp.mpf) -> float:
    """|computed - exact| in units of the last place of `exact`."""
    return float(abs(mp.mpf(computed) - exact) / math.ulp(float(exact))) if exact else (math.inf if computed else 0.0)


def worst(function: Callable[..., float], exact: Callable[..., mp.mpf], points: Iterable[tuple[float, ...]]) -> float:
    with mp.workdps(DIGITS):
        return max(ulps(function(*point), exact(*map(mp.mpf, point))) for point in points)


def test_table_is_the_derived_one(derivation: ModuleType) -> None:
    assert derivation.table() == special._HALF_ANGLE


def test_table_is_as_good_as_claimed_and_no_longer_than_needed(derivation: ModuleType) -> None:
    assert derivation.error_in_ulps(special._HALF_ANGLE, points=200) < 0.06
    assert derivation.error_in_ulps(derivation.table(derivation.COEFFICIENTS - 2), points=200) > 0.5


@pytest.mark.parametrize(
    "gaps", [np.linspace(0, 1, 4001), np.geomspace(TINIEST_GAP, 1, 4001)], ids=["linear", "logarithmic"]
)
def test_angle(gaps: np.ndarray) -> None:
    # the root, the sum and 1/20: 1.11 ulps measured
    assert worst(special.angle, lambda g: 2 * mp.asin(mp.sqrt(g / 2)), ((float(g),) for g in gaps)) < 1.2


def test_angle_at_the_ends() -> None:
    assert special.angle(0.0) == 0.0
    assert special.angle(1.0) == pytest.approx(math.pi / 2, abs=math.ulp(1.5))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    "ratios", [np.linspace(0, 5, 2001), np.geomspace(1e-120, 1e120, 2001)], ids=["linear", "logarithmic"]
)
def test_angle_between(ratios: np.ndarray, sign: float) -> None:
    points = [(sign * float(size), float(size * r)) for size in (1.0, 0.7) for r in ratios]
    # two roots and a quotient more than `angle`: 2.71 ulps measured
    assert worst(special.angle_between, lambda c, s: mp.atan2(s, c), points) < 3


def test_angle_between_below_the_axis() -> None:
    points = [(1.0, -float(ratio)) for ratio in np.geomspace(1e-120, 1e120, 2001)]
    assert worst(special.angle_between, lambda c, s: mp.atan2(s, c), points) < 3


def test_angle_between_on_the_axes() -> None:
    assert special.angle_between(1.0, 0.0) == 0.0
    assert special.angle_between(-1.0, 0.0) == math.pi
    assert special.angle_between(0.0, 1.0) == pytest.approx(math.pi / 2, abs=math.ulp(1.5))


def test_difference_of_products() -> None:
    rng = np.random.default_rng(20261101)
    a, b, c = rng.lognormal(0, 3, (3, 2000))
    points = []
    for k in range(2000):
        d = float(a[k] * b[k] / c[k])  # everything cancels but the last bits
        points.append((float(a[k]), float(b[k]), float(c[k]), d))
    points += [(float(x), float(y), float(z), 1.0) for x, y, z in rng.normal(size=(2000, 3))]
    assert worst(special.difference_of_products, lambda a, b, c, d: a * b - c * d, points) <= 1.5
    naive = worst(lambda a, b, c, d: a * b - c * d, lambda a, b, c, d: a * b - c * d, points)
    assert naive > 1e6, "negative control: the grid must break the naive formula"

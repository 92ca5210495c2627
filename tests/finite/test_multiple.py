"""Holm's step-down against its definition, and the rate that it keeps."""

from __future__ import annotations

import numpy as np
import pytest

from symlimits.errors import DataError, DomainError
from symlimits.finite.multiple import holm
from tests.binomial import binomial_agrees, more_than


def step_down(p_values: list[float], alpha: float) -> list[bool]:
    """Holm's procedure as he wrote it: reject the smallest while p <= alpha/(claims left)."""
    rejected, left = [False] * len(p_values), list(range(len(p_values)))
    while left:
        least = min(left, key=lambda i: p_values[i])
        if p_values[least] > alpha / len(left):
            break
        rejected[least] = True
        left.remove(least)
    return rejected


@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_against_the_definition(alpha):
    rng = np.random.default_rng(0)
    for _ in range(300):
        p = (rng.random(rng.integers(1, 9)) ** 3).round(2).tolist()  # small ones, and ties
        table = holm(p, alpha)
        assert list(table.rejected) == step_down(p, alpha)
        for level in table.adjusted:  # an adjusted value is the least alpha at which the claim falls
            if 0 < level < 1:
                assert step_down(p, level * (1 + 1e-12)) == [a <= level for a in table.adjusted]


def test_any_false_alarm_at_all_is_as_rare_as_promised():
    """Eight true claims and two false ones, one test each, dependent in pairs."""
    rng = np.random.default_rng(1)
    p = rng.random((2000, 10))
    p[:, 1] = p[:, 0]
    p[:, 8:] = 1e-9
    tables = [holm(row, 0.05) for row in p]
    assert not more_than(sum(any(table.rejected[:8]) for table in tables), 2000, 0.05)
    assert all(all(table.rejected[8:]) for table in tables)
    alone = sum((row[:8] <= 0.05).any() for row in p)
    assert binomial_agrees(alone, 2000, 1 - 0.95**7), "without correction one of seven alarms"


def test_refusals():
    assert holm([], 0.05).rejected == ()
    with pytest.raises(DataError, match="between 0 and 1"):
        holm([0.5, np.nan], 0.05)
    with pytest.raises(DataError, match="p values"):
        holm(0.5, 0.05)
    with pytest.raises(DomainError, match="alpha"):
        holm([0.5], 1)

"""Rows of blocks in float64, which paths come from, against the recursion in thirty digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

from symlimits.reading.rings import digits
from symlimits.reading.straight_line import Memory, run
from symlimits.theory.deep_linear.problem import problem
from symlimits.theory.deep_linear.recursion import Families, eta, recursion
from symlimits.theory.deep_linear.sweep import Layer, Sweep, sweep

RATE = "1/8"
ROUNDING = 1e-13  # relative to the largest entry of a family: what some thousand operations in float64 leave
LARGEST = [(8, 4, 5, 2), (8, 1, 1, 3), (1, 4, 3, 3)]  # d, k, depth, steps
GRID = [(d, k, depth, 4) for d in (1, 2, 3, 5, 8) for k in (1, 2, 3, 4) for depth in (1, 2, 3, 4, 5)]


def data(d: int, k: int, rank: int, seed: int) -> tuple[list[list[sp.Rational]], list[list[sp.Rational]]]:
    """A covariance of that rank whose entries are no floats, and targets that are not aligned, in and out of it."""
    rng = np.random.default_rng(seed)
    rows = [[sp.Rational(int(n), 3) for n in row] for row in rng.integers(-3, 4, (rank, d))]
    Sxx = [[sum((row[i] * row[j] for row in rows), sp.S.Zero) / (3 * d) for j in range(d)] for i in range(d)]
    return Sxx, [[sp.Rational(int(n), 7) for n in row] for row in rng.integers(-5, 6, (k, d))]


def swept(depth: int, Sxx: Any, Syx: Any, steps: int) -> Sweep:
    floats = [np.array(matrix, dtype=np.float64) for matrix in (Sxx, Syx)]
    return sweep(depth, problem(*floats), float(sp.Rational(RATE)), steps)


def distance(found: Sweep, memory: Memory, F: Families, name: str, l: int, times: int) -> float:
    """The largest difference of a family in one layer, relative to its largest entry, or to one."""
    matrix, (rows, columns) = getattr(found.layers[l], name), getattr(F, name)().shape
    blocks = {place[1:]: block for place, block in memory.blocks[name].items() if place[0] == l}
    assert len(blocks) >= times * (times - 1) / 2
    gap, size = 0.0, 1.0
    with mp.workdps(30):  # the difference of a number of many digits and a float
        for (t, s), block in blocks.items():
            here = matrix[t * rows : (t + 1) * rows, s * columns : (s + 1) * columns]
            gap = max(gap, float(abs(block - here).max()))
            size = max(size, float(abs(block).max()))
    return gap / size


def worst(d: int, k: int, depth: int, steps: int, rank: int, wrong: float = 0.0) -> float:
    """The largest of these distances over all families and layers; `wrong` is added to a target of the sweep."""
    Sxx, Syx = data(d, k, rank, seed=d + 10 * k + 100 * depth)
    F, inputs = Families(d, k), {eta: RATE, "Sigma_xx": Sxx, "Sigma_yx": Syx}
    memory = run(recursion(depth, steps, d, k), digits(30), inputs)
    moved = np.array(Syx, dtype=np.float64)
    moved[0, 0] += wrong
    found = swept(depth, Sxx, moved, steps)
    layers = range(1, depth + 1)
    return max(distance(found, memory, F, name, l, steps + 1) for name in Layer.__dataclass_fields__ for l in layers)


@pytest.mark.parametrize(("d", "k", "depth", "steps"), LARGEST)
def test_thirty_digits_agree(d: int, k: int, depth: int, steps: int) -> None:
    """Inputs on a subspace, but for d = 1."""
    assert worst(d, k, depth, steps, rank=max(1, d // 2)) < ROUNDING


@pytest.mark.slow
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize(("d", "k", "depth", "steps"), GRID)
def test_thirty_digits_agree_everywhere(d: int, k: int, depth: int, steps: int, full: bool) -> None:
    assert worst(d, k, depth, steps, rank=2 * d if full else d // 2) < ROUNDING


def test_a_target_that_is_off_is_seen() -> None:
    """The control: by ten times the rounding that is allowed."""
    assert worst(2, 2, 2, 3, rank=1, wrong=1e-12) > ROUNDING

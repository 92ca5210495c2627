"""Rounds of chunks: which are drawn, how they are combined, and when they end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from symlimits.errors import DomainError
from symlimits.finite.functional import Functional
from symlimits.finite.plan import Chunk, Plan
from symlimits.finite.rounds import LOOK, Rounds, draw_rounds, weights
from symlimits.finite.sequential import MeanProcess
from symlimits.finite.statistics import merge

SIZES = (8, 16, 32)


def draw(size: int, rng: np.random.Generator) -> np.ndarray:
    """Fewer draws at larger sizes."""
    return 1 + 1 / size + rng.standard_normal(512 // size)


PLAN = Plan(draw, "a claim", 0, SIZES)


def run(value: float, most: int = 10**4, plan: Plan = PLAN) -> Rounds[MeanProcess]:
    def begin(counts: Sequence[int]) -> tuple[tuple[tuple[float, ...], ...], MeanProcess]:
        assert list(counts) == [64, 32, 16]
        return weights(SIZES, counts, 1, apart=False), MeanProcess(value, 0.5)

    return draw_rounds(plan, begin, 0.01, most)


def test_rounds_are_extrapolated_chunks():
    drawn = run(1.0)
    (row,) = weights(SIZES, (64, 32, 16), 1, apart=False)
    assert sum(row) == pytest.approx(1)
    assert sum(w / n for w, n in zip(row, SIZES, strict=True)) == pytest.approx(0, abs=1e-12)
    for k, estimate in enumerate(drawn.estimates[:, 0], start=1):
        assert estimate == pytest.approx(sum(w * PLAN(Chunk(n, k))[0].mean for w, n in zip(row, SIZES, strict=True)))
    end = drawn.states[-1]
    assert end.accepted(0.01)
    assert not any(state.accepted(0.01) for state in drawn.states[:-1])
    assert [state.count for state in drawn.states] == [LOOK * k for k in range(len(drawn.states))]
    assert end.moments.mean == pytest.approx(drawn.estimates.mean(), rel=1e-12)
    parts = [PLAN(Chunk(16, k))[0] for k in range(1, end.count + 1)]
    assert drawn.moments[16].mean == pytest.approx(np.mean([part.mean for part in parts]), rel=1e-12)
    assert drawn.moments[16].count == merge(parts[0], parts[1]).count * end.count / 2


def test_a_wrong_claim_ends_early_and_an_undecided_one_at_most():
    assert run(9.0).states[-1].test(0.01).rejected
    end = run(1.0, most=LOOK + 1).states[-1]
    assert (end.count, end.accepted(0.01), end.test(0.01).rejected) == (2 * LOOK, False, False)


def test_every_combination_of_every_functional():
    plan = Plan(draw, "a claim", 0, SIZES, (Functional("cdf", 1.0), Functional("cdf", 2.0)))
    seen: list[np.ndarray] = []

    class Looking(MeanProcess):
        def update(self, draws: np.ndarray) -> MeanProcess:
            seen.append(draws)
            return super().update(draws[:, 0])

    draw_rounds(plan, lambda counts: (weights(SIZES, counts, 0, apart=True), Looking(0.5, 0.5)), 0.01, LOOK)
    assert seen[0].shape == (LOOK, 6)
    first = [part.mean for size in SIZES for part in plan(Chunk(size, 1))]
    assert seen[0][0].tolist() == first


def test_heavy_tails_end_a_run():
    plan = Plan(lambda size, rng: rng.standard_cauchy(512 // size), "a claim", 0, SIZES)
    with pytest.raises(DomainError, match="heavy tails"):
        run(0.0, plan=plan)

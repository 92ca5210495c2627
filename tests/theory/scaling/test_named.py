"""Parameterisations by name: verdicts that the theory gives for them, and gauges between them."""

from __future__ import annotations

from typing import Any

import pytest

from symlimits.errors import DomainError
from symlimits.theory.scaling.abc import abc
from symlimits.theory.scaling.named import DEFINITIONS, named


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_mup_is_the_maximal_one(depth: int, optimizer: str) -> None:
    assert named("mup", depth, optimizer).maximal
    others = [named(name, depth, optimizer) for name in ("pytorch", "standard", "ntk")]
    assert not any(point.maximal for point in others)


def test_mup_is_what_the_search_finds() -> None:
    found, point = abc(2).maximal_update(c=0), named("mup", 2)
    assert (found.a, found.b, found.c) == (point.a, point.b, point.c)


def test_mfp_is_mup_in_another_gauge() -> None:
    mup, mfp = named("mup", 3), named("mfp", 3)
    moved = mup.gauged(*(other - own for other, own in zip(mfp.a, mup.a, strict=True)))
    assert (moved.a, moved.b, moved.c) == (mfp.a, mfp.b, mfp.c)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_verdicts(depth: int) -> None:
    assert named("ntk", depth).kernel_regime
    assert named("standard", depth).kernel_regime
    assert not named("pytorch", depth).stable
    assert named("mean-field", depth).stable == (depth == 1)


def test_every_definition_has_a_source_and_three_exponents() -> None:
    for table in DEFINITIONS.values():
        for found in table.values():
            assert found.source
            assert all(len(powers) == 3 for powers in (found.a, found.b, found.c))


@pytest.mark.parametrize(
    "arguments",
    [("mfp", 2, "adam"), ("Mup", 2), (None, 2), (["mup"], 2), ("mup", 0), ("mup", 2, "lion"), ("mup", True)],
)
def test_doors(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(DomainError):
        named(*arguments)

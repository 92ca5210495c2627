"""Parameterisations by name: verdicts that the theory gives for them, and gauges between them."""

from __future__ import annotations

from typing import Any

import pytest

from symlimits.errors import DomainError
from symlimits.theory.scaling.abc import abc
from symlimits.theory.scaling.named import NAMES, named


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_mup_is_the_maximal_one(depth: int, optimizer: str) -> None:
    assert named("muP", depth, optimizer).maximal
    others = [named(name, depth, optimizer) for name in ("PyTorch", "SP", "NTK")]
    assert not any(point.maximal for point in others)


def test_mup_is_what_the_search_finds() -> None:
    found, point = abc(2).maximal_update(c=0), named("muP", 2)
    assert (found.a, found.b, found.c) == (point.a, point.b, point.c)


def test_mfp_is_mup_in_another_gauge() -> None:
    mup, mfp = named("muP", 3), named("MFP", 3)
    moved = mup.gauged(*(other - own for other, own in zip(mfp.a, mup.a, strict=True)))
    assert (moved.a, moved.b, moved.c) == (mfp.a, mfp.b, mfp.c)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_verdicts(depth: int) -> None:
    assert named("NTK", depth).kernel_regime
    assert named("SP", depth).kernel_regime
    assert not named("PyTorch", depth).stable
    assert named("deep-MF", depth).stable == (depth == 1)


def test_a_name_and_an_optimizer() -> None:
    assert named("mup", 2, "adam") == named("muP-adam", 2)
    assert named("muP-adam", 2, "adam") == named("muP-adam", 2)
    assert named("MUP", 2, "sgd") == named("muP", 2)
    assert named("muP", 2, "sign").optimizer == "sign"


def test_every_definition_has_a_source_and_three_exponents() -> None:
    for found in NAMES.values():
        assert found.source
        assert all(len(powers) == 3 for powers in (found.a, found.b, found.c))


@pytest.mark.parametrize(
    "arguments",
    [("muP-adam", 2, "sgd"), ("nup", 2), (None, 2), (["muP"], 2), ("muP", 0), ("muP", 2, "lion"), ("muP", True)],
)
def test_doors(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(DomainError):
        named(*arguments)

"""A mean with heavy tails is asked for again at smaller variances: each scale has a journal of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits.cli import main
from symlimits.limits import journals
from symlimits.paper import commands

SIZES = (8, 16, 32)
p = sp.Symbol("p", positive=True)


@dataclass(frozen=True)
class Lognormal:
    """The exponential of a Gaussian number: heavy tails at a large variance, light ones at a small."""

    variance: float = 1.0

    def at(self, point: dict[sp.Symbol, sp.Expr]) -> Lognormal:
        return replace(self, variance=float(point[p]))

    def __call__(self, size: int, rng: np.random.Generator) -> np.ndarray:
        Calls.wait()
        return np.exp(self.variance**0.5 * rng.standard_normal(64))


class Calls:
    """How many calls were made, and how many may be: then Ctrl-C."""

    made, most = 0, 10**9

    @classmethod
    def wait(cls) -> None:
        if cls.made >= cls.most:
            raise KeyboardInterrupt
        cls.made += 1


def certificate(journal: Path | None = None) -> str:
    return sl.limit(sp.exp(p / 2), Lognormal(), order=0).certify(SIZES, seed=0, journal=journal).to_json()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], int]:
    """Set how many calls may be made from now on; how many were."""

    def allow(most: int) -> int:
        made = Calls.made
        monkeypatch.setattr(Calls, "made", 0)
        monkeypatch.setattr(Calls, "most", most)
        return made

    allow(10**9)
    return allow


def test_a_later_scale_goes_on_from_its_own_journal(tmp_path: Path, calls: Callable[[int], int]) -> None:
    alone = certificate()
    whole = calls(10**9)
    journal = tmp_path / "j"
    assert certificate(journal) == alone
    used = [path for path in journals(journal) if path.exists()]
    assert len(used) > 1, "the first scale has heavy tails"
    assert calls(0) == whole
    assert certificate(journal) == alone, "all is there: nothing is drawn"
    calls(whole - 5)
    for path in used:
        path.unlink()
    with pytest.raises(KeyboardInterrupt):
        certificate(journal)
    calls(5)
    assert certificate(journal) == alone, "five calls were missing, of the last scale"
    assert calls(10**9) == 5


def test_the_command_removes_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: Callable[[int], int]
) -> None:

    claim = sl.limit(sp.exp(p / 2), Lognormal(), order=0)
    monkeypatch.setattr(commands, "_named", lambda arguments: ("lognormal", claim))
    command = ["certify", "any", "--sizes", "8,16,32", "--seed", "0", "--workers", "1", "--out", str(tmp_path)]
    certificate()
    calls(calls(0) - 5)
    assert main(command) == 130
    kept = [path for path in journals(tmp_path / "lognormal.journal") if path.exists()]
    assert len(kept) > 1
    calls(5)
    assert main([*command, "--resume"]) == 0
    assert not any(path.exists() for path in kept)

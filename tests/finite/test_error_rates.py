"""The rates of whole certificates, by the program that measures them."""

from __future__ import annotations

import runpy
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.binomial import fewer_than, more_than

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "error_rates.py"
ONE_THREAD = partial(ThreadPoolExecutor, 1)  # the precision of mpmath is one for all threads of a process


@pytest.mark.slow
def test_false_alarms_and_power_of_certificates() -> None:
    rows = by_name(runpy.run_path(str(PROGRAM))["certificates"](2000, 500))
    assert not more_than(rows["mean: false alarms"]["events"], 2000, 0.05)
    assert not fewer_than(rows["mean: false claims found"]["events"], 500, 0.95)
    assert more_than(rows["mean: false alarms"]["events"], 2000, 0.02), "a test that never alarms tests nothing"


@pytest.mark.slow
def test_traps() -> None:
    rows = by_name(runpy.run_path(str(PROGRAM))["traps"](400))
    for trap in ("six Gaussians, z-test of E s^2: false alarms", "100 looks, z-test: false alarms"):
        assert more_than(rows[trap]["events"], 400, 0.03), trap
    for cure in ("six Gaussians, test of E log|s|: false alarms", "100 looks, e-process: false alarms"):
        assert not more_than(rows[cure]["events"], 400, 0.01), cure
    assert rows["six Gaussians: refused"]["events"] == 400
    assert rows["six Gaussians: alarms not refused"]["events"] == 0


@pytest.mark.slow
def test_certificates_until_decided() -> None:
    """Through `Limit.certify`: at alpha = 0.05 one in twenty may alarm, and one in twenty false ones be missed."""
    program = runpy.run_path(str(PROGRAM))
    rows = by_name(program["decided"](400, 400, executor=ONE_THREAD))
    for kind, resolution in program["RESOLUTIONS"].items():
        name = f"decided {kind}, resolution {resolution}"
        alarms, accepted, found = (
            rows[f"{name}: {what}"] for what in ("false alarms", "true claims accepted", "false claims found")
        )
        assert not more_than(alarms["events"], alarms["claims"], 0.05), kind
        assert not fewer_than(accepted["events"], accepted["claims"], 0.95), kind
        assert not fewer_than(found["events"], found["claims"], 0.95), kind


def by_name(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    for row in rows:
        low, high = row["interval"]
        assert low <= row["rate"] <= high
    return {row["what"]: row for row in rows}


@pytest.mark.slow
def test_laws_and_exponents() -> None:
    """Through `Limit.certify`, claims true and false."""
    program = runpy.run_path(str(PROGRAM.with_name("error_rates_laws.py")), run_name="rates")
    rows = by_name(program["certificates"](60, 60, executor=ONE_THREAD))
    for what, row in rows.items():
        if what.endswith("false alarms"):
            assert not more_than(row["events"], row["claims"], 0.05), what
        else:
            assert not fewer_than(row["events"], row["claims"], 0.95), what

"""Gram loops compiled in one process and loaded in another: each keeps its own code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# All stages have one shape: numba numbers their functions alike in every process.
REPORT = """
import json, sys
import numpy as np
from symlimits.reading.gram import DenseUpdate, GramKernel
from symlimits.reading.gram_source import Stage

def value(slope):
    step = f"T = {slope} * (sqrt(p * q) * sin(angle) + c)\\ndot = {slope} + cos(angle)\\nGamma = sqrt(P) * sqrt(Q) - T"
    stage = Stage(step, f"T = {slope} * p", repeats=2)
    kernel = GramKernel((stage,), (DenseUpdate.ntk(1.0),) * 3)
    K, Theta = kernel.pairs(1.0, 1.0, 0.5)
    return [float(K[()]), float(Theta[()])]

print(json.dumps([value(float(slope)) for slope in sys.argv[1:]]))
"""


def values(folder: Path, *slopes: float) -> list[list[float]]:
    environment = {**os.environ, "SYMLIMITS_CACHE_DIR": str(folder)}
    command = [sys.executable, "-c", REPORT, *map(str, slopes)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def separately(tmp_path: Path) -> list[list[float]]:
    """Values of two kernels, each compiled in a process and a cache of its own."""
    return [*values(tmp_path / "first", 0.25), *values(tmp_path / "second", 0.75)]


@pytest.mark.slow
def test_two_processes_fill_a_cache_and_a_third_loads_both(tmp_path: Path, separately: list[list[float]]) -> None:
    folder = tmp_path / "shared"
    for slope in (0.25, 0.75):
        values(folder, slope)
    assert separately[0] != separately[1]
    assert values(folder, 0.25, 0.75) == separately


@pytest.mark.slow
def test_one_is_loaded_and_the_other_compiled(tmp_path: Path, separately: list[list[float]]) -> None:
    folder = tmp_path / "shared"
    values(folder, 0.25)
    assert values(folder, 0.25, 0.75) == separately

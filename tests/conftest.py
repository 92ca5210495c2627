"""What several tests share: a cluster of dask, of two processes; LaTeX, for documents that have to compile."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path

import mpmath
import pytest


@pytest.fixture(autouse=True)
def precision() -> Iterator[None]:
    """The working precision of mpmath, which is global, is what it was: last digits depend on it."""
    before = mpmath.mp.prec
    yield
    assert mpmath.mp.prec == before


@pytest.fixture
def cluster() -> Iterator[Executor]:
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as local, distributed.Client(local) as client:
        yield client.get_executor()


@pytest.fixture
def pdflatex() -> Callable[[Path], str]:
    """Compiles a document, which must succeed, and gives the log; skips the test where LaTeX is not installed."""
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")

    def compiled(path: Path) -> str:
        command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", path.name]
        result = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, timeout=100)
        assert result.returncode == 0, result.stdout[-2000:]
        return result.stdout

    return compiled

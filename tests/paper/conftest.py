"""LaTeX, for the tests that have documents compiled."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


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

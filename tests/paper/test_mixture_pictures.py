"""Pictures of output laws: what is drawn, and that a file is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from symlimits.paper.mixture_pictures import correlations, densities

pytest.importorskip("matplotlib")


def test_densities(tmp_path: Path) -> None:
    figure = densities([(4,) * 4, (8,) * 8], tmp_path / "densities.png", reach=5.0)
    lines = figure.axes[0].get_lines()
    assert [line.get_label() for line in lines] == [
        "4 layers of 4",
        "8 layers of 8",
        "limit, a = 1",
        "Gaussian (infinite width)",
    ]
    assert figure.axes[0].get_yscale() == "log"
    assert lines[0].get_ydata()[0] > 100 * lines[3].get_ydata()[0]  # heavy tails
    assert (tmp_path / "densities.png").stat().st_size > 1000


def test_correlations(tmp_path: Path) -> None:
    figure = correlations((8,), tmp_path / "correlations.pdf")
    limit = figure.axes[0].get_lines()[0].get_ydata()
    assert (np.diff(limit) > 0).all()
    assert limit[-1] < 1 / 3

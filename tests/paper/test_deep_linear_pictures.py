"""Pictures of training at infinite width: what is drawn, and that a file is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from symlimits.paper.deep_linear_pictures import forest, singular_values, training
from symlimits.theory.deep_linear.forest import Forest
from symlimits.theory.deep_linear.lazy import gradient_descent

pytest.importorskip("matplotlib")

SXX, SYX = [[1.0, 0.2], [0.2, 0.5]], [[1.0, 0.25]]


def test_training(tmp_path: Path) -> None:
    figure = training(2, SXX, SYX, 0.1, 6, (64, 4096), tmp_path / "training.png")
    first = figure.axes[0]
    path = gradient_descent(2, SXX, SYX, 0.1, 6).predictors[:, 0, 0]
    (line,) = first.get_lines()
    np.testing.assert_allclose(line.get_ydata(), path)
    wide, narrow = (np.ptp(band.get_paths()[0].vertices[:, 1]) for band in first.collections)
    assert wide > narrow
    (axes,) = [axes for axes in figure.axes if axes.get_title() == "$A_{12}$"]
    heights = [np.ptp(band.get_paths()[0].vertices[[3, -4], 1]) for band in axes.collections]
    assert 4 < heights[0] / heights[1] < 16  # as the root of the widths, 8
    assert (tmp_path / "training.png").stat().st_size > 1000


def test_singular_values(tmp_path: Path) -> None:
    figure = singular_values(3, SXX, SYX, 0.05, 10, 256, tmp_path / "values.pdf")
    assert [axes.get_title() for axes in figure.axes] == ["$A(t)$", "$M_2(t) - M_2(0)$", "$M_3(t) - M_3(0)$"]
    path = gradient_descent(3, SXX, SYX, 0.05, 10)
    drawn = figure.axes[1].get_lines()[0].get_ydata()
    assert abs(drawn[-1] - path.singular_values(2)[0]) < 1e-12
    assert drawn[0] == 0


def test_forest(tmp_path: Path) -> None:
    figure = forest(3, 4, 1, 1, tmp_path / "forest.svg")
    network = Forest(3, 4, 1, 1)
    (axes,) = figure.axes
    assert tuple(len(dots.get_offsets()) for dots in axes.collections) == network.widths
    edges = [line for line in axes.get_lines() if len(line.get_xdata())]
    assert len(edges) == len(network.nodes) - 2
    places = np.concatenate([dots.get_offsets() for dots in axes.collections])
    assert len({tuple(place) for place in places.round(9)}) == len(network.nodes)  # none covers another
    assert "forest" in (tmp_path / "forest.svg").name
    assert (tmp_path / "forest.svg").stat().st_size > 1000

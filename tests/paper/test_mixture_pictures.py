"""Pictures of output laws: what is drawn, and that a file is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from symlimits.paper.mixture_pictures import correlations, densities, matrix_correlations, matrix_densities

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


def test_matrix_correlations(tmp_path: Path) -> None:
    figure = matrix_correlations((4,), tmp_path / "correlations.svg")
    one, two, *dots = figure.axes[0].get_lines()
    assert one.get_ydata()[-1] < 1 / 3
    assert (one.get_ydata() > two.get_ydata()).all()
    assert dots[0].get_ydata()[-1] < 1 / 3
    assert len(dots) == 2
    assert (tmp_path / "correlations.svg").stat().st_size > 1000


@pytest.mark.slow
def test_matrix_densities(tmp_path: Path) -> None:
    figure = matrix_densities([(4,) * 2], tmp_path / "densities.png", reach=6.0)
    finite, limit, gaussian = (line.get_ydata() for line in figure.axes[0].get_lines())
    assert figure.axes[0].get_yscale() == "log"
    np.testing.assert_allclose(finite, finite[::-1], rtol=1e-9)  # S and -S
    assert finite[0] > 100 * gaussian[0]  # heavy tails
    assert abs(np.log(finite[0] / limit[0])) < 1

"""The figure of digits at every scaling: its data, its networks, and the one cell that is far from its limit.

The benchmark's own functions are run, at its seeds, with fewer networks.
"""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symlimits.finite.threads import one_thread
from symlimits.theory.scaling import Fan, one_hidden_layer

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
ROUNDING = 1e-12
NEAR, FAR = 0.5, 1.0  # measured 0.30 and 1.9 or more, relative; what is left is the gradient that is not saturated yet
NEVER = 2**60  # a width at which a thousandth of the start is left


@pytest.fixture(scope="module")
def fan() -> Fan:
    return one_hidden_layer()


@pytest.fixture
def digits(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The functions of the benchmark, with two networks a width."""
    for name in ("sklearn", "matplotlib"):
        pytest.importorskip(name)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    script = runpy.run_path(str(BENCHMARKS / "digits_cells.py"))
    script["problem"].__globals__["NETS"] = 2
    with one_thread():
        yield script


def test_data(digits: dict[str, Any]) -> None:
    X, y, Z, labels = digits["problem"]()
    assert (X.shape, y.shape, Z.shape, labels.shape) == ((200, 64), (200,), (157, 64), (157,))
    for signs in (y, labels):
        assert set(signs) == {-1.0, 1.0}
        assert abs(signs.mean()) < 0.2, "the classes are of about one size"
    assert np.abs(X.mean(axis=0)).max() < ROUNDING
    assert abs((X**2).sum(axis=1).mean() - 4) < ROUNDING
    assert not (X[:, None] == Z[None]).all(axis=2).any(), "no test image was trained on"


def test_networks_of_the_reference_width_are_the_same_in_all_cells(digits: dict[str, Any], fan: Fan) -> None:
    accuracies = {name: digits["accuracies"](fan, fan[name], digits["REFERENCE"]) for name in ("MF", "pre-NTK")}
    assert (accuracies["MF"] == accuracies["pre-NTK"]).all()
    narrow, wide = (digits["accuracies"](fan, fan["MF"], width) for width in (2**4, 2**8))
    assert narrow.shape == (2,)
    assert narrow.mean() < accuracies["MF"].mean() < wide.mean() <= 1, "features are learnt the better the wider"
    assert narrow.min() > 0.8


@pytest.mark.slow
def test_what_is_left_of_the_start_explains_the_cell_that_is_far_from_its_limit(
    digits: dict[str, Any], fan: Fan
) -> None:
    """Of the start width^(-1/6) is left: networks do as the limit that has kept as much, not as that of the cell."""
    cell, width = fan["pre-NTK-sym-default"], 2**10
    start, later = (width ** float(cell.values[name]) for name in ("f_init", "f_a"))
    for first, last in digits["networks"](fan, cell, width):
        kept, gone = (digits["remembering"](fan, cell, size, first / start) for size in (width, NEVER))
        errors = [np.linalg.norm(last / later - limit) / np.linalg.norm(limit) for limit in (kept, gone)]
        assert errors[0] < NEAR, errors
        assert errors[1] > FAR, "the negative control: the limit of the cell"

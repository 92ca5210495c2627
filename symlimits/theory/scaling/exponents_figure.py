"""The picture of derived and measured exponents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symlimits import canvas
from symlimits.errors import DataError
from symlimits.theory.scaling.measured import Measurement

INCHES = (9.6, 4.2)
ERRORS = 2  # standard errors of a bar
TITLES = {
    "f_init": "initial logit",
    "f": "logit",
    "f_change": "change of the logit",
    "f_a": "part of the logit from a",
    "f_w": "part of the logit from w",
    "f_aw": "part of the logit from both",
    "delta_a": "change of a",
    "delta_w": "change of w",
    "kernel": "kernel",
    "kernel_increment": "change of the kernel",
}
MARKERS = "os^vDPX<>*"


def exponents_figure(found: Sequence[Measurement], path: str | Path | None = None) -> Any:
    """A matplotlib figure: measured exponents against derived ones, and their differences with two standard errors.

    Written to `path` (.pdf, .png, .svg), if it is given. Raises `DataError` for no measurements or another suffix,
    `NoRule` without matplotlib (the extra `plot`).
    """
    if not found:
        raise DataError("no measurements", "one or more", "measurements(one_hidden_layer(), widths)")
    figure = canvas.figure(*INCHES)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.4))
    derived = np.array([m.derived for m in found])
    ends = derived.min() - 0.1, derived.max() + 0.1
    left.plot(ends, ends, color="0.6", linewidth=0.8)
    right.axhline(0.0, color="0.6", linewidth=0.8)
    names = list(dict.fromkeys(m.quantity for m in found))
    for k, name in enumerate(names):
        rows = [m for m in found if m.quantity == name]
        style = {"marker": MARKERS[k % len(MARKERS)], "markersize": 4, "linestyle": "none", "color": f"C{k}"}
        left.plot([m.derived for m in rows], [m.measured for m in rows], label=TITLES.get(name, name), **style)
        places = [_place(m, found) + (k - len(names) / 2) / (1.6 * len(names)) for m in rows]
        bars = [ERRORS * m.standard_error for m in rows]
        right.errorbar(places, [m.deviation for m in rows], yerr=bars, elinewidth=0.7, **style)
    left.set(xlabel="derived exponent", ylabel="measured slope")
    left.legend(fontsize="small", frameon=False)
    cells = list(dict.fromkeys(m.cell for m in found))
    right.set(ylabel="measured less derived, 2 s.e.")
    right.set_xticks(range(len(cells)), labels=cells, rotation=60, ha="right", fontsize="small")
    if path is not None:
        canvas.save(figure, path)
    return figure


def _place(measurement: Measurement, found: Sequence[Measurement]) -> int:
    return list(dict.fromkeys(m.cell for m in found)).index(measurement.cell)

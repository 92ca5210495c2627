"""The picture of a coordinate check: a panel a row, size against width, both logarithmic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symlimits import canvas
from symlimits.theory.scaling.coordinate_text import what

if TYPE_CHECKING:
    from symlimits.theory.scaling.coordinate_check import CoordinateCheck, Row

PANEL = (2.6, 2.4)  # inches
COLOURS = {"pass": "C2", "fail": "C3", "undecided": "C1"}
DECADE = 0.5  # of the vertical axis at least, in powers of ten: no flat row is blown up to look steep


def picture(check: CoordinateCheck, path: str | Path | None = None) -> Any:
    """A matplotlib figure: means with two standard errors, the fitted line, and the predicted slope dashed.

    Upper panels are of the initialisation, lower ones of the changes. Raises `NoRule` without matplotlib (the extra
    `plot`), `DataError` where nothing can be written.
    """
    upper = [row for row in check.rows if not row.name.startswith("d")]
    lower = [row for row in check.rows if row.name.startswith("d")]
    lines = [rows for rows in (upper, lower) if rows]
    columns = max(map(len, lines))
    figure = canvas.figure(PANEL[0] * columns, PANEL[1] * len(lines) + 0.4)
    axes = figure.subplots(len(lines), columns, squeeze=False)
    for rows, places in zip(lines, axes, strict=True):
        for place in places[len(rows) :]:
            place.set_axis_off()
        for row, place in zip(rows, places, strict=False):
            _panel(place, row)
    figure.suptitle("coordinate check: dashed, the predicted slope; line, the fit; bars, 2 s.e.", fontsize="small")
    if path is not None:
        canvas.save(figure, path)
    return figure


def _panel(axes: Any, row: Row) -> None:
    widths, logs, errors = (np.array(column, dtype=np.float64) for column in zip(*row.measured.points, strict=True))
    fitted = row.measured.intercept + row.measured.exponent * np.log(widths)
    dashed = fitted.mean() + float(row.predicted) * (np.log(widths) - np.log(widths).mean())
    values, colour = np.exp(logs), COLOURS[row.verdict]
    bars = [values - np.exp(logs - 2 * errors), np.exp(logs + 2 * errors) - values]
    axes.plot(widths, np.exp(dashed), color="0.3", linestyle="--", linewidth=1.2)
    axes.plot(widths, np.exp(fitted), color=colour, linewidth=1)
    axes.errorbar(widths, values, yerr=bars, fmt="o", color=colour, markersize=4, capsize=2)
    axes.set(xscale="log", yscale="log")
    axes.set_title(f"{row.name}: {what(row.name)}", fontsize="small")
    axes.set_xticks(widths, labels=[f"{int(width)}" for width in widths], fontsize="x-small", rotation=45)
    centre = np.sqrt(np.prod(axes.get_ylim()))
    reach = max(np.log10(axes.get_ylim()[1] / centre), DECADE / 2) * 1.15
    axes.set_ylim(centre * 10**-reach, centre * 10**reach)
    ticks = centre * 10 ** (reach * np.array([-0.7, 0.0, 0.7]))  # whole powers of ten may lie outside
    axes.set_yticks(ticks, labels=[_short(tick) for tick in ticks], fontsize="x-small")
    axes.minorticks_off()
    text = f"predicted {row.predicted}\nmeasured {row.measured.exponent:.2f}: {row.verdict}"
    high = row.measured.exponent < 0
    axes.text(0.97 if high else 0.03, 0.97, text, transform=axes.transAxes, va="top", ha="right" if high else "left")
    axes.texts[-1].set_fontsize("x-small")


def _short(value: float) -> str:
    return f"{value:.2g}" if 1e-2 <= value < 1e3 else f"{value:.0e}"

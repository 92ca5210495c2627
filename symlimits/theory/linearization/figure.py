"""The picture of the gaps: distances against the width, with measured slopes beside derived exponents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from symlimits import canvas
from symlimits.errors import DataError
from symlimits.finite.slopes import Slope

INCHES = (4.8, 5.4)  # of a panel
LEVEL = 0.05  # of intervals
TITLES = {
    "linearized": r"(a) $f_t$, $f_t^{lin}$",
    "kernel_drift": r"$\hat\Theta_T$, $\hat\Theta_0$",
    "kernel": r"(b) $f_t^{lin}$ of $\hat\Theta_0$, of $\Theta$",
    "ensemble_mean": r"(c) mean of $f_T$, of the law",
    "movement": r"$\theta_T$, $\theta_0$",
}
MARKERS = dict(zip(TITLES, "osD^v", strict=True))
Panel = Mapping[str, tuple[Slope, float | None]]  # a measured slope and the derived exponent of each quantity


def gaps_figure(panels: Mapping[str, Panel], path: str | Path | None = None) -> Any:
    """A matplotlib figure with a panel for each title: distances at each width, and lines of the derived exponents.

    Legends say the measured slope with its interval of 95 %, and the derived exponent, whose line goes through the
    largest width. Written to `path` (.pdf, .png, .svg), if it is given. Raises `DataError` for no panels, `NoRule`
    without matplotlib (the extra `plot`).
    """
    if not panels or not all(panels.values()):
        raise DataError("no measured gaps", "a panel or more", "gaps_figure({'erf': {'linearized': (slope, -1)}})")
    figure = canvas.figure(INCHES[0] * len(panels), INCHES[1])
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for place, (title, panel) in zip(axes, panels.items(), strict=True):
        for k, name in enumerate(TITLES):
            if name in panel:
                _draw(place, name, f"C{k}", *panel[name])
        place.set(yscale="log", xlabel="width", title=title)
        place.set_xscale("log", base=2)
        place.legend(fontsize="small", frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.15))
    axes[0].set(ylabel="distance, geometric mean over networks")
    if path is not None:
        canvas.save(figure, path)
    return figure


def _draw(place: Any, name: str, color: str, measured: Slope, derived: float | None) -> None:
    widths, logs, errors = map(np.array, zip(*measured.points, strict=True))
    low, high = measured.interval(LEVEL)
    said = f"{TITLES[name]}: {measured.exponent:.2f} [{low:.2f}, {high:.2f}]"
    said += "" if derived is None else f", derived {derived:g}"
    sizes = np.exp(logs)
    bars = [sizes - np.exp(logs - 2 * errors), np.exp(logs + 2 * errors) - sizes]
    style = {"marker": MARKERS[name], "markersize": 4, "linestyle": "none", "elinewidth": 0.8, "color": color}
    place.errorbar(widths, sizes, yerr=bars, label=said, **style)
    if derived is not None:
        place.plot(widths, sizes[-1] * (widths / widths[-1]) ** derived, color=color, linewidth=0.8)

"""The plane of exponents with the cells of the limit models, coloured and named."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import atan2
from typing import Any

from symlimits import canvas
from symlimits.derivation.corners import corners
from symlimits.theory.scaling.cells import Cell

FRAME = ((-1.9, 0.6), (-1.15, 2.2))  # q_sigma, q: the three named scalings with room around them
INCHES = (8.5, 7.0)
FAR = 6  # where a cell without end is cut: outside the frame


def save(cells: Sequence[Cell], path: object) -> None:
    """Draw and save; the suffix of the path says the format."""
    figure = canvas.figure(*INCHES)
    axes = figure.add_subplot()
    for index, cell in enumerate(sorted(cells, key=lambda cell: -cell.dimension)):
        _draw(axes, cell, f"C{index}" if cell.dimension else "black")
    axes.set(xlim=FRAME[0], ylim=FRAME[1], xlabel=r"$q_\sigma$", ylabel=r"$q$")
    axes.legend(loc="upper right", fontsize=8, title="limit model")
    canvas.save(figure, path)


def _draw(axes: Any, cell: Cell, colour: str) -> None:
    """A polygon, a line or a point, with its name in the legend and on it."""
    points = _outline(cell)
    x, y = zip(*points, strict=True)
    if cell.dimension == 2:
        axes.fill(x, y, color=colour, alpha=0.25, linewidth=0, label=cell.name)
    elif cell.dimension == 1:
        axes.plot(x, y, color=colour, linewidth=2.5, label=cell.name, zorder=2)
    else:
        axes.plot(x, y, "o", color=colour, markersize=9, label=cell.name, zorder=3)
        axes.annotate(cell.name, points[0], (7, 7), textcoords="offset points", fontsize=9, zorder=4)


def _outline(cell: Cell) -> list[tuple[float, float]]:
    """The corners of the closure in the order of their angle; directions without end are followed far out."""
    frame = corners(cell.constraints, 2)
    ends = [tuple(Fraction(c, v[-1]) for c in v[:-1]) for v in frame.corners]
    ends += [
        tuple(a + FAR * b for a, b in zip(end, way[:-1], strict=True))
        for end in tuple(ends)
        for way in frame.directions
    ]
    centre = [sum(float(end[i]) for end in ends) / len(ends) for i in range(2)]
    return sorted(((float(a), float(b)) for a, b in ends), key=lambda p: atan2(p[1] - centre[1], p[0] - centre[0]))

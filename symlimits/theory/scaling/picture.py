"""The plane of exponents with the cells of the limit models, coloured and named."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import atan2, degrees
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits import canvas
from symlimits.derivation.corners import corners
from symlimits.theory.scaling.cells import Cell
from symlimits.theory.scaling.naming import NAMED

FRAME = ((-1.65, 0.15), (-0.75, 1.75))  # q_sigma, q: the three named scalings with room around them
INCHES = (7.4, 5.8)
FAR = 6  # where a cell without end is cut: outside the frame
STEPS = 201  # across the frame, to find the middle of what is seen of a cell
MIDDLE = np.array([[float(x) for x in point] for point in NAMED.values()]).mean(axis=0)
APART = 0.025  # of the plane, between an edge and its name
LONG = 12  # letters of a name that may have to go in two lines

Array = npt.NDArray[np.float64]


def save(cells: Sequence[Cell], path: object) -> None:
    """Draw and save; the suffix of the path says the format."""
    figure = canvas.figure(*INCHES)
    axes = figure.add_subplot()
    axes.set(xlim=FRAME[0], ylim=FRAME[1], xlabel=r"$q_\sigma$", ylabel=r"$q$")
    for index, cell in enumerate(sorted(cells, key=lambda cell: -cell.dimension)):
        DRAWN[cell.dimension](axes, cell, _outline(cell), f"C{index}")
    canvas.save(figure, path)


def _area(axes: Any, cell: Cell, points: Array, colour: str) -> None:
    """A polygon, its name inside."""
    axes.fill(*points.T, color=colour, alpha=0.25, linewidth=0)
    bounded = not any(cell.name.startswith(prefix) for prefix in ("pre-", "post-"))
    name = cell.name.replace("-sym", "-\nsym") if bounded and len(cell.name) > LONG else cell.name
    axes.text(*_middle(cell), name, ha="center", va="center", fontsize=8.5)


def _edge(axes: Any, cell: Cell, points: Array, colour: str) -> None:
    """A line, its name along it, on the side that is not that of the named scalings."""
    axes.plot(*points.T, color=colour, linewidth=2.5, zorder=2)
    place, along = _segment(points)
    normal = np.array([-along[1], along[0]])
    side = -1.0 if normal @ (MIDDLE - place) > 0 else 1.0
    style = {"rotation": degrees(atan2(along[1], along[0])), "rotation_mode": "anchor", "transform_rotates_text": True}
    at = place + side * APART * normal
    axes.text(*at, cell.name, ha="center", va="bottom" if side > 0 else "top", fontsize=9, color=colour, **style)


def _vertex(axes: Any, cell: Cell, points: Array, colour: str) -> None:
    """A point, its name beside it."""
    axes.plot(*points.T, "o", color="black", markersize=9, zorder=3)
    sign, sides = (1, ("left", "bottom")) if points[0].sum() > MIDDLE.sum() else (-1, ("right", "top"))
    style = {"ha": sides[0], "va": sides[1], "fontsize": 10, "weight": "bold", "zorder": 4}
    axes.annotate(cell.name, points[0], (6 * sign, 4 * sign), textcoords="offset points", **style)


DRAWN = (_vertex, _edge, _area)  # by dimension


def _segment(points: Array) -> tuple[Array, Array]:
    """The middle of what is seen of an edge, and its direction, to the right or upwards."""
    first, last = sorted(map(tuple, points))
    line = np.linspace(first, last, STEPS)
    seen = line[_in_frame(line)]
    return (seen[0] + seen[-1]) / 2, np.subtract(last, first) / np.hypot(*np.subtract(last, first))


def _middle(cell: Cell) -> Array:
    """The middle of what is seen of an area, at the height of its centre of mass."""
    grid = np.stack(np.meshgrid(*(np.linspace(*ends, STEPS) for ends in FRAME)), axis=-1).reshape(-1, 2)
    sides = [grid @ [float(x) for x in c.form.coefficients] + float(c.form.constant) for c in cell.constraints]
    seen = grid[(np.array(sides) < 0).all(axis=0)]
    heights = np.abs(seen[:, 1] - seen[:, 1].mean())
    return np.asarray(seen[heights == heights.min()].mean(axis=0))


def _in_frame(points: Array) -> npt.NDArray[np.bool_]:
    low, high = np.array(FRAME).T
    return np.asarray(((low <= points) & (points <= high)).all(axis=1))


def _outline(cell: Cell) -> Array:
    """The corners of the closure in the order of their angle; directions without end are followed far out."""
    frame = corners(cell.constraints, 2)
    ends = [tuple(Fraction(c, v[-1]) for c in v[:-1]) for v in frame.corners]
    ends += [
        tuple(a + FAR * b for a, b in zip(end, way[:-1], strict=True))
        for end in tuple(ends)
        for way in frame.directions
    ]
    centre = [sum(float(end[i]) for end in ends) / len(ends) for i in range(2)]
    found = sorted(((float(a), float(b)) for a, b in ends), key=lambda p: atan2(p[1] - centre[1], p[0] - centre[0]))
    return np.array(found)

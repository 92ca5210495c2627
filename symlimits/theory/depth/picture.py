r"""The plane of $\sigma_w$ and $\sigma_b$: ordered and chaotic phases, the critical line, the depth scale as shade."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symlimits import canvas
from symlimits.reading.latex import latex
from symlimits.theory.depth.layer import GRID
from symlimits.theory.depth.moments import Array, Moments

if TYPE_CHECKING:
    from symlimits.theory.depth.diagram import PhaseDiagram

INCHES = (6.0, 4.4)
CELLS = (96, 64)  # of the plane, along sigma_w and sigma_b
HALVINGS = 30  # of the logarithm of a gap between 1e-9 and 1
DEEPEST = 300.0  # layers, where the shading ends
ALONG = np.geomspace(1e-6, 1e4, 400)  # fixed points along the critical line
START = 1.0  # the variance that signals start from
LETTERED = 0.1  # of the plane: smaller regions bear no name


def picture(diagram: PhaseDiagram, path: str | Path | None, largest_w: float, largest_b: float) -> Any:
    """The figure; see `PhaseDiagram.picture`."""
    moments = diagram._moments()
    sigma_w = (np.arange(CELLS[0]) + 0.5) * largest_w / CELLS[0]
    sigma_b = (np.arange(CELLS[1]) + 0.5) * largest_b / CELLS[1]
    w, b = np.meshgrid(sigma_w**2, sigma_b**2)
    q = _fixed_points(moments, w, b)
    chi, depth = _scales(moments, w, b, q)
    figure = canvas.figure(*INCHES)
    axes = figure.subplots()
    _shade(figure, axes, sigma_w, sigma_b, depth)
    _line(axes, diagram, largest_w, largest_b)
    regions = {"ordered": chi < 1, "chaotic": chi > 1, "diverging": ~np.isfinite(q)}
    for name, where in regions.items():
        if where.mean() > LETTERED:
            axes.text(*_middle(where, sigma_w, sigma_b), name, ha="center", va="center", fontsize=13)
    axes.set(xlabel=r"$\sigma_w$", ylabel=r"$\sigma_b$", xlim=(0, largest_w), ylim=(0, largest_b))
    axes.set_title(f"${_formula(diagram)}$", fontsize=11)
    if path is not None:
        canvas.save(figure, path)
    return figure


def _formula(diagram: PhaseDiagram) -> str:
    written = latex(diagram.activation.expr)
    return rf"\phi(x) = {written}" if "begin" not in written else diagram.activation.name  # mathtext has no cases


def _shade(figure: Any, axes: Any, sigma_w: Array, sigma_b: Array, depth: Array) -> None:
    from matplotlib.colors import LogNorm  # optional, as in canvas

    axes.set_facecolor("0.88")  # where the variance diverges
    shown = np.ma.masked_invalid(np.minimum(depth, DEEPEST))
    mesh = axes.pcolormesh(sigma_w, sigma_b, shown, norm=LogNorm(0.5, DEEPEST), cmap="YlGnBu", shading="nearest")
    figure.colorbar(mesh, ax=axes, label=r"depth scale $\xi_c$, layers", extend="max")


def _line(axes: Any, diagram: PhaseDiagram, largest_w: float, largest_b: float) -> None:
    """The critical line where biases allow it, or its one point."""
    line = diagram.critical_line()
    weights, biases = line._values(ALONG)
    kept = biases >= 0
    shown = np.where(kept, np.sqrt(np.maximum(biases, 0.0)), np.nan)
    if line.is_point:
        axes.plot(np.sqrt(weights[:1]), shown[:1], "o", color="crimson", clip_on=False, zorder=3)
        name = "critical point"
    else:
        axes.plot(np.sqrt(weights), shown, color="crimson", linewidth=1.8)
        name = "critical"
    axes.plot([], [], color="crimson", marker="o" if line.is_point else "", label=rf"{name}, $\chi_1 = 1$")
    axes.legend(loc="upper left", frameon=False)


def _fixed_points(moments: Moments, w: Array, b: Array) -> Array:
    """The variances that those from START tend to, between points of the grid; infinite where they diverge."""
    means = moments.mean(GRID, 1.0).value
    here = int(np.searchsorted(GRID, START))
    found = np.empty_like(w)
    for at in np.ndindex(w.shape):
        with np.errstate(over="ignore"):  # V may leave the floats: infinity is larger
            less = w[at] * means + b[at] - GRID
        upward = less[here] > 0
        part = np.flatnonzero(less[here:] < 0) if upward else np.flatnonzero(less[:here] > 0)
        if not part.size:
            found[at] = np.inf if upward else 0.0
            continue
        k = here + part[0] - 1 if upward else part[-1]
        share = less[k] / (less[k] - less[k + 1])
        found[at] = GRID[k] * (GRID[k + 1] / GRID[k]) ** share
    return found


def _scales(moments: Moments, w: Array, b: Array, q: Array) -> tuple[Array, Array]:
    r"""$\chi_1$ and the depth scale of the correlation; NaN where the variance diverges or vanishes."""
    chi, depth = np.full_like(q, np.nan), np.full_like(q, np.nan)
    known = np.isfinite(q) & (q > 0)
    weights, biases, there = w[known], b[known], q[known]
    slopes = weights * moments.slope(there, 1.0).value
    ends = slopes.copy()
    chaotic = slopes > 1
    if chaotic.any():
        law = weights[chaotic], biases[chaotic], there[chaotic]
        rho = 1 - _gaps(moments, *law)
        ends[chaotic] = law[0] * moments.slope(law[2], rho).value
    chi[known] = slopes
    with np.errstate(divide="ignore"):
        depth[known] = 1 / np.abs(np.log(np.abs(ends)))
    return chi, depth


def _gaps(moments: Moments, w: Array, b: Array, q: Array) -> Array:
    """The gaps that correlations end at in the chaotic phase, by bisection of their logarithm."""
    low, high = np.full_like(q, np.log(1e-9)), np.zeros_like(q)
    whole = w * moments.mean(q, 1.0).value + b
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        gap = np.exp(middle)
        grows = 1 - (w * moments.mean(q, 1 - gap).value + b) / whole > gap
        low, high = np.where(grows, middle, low), np.where(grows, high, middle)
    return np.exp((low + high) / 2)


def _middle(where: Array, sigma_w: Array, sigma_b: Array) -> tuple[float, float]:
    """The cell of a region that is farthest from its edge, roughly: the one nearest to its median."""
    rows, columns = np.nonzero(where)
    k = np.argmin((rows - np.median(rows)) ** 2 + (columns - np.median(columns)) ** 2)
    return float(sigma_w[columns[k]]), float(sigma_b[rows[k]])

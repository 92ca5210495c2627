"""Pictures of training at infinite width: predictors with bands of finite widths, singular values, the forest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.canvas import figure, save
from symlimits.finite.deep_linear_training import Array, train
from symlimits.finite.revealed import GENERIC, Revealed, gaussian
from symlimits.theory.deep_linear.forest import Forest, Node
from symlimits.theory.deep_linear.lazy import gradient_descent

LABELS, TICKS = 9, 8  # points of letters
NETS = 400  # of a band
BAND = (0.05, 0.95)  # its quantiles
VISIBLE = 3e-2  # singular values below this, over the largest, lie on the axis and are not drawn


def training(
    depth: int,
    Sxx: npt.ArrayLike,
    Syx: npt.ArrayLike,
    lr: float,
    steps: int,
    widths: Sequence[int] = (32, 128, 512),
    path: str | Path | None = None,
) -> Any:
    """The entries of the predictor over training: the limit, and where 90 % of networks of some widths are."""
    xx, yx = np.asarray(Sxx, dtype=np.float64), np.asarray(Syx, dtype=np.float64)
    limit = gradient_descent(depth, xx, yx, lr, steps)
    drawn, k, d = figure(2.6 * yx.shape[1] + 0.6, 2.2 * yx.shape[0] + 0.6), *yx.shape
    panels = drawn.subplots(k, d, sharex=True, squeeze=False)
    for shade, m in enumerate(widths):
        low, high = np.quantile(_predictors(depth, xx, yx, lr, steps, m), BAND, axis=1)
        for (i, j), axes in np.ndenumerate(panels):
            colour = str(0.88 - 0.5 * shade / max(len(widths) - 1, 1))
            axes.fill_between(limit.times, low[:, i, j], high[:, i, j], color=colour, linewidth=0, label=f"width {m}")
    for (i, j), axes in np.ndenumerate(panels):
        axes.plot(limit.times, limit.predictors[:, i, j], color="C3", linewidth=1.4, label="limit")
        axes.set_title(f"$A_{{{i + 1}{j + 1}}}$", fontsize=LABELS)
        axes.tick_params(labelsize=TICKS)
    for axes in panels[-1]:
        axes.set_xlabel("step", fontsize=LABELS)
    panels[0, 0].legend(frameon=False, fontsize=7)
    return _saved(drawn, path)


def singular_values(
    depth: int, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, lr: float, steps: int, width: int = 512, path: Any = None
) -> Any:
    """Singular values over training of the predictor and of hidden increments: the limit, and one network."""
    xx, yx = np.asarray(Sxx, dtype=np.float64), np.asarray(Syx, dtype=np.float64)
    networks = (
        ("limit", Revealed(depth, xx.shape[0], yx.shape[0]), "-"),
        (f"one network of width {width}", _drawn(depth, yx, width, 1), ":"),
    )
    drawn = figure(2.9 * depth, 2.8)
    panels = drawn.subplots(1, depth, squeeze=False)[0]
    for name, network, style in networks:
        with np.errstate(all="ignore"):
            states = list(train(network, xx, yx, lr, steps))
        series = [[state.predictor for state in states]]
        series += [[state.increments[layer] for state in states] for layer in range(1, depth)]
        for axes, matrices in zip(panels, series, strict=True):
            _curves(axes, matrices, style, name)
    panels[0].set_title("$A(t)$", fontsize=LABELS)
    for layer, axes in enumerate(panels[1:], 2):
        axes.set_title(f"$M_{layer}(t) - M_{layer}(0)$", fontsize=LABELS)
    for axes in panels:
        axes.set_xlabel("step", fontsize=LABELS)
        axes.tick_params(labelsize=TICKS)
    panels[0].set_ylabel("singular values", fontsize=LABELS)
    panels[0].legend(frameon=False, fontsize=7)
    return _saved(drawn, path)


def forest(depth: int, tree_depth: int, inputs: int = 1, outputs: int = 1, path: str | Path | None = None) -> Any:
    """The trees of the infinitely wide network: units by their depth, coloured by layer; an edge is an entry of one."""
    network = Forest(depth, tree_depth, inputs, outputs)
    nodes = network.nodes
    places = _places(nodes)
    drawn = figure(min(11.0, 2.2 + 0.3 * max(places)), 1.0 + 0.5 * tree_depth)
    axes = drawn.subplots()
    for place, node in enumerate(nodes):
        if node.parent is not None:
            xs, ys = [places[place], places[node.parent]], [-node.tree_depth, -nodes[node.parent].tree_depth]
            axes.plot(xs, ys, color="0.55", linewidth=0.9, linestyle=_dashes(node.through), zorder=1)
    for layer in range(1, depth + 1):
        chosen = [place for place, node in enumerate(nodes) if node.layer == layer]
        xs, ys = [places[place] for place in chosen], [-nodes[place].tree_depth for place in chosen]
        axes.scatter(xs, ys, s=26, color=f"C{layer - 1}", zorder=2, label=f"layer {layer}")
    for place, node in enumerate(nodes):
        if node.parent is None:
            name = "U" if node.through == 0 else "V"
            axes.annotate(name, (places[place], 0), (0, 7), textcoords="offset points", ha="center", fontsize=LABELS)
    for m in range(2, depth + 1):
        axes.plot([], [], color="0.55", linewidth=0.9, linestyle=_dashes(m), label=f"$M_{m}$")
    axes.set(xticks=[], xlim=(min(places) - 0.6, max(places) + 0.6), ylim=(-tree_depth - 0.4, 0.7))
    axes.set_ylabel("tree depth", fontsize=LABELS)
    axes.set_yticks(range(-tree_depth, 1), [str(-y) for y in range(-tree_depth, 1)], fontsize=TICKS)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _saved(drawn, path)


def _dashes(m: int) -> Any:
    """Of the edges of a matrix."""
    return ("-", (0, (4, 2)), (0, (1, 1.5)))[(m - 2) % 3]


def _places(nodes: Sequence[Node]) -> list[float]:
    """Where the nodes stand from left to right: a parent in the middle of its children, leaves side by side."""
    children: list[list[int]] = [[] for _ in nodes]
    for place, node in enumerate(nodes):
        if node.parent is not None:
            children[node.parent].append(place)
    found, leaves = [0.0] * len(nodes), 0

    def stand(place: int) -> float:
        nonlocal leaves
        below = [stand(child) for child in children[place]]
        if not below:
            leaves += 1
        found[place] = sum(below) / len(below) if below else float(leaves)
        return found[place]

    for place, node in enumerate(nodes):
        if node.parent is None:
            stand(place)
            leaves += 1  # a gap between trees
    return found


def _curves(axes: Any, matrices: Sequence[Array], style: str, name: str) -> None:
    """Singular values that can be seen, one curve each."""
    values = [np.linalg.svd(matrix.reshape(matrix.shape[-2:]), compute_uv=False) for matrix in matrices]
    most = max(len(row) for row in values)
    table = np.array([np.pad(row, (0, most - len(row))) for row in values])
    kept = table.max(axis=0) > VISIBLE * table.max()
    for number, column in enumerate(table[:, kept].T):
        axes.plot(column, style, color=f"C{number % 10}", linewidth=1.1, label=None if number else name)


def _predictors(depth: int, Sxx: Array, Syx: Array, lr: float, steps: int, width: int) -> Array:
    return np.stack([state.predictor for state in train(_drawn(depth, Syx, width, NETS), Sxx, Syx, lr, steps)])


def _drawn(depth: int, Syx: Array, width: int, nets: int) -> Revealed:
    """Random networks, exact in law; `DomainError` for a width that does not hold what training meets."""
    fresh = gaussian(width, nets, np.random.default_rng(width))
    return Revealed(depth, Syx.shape[1], Syx.shape[0], fresh, GENERIC)


def _saved(drawn: Any, path: str | Path | None) -> Any:
    if path is not None:
        save(drawn, path)
    return drawn

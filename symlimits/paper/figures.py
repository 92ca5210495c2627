"""The figures of each paper's document, a name, a caption, and what draws it; and its tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from symlimits.paper.documents import Table

DATA = [[1.0, 0.2], [0.2, 0.5]], [[1.0, -0.5]]


@dataclass(frozen=True)
class Figure:
    """A figure: `draw(path)` writes it in the format that the ending of the path says."""

    name: str
    caption: str
    draw: Callable[[Path], None]


def _plane(path: Path) -> None:
    from symlimits.theory.scaling import one_hidden_layer  # each figure imports its own topic

    one_hidden_layer(activation="erf").figure(path)


def _plane_tables() -> tuple[Table, ...]:
    from symlimits.paper.plane import tables

    return tables()


def _no_tables() -> tuple[Table, ...]:
    return ()


def _phases(path: Path) -> None:
    from symlimits.activations import erf
    from symlimits.theory.depth import phase_diagram

    phase_diagram(erf).picture(path)


def _densities(path: Path) -> None:
    from symlimits.paper.mixture_pictures import densities

    densities([(8,) * 8, (32,) * 32], path)


def _correlations(path: Path) -> None:
    from symlimits.paper.mixture_pictures import correlations

    correlations((4, 16), path)


def _path(path: Path) -> None:
    from symlimits.paper.deep_linear_pictures import training

    training(2, *DATA, lr=0.05, steps=60, path=path)


def _forest(path: Path) -> None:
    from symlimits.paper.deep_linear_pictures import forest

    forest(2, 2, path=path)


FIGURES: Mapping[str, tuple[Figure, ...]] = {
    "golikov2020": (
        Figure("plane", "The limit models of one hidden layer, by the exponents of initial weights and rates", _plane),
    ),
    "lee2019": (
        Figure("phases", "Ordered and chaotic phases of erf networks, and the depth that correlations reach", _phases),
    ),
    "bassetti2024": (
        Figure("densities", "Densities of the output: networks as deep as wide, their limit, the Gaussian", _densities),
        Figure("correlations", "Correlation of the squares of two outputs against depth over width", _correlations),
    ),
    "chizat2022": (
        Figure(
            "training",
            "The predictor of deep linear networks, $L = 2$: the limit, and 90 % of networks of a width",
            _path,
        ),
        Figure("forest", "The infinitely wide network as trees, $L = 2$, to depth 2", _forest),
    ),
}
TABLES: Mapping[str, Callable[[], tuple[Table, ...]]] = {
    **dict.fromkeys(FIGURES, _no_tables),
    "golikov2020": _plane_tables,
}

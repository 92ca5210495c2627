"""Figures of matplotlib, the extra `plot`, without a window and without global state."""

from __future__ import annotations

from os import PathLike
from typing import Any

from symlimits.errors import DataError, DomainError, NoRule

DOTS = 110  # an inch, in pictures made of dots


def figure(width: float, height: float) -> Any:
    """An empty matplotlib figure of so many inches; `NoRule` without matplotlib."""
    try:
        from matplotlib.figure import Figure  # optional
    except ImportError:
        raise NoRule("a picture without matplotlib", "matplotlib", "pip install 'symlimits[plot]'") from None
    return Figure(figsize=(width, height), layout="constrained")


def save(drawn: Any, path: object) -> None:
    """Write a figure to a file, whose suffix says the format; `DataError` where that cannot be done."""
    if not isinstance(path, str | PathLike):
        raise DomainError(f"path = {path!r:.80}", "the path of a .pdf, .png or .svg file", "path='figure.pdf'")
    try:
        drawn.savefig(path, dpi=DOTS)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}", "a place for a .pdf, .png or .svg file", "figure.pdf") from None

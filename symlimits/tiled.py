"""Gram matrices larger than memory: tile by tile on the engine, into a file, resumable after any end of the process.

A tile is computed from its own rows alone, `kernel(X[rows], X[columns])`, and travels home to the caller, who writes
it: so it may come from any executor, of this machine or not. Of a symmetric matrix the tiles on and above the diagonal
are computed, the others are their mirror images to the bit, and the diagonal is exactly the propagated variances. The
result is equal to the bit for one size of tile, whatever the executor; to `kernel(X)` at once it is equal within
rounding, since the scalar products of another shape are added in another order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.certify.simulation import claim_hash
from symlimits.disk import checksum
from symlimits.errors import DataError, DomainError
from symlimits.finite.digest import digest
from symlimits.finite.engine import Source, run, workers_of
from symlimits.finite.journal import Journal
from symlimits.finite.journal import journal as opened
from symlimits.finite.remaining import Progress
from symlimits.memory import check_memory
from symlimits.npy import check_path, finished, opened_matrix
from symlimits.reading.gram_data import as_output, as_rows, check_same_dimension
from symlimits.surroundings import surroundings

Floats = npt.NDArray[np.float64]
Place = str | os.PathLike[str]

TILE = 2048  # rows: 32 MB a tile, about a third of a second of work
COPIES = 3  # of a tile at a time: computed, on its way, and unpacked

_one_at_a_time = Lock()  # threads of numba must not be started by two threads of one process


def tiled_gram(
    kernel: Callable[..., Any],
    X: npt.ArrayLike,
    Z: npt.ArrayLike | None = None,
    *,
    out: Place | Floats,
    tile: int = TILE,
    executor: Source = None,
    journal: Place | None = None,
    progress: Progress | None = None,
) -> Floats:
    """The Gram matrix K(X, Z), or K(X, X), computed in tiles of `tile` rows and columns.

    `kernel` is a kernel of a network, or any function of data (n, d) and (m, d) that can be pickled. `out` is the path
    of an .npy file, or a float64 array (n, m), such as a `numpy.memmap`. `executor` is None, any
    `concurrent.futures.Executor`, or a function that makes one. With `journal`, the path of a file, finished tiles are
    not computed again: those whose numbers are still there, by their checksum. For a path the journal is
    `out` + ".journal" and the unfinished matrix `out` + ".part"; both are gone when the matrix is whole.

    Returns the array, or the file opened as a read-only `numpy.memmap`. Raises `ResourceError` before anything is
    computed when disk or memory would not do, and `DataError` for wrong data or the journal of another matrix.

    >>> import symlimits as sl
    >>> K = sl.nngp(sl.mlp(depth=2, activation="max(x, 0)", w_var=2, b_var=0))
    >>> X = np.random.default_rng(0).normal(size=(5, 3))
    >>> bool(np.allclose(sl.tiled_gram(K, X, out=np.empty((5, 5)), tile=2), K(X), rtol=1e-12))
    True
    """
    grid = _grid(X, Z, tile)
    task = _Task(kernel.compile() if hasattr(kernel, "compile") else kernel)
    in_flight = 1 if executor is None else 2 * workers_of(executor)
    check_memory(8 * COPIES * in_flight * tile**2, f"{in_flight} tiles of {tile} rows", "a smaller tile")
    job = _Job(task, grid, executor, progress, in_flight)
    if isinstance(out, str | os.PathLike):
        return _into_file(job, check_path(Path(out)))
    data = (grid.X,) if grid.Z is None else (grid.X, grid.Z)
    as_output(out, "out", grid.shape, *data)
    with nullcontext() if journal is None else opened(journal, job.subject()) as log:
        job.compute(out, log)
    return out


def _into_file(job: _Job, path: Path) -> Floats:
    place = Path(f"{path}.journal")
    with opened(place, job.subject()) as log, opened_matrix(path, job.grid.shape, log.found) as matrix:
        job.compute(matrix, log)
    return finished(path, place)


@dataclass(frozen=True)
class _Job:
    """Everything but the place of the result."""

    task: _Task
    grid: _Grid
    executor: Source
    progress: Progress | None
    in_flight: int

    def subject(self) -> dict[str, Any]:
        """What a journal of this matrix is about."""
        return {"kernel": self.task.name, **self.grid.subject(), **surroundings()}

    def compute(self, out: Floats, log: Journal | None) -> None:
        """Fill in the tiles that the journal does not have, or that are no longer what it says."""
        found = {} if log is None else log.found
        missing = [tile for tile in self.grid.tiles() if found.get(tile.key, "") != self._seal(tile, out, found)]

        def keep(tile: Tile, result: tuple[Floats, str]) -> tuple[Tile, ...]:
            self.grid.write(tile, result[0], out)
            if log is not None:
                log.append(tile.key, result[1])
            return ()

        options: Any = {"prepare": self.grid.rows, "part": lambda tile: "tiles", "progress": self.progress}
        run(self.task, missing, keep, self.executor, **options, seconds=0.0, in_flight=self.in_flight)

    def _seal(self, tile: Tile, out: Floats, found: dict[str, Any]) -> str:
        return self.grid.seal(tile, out) if tile.key in found else "not computed"


@dataclass(frozen=True)
class Tile:
    """The rows and the columns of a part of the matrix."""

    rows: slice
    columns: slice

    @property
    def key(self) -> str:
        """Its name in a journal."""
        return f"{self.rows.start}/{self.columns.start}"

    def __str__(self) -> str:
        return f"the tile at row {self.rows.start}, column {self.columns.start}"


@dataclass(frozen=True, eq=False)
class _Grid:
    """The data and how the matrix is cut."""

    X: Floats
    Z: Floats | None
    tile: int

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.X), len(self.X if self.Z is None else self.Z)

    def tiles(self) -> Iterator[Tile]:
        """Row by row; of a symmetric matrix those on and above the diagonal."""
        n, m = self.shape
        for i in range(0, n, self.tile):
            for j in range(0 if self.Z is not None else i, m, self.tile):
                yield Tile(slice(i, min(i + self.tile, n)), slice(j, min(j + self.tile, m)))

    def rows(self, tile: Tile) -> tuple[Floats, Floats | None]:
        """The data of a tile; the second is None on the diagonal, where the kernel is told of the symmetry."""
        if self.Z is None and tile.rows == tile.columns:
            return self.X[tile.rows], None
        return self.X[tile.rows], (self.X if self.Z is None else self.Z)[tile.columns]

    def write(self, tile: Tile, block: Floats, out: Floats) -> None:
        """Put a tile in its place, and its mirror image in the other."""
        out[tile.rows, tile.columns] = block
        if self.Z is None and tile.rows != tile.columns:
            out[tile.columns, tile.rows] = block.T

    def seal(self, tile: Tile, out: Floats) -> str:
        """The checksum of what is in the place of a tile; none when its mirror image differs."""
        block = out[tile.rows, tile.columns]
        if self.Z is None and not np.array_equal(block, out[tile.columns, tile.rows].T):
            return "not symmetric"
        return _seal(block)

    def subject(self) -> dict[str, Any]:
        """What a journal of this matrix is about."""
        return {"X": _seal(self.X), "Z": "X" if self.Z is None else _seal(self.Z), "tile": self.tile}


@dataclass(frozen=True)
class _Task:
    """A tile from its rows, with its checksum."""

    kernel: Callable[..., Any]

    def __call__(self, rows: tuple[Floats, Floats | None]) -> tuple[Floats, str]:
        first, second = rows
        with _one_at_a_time:
            block = np.ascontiguousarray(self.kernel(first) if second is None else self.kernel(first, second))
        shape = (len(first), len(first if second is None else second))
        if block.shape != shape or block.dtype != np.float64:
            raise DataError(f"a tile of shape {block.shape} and type {block.dtype}", f"{shape}, float64", "a kernel")
        return block, _seal(block)

    @property
    def name(self) -> str:
        expr = getattr(self.kernel, "expr", None)
        return digest(self.kernel) if expr is None else claim_hash(expr)


def _grid(X: npt.ArrayLike, Z: npt.ArrayLike | None, tile: object) -> _Grid:
    if isinstance(tile, bool) or not isinstance(tile, int) or tile < 1:
        raise DomainError(f"tile = {tile!r}", "a number of rows, 1 or more", f"tile={TILE}")
    first, second = as_rows(X, "X"), None if Z is None else as_rows(Z, "Z")
    if second is not None:
        check_same_dimension(first, second)
    return _Grid(first, second, tile)


def _seal(array: Floats) -> str:
    return checksum(np.ascontiguousarray(array).tobytes())[:32]

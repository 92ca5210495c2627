"""Kernels of images on data: Gram matrices, block by block of images, so that memory stays bounded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError
from symlimits.language.recursion import Recursion
from symlimits.memory import check_memory
from symlimits.reading.cache import load_source
from symlimits.reading.gram_data import as_output
from symlimits.reading.gram_input import Floats
from symlimits.reading.image_data import as_images
from symlimits.reading.image_program import TILE, Geometry, ImageProgram, geometry, image_program
from symlimits.reading.image_source import image_source

TABLES = 2**26  # bytes of the tables of one block of images


@dataclass(frozen=True)
class ImageKernel:
    """A kernel recursion over pixel pairs, on images: `kernel(X)`, `kernel(X, Z)` for (n, H, W, C) and (m, H, W, C).

    Sequences are (n, W, C). Of a symmetric result the diagonal is exactly the propagated variance. `tangent` says
    which of the two kernels is asked for.
    """

    expr: Recursion

    def __call__(self, X: Any, Z: Any = None, out: Any = None, **others: Any) -> Floats:
        """The Gram matrix (n, m); Z = X when left out."""
        if others:
            raise DataError(f"a value for {next(iter(others))}", "X, Z or out", "K(X), K(X, Z) or K(X, Z, out=array)")
        name = "Theta" if self.is_tangent else "K"
        return self._gram(X, Z, {name: out})[name]

    def both(self, X: Any, Z: Any = None) -> tuple[Floats, Floats]:
        """The Gram matrices (n, m) of the NNGP and of the tangent kernel, at the cost of the latter."""
        found = self._gram(X, Z, {"K": None, "Theta": None})
        return found["K"], found["Theta"]

    @property
    def is_tangent(self) -> bool:
        """Whether the last state, the tangent kernel, is asked for."""
        return self.expr.output == self.expr.states[-1] and len(self.expr.states) == 4

    @cached_property
    def program(self) -> ImageProgram:
        """The layers that the loop goes through."""
        return image_program(self.expr)

    @property
    def source(self) -> str:
        """The generated source."""
        return image_source(self.program.stages, self.is_tangent)

    @cached_property
    def _module(self) -> ModuleType:
        return load_source(self.source)

    def _gram(self, X: Any, Z: Any, out: dict[str, Any]) -> dict[str, Floats]:
        first = as_images(X, "X", self.program.axes)
        second = first if Z is None else as_images(Z, "Z", self.program.axes)
        if first.shape[1:] != second.shape[1:]:
            given = f"images of shape {first.shape[1:]} and {second.shape[1:]}"
            raise DataError(given, "one size and number of channels", "images cut or padded to one size")
        plan = geometry(self.program, first.shape[1:-1])
        shape = (len(first), len(second))
        results = {
            name: np.empty(shape) if array is None else as_output(array, "out", shape, first, second)
            for name, array in out.items()
        }
        self._check_memory(plan, shape, sum(array is None for array in out.values()))
        self._blocks(_flat(first), None if Z is None else _flat(second), plan, results)
        return results

    def _check_memory(self, plan: Geometry, shape: tuple[int, int], new: int) -> None:
        fields = 3 * plan.sizes[0] + 2
        needed = 8 * (new * shape[0] * shape[1] + 16 * int(fields) * int(plan.sizes[1])) + 2 * TABLES
        check_memory(needed, f"a kernel of {shape[0]} x {shape[1]} images", "smaller images, or Flatten for a pool")

    def _blocks(self, X: Floats, Z: Floats | None, plan: Geometry, results: dict[str, Floats]) -> None:
        """Block after block; of a symmetric matrix those on and above the diagonal, and then their mirror images."""
        levels = len(plan.plan) + 1
        size = max(1, min(len(X), TABLES // (8 * levels * plan.pixels)))
        for i in range(0, len(X), size):
            rows, own = X[i : i + size], self._tables(X[i : i + size], plan)
            for j in range(i if Z is None else 0, len(X if Z is None else Z), size):
                columns = (X if Z is None else Z)[j : j + size]
                same = Z is None and i == j
                tables = own if same else self._tables(columns, plan)
                block = {name: np.empty((len(rows), len(columns))) for name in results}
                self._fill(rows, columns, own, tables, same, plan, block)
                for name, values in block.items():
                    results[name][i : i + size, j : j + size] = values
        for result in results.values() if Z is None else ():
            below = np.tril_indices(len(X), -1)
            result[below] = result.T[below]

    def _tables(self, X: Floats, plan: Geometry) -> Floats:
        """Variances at all pixels and levels."""
        tables = np.zeros((len(X), len(plan.plan) + 1, plan.pixels))
        starts = np.array([(i, i) for i in range(0, len(X), TILE)], dtype=np.int64)
        unwanted = np.empty((0, 0))
        arguments = (plan.plan, plan.shapes, plan.numbers, plan.sizes, self.program.paired)
        self._module.gram(starts, True, False, unwanted, unwanted, X, X, tables, tables, *arguments)
        wrong = ~np.isfinite(tables)
        if wrong.any():
            image, level, _ = np.argwhere(wrong)[0]
            given = f"an infinite variance at a pixel of image {image}, after layer {level}"
            raise DomainError(given, "finite variances", "smaller data, weight variances or depth")
        return tables

    def _fill(
        self,
        X: Floats,
        Z: Floats,
        rows: Floats,
        columns: Floats,
        symmetric: bool,
        plan: Geometry,
        block: dict[str, Floats],
    ) -> None:
        starts = [(i, j) for i in range(0, len(X), TILE) for j in range(i if symmetric else 0, len(Z), TILE)]
        corners = np.array(starts, dtype=np.int64)
        unwanted = np.empty((0, 0))
        outputs = (block.get("K", unwanted), block.get("Theta", unwanted))
        arguments = (plan.plan, plan.shapes, plan.numbers, plan.sizes, self.program.paired)
        self._module.gram(corners, False, symmetric, *outputs, X, Z, rows, columns, *arguments)

    def __getstate__(self) -> dict[str, Any]:
        return {"expr": self.expr}  # compiled modules do not pickle; they load again from the cache


def _flat(images: Floats) -> npt.NDArray[np.float64]:
    """(n, pixels, channels)."""
    return np.ascontiguousarray(images.reshape(len(images), -1, images.shape[-1]))

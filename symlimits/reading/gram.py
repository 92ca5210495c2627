"""Kernel recursions of wide networks on data: Gram matrices, all layers of a tile at once, in parallel.

The loops are in `gram_loop`, the input kernel in `gram_input`, the scalar steps come from the caller as `Stage`s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from symlimits.errors import DomainError
from symlimits.memory import check_memory
from symlimits.reading.angular import Integers
from symlimits.reading.cache import load_source
from symlimits.reading.gram_angular import angular_tables
from symlimits.reading.gram_data import as_output, as_rows, check_norms, check_same_dimension
from symlimits.reading.gram_input import Floats, row_norms
from symlimits.reading.gram_loop import TILE, Series
from symlimits.reading.gram_sampled import SampledStage, needed_terms
from symlimits.reading.gram_source import Stages, gram_source
from symlimits.reading.panels import WIDEST

REACH = (WIDEST / 10) ** 2  # ten standard deviations stay among the arguments that breakpoints are sought for
_FLOAT = 8  # bytes
_TABLE = 5  # numbers a point and layer in the tables of `gram_loop`


class LostDigits(DomainError):
    """A closed form whose terms cancel, at the data given: the definition is read instead, where it is known."""


@dataclass(frozen=True)
class DenseUpdate:
    """What a Dense layer does: c' = w T + b, Theta' = t_T T + t_1 + w dot Theta.

    In NTK parameterisation t_T = w and t_1 = b (`DenseUpdate.ntk`); in the standard one t_T is the number of inputs of
    the layer and t_1 is 1, or 0 without a bias.
    """

    w: float
    b: float
    t_T: float
    t_1: float

    @classmethod
    def ntk(cls, w: float, b: float = 0.0) -> DenseUpdate:
        return cls(w, b, w, b)

    def __post_init__(self) -> None:
        for name in ("w", "b", "t_T", "t_1"):
            value = getattr(self, name)
            if not 0.0 <= value < float("inf"):
                raise DomainError(f"{name} is {value}", "a finite number, at least 0", "a variance or a width")


def required_bytes(n: int, m: int, outputs: int, layers: int = 1, terms: int = 0) -> int:
    """Memory for `outputs` Gram matrices (n, m) of a network with `layers` Dense layers and series of `terms` terms.

    >>> required_bytes(1000, 1000, outputs=2) / 1e6
    16.08
    """
    return _FLOAT * (outputs * n * m + (_TABLE + terms) * layers * (n + m))


ADDED = DenseUpdate(1.0, 0.0, 0.0, 0.0)  # what is there, as it is: LayerNorm, branches that join, no Dense layer


@dataclass(frozen=True)
class GramKernel:
    """The NNGP kernel K and the tangent kernel Theta of Dense, then activation and Dense as many times as `stages` say.

    `layers` has one entry for each Dense layer, the first included. Methods take data X of shape (n, d) and Z of
    shape (m, d), Z = X if left out, and give float64 arrays (n, m); then results are symmetric to the bit and their
    diagonals exactly the propagated variances. Each LayerNorm and each end of a branch has an entry too, `ADDED`.
    `out` receives the result (C-contiguous). A row of zeros is a point of
    variance 0, with rho = 0 to all others. Compiled on first use, once per machine for each list of steps.
    """

    stages: Stages
    layers: tuple[DenseUpdate, ...]

    def __post_init__(self) -> None:
        count = 1 + sum(stage.repeats * stage.rows for stage in self.stages)
        if len(self.layers) != count:
            raise DomainError(
                f"{len(self.layers)} Dense layers and joins", f"{count}, one before the stages", "other repeats"
            )
        position = 1
        for stage in self.stages:
            length = stage.repeats * stage.rows
            for layer in self.layers[position : position + length]:
                if stage.normalized and (layer.b or layer.t_1 or not layer.w):
                    wanted = "w > 0 and b = t_1 = 0 in a normalized stage"
                    raise DomainError(f"{layer}", wanted, "normalized=False, and a step for any p and q")
            position += length

    def nngp(self, X: npt.ArrayLike, Z: npt.ArrayLike | None = None, out: Floats | None = None) -> Floats:
        """K alone."""
        return self._gram(X, Z, {"K": out})["K"]

    def ntk(self, X: npt.ArrayLike, Z: npt.ArrayLike | None = None, out: Floats | None = None) -> Floats:
        """Theta alone."""
        return self._gram(X, Z, {"Theta": out})["Theta"]

    def both(
        self, X: npt.ArrayLike, Z: npt.ArrayLike | None = None, out: tuple[Floats, Floats] | None = None
    ) -> tuple[Floats, Floats]:
        """K and Theta in one pass."""
        first, second = (None, None) if out is None else out
        results = self._gram(X, Z, {"K": first, "Theta": second})
        return results["K"], results["Theta"]

    def pairs(self, p: npt.ArrayLike, q: npt.ArrayLike, gap: npt.ArrayLike) -> tuple[Floats, Floats]:
        """K and Theta at given input kernels, by the code that computes Gram matrices.

        p, q >= 0 are variances of the input, gap in [-1, 1] the signed gap of its cosine (`gram_input.signed_gap`).
        """
        values: list[Any] = [np.asarray(value, dtype=np.float64) for value in (p, q, gap)]
        first, second, gaps = np.broadcast_arrays(*values)
        _check_pairs(first, second, gaps)
        K, Theta = np.empty(gaps.size), np.empty(gaps.size)
        rows, columns = (
            self._propagate(values.ravel(), name, self._pairs) for values, name in ((first, "p"), (second, "q"))
        )
        coefficients = self._expand(rows, columns, "pairs", True)
        self._pairs.pairs(gaps.flatten(), K, Theta, rows, columns, self._repeats, self._weights, *coefficients)
        _check_reached(K.reshape(gaps.shape), (rows, columns), "pair")
        return K.reshape(gaps.shape), Theta.reshape(gaps.shape)

    def source(self, tangent: bool = True) -> str:
        """The source that is compiled for Gram matrices, with the tangent kernel or without."""
        return gram_source(self.stages, tangent, "gram")

    def _gram(self, X: npt.ArrayLike, Z: npt.ArrayLike | None, out: dict[str, Floats | None]) -> dict[str, Floats]:
        """Kernels by name, computed in the arrays of `out`, where they are given."""
        first = as_rows(X, "X")
        second = first if Z is None else as_rows(Z, "Z")
        check_same_dimension(first, second)
        results = self._outputs(out, first, second)
        tangent = "Theta" in results
        x = self._points(first, "X", tangent)
        z = x if Z is None else self._points(second, "Z", tangent)
        # the scalar products lie where the result will be: no third array of this size
        products = next(iter(results.values()))
        np.matmul(first, second.T, out=products)
        unwanted = np.empty((0, 0))
        outputs = (products, results.get("K", unwanted), results.get("Theta", unwanted))
        points = (first, second, x.inverses, z.inverses, x.table, z.table)
        corners = _corners(len(first), len(second), symmetric=Z is None)
        coefficients = self._expand(x.table, z.table, "gram", tangent)
        self._module(tangent).gram(corners, Z is None, *outputs, *points, self._repeats, self._weights, *coefficients)
        for result in results.values():
            _check_reached(result, (x.table, z.table), "entry")
        return results

    def _outputs(self, out: dict[str, Floats | None], X: Floats, Z: Floats) -> dict[str, Floats]:
        shape = (len(X), len(Z))
        given = {name: as_output(array, "out", shape, X, Z) for name, array in out.items() if array is not None}
        if len(given) == 2:
            as_output(given["K"], "out", shape, given["Theta"])
        needed = required_bytes(*shape, len(out) - len(given), len(self.layers), self._terms)
        check_memory(needed, f"a kernel of shape {shape}", "sl.tiled_gram(K, X, out='K.npy'), a tile at a time")
        return {name: given[name] if name in given else np.empty(shape) for name in out}

    def _points(self, data: Floats, name: str, tangent: bool) -> _Points:
        norms = row_norms(data)
        check_norms(norms, data, name)
        inverses = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0.0)
        return _Points(inverses, self._propagate(norms * norms / data.shape[1], name, self._module(tangent)))

    def _propagate(self, variances: Floats, name: str, module: ModuleType) -> Floats:
        """The table of variances after every layer."""
        table = np.empty((len(self.layers), _TABLE, variances.size))
        module.propagate(table, np.ascontiguousarray(variances), self._repeats, self._weights)
        wrong = ~np.isfinite(table[:, 0])
        if wrong.any():
            layer, i = np.argwhere(wrong)[0]
            before = table[layer - 1, 0, i]
            if layer in self._units and before == 0.0:
                raise _no_direction(f"point {i} of {name}")
            if layer and np.isfinite(before) and np.isnan(table[layer, 0, i]):
                raise _no_value(before, f"point {i} of {name}", layer)
            given = f"point {i} of {name} has variance {table[layer, 0, i]} after Dense layer {layer + 1}"
            raise DomainError(given, "a finite variance", "smaller data, weight variances or depth")
        return table

    @cached_property
    def _units(self) -> set[int]:
        """The layers of the tables that are a LayerNorm."""
        found, layer = set(), 1
        for stage in self.stages:
            found |= {layer + k * stage.rows for k in range(stage.repeats) if stage.unit}
            layer += stage.repeats * stage.rows
        return found

    def _expand(
        self, rows: Floats, columns: Floats, driver: Literal["gram", "pairs"], tangent: bool
    ) -> tuple[Series, Series, Integers]:
        """Tables of series for the points of rows and columns, with as many terms as they need."""
        if not self._terms:
            nothing = np.empty((0, 0, 0))
            return (nothing, nothing), (nothing, nothing), np.empty((0, 0), dtype=np.int64)
        module = self._module(tangent) if driver == "gram" else self._pairs
        sides = [rows] if rows is columns else [rows, columns]
        pilots = [np.ascontiguousarray(side[:, :, [side[0, 0].argmin(), side[0, 0].argmax()]]) for side in sides]
        full = [self._expanded(module, pilot, self._terms) for pilot in pilots]
        terms = max(needed_terms(table, self.stages, tangent) for table in full)
        series = [self._expanded(module, side, terms) for side in sides]
        pairs = rows.shape[2] * (columns.shape[2] if driver == "gram" else 1)
        angular, ranks = angular_tables(self.stages, sides, series, tangent, pairs)
        return (series[0], angular[0]), (series[-1], angular[-1]), ranks

    def _expanded(self, module: ModuleType, points: Floats, terms: int) -> Floats:
        tables = np.zeros((len(self.layers), terms + 2, points.shape[2]))
        module.expand(points, tables, self._repeats)
        return tables

    @cached_property
    def _terms(self) -> int:
        """The most terms of a series that any stage keeps."""
        return max((stage.terms for stage in self.stages if isinstance(stage, SampledStage)), default=0)

    def _module(self, tangent: bool) -> ModuleType:
        return self._with_tangent if tangent else self._without_tangent

    @cached_property
    def _with_tangent(self) -> ModuleType:
        return load_source(self.source(tangent=True))

    @cached_property
    def _without_tangent(self) -> ModuleType:
        return load_source(self.source(tangent=False))

    @cached_property
    def _pairs(self) -> ModuleType:
        return load_source(gram_source(self.stages, True, "pairs"))

    @cached_property
    def _repeats(self) -> npt.NDArray[np.int64]:
        return np.array([stage.repeats for stage in self.stages], dtype=np.int64)

    @cached_property
    def _weights(self) -> Floats:
        return np.array([(layer.w, layer.b, layer.t_T, layer.t_1) for layer in self.layers], dtype=np.float64)

    def __getstate__(self) -> tuple[Sequence[Any], Sequence[DenseUpdate]]:
        return self.stages, self.layers  # compiled modules do not pickle; they load again from the cache

    def __setstate__(self, state: tuple[Sequence[Any], Sequence[DenseUpdate]]) -> None:
        for name, value in zip(("stages", "layers"), state, strict=True):
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class _Points:
    """What is known of rows of data before they are paired."""

    inverses: Floats  # of the norms, 0 for zero rows
    table: Floats


def _corners(n: int, m: int, symmetric: bool) -> npt.NDArray[np.int64]:
    """First row and column of each tile; of a symmetric result, those on and above the diagonal."""
    corners = [(i, j) for i in range(0, n, TILE) for j in range(i if symmetric else 0, m, TILE)]
    return np.array(corners, dtype=np.int64)


def _no_value(variance: float, where: str, layer: int) -> DomainError:
    """Why an activation has no value at a point: a variance beyond the numerical rules, or a formula that cancels."""
    given = f"{where}, of variance {variance:g} at layer {layer}"
    if variance > REACH:
        wanted = f"variances up to {REACH:.0e}, which the numerical rule of this activation reaches"
        return DomainError(given, wanted, "X over a number, or .evaluate(p, q, c) for single values")
    wanted = "a variance at which the terms of the closed form leave twelve digits"
    return LostDigits(given, wanted, "larger data, or `.evaluate(...)`")


def _no_direction(where: str) -> DomainError:
    wanted = "a variance above zero, which LayerNorm divides by"
    return DomainError(f"{where}, of variance 0 at a LayerNorm", wanted, "a bias before it, or data without zero rows")


def _check_reached(values: Floats, tables: tuple[Floats, Floats], what: str) -> None:
    """The numerical rules give NaN where they do not reach; the sum tells at the price of one pass."""
    if np.isnan(values.sum()):
        place = tuple(map(int, np.argwhere(np.isnan(values))[0]))
        largest = max(float(table[:, 0].max(initial=0.0)) for table in tables)
        given = f"the {what} {place if place else 'asked for'}, with variances up to {largest:g}"
        wanted = f"variances below {REACH:.0e}, which the numerical rule of this activation reaches"
        raise DomainError(given, wanted, "X over a number, or .evaluate(p, q, c) for single values")


def _check_pairs(p: Floats, q: Floats, gap: Floats) -> None:
    for name, values, low, high in (("p", p, 0.0, np.inf), ("q", q, 0.0, np.inf), ("gap", gap, -1.0, 1.0)):
        wrong = ~((values >= low) & (values <= high) & np.isfinite(values))
        if wrong.any():
            given = f"{name} is {values[wrong][0]}"
            raise DomainError(given, f"a finite number from {low:g} to {high:g}", "signed_gap(p, q, c)")

r"""Where the Grams of a path come from: the blocks of the causal recursion, or vectors in coordinates.

Both say the same of the neurons, and of how far the hidden matrices have moved: after t steps, with c(t, s) the part of
the step s that is still there,
$$M_l(t) - M_l(0) = \frac1m\sum_{s<t}c(t, s)\,B_l(s)E_sH_{l-1}(s)^\top,$$
so that its singular values are those of $G_l^{1/2}\,\mathrm{diag}(c(t, s)E_s)\,\Phi_{l-1}^{1/2}$, or of this matrix in
coordinates. Derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from symlimits.finite.deep_linear_training import Array
from symlimits.memory import check_memory
from symlimits.theory.deep_linear.sweep import Sweep


class Grams(Protocol):
    """What a path asks of its source: covariances between T times, (T, T, ..), of layers in range."""

    @property
    def depth(self) -> int:
        """The number of hidden layers, L."""
        ...

    def forward(self, layer: int) -> Array:
        r"""$\Phi_l(t, s)$, (T, T, d, d), for l = 0 to L."""
        ...

    def backward(self, layer: int) -> Array:
        r"""$G_l(t, s)$, (T, T, k, k), for l = 1 to L + 1."""
        ...

    def mixed(self, layer: int) -> Array:
        r"""$E\,b_l(t)h_l(s)^\top$, (T, T, k, d), for l = 1 to L."""
        ...

    def at(self, place: int) -> tuple[list[Array], list[Array]]:
        r"""$\Phi_0, \dots, \Phi_L$ and $G_1, \dots, G_{L+1}$ at one time."""
        ...

    def singular_values(self, layer: int, place: int) -> Array:
        """Of the increment of a hidden matrix since the start, in descending order."""
        ...


@dataclass(frozen=True, eq=False)
class Blocks:
    r"""Grams as the recursion has them, matrices of blocks; `moves` are $\eta E_s$ (T, k, d)."""

    found: Sweep
    moves: Array

    @property
    def depth(self) -> int:
        """The number of hidden layers, L."""
        return len(self.found.layers) - 2

    def forward(self, layer: int) -> Array:
        """Views of the blocks."""
        return self._blocks(self.found.layers[layer].Phi)

    def backward(self, layer: int) -> Array:
        """Views of the blocks."""
        return self._blocks(self.found.layers[layer].G)

    def mixed(self, layer: int) -> Array:
        """Views of the blocks."""
        return self._blocks(self.found.layers[layer].X)

    def at(self, place: int) -> tuple[list[Array], list[Array]]:
        """The blocks of one time."""
        hidden = range(self.depth + 1)
        forward = [self.forward(l)[place, place] for l in hidden]
        return forward, [self.backward(l + 1)[place, place] for l in hidden]

    def singular_values(self, layer: int, place: int) -> Array:
        """Through roots of the Grams."""
        k, d = self.moves.shape[1:]
        left = _root(self.found.layers[layer].G[: place * k, : place * k])
        right = _root(self.found.layers[layer - 1].Phi[: place * d, : place * d])
        moved = np.einsum("atk,tkd->atd", left.reshape(place * k, place, k), self.moves[:place])
        return _singular(moved.reshape(place * k, place * d) @ right)

    def _blocks(self, matrix: Array) -> Array:
        times = len(self.moves)
        rows, columns = (size // times for size in matrix.shape)
        return matrix.reshape(times, rows, times, columns).transpose(0, 2, 1, 3)


class Increments(Protocol):
    """How far hidden matrices have moved, in the coordinates of the vectors."""

    def matrix(self, layer: int, place: int, vectors: Vectors) -> Array:
        """The increment of $M_l$ at one time."""
        ...

    def rank(self, place: int) -> int:
        """A bound of its rank."""
        ...


@dataclass(frozen=True, eq=False)
class Stored:
    """The increments of U, M_2, ..., M_L, V' themselves, at every time."""

    parameters: tuple[tuple[Array, ...], ...]

    def matrix(self, layer: int, place: int, vectors: Vectors) -> Array:
        """As it was kept."""
        return self.parameters[place][layer - 1]

    def rank(self, place: int) -> int:
        """That of the matrices."""
        return max(max(weight.shape) for weight in self.parameters[place])


@dataclass(frozen=True, eq=False)
class Steps:
    """Increments as sums over steps: `moves` are $E_s$ (T, k, d), `kept` are c(t, s) by t - s (T,), zero for s = t."""

    moves: Array
    kept: Array

    def matrix(self, layer: int, place: int, vectors: Vectors) -> Array:
        """The sum over steps of outer products."""
        parts = self.kept[place - np.arange(place), None, None] * self.moves[:place]
        left = vectors.derivatives[layer - 1][:place] @ parts
        right = vectors.features[layer - 2][:place]
        return np.asarray(np.tensordot(left, right, axes=((0, 2), (0, 2))))

    def rank(self, place: int) -> int:
        """A step adds min(k, d)."""
        return place * min(self.moves.shape[1:])


@dataclass(frozen=True, eq=False)
class Vectors:
    """Features $H_l(t)$ (T, w_l, d) and derivatives $B_l(t)$ (T, w_l, k), l = 1 to L, in the same coordinates.

    Inner products of theirs are covariances of neurons.
    """

    features: tuple[Array, ...]
    derivatives: tuple[Array, ...]
    increments: Increments

    @property
    def depth(self) -> int:
        """The number of hidden layers, L."""
        return len(self.features)

    @property
    def widths(self) -> tuple[int, ...]:
        """The coordinates of each layer that training has met."""
        return tuple(h.shape[1] for h in self.features)

    def forward(self, layer: int) -> Array:
        """Inner products, computed when asked; those of the inputs do not move."""
        return _inner(self.features[layer - 1], self.features[layer - 1]) if layer else _still(self.features[0])

    def backward(self, layer: int) -> Array:
        """Inner products, computed when asked; those of the outputs do not move."""
        if layer > self.depth:
            return _still(self.derivatives[0])
        return _inner(self.derivatives[layer - 1], self.derivatives[layer - 1])

    def mixed(self, layer: int) -> Array:
        """Inner products, computed when asked."""
        return _inner(self.derivatives[layer - 1], self.features[layer - 1])

    def at(self, place: int) -> tuple[list[Array], list[Array]]:
        """Inner products at one time alone."""
        forward, backward = ([x[place].T @ x[place] for x in each] for each in (self.features, self.derivatives))
        return [np.eye(self.features[0].shape[2]), *forward], [*backward, np.eye(self.derivatives[0].shape[2])]

    def singular_values(self, layer: int, place: int) -> Array:
        """Those that steps can have made, of the increment in coordinates."""
        matrix, rank = self.increments.matrix(layer, place, self), self.increments.rank(place)
        return _singular(matrix)[:rank]


def _inner(x: Array, y: Array) -> Array:
    """$x(t)^T y(s)$, (T, T, a, b)."""
    T, _, a = x.shape
    b = y.shape[2]
    check_memory(8 * T * T * a * b, f"a Gram matrix of {T} times", "fewer steps")
    left, right = (z.transpose(0, 2, 1).reshape(T * z.shape[2], -1) for z in (x, y))
    return (left @ right.T).reshape(T, a, T, b).transpose(0, 2, 1, 3)


def _still(x: Array) -> Array:
    """The identity at all pairs of times, as one view."""
    T, _, n = x.shape
    return np.broadcast_to(np.eye(n), (T, T, n, n))


def _singular(matrix: Array) -> Array:
    return np.asarray(np.linalg.svd(matrix, compute_uv=False)) if matrix.size else np.zeros(0)


def _root(gram: Array) -> Array:
    """The symmetric square root of a positive semidefinite matrix; negative eigenvalues are rounding errors."""
    values, vectors = np.linalg.eigh(gram)
    return np.asarray((vectors * np.sqrt(values.clip(min=0.0))) @ vectors.T)

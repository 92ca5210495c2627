r"""Deep linear networks whose hidden matrices are revealed where they are looked at: exact in law, at any width.

Training meets a Gaussian matrix M only in products $MZ = Y$ and $M^\top W = X$, with Z and W orthonormal. What is known
of it is $K = YZ^\top + WX^\top(I - ZZ^\top)$; for a new unit vector $z\perp Z$,
$$Mz = Kz + F,\qquad K \leftarrow K + Fz^\top,$$
with F independent of the past: a Gaussian vector of variance 1/m on the complement of W. In coordinates that grow
with the network F has entries N(0, 1/m) where coordinates are, and on a new one $\chi_{m-w}/\sqrt m$, w their number.
**As m tends to infinity F tends to the new unit vector**: the limit is deterministic, and it is the same algorithm. A
step costs what the growing coordinates cost, whatever m is. Derived here; the conditioning is that of Bolthausen
(2014), the triangular factors of Gaussian matrices are Bartlett's (1933).
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np

from symlimits.errors import DomainError
from symlimits.finite.deep_linear_training import Array, Parameters, fitted, transposed

TOLERANCE = 1e-15  # relative size below which a new direction is a rounding error: what is dropped is as small
GENERIC = 1e-10  # the same where several networks must have as many directions: what is new is rarely this small

Fresh = Callable[[int, int], Array]


def unit(coordinates: int, count: int) -> Array:
    """The fresh vectors of the infinitely wide network: new unit vectors, (coordinates + count, count)."""
    return np.eye(coordinates + count, count, -coordinates)


def gaussian(width: int, nets: int, rng: np.random.Generator) -> Fresh:
    r"""Those of networks of width m: Gaussian on known coordinates, triangular on new ones (Bartlett).

    >>> gaussian(100, 5, np.random.default_rng(0))(3, 2).shape
    (5, 5, 2)
    """

    def fresh(coordinates: int, count: int) -> Array:
        if coordinates + count > width:
            given = f"{coordinates + count} coordinates in networks of width {width}"
            raise DomainError(given, "a width that holds what training meets", "sampler='naive', or larger widths")
        F = rng.standard_normal((nets, coordinates + count, count))
        freedom = width - coordinates - np.arange(count)
        F[:, coordinates:] = np.triu(F[:, coordinates:], 1)
        at = np.arange(count)
        F[:, coordinates + at, at] = np.sqrt(rng.chisquare(freedom, (nets, count)))
        return F / sqrt(width)

    return fresh


class Revealed:
    """A network of which only the parts are stored that training has met; `fresh` says what the rest is.

    `widths` are the numbers of coordinates of layers 1 to L; new ones appear while it is trained. `tolerance` is the
    relative size below which a direction counts as known; zero: all are new.

    >>> from symlimits.finite.deep_linear_training import train
    >>> network = Revealed(2, 1, 1)
    >>> *_, last = train(network, np.eye(1), 2 * np.eye(1), 0.1, 3)
    >>> network.widths
    [5, 5]
    """

    def __init__(
        self, depth: int, inputs: int, outputs: int, fresh: Fresh = unit, tolerance: float = TOLERANCE
    ) -> None:
        self.fresh, self.tolerance, self.widths = fresh, tolerance, [0] * depth
        first, last = self._root(0, inputs), self._root(depth - 1, outputs)
        self.front = first.shape[:-2]
        empty = np.zeros((*self.front, 0, 0))
        self.start: Parameters = [first, *[empty] * (depth - 1), last]
        self.seen = [[empty, empty] for _ in range(depth + 1)]  # of each matrix: directions met forwards, and backwards

    @property
    def depth(self) -> int:
        """The number of hidden layers, L."""
        return len(self.widths)

    def _root(self, layer: int, count: int) -> Array:
        w = self.widths[layer]
        self.widths[layer] += count
        return self.fresh(w, count)

    def zeros(self) -> Parameters:
        """Increments of zero."""
        return [0.0 * weight for weight in self.start]

    def passes(self, scale: Any, increments: Parameters) -> tuple[list[Array], list[Array]]:
        """Features and derivatives, all in the coordinates that there are at the end."""
        features, derivatives = [self._end(0, scale, increments)], [self._end(self.depth, scale, increments)]
        for layer in range(1, self.depth):
            features.append(self._through(layer, features[-1], scale, increments[layer], False))
        for layer in reversed(range(1, self.depth)):
            derivatives.append(self._through(layer, derivatives[-1], scale, increments[layer], True))
        return self._in_full(features), self._in_full(derivatives[::-1])

    def _end(self, layer: int, scale: Any, increments: Parameters) -> Array:
        width, start = self.widths[min(layer, len(self.widths) - 1)], self.start[layer]
        columns = start.shape[-1]
        return scale * fitted(start, width, columns) + fitted(increments[layer], width, columns)

    def _in_full(self, vectors: list[Array]) -> list[Array]:
        return [fitted(v, w, v.shape[-1]) for v, w in zip(vectors, self.widths, strict=True)]

    def _through(self, layer: int, h: Array, scale: Any, increment: Array, back: bool) -> Array:
        """The matrix of a layer, or its transpose, times h; directions of h that it has not met are revealed first."""
        into, outof = (layer - 1, layer) if back else (layer, layer - 1)
        h = fitted(h, self.widths[outof], h.shape[-1])
        K = self._revealed(layer, h, into, back)
        delta = transposed(increment) if back else increment
        moved = fitted(delta, delta.shape[-2], h.shape[-2]) @ h
        return scale * (K @ h) + fitted(moved, K.shape[-2], h.shape[-1])

    def _revealed(self, layer: int, h: Array, into: int, back: bool) -> Array:
        K = transposed(self.start[layer]) if back else self.start[layer]
        K = fitted(K, self.widths[into], h.shape[-2])
        seen = self.seen[layer][back]
        if h.ndim > K.ndim:  # several times of one network
            h = h.swapaxes(0, -2).reshape(h.shape[-2], -1)
        z = new_directions(fitted(seen, h.shape[-2], seen.shape[-1]), h, self.tolerance)
        if z.shape[-1]:
            other = self.seen[layer][not back]
            F = self._fresh_beside(fitted(other, self.widths[into], other.shape[-1]), z.shape[-1])
            K = fitted(K, F.shape[-2], h.shape[-2]) + F @ transposed(z)
            self.widths[into] = F.shape[-2]
            self.seen[layer][back] = np.concatenate([fitted(seen, h.shape[-2], seen.shape[-1]), z], axis=-1)
        self.start[layer] = transposed(K) if back else K
        return K

    def _fresh_beside(self, W: Array, count: int) -> Array:
        """Fresh vectors with nothing along the columns of W, which the matrix has met from the other side."""
        F = self.fresh(W.shape[-2], count)
        known = F[..., : W.shape[-2], :]
        known -= W @ (transposed(W) @ known)
        return F


def new_directions(seen: Array, h: Array, tolerance: float) -> Array:
    """An orthonormal basis of what the columns of h add to those of `seen`, (..., w, n), both beyond a tolerance.

    >>> abs(new_directions(np.eye(3)[:, :1], np.array([[1.0, 2.0], [0.0, 0.0], [0.0, 3.0]]), 1e-12)).ravel()
    array([0., 0., 1.])
    """
    rest = _without(seen, _without(seen, h))
    if (np.linalg.norm(rest, axis=(-2, -1)) <= tolerance * np.linalg.norm(h, axis=(-2, -1))).all():
        return rest[..., :0]  # no singular value is larger than this norm
    u, sizes, _ = np.linalg.svd(rest, full_matrices=False)
    largest = np.linalg.norm(h, axis=(-2, -1))[..., None]
    new = (sizes > tolerance * largest).reshape(-1, sizes.shape[-1]).any(axis=0)
    room = h.shape[-2] - seen.shape[-1]  # where all is rounding, more columns may be left than directions
    kept = u[..., : min(np.count_nonzero(new), room)]
    for _ in range(2 if kept.size else 0):  # a small rest is not orthogonal enough
        kept = np.linalg.qr(_without(seen, kept))[0]
    return np.asarray(kept)


def _without(seen: Array, h: Array) -> Array:
    return h - seen @ (transposed(seen) @ h)

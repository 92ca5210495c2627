r"""Deep linear networks: the naive simulator, and a sampler exact in law whose cost does not depend on the width.

The network is $f(x) = N_L^{-1/2} V\,N_{L-1}^{-1/2} W_L \cdots N_0^{-1/2} W_1 x$ with weights from N(0, 1). Its
outputs on P inputs with $K_0 = X^\top X/N_0$ are $S\,|\,Q \sim \mathcal{MN}(0, Q, K_0)$ (D x P), and $Q = M M^\top$,
$$M = \prod_{l} N_l^{-1/2}\,T_l,\qquad (T_l)_{ii}^2 \sim \chi^2_{N_l-i+1},\quad (T_l)_{ij} \sim N(0, 1)\ (i > j):$$
the triangular factors of Gaussian matrices (Bartlett 1933), since a Gaussian matrix times one with orthonormal rows
is Gaussian again. A layer narrower than the rank r before it leaves N_l columns: its factor is trapezoidal (r x N_l),
and the rank stays N_l from there on. The same holds with inputs and outputs exchanged, so that the chain is run on
the smaller of D and rank K_0. Mixture: Bassetti et al., arXiv 2406.03260; factors: derived here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from symlimits.errors import DataError, DomainError
from symlimits.finite.rows import Array, check_sampler

BATCH_ENTRIES = 2**22  # random numbers of one layer held at a time: 32 MB
RANK = 4 * float(np.finfo(np.float64).eps)  # eigenvalues below this, times P and the largest, are rounding errors


@dataclass(frozen=True)
class DeepLinear:
    r"""A random deep linear network: hidden widths (N_1, ..., N_L), D outputs, and P inputs by $K_0$ (P, P).

    `draws(count, rng)` is an array (count, D, P) of outputs. `sampler` is "exact", which takes about
    $L\,\min(D, P)^2$ operations a draw whatever the widths, or "naive", which multiplies the weights.
    Raises `DomainError` for widths that are not positive and a $K_0$ that is no covariance.

    >>> net = DeepLinear(widths=(100, 3, 100), outputs=2, covariance=[[1.0, 0.5], [0.5, 1.0]])
    >>> net.draws(5, np.random.default_rng(0)).shape
    (5, 2, 2)
    """

    widths: tuple[int, ...]
    outputs: int = 1
    covariance: Any = ((1.0,),)
    sampler: str = "exact"

    def __post_init__(self) -> None:
        check_sampler(self.sampler)
        object.__setattr__(self, "widths", _widths(self.widths))
        _positive(self.outputs, "outputs")
        covariance = np.atleast_2d(np.asarray(self.covariance, dtype=np.float64))
        input_root(covariance)
        object.__setattr__(self, "covariance", tuple(map(tuple, covariance.tolist())))

    def draws(self, count: int, rng: np.random.Generator) -> Array:
        """The outputs of `count` independent networks, an array (count, D, P)."""
        root = input_root(np.array(self.covariance))
        if self.sampler == "naive":
            return multiply_weights(self.widths, self.outputs, root, count, rng)
        if self.outputs <= len(root):
            M = triangular_factors(self.widths[::-1], self.outputs, count, rng)
            return M @ rng.standard_normal((count, M.shape[2], len(root))) @ root
        M = triangular_factors(self.widths, len(root), count, rng)
        return rng.standard_normal((count, self.outputs, M.shape[2])) @ M.swapaxes(1, 2) @ root


def triangular_factors(widths: Sequence[int], dimension: int, count: int, rng: np.random.Generator) -> Array:
    r"""Roots M of the mixing matrix $Q = M M^\top$ (D, D): `count` draws, lower triangular, (count, D, r).

    r is the least of D and the widths: below D the matrix Q is singular, and M trapezoidal. Q has mean I.

    >>> M = triangular_factors((4, 2, 9), 3, 10_000, np.random.Generator(np.random.SFC64(0)))
    >>> M.shape, (M @ M.swapaxes(1, 2)).mean(axis=0).round(1).diagonal()
    ((10000, 3, 2), array([1., 1., 1.]))
    """
    ranks = np.minimum.accumulate([dimension, *widths])
    M = np.zeros((count, dimension, dimension))
    _fill_triangular(M, np.array(widths, dtype=np.int64), ranks, rng)
    return M[:, :, : ranks[-1]]


@njit(cache=True, error_model="numpy")
def _fill_triangular(M: Array, widths: npt.NDArray[np.int64], ranks: npt.NDArray[np.int64], rng: Any) -> None:
    """M <- M T / sqrt(N) for every layer in turn, column by column in place, since T is lower triangular."""
    count, dimension, _ = M.shape
    for draw in range(count):
        A = M[draw]
        for i in range(dimension):
            A[i, i] = 1.0
        for layer in range(len(widths)):
            N, before, rank = widths[layer], ranks[layer], ranks[layer + 1]
            scale = 1.0 / sqrt(N)
            for j in range(rank):
                diagonal = scale * sqrt(2.0 * rng.standard_gamma(0.5 * (N - j)))
                for i in range(j, dimension):
                    A[i, j] *= diagonal
                for k in range(j + 1, before):
                    entry = scale * rng.standard_normal()
                    for i in range(k, dimension):
                        A[i, j] += A[i, k] * entry
            for j in range(rank, before):  # columns that a narrow layer does not let through
                for i in range(j, dimension):
                    A[i, j] = 0.0


def multiply_weights(widths: Sequence[int], outputs: int, root: Array, count: int, rng: np.random.Generator) -> Array:
    """The naive simulator: every weight of every layer is drawn, on inputs whose products are `root`'s."""
    shapes = list(zip([*widths, outputs], [len(root), *widths], strict=True))
    batch = max(1, BATCH_ENTRIES // max(rows * columns for rows, columns in shapes))
    parts = []
    for start in range(0, max(count, 1), batch):
        h = root[None]
        for layer, (rows, columns) in enumerate(shapes):
            h = rng.standard_normal((min(batch, count - start), rows, columns)) @ h
            h /= sqrt(columns) if layer else 1.0  # K_0 holds the factor 1/N_0 already
        parts.append(h)
    return np.concatenate(parts)


def input_root(covariance: Array) -> Array:
    r"""A with $A^\top A = K_0$: inputs in as many dimensions as $K_0$ has rank, an array (rank, P).

    >>> input_root(np.ones((3, 3))).shape
    (1, 3)
    """
    square = covariance.ndim == 2 and covariance.shape[0] == covariance.shape[1] > 0
    if not (square and np.isfinite(covariance).all() and np.array_equal(covariance, covariance.T)):
        given = f"a covariance of shape {covariance.shape}"
        raise DataError(given, "a symmetric matrix of finite numbers", "X @ X.T / X.shape[1]")
    values, vectors = np.linalg.eigh(covariance)
    rounding = RANK * len(values) * np.abs(values).max()
    if values.min() < -rounding:
        raise DomainError(f"an eigenvalue {values.min():.3g} of K_0", "zero or more", "X @ X.T / X.shape[1]")
    kept = values > rounding
    if not kept.any():
        return np.zeros((1, len(values)))
    return np.sqrt(values[kept])[:, None] * vectors[:, kept].T


def _widths(widths: object) -> tuple[int, ...]:
    if isinstance(widths, str) or not hasattr(widths, "__iter__"):
        raise DomainError(f"widths = {widths!r}", "a sequence of hidden widths", "widths=(100, 100)")
    for width in widths:
        _positive(width, "width")
    return tuple(map(int, widths))


def _positive(value: object, name: str) -> None:
    if not (isinstance(value, int | np.integer) and value >= 1) or isinstance(value, bool):
        raise DomainError(f"{name} = {value!r}", "a positive integer", f"{name}=100")

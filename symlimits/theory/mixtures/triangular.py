r"""Draws of the mixing matrix in the proportional limit, for any number of outputs.

$Q = MM^\top$ with M a Brownian motion in the group of lower triangular matrices, $dM = M\,dX$, up to time a:
$dX_{jj} = -\frac{2j - 1}4dt + \frac{dB_{jj}}{\sqrt2}$ and $dX_{ij} = dB_{ij}$ for i > j. Hence
$\log M_{jj}^2 \sim N(-ja, 2a)$ independently, exact at every step here. For D = 2 the rest is exact too: M is the
Cholesky factor of $e^G O\,\mathrm{diag}(e^\rho, e^{-\rho})O^\top$, where $\rho$ is the distance that hyperbolic
Brownian motion has gone. For D > 2 a step of time h is split as by Ninomiya and Victoir (2008, Appl. Math. Finance 15):
half a diagonal step, the columns one by one in an order that a coin chooses, each an exact flow, half a diagonal
step. Expectations are then off by $O(h^2)$, and `bias` says by how much for the second moments. Limit: Bassetti,
Ladelli and Rotondo, arXiv 2411.15267, and Li, Nica and Roy, arXiv 2206.02768; scheme: derived here.
"""

from __future__ import annotations

from functools import reduce
from math import ceil, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp
from numba import njit

from symlimits.errors import DomainError
from symlimits.theory.mixtures.moments import mixing_moment

Array = npt.NDArray[np.float64]
STEP = 1 / 64  # of time: second moments of three outputs are then off by 3e-4 a, of four by 5e-4 a
LARGEST_BIAS = 6  # outputs up to which all D^4 fourth moments of M are carried


def limit_factors(
    dimension: int, ratio: float, count: int, rng: np.random.Generator, steps: int | None = None
) -> Array:
    r"""Lower triangular roots M of the mixing matrix of the limit: `count` draws, (count, D, D).

    Exact for D = 1 and D = 2; `steps` are those of the scheme for D > 2, by default of time 1/64.

    >>> M = limit_factors(2, 0.5, 50_000, np.random.default_rng(0))
    >>> (M @ M.swapaxes(1, 2)).mean(axis=0).round(1)
    array([[ 1., -0.],
           [-0.,  1.]])
    """
    a = _ratio(ratio)
    if dimension == 1:
        return np.exp(0.5 * rng.normal(-a, sqrt(2 * a), count))[:, None, None]
    if dimension == 2 and steps is None:
        return _hyperbolic(a, count, rng)
    return scheme(dimension, a, count, rng, steps or default_steps(a))


def hyperbolic_distance(ratio: float, count: int, rng: np.random.Generator) -> Array:
    r"""The distance $\rho$ (count,) of Brownian motion in the hyperbolic plane at time a, exact in law.

    $\cosh\rho = 1 + (\cosh u - 1)(1 - y^2)$ with y uniform on (0, 1) and u the length of a Gaussian vector in three
    dimensions of variance a and mean (a/2, 0, 0): McKean's density as a mixture (derived here).
    """
    a = _ratio(ratio)
    z = rng.standard_normal((count, 3)) * sqrt(a)
    z[:, 0] += 0.5 * a
    u, y = np.sqrt(np.square(z).sum(axis=1)), rng.random(count)
    return np.asarray(2 * np.arcsinh(np.sinh(0.5 * u) * np.sqrt((1 - y) * (1 + y))))


def _hyperbolic(a: float, count: int, rng: np.random.Generator) -> Array:
    rho, angle = hyperbolic_distance(a, count, rng), rng.uniform(0, 2 * np.pi, count)
    G = rng.normal(-1.5 * a, sqrt(a), count)
    top = np.cosh(rho) + np.sinh(rho) * np.cos(angle)
    M = np.zeros((count, 2, 2))
    M[:, 0, 0] = np.exp(0.5 * G) * np.sqrt(top)
    M[:, 1, 0] = np.exp(0.5 * G) * np.sinh(rho) * np.sin(angle) / np.sqrt(top)
    M[:, 1, 1] = np.exp(0.5 * G) / np.sqrt(top)
    return M


def default_steps(ratio: float) -> int:
    """Steps of the scheme for D > 2: at least 16, of time 1/64 at most."""
    return max(16, ceil(_ratio(ratio) / STEP))


def scheme(dimension: int, ratio: float, count: int, rng: np.random.Generator, steps: int) -> Array:
    """Draws (count, D, D) of M by the split scheme, for any D."""
    M = np.zeros((count, dimension, dimension))
    M[:] = np.eye(dimension)
    _run(M, _ratio(ratio) / steps, steps, rng)
    return M


@njit(cache=True, error_model="numpy")
def _run(M: Array, h: float, steps: int, rng: Any) -> None:
    """M <- M T for every step, where T = diagonal, columns, diagonal."""
    for draw in range(len(M)):
        A = M[draw]
        _diagonal(A, 0.5 * h, rng)
        for step in range(steps):
            _columns(A, sqrt(h), rng.random() < 0.5, rng)
            _diagonal(A, h if step < steps - 1 else 0.5 * h, rng)  # two halves are one diagonal step


@njit(cache=True, error_model="numpy")
def _diagonal(A: Array, h: float, rng: Any) -> None:
    for j in range(len(A)):
        factor = np.exp(-0.5 * (j + 1) * h + sqrt(0.5 * h) * rng.standard_normal())
        for i in range(j, len(A)):
            A[i, j] *= factor


@njit(cache=True, error_model="numpy")
def _columns(A: Array, size: float, ascending: bool, rng: Any) -> None:
    """The flow of dA_j = sum_{k > j} A_k dB_kj, one column j at a time."""
    D = len(A)
    for place in range(D - 1):
        j = place if ascending else D - 2 - place
        for k in range(j + 1, D):
            entry = size * rng.standard_normal()
            for i in range(k, D):
                A[i, j] += A[i, k] * entry


def bias(dimension: int, ratio: float, steps: int | None = None) -> float:
    r"""How far the second moments $E[Q_{ij}Q_{kl}]$ of the scheme are off, relative to the largest: no sampling.

    One step maps them linearly, by the fourth moments of its T; the limit is known exactly (`moments`).

    >>> 3.5 < bias(3, 0.5, 4) / bias(3, 0.5, 8) < 4.5  # the order is two
    True
    """
    if not 1 <= dimension <= LARGEST_BIAS:
        raise DomainError(f"{dimension} outputs", f"1 to {LARGEST_BIAS}", "fewer outputs: the bias grows slowly with D")
    a, D = _ratio(ratio), dimension
    steps = steps or default_steps(a)
    step = _fourth_moments(D, a / steps)
    identity = np.eye(D)
    moments = np.einsum("ij,kl->ijkl", identity, identity).ravel()
    for _ in range(steps):
        moments = step @ moments
    exact = _exact(D, a)
    return float(np.abs(moments - exact).max() / np.abs(exact).max())


def _fourth_moments(D: int, h: float) -> Array:
    r"""$E\,T^{\otimes4}$ of one step (D^4, D^4)."""
    half = np.zeros(D**4)
    for at, indices in enumerate(np.ndindex(*(D,) * 4)):
        powers = np.bincount(indices, minlength=D)
        places = np.arange(1, D + 1)
        half[at] = np.exp((-0.25 * powers * places * h + 0.125 * powers**2 * h).sum())
    columns = [_column_moments(D, j, sqrt(h)) for j in range(D - 1)]
    both = 0.5 * (reduce(np.matmul, columns, np.eye(D**4)) + reduce(np.matmul, columns[::-1], np.eye(D**4)))
    return np.asarray(half[:, None] * both * half[None, :])


def _column_moments(D: int, j: int, size: float) -> Array:
    """Of I + size z e_k e_j', for every k > j in turn: Gauss's rule of three nodes is exact to degree five."""
    found = np.eye(D**4)
    for k in range(j + 1, D):
        mean = np.zeros((D**4, D**4))
        for node, weight in ((-sqrt(3), 1 / 6), (0.0, 2 / 3), (sqrt(3), 1 / 6)):
            T = np.eye(D)
            T[k, j] = size * node
            square = np.kron(T, T)
            mean += weight * np.kron(square, square)
        found = found @ mean
    return found


def _exact(D: int, a: float) -> Array:
    r"""The limits of $E[Q_{ij}Q_{kl}]$: three numbers, by which indices are equal."""
    symbol = sp.Symbol("a", positive=True)
    square, both, off = (float(mixing_moment(pairs, ratio="a").subs(symbol, a)) for pairs in _KINDS)
    d = np.eye(D)
    same = np.einsum("ij,jk,kl->ijkl", d, d, d)
    paired = np.einsum("ij,kl->ijkl", d, d) - same
    crossed = np.einsum("ik,jl->ijkl", d, d) + np.einsum("il,jk->ijkl", d, d) - 2 * same
    return np.asarray(square * same + both * paired + off * crossed).ravel()


_KINDS = ([(0, 0), (0, 0)], [(0, 0), (1, 1)], [(0, 1), (0, 1)])


def _ratio(ratio: object) -> float:
    value = float(ratio)  # type: ignore[arg-type]
    if not 0 < value < float("inf"):
        raise DomainError(f"ratio = {value}", "a number larger than zero", "ratio=1.0")
    return value

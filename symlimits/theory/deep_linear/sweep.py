r"""The recursion in float64: the statements of `recursion`, whole rows of time at once.

A family $\Phi_l(t, s)$ is one matrix of (T + 1)(T + 1) blocks. What is not yet defined is zero there, so that sums over
the past are products of a row of blocks with such a matrix. `recursion` run over thirty digits is what this is held
against. Compiled as it stands, `recursion` takes a third of the time for two inputs and outputs, and no less for eight
and four; but compiling takes seconds for every d and k, and here there is nothing to compile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symlimits.errors import DomainError
from symlimits.finite.threads import one_thread
from symlimits.memory import check_memory
from symlimits.theory.deep_linear.problem import Floats, Problem


@dataclass(frozen=True, eq=False)
class Layer:
    """The families of one layer, as matrices of blocks: covariances and responses."""

    Phi: Floats
    G: Floats
    X: Floats
    H: Floats
    R: Floats
    B: Floats
    S: Floats


@dataclass(frozen=True, eq=False)
class Sweep:
    """Predictors (T + 1, k, d), and the layers 0, ..., L + 1; of layer 0 and L + 1 what does not move."""

    predictors: Floats
    layers: tuple[Layer, ...]


def bytes_needed(depth: int, d: int, k: int, steps: int) -> int:
    """Memory of a sweep: (T + 1)^2 blocks of every family of every layer."""
    return 8 * (depth + 2) * (steps + 1) ** 2 * (2 * d * d + 3 * d * k + 2 * k * k)


def sweep(depth: int, problem: Problem, rate: float, steps: int) -> Sweep:
    """All rows of time; `DomainError` where the path leaves the range of floats, `ResourceError` for want of memory."""
    k, d = problem.Syx.shape
    check_memory(bytes_needed(depth, d, k, steps), f"a path of {steps} steps", "fewer steps")
    layers = [_empty(d, k, steps + 1) for _ in range(depth + 2)]
    layers[0].Phi[:] = np.tile(np.eye(d), (steps + 1, steps + 1))
    layers[-1].G[:] = np.tile(np.eye(k), (steps + 1, steps + 1))
    predictors, moves = np.zeros((steps + 1, k, d)), np.zeros((steps + 1, k, d))
    # rows of blocks are too short for threads of BLAS; what overflows is seen and refused
    with one_thread(), np.errstate(over="ignore", invalid="ignore"):
        for t in range(steps + 1):
            predictors[t] = _row(layers, moves[:t], t)
            moves[t] = rate * (problem.Syx - predictors[t] @ problem.Sxx)
            if not np.isfinite(predictors[t]).all():
                given = f"a path that leaves the range of floats at step {t} with lr = {rate:.6g}"
                if problem.note:  # no rate is small enough
                    raise DomainError(f"{given}; {problem.note}", "a risk with a minimum", "fewer steps")
                raise DomainError(given, critical_words(depth, problem), "a smaller lr, or fewer steps")
    return Sweep(predictors, tuple(layers))


def critical_words(depth: int, problem: Problem) -> str:
    """The rates below which errors fall at the start, where K is L + 1 times Sxx; later K may be larger."""
    critical = 2 / ((depth + 1) * float(np.linalg.eigvalsh(problem.Sxx).max()))
    return f"a learning rate below the critical one, {critical:.6g} at the start"


def _row(layers: list[Layer], moves: Floats, t: int) -> Floats:
    """The row t of all layers, and the predictor; `moves` are lr E_s for the past s."""
    _, k, d = moves.shape
    hidden = range(1, len(layers) - 1)
    for l in hidden:
        _forward(layers[l - 1], layers[l], moves, t)
    for l in reversed(hidden):
        _backward(layers[l + 1], layers[l], moves, t)
    return layers[1].X[t * k : (t + 1) * k, t * d : (t + 1) * d]


def _empty(d: int, k: int, times: int) -> Layer:
    sizes = {"Phi": (d, d), "G": (k, k), "X": (k, d), "H": (d, d), "R": (d, k), "B": (k, k), "S": (k, d)}
    return Layer(**{name: np.zeros((times * rows, times * columns)) for name, (rows, columns) in sizes.items()})


def _forward(below: Layer, here: Layer, moves: Floats, t: int) -> None:
    """Row t of what concerns h_l."""
    _, k, d = moves.shape
    n, m = t * d, t * k  # columns that the past takes: of h, and of b
    row, end = slice(n, n + d), n + d
    C = below.R[row, :m] + _times(below.Phi[row, :n], moves.swapaxes(1, 2))
    here.H[row, :n] = C @ here.S[:m, :n]
    here.H[row, row] = np.eye(d)
    here.R[row, :m] = C @ here.B[:m, :m]
    here.X[:m, row] = here.S[:m, :n] @ below.Phi[row, :n].T + here.G[:m, :m] @ C.T
    here.Phi[row, :end] = below.Phi[row, :end] @ here.H[:end, :end].T + C @ here.X[:m, :end]
    here.Phi[:n, row] = here.Phi[row, :n].T


def _backward(above: Layer, here: Layer, moves: Floats, t: int) -> None:
    """Row t of what concerns b_l."""
    _, k, d = moves.shape
    n, m = t * d, t * k
    row, end = slice(m, m + k), m + k
    D = above.S[row, :n] + _times(above.G[row, :m], moves)
    here.B[row, :m] = D @ here.R[:n, :m]
    here.B[row, row] = np.eye(k)
    here.S[row, :n] = D @ here.H[:n, :n]
    here.X[row, : n + d] = above.G[row, :m] @ here.R[: n + d, :m].T + D @ here.Phi[:n, : n + d]
    here.G[row, :end] = above.G[row, :end] @ here.B[:end, :end].T + D @ here.X[:end, :n].T
    here.G[:m, row] = here.G[row, :m].T


def _times(row: Floats, factors: Floats) -> Floats:
    """A row of blocks, each times a matrix of its own: (a, T b) and (T, b, c) give (a, T c)."""
    T, b, c = factors.shape
    return np.asarray(np.einsum("atb,tbc->atc", row.reshape(len(row), T, b), factors).reshape(len(row), T * c))

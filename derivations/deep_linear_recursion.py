"""Training of deep linear networks at infinite width: the causal recursion, run in four arithmetics and compiled.

A neuron obeys h(t) = r(t) + sum C b and b(t) = q(t) + sum D h over the past. From these two equations follow responses
and covariances, row by row in time, with sums and products only (setting: Chizat, Colombo, Fernandez-Real, Figalli,
arXiv 2211.16980; formulas derived here). So one program gives floats, fractions, remainders and polynomials, and it is
held against what needs no recursion: a small network of zeros and ones, which is exact for one hidden layer.
"""

from __future__ import annotations

import sys

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits.paper.deep_linear_pictures import training
from symlimits.reading.latex import latex
from symlimits.reading.rings import RATIONALS, modulo
from symlimits.reading.straight_line import run
from symlimits.reading.straight_line_kernel import LoopKernel
from symlimits.theory.deep_linear.recursion import Families, eta, recursion

PRIME = 2**31 - 1
SXX, SYX, LR = [[1, "1/2"], ["1/2", 1]], [[1, "1/3"], ["-1/2", 2]], sp.Rational(1, 10)
ROUNDING = 1e-12  # of float64, over some thousand operations


def held(what: str, found: bool) -> None:
    print(f"  {what:<72} {'holds' if found else 'BROKEN'}")
    if not found:
        raise SystemExit(1)


def fractions(matrix: object) -> sp.Matrix:
    return sp.Matrix(np.asarray(matrix, dtype=object).shape[0], 2, [sp.Rational(str(e)) for e in np.ravel(matrix)])


def program(depth: int, steps: int) -> tuple[object, dict[object, object]]:
    return recursion(depth, steps, 2, 2), {eta: LR, "Sigma_xx": SXX, "Sigma_yx": SYX}


def small_network(steps: int) -> sp.Matrix:
    """Gradient descent on one hidden layer of width four that starts at unit vectors."""
    Sxx, Syx = fractions(SXX), fractions(SYX)
    U, V = sp.eye(2).col_join(sp.zeros(2, 2)), sp.zeros(2, 2).row_join(sp.eye(2))
    for _ in range(steps):
        E = Syx - V * U * Sxx
        U, V = U + LR * V.T * E, V + LR * E * U.T
    return V * U


def picture(path: str) -> None:
    """The predictor over training: the limit, and where 90 % of networks of some widths are."""
    training(2, [[1.0, 0.2], [0.2, 0.5]], [[1.0, -0.5]], lr=0.05, steps=60, path=path)


def main() -> None:
    L, T, d, k = sp.symbols("L T d k", integer=True)
    print(latex(recursion(L, T, d, k)), end="\n\n")
    F, steps = Families(2, 2), 4
    for depth in (1, 2, 3):
        line, inputs = program(depth, steps)
        exact, remainder = run(line, RATIONALS, inputs), run(line, modulo(PRIME), inputs)
        A = fractions(exact[F.A(steps)])
        print(f"depth {depth}: A_{steps} = {A.evalf(8).tolist()}, in fractions of {len(str(A[0].q))} digits")
        if depth == 1:
            held("fractions: a network of width d + k, trained exactly", small_network(steps) == A)
        same = all((exact[F.X(l, t, t)] == exact[F.A(t)]).all() for l in range(1, depth + 1) for t in range(steps + 1))
        held("fractions: every layer gives the same predictor", same)
        ends = [int(n.p) * pow(int(n.q), -1, PRIME) % PRIME for n in A]
        held("remainders modulo 2^31 - 1 are those of the fractions", ends == list(remainder[F.A(steps)].flat))
        data = [np.array(fractions(matrix), dtype=float) for matrix in (SXX, SYX)]
        # a rate too large for the end of the path, which four steps do not reach: what is held is arithmetic
        path = sl.deep_linear(depth).gradient_descent(*data, lr=0.1, steps=steps, forced=True)
        gap = np.abs(path.predictors[-1] - np.array(A, dtype=float)).max()
        held("floats, by rows of blocks, are the fractions up to rounding", bool(gap < ROUNDING))
        kernel = LoopKernel(recursion(depth, steps, 2, 2), (eta,))
        gap = np.abs(kernel(0.1, Sigma_xx=SXX, Sigma_yx=SYX) - np.array(A, dtype=float)).max()
        held("floats, by the program compiled, are the fractions up to rounding", bool(gap < ROUNDING))

    path = sl.deep_linear(2).gradient_descent([[1.0, 0.0], [0.0, 0.0]], [[1.0, 0.0]], lr=0.1, steps=60)
    print(f"inputs on a line, {path.steps} steps: A = {path.predictors[-1].round(6).tolist()}")
    held("nothing moves outside of the range of the inputs", bool((path.predictors[:, :, 1] == 0).all()))
    moved = path.weight_law(2).singular_values()
    print("  singular values of what moves between the hidden layers:", moved[:2].round(6).tolist())


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

r"""The letters of training in the kernel regime, and random matrices that stand for them.

At training inputs x and at test inputs z, w: gradients $J$ (a row a point, a column a parameter), outputs at the start
$f$ with the covariances $K$, targets $Y$, noise $\varepsilon$, and $\Theta_{ab} = J_aRJ_b^\top$ with R the diagonal of
what the learning rates of the parameters are times; $e$ are columns of ones.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import sympy as sp
from mpmath import mp

from symlimits.language.block import Block
from symlimits.language.softmax import RowSoftmax

eta, mass, omega, mu, time = sp.symbols("eta m omega mu t", positive=True)
steps = sp.Symbol("t", integer=True, nonnegative=True)
sigma = sp.Symbol("sigma", positive=True)  # the deviation of the noise
n, P, k, r, s = sp.symbols("n P k r s", integer=True, positive=True)  # data, parameters, outputs, test points twice
SIZES = {"x": n, "z": r, "w": s}
DIGITS = 30  # of lines that are compared
Values = tuple[dict[str, Any], dict[sp.Symbol, sp.Expr]]


def at(name: str, place: str) -> Block:
    """Outputs at the start f, gradients J, at training inputs x or at test inputs z or w.

    >>> at("J", "x").shape
    (n, P)
    """
    return Block(f"{name}_{place}", (), (SIZES[place], {"f": k, "J": P}[name]))


def kernel(name: str, place: str, other: str) -> Block:
    """A kernel between two sets of inputs, K or Theta."""
    return Block(f"{name}_{place}{other}", (), (SIZES[place], SIZES[other]))


Y = Block("Y", (), (n, k))
epsilon = Block("epsilon_x", (), (n, k))
rates = Block("R", (), (P, P))
ones = {rows: Block(f"e_{rows}", (), (rows, 1)) for rows in (n, k)}


def random_values(seed: int, sizes: Mapping[str, int], *lines: sp.Expr) -> Values:
    """A matrix for every letter, and numbers at which descent converges, of two times 30 digits.

    Outputs at the start have a column for every source of a root of their covariance, noise has sources of its own.
    Rates are one where no line speaks of them; targets are probabilities where a line holds a softmax.
    """
    rng = random.Random(seed)

    def matrix(rows: int, columns: int, least: int = -999) -> Any:
        return mp.matrix([[mp.mpf(rng.randint(least, 999)) / 1000 for _ in range(columns)] for _ in range(rows)])

    rows, sources = {place: sizes[str(SIZES[place])] for place in SIZES}, sizes["P"]
    deviation = sp.Rational(1 + seed % 7, 5)
    with mp.workdps(2 * DIGITS):
        J = {place: matrix(rows[place], sources) for place in SIZES}
        f = {place: _beside(matrix(rows[place], sources), mp.zeros(rows[place], rows["x"])) for place in SIZES}
        rated = any(line.has(rates) for line in lines)
        R = mp.diag([mp.mpf(rng.randint(0, 999)) / 1000 if rated else mp.mpf(1) for _ in range(sources)])
        independent = mp.mpf(deviation.p) / deviation.q * mp.eye(rows["x"])
        blocks = {f"J_{a}": J[a] for a in SIZES} | {f"f_{a}": f[a] for a in SIZES} | {"R": R}
        blocks |= {f"Theta_{a}{b}": J[a] * R * J[b].T for a in SIZES for b in SIZES}
        blocks |= {f"K_{a}{b}": f[a] * f[b].T for a in SIZES for b in SIZES}
        blocks |= {"epsilon_x": _beside(mp.zeros(rows["x"], sources), independent)}
        blocks |= {"e_n": mp.ones(rows["x"], 1), "e_k": mp.ones(sources + rows["x"], 1)}
        likely = any(line.has(RowSoftmax) for line in lines)
        Y = matrix(rows["x"], sources + rows["x"], 1 if likely else -999)
        blocks |= {"Y": _probabilities(Y) if likely else Y}
        trace = sum(blocks["Theta_xx"][i, i] for i in range(rows["x"]))
    counts = {n: sp.Integer(rows["x"]), k: sp.Integer(sources + rows["x"])}
    return blocks, _numbers(rng, int(trace) + 1) | {sigma: deviation} | counts


def _numbers(rng: random.Random, entries: int) -> dict[sp.Symbol, sp.Expr]:
    values = [rng.randint(100, 900) for _ in range(4)]
    numbers = {symbol: sp.Rational(value, 1000) for symbol, value in zip((eta, mu, omega), values, strict=False)}
    return numbers | {mass: sp.Integer(entries), time: sp.Rational(values[3], 100), steps: sp.Integer(values[3] // 100)}


def _beside(left: Any, right: Any) -> Any:
    whole = mp.zeros(left.rows, left.cols + right.cols)
    whole[:, : left.cols], whole[:, left.cols :] = left, right
    return whole


def _probabilities(Y: Any) -> Any:
    """Rows that sum to one."""
    for i in range(Y.rows):
        Y[i, :] /= sum(Y[i, :])
    return Y

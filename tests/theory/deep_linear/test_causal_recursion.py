"""The causal recursion: against reference paths, exact small networks, matrix inverses, and itself in every ring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from mpmath import mp, mpf

from symlimits.language.straight_line import Definition, StraightLine
from symlimits.reading.ring import Ring
from symlimits.reading.rings import FLOATS, RATIONALS, as_polynomial, digits, modulo, polynomials
from symlimits.reading.straight_line import Memory, run
from symlimits.theory.deep_linear.problem import Floats, problem
from symlimits.theory.deep_linear.recursion import Families, eta, recursion
from symlimits.theory.deep_linear.sweep import Layer, sweep

HALF, PRIME = sp.Rational(1, 2), 2**31 - 1
ROUNDING = 2e-12  # relative to the largest entry: some 10^5 operations in float64, in another order
SIX = (3, [[1, 0], [0, "1/4"]], [[1, "1/4"], ["-1/2", "1/2"]], "1/20")  # the second reference path, 20 steps
SMALL = ([[1, "1/2"], ["1/2", 1]], [[1, "1/3"], ["-1/2", 2], [0, 1]], "1/10")  # d = 2, k = 3


def ran(ring: Ring, depth: int, steps: int, Sxx: Any, Syx: Any, lr: Any) -> tuple[Memory, Families]:
    k, d = np.shape(Syx)
    values = {eta: lr, "Sigma_xx": Sxx, "Sigma_yx": Syx}
    return run(recursion(depth, steps, d, k), ring, values), Families(d, k)


def assert_close(found: Any, wanted: Any, tolerance: float = ROUNDING) -> None:
    found, wanted = np.asarray(found, dtype=float), np.asarray(wanted, dtype=float)
    assert np.abs(found - wanted).max() <= tolerance * max(1.0, np.abs(wanted).max())


# ----------------------------------------------------------------------------------------------- reference paths


def test_the_first_reference_path() -> None:
    """Fourteen digits, as given."""
    memory, F = ran(FLOATS, 1, 10, [[1]], [[2]], "1/10")
    assert_close(memory[F.A(10)], [[1.96654161075643]], 1e-14)
    assert_close(memory[F.Phi(1, 10, 10)], [[2.1649414816666]], 1e-13)
    assert_close(memory[F.G(1, 10, 10)], [[2.1649414816666]], 1e-13)


def test_the_second_reference_path() -> None:
    memory, F = ran(FLOATS, SIX[0], 20, *SIX[1:])
    wanted = [[0.99992057910060, 0.91691583638630], [-0.49996028955030, 1.83383167277259]]
    assert_close(memory[F.A(20)], wanted, 1e-13)
    for gram in (F.Phi(3, 20, 20), F.G(1, 20, 20)):
        assert np.trace(memory[gram]) == pytest.approx(7.0793863646069, rel=1e-13)


# --------------------------------------------------------------------------------------- independent computations


def small_network(Sxx: Any, Syx: Any, lr: sp.Expr, steps: int) -> list[sp.Matrix]:
    """One hidden layer: gradient descent on a network of width d + k that starts at unit vectors, in rationals."""
    Sxx, Syx = sp.Matrix(Sxx), sp.Matrix(Syx)
    k, d = Syx.shape
    U, V = sp.eye(d).col_join(sp.zeros(k, d)), sp.zeros(k, d).row_join(sp.eye(k))
    path = [V * U]
    for _ in range(steps):
        E = Syx - V * U * Sxx
        U, V = U + lr * V.T * E, V + lr * E * U.T
        path.append(V * U)
    return path


def test_one_hidden_layer_is_a_network_of_width_d_plus_k() -> None:
    memory, F = ran(RATIONALS, 1, 4, *SMALL)
    lr, *data = sp.Rational(SMALL[2]), *SMALL[:2]
    path = small_network(*([[sp.Rational(e) for e in row] for row in matrix] for matrix in data), lr, 4)
    for t, A in enumerate(path):
        assert sp.Matrix([[sp.Rational(str(e)) for e in row] for row in memory[F.A(t)].tolist()]) == A


def dense(memory: Memory, family: Callable[..., Any], layer: int, times: int) -> Floats:
    """A family as one matrix of blocks; half of it is defined, where layers do not move, or zero, for responses."""
    name, size = family().name, family().shape
    defined = memory.blocks[name]

    def block(t: int, s: int) -> Floats:
        if (layer, t, s) in defined:
            return defined[layer, t, s]
        return defined[layer, s, t].T if name in ("Phi", "G") else np.zeros(size, dtype=float)

    return np.block([[block(t, s) for s in range(times)] for t in range(times)])


@pytest.mark.parametrize("depth", [2, 3])
def test_the_equations_of_the_layers_hold(depth: int) -> None:
    r"""$\Phi = (I - CD)^{-1}[\Phi_{l-1} + C G_{l+1} C^\top](\cdot)^\top$ and its like, by inverses."""
    times = 5
    memory, F = ran(FLOATS, depth, times - 1, *SMALL)
    d, k = 2, 3
    E = [memory[F.E(t)] for t in range(times)]
    rate = 0.1
    for l in range(1, depth + 1):
        below, above = (dense(memory, f, n, times) for f, n in ((F.Phi, l - 1), (F.G, l + 1)))
        C = np.zeros((times * d, times * k))
        D = np.zeros((times * k, times * d))
        for t in range(times):
            for s in range(t):
                row, column = np.s_[t * d : (t + 1) * d], np.s_[s * k : (s + 1) * k]
                C[row, column] = memory[F.R(l - 1, t, s)] + rate * memory[F.Phi(l - 1, t, s)] @ E[s].T
                row, column = np.s_[t * k : (t + 1) * k], np.s_[s * d : (s + 1) * d]
                D[row, column] = memory[F.S(l + 1, t, s)] + rate * memory[F.G(l + 1, t, s)] @ E[s]
        H, B = np.linalg.inv(np.eye(times * d) - C @ D), np.linalg.inv(np.eye(times * k) - D @ C)
        assert_close(dense(memory, F.Phi, l, times), H @ (below + C @ above @ C.T) @ H.T)
        assert_close(dense(memory, F.G, l, times), B @ (above + D @ below @ D.T) @ B.T)
        mixed = B @ (above @ C.T + D @ below) @ H.T
        assert_close(dense(memory, F.X, l, times), mixed)
        for t in range(times):
            assert_close(mixed[t * k : (t + 1) * k, t * d : (t + 1) * d], memory[F.A(t)])


def without_responses(line: StraightLine) -> StraightLine:
    """The same program with R and S put to zero: wrong from two hidden layers on."""
    zeroed = {d: Definition(d.target, 0) for d in line.atoms(Definition) if getattr(d.target, "name", "") in ("R", "S")}
    return line.xreplace(zeroed)


@pytest.mark.parametrize("depth", [2, 3])
def test_the_control_without_responses_is_refused(depth: int) -> None:
    inputs = {eta: 0.1, "Sigma_xx": [[1]], "Sigma_yx": [[1]]}
    line = recursion(depth, 2)
    right, wrong = (run(l, FLOATS, inputs)[line.output] for l in (line, without_responses(line)))
    assert abs(right - wrong).max() > 0.01


def test_the_first_step_is_exact() -> None:
    for depth in (1, 2, 3):
        memory, F = ran(RATIONALS, depth, 1, *SMALL)
        first = [[(depth + 1) * sp.Rational(1, 10) * sp.Rational(e) for e in row] for row in SMALL[1]]
        assert [[sp.Rational(str(e)) for e in row] for row in memory[F.A(1)].tolist()] == first


# ------------------------------------------------------------------------------------------------- other arithmetic


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_rationals_and_their_remainders(depth: int) -> None:
    exact, F = ran(RATIONALS, depth, 3, *SMALL)
    remainder, _ = ran(modulo(PRIME), depth, 3, *SMALL)
    numbers = [sp.Rational(str(entry)) for entry in exact[F.A(3)].flat]
    assert [int(n.p) * pow(int(n.q), -1, PRIME) % PRIME for n in numbers] == list(remainder[F.A(3)].flat)


def test_many_digits() -> None:
    exact, F = ran(RATIONALS, 2, 4, *SMALL)
    many, _ = ran(digits(50), 2, 4, *SMALL)
    with mp.workdps(50):
        for number, found in zip(exact[F.A(4)].flat, many[F.A(4)].flat, strict=True):
            truth = sp.Rational(str(number))
            assert abs(found - mpf(truth.p) / truth.q) < mpf(10) ** -47


def test_the_depth_and_the_time_may_stay_symbols() -> None:
    L, T = sp.symbols("L T", integer=True)
    line = recursion(L, T, 2, 3)
    assert line.free_symbols == {eta, L, T}
    assert line.subs({L: 2, T: 4}) == recursion(2, 4, 2, 3)
    inputs = {eta: "1/10", "Sigma_xx": SMALL[0], "Sigma_yx": SMALL[1], L: 2, T: 4}
    bound, F = ran(FLOATS, 2, 4, *SMALL)
    assert np.array_equal(run(line, FLOATS, inputs)[F.A(4)], bound[F.A(4)])


# ------------------------------------------------------------------------------------------------- the fast reading


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_rows_of_blocks_are_the_recursion(depth: int) -> None:
    """Every family of every layer, at all times."""
    steps = 6
    memory, F = ran(FLOATS, depth, steps, *SMALL)
    floats = [[[float(sp.Rational(e)) for e in row] for row in matrix] for matrix in SMALL[:2]]
    found = sweep(depth, problem(*floats), 0.1, steps)
    assert_close(found.predictors, [memory[F.A(t)] for t in range(steps + 1)])
    for l in range(1, depth + 1):
        for name in Layer.__dataclass_fields__:
            matrix = dense(memory, getattr(F, name), l, steps + 1)
            assert_close(getattr(found.layers[l], name), matrix)


def test_without_a_step_nothing_has_moved() -> None:
    found = sweep(2, problem([[1.0]], [[1.0]]), 0.1, 0)
    assert found.predictors.tolist() == [[[0.0]]]
    assert found.layers[2].Phi.tolist() == [[1.0]]


def test_polynomials_of_a_path_take_its_values() -> None:
    memory, F = ran(polynomials(eta), 2, 3, SMALL[0], SMALL[1], eta)
    exact, _ = ran(RATIONALS, 2, 3, *SMALL)
    for polynomial, number in zip(memory[F.A(3)].flat, exact[F.A(3)].flat, strict=True):
        assert as_polynomial(polynomial, eta).eval(HALF / 5) == sp.Rational(str(number))

"""Programs written by hand, that the engine is held against: deep linear paths, tangent kernels, muP training."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symlimits.language.activation import Activation
from symlimits.language.program_handles import LowRank, Matrix, Scalar, Vector, formula_of, mapped, mean
from symlimits.language.tensor_program import Gaussian, Initial, Program, Term

eta, s = sp.symbols("eta s", positive=True)
TRAINING_X = [[sp.Integer(1), sp.Rational(1, 2)], [sp.Rational(-1, 3), sp.Integer(1)]]
TRAINING_Y = [sp.Integer(1), sp.Rational(-1, 2)]
KERNEL_X = [sp.symbols("x_1_1 x_1_2", real=True), sp.symbols("x_2_1 x_2_2", real=True)]
WEIGHTS, BIASES = sp.Integer(2), sp.Rational(1, 10)


def gaussian(program: Program, name: str, variance: Any = 1) -> Vector:
    return Vector(program, program.append(Gaussian(name, sp.sympify(variance))))


def matrix(program: Program, name: str, variance: Any = 1) -> Matrix:
    return Matrix(program, program.add_matrix(Initial(name, sp.sympify(variance))))


def deep_linear(depth: int, steps: int) -> tuple[Program, Scalar]:
    """theory of deep linear networks: U += eta B_1 E, M_l += eta/m B_l E H_{l-1}', V += eta E H_L, one output."""
    p = Program()
    U, V = gaussian(p, "U"), gaussian(p, "V")
    M = [matrix(p, f"W{l}") for l in range(2, depth + 1)]
    for t in range(steps + 1):
        H = [U]
        for m in M:
            H.append(m @ H[-1])
        a = mean(p, V * H[-1])
        if t == steps:
            return p, a
        B = [V]
        for m in reversed(M):
            B.insert(0, m.T @ B[0])
        rate = eta * (s - a)
        U = U + rate * B[0]
        V = V + rate * H[-1]
        M = [m + outer(p, rate, B[l + 1], H[l]) for l, m in enumerate(M)]
    raise AssertionError("steps is negative")


def outer(program: Program, coefficient: Any, left: Vector, right: Vector) -> LowRank:
    return LowRank(program, (Term(formula_of(program, coefficient), left.place, right.place),))


def tangent_kernel(phi: Activation, depth: int) -> tuple[Program, Scalar]:
    """The tangent kernel at initialisation between two inputs in the plane: w_var = 2, b_var = 1/10."""
    p, w, b = Program(), WEIGHTS, BIASES
    u = [gaussian(p, f"u{i}", w / 2) for i in range(2)]
    bias = [gaussian(p, f"b{l}", b) for l in range(depth)]
    v, W = gaussian(p, "v", w), [matrix(p, f"W{l}", w) for l in range(1, depth)]
    passes = []
    for x in KERNEL_X:
        h = [mapped(p, lambda q, r, e, x=x: x[0] * q + x[1] * r + e, *u, bias[0])]
        f = [mapped(p, phi, h[0])]
        for l in range(1, depth):
            h.append(W[l - 1] @ f[-1] + bias[l])
            f.append(mapped(p, phi, h[-1]))
        g, back = [], v
        for l in reversed(range(depth)):
            g.insert(0, mapped(p, phi.derivative(), h[l]) * back)
            back = W[l - 1].T @ g[0] if l else back
        passes.append((f, g))
    (f, g), (k, q) = passes
    inputs = sum(a * c for a, c in zip(*KERNEL_X, strict=True)) / 2
    grams = [inputs, *(mean(p, a * c) for a, c in zip(f, k, strict=True))]
    total = grams[-1] * w + b
    for l in range(depth):
        total = total + mean(p, g[l] * q[l]) * (grams[l] * w + b)
    return p, total


def mup(phi: Activation, depth: int, steps: int, data: int = 2, lr: Any = 1) -> tuple[Program, list[Scalar]]:
    """Gradient descent in the mean-field scaling on TRAINING_X and TRAINING_Y; the outputs after the last step."""
    p = Program()
    X, Y, rate = TRAINING_X[:data], TRAINING_Y[:data], sp.sympify(lr) / data
    u, v = [gaussian(p, f"u{i}") for i in range(2)], gaussian(p, "v")
    W = [matrix(p, f"W{l}") for l in range(1, depth)]
    for t in range(steps + 1):
        hs, fs = [], []
        for x in X:
            h = [mapped(p, lambda q, r, x=x: (x[0] * q + x[1] * r) / sp.sqrt(2), *u)]
            f = [mapped(p, phi, h[0])]
            for w in W:
                h.append(w @ f[-1])
                f.append(mapped(p, phi, h[-1]))
            hs.append(h)
            fs.append(f)
        outputs = [mean(p, v * f[-1]) for f in fs]
        if t == steps:
            return p, outputs
        errors = [y - output for y, output in zip(Y, outputs, strict=True)]
        gs = [_way_back(p, phi, W, v * e, h) for e, h in zip(errors, hs, strict=True)]
        for a, x in enumerate(X):
            u = [u[i] + (rate * x[i] / sp.sqrt(2)) * gs[a][0] for i in range(2)]
            v = v + (rate * errors[a]) * fs[a][-1]
        for l in range(1, depth):
            terms = (Term(rate, gs[a][l].place, fs[a][l - 1].place) for a in range(data))
            W[l - 1] = W[l - 1] + LowRank(p, tuple(terms))
    raise AssertionError("steps is negative")


def _way_back(p: Program, phi: Activation, W: list[Matrix], back: Vector, h: list[Vector]) -> list[Vector]:
    g: list[Vector] = []
    for l in reversed(range(len(h))):
        g.insert(0, back * mapped(p, phi.derivative(), h[l]))
        back = W[l - 1].T @ g[0] if l else back
    return g

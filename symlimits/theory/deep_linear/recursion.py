r"""The infinite-width limit of gradient descent on a deep linear network, as one straight line.

A neuron of layer l has $h_l(t) \in \mathbb R^d$ and $b_l(t) \in \mathbb R^k$, jointly Gaussian, built from independent
sources: $h_l(t) = r_l(t) + \sum_{s<t} C_l(t,s) b_l(s)$ and $b_l(t) = q_l(t) + \sum_{s<t} D_l(t,s) h_l(s)$ with
$\mathrm{cov}\,r_l = \Phi_{l-1}$, $\mathrm{cov}\,q_l = G_{l+1}$. The responses $H = \partial h/\partial r$,
$R = \partial h/\partial q$, $B = \partial b/\partial q$, $S = \partial b/\partial r$ and the covariances
$\Phi = E hh^\top$, $X = E bh^\top$, $G = E bb^\top$ follow from these two equations, row by row in time: one sweep, no
division and no fixed point, in $O(L T^3)$ products. Statement: Chizat, Colombo, Fernandez-Real, Figalli, arXiv
2211.16980; the formulas are derived here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symlimits.language.block import Block, IdentityMatrix, Transposed, blocks
from symlimits.language.straight_line import Definition, Loop, Statement, StraightLine

l, t, s, u = sp.symbols("l t s u", integer=True)
eta = sp.Symbol("eta", positive=True)


# Rows and columns of each family: d inputs, k outputs.
SHAPES = {
    **{"Phi": ("d", "d"), "G": ("k", "k"), "X": ("k", "d")},  # covariances of neurons
    **{"H": ("d", "d"), "R": ("d", "k"), "B": ("k", "k"), "S": ("k", "d")},  # responses
    **{"C": ("d", "k"), "D": ("k", "d")},  # what a step adds to them
    **{"A": ("k", "d"), "E": ("k", "d"), "Sigma_xx": ("d", "d"), "Sigma_yx": ("k", "d")},
}


@dataclass(frozen=True)
class Families:
    """The families of matrices of the recursion, by name, for d inputs and k outputs.

    >>> Families(2, 1).Phi(0, 1, 1).shape
    (2, 2)
    """

    d: Any
    k: Any

    def __getattr__(self, name: str) -> Callable[..., Block]:
        if name not in SHAPES:
            raise AttributeError(name)
        rows, columns = SHAPES[name]
        return blocks(name, getattr(self, rows), getattr(self, columns))


def recursion(depth: Any, steps: Any, inputs: Any = 1, outputs: Any = 1) -> StraightLine:
    r"""The predictor $A_T$ after T = `steps` steps with L = `depth` hidden layers: integers or symbols.

    Inputs of the straight line are $\eta$, $\Sigma_{xx}$ (d, d) and $\Sigma_{yx}$ (k, d); d = `inputs`, k = `outputs`.
    It defines $A_t, E_t$, the Grams $\Phi_l(t, s)$ for l = 0..L and $G_l(t, s)$ for l = 1..L+1, the mixed covariances
    $X_l(t, s)$, and the responses.

    >>> line = recursion(2, 3)
    >>> line.output, sorted(line.inputs), line.free_symbols
    (A[3], ['Sigma_xx', 'Sigma_yx'], {eta})
    """
    F = Families(sp.sympify(inputs), sp.sympify(outputs))
    L, T = sp.sympify(depth), sp.sympify(steps)
    sweep = [*boundary(F, L), *_layers(1, L, forward(F)), *_layers(L, 1, backward(F)), *prediction(F)]
    return StraightLine([Loop(t, 0, T, sweep)], F.A(T))


def boundary(F: Families, L: sp.Expr) -> list[Statement]:
    """Inputs and read-out directions do not move: their Grams are constant, and nothing responds beyond them."""
    fixed = [Definition(F.Phi(0, t, s), IdentityMatrix(F.d)), Definition(F.G(L + 1, t, s), IdentityMatrix(F.k))]
    still = [Definition(F.R(0, t, s), 0), Definition(F.S(L + 1, t, s), 0)]
    return [Loop(s, 0, t, [*fixed, *still])]


def forward(F: Families) -> list[Statement]:
    r"""The row t of what concerns $h_l$, from the layer below and from the past.

    $\Phi_l(t, s) = E[r_l(t) h_l(s)^\top] + \sum_{u<t} C_l(t, u) E[b_l(u) h_l(s)^\top]$, and $h_l(s)$ holds
    $r_l(v)$ with the factor $H_l(s, v)$.
    """
    step = F.R(l - 1, t, s) + eta * F.Phi(l - 1, t, s) * Transposed(F.E(s))
    source = F.Phi(l - 1, t, u) * Transposed(F.H(l, s, u))
    mixed = F.S(l, s, u) * Transposed(F.Phi(l - 1, t, u)), F.G(l, s, u) * Transposed(F.C(l, t, u))
    return [
        Loop(s, 0, t - 1, [Definition(F.C(l, t, s), step)]),
        Definition(F.H(l, t, t), IdentityMatrix(F.d)),
        Loop(s, 0, t - 1, [
            Definition(F.H(l, t, s), _sum(F.C(l, t, u) * F.S(l, u, s), s + 1, t - 1)),
            Definition(F.R(l, t, s), _sum(F.C(l, t, u) * F.B(l, u, s), s, t - 1)),
            Definition(F.X(l, s, t), _sum(mixed[0], 0, s - 1) + _sum(mixed[1], 0, t - 1)),
        ]),
        Loop(s, 0, t, [
            Definition(F.Phi(l, t, s), _sum(source, 0, s) + _sum(F.C(l, t, u) * F.X(l, u, s), 0, t - 1)),
        ]),
        _mirrored(F.Phi),
    ]  # fmt: skip


def backward(F: Families) -> list[Statement]:
    """The row t of what concerns $b_l$, from the layer above and from the past: the mirror image of `forward`."""
    step = F.S(l + 1, t, s) + eta * F.G(l + 1, t, s) * F.E(s)
    mixed = F.G(l + 1, t, u) * Transposed(F.R(l, s, u)), F.D(l, t, u) * F.Phi(l, u, s)
    source = F.G(l + 1, t, u) * Transposed(F.B(l, s, u))
    return [
        Loop(s, 0, t - 1, [Definition(F.D(l, t, s), step)]),
        Definition(F.B(l, t, t), IdentityMatrix(F.k)),
        Loop(s, 0, t - 1, [
            Definition(F.B(l, t, s), _sum(F.D(l, t, u) * F.R(l, u, s), s + 1, t - 1)),
            Definition(F.S(l, t, s), _sum(F.D(l, t, u) * F.H(l, u, s), s, t - 1)),
        ]),
        Loop(s, 0, t, [Definition(F.X(l, t, s), _sum(mixed[0], 0, s - 1) + _sum(mixed[1], 0, t - 1))]),
        Loop(s, 0, t, [
            Definition(F.G(l, t, s), _sum(source, 0, s) + _sum(F.D(l, t, u) * Transposed(F.X(l, s, u)), 0, t - 1)),
        ]),
        _mirrored(F.G),
    ]  # fmt: skip


def prediction(F: Families) -> list[Statement]:
    r"""$A_t = E[b_l(t) h_l(t)^\top]$, the same for every layer, and minus the gradient of the risk."""
    A, E = F.A(t), F.E(t)
    return [Definition(A, F.X(1, t, t)), Definition(E, F.Sigma_yx() - A * F.Sigma_xx())]


def _layers(first: Any, last: Any, body: list[Statement]) -> list[Statement]:
    return [Loop(l, first, last, body, 1 if first == 1 else -1)]


def _mirrored(family: Callable[..., Block]) -> Statement:
    return Loop(s, 0, t - 1, [Definition(family(l, s, t), Transposed(family(l, t, s)))])


def _sum(term: sp.Expr, first: Any, last: Any) -> sp.Expr:
    return sp.Sum(term, (u, first, last))

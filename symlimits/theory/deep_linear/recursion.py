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

# layers, and times: rows t, columns v, which prints as t prime (s is the size of a target), what is summed over u
l, t, v, u = sp.symbols("ell t tprime u", integer=True)
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
    It defines $A_t, E_t$, the Grams $\Phi_l(t, v)$ for l = 0..L and $G_l(t, v)$ for l = 1..L+1, the mixed covariances
    $X_l(t, v)$, and the responses.

    >>> line = recursion(2, 3)
    >>> line.output, sorted(line.inputs), line.free_symbols
    (A[3], ['Sigma_xx', 'Sigma_yx'], {eta})
    """
    F = Families(sp.sympify(inputs), sp.sympify(outputs))
    L, T = sp.sympify(depth), sp.sympify(steps)
    sweep = [*boundary(F, L), Loop(l, 1, L, forward(F)), Loop(l, L, 1, backward(F), -1), *prediction(F)]
    return StraightLine([Loop(t, 0, T, sweep)], F.A(T))


def boundary(F: Families, L: sp.Expr) -> list[Statement]:
    """Inputs and read-out directions do not move: their Grams are constant, and nothing responds beyond them."""
    fixed = [Definition(F.Phi(0, t, v), IdentityMatrix(F.d)), Definition(F.G(L + 1, t, v), IdentityMatrix(F.k))]
    still = [Definition(F.R(0, t, v), 0), Definition(F.S(L + 1, t, v), 0)]
    return [Loop(v, 0, t, [*fixed, *still])]


def forward(F: Families) -> list[Statement]:
    r"""The row t of what concerns $h_l$, from the layer below and from the past.

    $\Phi_l(t, v) = E[r_l(t) h_l(v)^\top] + \sum_{u<t} C_l(t, u) E[b_l(u) h_l(v)^\top]$, and $h_l(v)$ holds
    $r_l(u)$ with the factor $H_l(v, u)$.
    """
    step = F.R(l - 1, t, v) + eta * F.Phi(l - 1, t, v) * Transposed(F.E(v))
    source = F.Phi(l - 1, t, u) * Transposed(F.H(l, v, u))
    mixed = F.S(l, v, u) * Transposed(F.Phi(l - 1, t, u)), F.G(l, v, u) * Transposed(F.C(l, t, u))
    return [
        Loop(v, 0, t - 1, [Definition(F.C(l, t, v), step)]),
        Definition(F.H(l, t, t), IdentityMatrix(F.d)),
        Loop(v, 0, t - 1, [
            Definition(F.H(l, t, v), _sum(F.C(l, t, u) * F.S(l, u, v), v + 1, t - 1)),
            Definition(F.R(l, t, v), _sum(F.C(l, t, u) * F.B(l, u, v), v, t - 1)),
            Definition(F.X(l, v, t), _sum(mixed[0], 0, v - 1) + _sum(mixed[1], 0, t - 1)),
        ]),
        Loop(v, 0, t, [
            Definition(F.Phi(l, t, v), _sum(source, 0, v) + _sum(F.C(l, t, u) * F.X(l, u, v), 0, t - 1)),
        ]),
        _mirrored(F.Phi),
    ]  # fmt: skip


def backward(F: Families) -> list[Statement]:
    """The row t of what concerns $b_l$, from the layer above and from the past: the mirror image of `forward`."""
    step = F.S(l + 1, t, v) + eta * F.G(l + 1, t, v) * F.E(v)
    mixed = F.G(l + 1, t, u) * Transposed(F.R(l, v, u)), F.D(l, t, u) * F.Phi(l, u, v)
    source = F.G(l + 1, t, u) * Transposed(F.B(l, v, u))
    return [
        Loop(v, 0, t - 1, [Definition(F.D(l, t, v), step)]),
        Definition(F.B(l, t, t), IdentityMatrix(F.k)),
        Loop(v, 0, t - 1, [
            Definition(F.B(l, t, v), _sum(F.D(l, t, u) * F.R(l, u, v), v + 1, t - 1)),
            Definition(F.S(l, t, v), _sum(F.D(l, t, u) * F.H(l, u, v), v, t - 1)),
        ]),
        Loop(v, 0, t, [Definition(F.X(l, t, v), _sum(mixed[0], 0, v - 1) + _sum(mixed[1], 0, t - 1))]),
        Loop(v, 0, t, [
            Definition(F.G(l, t, v), _sum(source, 0, v) + _sum(F.D(l, t, u) * Transposed(F.X(l, v, u)), 0, t - 1)),
        ]),
        _mirrored(F.G),
    ]  # fmt: skip


def prediction(F: Families) -> list[Statement]:
    r"""$A_t = E[b_l(t) h_l(t)^\top]$, the same for every layer, and minus the gradient of the risk."""
    A, E = F.A(t), F.E(t)
    return [Definition(A, F.X(1, t, t)), Definition(E, F.Sigma_yx() - A * F.Sigma_xx())]


def _mirrored(family: Callable[..., Block]) -> Statement:
    return Loop(v, 0, t - 1, [Definition(family(l, v, t), Transposed(family(l, t, v)))])


def _sum(term: sp.Expr, first: Any, last: Any) -> sp.Expr:
    return sp.Sum(term, (u, first, last))

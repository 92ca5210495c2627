r"""Deep networks under an abc-parameterisation, trained with given gradients, as a program.

$h^1 = W^1x$, $h^{l+1} = W^{l+1}\phi(h^l)$, $f = W^{L+1}\phi(h^L)$ with $W^l = n^{-a_l}w^l$, $w^l\sim N(0, n^{-2b_l})$,
rates $n^{-c_l}$, one datum x = 1, and gradients $g_1, g_2, \dots$ that are parameters. With
$u^l = \partial f/\partial h^l$,
$$u^L = n^{-a_{L+1}}v\,\phi'(h^L),\quad u^{l-1} = (W^l)^\top u^l\,\phi'(h^{l-1}),\quad
\Delta w^l = -n^{-c_l-a_l}\,g\,u^l\phi(h^{l-1})^\top,$$
or the signs of this without $n^{-a_l}$; u by reverse mode (Yang and Hu, arXiv 2011.14522, definition 1.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from symlimits.activations import erf
from symlimits.errors import DataError
from symlimits.finite.deep_training import check_optimizer
from symlimits.language.program_handles import LowRank, Matrix, Scalar, Vector, mapped, mean
from symlimits.language.tensor_program import Gaussian, Initial, Program, Term, n
from symlimits.theory.programs.one_hidden import Function, check_steps
from symlimits.theory.programs.tensor_program import TensorProgram
from symlimits.theory.scaling.passes import MOVES

HALF = sp.Rational(1, 2)
Numbers = Sequence[object]


@dataclass(frozen=True)
class DeepProgram:
    """A program, and the places of h1, ..., hL, f and of their changes dh1, ..., dhL, df in it."""

    program: Program
    targets: Mapping[str, int]


@dataclass(frozen=True)
class _Weights:
    """Those of one step: the first layer and the readout as vectors, the others in units of their start."""

    first: Vector
    hidden: tuple[Matrix, ...]
    readout: Vector


@dataclass(frozen=True)
class _Network:
    program: Program
    phi: Function
    a: tuple[sp.Expr, ...]
    b: tuple[sp.Expr, ...]
    c: tuple[sp.Expr, ...]
    sign: bool

    @property
    def units(self) -> tuple[sp.Expr, ...]:
        """What a matrix of entries N(0, 1/n) is multiplied by, layer by layer, the first one and the readout too."""
        last = len(self.a) - 1
        powers = [(0 if l in (0, last) else HALF) - self.a[l] - self.b[l] for l in range(last + 1)]
        return tuple(n**power for power in powers)

    def start(self) -> _Weights:
        """The weights before training."""
        program, depth = self.program, len(self.a) - 1
        first, readout = (Vector(program, program.append(Gaussian(name, sp.S.One), name)) for name in ("U", "v"))
        hidden = [program.add_matrix(Initial(f"W_{layer}", sp.S.One)) for layer in range(2, depth + 1)]
        matrices = tuple(Matrix(program, place) for place in hidden)
        return _Weights(first * self.units[0], matrices, readout * self.units[-1])

    def forward(self, weights: _Weights) -> tuple[list[Vector], Scalar]:
        r"""$h^1, \dots, h^L$ and f."""
        h = [weights.first]
        for matrix, unit in zip(weights.hidden, self.units[1:-1], strict=True):
            h.append((matrix @ self.bent(h[-1])) * unit)
        return h, self.overlap(weights, h) * n

    def overlap(self, weights: _Weights, h: Sequence[Vector]) -> Scalar:
        """f/n."""
        return mean(self.program, weights.readout * self.bent(h[-1]))

    def backward(self, weights: _Weights, h: Sequence[Vector]) -> list[Vector]:
        r"""$u^1, \dots, u^L$, by reverse mode: the derivatives of f/n by vectors, times n, are those of f."""
        found = TensorProgram(self.program).gradient(self.overlap(weights, h), *h)
        return list(found) if len(h) > 1 else [found]

    def stepped(self, weights: _Weights, g: sp.Symbol) -> _Weights:
        """The weights after one more step."""
        h, _ = self.forward(weights)
        u, x = self.backward(weights, h), [self.bent(z) for z in h]
        moves = [-g * n ** (-c - 2 * a) for a, c in zip(self.a, self.c, strict=True)]
        if self.sign:
            u, x = ([self._mapped(sp.sign, z) for z in vectors] for vectors in (u, x))
            moves = [-(n ** (-c - a)) for a, c in zip(self.a, self.c, strict=True)]
        hidden = []
        for layer, matrix in enumerate(weights.hidden, 1):
            factor = sp.powsimp(moves[layer] * n / self.units[layer])
            hidden.append(matrix + LowRank(self.program, (Term(factor, u[layer].place, x[layer - 1].place),)))
        return _Weights(weights.first + u[0] * moves[0], tuple(hidden), weights.readout + x[-1] * moves[-1])

    def bent(self, h: Vector) -> Vector:
        return self._mapped(self.phi, h)

    def _mapped(self, function: Function, h: Vector) -> Vector:
        found = mapped(self.program, lambda z: function(z), h)
        assert isinstance(found, Vector)
        return found


def deep_program(
    a: Numbers, b: Numbers, c: Numbers, steps: int, phi: Function = erf, optimizer: str = "sgd"
) -> DeepProgram:
    """The program of exact exponents a, b, c of the L + 1 layers, after `steps` steps.

    `phi` is an activation or an undefined SymPy function, `optimizer` "sgd", or "adam" or "sign" for updates by the
    sign of the gradient. Targets are h1, ..., hL (vectors), f, and dh1, ..., df, the changes since the start, as in
    `sl.scaling.abc(L).at(a, b, c).after(steps)`. Raises `DataError` for numbers of exponents that differ, `DomainError`
    for steps that are no positive integer and for another optimizer.

    >>> from symlimits.derivation.orders import exponent
    >>> ntk = deep_program(a=[0, "1/2", "1/2"], b=[0, 0, 0], c=[0, 0, 0], steps=1)
    >>> exponent(ntk.program, ntk.targets["dh2"]).value
    -1/2
    """
    check_steps(steps)
    check_optimizer(optimizer)
    if not len(a) == len(b) == len(c) >= 2:
        given = f"{len(a)}, {len(b)} and {len(c)} exponents"
        raise DataError(given, "one of each kind for each of two layers or more", "a=(0, 0), b=(0, '1/2'), c=(0, 1)")
    program = Program()
    of_a, of_b, of_c = (tuple(program.formula(value, "an exponent") for value in values) for values in (a, b, c))
    net = _Network(program, phi, of_a, of_b, of_c, MOVES[optimizer] == "sign")
    weights = net.start()
    h, f = net.forward(weights)
    for step in range(1, steps + 1):
        weights = net.stepped(weights, sp.Symbol(f"g_{step}", positive=True))
    h_after, f_after = net.forward(weights)
    names = [*(f"h{layer}" for layer in range(1, len(h) + 1)), "f"]
    before, after = [*h, f], [*h_after, f_after]
    targets = {name: value.place for name, value in zip(names, before, strict=True)}
    changes = {f"d{name}": (y - x).place for name, x, y in zip(names, before, after, strict=True)}
    return DeepProgram(program, targets | changes)

r"""A network, its gradient descent and its linearisation as one tensor program: exponents of what differs.

NTK parameterisation, $h_1 = Ux$, $h_{l+1} = W_l\phi(h_l)$ with entries of W from N(0, 1/n),
$f = n^{-1/2}v\cdot\phi(h_L)$, trained at the rate $\eta$ with slopes $\ell'(f_a)$ of a loss; the linear model has the
same start and moves by $\hat\Theta_0$, written out as contractions of gradients. Activation and slopes are undefined
functions, which stand for every generic smooth one: for both losses, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import sympy as sp

from symlimits.language.program_handles import LowRank, Scalar, Vector
from symlimits.language.tensor_program import n
from symlimits.theory.programs.tensor_program import TensorProgram

PHI, SLOPE = sp.Function("phi"), sp.Function("s")
INPUTS = ((sp.S.One, sp.S.Zero), (sp.Rational(3, 5), sp.Rational(4, 5)))  # unit vectors, neither equal nor orthogonal
ETA = sp.Symbol("eta", positive=True)
QUANTITIES = ("linearized", "kernel_drift", "movement", "preactivation")


@dataclass(frozen=True)
class LinearizedProgram:
    """The program, and for each quantity the values whose largest exponent it has.

    "movement" are squares of changes; "preactivation" are vectors, changes of the first hidden layer.
    """

    tp: TensorProgram
    targets: dict[str, list[Scalar | Vector]]


def linearized_program(depth: int, data: int, steps: int) -> LinearizedProgram:
    """`depth` hidden layers trained on one or two data for some steps.

    >>> found = linearized_program(depth=1, data=1, steps=1)
    >>> found.tp.exponent(found.targets["linearized"][0])
    -1
    """
    net = _Network(TensorProgram(), INPUTS[:data])
    start = net.start(depth)
    layers, f = net.forward(start)
    begin, first = net.gradients(start, f), layers
    Theta = net.kernel(begin)
    linear, now, gradients = f, start, begin
    targets: dict[str, list[Scalar | Vector]] = {name: [] for name in QUANTITIES}
    for _ in range(steps):
        now = [weight - step * (ETA / n) for weight, step in zip(now, net.pushes(gradients, f), strict=True)]
        linear = net.linear_step(linear, Theta)
        layers, f = net.forward(now)
        gradients = net.gradients(now, f)
        after = net.kernel(gradients)
        targets["linearized"] += [real - other for real, other in zip(f, linear, strict=True)]
        targets["kernel_drift"] += [after[a][b] - Theta[a][b] for a in range(data) for b in range(a, data)]
        targets["preactivation"] += [h - h0 for h, h0 in zip(layers, first, strict=True)]
        targets["movement"].append(net.tp.mean((now[-1] - start[-1]) ** 2) * n)
    return LinearizedProgram(net.tp, targets)


@dataclass(frozen=True)
class _Network:
    tp: TensorProgram
    X: Sequence[Sequence[sp.Expr]]

    def start(self, depth: int) -> list[Any]:
        """A column of U for each input coordinate that is there, matrices, the readout."""
        columns = [self.tp.gaussian(f"U_{j + 1}") for j in range(len(self.X))]
        return [*columns, *(self.tp.matrix(f"W_{layer}") for layer in range(2, depth + 1)), self.tp.gaussian("v")]

    def forward(self, weights: Sequence[Any]) -> tuple[list[Vector], list[Scalar]]:
        """The first preactivations and the outputs, at each datum."""
        columns, matrices = weights[: len(self.X)], weights[len(self.X) : -1]
        first = [_sum([u * c for u, c in zip(columns, x, strict=False) if c != 0]) for x in self.X]
        outputs = []
        for h in first:
            for matrix in matrices:
                h = matrix @ self.tp.map(lambda z: PHI(z), h)
            outputs.append(self.tp.mean(weights[-1] * self.tp.map(lambda z: PHI(z), h)) * sp.sqrt(n))
        return first, outputs

    def gradients(self, weights: Sequence[Any], f: Sequence[Scalar]) -> list[tuple[Any, ...]]:
        """Of each output by every weight."""
        return [self.tp.gradient(output, *weights) for output in f]

    def kernel(self, gradients: Sequence[Sequence[Any]]) -> list[list[Scalar]]:
        r"""$\hat\Theta_{ab} = \sum_\theta\partial_\theta f_a\,\partial_\theta f_b$."""
        return [[_sum([self._contracted(*pair) for pair in zip(g, h, strict=True)]) for h in gradients]
                for g in gradients]  # fmt: skip

    def pushes(self, gradients: Sequence[Sequence[Any]], f: Sequence[Scalar]) -> list[Any]:
        """Of the loss by every weight."""
        slopes = self._slopes(f)
        by_weight = zip(*gradients, strict=True)
        return [_sum([g * slope for g, slope in zip(some, slopes, strict=True)]) for some in by_weight]

    def linear_step(self, f: Sequence[Scalar], Theta: Sequence[Sequence[Scalar]]) -> list[Scalar]:
        """Outputs of the linear model after one more step."""
        slopes = self._slopes(f)
        return [value - _sum([k * slope for k, slope in zip(row, slopes, strict=True)]) * ETA
                for value, row in zip(f, Theta, strict=True)]  # fmt: skip

    def _slopes(self, f: Sequence[Scalar]) -> list[Scalar]:
        return [self.tp.map(lambda z: SLOPE(z), value) for value in f]

    def _contracted(self, one: Any, other: Any) -> Scalar:
        """Gradients by vectors come times n, matrices are $n^{-1/2}$ times what is trained."""
        if not isinstance(one, LowRank):
            return self.tp.mean(one * other) / n
        pairs = [(a, b) for a in one.terms for b in other.terms]
        terms = [self._dot(a.left, b.left) * self._dot(a.right, b.right) * (a.coefficient * b.coefficient)
                 for a, b in pairs]  # fmt: skip
        return _sum(terms) / n

    def _dot(self, one: int, other: int) -> Scalar:
        return self.tp.mean(Vector(self.tp.program, one) * Vector(self.tp.program, other))


def _sum(parts: Sequence[Any]) -> Any:
    return reduce(add, parts)

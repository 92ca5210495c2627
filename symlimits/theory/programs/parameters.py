"""The parameters of a network in a tensor program: how layers meet them, and how a step moves them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from symlimits.errors import NoRule
from symlimits.language.program_handles import LowRank, Matrix, Scalar, Vector
from symlimits.language.tensor_program import Term, n
from symlimits.theory.programs.parameterisation import Factors
from symlimits.theory.programs.tensor_program import TensorProgram, Value

Handle = Vector | Matrix | Scalar


@dataclass(frozen=True)
class Parameter:
    """A vector, a matrix or a number that is trained.

    A vector is w itself, which formulas multiply by `factors.multiplier`; a matrix holds its multiplier already, since
    its entries are then from N(0, variance/n).
    """

    name: str
    handle: Handle
    factors: Factors

    def moved(self, tp: TensorProgram, gradient: Any, sign: bool, step: int) -> Parameter:
        """After a step against the gradient of the loss, or against its signs."""
        if isinstance(self.handle, Matrix):
            return replace(self, handle=self._moved_matrix(self.handle, gradient, sign))
        rate = self.factors.rate
        if isinstance(self.handle, Vector) and not sign:
            rate = rate / n  # gradients by vectors come multiplied by n
        label = f"{sp.latex(sp.Symbol(self.name))}^{{({step})}}"
        back = (lambda w, g: w - rate * sp.sign(g)) if sign else (lambda w, g: w - rate * g)
        return replace(self, handle=tp.map(back, self.handle, gradient, label=label))

    def _moved_matrix(self, matrix: Matrix, gradient: LowRank, sign: bool) -> Matrix:
        multiplier, rate = self.factors.multiplier, self.factors.rate
        if not sign:
            return matrix - multiplier**2 * rate * gradient
        if len(gradient.terms) > 1:
            raise NoRule(
                f"the signs of a sum of {len(gradient.terms)} outer products (gradient of {self.name})",
                "a matrix of low rank: one datum, whose gradient is one outer product",
                "one datum, one hidden layer, or optimizer='sgd'",
            )
        program = gradient.program
        tp = TensorProgram(program)
        signs = [Term(sp.sign(t.coefficient), *(tp.map(sp.sign, Vector(program, place)).place
                 for place in (t.left, t.right))) for t in gradient.terms]  # fmt: skip
        return matrix - multiplier * rate * n * LowRank(program, tuple(signs))


@dataclass(frozen=True)
class Layer:
    """The parameters of one Dense layer: d columns for inputs, one matrix, or k readouts; and biases."""

    weights: tuple[Parameter, ...]
    biases: tuple[Parameter, ...] = ()

    def __iter__(self) -> Iterator[Parameter]:
        yield from (*self.weights, *self.biases)


Layers = tuple[Layer, ...]


def stepped(tp: TensorProgram, layers: Layers, loss: Scalar, sign: bool, step: int, named: Sequence[Value]) -> Layers:
    r"""All parameters after one step on the loss; its derivatives by the values `named` are called $\bar h$ then."""
    every = list({parameter.name: parameter for layer in layers for parameter in layer}.values())  # tied ones once
    gradients = tp.gradient(loss, *(parameter.handle for parameter in every), *named)
    for value, bar in zip(named, gradients[len(every) :], strict=True):
        tp.program.labels.setdefault(bar.place, rf"\bar {value.label}")
    moved = {p.name: p.moved(tp, g, sign, step) for p, g in zip(every, gradients, strict=False)}
    return tuple(Layer(*(tuple(moved[p.name] for p in kind) for kind in (x.weights, x.biases))) for x in layers)

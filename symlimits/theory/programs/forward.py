r"""One datum, sent through a network, as instructions.

With multipliers $m_l$ of the scaling, d inputs and one width n,
$$h_1 = m_1 d^{-1/2}Ux + b_1,\qquad h_{l+1} = m_l W\phi(h_l) + b_{l+1},\qquad f = m_{L+1} v\cdot\phi(h_L) + b:$$
the columns of U are vectors, as are the rows of v. A residual block adds to a vector what its branch makes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symlimits.language.activation import Activation
from symlimits.language.architecture import Layer as Described
from symlimits.language.architecture import LayerNorm, Product, Residual
from symlimits.language.program_handles import Matrix, Scalar, Vector
from symlimits.language.tensor_program import Formula, Map, Mean, Program, n
from symlimits.theory.programs.parameters import Layer, Layers, Parameter
from symlimits.theory.programs.tensor_program import TensorProgram

Naming = Callable[[str], str]


@dataclass(frozen=True)
class Passed:
    """What one datum gives: k outputs, and the preactivations of the hidden layers."""

    outputs: tuple[Scalar, ...]
    hidden: tuple[Vector, ...]


def passed(tp: TensorProgram, net: Sequence[Described], layers: Layers, x: Sequence[sp.Expr], named: Naming) -> Passed:
    """One datum, sent through; `named` adds step and datum to the name of a value."""
    hidden: list[Vector] = []
    left = iter(layers)
    features = _sent(tp, net[:-1], left, tuple(x), hidden, named)  # numbers up to the first Dense layer, then a vector
    return Passed(_readouts(tp.program, next(left), features, named), tuple(hidden))


def _sent(
    tp: TensorProgram,
    net: Sequence[Any],
    left: Iterator[Layer],
    features: Any,
    hidden: list[Vector],
    named: Naming,
) -> Any:
    """The features after some layers, those of a branch, say; preactivations are added to `hidden`."""
    for what in net:
        if isinstance(what, LayerNorm):
            features = _standardized(tp, features)
        elif isinstance(what, Product):
            ends = [_sent(tp, branch, left, features, hidden, named) for branch in what.branches]
            features = tp.map(lambda *values: sp.Mul(*values), *ends, label=r" \odot ".join(e.label for e in ends))
        elif isinstance(what, Residual):
            branch = _sent(tp, tuple(what.layers), left, features, hidden, named)
            features = tp.map(lambda a, b: a + b, features, branch, label=f"{features.label} + {branch.label}")
        elif isinstance(what, Activation):
            features = _activated(tp, what, features)
        else:
            features = _preactivation(tp.program, next(left), features, named(f"h_{{{len(hidden) + 1}}}"))
            hidden.append(features)
    return features


def _standardized(tp: TensorProgram, z: Vector) -> Vector:
    """Minus the mean over units, over the deviation: means of the program, which derivatives go through."""
    centred = tp.map(lambda a, m: a - m, z, tp.mean(z))
    found = tp.map(lambda a, s: a / sp.sqrt(s), centred, tp.mean(centred * centred), label=f"LN({z.label})")
    assert isinstance(found, Vector)
    return found


def _activated(tp: TensorProgram, phi: Activation, features: Any) -> Any:
    if not isinstance(features, Vector):
        return tuple(phi(value) for value in features)
    return tp.map(phi, features, label=f"{phi.name}({features.label})")


def _preactivation(program: Program, layer: Layer, features: Any, label: str) -> Vector:
    biases = [_term(bias) for bias in layer.biases]
    if not isinstance(features, Vector):
        root = sp.sqrt(len(features))
        parts = (_term(column) * value / root for column, value in zip(layer.weights, features, strict=True))
        return Vector(program, program.append(Map(sp.Add(*parts, *biases)), label))
    (matrix,) = layer.weights
    assert isinstance(matrix.handle, Matrix)
    product = program.apply(matrix.handle.place, features.place, label=None if biases else label)
    if not biases:
        return Vector(program, product)
    return Vector(program, program.append(Map(sp.Add(program.symbols[product], *biases)), label))


def _readouts(program: Program, layer: Layer, features: Vector, named: Naming) -> tuple[Scalar, ...]:
    biases = [_term(bias) for bias in layer.biases] or [sp.S.Zero] * len(layer.weights)
    names = ["f"] if len(layer.weights) == 1 else [f"f_{{{k + 1}}}" for k in range(len(layer.weights))]
    found = []
    for readout, bias, name in zip(layer.weights, biases, names, strict=True):
        assert isinstance(readout.handle, Vector)
        overlap = program.append(Mean(readout.handle.symbol * features.symbol))
        total = n * readout.factors.multiplier * program.symbols[overlap] + bias
        place = overlap if total == program.symbols[overlap] else program.append(Formula(total))
        program.labels.setdefault(place, named(name))
        found.append(Scalar(program, place))
    return tuple(found)


def _term(parameter: Parameter) -> sp.Expr:
    """A vector or a number, as it stands in a layer."""
    assert not isinstance(parameter.handle, Matrix)
    return parameter.factors.multiplier * parameter.handle.symbol

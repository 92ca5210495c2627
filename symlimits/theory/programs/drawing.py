"""Which networks have a training program, and their parameters, drawn."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symlimits.errors import DomainError, NoRule
from symlimits.language.activation import Activation
from symlimits.language.architecture import Dense, Serial
from symlimits.language.names import shown
from symlimits.language.program_handles import Scalar
from symlimits.language.tensor_program import Formula, n
from symlimits.theory.programs.parameterisation import Parameterisation
from symlimits.theory.programs.parameters import Layer, Layers, Parameter
from symlimits.theory.programs.tensor_program import TensorProgram


def checked_layers(net: Any) -> tuple[Dense | Activation, ...]:
    """The layers of a network that has a program: Dense layers and activations, all of one width."""
    if not isinstance(net, Serial):
        raise DomainError(f"net = {shown(net)}", "a network", "sl.mlp(depth=2, activation=act.tanh, w_var=1, b_var=0)")
    layers = tuple(net.flat())
    for layer in layers:
        if not isinstance(layer, Dense | Activation):
            wanted = "Dense layers and activations; other networks by hand"
            raise NoRule(f"the layer {shown(layer)} in a training program", wanted, "sl.TensorProgram()")
    if sum(isinstance(layer, Dense) for layer in layers) < 2 or not isinstance(layers[-1], Dense):
        wanted = "a hidden layer at least, and a linear readout"
        raise DomainError(f"net = {shown(net)}", wanted, "sl.mlp(depth=1, activation=act.tanh)")
    if net.widths is not None and len(set(net.widths)) > 1:
        raise NoRule(f"widths {shown(net.widths)}", "hidden layers of one width n", "equal widths")
    return layers


def drawn_parameters(tp: TensorProgram, net: Serial, rule: Parameterisation, inputs: int, outputs: int) -> Layers:
    """The parameters of all Dense layers, at initialisation.

    A bias whose variance is zero is none, except in a network of standard parameterisation, where it starts at zero
    and is trained (see `Dense`).
    """
    denses = [layer for layer in checked_layers(net) if isinstance(layer, Dense)]
    standard, found = net.parameterization == "standard", []
    for index, dense in enumerate(denses):
        is_last = index == len(denses) - 1
        if index == 0:
            weights = _vectors(tp, [f"U_{i + 1}" for i in range(inputs)], rule, index, dense)
        elif is_last:
            weights = _vectors(tp, _numbered("v", outputs), rule, index, dense)
        else:
            weights = (_matrix(tp, f"W_{index + 1}", rule, index, dense),)
        has_bias = dense.b_var is not None and (standard or dense.b_var != 0)
        if not has_bias:
            biases: tuple[Parameter, ...] = ()
        else:
            biases = _output_biases(tp, rule, dense, outputs) if is_last else _bias(tp, f"b_{index + 1}", rule, dense)
        found.append(Layer(weights, biases))
    return tuple(found)


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}_{k + 1}" for k in range(count)]


def _vectors(
    tp: TensorProgram, names: list[str], rule: Parameterisation, index: int, dense: Dense
) -> tuple[Parameter, ...]:
    factors = rule.weights(index, dense.w_var)
    return tuple(Parameter(name, tp.gaussian(name, factors.variance), factors) for name in names)


def _matrix(tp: TensorProgram, name: str, rule: Parameterisation, index: int, dense: Dense) -> Parameter:
    factors = rule.weights(index, dense.w_var)
    return Parameter(name, tp.matrix(name, n * factors.multiplier**2 * factors.variance), factors)


def _bias(tp: TensorProgram, name: str, rule: Parameterisation, dense: Dense) -> tuple[Parameter, ...]:
    factors = rule.bias(dense.bias_variance)
    return (Parameter(name, tp.gaussian(name, factors.variance), factors),)


def _output_biases(tp: TensorProgram, rule: Parameterisation, dense: Dense, outputs: int) -> tuple[Parameter, ...]:
    """Numbers: a Gaussian one is $n^{1/2}$ times the mean of a Gaussian vector.

    One that starts at zero is the mean of a vector of zeros: two formulas that are zero would be one parameter.
    """
    factors, found = rule.output_bias(dense.bias_variance), []
    for name in _numbered("b_out", outputs):
        place = tp.mean(tp.gaussian(name, factors.variance)).place
        if factors.variance != 0:
            place = tp.program.append(Formula(sp.sqrt(n) * tp.program.symbols[place]))
        found.append(Parameter(name, Scalar(tp.program, place), factors))
    return tuple(found)

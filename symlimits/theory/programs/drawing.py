"""Which networks have a training program, and their parameters, drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp

from symlimits.errors import DomainError, NoRule
from symlimits.language.activation import Activation
from symlimits.language.architecture import Dense, Layer, LayerNorm, Product, Residual, Serial, branches_of
from symlimits.language.names import shown
from symlimits.language.program_handles import Scalar
from symlimits.language.tensor_program import Formula, n
from symlimits.theory.programs.parameterisation import Parameterisation
from symlimits.theory.programs.parameters import Layer as Trained
from symlimits.theory.programs.parameters import Layers, Parameter
from symlimits.theory.programs.tensor_program import TensorProgram

Shared = Mapping[int, int]


def checked_layers(net: Any) -> tuple[Layer, ...]:
    """The layers of a network that has a program: those whose values are vectors of one width, n."""
    if not isinstance(net, Serial):
        raise DomainError(f"net = {shown(net)}", "a network", "sl.mlp(depth=2, activation=act.tanh, w_var=1, b_var=0)")
    layers = tuple(net.flat())
    _check_kinds(layers)
    before = next((layer for layer in layers if not isinstance(layer, Activation)), None)
    if not isinstance(before, Dense):
        name = type(before).__name__
        wanted = "a Dense layer before it, which takes the data to the width n of its branch"
        raise DomainError(f"a {name} before the first Dense layer", wanted, f"sl.serial(sl.Dense(1), sl.{name}(...))")
    if sum(1 for _ in net.denses()) < 2 or not isinstance(layers[-1], Dense):
        wanted = "a hidden layer at least, and a linear readout"
        raise DomainError(f"net = {shown(net)}", wanted, "sl.mlp(depth=1, activation=act.tanh)")
    if net.widths is not None and len(set(net.widths)) > 1:
        raise NoRule(f"widths {shown(net.widths)}", "hidden layers of one width n", "equal widths")
    return tuple(layers)


def _check_kinds(layers: Iterable[Layer]) -> None:
    for layer in layers:
        if not isinstance(layer, Dense | Activation | Residual | LayerNorm | Product):
            wanted = "Dense layers and activations, LayerNorm, residual blocks and products; other networks by hand"
            raise NoRule(f"the layer {shown(layer)} in a training program", wanted, "sl.TensorProgram()")
        for branch in branches_of(layer):
            _check_kinds(branch)


def drawn_parameters(
    tp: TensorProgram, net: Serial, rule: Parameterisation, inputs: int, outputs: int, shared: Shared
) -> Layers:
    """The parameters of all Dense layers, at initialisation; a layer among `shared` has those of another before it.

    A bias whose variance is zero is none, except in a network of standard parameterisation, where it starts at zero
    and is trained (see `Dense`).
    """
    denses, found = list(net.denses()), list[Trained]()
    standard = net.parameterization == "standard"
    for index, dense in enumerate(denses):
        if index in shared:
            found.append(found[shared[index]])
            continue
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
        found.append(Trained(weights, biases))
    return tuple(found)


def shared_layers(tied: Any, net: Serial, rule: Parameterisation) -> Shared:
    """From groups of hidden layers, counted from 1, the place of each layer but the first, and that of the first."""
    denses = list(net.denses())
    groups = _groups(tied, len(denses) - 1)
    for first, *others in groups:
        for other in others:
            same = denses[first] == denses[other] and all(
                rule.weights(first, w) == rule.weights(other, w) for w in (denses[first].w_var, sp.S.One)
            )
            if not same:
                given = f"hidden layers {first + 1} and {other + 1}, tied, of different variances, multipliers or rates"
                raise DomainError(given, "layers that are alike, of the same scaling", "equal Dense layers")
    return {other: first for first, *others in groups for other in others}


def _groups(tied: Any, depth: int) -> list[list[int]]:
    """The groups, each in order and counted from 0."""
    groups = (
        [list(group) if isinstance(group, list | tuple) else [] for group in tied]
        if isinstance(tied, list | tuple)
        else [[]]
    )
    flat = [layer for group in groups for layer in group]
    known = all(isinstance(layer, int) and not isinstance(layer, bool) and 2 <= layer <= depth for layer in flat)
    if not known or len(set(flat)) < len(flat) or any(len(group) < 2 for group in groups):
        wanted = (
            f"groups of hidden layers, from 2 to {depth} (the first layer has the data's width), none of them twice"
        )
        raise DomainError(f"tied = {shown(tied)}", wanted, "tied=((2, 3),)")
    return [sorted(layer - 1 for layer in group) for group in groups]


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

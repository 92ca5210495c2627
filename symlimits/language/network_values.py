"""Values for the symbols of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import sympy as sp

from symlimits.language.activation import Activation
from symlimits.language.architecture import Dense, Layer, Repeat, Serial, branches_of, with_branches
from symlimits.language.image_layers import Conv


def bound(network: Serial, values: Mapping[sp.Symbol, sp.Expr]) -> Serial:
    """The network with numbers in place of symbols: variances, parameters of activations, depth, widths."""

    def at(layer: Layer) -> Layer:
        match layer:
            case Dense(w_var, b_var, w_rate, b_rate):
                start = w_var.subs(values), None if b_var is None else b_var.subs(values)
                return Dense(*start, w_rate.subs(values), b_rate.subs(values))
            case Repeat(layers, count):
                return Repeat(tuple(map(at, layers)), count.subs(values))
            case Conv(w_var=w_var, b_var=b_var):
                bias = None if b_var is None else b_var.subs(values)
                return replace(layer, w_var=w_var.subs(values), b_var=bias)
            case Activation(expr=expr, name=name):
                return Activation(expr.subs(values), name)
        return with_branches(layer, (map(at, branch) for branch in branches_of(layer)))

    widths = None if network.widths is None else tuple(width.subs(values) for width in network.widths)
    return Serial(tuple(map(at, network.layers)), network.parameterization, widths)

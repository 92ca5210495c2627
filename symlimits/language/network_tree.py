"""Networks as JSON: layer descriptions that another program can read, and that are read back without code."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symlimits.errors import FormulaError
from symlimits.language.activation import Activation, activation
from symlimits.language.architecture import (
    Concat,
    Dense,
    Layer,
    LayerNorm,
    Product,
    Repeat,
    Residual,
    Serial,
    serial,
)
from symlimits.language.image_layers import AvgPool, Conv, Flatten, GlobalAvgPool
from symlimits.language.tree import from_tree, to_tree

MAX_NESTING = 8  # of repetitions and branches inside one another


def network_to_tree(net: Serial) -> dict[str, Any]:
    """A network as JSON: its layers in order, each with the trees of its numbers and formulas.

    >>> from symlimits.language.architecture import serial
    >>> network_to_tree(serial(Dense(2)))["layers"]
    [{'dense': {'w_var': 2, 'b_var': None}}]
    """
    return {
        "layers": [_to_tree(layer) for layer in net.layers],
        "parameterization": net.parameterization,
        "widths": None if net.widths is None else [to_tree(width) for width in net.widths],
    }


def _to_tree(layer: Layer) -> dict[str, Any]:
    match layer:
        case Dense(w_var, b_var, w_rate, b_rate):
            parts = {"w_var": to_tree(w_var), "b_var": None if b_var is None else to_tree(b_var)}
            rates = {"w_rate": w_rate, "b_rate": b_rate}
            return {"dense": parts | {name: to_tree(rate) for name, rate in rates.items() if rate != 1}}
        case Repeat(layers, count):
            return {"repeat": {"layers": [_to_tree(inner) for inner in layers], "count": to_tree(count)}}
        case Residual(layers=layers):
            return {"residual": [_to_tree(inner) for inner in layers]}
        case LayerNorm():
            return {"layer_norm": []}
        case Concat(branches=branches) | Product(branches=branches):
            kind = "concat" if isinstance(layer, Concat) else "product"
            return {kind: [[_to_tree(inner) for inner in branch] for branch in branches]}
        case Conv(shape, w_var, b_var, _, padding):
            numbers = {"w_var": to_tree(w_var), "b_var": None if b_var is None else to_tree(b_var)}
            return {"conv": {"shape": list(shape), **numbers, "strides": list(layer.steps), "padding": padding}}
        case AvgPool(shape):
            return {"average pool": {"shape": list(shape), "strides": list(layer.steps)}}
        case GlobalAvgPool():
            return {"global average pool": {}}
        case Flatten():
            return {"flatten": {}}
    return {"activation": {"formula": to_tree(layer.expr), "name": layer.name}}


def network_from_tree(tree: Any) -> Serial:
    """The network of `network_to_tree`; `FormulaError` for anything else, and what `serial` refuses.

    >>> dense = {"dense": {"w_var": 2, "b_var": None}}
    >>> network_from_tree({"layers": [dense], "parameterization": "ntk", "widths": None})
    Serial(layers=(Dense(w_var=2, b_var=None),), parameterization='ntk', widths=None)
    """
    try:
        layers = [_from_tree(layer, 0) for layer in tree["layers"]]
        widths = None if tree["widths"] is None else [_number(width) for width in tree["widths"]]
        return serial(*layers, parameterization=tree["parameterization"], widths=widths)
    except (KeyError, TypeError, ValueError):
        raise _foreign("a network with parts missing") from None


def _from_tree(tree: Any, depth: int) -> Layer:
    ((kind, parts),) = tree.items()
    if kind == "dense":
        rates = {name: _number(parts[name]) for name in ("w_rate", "b_rate") if name in parts}
        return Dense(_number(parts["w_var"]), None if parts["b_var"] is None else _number(parts["b_var"]), **rates)
    if kind == "repeat" and depth < MAX_NESTING:
        return Repeat(tuple(_from_tree(inner, depth + 1) for inner in parts["layers"]), _number(parts["count"]))
    if kind == "residual" and depth < MAX_NESTING:
        return Residual(*(_from_tree(inner, depth + 1) for inner in parts))
    if kind == "layer_norm" and parts == []:
        return LayerNorm()
    if kind in ("concat", "product") and depth < MAX_NESTING:
        branches = (tuple(_from_tree(inner, depth + 1) for inner in branch) for branch in parts)
        return (Concat if kind == "concat" else Product)(*branches)
    if kind == "activation":
        checked = activation(_number(parts["formula"]), symbol=sp.Symbol("x", real=True))
        return Activation(checked.expr, str(parts["name"])[:40])
    if kind == "conv":
        b_var = None if parts["b_var"] is None else _number(parts["b_var"])
        return Conv(tuple(parts["shape"]), _number(parts["w_var"]), b_var, tuple(parts["strides"]), parts["padding"])
    if kind == "average pool":
        return AvgPool(tuple(parts["shape"]), tuple(parts["strides"]))
    if kind in ("global average pool", "flatten") and not parts:
        return Flatten() if kind == "flatten" else GlobalAvgPool()
    raise _foreign(f"the layer {str(kind)[:40]!r}")


def _number(tree: object) -> sp.Expr:
    expr = from_tree(tree)
    if not isinstance(expr, sp.Expr):
        raise _foreign(f"{str(expr)[:40]} in place of a number or a formula")
    return expr


def _foreign(given: str) -> FormulaError:
    return FormulaError(given, "what network_to_tree writes", "a certificate of this version")

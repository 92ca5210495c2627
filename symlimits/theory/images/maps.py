r"""What the layers of images do to the kernel of two pixels.

A filter averages over the pixels under it, at both images alike, since one filter is drawn for all of them:
$$K'(\alpha,\alpha') = \frac{\sigma_w^2}{|F|}\sum_{\beta\in F} K(s\alpha+\beta, s\alpha'+\beta) + \sigma_b^2, \qquad
  \Theta' = K' + \frac{\sigma_w^2}{|F|}\sum_{\beta\in F}\Theta(s\alpha+\beta, s\alpha'+\beta)$$
(Novak et al. 2019, arXiv 1810.05148; Arora et al. 2019, arXiv 1904.11955). A mean over a window is linear, so that its
kernel is a mean over both windows. Flattening adds the squares of all pixels, each with weights of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from symlimits.language.image_layers import AvgPool, Conv, Flatten, GlobalAvgPool
from symlimits.language.pixels import PixelMean
from symlimits.theory.kernels import Block, Widths, block
from symlimits.theory.programs.layer_step import b, dense_step, w

States = tuple[sp.Symbol, ...]


@block.register
def _(layer: Conv, states: States, widths: Widths) -> list[Block]:
    """A Dense layer, as the Master theorem has it, on all pixels under the filter together."""
    means = {state: PixelMean(state, layer.padding, layer.shape, layer.steps) for state in states}
    dense = dense_step(False, layer.b_var is not None).maps(states)
    numbers = {w: layer.w_var, b: layer.bias_variance}
    return [((tuple(line.xreplace({**means, **numbers}) for line in dense),), sp.S.One)]


@block.register
def _(layer: AvgPool, states: States, widths: Widths) -> list[Block]:
    return _means(states, lambda state: PixelMean(state, "window", layer.shape, layer.steps))


@block.register
def _(layer: GlobalAvgPool, states: States, widths: Widths) -> list[Block]:
    return _means(states, lambda state: PixelMean(state, "global"))


@block.register
def _(layer: Flatten, states: States, widths: Widths) -> list[Block]:
    return _means(states, lambda state: PixelMean(state, "flatten"))


def _means(states: States, mean: Callable[[sp.Symbol], sp.Expr]) -> list[Block]:
    return [((tuple(map(mean, states)),), sp.S.One)]

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
from symlimits.theory.kernels import Block, K_xx, K_xz, K_zz, Theta, Widths, block

States = tuple[sp.Symbol, ...]


@block.register
def _(layer: Conv, states: States, widths: Widths) -> list[Block]:
    w, b = layer.w_var, layer.bias_variance

    def mean(state: sp.Symbol) -> sp.Expr:
        return PixelMean(state, layer.padding, layer.shape, layer.steps)

    maps = [w * mean(K) + b for K in (K_xx, K_zz, K_xz)]
    if len(states) == 4:
        maps.append(w * mean(K_xz) + b + w * mean(Theta))
    return [((tuple(maps),), sp.S.One)]


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

r"""Limiting kernels of networks of images: convolutions, pools, and what ends an image.

A kernel is a field over pairs of pixels: $K^\ell(\alpha, \alpha')$ for pixel $\alpha$ of x and $\alpha'$ of z. Filters
and `Flatten` ask for pairs of equal pixels only, so that a network without pools costs $O(N^2 P)$; pools ask for all.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import sympy as sp

from symlimits.derivation.price import derive_lines
from symlimits.language.architecture import Serial
from symlimits.language.image_layers import Conv
from symlimits.language.pixels import PixelProduct
from symlimits.language.recursion import Recursion
from symlimits.limits import Limit
from symlimits.theory.images import maps
from symlimits.theory.images.limit import ImageLimit
from symlimits.theory.images.order import check_order
from symlimits.theory.images.twin import ImageTwin
from symlimits.theory.kernels import K_xx, K_xz, K_zz, Theta, Widths, block, blocks, parameters
from symlimits.theory.programs.kernel_link import KernelProgram

__all__ = ["image_kernel", "image_recursion", "maps"]

NOVAK = "Novak et al. 2019, arXiv 1810.05148"
ARORA = "Arora et al. 2019, arXiv 1904.11955"


@lru_cache(maxsize=64)
def image_kernel(net: Serial, tangent: bool) -> Limit:
    """The kernel of a network of images: what `nngp` and `ntk` give for one."""
    recursion = image_recursion(net, tangent)
    name, source = (r"\Theta(x, z)", ARORA) if tangent else ("K(x, z)", NOVAK)
    observable = (
        "sum over all parameters of products of derivatives"
        if tangent
        else "covariance of the outputs given the last hidden layer"
    )
    trace = derive_lines(recursion)
    definition = replace(trace[0], source=f"{source}; the law of large numbers, layer by layer")
    twin = ImageTwin(net, "ntk" if tangent else "nngp")
    regime = "number of channels to infinity"
    domain = parameters(recursion, net)
    general = KernelProgram(net, twin.observable)
    return ImageLimit((definition, *trace[1:]), domain, (), name, source, twin, observable, regime, general=general)


def image_recursion(net: Serial, tangent: bool) -> Recursion:
    """The layer maps on fields over pixel pairs, from the input kernels on."""
    check_order(net)
    states = (K_xx, K_zz, K_xz, Theta) if tangent else (K_xx, K_zz, K_xz)
    first, *rest = net.layers
    widths = Widths(net)
    inputs = dict(zip(states, (PixelProduct(0, 0), PixelProduct(1, 1), PixelProduct(0, 1), sp.S.Zero), strict=False))
    if not isinstance(first, Conv):
        return Recursion(states, list(inputs.values()), blocks(net.layers, states, widths), states[-1])
    (((entry,), _),) = block(first, states, widths)
    initial = [expr.subs(inputs, simultaneous=True) for expr in entry]
    return Recursion(states, initial, blocks(tuple(rest), states, widths), states[-1])

r"""The maps of kernels through layers without weights: normalisation, concatenations and products of branches.

States are (K_xx, K_zz, K_xz), with the tangent kernel Theta or without. A branch starts from what the trunk was, which
`Earlier` recalls. In the limit the units of a branch are independent, given the data, of those of another one, and so
are their derivatives; what is read of a unit is an average over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from symlimits.language.expectation import pair_expectation
from symlimits.language.recursion import Earlier

u, v = sp.symbols("u v", real=True)

Map = tuple[sp.Expr, ...]
Join = Callable[[int, Map, Map], Map]


def normalized(states: tuple[sp.Symbol, ...]) -> Map:
    r"""Of LayerNorm: the covariance over both deviations, $\mathbb E uv/\sqrt{\mathbb E u^2\,\mathbb E v^2}$.

    The mean of a layer's units tends to 0, their variance to K(x, x). The derivative
    $\frac1s(I - \frac1n 11^\top - \frac1n yy^\top)$ takes two directions out of n from what comes back, which the sum
    over n units does not see: $\Theta$ is divided as K is.
    """
    first, second, mixed, *tangent = states
    E_xx, E_zz, E_xz = (
        pair_expectation(u * v, u, v, *law) for law in ((first,) * 3, (second,) * 3, (first, second, mixed))
    )
    deviations = sp.sqrt(E_xx) * sp.sqrt(E_zz)
    return (sp.S.One, sp.S.One, E_xz / deviations, *(theta / deviations for theta in tangent))


def side_by_side(branches: Sequence[Sequence[Map]], states: tuple[sp.Symbol, ...], join: Join) -> list[Map]:
    """The maps of branches one after the other, each from the trunk; `join` puts a branch to those before it."""
    found = list(branches[0])
    for index, branch in enumerate(branches[1:], 1):
        back = len(branch) + 1
        recalled = tuple(Earlier(state, len(found)) for state in states)
        before = tuple(Earlier(state, back) for state in states)
        found += [recalled, *branch, join(index, before, states)]
    return found


def concatenated(widths: Sequence[sp.Expr]) -> Join:
    """The mean over all units, of branches with these widths."""

    def join(index: int, before: Map, branch: Map) -> Map:
        share = sp.cancel(widths[index] / sp.Add(*widths[: index + 1]))
        return tuple((1 - share) * a + share * b for a, b in zip(before, branch, strict=True))

    return join


def multiplied(index: int, before: Map, branch: Map) -> Map:
    """Of a product: K_1 K_2, and Theta_1 K_2 + K_1 Theta_2."""
    kernels = tuple(a * b for a, b in zip(before[:3], branch[:3], strict=True))
    if len(branch) == 3:
        return kernels
    return (*kernels, before[3] * branch[2] + before[2] * branch[3])

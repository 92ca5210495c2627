"""Networks of ten thousand layers beside a rate: their compiled kernels at some depths, and what is fitted to them.

The kernels carry the gap of the correlation from layer to layer, and know nothing of series or balances: at critical
variances a gap of 1e-7 is right to nine digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symlimits.language.activation import Activation
from symlimits.language.architecture import mlp
from symlimits.theory.depth.moments import Array
from symlimits.theory.kernels import nngp, ntk

FRACTIONS = (16, 8, 4, 2, 1)  # of the largest depth: three unknowns, five depths


@dataclass(frozen=True)
class Iterated:
    r"""Two inputs at some depths: the variance, the gap $1 - \rho$, and the tangent kernel over that of equal inputs.

    `depths` are numbers of hidden layers. `ratio` is None for an activation that jumps, or where it was not asked for.
    """

    depths: Array
    variance: Array
    gap: Array
    ratio: Array | None

    def rate(self, state: Array, s: float) -> float:
        r"""The constant C of $x_\ell \simeq C\ell^{-1/s}$: $x_\ell^{-s} = C^{-s}\ell + b\log\ell + c$, fitted."""
        columns = np.stack([self.depths, np.log(self.depths), np.ones_like(self.depths)], axis=1)
        values = state ** (-s)
        found = np.linalg.lstsq(columns / values[:, None], np.ones_like(values), rcond=None)[0]
        return float(found[0] ** (-1 / s))

    def exponent(self, state: Array) -> float:
        """How fast a state falls between the last two depths, as a power of the depth."""
        return float(-np.log(state[-1] / state[-2]) / np.log(self.depths[-1] / self.depths[-2]))

    def end(self, values: Array) -> float:
        r"""What values tend to that are off by $(a\log\ell + b)/\ell$, fitted."""
        columns = np.stack([np.ones_like(self.depths), np.log(self.depths) / self.depths, 1 / self.depths], axis=1)
        return float(np.linalg.lstsq(columns, values, rcond=None)[0][0])


def iterated(
    phi: Activation, w_var: object, b_var: object, q: float, rho: float, depth: int, tangent: bool = True
) -> Iterated:
    """Networks at some depths up to `depth`, for inputs whose first layer has variance q and correlation rho.

    >>> from symlimits import activations as act
    >>> found = iterated(act.linear, 1, 0, 2.0, 0.5, 32, tangent=False)
    >>> found.depths.tolist(), found.gap.tolist()
    ([2.0, 4.0, 8.0, 16.0, 32.0], [0.5, 0.5, 0.5, 0.5, 0.5])
    """
    depths = [max(1, depth // fraction) for fraction in FRACTIONS]
    inputs, gap = _inputs(float(w_var), float(b_var), q, rho)  # type: ignore[arg-type]
    rows = []
    for layers in depths:
        net = mlp(layers, phi, w_var=w_var, b_var=b_var)
        K = nngp(net).compile()
        same, apart = (float(K.pairs_with_gap(inputs, inputs, g)) for g in (0.0, gap))
        ratio = 0.0
        if tangent:
            Theta = ntk(net).compile()
            ratio = float(Theta.pairs_with_gap(inputs, inputs, gap)) / float(Theta.pairs_with_gap(inputs, inputs, 0.0))
        rows.append((layers, same, 1 - apart / same, ratio))
    columns = np.array(rows, dtype=np.float64).T
    return Iterated(columns[0], columns[1], columns[2], columns[3] if tangent else None)


def _inputs(w_var: float, b_var: float, q: float, rho: float) -> tuple[float, float]:
    """The input kernel of equal inputs that makes the first variance q, and the signed gap between different ones."""
    inputs = (q - b_var) / w_var
    correlation = (q * rho - b_var) / (w_var * inputs)
    return inputs, float(np.copysign(1 - abs(correlation), correlation))

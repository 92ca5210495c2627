r"""The maps iterated to ten thousand layers beside a rate, and what is fitted to them.

Nothing here knows of expansions at the fixed point, nor of balances. Near a correlation of one floats lose digits, so
that its gap is the state. With a closed form its map is read in 30 digits; of smooth activations without one it is
$1 - R = \frac{\sigma_w^2}{V(q)}\sum_n a_n^2(1 - \rho^n)$, Mehler's series, no term of which cancels; at kinks, where
that ends slowly, the compiled kernels of networks are asked, one for each depth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp, mpf

from symlimits.language.activation import Activation
from symlimits.language.architecture import mlp
from symlimits.language.formula import exact
from symlimits.theory.depth.moments import TERMS, Array, Moments
from symlimits.theory.kernels import dual, nngp, ntk

DIGITS = 30
ENDED = 1e-10  # of the slope at one: what the terms that Mehler's series leaves out may lack of it
Layer = Callable[
    [Any, Any], tuple[Any, Any, Any, Any]
]  # of variance and gap: both after it, and slopes, equal and apart
FRACTIONS = (16, 12, 8, 6, 4, 3, 2, 1)  # of the largest depth: eight depths for four unknowns


@dataclass(frozen=True)
class Iterated:
    r"""Two inputs at some depths: the variance, the gap $1 - \rho$, and the tangent kernel over that of equal inputs.

    `depths` are numbers of hidden layers.
    """

    depths: Array
    variance: Array
    gap: Array
    ratio: Array
    bent: bool = False  # the activation has kinks

    def rate(self, state: Array, s: float) -> float:
        r"""The constant C of $x_\ell \simeq C\ell^{-1/s}$, fitted.

        $x_\ell^{-s} = C^{-s}\ell + b\log\ell + c$, at kinks with a term in $\ell^{1 - 1/2s}$.
        """
        values = state ** (-s)
        columns = [self.depths, np.log(self.depths), np.ones_like(values)]
        columns += [self.depths ** (1 - 0.5 / s)] if self.bent and s != 0.5 else []
        found = np.linalg.lstsq(np.stack(columns, axis=1) / values[:, None], np.ones_like(values), rcond=None)[0]
        return float(found[0] ** (-1 / s))

    def exponent(self, state: Array) -> float:
        """How fast a state falls between the last two depths, as a power of the depth."""
        return float(-np.log(state[-1] / state[-2]) / np.log(self.depths[-1] / self.depths[-2]))

    def end(self, values: Array) -> float:
        r"""What values tend to that are off by $(a\log\ell + b)/\ell$, at kinks by $c\,\ell^{-1/2}$ too, fitted."""
        columns = [np.ones_like(values), np.log(self.depths) / self.depths, 1 / self.depths]
        columns += [self.depths**-0.5] if self.bent else []
        return float(np.linalg.lstsq(np.stack(columns, axis=1), values, rcond=None)[0][0])


def iterated(phi: Activation, w_var: object, b_var: object, q: float, rho: float, depth: int) -> Iterated:
    """Networks at some depths up to `depth`, for inputs whose first layer has variance q and correlation rho.

    >>> from symlimits import activations as act
    >>> found = iterated(act.linear, 1, 0, 2.0, 0.5, 48)
    >>> found.depths.tolist(), set(found.gap.tolist())
    ([3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 48.0], {0.5})
    """
    depths = [depth // fraction for fraction in FRACTIONS]
    w, b = (exact(value, name) for value, name in ((w_var, "w_var"), (b_var, "b_var")))
    with mp.workdps(DIGITS):
        if dual(phi).has_closed_form:
            rows = _followed(_in_digits(phi, w, b), mpf(q), mpf(1) - mpf(rho), depths)
        elif _ends(phi, q):
            rows = _followed(_in_series(phi, float(w), float(b)), q, 1 - rho, depths)
        else:
            rows = [_network(phi, w, b, q, rho, layers) for layers in depths]
    variance, gap, ratio = np.array(rows, dtype=np.float64).T
    return Iterated(np.array(depths, dtype=np.float64), variance, gap, ratio, bool(phi.kinks))


def _followed(layer: Layer, q: Any, gap: Any, depths: list[int]) -> list[tuple[float, float, float]]:
    """Variance, gap and ratio of the tangent kernels at the depths; these begin as the kernels."""
    same, apart, rows = q, q * (1 - gap), []
    for count in range(1, depths[-1] + 1):
        q, gap, slope_same, slope_apart = layer(q, gap)
        same, apart = q + slope_same * same, q * (1 - gap) + slope_apart * apart
        if count in depths:
            rows.append((float(q), float(gap), float(apart / same)))
    return rows


def _in_digits(phi: Activation, w: sp.Expr, b: sp.Expr) -> Layer:
    """By the closed form, in mpmath."""
    q, gap = sp.symbols("q delta", positive=True)
    T = dual(phi)
    p, r, c = T.arguments
    laws = [{p: q, r: q, c: covariance} for covariance in (q, q * (1 - gap))]
    same, apart, *slopes = (w * F.expr.subs(law, simultaneous=True) for F in (T, T.dot()) for law in laws)
    maps = [same + b, (same - apart) / (same + b), *slopes]
    read: Layer = sp.lambdify((q, gap), maps, "mpmath", cse=True)
    return read


def _ends(phi: Activation, q: float) -> bool:
    """Whether Mehler's series is long enough for the slope at one."""
    moments = Moments(phi)
    squares, _, _ = moments.squares(q)
    slope = float(moments.slope(q, 1.0).value)
    return abs(float(squares @ np.arange(TERMS)) / q - slope) < ENDED * slope


def _in_series(phi: Activation, w: float, b: float) -> Layer:
    """By the Hermite coefficients, in float64."""
    moments, n = Moments(phi), np.arange(TERMS)

    def layer(q: float, gap: float) -> tuple[float, float, float, float]:
        squares, whole, _ = moments.squares(q)
        lost = -np.expm1(n * np.log1p(-gap)) if gap < 0.5 else 1 - (1 - gap) ** n  # 1 - rho^n, without cancellation
        after = w * whole + b
        slopes = w / q * (n * squares)[1:]
        return after, w * float(squares @ lost) / after, float(slopes.sum()), float(slopes @ (1 - gap) ** (n[1:] - 1))

    return layer


def _network(phi: Activation, w: sp.Expr, b: sp.Expr, q: float, rho: float, layers: int) -> tuple[float, float, float]:
    """By the compiled kernels of a network, which carry the gap too; inputs are such that the first variance is q."""
    net = mlp(layers, phi, w_var=w, b_var=b)
    inputs = (q - float(b)) / float(w)
    correlation = (q * rho - float(b)) / (q - float(b))
    gap = float(np.copysign(1 - abs(correlation), correlation))
    kernels = (nngp(net).compile(), ntk(net).compile())
    (same, apart), (first, second) = ([float(K.pairs_with_gap(inputs, inputs, g)) for g in (0.0, gap)] for K in kernels)
    return same, 1 - apart / same, second / first

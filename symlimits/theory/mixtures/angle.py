r"""The angle of the mixing matrix of two outputs, integrated out.

With $u_+ = (\cos\frac\phi2, \sin\frac\phi2)$ and $u_-$ orthogonal to it,
$u_+^\top H_+u_+ + u_-^\top H_-u_- = u_+^\top Wu_+$ with $W = H_+ + \mathrm{adj}\,H_-$, so that over a uniform $\phi$
$$\mathbb E e^{-\frac12u_+^\top Wu_+} = e^{-\frac14(w_1 + w_2)}I_0\big(\tfrac14(w_1 - w_2)\big)$$
with the eigenvalues $w_1 \ge w_2$ of W. The smaller one is $|W|/w_1$, where
$|W| = |H_+| + |H_-| + \operatorname{tr}H_+H_-$ is a sum of what is not negative: no digits are lost where Q is nearly
singular. Weighted so, $\phi$ is of von Mises' law. Derived here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import i0e, i1e, ive

Array = npt.NDArray[np.float64]


class Forms(NamedTuple):
    """Positive semidefinite matrices [[first, both], [both, second]], entries of one shape."""

    first: Array
    both: Array
    second: Array

    def __add__(self, other: Forms) -> Forms:  # type: ignore[override]
        return Forms(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    @property
    def determinant(self) -> Array:
        """The product less the square, where rounding leaves it positive."""
        return np.maximum(self.first * self.second - self.both**2, 0.0)


def forms(rows: Array, shape: tuple[int, ...]) -> Forms:
    """The Gram matrices of the columns of (B, n, M, 2), of shape (B, *shape)."""
    x, y = rows[..., 0], rows[..., 1]
    return Forms(*(product.sum(axis=-1).reshape(-1, *shape) for product in (x * x, x * y, y * y)))


def _sum(plus: Forms, minus: Forms) -> tuple[Array, Array, Array]:
    """The difference of the diagonal of W, twice its other entry, and the difference of its eigenvalues."""
    across = plus.first + minus.second - plus.second - minus.first
    off = 2 * (plus.both - minus.both)
    return across, off, np.hypot(across, off)


def log_over_angles(plus: Forms, minus: Forms) -> Array:
    r"""$\log\mathbb E e^{-\frac12(u_+^\top H_+u_+ + u_-^\top H_-u_-)}$.

    >>> one, none = Forms(np.ones(1), np.zeros(1), np.ones(1)), Forms(*np.zeros((3, 1)))
    >>> log_over_angles(one, none)  # the square of a unit vector is one
    array([-0.5])
    """
    *_, gap = _sum(plus, minus)
    high = 0.5 * (plus.first + plus.second + minus.first + minus.second + gap)
    crossed = plus.first * minus.first + 2 * plus.both * minus.both + plus.second * minus.second
    determinant = plus.determinant + minus.determinant + crossed
    low = np.divide(determinant, high, out=np.zeros_like(high), where=high > 0)
    return np.asarray(-0.5 * low + np.log(i0e(0.25 * gap)))


class VonMises(NamedTuple):
    r"""Means of $\cos$, $\sin$ of $\phi$ and of $2\phi$, arrays (n,)."""

    first: tuple[Array, Array]
    second: tuple[Array, Array]

    @property
    def moments(self) -> list[list[Array]]:
        """The second moments of (1, cos, sin): (3, 3) arrays (n,)."""
        (c, s), (c2, s2) = self.first, self.second
        return [[np.ones_like(c), c, s], [c, 0.5 * (1 + c2), 0.5 * s2], [s, 0.5 * s2, 0.5 * (1 - c2)]]


def von_mises(plus: Forms, minus: Forms) -> VonMises:
    r"""The law of $\phi$ with the density $\propto e^{-\frac12u_+^\top Wu_+}$."""
    across, off, gap = _sum(plus, minus)
    safe = np.where(gap > 0, gap, 1.0)
    cos, sin, strength = -across / safe, -off / safe, 0.25 * gap
    one, two = i1e(strength) / i0e(strength), ive(2, strength) / i0e(strength)
    return VonMises((one * cos, one * sin), (two * (cos**2 - sin**2), two * 2 * cos * sin))

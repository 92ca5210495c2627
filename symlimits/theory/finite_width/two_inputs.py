r"""Two inputs of a deep linear network: squares of its outputs are correlated, exactly, at every width.

With $S_{xz} = h(x)\cdot h(z)/n$ a layer makes of $P = \mathbb E S_{xx}S_{zz}$ and $Q = \mathbb E S_{xz}^2$, by
Isserlis' formula for one unit and independence of two,
$$P' = P + \frac{2Q}{n},\qquad Q' = Q + \frac{P + Q}{n}.$$
Other activations make a random correlation of the two inputs' features, and no such recursion closes.
"""

from __future__ import annotations

import sympy as sp

from symlimits.derivation.wick import wick
from symlimits.language.recursion import Recursion

P, Q = sp.symbols("P Q", nonnegative=True)
rho = sp.Symbol("rho", real=True)
_x, _z, _xx, _zz, _xz = sp.symbols("x z S_xx S_zz S_xz")


def squares(widths: tuple[sp.Expr, ...]) -> Recursion:
    r"""$\mathbb E f(x)^2f(z)^2$ where $\mathbb E f^2 = 1$ and the inputs have the correlation rho.

    >>> sp.expand(squares((sp.Symbol("n"),)).unroll().subs(rho, 0))
    1 + 2/n
    """
    stages = [(layer_map(width), 1) for width in (*widths, sp.S.One)]
    return Recursion((P, Q), (1, rho**2), stages, P)


def layer_map(width: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """The moments after a layer of this width: its units have variances S_xx, S_zz and covariance S_xz, given h.

    >>> layer_map(sp.Integer(1))
    (P + 2*Q, P + 2*Q)
    """
    covariance = {(_x, _x): _xx, (_z, _z): _zz}
    one_unit = wick(((_x, 2), (_z, 2)), lambda a, b: covariance.get((a, b), _xz))
    one_unit = one_unit.subs({_xx * _zz: P, _xz**2: Q})
    return one_unit / width + P * (width - 1) / width, one_unit / width + Q * (width - 1) / width

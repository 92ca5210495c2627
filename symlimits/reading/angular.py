r"""The Fourier series in the angle of a Gaussian expectation over a pair, for smooth functions at large variances.

In polar coordinates of the plane, with c = sqrt(p q) cos(theta),

    E f(u) f(v) = sum_m C_m(p, q) cos(m theta),   C_m(p, q) = int_0^inf r exp(-r^2/2) F_m(p, r) F_m(q, r) dr,

F_m the cosine coefficients of alpha -> f(sqrt(p) r cos(alpha)), orthonormal on the circle, and the derivative in c is
(p q)^(-1/2) sum_m m C_m sin(m theta)/sin(theta). A pole of f at distance d from the real axis asks for sqrt(p)/d terms
where the Mehler series asks for p/d^2.

With C_m(p, q) = sum_k U_mk(p) U_mk(q), some terms and some k left out, Cauchy and Schwarz bound what is missing by
sqrt(t(p) t(q)), t(p) = E f^2 - sum_mk U_mk(p)^2 of those kept; and of the derivative's sum the same with weights m^2,
since |sin(m theta)/sin(theta)| <= m. Derived here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from symlimits.reading.resolution import Floats
from symlimits.reading.special import copysign

Integers = npt.NDArray[np.int64]


@njit(error_model="numpy", fastmath={"contract"})
def angular_sums(a: Floats, b: Floats, ranks: Integers, gap: float) -> tuple[float, float]:
    """sum_m w_m cos(m theta) and sum_m m w_m sin(m theta)/sin(theta), w_m = sum_k a_mk b_mk, at a signed gap.

    Clenshaw's recurrence for differences (Reinsch): with 1 - |cos(theta)| given, it is stable up to theta = 0 and pi.
    """
    twice = 2.0 * abs(gap)
    step, value, slope_step, slope = 0.0, 0.0, 0.0, 0.0
    opposite = copysign(1.0, gap) < 0.0
    end = 0
    for m in range(ranks.size):
        end += ranks[m]
    for m in range(ranks.size - 1, 0, -1):
        w = 0.0
        for k in range(end - ranks[m], end):
            w += a[k] * b[k]
        end -= ranks[m]
        order = float(m)
        if opposite and m % 2 == 1:
            w = -w
        step = (step + w) - twice * value
        value += step
        slope_step = (slope_step + order * w) - twice * slope
        slope += slope_step
    w = 0.0
    for k in range(end):
        w += a[k] * b[k]
    return w + step - abs(gap) * value, -slope if opposite else slope

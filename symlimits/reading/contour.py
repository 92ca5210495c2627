r"""Integrals over a vertical line through the saddle, by the trapezoid rule, in Numba.

$$I(X) = \frac{1}{2\pi i}\int p(w)\,\exp\Big(X w + k w^2 + \sum_j n_j \log\frac{\Gamma(x_j + v_j)}{\Gamma(x_j)
  x_j^{v_j}} + \sum_j m_j \log \sum_{k} b_{jk}\frac{\Gamma(k/2 + v_j)}{\Gamma(k/2)(N_j/4)^{v_j}}\Big) dw,
  \qquad v_j = e_j w + \beta_j,\ e_j = \pm 1.$$

The integrand without p is the Mellin transform of a positive measure: on the real axis its logarithm is convex, and
off the axis its modulus is smaller. The line goes through the minimum c, the saddle, so that nothing cancels. With
$w = c + i\delta\sinh t$, delta the distance to the nearest end of the strip, steps in t shrink towards a pole that is
near; they are halved. A trapezoid rule doubles its digits by that (Trefethen and Weideman 2014, SIAM Review 56), or,
where the strip of t in which the integrand stays small narrows with the step, adds a third of them or more (measured,
near poles): if two rules differ by d, the error of the finer is below d^(4/3). The two rules before must agree in some
digits too, since one difference may be small by chance. Where halving helps no more, the error says so.

Logarithms of ratios of Gamma functions are never differences of logarithms of Gamma functions: with t = v/x,
$\log\Gamma(x + v) - \log\Gamma(x) - v\log x = x[(1 + t)\log(1 + t) - t] - \tfrac12\log(1 + t)$ + Stirling's terms.
"""

from __future__ import annotations

import cmath
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]

ENOUGH = 3e-14  # bound of the error of the rule, relative to the integral of the modulus
NO_CHANCE = 1e-3  # of the rules before the last two, relative
STAGNANT = 1e-6  # below this, a change that halving does not even halve is rounding
LEVELS = 9  # halvings of the first step at most
FIRST, FIRST_WIDTHS = 0.7, 1.4  # the first step, in t and in widths of the peak
WIDE = 8.0  # delta in widths of the peak, where the strip has no ends: nearly even steps
BESIDE = 1e-3  # of delta: where the curvature at the saddle is read off
NEGLIGIBLE = 1e-18  # of the sum of moduli: where the line ends
MOST_NODES = 20_000
STIRLING = 12.0  # the least real part at which seven of Stirling's terms suffice: the next is 2e-18
SERIES = 0.15  # |t| below which (1 + t) log(1 + t) - t is summed
ROUNDING = 2.0**-52
STEPS_OUT = 14  # each 1.6 times further: to exp(450), beyond the range of floats
FINE = 1e-2  # how near the saddle the line has to be, in units of the distance to the end of the strip


@njit(cache=True, error_model="numpy")
def _log1p(t: complex) -> complex:
    return complex(0.5 * math.log1p(2.0 * t.real + t.real * t.real + t.imag * t.imag), math.atan2(t.imag, 1.0 + t.real))


@njit(cache=True, error_model="numpy")
def _excess(t: complex) -> complex:
    """(1 + t) log(1 + t) - t, without the cancellation near 0."""
    if abs(t.real) + abs(t.imag) > SERIES:
        return (1.0 + t) * _log1p(t) - t
    total, power = 0.0 * t, t * t
    for k in range(2, 22):
        total += power / (k * (k - 1))
        power *= -t
    return total


@njit(cache=True, error_model="numpy")
def _stirling(z: complex) -> complex:
    """log Gamma(z) - (z - 1/2) log z + z - log(2 pi)/2, Re z >= STIRLING: its Bernoulli terms."""
    inverse = 1.0 / z
    s = inverse * inverse
    tail = 1 / 1188 + s * (-691 / 360360 + s * (1 / 156))
    return inverse * (1 / 12 + s * (-1 / 360 + s * (1 / 1260 + s * (-1 / 1680 + s * tail))))


@njit(cache=True, error_model="numpy")
def log_gamma_ratio(x: float, v: complex) -> complex:
    r"""$\log\Gamma(x + v) - \log\Gamma(x) - v\log x$ for x > 0, Re(x + v) > 0, to a few ulps of its terms.

    >>> abs(log_gamma_ratio(3.0, 2.0 + 0j) - (math.log(12) - 2 * math.log(3))) < 1e-15
    True
    """
    least = min(x, x + v.real)
    product, shift = 1.0 + 0.0j, 0.0
    if least < STIRLING:
        steps = math.ceil(STIRLING - least)
        for j in range(steps):
            product *= 1.0 + v / (x + j)
        shift = float(steps)
    base = x + shift
    t = v / base
    value = base * _excess(t) - 0.5 * _log1p(t) + (_stirling(base + v) - _stirling(base + 0.0j))
    if shift > 0.0:
        value += v * math.log1p(shift / x) - cmath.log(product)
    return value


@njit(cache=True, error_model="numpy")
def _log_binomial_layer(weights: Array, v: complex) -> complex:
    r"""$\log\sum_k b_k \Gamma(k/2 + v)/(\Gamma(k/2)(N/4)^v)$, k = 1, ..., N: from the middle outwards, by
    $\Gamma(z + 1) = z\Gamma(z)$."""
    N = len(weights) - 1
    total = 0.0j
    for parity in range(2):
        middle = max(1, N // 2 + parity)
        if middle > N:
            continue
        ratio = cmath.exp(log_gamma_ratio(0.5 * middle, v) + v * math.log(2.0 * middle / N))
        total += weights[middle] * ratio
        up, k = ratio, middle
        while k + 2 <= N:
            up *= 1.0 + 2.0 * v / k
            k += 2
            total += weights[k] * up
        down, k = ratio, middle
        while k - 2 >= 1 and weights[k - 2] > 0.0:
            k -= 2
            down /= 1.0 + 2.0 * v / k
            total += weights[k] * down
    return cmath.log(total)


@njit(cache=True, error_model="numpy")
def _exponent(w: complex, X: float, law: Any) -> complex:
    """The logarithm of the integrand without the polynomial."""
    square, ratios, binomials, weights = law[0], law[1], law[2], law[3]
    value = X * w + square * w * w
    for j in range(len(ratios)):
        value += ratios[j, 3] * log_gamma_ratio(ratios[j, 0], ratios[j, 1] * w + ratios[j, 2])
    for j in range(len(binomials)):
        part = weights[int(binomials[j, 0]) : int(binomials[j, 1])]
        value += binomials[j, 4] * _log_binomial_layer(part, binomials[j, 2] * w + binomials[j, 3])
    return value


@njit(cache=True, error_model="numpy")
def _size_of_terms(w: complex, X: float, law: Any) -> float:
    """The sum of the moduli of what `_exponent` adds: its rounding error in units of ROUNDING."""
    square, ratios, binomials, weights = law[0], law[1], law[2], law[3]
    value = abs(X * w) + abs(square * w * w) + 4.0
    for j in range(len(ratios)):
        value += abs(ratios[j, 3] * log_gamma_ratio(ratios[j, 0], ratios[j, 1] * w + ratios[j, 2]))
    for j in range(len(binomials)):
        part = weights[int(binomials[j, 0]) : int(binomials[j, 1])]
        value += abs(binomials[j, 4]) * (1.0 + abs(_log_binomial_layer(part, binomials[j, 2] * w + binomials[j, 3])))
    return value


@njit(cache=True, error_model="numpy")
def _at(low: float, high: float, s: float) -> tuple[float, float]:
    """The strip as an image of the real line, and the distance to its nearest end (without ends, a length)."""
    if low > -math.inf and high < math.inf:
        return low + (high - low) / (1.0 + math.exp(-s)), (high - low) / (1.0 + math.exp(abs(s)))
    if low > -math.inf:
        return low + math.exp(s), math.exp(s)
    return (high - math.exp(-s), math.exp(-s)) if high < math.inf else (math.sinh(s), math.cosh(s))


@njit(cache=True, error_model="numpy")
def _rises(s: float, X: float, law: Any) -> bool:
    """Whether the integrand grows along the real axis: from a value a small imaginary step beside it."""
    c, length = _at(law[5], law[6], s)
    return _exponent(complex(c, 1e-7 * length), X, law).imag > 0.0


@njit(cache=True, error_model="numpy")
def _saddle(X: float, law: Any) -> tuple[float, float]:
    """The minimum on the real axis, nearly, and the distance to the nearest end of the strip."""
    sign = -1.0 if _rises(0.0, X, law) else 1.0
    near, far = 0.0, 1.0
    for _ in range(STEPS_OUT):  # until the integrand grows outwards
        if _rises(sign * far, X, law) == (sign > 0.0):
            break
        near, far = far, far * 1.6
    while far - near > FINE:
        middle = 0.5 * (near + far)
        if _rises(sign * middle, X, law) == (sign > 0.0):
            far = middle
        else:
            near = middle
    return _at(law[5], law[6], sign * 0.5 * (near + far))


@njit(cache=True, error_model="numpy")
def _polynomial(coefficients: Array, w: complex) -> complex:
    value = 0.0j
    for k in range(len(coefficients) - 1, -1, -1):
        value = value * w + coefficients[k]
    return value


@njit(cache=True, error_model="numpy")
def _half_line(offset: float, stride: float, line: Any, X: float, law: Any, enough: float) -> tuple[float, float, int]:
    """Sums over t = offset + k stride of the real part of the integrand and of its modulus, and their number."""
    c, delta, top = line
    part, moduli, quiet, k = 0.0, 0.0, 0, 0
    while quiet < 2 and k < MOST_NODES:
        t = offset + k * stride
        w = complex(c, delta * math.sinh(t))
        term = cmath.exp(_exponent(w, X, law) - top) * _polynomial(law[4], w) * (delta * math.cosh(t))
        half = 0.5 if t == 0.0 else 1.0
        part += half * term.real
        moduli += half * abs(term)
        quiet = quiet + 1 if abs(term) <= NEGLIGIBLE * (moduli + enough) else 0
        k += 1
    return part, moduli, k


@njit(cache=True, error_model="numpy")
def _line(X: float, law: Any) -> tuple[float, float, float, float]:
    """(c, delta, logarithm of the integrand at c, width of the peak at c)."""
    c, delta = _saddle(X, law)
    top = _exponent(complex(c, 0.0), X, law).real
    beside = _exponent(complex(c, BESIDE * delta), X, law).real
    sigma = BESIDE * delta / math.sqrt(max(2.0 * (top - beside), 1e-300))
    if law[5] == -math.inf and law[6] == math.inf:
        delta = WIDE * sigma
    return c, delta, top, sigma


@njit(cache=True, error_model="numpy")
def line_integral(X: float, law: Any) -> tuple[float, float, float]:
    """(scale, value, error) with I = value exp(scale), and the error of the value relative to itself.

    `law` holds k; the rows (x, e, beta, n); the rows (start, end, e, beta, m) of binomial layers, and the weights b
    from start to end; the coefficients of p; and both ends of the strip.
    """
    c, delta, top, sigma = _line(X, law)
    line, stride = (c, delta, top), min(FIRST, FIRST_WIDTHS * sigma / delta)
    whole, moduli, count = _half_line(0.0, stride, line, X, law, 0.0)
    before, change, truncation = math.inf, math.inf, math.inf
    for level in range(LEVELS):
        part, more, nodes = _half_line(0.5 * stride, stride, line, X, law, moduli)
        before, change = change, abs(part - whole) / (moduli + more)
        whole, moduli, count, stride = whole + part, moduli + more, count + nodes, 0.5 * stride
        truncation = 10.0 * change ** (4.0 / 3.0)
        if (
            (truncation < ENOUGH and before < NO_CHANCE)
            or (level > 3 and change < STAGNANT and change > 0.5 * before)
            or count > MOST_NODES
        ):
            break
    rounding = ROUNDING * _size_of_terms(complex(c, sigma), X, law)
    error = min(truncation, change) + rounding
    return top, whole * stride / math.pi, error * moduli / max(abs(whole), 1e-300)


@njit(cache=True, error_model="numpy")
def line_integrals(Xs: Array, law: Any) -> Array:
    """`line_integral` at many X: an array (3, n) of scales, values and errors."""
    found = np.empty((3, len(Xs)))
    for i in range(len(Xs)):
        found[0, i], found[1, i], found[2, i] = line_integral(Xs[i], law)
    return found

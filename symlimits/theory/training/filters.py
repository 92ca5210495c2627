r"""What training has made of each mode of the kernel: the solved lines of `statements`, in floats.

All of them are $g(\lambda) = (1 - q)/(\lambda + m\omega)$, where q is what is left of the start. With
$x = \eta(\lambda/m + \omega)$ this is $\frac\eta mG(x)$, and G is written so that digits are kept at $x = 0$, where it
is t or a polynomial in t, and at the joins of the damping regimes: with expm1, and the roots' product in place of
differences. Sources: the lines of `statement`, which the tests hold every branch against.
"""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
SLOW = 0.5  # of x at the critical damping: below it the slow root is taken by itself
FEW = 64  # steps that are done one by one: in the first ones 1 - q is small beside 1
EARLY = 0.5  # of time over the time scales: below it, 1 - q is small beside 1
TERMS = 24  # of that series: 0.5^24/24! is below rounding


def growth(x: Array, time: float, momentum: float) -> Array:
    """G(x) of the flow, at a finite time that counts steps.

    >>> growth(np.array([0.0, 1.0]), 2.0, 0.0)
    array([2.        , 0.86466472])
    """
    if not momentum:
        return _ratio(-np.expm1(-x * time), x, time)
    friction = 1.0 - momentum
    time = np.float64(time)  # whose powers may overflow
    with np.errstate(all="ignore"):  # branches that are not taken
        early = (friction + np.sqrt(x)) * time < EARLY
        slow = x < SLOW * friction**2 / 4
        late = np.where(slow, _slow_flow(x, time, friction), (1 - _left_flow(x, time, friction)) / x)
        return np.where(early, _series(x, time, friction), late)


def growth_in_steps(x: Array, steps: int, momentum: float) -> Array:
    """G(x) after some steps of gradient descent.

    >>> growth_in_steps(np.array([0.0, 0.5, 1.5]), 2, 0.0)
    array([2. , 1.5, 0.5])
    """
    with np.errstate(all="ignore"):  # branches that are not taken
        if not momentum:
            return _ratio(_lost(x, steps), x, steps)
        if steps <= FEW:
            return _one_by_one(x, steps, momentum)
        early = (1.0 - momentum + np.sqrt(x)) * steps < EARLY
        slow = x < SLOW * (1 - sqrt(momentum)) ** 2
        late = np.where(slow, _slow_steps(x, steps, momentum), (1 - _left_steps(x, steps, momentum)) / x)
        return np.where(early, _doubled(x, steps, momentum), late)


def _ratio(numerator: Array, x: Array, limit: float) -> Array:
    """numerator / x, and its limit at zero."""
    zero = x == 0
    return np.where(zero, limit, numerator / np.where(zero, 1.0, x))


def _lost(w: Array, steps: int) -> Array:
    """1 - (1 - w)^t."""
    near = np.abs(w) < 0.5
    return np.where(near, -np.expm1(steps * np.log1p(-np.where(near, w, 0.0))), 1 - (1 - w) ** float(steps))


def _series(x: Array, time: float, friction: float) -> Array:
    r"""The power series in time of $\ddot G = 1 - \gamma\dot G - xG$."""
    terms = [np.zeros_like(x), np.zeros_like(x), np.full_like(x, 0.5 * time**2)]
    for n in range(1, TERMS):
        push = friction * time * (n + 1) * terms[n + 1] + x * time**2 * terms[n]
        terms.append(-push / ((n + 2) * (n + 1)))
    return np.asarray(sum(reversed(terms)))


def _slow_flow(x: Array, time: float, friction: float) -> Array:
    r"""$[\varphi(s_-) - \varphi(s_+)]/(s_+ - s_-)$ of $\varphi(s) = (1 - e^{-st})/s$, rates with $s_+s_- = x$."""
    root = np.sqrt(friction**2 / 4 - x)
    fast = friction / 2 + root
    slow = x / fast
    parts = [_ratio(-np.expm1(-s * time), s, time) for s in (slow, fast)]
    return np.asarray((parts[0] - parts[1]) / (2 * root))


def _left_flow(x: Array, time: float, friction: float) -> Array:
    r"""$q = e^{-\gamma t/2}(\cosh\sqrt Dt + \frac{\gamma}{2\sqrt D}\sinh\sqrt Dt)$, D = $\gamma^2/4 - x$ any sign."""
    half = friction / 2
    even, odd = _swing(half**2 - x, time, -half * time)
    return np.asarray(even + half * odd)


def _swing(square: Array, time: float, exponent: float) -> tuple[Array, Array]:
    r"""$e^a\cosh wt$ and $e^a\sinh(wt)/w$ for $w^2$ = `square`, of any sign, and a = `exponent`."""
    w = np.sqrt(np.abs(square))
    large, twice = np.exp(exponent + w * time), np.expm1(-2 * w * time)
    over = large * (1 + twice / 2), _ratio(large * (-twice) / 2, w, np.exp(exponent) * time)
    under = np.exp(exponent) * np.cos(w * time), _ratio(np.exp(exponent) * np.sin(w * time), w, np.exp(exponent) * time)
    return np.where(square > 0, over[0], under[0]), np.where(square > 0, over[1], under[1])


def _one_by_one(x: Array, steps: int, momentum: float) -> Array:
    now = before = np.zeros_like(x)
    for _ in range(steps):
        now, before = now + momentum * (now - before) + 1 - x * now, now
    return now


def _doubled(x: Array, steps: int, momentum: float) -> Array:
    r"""Steps of $D' = \mu D + 1 - xG$, $G' = G + D'$, by squaring what the map of (G, D, 1) changes.

    $(I + E)^2 = I + 2E + E^2$: early E is small and nothing cancels, so that each squaring costs a rounding.
    """
    change = np.zeros((len(x), 3, 3))
    change[:, 0], change[:, 1] = (0.0, momentum, 1.0), (0.0, momentum - 1.0, 1.0)
    change[:, :2, 0] = -x[:, None]
    state = np.zeros((len(x), 3, 1))
    state[:, 2] = 1.0
    while steps:
        state = state + change @ state if steps % 2 else state
        change, steps = 2 * change + change @ change, steps // 2
    return np.asarray(state[:, 0, 0])


def _slow_steps(x: Array, steps: int, momentum: float) -> Array:
    r"""$[\varphi(z_+) - \varphi(z_-)]/(z_+ - z_-)$ of $\varphi(z) = z + \dots + z^t$, $(1-z_+)(1-z_-) = x$."""
    middle = (1 - momentum + x) / 2
    root = np.sqrt(middle**2 - x)
    fast = middle + root  # 1 - z_-
    slow = x / fast  # 1 - z_+
    parts = [(1 - w) * _ratio(_lost(w, steps), w, steps) for w in (slow, fast)]
    return np.asarray((parts[0] - parts[1]) / (2 * root))


def _left_steps(x: Array, steps: int, momentum: float) -> Array:
    r"""$q = \pm^t\mu^{t/2}(\cosh t\theta + (\cosh\theta \mp\sqrt\mu)\sinh t\theta/\sinh\theta)$.

    $\pm\cosh\theta = c = (1 + \mu - x)/2\sqrt\mu$, and $\theta$ is imaginary for $|c| < 1$; $|c| - 1$ is taken from
    $((1 \mp\sqrt\mu)^2 - x)/2\sqrt\mu$.
    """
    p = sqrt(momentum)
    sign = np.where(x > 1 + momentum, -1.0, 1.0)
    gap = sign * ((1 - sign * p) ** 2 - x) / (2 * p)
    over = 2 * np.arcsinh(np.sqrt(np.maximum(gap, 0) / 2))
    under = 2 * np.arcsin(np.sqrt(np.maximum(-gap, 0) / 2))
    square = np.where(gap > 0, over**2, -(under**2))
    even, odd = _swing(square, steps, steps * log(p))
    stretch = _ratio(np.where(gap > 0, over, under), np.where(gap > 0, np.sinh(over), np.sin(under)), 1.0)
    return np.asarray(sign**steps * (even + (1 + gap - sign * p) * stretch * odd))

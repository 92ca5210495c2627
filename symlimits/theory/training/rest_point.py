r"""Where training on the cross-entropy with weight decay ends: the root of its gradient, by Newton's method.

$$F(\alpha) = \frac1n(\mathrm{softmax}(f_x + \Theta_{xx}\alpha) - Y) + \omega\alpha = 0$$
is the gradient of a loss that is strictly convex in the parameters $\delta = J^\top\alpha$, by at least $\omega$: at
any $\alpha$ they are within $|J^\top F|/\omega$ of the minimum, where $|J^\top F|^2 = \sum_kF_k^\top\Theta F_k$. That
bound says when to stop, and how close. Without decay there is no end: outputs of data that can be separated grow for
ever. Derived here; see Boyd and Vandenberghe, Convex Optimization, section 9.1.2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax

from symlimits.errors import ResourceError
from symlimits.memory import check_memory

Array = npt.NDArray[np.float64]
DISTANCE = 1e-9  # of the parameters from the minimum, relative to their size and one
ROUNDS, HALVINGS = 60, 40  # of Newton's method, and of one step
DESCENT = 1e-4  # of the decrease that the slope promises (Armijo)


def rest_points(starts: Array, Y: Array, Theta: Array, omega: float) -> Array:
    """The coefficients (members, n, k) where networks of outputs `starts` (members, n, k) come to rest.

    Raises `ResourceError` where the bound on the distance stays above DISTANCE, of decays near rounding.

    >>> zero = np.zeros((1, 1, 2))  # 0 = p - 1 + omega a, p = 1/(1 + exp(-2a)), for outputs a and -a
    >>> a = rest_points(zero, np.array([[1.0, 0.0]]), np.eye(1), 0.5)[0, 0, 0]
    >>> bool(abs(1 / (1 + np.exp(-2 * a)) - 1 + 0.5 * a) < 1e-12)
    True
    """
    n, k = Y.shape
    check_memory(8 * 4 * (n * k) ** 2, f"Newton's method on {n} points of {k} classes", "a finite time")
    return np.stack([_rest_point(start, Y, Theta, omega) for start in starts])


def _rest_point(start: Array, Y: Array, Theta: Array, omega: float) -> Array:
    alpha = np.zeros_like(start)
    for _ in range(ROUNDS):
        p, F, pushed = _gradient(start, Y, Theta, omega, alpha)
        size = _norm(alpha, Theta)
        if pushed <= omega * DISTANCE * (1 + size):
            return alpha
        try:
            v = _newton(p, Theta, omega, F)
        except np.linalg.LinAlgError:  # a decay below rounding
            break
        alpha = _stepped(start, Y, Theta, omega, alpha, F, v)
    given = f"a rest point within {pushed / omega:.1e} of the minimum"
    wanted = f"within {DISTANCE * (1 + size):.1e}"
    raise ResourceError(given, wanted, "a larger weight_decay, or a finite time")


def _gradient(start: Array, Y: Array, Theta: Array, omega: float, alpha: Array) -> tuple[Array, Array, float]:
    """The probabilities, F, and the size of the gradient."""
    p = softmax(start + Theta @ alpha, axis=-1)
    F = (p - Y) / len(Y) + omega * alpha
    return p, F, _norm(F, Theta)


def _norm(coefficients: Array, Theta: Array) -> float:
    """The size of parameters, or of a gradient, that has these coefficients."""
    return float(np.sqrt(max((coefficients * (Theta @ coefficients)).sum(), 0.0)))


def _newton(p: Array, Theta: Array, omega: float, F: Array) -> Array:
    r"""The solution of $\omega v + \frac1nS\Theta v = -F$, S the derivative of the softmax."""
    n, k = p.shape
    S = np.einsum("ia,ab->iab", p, np.eye(k)) - np.einsum("ia,ib->iab", p, p)
    whole = np.einsum("iab,ij->iajb", S, Theta).reshape(n * k, n * k) / n + omega * np.eye(n * k)
    return np.asarray(np.linalg.solve(whole, -F.ravel()).reshape(n, k))


def _stepped(start: Array, Y: Array, Theta: Array, omega: float, alpha: Array, F: Array, v: Array) -> Array:
    """The whole step where it halves the gradient, as it does near the end; else as much as lets the loss decrease."""
    if _gradient(start, Y, Theta, omega, alpha + v)[2] <= 0.5 * _norm(F, Theta):
        return alpha + v
    slope, before = float((F * (Theta @ v)).sum()), _loss(start, Y, Theta, omega, alpha)
    scale = 1.0
    for _ in range(HALVINGS):
        if _loss(start, Y, Theta, omega, alpha + scale * v) <= before + DESCENT * scale * slope:
            break
        scale /= 2
    return alpha + scale * v


def _loss(start: Array, Y: Array, Theta: Array, omega: float, alpha: Array) -> float:
    moved = Theta @ alpha
    logs = log_softmax(start + moved, axis=-1)
    return float(-(Y * logs).sum() / len(Y) + 0.5 * omega * (alpha * moved).sum())

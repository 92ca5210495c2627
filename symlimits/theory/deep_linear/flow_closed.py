r"""The gradient flow of one hidden layer where it has a closed form: data that share singular vectors.

$\dot A = EP + QE$ with $P = (I + A^\top A)^{1/2}$, $Q = (I + AA^\top)^{1/2}$ closes on the predictor. For d = k = 1,
$A = \sinh\theta$, $\dot\theta = 2(b - a\sinh\theta)$ with $a = \sigma_{xx}$, $b = \sigma_{yx}$, and $u = e^\theta$
obeys Riccati's equation $\dot u = a + 2bu - au^2$, solved by
$$A_t = \frac{2bc}{c^2 - b^2},\qquad c = a + \rho\coth\rho t,\qquad \rho = \sqrt{a^2 + b^2}.$$
Where $\Sigma_{xx}$ and $N = \Sigma_{yx}^\top\Sigma_{yx}$ commute, modes decouple and this is a function of commuting
matrices: $A_t = 2\Sigma_{yx}C(C^2 - N)^{-1}$, $C = \Sigma_{xx} + R\coth Rt$, $R = (\Sigma_{xx}^2 + N)^{1/2}$. Whitened
data, $\Sigma_{xx} = I$, always do. Derived here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import DomainError
from symlimits.finite.deep_linear_training import Array
from symlimits.theory.deep_linear.problem import problem

ALIGNED = 1e-12  # of the commutator, relative: a few hundred roundings of a product of matrices


def scalar_flow(a: sp.Expr | float, b: sp.Expr | float, t: sp.Expr | float) -> sp.Expr:
    r"""$A_t$ for d = k = 1 in symbols.

    >>> t = sp.Symbol("t", positive=True)
    >>> scalar_flow(0, 1, t)
    2*coth(t)/(coth(t)**2 - 1)
    """
    a, b, t = (sp.sympify(value) for value in (a, b, t))
    rho = sp.sqrt(a**2 + b**2)
    c = a + rho * sp.coth(rho * t)
    return 2 * b * c / (c**2 - b**2)


def riccati_residual(a: sp.Expr, b: sp.Expr, t: sp.Expr) -> sp.Expr:
    r"""$\dot u - (a + 2bu - au^2)$ for $u = (c + b)/(c - b)$: zero, since then $\sinh\log u = 2bc/(c^2 - b^2)$."""
    rho = sp.sqrt(a**2 + b**2)
    c = a + rho * sp.coth(rho * t)
    u = (c + b) / (c - b)
    return sp.simplify((sp.diff(u, t) - a - 2 * b * u + a * u**2).rewrite(sp.exp))


def aligned_flow(Sxx: npt.ArrayLike, Syx: npt.ArrayLike, times: npt.ArrayLike) -> Array:
    r"""The predictors (T, k, d) of one hidden layer at the times (T,), to rounding.

    Raises `DomainError` where Sxx and Syx share no singular vectors: their flow has no such form.

    >>> aligned_flow([[1.0]], [[2.0]], [0.0, 0.5]).ravel().round(9)
    array([0.        , 1.47569948])
    """
    data, at = problem(Sxx, Syx), np.asarray(times, dtype=np.float64)
    xx, yx = data.Sxx, data.Syx
    N = yx.T @ yx
    if np.linalg.norm(xx @ N - N @ xx) > ALIGNED * np.linalg.norm(xx) * np.linalg.norm(N):
        wanted = "Sxx and Syx with the same singular vectors"
        raise DomainError("data that are not aligned", wanted, "gradient_flow(1, Sxx, Syx, times)")
    values, vectors = _modes(xx, N)
    a, b2 = values
    rho = np.sqrt(a**2 + b2)
    return np.stack([(yx @ vectors * _gain(a, b2, rho, float(t))) @ vectors.T for t in at])


def _gain(a: Array, b2: Array, rho: Array, t: float) -> Array:
    r"""$2c/(c^2 - b^2)$, in $\tau = \tanh(\rho t)/\rho$, where nothing is divided by zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        tau = np.where(rho * t > 0, np.tanh(rho * t) / rho, t)
    s = 1 + a * tau
    return np.asarray(2 * tau * s / (s**2 - b2 * tau**2))


def _modes(S: Array, N: Array) -> tuple[tuple[Array, Array], Array]:
    """The eigenvalues of two matrices that commute, and vectors that they share: those of a mixture of the two."""
    weight = np.linalg.norm(S) / (np.linalg.norm(N) or 1.0)
    _, V = np.linalg.eigh(S + np.sqrt(2) * weight * N)
    return (np.diag(V.T @ S @ V).copy(), np.maximum(np.diag(V.T @ N @ V), 0.0)), V

r"""The gradient flow of one hidden layer in closed form: one mode, derived, and data that share singular vectors.

The infinitely wide network of one hidden layer has two neurons that training meets for d = k = 1, which start at unit
vectors of the input and of the output. Its inner products A, P, Q close on themselves, what is conserved leaves A:
$\dot A = 2(b - aA)\sqrt{1 + A^2}$ with $a = \sigma_{xx}$, $b = \sigma_{yx}$, and $A = \sinh\log u$ leads to Riccati's
equation $\dot u = a + 2bu - au^2$, so that
$$A_t = \frac{2bc}{c^2 - b^2},\qquad c = a + \rho\coth\rho t,\qquad \rho = \sqrt{a^2 + b^2}.$$
In matrices $\dot A = EP + QE$ with $P = (I + A^\top A)^{1/2}$, $Q = (I + AA^\top)^{1/2}$. Where $\Sigma_{xx}$ and
$N = \Sigma_{yx}^\top\Sigma_{yx}$ commute, modes decouple and this is a function of commuting matrices:
$A_t = 2\Sigma_{yx}C(C^2 - N)^{-1}$, $C = \Sigma_{xx} + R\coth Rt$, $R = (\Sigma_{xx}^2 + N)^{1/2}$. Whitened data,
$\Sigma_{xx} = I$, always do. Derived here.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.chain import Derivation
from symlimits.derivation.initial_value import in_polynomials, riccati, substituted, without
from symlimits.derivation.trace import Step, Trace
from symlimits.errors import DomainError
from symlimits.finite.deep_linear_training import Array, Dense, direction, transposed
from symlimits.language.domain import POSITIVE, Domain
from symlimits.language.initial_value import InitialValue
from symlimits.language.names import shown
from symlimits.theory.deep_linear.forest import Forest
from symlimits.theory.deep_linear.problem import problem

ALIGNED = 1e-12  # of the commutator, relative: a few hundred roundings of a product of matrices

a, b, t = sp.symbols("sigma_xx sigma_yx t", positive=True)
A, P, Q, theta = sp.symbols("A P Q theta", real=True)
u, rho, c = sp.symbols("u rho c", positive=True)
SOURCE = "Chizat, Colombo, Fernandez-Real, Figalli, arXiv 2211.16980; the formulas are derived here"
HERE = "derived here"


def network_flow() -> InitialValue:
    r"""The predictor of the infinitely wide network of one hidden layer, d = k = 1, moved by gradient flow.

    >>> network_flow().output
    u_1*v_1 + u_2*v_2
    """
    start = Forest(1, 0, 1, 1).network(object).start
    U, V = (
        [sp.Symbol(f"{name}_{i + 1}", real=True) for i in range(len(w))] for name, w in zip("uv", start, strict=True)
    )
    weights = [np.array(column, dtype=object)[:, None] for column in (U, V)]
    features, derivatives = Dense(weights).passes(1, [0 * w for w in weights])
    predictor = transposed(derivatives[-1]) @ features[-1]
    moves = direction(features, derivatives, b - predictor * a)
    x, velocities, x0 = ([sp.sympify(e) for part in parts for e in part.flat] for parts in (weights, moves, start))
    return InitialValue(predictor[0, 0], x, velocities, x0, t)


def flow_closed(depth: int = 1) -> Derivation:
    r"""$A_t$ for one hidden layer and d = k = 1, from the network to $2bc/(c^2 - b^2)$.

    Here $c = a + \rho\coth\rho t$, $\rho^2 = a^2 + b^2$ with $a = \sigma_{xx}$, $b = \sigma_{yx}$. Raises
    `DomainError` for more hidden layers.

    >>> round(float(flow_closed().evaluate(1, 2, "1/2").value), 9)
    1.475699475
    """
    if depth != 1:
        wanted = "one hidden layer: the flow of more does not close on the predictor"
        raise DomainError(f"depth = {shown(depth)}", wanted, "flow_series(order), or gradient_flow for numbers")
    return Derivation(_lines(), Domain({a: POSITIVE, b: POSITIVE, t: POSITIVE}), (a, b, t), "A_t", SOURCE)


@cache
def _lines() -> Trace:
    network = network_flow()
    n = len(network.variables) // 2
    U, V = sp.Matrix(network.variables[:n]), sp.Matrix(network.variables[n:])
    products = in_polynomials(network, {A: U.dot(V), P: U.dot(U), Q: V.dot(V)})
    predictor = without(products, [P, Q])
    hyperbolic = substituted(predictor, theta, sp.sinh(theta), sp.S.Zero)
    rational = substituted(hyperbolic, u, sp.log(u), sp.S.One)
    return (
        Step(network, "definition", SOURCE),
        Step(products, "A = u.v, P = u.u, Q = v.v", HERE),
        Step(predictor, "conserved: P - Q and PQ - AA", HERE),
        Step(hyperbolic, "A = sinh theta", HERE),
        Step(rational, "u = exp theta", HERE),
        Step(riccati(rational, rho, c), "Riccati's equation", HERE),
    )


def scalar_flow(sigma_xx: sp.Expr | float, sigma_yx: sp.Expr | float, time: sp.Expr | float) -> sp.Expr:
    r"""$A_t$ for d = k = 1 as one formula: the last line of `flow_closed`, its definitions put in.

    >>> time = sp.Symbol("t", positive=True)
    >>> round(scalar_flow(1, 2, time).subs(time, 0.5), 6)
    1.475699
    """
    line = flow_closed().expr
    formula = line.output
    for definition in reversed(line.statements):
        formula = formula.subs(definition.target, definition.expression)
    values = zip((a, b, t), map(sp.sympify, (sigma_xx, sigma_yx, time)), strict=True)
    return formula.subs(dict(values), simultaneous=True)


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

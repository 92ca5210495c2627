r"""The closed form of the gradient flow of one hidden layer, line by line, for one input and one output.

The infinitely wide network of one hidden layer has two neurons that training meets, one of them at a unit vector of the
input, the other at one of the output. Its inner products A, P, Q close on themselves, what is conserved leaves A alone,
and two changes of variables lead to Riccati's equation. Derived here.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from symlimits.chain import Derivation
from symlimits.derivation.initial_value import in_polynomials, riccati, substituted, without
from symlimits.derivation.trace import Step
from symlimits.errors import DomainError
from symlimits.finite.deep_linear_training import Dense, direction, transposed
from symlimits.language.domain import POSITIVE, Domain
from symlimits.language.initial_value import InitialValue
from symlimits.language.names import shown
from symlimits.theory.deep_linear.forest import Forest

a, b, t = sp.symbols("sigma_xx sigma_yx t", positive=True)
A, P, Q, theta = sp.symbols("A P Q theta", real=True)
u = sp.Symbol("u", positive=True)
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

    Here $c = a + \rho\coth\rho t$, $\rho^2 = a^2 + b^2$ with $a = \sigma_{xx}$, $b = \sigma_{yx}$.

    Raises `DomainError` for more hidden layers.

    >>> round(float(flow_closed().evaluate(1, 2, "1/2").value), 9)
    1.475699483
    """
    if depth != 1:
        wanted = "one hidden layer: the flow of more does not close on the predictor"
        raise DomainError(f"depth = {shown(depth)}", wanted, "flow_series(order), or gradient_flow for numbers")
    lines = [Step(network_flow(), "gradient flow of the infinitely wide network", SOURCE)]

    def then(expr: sp.Expr, rule: str) -> None:
        lines.append(Step(expr, rule, HERE))

    n = len(lines[0].expr.variables) // 2
    U, V = (sp.Matrix(part) for part in (lines[0].expr.variables[:n], lines[0].expr.variables[n:]))
    then(in_polynomials(lines[-1].expr, {A: U.dot(V), P: U.dot(U), Q: V.dot(V)}), "A = u.v, P = u.u, Q = v.v")
    then(without(lines[-1].expr, [P, Q]), "conserved: P - Q and PQ - AA")
    then(substituted(lines[-1].expr, theta, sp.sinh(theta), sp.S.Zero), "A = sinh theta")
    then(substituted(lines[-1].expr, u, sp.log(u), sp.S.One), "u = exp theta")
    then(riccati(lines[-1].expr), "Riccati's equation")
    return Derivation(tuple(lines), Domain({a: POSITIVE, b: POSITIVE, t: POSITIVE}), (a, b, t), "A_t", SOURCE)

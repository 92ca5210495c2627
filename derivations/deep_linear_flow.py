"""Gradient flow of infinitely wide deep linear networks: closed forms, series, the bound of the risk, critical rates.

One hidden layer closes on the predictor; with one input and output it is Riccati's equation. Deeper ones have series in
time, exact coefficient by coefficient, and are integrated numerically. The flow converges to the minimal-norm
minimiser; a rate of gradient descent beyond the critical one does not (Chizat et al., arXiv 2211.16980).
"""

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits.theory.deep_linear.flow import gradient_flow
from symlimits.theory.deep_linear.flow_closed import aligned_flow, riccati_residual, scalar_flow
from symlimits.theory.deep_linear.flow_series import flow_series, needed_depth, s, tau
from symlimits.theory.deep_linear.lazy import gradient_descent
from symlimits.theory.deep_linear.operator import critical_rate, exponential_bound, late_factor, operator_at
from symlimits.theory.deep_linear.spectrum import minimiser

SXX, SYX = np.array([[1.0, 0.2], [0.2, 0.5]]), np.array([[1.0, 0.25], [-0.5, 0.5]])


def said(what: str, right: bool) -> bool:
    print(f"{what}: {'holds' if right else 'BROKEN'}", end="\n\n")
    return right


def closed_form() -> list[bool]:
    a, b, g, t = sp.symbols("a b g t", positive=True)
    print(
        "L = 1, d = k = 1: A = sinh(theta), theta' = 2 (b - a sinh(theta)); u = exp(theta) obeys u' = a + 2 b u - a u^2"
    )
    solved = said("u = (c + b)/(c - b), c = a + rho coth(rho t), solves it", riccati_residual(a, b, t) == 0)
    c = b + g  # c > b
    claim = sl.limit(sp.sinh(sp.log((c + b) / (c - b))), name="A_t").then(
        2 * b * c / (g * (c + b)), because="sinh log u = (u - 1/u)/2"
    )
    print(claim.latex(), claim.check(), sep="\n", end="\n\n")
    print("A_t =", scalar_flow(a, b, t), end="\n\n")
    times = np.linspace(0, 3, 7)
    gap = np.abs(aligned_flow(np.eye(2), SYX, times) - gradient_flow(1, np.eye(2), SYX, times).predictors).max()
    return [
        solved,
        claim.check().ok,
        said(f"whitened data, in matrices: the integrator differs by {gap:.1e}", gap < 1e-10),
    ]


def series() -> list[bool]:
    right = []
    for depth, order in ((1, 5), (2, 5), (3, 4), (4, 4)):
        print(f"L = {depth}, forest cut at D = {needed_depth(depth, order)}: a =", flow_series(depth, order))
        value = float(flow_series(depth, order).subs({s: 1, tau: sp.Rational(1, 1000)}))
        right.append(abs(gradient_flow(depth, [[1.0]], [[1.0]], [0.001]).predictors[0, 0, 0] - value) < 1e-9)
    print()
    return [said("the series are the flow, at time 0.001", all(right))]


def training() -> list[bool]:
    found = []
    for depth in (1, 2, 3):
        path = gradient_flow(depth, SXX, SYX, np.linspace(0, 8, 17), rtol=1e-9)
        bound = exponential_bound(path, SXX, SYX)
        found.append(said(f"L = {depth}: R(A_t) - R* <= exp(-2 (L + 1) sigma t) (R_0 - R*)", bound.holds()))
        rate = critical_rate(depth, SXX, SYX)
        steps = gradient_descent(depth, SXX, SYX, rate / 3, 400)
        away = np.linalg.norm((steps.predictors - minimiser(SXX, SYX)) @ SXX, axis=(1, 2))
        late = np.flatnonzero(away > 1e-8 * away[0])[-2]
        seen, told = away[late + 1] / away[late], late_factor(operator_at(steps, SXX), rate / 3)
        print(f"critical rate {rate:.6f}; at a third of it the error falls by {seen:.6f} a step, predicted {told:.6f}")
        found.append(said("late factor", abs(seen - told) < 1e-3))
    return found


def main() -> None:
    if not all([*closed_form(), *series(), *training()]):
        raise SystemExit(1)


if __name__ == "__main__":
    main()

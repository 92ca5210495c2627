"""Gradient flow of infinitely wide deep linear networks: closed forms, series, the bound of the risk, critical rates.

One hidden layer closes on the predictor; with one input and output it is Riccati's equation. Deeper ones have series in
time, exact coefficient by coefficient, and are integrated numerically. The flow converges to the minimal-norm
minimiser; a rate of gradient descent beyond the critical one does not (Chizat et al., arXiv 2211.16980).
"""

import sys

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits.canvas import figure, save
from symlimits.theory.deep_linear.convergence import exponential_bound
from symlimits.theory.deep_linear.flow import gradient_flow
from symlimits.theory.deep_linear.flow_closed import aligned_flow
from symlimits.theory.deep_linear.flow_series import needed_depth, s, tau
from symlimits.theory.deep_linear.lazy import gradient_descent
from symlimits.theory.deep_linear.operator import critical_rate, late_factor, operator_at
from symlimits.theory.deep_linear.spectrum import minimiser

SXX, SYX = np.array([[1.0, 0.2], [0.2, 0.5]]), np.array([[1.0, 0.25], [-0.5, 0.5]])


def said(what: str, right: bool) -> bool:
    print(f"{what}: {'holds' if right else 'BROKEN'}", end="\n\n")
    return right


def closed_form() -> list[bool]:
    A = sl.deep_linear(1).flow_closed()
    print(A.latex(), A.check(), sep="\n", end="\n\n")
    times = np.linspace(0.5, 3, 6)
    flow = gradient_flow(1, [[0.7]], [[2.0]], times).predictors.ravel()
    gap = np.abs(A(0.7, 2.0, times) - flow).max()
    aligned = np.abs(aligned_flow(np.eye(2), SYX, times) - gradient_flow(1, np.eye(2), SYX, times).predictors).max()
    return [
        A.check().ok,
        said(f"the integrator differs from it by {gap:.1e}", gap < 1e-10),
        said(f"whitened data, in matrices: by {aligned:.1e}", aligned < 1e-10),
    ]


def series() -> list[bool]:
    right = []
    for depth, order in ((1, 5), (2, 5), (3, 4), (4, 4)):
        found = sl.deep_linear(depth).flow_series(order)
        print(f"L = {depth}, forest cut at D = {needed_depth(depth, order)}: a =", found.expr)
        value = float(found.expr.subs({s: 1, tau: sp.Rational(1, 1000)}))
        right.append(abs(gradient_flow(depth, [[1.0]], [[1.0]], [0.001]).predictors[0, 0, 0] - value) < 1e-9)
    print()
    return [said("the series are the flow, at time 0.001", all(right))]


def training() -> list[bool]:
    found = []
    for depth in (1, 2, 3):
        path = gradient_flow(depth, SXX, SYX, np.linspace(0, 8, 17), rtol=1e-9)
        bound = exponential_bound(path, SXX, SYX)
        print(f"L = {depth}: {bound}")
        found.append(said("and no excess of the risk falls more slowly at any of these times", bound.implied()))
        rate = critical_rate(depth, SXX, SYX)
        steps = gradient_descent(depth, SXX, SYX, rate / 3, 400)
        away = np.linalg.norm((steps.predictors - minimiser(SXX, SYX)) @ SXX, axis=(1, 2))
        late = np.flatnonzero(away > 1e-8 * away[0])[-2]
        seen, told = away[late + 1] / away[late], late_factor(operator_at(steps, SXX), rate / 3)
        print(f"critical rate {rate:.6f}; at a third of it the error falls by {seen:.6f} a step, predicted {told:.6f}")
        found.append(said("late factor", abs(seen - told) < 1e-3))
    return found


def picture(path: str) -> None:
    """Predictors under gradient flow by depth, for two data: the closed form of one hidden layer among them."""
    drawn, times = figure(7.4, 3.2), np.linspace(0, 4, 201)
    for axes, target in zip(drawn.subplots(1, 2), (1.0, 0.05), strict=True):
        for depth in (1, 2, 3, 4):
            predictors = gradient_flow(depth, [[1.0]], [[target]], times).predictors.ravel()
            axes.plot(times, predictors, color=f"C{depth - 1}", label=f"L = {depth}")
        few = times[10::20]
        closed = sl.deep_linear(1).flow_closed()(1.0, target, few)
        axes.plot(few, closed, "o", color="C0", markersize=4, label="L = 1, closed form")
        axes.axhline(target, color="0.6", linestyle=":", linewidth=1.0)
        axes.set(xlabel="time", ylabel="predictor a(t)", title=f"target {target:g}")
        axes.legend(frameon=False, fontsize=8)
    save(drawn, path)


def main() -> None:
    if not all([*closed_form(), *series(), *training()]):
        raise SystemExit(1)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

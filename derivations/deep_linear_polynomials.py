"""Exact training paths of deep linear networks: polynomials in the learning rate and in the size of the target.

The program of the recursion is swept over polynomials; its part linear in the target is the path of the tangent
kernel, 1 - (1 - (L + 1) eta)^t, which is found by factoring (derived here; setting: arXiv 2211.16980).
"""

from __future__ import annotations

import sys

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits.canvas import figure, save
from symlimits.finite.deep_linear_training import draw, train
from symlimits.theory.deep_linear.polynomial import eta, s


def held(what: str, found: bool) -> None:
    print(f"  {what:<72} {'holds' if found else 'BROKEN'}")
    if not found:
        raise SystemExit(1)


def picture(path: str) -> None:
    """The predictor after two steps against the learning rate: polynomials, their lazy part, networks drawn."""
    drawn, rates = figure(4.8, 3.4), np.linspace(0, 0.45, 200)
    axes = drawn.subplots()
    for depth in (1, 2, 3):
        net = sl.deep_linear(depth)
        found, lazy = (sp.lambdify(eta, e.subs(s, 1)) for e in (net.polynomial(2).expr, net.lazy_polynomial(2).expr))
        axes.plot(rates, found(rates), color=f"C{depth - 1}", label=f"L = {depth}")
        axes.plot(rates, lazy(rates), ":", color=f"C{depth - 1}", linewidth=1.0)
        for rate in (0.1, 0.2, 0.3, 0.4):
            nets = draw(512, depth, 1, 1, 40, np.random.default_rng(0))
            *_, last = train(nets, np.eye(1), np.eye(1), rate, 2)
            axes.plot(rate, last.predictor.mean(), "o", color=f"C{depth - 1}", markersize=3.5)
    axes.set(xlabel="learning rate $\\eta$", ylabel="predictor after two steps, s = 1", ylim=(-0.1, 1.25))
    axes.legend(
        frameon=False, fontsize=8, title="dotted: tangent kernel;\npoints: mean of 40 networks", title_fontsize=8
    )
    save(drawn, path)


def main() -> None:
    print(sl.deep_linear(1).polynomial(2).latex(), end="\n\n")
    for depth in (1, 2, 3):
        net = sl.deep_linear(depth)
        path, lazy = net.polynomial(2), net.lazy_polynomial(4)
        print(f"depth {depth}: a_2 = {path.expr}")
        print(f"         small targets: a_4/s = {lazy.expr}")
        held("the program, the polynomial and its factors are equal", bool(path.check().ok))
        held("so are the lines of the lazy path", bool(lazy.check().ok))
        whole = sp.Poly(path.trace[1].expr, s)
        held("the part linear in s is lazy", sp.expand(whole.coeff_monomial(s) - net.lazy_polynomial(2).expr) == 0)
        for steps in (2, 3):
            polynomial = sp.Poly(net.polynomial(steps).trace[1].expr, eta, s)
            degrees = (polynomial.degree(s), polynomial.degree(eta))
            terms = len(polynomial.terms())
            print(f"         {steps} steps: {terms} terms, degree {degrees[0]} in s, {degrees[1]} in eta")
            wanted = (2 * depth + 1) ** (steps - 1)
            held("the degree in s is (2 L + 1)^(t - 1)", degrees[0] == wanted)
    # Two inputs of unequal variance: the predictor after one step is (L + 1) eta Syx, and then the layers interact.
    print("\nrational data, two steps:", sl.deep_linear(1).polynomials([[1, 0], [0, "1/4"]], [[1, "1/4"]], steps=2))


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

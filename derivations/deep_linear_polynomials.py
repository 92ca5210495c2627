"""Exact training paths of deep linear networks: polynomials in the learning rate and in the size of the target.

The program of the recursion is swept over polynomials; its part linear in the target is the path of the tangent
kernel, 1 - (1 - (L + 1) eta)^t, which is found by factoring (derived here; setting: arXiv 2211.16980).
"""

from __future__ import annotations

import sympy as sp

import symlimits as sl
from symlimits.theory.deep_linear.polynomial import eta, s


def held(what: str, found: bool) -> None:
    print(f"  {what:<72} {'holds' if found else 'BROKEN'}")
    if not found:
        raise SystemExit(1)


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
    main()

"""The neural tangent kernel of a ReLU network, and a fact about its depth.

Theta^{l+1} = K^{l+1} + sigma_w^2 T'(K^l) Theta^l with T' the dual of the derivative (Jacot et al. 2018; Lee et al.
2019, arXiv 1902.06720). At sigma_w^2 = 2, sigma_b = 0 the diagonal grows by K(x, x) a layer:
Theta(x, x) = (L + 1) K(x, x).
"""

import sympy as sp

import symlimits as sl
from symlimits import activations as act


def main() -> None:
    dual = sl.dual(act.relu)
    slope = dual.dot()
    print(slope.explain(), end="\n\n")

    # Price's theorem once more: the dual of the derivative is the derivative of the dual.
    c = dual.arguments[2]
    print("d T / d c - T' =", sp.simplify(dual.expr.diff(c) - slope.expr), end="\n\n")

    tangent = sl.ntk(sl.mlp(depth="L", activation=act.relu, w_var="sigma_w**2", b_var="sigma_b**2"))
    print(tangent.latex(), end="\n\n")

    p = dual.arguments[0]
    for depth in (1, 2, 3):
        bound = tangent.bind(L=depth, sigma_w=sp.sqrt(2), sigma_b=0)
        print(f"depth {depth}: Theta(x, x) =", sp.simplify(bound.recursion.unroll().subs({"q": p, "c": p})))

    certificate = tangent.certify(seed=0)
    print(certificate)
    if not certificate.ok:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

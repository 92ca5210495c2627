"""The neural tangent kernel of an erf network, where every kernel is an arcsine (Williams 1997; Lee et al. 2019).

One derivative of erf is a Gaussian bump, so Price's theorem is needed once, and the integral over the covariance is
an arcsine: T = (2/pi) arcsin(2c / sqrt((1 + 2p)(1 + 2q))).
"""

import sympy as sp

import symlimits as sl
from symlimits import activations as act


def main() -> None:
    dual = sl.dual(act.erf)
    print(dual.explain(), end="\n\n")

    # The tangent kernel needs E erf'(u) erf'(v): derived on its own, and as dT/dc.
    c = dual.arguments[2]
    difference = sp.simplify(dual.expr.diff(c) - dual.dot().expr)
    print("d T / d c - T' =", difference, end="\n\n")

    tangent = sl.ntk(sl.mlp(depth="L", activation=act.erf, w_var="sigma_w**2", b_var="sigma_b**2"))
    print(tangent.latex(), end="\n\n")

    certificate = tangent.certify(seed=0)
    print(certificate)
    if not certificate.ok or difference != 0:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

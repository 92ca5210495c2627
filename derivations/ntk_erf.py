"""The neural tangent kernel of an erf network, where every kernel is an arcsine (Williams 1997; Lee et al. 2019).

One derivative of erf is a Gaussian bump, so Price's theorem is needed once, and the integral over the covariance is
an arcsine: T = (2/pi) arcsin(2c / sqrt((1 + 2p)(1 + 2q))).
"""

import sys

import sympy as sp

import symlimits as sl
from symlimits import activations as act


def picture(path: str) -> None:
    """The picture of its certificate: what finite width adds, and the means of networks against normal quantiles."""
    tangent = sl.ntk(sl.mlp(depth=2, activation=act.erf, w_var=2, b_var="1/10"))
    tangent.certify(sizes=(16, 32, 64, 128, 256), seed=0).picture(path)


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
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

"""The NNGP kernel of a ReLU network: the arc-cosine kernel, and its recursion in the depth.

From line 0, E relu(u) relu(v) for two correlated Gaussians, to the closed form of Cho & Saul (2009), every line by
a rule; then the recursion K^{l+1} = sigma_w^2 T(K^l) + sigma_b^2 (Lee et al. 2019, arXiv 1902.06720), and what it
becomes on the sphere. Run it: it prints the derivation and stops with an error if a line is false.
"""

import sympy as sp

import symlimits as sl
from symlimits import activations as act


def main() -> None:
    dual = sl.dual(act.relu)
    print(dual.explain(), end="\n\n")

    # Price's theorem differentiates relu twice: what is left under the integral is the density at (0, 0).
    dirac = dual.trace[1].expr.atoms(sp.DiracDelta)
    print("After Price's theorem the integrand holds", sorted(map(str, dirac)), end="\n\n")

    kernel = sl.nngp(sl.mlp(depth="L", activation=act.relu, w_var="sigma_w**2", b_var="sigma_b**2"))
    print(kernel.latex(), end="\n\n")

    # At sigma_w^2 = 2, sigma_b = 0 the variance is kept from layer to layer: one map of the correlation.
    critical = kernel.bind(sigma_w=sp.sqrt(2), sigma_b=0).on_sphere(1)
    rho = critical.arguments[0]
    print("R(rho) =", critical.expr)
    slope = sp.limit(critical.expr.diff(rho), rho, 1, "-")
    print("fixed point R(1) =", critical.expr.subs(rho, 1), "with slope", slope)

    certificate = kernel.certify(seed=0)
    print(certificate)
    if not certificate.ok:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

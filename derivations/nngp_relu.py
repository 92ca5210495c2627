"""The NNGP kernel of a ReLU network: the arc-cosine kernel, and its recursion in the depth.

From line 0, E relu(u) relu(v) for two correlated Gaussians, to the closed form of Cho & Saul (2009), every line by
a rule; then the recursion K^{l+1} = sigma_w^2 T(K^l) + sigma_b^2 (Lee et al. 2019, arXiv 1902.06720), and what it
becomes on the sphere. Run it: it prints the derivation and stops with an error if a line is false.
"""

import sys

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.canvas import figure, save
from symlimits.finite.network import empirical_nngp


def picture(path: str) -> None:
    """The correlation after some layers against that of the inputs, and networks of width 1024."""
    drawn, rho = figure(4.8, 3.4), np.linspace(-1, 1, 201)
    axes, few = drawn.subplots(), np.linspace(-1, 1, 9)
    inputs = np.array([[1.0, 0.0], *np.stack([few, np.sqrt(1 - few**2)], axis=1)]) * np.sqrt(2)  # |x|^2 = d
    for number, depth in enumerate((1, 2, 4, 8, 16)):
        net = sl.mlp(depth, act.relu, w_var=2, b_var=0)
        axes.plot(rho, sl.nngp(net).compile().pairs(1.0, 1.0, rho) / 2, color=f"C{number}", label=f"L = {depth}")
        K = empirical_nngp(net, inputs, 1024, np.random.default_rng(depth))
        axes.plot(few, K[0, 1:] / np.sqrt(K[0, 0] * K.diagonal()[1:]), "o", markersize=3.5, color=f"C{number}")
    axes.set(xlabel="correlation of the inputs", ylabel="correlation of the outputs", ylim=(-0.05, 1.05))
    axes.legend(frameon=False, fontsize=8, title="points: one network", title_fontsize=8)
    save(drawn, path)


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
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

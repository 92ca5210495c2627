"""The neural tangent kernel of a ReLU network, and a fact about its depth.

Theta^{l+1} = K^{l+1} + sigma_w^2 T'(K^l) Theta^l with T' the dual of the derivative (Jacot et al. 2018; Lee et al.
2019, arXiv 1902.06720). At sigma_w^2 = 2, sigma_b = 0 the diagonal grows by K(x, x) a layer:
Theta(x, x) = (L + 1) K(x, x).
"""

import sys

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.canvas import figure, save
from symlimits.finite.network import empirical_ntk


def picture(path: str) -> None:
    """The tangent kernel over its diagonal, against the angle of the inputs, and networks of width 512."""
    drawn, angle = figure(4.8, 3.4), np.linspace(0, np.pi, 201)
    axes, few = drawn.subplots(), np.linspace(0, np.pi, 10)
    inputs = np.sqrt(2) * np.stack([np.cos(few), np.sin(few)], axis=1)  # |x|^2 = d
    for number, depth in enumerate((1, 2, 4, 8)):
        net = sl.mlp(depth, act.relu, w_var=2, b_var=0)
        limit = sl.ntk(net).compile().pairs(1.0, 1.0, np.cos(angle))
        axes.plot(angle, limit / limit[0], color=f"C{number}", label=f"L = {depth}")
        rng = np.random.default_rng(depth)
        found = np.array([empirical_ntk(net, inputs, 512, rng)[0] for _ in range(16)]) / limit[0]
        bars = 2 * found.std(axis=0, ddof=1) / np.sqrt(16)
        axes.errorbar(few, found.mean(axis=0), yerr=bars, fmt="o", markersize=3, color=f"C{number}")
    axes.set(xlabel="angle between the inputs", ylabel="NTK over its diagonal", ylim=(-0.1, 1.15))
    axes.set_xticks([0, np.pi / 2, np.pi], labels=["0", "π/2", "π"])
    axes.legend(frameon=False, fontsize=8, title="bars: 16 networks, 2 s.e.", title_fontsize=8)
    save(drawn, path)


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
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

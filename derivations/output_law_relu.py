"""ReLU networks on one input: an exact law with an atom at zero, and the limit with 5a/2 in place of a.

A layer of N units of which k are positive, k binomial (N, 1/2), multiplies q by 2 chi^2_k/N (He weights): a mixture
(Zavatone-Veth and Pehlevan, arXiv 2104.11734). The factor sums over k alone: no sum over configurations of layers.
"""

import sys

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.canvas import figure, save
from symlimits.theory.mixtures.expansion import layer_series


def picture(path: str) -> None:
    """The distribution function of the output, which jumps at zero, and networks drawn."""
    widths, count, rng = (3, 4), 20_000, np.random.default_rng(0)
    law, h = sl.output_law(widths=widths, activation=act.relu), np.ones((count, 1, 1))
    for width in (*widths, 1):
        scale = (1 if h.shape[1] == 1 else 2) / h.shape[1]
        h = np.maximum(rng.normal(size=(count, width, h.shape[1])) @ h, -np.inf if width == 1 else 0) * np.sqrt(scale)
    drawn, s = figure(4.8, 3.2), np.linspace(-4, 4, 401)
    axes = drawn.subplots()
    axes.plot(s, law.cdf(s), color="0.75", linewidth=4, label="law")
    ranks = np.arange(count)[::20]
    axes.plot(np.sort(h.ravel())[ranks], ranks / count, color="C3", linewidth=0.9, label=f"{count:,} networks")
    jump = f"jump of P(s = 0) = {law.mixing.atom:.4f}"
    axes.annotate(jump, (0.0, 0.5), (0.5, 0.3), fontsize=8, arrowprops={"arrowstyle": "->"})
    axes.set(xlabel="output s", ylabel="distribution function", xlim=(-4, 4))
    axes.legend(frameon=False, fontsize=8)
    save(drawn, path)


def main() -> None:
    law = sl.output_law(widths=(3, 4), activation=act.relu)
    print(law.characteristic.latex(), end="\n\n")
    print("P(s = 0) =", law.mixing.atom, "  E q^2 =", law.mixing.moment(2), end="\n\n")

    (first,) = layer_series(1, rectified=True)
    print("log E q^u of a layer =", sp.factor(first), "/N + ...: the linear law with a -> 5a/2", end="\n\n")
    try:
        sl.output_law(widths=(3, 4), covariance=[[1, 0], [0, 1]], activation=act.relu)
    except sl.errors.NoRule as refusal:
        print(refusal, end="\n\n")

    certificate = law.characteristic.certify(sizes=(2, 8, 32), seed=0)
    print(certificate)
    if not certificate.ok:
        raise SystemExit(1)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

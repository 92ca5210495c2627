"""The output law of a deep linear network of finite width, from one layer's factor to a line integral.

E (chi^2_N/N)^u is a ratio of Gamma functions; a product of layers is a product of such ratios; Mellin inversion gives
the characteristic function and the density (Bassetti et al., arXiv 2406.03260; Zavatone-Veth and Pehlevan, arXiv
2104.11734: Meijer's G functions). The claim is certified against full random networks of several input dimensions.
"""

import sys

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits.canvas import figure, save
from symlimits.derivation.meijer import meijer
from symlimits.derivation.mellin import chi_square_factor, gamma_integrals, w
from symlimits.finite.deep_linear import multiply_weights


def picture(path: str) -> None:
    """Densities of outputs, and networks drawn."""
    drawn, rng, s = figure(6.6, 3.0), np.random.default_rng(0), np.linspace(-6, 6, 301)
    panels = drawn.subplots(1, 2)
    bins = np.linspace(-6, 6, 49)
    for number, widths in enumerate([(5, 3, 4), (20, 20), ()]):
        law, name = sl.output_law(widths=widths), f"widths {widths}" if widths else "infinite width"
        draws = multiply_weights(widths, 1, np.eye(1), 100_000, rng).ravel()
        heights, _ = np.histogram(draws, bins)
        for axes in panels:
            axes.plot(s, law.pdf(s), color=f"C{number}", label=name)
            axes.stairs(heights / draws.size / np.diff(bins), bins, color=f"C{number}", alpha=0.5, linewidth=0.8)
    panels[0].set(xlabel="output s", ylabel="density", xlim=(-3, 3), ylim=(0, 1.25))
    panels[1].set(xlabel="output s", yscale="log", ylim=(1e-5, 2))
    panels[0].legend(frameon=False, fontsize=8, title="steps: 100,000 networks", title_fontsize=8)
    save(drawn, path)


def main() -> None:
    N = sp.Symbol("N", positive=True)
    factor = chi_square_factor(N, w)
    print("one layer: E (chi^2_N/N)^w =", factor, "=", gamma_integrals(factor), end="\n\n")

    law = sl.output_law(widths=(5, 3, 4))
    print(law.characteristic.latex(), end="\n\n")
    print(law.density.explain(), end="\n\n")
    print("as Meijer functions:", meijer(law.density.expr), "and", meijer(law.characteristic.expr), end="\n\n")
    print("moments 2, 4, 6:", [law.moment(k) for k in (2, 4, 6)], "  excess kurtosis:", law.kurtosis)
    print("correlation of squared outputs:", sl.output_law(widths=(5, 3, 4), outputs=2).correlation_of_squares[0, 1])

    # All layers count alike: their order does not matter, and one wide layer changes little.
    print("p(1) of (3, 4, 5):", sl.output_law(widths=(3, 4, 5)).pdf(1.0), "of (5, 3, 4):", law.pdf(1.0), end="\n\n")

    certificate = law.characteristic.certify(sizes=(2, 8, 32), seed=0)
    print(certificate)
    lines = law.density.check()
    print(lines)
    if not (certificate.ok and lines.ok):
        raise SystemExit(1)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

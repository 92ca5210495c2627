"""The output law of a deep linear network of finite width, from one layer's factor to a line integral.

E (chi^2_N/N)^u is a ratio of Gamma functions; a product of layers is a product of such ratios; Mellin inversion gives
the characteristic function and the density (Bassetti et al., arXiv 2406.03260; Zavatone-Veth and Pehlevan, arXiv
2104.11734: Meijer's G functions). The claim is certified against full random networks of several input dimensions.
"""

import sympy as sp

import symlimits as sl
from symlimits.derivation.meijer import meijer
from symlimits.derivation.mellin import chi_square_factor, gamma_integrals, w


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
    main()

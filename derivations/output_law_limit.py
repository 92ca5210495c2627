"""The proportional limit of deep linear networks: why it is log-normal, at which rate, and what comes next.

The logarithm of a layer's factor is a series in 1/N whose coefficients are polynomials in u, derived from the moments
at integer u. The first, u(u - 1), makes log q Gaussian when depth over width tends to a (Bassetti, Ladelli and Rotondo,
arXiv 2411.15267); the second is the correction of order 1/N, hence the rate.
"""

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits.theory.mixtures.expansion import correction, layer_series

WIDTHS = (8, 16, 32, 64, 128)


def main() -> None:
    for j, c in enumerate(layer_series(3), 1):
        print(f"c_{j}(u) =", sp.factor(c))
    p_2 = sp.Symbol("p_2")
    print("M_N(u) = exp(a u (u - 1)) *", sp.factor(correction([p_2], 1)), "+ O(1/N^2), p_2 = sum 1/N_l^2", end="\n\n")

    t = np.geomspace(0.05, 50, 300)
    for a in (0.25, 1.0):
        laws = [sl.output_law(widths=(N,) * int(a * N)) for N in WIDTHS]
        gaps = [[np.abs(law.expanded_cf(t, order) - law.cf(t)).max() for order in (0, 1)] for law in laws]
        slopes = np.polyfit(np.log(WIDTHS), np.log(gaps), 1)[0]
        print(f"a = {a}: sup |cf_N - cf| ~ N^{slopes[0]:.3f}, with the correction N^{slopes[1]:.3f}")
        if not (-1.05 < slopes[0] < -0.95 and -2.1 < slopes[1] < -1.9):
            raise SystemExit(1)

    law = sl.output_law(ratio="1/2")
    print(law.characteristic.latex(), end="\n\n")
    print("E s^4 =", sl.output_law(ratio="a").moment(4), "  correlation of squares:",
          sl.output_law(ratio="a", outputs=2).correlation_of_squares[0, 1])  # fmt: skip
    certificate = law.characteristic.certify(seed=0)
    print(certificate)
    lines = law.density.check()
    print(lines)
    if not (certificate.ok and lines.ok):
        raise SystemExit(1)


if __name__ == "__main__":
    main()

"""The proportional limit of deep linear networks: why it is log-normal, at which rate, and what comes next.

The logarithm of a layer's factor is a series in 1/N whose coefficients are polynomials in u, derived from the moments
at integer u. The first, u(u - 1), makes log q Gaussian when depth over width tends to a (Bassetti, Ladelli and Rotondo,
arXiv 2411.15267); the second is the correction of order 1/N, hence the rate.
"""

import sys

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits.paper.mixture_pictures import densities
from symlimits.theory.mixtures.expansion import correction, layer_series

WIDTHS = (32, 64, 128, 256)


def picture(path: str) -> None:
    """Densities of networks as deep as wide, of their limit, and of the Gaussian."""
    densities([(8,) * 8, (32,) * 32], path)


def main() -> None:
    for j, c in enumerate(layer_series(3), 1):
        print(f"c_{j}(u) =", sp.factor(c))
    p_2 = sp.Symbol("p_2")
    print("M_N(u) = exp(a u (u - 1)) *", sp.factor(correction([p_2], 1)), "+ O(1/N^2), p_2 = sum 1/N_l^2", end="\n\n")

    t = np.geomspace(0.1, 10, 20)
    for a in ("1/4", "1"):
        limit, N = sl.output_law(ratio=a), 128
        networks = sl.output_law(widths=(N,) * int(N * limit.mixing.ratio))
        gap, coefficient = N * (networks.cf(t) - limit.cf(t)), limit.leading_gap()(t)
        print(f"a = {a}: N sup |cf_N - cf| = {abs(gap).max():.4f} at N = {N}, tends to {abs(coefficient).max():.4f}")
        for corrections in (0, 1):
            rate = limit.rate(corrections).certify(sizes=WIDTHS)
            print(f"with {corrections} corrections: {rate.links[0].summary}")
            if not rate.links[0].passed:
                raise SystemExit(1)
    print(sl.output_law(ratio="a").leading_gap().latex(), end="\n\n")
    print(sl.output_law(ratio="a").tail.latex(), end="\n\n")

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
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

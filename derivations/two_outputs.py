"""Two outputs of a deep linear network: from one layer's chi squares to the law of their covariance.

The mixing matrix is Q = e^G O diag(e^rho, e^-rho) O'. One layer is a triangular matrix with T_11^2 a chi square of N
degrees of freedom and T_22^2 one of N - 1 (Bartlett 1933); its spherical transform is a product, which stays one over
layers and tends to a Gaussian: hyperbolic Brownian motion (Bassetti, Ladelli and Rotondo, arXiv 2411.15267). Run it:
it prints the lines, holds the claims against full random networks at finite width and against triangular factors of
deep ones in the limit, and stops with an error if a check fails.
"""

import sys

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits.derivation.heat_kernel import heat_kernel
from symlimits.paper.mixture_pictures import matrix_correlations
from symlimits.theory.mixtures.eigenvalues import Eigenvalues
from symlimits.theory.mixtures.mehler_fock import Distance
from symlimits.theory.mixtures.moments import mixing_moment

a, N, n, x = sp.symbols("a N n x", positive=True)
DIGITS = 1e-10


def holds(statement: str, truth: object) -> None:
    print(f"  {statement:<88} {'holds' if truth else 'BROKEN'}")
    if not truth:
        raise SystemExit(1)


def picture(path: str) -> None:
    """How squares of outputs are correlated, against depth over width."""
    matrix_correlations((4, 16), path)


def main() -> None:
    finite = sl.output_law(widths=(5, 3), outputs=2, covariance=[[1, "1/2"], ["1/2", 2]])
    limit = sl.output_law(ratio="a", outputs=2, covariance=[[1, "1/2"], ["1/2", 2]])
    claims = finite.characteristic, limit.eigenvalue_density.apply(heat_kernel), finite.density
    for claim in (*claims, limit.determinant.density):
        print(claim.latex(), end="\n\n")
    deep = sl.output_law(ratio="1/2", outputs=2, covariance=[[1, "1/2"], ["1/2", 2]]).characteristic
    certificates = claims[0].certify(sizes=(2, 4, 8)), deep.certify(sizes=(8, 16, 32))
    for certificate in (*certificates, *(claim.check() for claim in claims[1:])):
        print(certificate, end="\n\n")
        if not certificate.ok:
            raise SystemExit(1)

    print("The generator of cosh(rho) = x is half the Laplacian of the hyperbolic plane, ((x^2 - 1) f')'/2:")
    for degree in range(1, 5):
        f = sp.legendre(degree, x)
        rate = sp.simplify(sp.diff((x**2 - 1) * f.diff(x), x) / (2 * f))
        transform = Distance(None, a).transform(sp.Rational(2 * degree + 1, 4))
        holds(f"P_{degree} grows at the rate {rate}", sp.simplify(sp.log(transform).expand(force=True) - rate * a) == 0)

    print("The second moments of Q by the calculus of matchings, and by cosh(rho) and G:")
    square = mixing_moment([(0, 0), (0, 0)], ratio="a") + mixing_moment([(0, 0), (1, 1)], ratio="a")  # E (tr Q)^2 / 2
    scale = sp.exp(2 * (-3 * a / 2) + 2 * a)  # E e^{2G}, G from N(-3a/2, a)
    cosh = (2 * sp.exp(3 * a) + 1) / 3  # E x^2 = (2 E P_2 + 1)/3
    holds(f"E (tr Q)^2 = 4 E e^(2G) E cosh^2 = {sp.expand(2 * square)}", sp.expand(2 * square - 4 * scale * cosh) == 0)

    print("One layer at width 7 in the closed form of two outputs is Wishart's law; the characteristic function:")
    law = sl.output_law(widths=(7,), outputs=2, covariance=np.eye(2))
    t = np.array([[0.9, -0.4], [0.2, 0.8]])
    holds("det(1 + T T'/N)^(-N/2)", abs(law.cf(t) - np.linalg.det(np.eye(2) + t @ t.T / 7) ** -3.5) < DIGITS)

    print("At depth N the law is off its limit by c/N:")
    limit = sl.output_law(ratio=1, outputs=2, covariance=np.eye(2))
    correlation = limit.correlation_of_squares[0, 2]
    holds(
        f"corr(s_1^2, s_2^2) on one input = {correlation}",
        sp.simplify(correlation - (sp.E**2 - 1) / (3 * sp.E**2 - 1)) == 0,
    )
    errors = [
        sl.output_law(widths=(k,) * k, outputs=2, covariance=np.eye(2)).cf(t) - limit.cf(t) for k in (32, 64, 128)
    ]
    print(
        "  N times the error of the characteristic function:",
        [round(k * e, 5) for k, e in zip((32, 64, 128), errors, strict=True)],
    )
    rates = np.diff(np.log2(np.abs(errors)))
    holds(f"the exponents are {rates.round(3).tolist()}", (np.abs(rates + 1) < 0.05).all())

    first = Eigenvalues(None, a).first(x)
    print("In the limit the factor of the transform is", sp.simplify(first))
    holds("it is Gaussian", sp.Poly(sp.log(first).expand(force=True), x).degree() == 2)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

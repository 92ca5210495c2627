"""The table of `symlimits.reading.special`, derived: run `python benchmarks/special_coefficients.py` to print it.

Half the angle between two directions with cosine rho is asin(sqrt z), z = (1 - rho)/2.
asin(sqrt z)/sqrt z = 1 + z/6 + ... is analytic in |z| < 1 (DLMF 4.24.1), so on 0 <= z <= 1/2

    asin(sqrt z) = sqrt z (1 + z P(z)),

with P interpolated at Chebyshev points. Its singularity z = 1 lies on the Bernstein ellipse of [0, 1/2] with
parameter 3 + sqrt 8 = 5.83, which is what each further coefficient gains (Trefethen, Approximation Theory and
Approximation Practice, theorem 8.2); interpolation loses less than a digit to the best approximation. The number
of coefficients is the smallest whose error is below 1/20 of half an ulp.
"""

from __future__ import annotations

import mpmath as mp

DIGITS = 40
END = mp.mpf(1) / 2
COEFFICIENTS = 20


def target(z: mp.mpf) -> mp.mpf:
    """P(z) = (asin(sqrt z)/sqrt z - 1)/z, with its limit 1/6 at 0."""
    if z == 0:
        return mp.mpf(1) / 6
    root = mp.sqrt(z)
    return (mp.asin(root) / root - 1) / z


def chebyshev_interpolant(count: int) -> list[mp.mpf]:
    """Ascending coefficients of the polynomial through P at `count` Chebyshev points of [0, 1/2]."""
    half = END / 2
    nodes = [half * (1 + mp.cos(mp.pi * (2 * k + 1) / (2 * count))) for k in range(count)]
    divided = [target(z) for z in nodes]
    for order in range(1, count):
        for k in range(count - 1, order - 1, -1):
            divided[k] = (divided[k] - divided[k - 1]) / (nodes[k] - nodes[k - order])
    ascending = [divided[-1]]
    for k in range(count - 2, -1, -1):  # Newton's form, expanded: p <- p (z - z_k) + divided_k
        shifted = [mp.mpf(0), *ascending]
        ascending = [a - nodes[k] * b for a, b in zip(shifted, [*ascending, mp.mpf(0)], strict=True)]
        ascending[0] += divided[k]
    return ascending


def table(count: int = COEFFICIENTS) -> tuple[float, ...]:
    """The coefficients rounded to double."""
    with mp.workdps(2 * DIGITS):  # divided differences of 20 points lose about 20 digits
        return tuple(float(a) for a in chebyshev_interpolant(count))


def error_in_ulps(coefficients: tuple[float, ...], points: int = 500) -> float:
    """Largest relative error of sqrt z (1 + z P(z)) on [0, 1/2], in units of 2^-53, rounding of P's value excluded."""
    with mp.workdps(DIGITS):
        exact = [mp.mpf(a) for a in reversed(coefficients)]
        grid = [END * k / points for k in range(1, points + 1)]
        errors = (abs(z * (mp.polyval(exact, z) - target(z)) / (1 + z * target(z))) for z in grid)
        return float(max(errors) * 2**53)


if __name__ == "__main__":
    coefficients = table()
    print("_HALF_ANGLE = (")
    for coefficient in coefficients:
        print(f"    {coefficient!r},")
    print(")")
    for count in (COEFFICIENTS - 1, COEFFICIENTS):
        print(f"# {count} coefficients: error {error_in_ulps(table(count)):.3f} units of 2^-53")

r"""The reference reading of an expectation over a product of layers: sums over even steps in the logarithms.

$\mathbb E f(q) = \int f(e^{x_1 + \dots + x_L})\prod_l \rho_l(x_l)\,dx$ with $\rho_l$ the density of $\log q_l$. On one
lattice for all layers the sum of the $x_l$ lies on it again, so that the trapezoid rule is one sum over the
convolution of the $\rho_l$, whatever the number of layers. Each $\rho_l$ is analytic up to $|\mathrm{Im}\,x| = \pi/2$:
halving the step squares the error. No Mellin transform enters, nor any moment.

The convolution is exact, in whole numbers: two polynomials are multiplied as two long integers (Kronecker 1882).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import NoRule
from symlimits.language.product import Layer, ProductExpectation
from symlimits.reading.quadrature import GUARD

HALVINGS = 7
MOST = 2**15  # points of the lattice
SPARE, MOST_BITS = 24, 4000  # of masses: beyond the working precision, for the sums over many points; and in all
FIRST = 0.4  # the first step, in standard deviations of the narrowest log q_l; 0.4 itself for wide ones
Lattice = tuple[int, list[int]]  # the number of its first point, and the masses there, whole numbers


def product_mean(head: ProductExpectation, numbers: dict[sp.Symbol, sp.Expr], digits: int) -> mpf:
    """The value with `numbers` for the free symbols; `NoRule` where halvings do not reach the digits."""
    with mp.workdps(digits + GUARD):
        f = sp.lambdify(head.variable, head.integrand.subs(numbers, simultaneous=True), "mpmath")
        step = FIRST * mp.sqrt(min(mpf(1), min(mpf(2) / int(N) for N, *_ in head.layers)))
        bits, before = mp.prec + SPARE, None
        for _ in range(HALVINGS):
            now, bits = _resolved(f, head.layers, step, bits)
            if before is not None and abs(now - before) <= abs(now) * mpf(10) ** (-(digits // 2) - 2):
                return now  # the error of the finer of two trapezoid rules is the square of their difference
            step, before = step / 2, now
    raise NoRule(f"an expectation over {len(head.layers)} kinds of layers", f"{digits} digits", "fewer digits")


def _resolved(f: Callable[[mpf], mpf], layers: list[Layer], step: mpf, bits: int) -> tuple[mpf, int]:
    """The sum, and the bits of its masses: so many more that what is small against the largest f keeps its digits."""
    while bits < MOST_BITS:
        value, largest = _sum(f, layers, step, bits)
        wanted = mp.prec + SPARE + int(mp.log(largest / value, 2)) if value else 2 * bits
        if bits >= wanted:
            return value, bits
        bits = wanted
    raise NoRule(
        "an expectation of what is nearly nothing", f"more than 2^-{MOST_BITS} of its largest value", "its logarithm"
    )


def _sum(f: Callable[[mpf], mpf], layers: list[Layer], step: mpf, bits: int) -> tuple[mpf, mpf]:
    """The sum over the lattice, and the largest value of f on it."""
    total: Lattice = (0, [1 << bits])
    for N, p, count in layers:
        total = _convolved(total, _power(_lattice(int(N), p, step, bits), int(count), bits), bits)
    first, masses = total
    values = [f(mp.exp((first + k) * step)) for k in range(len(masses))]
    return mp.ldexp(mp.fdot(masses, values), -bits), max(map(abs, values))


def _lattice(N: int, p: sp.Rational, step: mpf, bits: int) -> Lattice:
    """The masses of one layer, from the middle outwards until they vanish."""
    density = _density(N, p)
    sides: list[list[int]] = []
    for direction in (1, -1):
        masses: list[int] = []
        k = 0 if direction > 0 else 1
        while not masses or masses[-1] > 0 or k * step < 1:
            masses.append(int(mp.ldexp(step * density(direction * k * step), bits)))
            k += 1
            if len(masses) > MOST:
                raise NoRule(f"a layer of {N} units", f"at most {MOST} points", "fewer digits")
        sides.append(masses)
    return -len(sides[1]), sides[1][::-1] + sides[0]


def _density(N: int, p: sp.Rational) -> Callable[[mpf], mpf]:
    r"""Of x = log q_l: $\sum_k \binom Nk p^k(1-p)^{N-k}\,y^{k/2}e^{-y/2}/(2^{k/2}\Gamma(k/2))$ at $y = pNe^x$."""
    scale = mpf(int(p.p)) / int(p.q)
    weights = [(k, mp.binomial(N, k) * scale**k * (1 - scale) ** (N - k)) for k in range(1, N + 1)]
    fronts = [(k, mp.log(weight) - mp.loggamma(mpf(k) / 2)) for k, weight in weights if weight]

    def at(x: mpf) -> mpf:
        half = scale * N * mp.exp(x) / 2
        logarithm = mp.log(half)
        return mp.fsum(mp.exp(front + k * logarithm / 2 - half) for k, front in fronts)

    return at


def _power(lattice: Lattice, count: int, bits: int) -> Lattice:
    """The lattice of `count` equal layers, by squaring."""
    result: Lattice = (0, [1 << bits])
    while count:
        if count % 2:
            result = _convolved(result, lattice, bits)
        count //= 2
        lattice = _convolved(lattice, lattice, bits) if count else lattice
    return result


def _convolved(a: Lattice, b: Lattice, bits: int) -> Lattice:
    """The product of two polynomials by that of two integers, scaled down to `bits` again; zeros at the ends go."""
    length = len(a[1]) + len(b[1]) - 1
    if length > MOST:
        raise NoRule(f"a lattice of {length} points", f"at most {MOST}", "fewer digits, or fewer layers")
    size = (2 * bits + MOST.bit_length() + 8) // 8
    whole = (_packed(a[1], size) * _packed(b[1], size)).to_bytes(size * (length + 1), "little")
    masses = [int.from_bytes(whole[k * size : (k + 1) * size], "little") >> bits for k in range(length)]
    left = next((k for k, mass in enumerate(masses) if mass), 0)
    right = next((k for k, mass in enumerate(reversed(masses)) if mass), 0)
    return a[0] + b[0] + left, masses[left : length - right]


def _packed(masses: list[int], size: int) -> Any:
    return int.from_bytes(b"".join(mass.to_bytes(size, "little") for mass in masses), "little")

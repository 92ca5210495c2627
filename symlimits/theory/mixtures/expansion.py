r"""The output law in powers of 1/N: why the limit is log-normal, what comes next, and hence the rate.

For integer u the moments $\mathbb E q_l^u$ of a layer are polynomials in 1/N. In the series
$\log\mathbb E q_l^u = \sum_j c_j(u) N^{-j}$ the $c_j$ are polynomials of degree j + 1 in u, which finitely many
integers fix. Summed over layers, with $p_j = \sum_l N_l^{-j}$ and $p_1 \to a$,
$$M(u) = e^{c_1(u)p_1}\big(1 + c_2(u)p_2 + (c_3(u)p_3 + \tfrac12c_2(u)^2p_2^2) + \dots\big),$$
where $c_1 = u(u - 1)$ for linear layers: log q tends to a Gaussian, at the rate $p_2$, which is a/N at equal widths.
Derived here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.derivation.mellin import chi_square_factor, gamma_integrals, w
from symlimits.errors import DomainError, NoRule
from symlimits.language.integral import LineIntegral
from symlimits.language.names import shown
from symlimits.reading.line_kernel import Contour, contour, lowered

Array = npt.NDArray[np.float64]

u, h = sp.symbols("u h")  # h = 1/N
HIGHEST = 6  # order of the expansion


def layer_moment(power: int, rectified: bool) -> sp.Expr:
    r"""$\mathbb E q_l^u$ at an integer u, a polynomial in h = 1/N.

    >>> layer_moment(2, False), layer_moment(2, True)
    (2*h + 1, 5*h + 1)
    """
    N, count = 1 / h, sp.Symbol("k", positive=True)
    if not rectified:
        return sp.expand(_chi_square_moment(count, power).subs(count, N))
    rising = sp.Poly(_chi_square_moment(count, power) * count**power, count)  # of sums of k squares, not of means
    mean = sp.S.Zero
    for m in range(power + 1):  # in factorial moments of the binomial law: N (N - 1) ... / 2^m
        differences = (sp.binomial(m, i) * (-1) ** (m - i) * rising.eval(i) for i in range(m + 1))
        mean += sp.Add(*differences) / sp.factorial(m) * sp.prod([N - i for i in range(m)]) / 2**m
    return sp.expand(mean * (2 * h) ** power)


def _chi_square_moment(N: sp.Symbol, power: int) -> sp.Expr:
    """The moment of chi^2_N/N, by the rule for its integral."""
    return sp.expand(sp.expand_func(gamma_integrals(chi_square_factor(N, -w)).subs(w, -power)))


@lru_cache(maxsize=16)
def layer_series(order: int, rectified: bool = False) -> tuple[sp.Expr, ...]:
    r"""The polynomials $c_1(u), \dots, c_{order}(u)$ of a layer.

    >>> [sp.factor(c) for c in layer_series(2)]
    [u*(u - 1), -u*(u - 1)*(2*u - 1)/3]
    >>> sp.factor(layer_series(1, rectified=True)[0])
    5*u*(u - 1)/2
    """
    points = range(order + 3)  # one more than fixes the polynomials
    rows = [_log_coefficients(layer_moment(power, rectified), order) for power in points]
    found = []
    for j in range(1, order + 1):
        polynomial = sp.interpolate([(k, row[j]) for k, row in zip(points, rows, strict=True)], u)
        if sp.degree(polynomial, u) > j + 1:
            raise NoRule(f"c_{j} of degree {sp.degree(polynomial, u)}", f"degree {j + 1}", "another layer")
        found.append(sp.expand(polynomial))
    return tuple(found)


def _log_coefficients(polynomial: sp.Expr, order: int) -> list[sp.Expr]:
    """Of log(1 + m_1 h + ...), up to h^order: from h P' = P (h log' P), coefficient by coefficient."""
    m = [polynomial.coeff(h, j) for j in range(order + 1)]
    logs = [sp.S.Zero]
    for j in range(1, order + 1):
        known = sp.Add(*(i * logs[i] * m[j - i] for i in range(1, j)))
        logs.append(m[j] - known / j)
    return logs


def correction(powers: Sequence[sp.Expr], order: int, rectified: bool = False) -> sp.Expr:
    r"""$1 + c_2p_2 + \dots$ up to the given order in 1/N, for power sums $(p_2, p_3, \dots)$: a polynomial in u.

    >>> p_2 = sp.Symbol("p_2")
    >>> sp.factor(correction([p_2], 1) - 1)
    -p_2*u*(u - 1)*(2*u - 1)/3
    """
    epsilon = sp.Symbol("epsilon")
    series = layer_series(order + 1, rectified)[1:]
    exponent = sp.Add(*(c * p * epsilon ** (i + 1) for i, (c, p) in enumerate(zip(series, powers, strict=True))))
    total, term = sp.S.One, sp.S.One
    for k in range(1, order + 1):
        term = sp.expand(term * exponent / k)
        total += term
    return sp.Add(*(sp.expand(total).coeff(epsilon, j) for j in range(order + 1)))


def coefficient(order: int, a: sp.Expr, rectified: bool = False) -> sp.Expr:
    r"""$D_k(u)$ of $M_N = M(1 + D_1/N + \dots)$ at equal widths N, where $\sum_l N_l^{-j} = aN^{1-j}$, k = `order`.

    For ReLU layers a is that of the limit, 5/2 of depth over width.

    >>> sp.factor(coefficient(1, sp.Symbol("a")))
    -a*u*(u - 1)*(2*u - 1)/3
    """
    ratio = a * sp.Rational(2, 5) if rectified else a
    powers = sp.symbols(f"p_2:{order + 2}")
    whole = correction(powers, order, rectified) - (correction(powers[:-1], order - 1, rectified) if order > 1 else 1)
    return sp.expand(whole.subs(dict.fromkeys(powers, ratio)))


def checked_order(order: object, most: int) -> int:
    """An order as an integer from 0 to `most`; `DomainError` else."""
    if isinstance(order, bool) or not isinstance(order, int) or not 0 <= order <= most:
        raise DomainError(f"order = {shown(order)}", f"an integer from 0 to {most}", "order=1")
    return order


def expanded_head(widths: Sequence[int], order: object, rectified: bool, z: sp.Expr) -> LineIntegral:
    """The characteristic function at z = t K t/2, expanded to an order in 1/N around the limit with a = sum 1/N_l."""
    order = checked_order(order, HIGHEST)
    sums = [sp.Add(*(sp.Rational(1, N**j) for N in widths)) for j in range(1, order + 2)]
    (first,) = layer_series(1, rectified)
    polynomial = correction(sums[1:], order, rectified) if order else sp.S.One
    transform = sp.exp(sp.expand(first.subs(u, -w) * sums[0])) * sp.expand(polynomial.subs(u, -w))
    return LineIntegral(sp.gamma(w) * z**-w * transform, w, (0, sp.oo))


def expanded_laplace(widths: Sequence[int], order: object, rectified: bool, z: Array) -> Array:
    """Its values at an array of z, E exp(-z q)."""
    line = _expanded_line(tuple(widths), order, rectified)
    values, inside = np.ones(z.shape), z > 0
    found = line(-np.log(z[inside]))
    values[inside] = found.sign * np.exp(found.log)
    return values


@lru_cache(maxsize=16)
def _expanded_line(widths: tuple[int, ...], order: object, rectified: bool) -> Contour:
    head = expanded_head(widths, order, rectified, sp.S.One)
    return contour(lowered(head), head)

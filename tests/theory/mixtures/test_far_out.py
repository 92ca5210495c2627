"""Output laws beside zero and far out: all digits, or a refusal; against Bessel functions and lognormal means."""

from __future__ import annotations

import mpmath as mp
import pytest

import symlimits as sl
from symlimits.errors import DomainError

SMALL = (1e-300, 1e-200, 1e-162, 1e-100, 1e-20, 1e-3, 1.0)
LARGE = (30.0, 1e3, 1e5, 1e6, 1e8, 1e12)
ACCURATE = 1e-9  # of the logarithm: ten times less than what is refused


def _log_density(s: float, width: int) -> mp.mpf:
    """Of a Gaussian times the root of chi square over N: a Bessel function K of order (N - 1)/2."""
    with mp.workdps(30):
        x, order = mp.sqrt(width) * mp.mpf(s), mp.mpf(width - 1) / 2
        factor = 2 * mp.sqrt(width) / (mp.sqrt(2 * mp.pi) * mp.gamma(mp.mpf(width) / 2) * 2 ** (mp.mpf(width) / 2))
        return mp.log(factor * x**order * mp.besselk(order, x))


@pytest.mark.parametrize("width", [1, 2, 3, 7])
@pytest.mark.parametrize("points", [SMALL, LARGE])
def test_one_layer_anywhere(width: int, points: tuple[float, ...]) -> None:
    """Squares of s are no floats at the ends; a wrong digit at 10^8, or 10^-300, was not said before."""
    law, said = sl.output_law(widths=(width,)), 0
    for s in points:
        truth = _log_density(s, width)
        try:
            found = law.log_pdf(s)
        except DomainError:
            assert s < 1e-200 or s > 1e5
            continue
        said += 1
        assert abs(found - truth) < ACCURATE * max(1, abs(truth))
        assert abs(found - truth) < abs(_log_density(1.01 * s, width) - truth) or s < 1e-3  # the control
    assert said >= 3


def test_densities_that_are_no_floats_are_zero() -> None:
    """Where the logarithm has lost its digits the density has all of them: it is zero."""
    law = sl.output_law(widths=(5, 3, 4))
    far = float(mp.exp(mp.mpf("27.45")))
    with pytest.raises(DomainError, match="too far out"):
        law.log_pdf(far)
    assert law.pdf(far) == 0.0
    assert law.pdf([1.0, far])[0] == law.pdf(1.0) > 0


def test_vectors_and_units() -> None:
    """Several numbers, and units in which squares underflow: the law of s/u is that of s in units of u."""
    two = sl.output_law(widths=(2,), outputs=2)  # q is exponential: K_0 again
    for size in (1e-180, 1e-3, 2.0):
        truth = mp.log(mp.besselk(0, mp.sqrt(2) * mp.mpf(5 * size)) / mp.pi)
        assert abs(two.log_pdf([[3 * size], [-4 * size]]) - truth) < ACCURATE * max(1, abs(truth))
    plain, small = sl.output_law(widths=(3,)), sl.output_law(widths=(3,), covariance="1e-300")
    assert abs(small.log_pdf(0.5e-150) - plain.log_pdf(0.5) - 150 * mp.log(10)) < 1e-10


def test_characteristic_functions_are_one_at_zero() -> None:
    for law in (sl.output_law(widths=(10_000,)), sl.output_law(ratio="1e-6"), sl.output_law(widths=(1,))):
        assert [law.cf(t) for t in (1e-300, 1e-100, 1e-40)] == [1.0] * 3
        assert abs(law.cf(1e-3) - (1 - 5e-7)) < 1e-11

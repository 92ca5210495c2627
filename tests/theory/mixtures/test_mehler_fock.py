"""The distance rho: Legendre moments against the transform, normalisation, draws of Bartlett's factors."""

import numpy as np
import pytest
import sympy as sp
from scipy.stats import kstest

from symlimits.derivation.mellin import w
from symlimits.errors import DomainError
from symlimits.finite.deep_linear import triangular_factors
from symlimits.theory.mixtures.mehler_fock import Distance
from tests.finite.two_samples import generator

EXACT = 1e-12  # of integrals of positive functions: rounding of some hundred terms, and of log Gamma
ALPHA = 1e-9
LAWS = [Distance((3, 4, 5), None), Distance((10,) * 5, None), Distance((400,) * 400, None)]
LIMITS = [Distance(None, sp.Rational(a)) for a in ("1/1000", "1/4", "1", "5")]


def legendre(n):
    return lambda rho: np.polynomial.legendre.legval(np.cosh(rho), [0] * n + [1])


# infinite moments are left out: E P_n is finite for n + 1 < the least width
FINITE = [(law, n) for law in LAWS + LIMITS for n in range(3) if not law.widths or n + 1 < min(law.widths)]


@pytest.mark.parametrize(("law", "n"), FINITE, ids=str)
def test_legendre_moments(law, n):
    """E P_n(cosh rho) = h(n + 1/2), where that is finite."""
    truth = float(law.transform(w).subs(w, sp.Rational(2 * n + 1, 4)).doit().evalf(30))
    found = law.mean(legendre(n))
    assert abs(found.value / truth - 1) < EXACT
    assert found.error < EXACT * truth


def test_the_limit_of_the_transform_is_the_spectrum():
    a, n = sp.symbols("a n", positive=True)
    found = Distance(None, a).transform(w).subs(w, n / 2 + sp.Rational(1, 4))
    assert sp.expand(sp.log(found).expand(force=True) - n * (n + 1) * a / 2) == 0


def test_the_limit_of_wide_networks():
    """Q's distance at width N and depth aN is off by order 1/N."""
    limit = Distance(None, sp.Integer(1)).mean(lambda r: 1 / np.cosh(r)).value
    errors = [abs(Distance((N,) * N, None).mean(lambda r: 1 / np.cosh(r)).value - limit) for N in (20, 40, 80)]
    assert np.allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 1, atol=0.1)


@pytest.mark.parametrize("law", [LAWS[1], *LIMITS], ids=str)
def test_the_density_has_mass_one_and_the_means(law):
    nodes, weights = np.polynomial.legendre.leggauss(120)
    end = 14 * law.width + 4 * law.width**2
    rho = 0.5 * end * (nodes + 1)
    p = law.pdf(rho) * weights * 0.5 * end
    assert abs(p.sum() - 1) < EXACT
    F = 1 / np.cosh(rho)
    assert abs((p * F).sum() - law.mean(lambda r: 1 / np.cosh(r)).value) < EXACT


def check_draws(count: int) -> None:
    law = Distance((4, 10, 5), None)
    M = triangular_factors((4, 10, 5), 2, count, generator(1))
    cosh = np.square(M).sum(axis=(1, 2)) / (2 * M[:, 0, 0] * M[:, 1, 1])
    x = np.linspace(0, 12, 1201)
    for distance, agrees in ((law, True), (Distance((4, 10, 6), None), False)):
        p = distance.pdf(x)
        whole = np.concatenate([[0], np.cumsum(0.5 * (p[1:] + p[:-1])) * x[1]])
        outcome = kstest(np.arccosh(np.maximum(cosh, 1)), lambda r, F=whole: np.interp(r, x, F))
        assert bool(outcome.pvalue > ALPHA) is agrees


@pytest.mark.slow
def test_draws_follow_the_density():
    check_draws(100_000)


def test_one_unit_is_refused():
    with pytest.raises(DomainError, match="two units or more"):
        Distance((5, 1, 5), None)

"""Two outputs at finite width: Gaussians and one layer exactly, two routes, rank one, draws, wide limits."""

import numpy as np
import pytest
import sympy as sp
from scipy.special import gammaln

from symlimits.errors import DomainError
from symlimits.theory.mixtures import output_law
from symlimits.theory.mixtures.eigenvalues import Eigenvalues, log_density, log_density_of_rank_one, log_wave
from symlimits.theory.mixtures.mehler_fock import Distance
from symlimits.theory.mixtures.two_outputs import TwoOutputs
from tests.finite.two_samples import generator

EXACT = 1e-12  # against closed forms; measured 2e-15
ROUTES = 1e-10  # of two routes; measured 8e-12 where the eigenvalues nearly agree, else 2e-13
HIGH, LOW = np.array([2.0, 1.0001, 5.0, 400.0]), np.array([0.5, 1.0, 1e-6, 3.0])
T = np.array([[0.9, -0.4], [0.2, 0.8]])
K = np.array([[1.0, 0.5], [0.5, 2.0]])


@pytest.mark.parametrize("n", [pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow), 8])
def test_without_layers_the_outputs_are_gaussian(n):
    found = log_density(Eigenvalues((), None, n), HIGH, LOW)
    assert np.abs(found + 0.5 * (HIGH + LOW) + n * np.log(2 * np.pi)).max() < EXACT * 1e3  # of logs up to 200
    assert np.abs(log_wave(Eigenvalues((), None, wave=True), HIGH, LOW) + 0.5 * (HIGH + LOW)).max() < EXACT * 1e3


def test_one_layer_is_wisharts_law():
    N, G, rho = 7, np.array([0.1, -0.5]), np.array([0.3, 0.8])
    found = Eigenvalues((N,), None).log_kernel(G, rho) - np.log(4 * np.pi) - 3 * G
    volume = 0.5 * np.log(np.pi) + gammaln(N / 2) + gammaln((N - 1) / 2)
    wishart = (N - 3) * G - N * np.exp(G) * np.cosh(rho) + N * np.log(N / 2) - volume
    assert np.abs(found - wishart).max() < EXACT
    wave = log_wave(Eigenvalues((N,), None, wave=True), HIGH, LOW)
    assert np.abs(wave + N / 2 * (np.log1p(HIGH / N) + np.log1p(LOW / N))).max() < ROUTES


LONG = [pytest.param(a, n, marks=pytest.mark.slow) for a in ("1/1000", "1/4", "1", "5") for n in (2, 5)]


@pytest.mark.parametrize(("a", "n"), [("1/2", 3), *LONG])
def test_both_routes_agree_in_the_limit(a, n):
    """The integral over a positive function, and the inverse of a spherical transform."""
    two = TwoOutputs(sp.Rational(a))
    density = log_density(Eigenvalues(None, sp.Rational(a), n), HIGH, LOW) + n * np.log(2 * np.pi)
    wave = log_wave(Eigenvalues(None, sp.Rational(a), wave=True), HIGH, LOW)
    for i in range(len(HIGH)):
        at = float(HIGH[i]), float(LOW[i])
        assert abs(density[i] - two.log_mean(*at, -n, -1).log) < ROUTES
        assert abs(wave[i] - two.log_mean(*at, 0, 1).log) < ROUTES


@pytest.mark.parametrize("widths", [pytest.param((2,), marks=pytest.mark.slow), (3, 5), (100,) * 50, (400,) * 400])
def test_of_rank_one_it_is_the_scalar_law(widths):
    """By continuity: second eigenvalues of 1e-13 change the value by about as much."""
    found = log_wave(Eigenvalues(widths, None, wave=True), np.array([0.5, 2.0]), np.array([1e-13, 1e-13]))
    assert np.abs(np.exp(found) - output_law(widths=widths).cf(np.sqrt([0.5, 2.0]))).max() < EXACT


MARGINALS = [
    pytest.param(Eigenvalues((10, 8), None), -6.0, 4.0, marks=pytest.mark.slow),
    (Eigenvalues(None, sp.Rational(1, 2)), -6.5, 5.0),
]


@pytest.mark.parametrize(("law", "low", "high"), MARGINALS, ids=str)
def test_the_joint_law_has_the_distance_as_its_marginal(law, low, high):
    G = np.arange(low, high, 0.25)
    marginal = np.exp(law.log_kernel(G, np.full(G.shape, 0.7))).sum() * 0.25 * np.sinh(0.7)
    assert abs(marginal - Distance(law.widths, law.ratio).pdf(0.7)) < ROUTES


@pytest.mark.parametrize(("widths", "outputs"), [((4, 6), 2), ((6, 2, 6), 2), ((5, 5), 3)])
def test_draws_follow_the_characteristic_function(widths, outputs):
    """Within Hoeffding's bound at 1e-9; that of Gaussian outputs is rejected."""
    law, count = output_law(widths=widths, outputs=outputs, covariance=K), 400_000
    t = np.concatenate([T, [[0.5, 0.5]]])[:outputs]
    drawn = np.cos(np.einsum("nij,ij->n", law.sample(count, generator(3)), t)).mean()
    reach = np.sqrt(2 * np.log(2 / 1e-9) / count)
    assert abs(drawn - law.cf(t)) < reach
    assert abs(drawn - np.exp(-0.5 * np.trace(t @ K @ t.T))) > reach


def test_the_rate_is_one_over_the_width():
    limit = output_law(ratio=1, outputs=2, covariance=K)
    laws = [
        output_law(widths=(N,) * N, outputs=2, covariance=K) for N in (64, 128, 256)
    ]  # at 32 the next order shows: 1.054
    for values in ([law.cf(T) - limit.cf(T) for law in laws], [law.log_pdf(T) - limit.log_pdf(T) for law in laws]):
        rates = np.log2(np.abs(values[:-1])) - np.log2(np.abs(values[1:]))
        assert np.allclose(rates, 1, atol=0.05), rates


def test_refusals():
    law = output_law(widths=(5, 5), outputs=2, covariance=K)
    with pytest.raises(DomainError, match="rank one"):
        log_density(Eigenvalues((5, 5), None, 2), np.ones(1), np.zeros(1))
    assert law.cf(np.zeros((2, 2))) == 1.0
    with pytest.raises(DomainError, match="two units or more"):
        output_law(widths=(5, 1), outputs=2, covariance=K).pdf(T)
    with pytest.raises(DomainError, match="two inputs or more"):
        Eigenvalues((5,), None, 1)


@pytest.mark.parametrize(("widths", "ratio", "n"), [((5, 4), None, 2), ((5, 4, 40), None, 3), (None, "1/2", 2)])
def test_the_density_at_rank_one_is_its_limit(widths, ratio, n):
    """Second eigenvalues of 1e-12 change the logarithm by some 1e-12 to the power of the next pole, 1/2 or 1."""
    law, high = Eigenvalues(widths, ratio and sp.Rational(ratio), n), np.array([0.3, 2.0, 50.0])
    at_zero = log_density_of_rank_one(law, high)
    near = [np.abs(log_density(law, high, gap * high) - at_zero).max() for gap in (1e-8, 1e-12)]
    assert near[1] < 1e-4
    assert near[1] < 0.02 * near[0]
    if ratio:
        two = TwoOutputs(sp.Rational(ratio))
        truth = [two.log_mean(float(x), 0.0, -n, -1).log - n * np.log(2 * np.pi) for x in high]
        assert np.abs(at_zero - truth).max() < ROUTES


def test_where_the_density_of_rank_one_is_infinite():
    S = np.array([[1.0, 2.0], [0.0, 0.0]])
    law = output_law(widths=(9, 3), outputs=2, covariance=np.eye(2))
    assert np.isfinite(law.log_pdf(S))
    assert law.log_pdf(np.zeros((2, 2))) == np.inf
    assert output_law(widths=(9, 2), outputs=2, covariance=np.eye(2)).log_pdf(S) == np.inf
    wide = output_law(widths=(9, 5), outputs=2, covariance=np.eye(2))
    small = 1e-3 * np.array([[1.0, 0.0], [0.0, 0.5]])
    assert abs(wide.log_pdf(0 * S) - wide.log_pdf(small)) < 1e-4  # E det Q^(-1), and by continuity

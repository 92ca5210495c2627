"""Posteriors of one output: the NNGP formula, two routes, networks weighed by likelihood, limits, refusals."""

import re

import numpy as np
import pytest

from symlimits import activations as act
from symlimits.errors import DataError, DomainError, NoRule
from symlimits.theory.mixtures import output_law
from tests.theory.mixtures import weighted

ROUTES = 1e-10  # of two routes to one number; measured: 5e-13
QUADRATURE = 1e-9  # of sums over s with even steps; measured: 1e-11
ROUNDING = 1e-12
RATE = 0.02  # by how much quotients of differences at a = 1e-3, 5e-4, 2.5e-4 are off one half: a few times a
X = np.array([[1.0, 0.2, -0.5], [0.3, -1.2, 0.4], [-0.7, 0.5, 1.1], [0.4, 0.9, 0.2]])
K = X @ X.T / 3 + 0.1 * np.eye(4)
TRAIN, CROSS, TEST = K[:2, :2], K[2:, :2], K[2:, 2:]
y = np.array([2.5, -2.0])
LAWS = [{"widths": (3, 4)}, {"widths": (30,) * 15}, {"ratio": "1/1000"}, {"ratio": 1}, {"ratio": 5}]


def nngp(noise, targets=y):
    """Log evidence, mean and covariance of a Gaussian process, by numpy."""
    C = TRAIN + noise * np.eye(2)
    evidence = -0.5 * (targets @ np.linalg.solve(C, targets) + np.linalg.slogdet(2 * np.pi * C)[1])
    solved = np.linalg.solve(C, CROSS.T)
    return evidence, targets @ solved, TEST - CROSS @ solved


def test_without_hidden_layers_it_is_the_nngp():
    post = output_law(widths=()).posterior(TRAIN, y, 0.3)
    evidence, mean, covariance = nngp(0.3)
    assert abs(post.log_evidence - evidence) < ROUNDING
    np.testing.assert_allclose(post.mean(CROSS), mean, rtol=ROUNDING)
    np.testing.assert_allclose(post.covariance(CROSS, TEST), covariance, rtol=ROUNDING)
    s = np.array([0.4, -1.0]) - mean
    log = -0.5 * (s @ np.linalg.solve(covariance, s) + np.linalg.slogdet(2 * np.pi * covariance)[1])
    assert abs(post.log_pdf(np.array([0.4, -1.0]), CROSS, TEST) - log) < ROUNDING


@pytest.mark.parametrize("arguments", LAWS, ids=str)
def test_without_noise_both_routes_agree(arguments):
    """Mixing over q, and the radial function of the law of all outputs: R_{P+M}/R_P."""
    post = output_law(**arguments).posterior(TRAIN, y)
    evidence = output_law(**arguments, covariance=TRAIN).log_pdf(y)
    assert abs(post.log_evidence - evidence) < ROUTES * abs(evidence)
    assert post.error < ROUTES
    np.testing.assert_allclose(post.mean(CROSS), nngp(0)[1], rtol=ROUTES)
    joint = output_law(**arguments, covariance=K)
    for s in ([0.4, -1.0], [0.0, 0.1], [30.0, -20.0]):
        found = post.log_pdf(np.array(s), CROSS, TEST)
        truth = joint.log_pdf(np.append(y, s)) - evidence
        assert abs(found - truth) < ROUTES * max(1, abs(truth)), s


@pytest.mark.parametrize("arguments", [{"widths": (4, 6)}, {"ratio": 1}], ids=str)
def test_the_density_has_the_mass_the_mean_and_the_variance(arguments):
    post, s = output_law(**arguments).posterior(TRAIN, y, 0.3), np.arange(-80, 80, 0.1)
    density = post.pdf(s[:, None], CROSS[:1], TEST[:1, :1], noise_var=0.3) * 0.1
    mean, variance = post.mean(CROSS)[0], post.covariance(CROSS, TEST, noise_var=0.3)[0, 0]
    assert abs(density.sum() - 1) < QUADRATURE
    assert abs(density @ s - mean) < QUADRATURE
    assert abs(density @ (s - mean) ** 2 - variance) < 1e3 * QUADRATURE  # of squares up to 80^2


def test_the_mixing_law_by_even_steps():
    post = output_law(widths=(4, 6)).posterior(TRAIN, y, 0.3).mixing
    q = np.exp(np.arange(-14, 5, 0.02))
    density = post.pdf(q) * q * 0.02
    assert abs(density.sum() - 1) < QUADRATURE
    assert abs(density @ q - post.mean) < QUADRATURE
    assert abs(post.weights @ post.nodes - post.mean) < QUADRATURE
    assert abs(density @ q**-0.5 - post.moment(-0.5)) < QUADRATURE
    assert post.mean > 1.2  # the data are large


def quantities(law, noise):
    post = law.posterior(TRAIN, y, noise)
    s = np.array([0.4, -1.0])
    return np.hstack([post.log_evidence, post.mean(CROSS), post.covariance(CROSS, TEST).ravel(),
                      post.log_pdf(s, CROSS, TEST)])  # fmt: skip


@pytest.mark.parametrize("finite", [False, True])
def test_differences_from_the_nngp_are_proportional_to_the_ratio(finite):
    def law(a):
        return output_law(widths=(round(2 / a),) * 2) if finite else output_law(ratio=str(a))

    base = quantities(output_law(widths=()), 0.3)
    differences = [quantities(law(a), 0.3) - base for a in (1e-3, 5e-4, 2.5e-4)]
    assert (np.abs(differences[0]) > 1e-5).all()
    for after, before in zip(differences[1:], differences, strict=False):
        np.testing.assert_allclose(after / before, 0.5, atol=RATE)


def gaussian_bump(s):
    return np.exp(-0.5 * s**2)  # inside [0, 1], and small where the variance is large


def predicted_bump(post, noise=0.0):
    s = np.arange(-40, 40, 0.02)
    return float(post.pdf(s[:, None], CROSS[:1], TEST[:1, :1], noise) @ gaussian_bump(s) * 0.02)


@pytest.mark.slow
def test_networks_weighed_by_likelihood():
    """Effective sample size above 1e4 of 4e5; prior weights of q and another noise are rejected."""
    widths, noise = (2,), 1.0
    drawn = weighted.networks(widths, 1, K[:3, :3], seed=1)
    weights = weighted.likelihood_weights(drawn[:, :, :2], y[:, None], noise)
    assert weighted.effective(weights) > 1e4
    law = output_law(widths=widths)
    post, bumps = law.posterior(TRAIN, y, noise), gaussian_bump(drawn[:, 0, 2])
    scale = (2 * np.pi * noise) ** -1.0
    assert weighted.agrees(weights - np.exp(post.log_evidence) / scale)
    assert not weighted.agrees(weights - np.exp(nngp(noise)[0]) / scale)
    assert weighted.agrees(weights * (bumps - predicted_bump(post)))
    wrong = law.posterior(TRAIN, y, 3 * noise)
    assert not weighted.agrees(weights * (bumps - predicted_bump(wrong)))
    assert not weighted.agrees(weights * (bumps - with_prior_weights(post)))


def with_prior_weights(post):
    """The same mean of laws given q, over q as it was before the data."""
    q, s = post.mixing.prior.sample(4000, seed=2), np.arange(-40, 40, 0.1)
    C = q[:, None, None] * TRAIN + post.data.noise * np.eye(2)
    solved = np.linalg.solve(C, np.broadcast_to(CROSS[0], (len(q), 2))[..., None])[..., 0]
    mean, variance = q * (solved @ y), q * TEST[0, 0] - q**2 * (solved @ CROSS[0])
    density = np.exp(-0.5 * (s - mean[:, None]) ** 2 / variance[:, None]) / np.sqrt(2 * np.pi * variance)[:, None]
    return float((density @ gaussian_bump(s)).mean() * 0.1)


def test_points_that_repeat():
    """A singular kernel without noise: y in its range as if the point were there once, else refused."""
    twice, order = np.ix_([0, 1, 1], [0, 1, 1]), [0, 1, 1]
    law = output_law(ratio=1)
    post, once = law.posterior(TRAIN[twice], y[order]), law.posterior(TRAIN, y)
    np.testing.assert_allclose(post.mean(CROSS[:, order]), once.mean(CROSS), rtol=ROUTES)
    np.testing.assert_allclose(post.covariance(CROSS[:, order], TEST), once.covariance(CROSS, TEST), rtol=ROUTES)
    with pytest.raises(DomainError, match="rank 2 for 3 points"):
        law.posterior(TRAIN[twice], [1.0, 2.0, 3.0])
    assert np.isfinite(law.posterior(TRAIN[twice], [1.0, 2.0, 3.0], 1e-6).log_evidence)


def test_variances_of_layers_multiply_the_kernel():
    post = output_law(ratio=1, variances=3).posterior(TRAIN, y, 0.3)
    other = output_law(ratio=1).posterior(3 * TRAIN, y, 0.3)
    assert abs(post.log_evidence - other.log_evidence) < ROUTES
    np.testing.assert_allclose(post.covariance(CROSS, TEST), other.covariance(3 * CROSS, 3 * TEST), rtol=ROUTES)


def test_few_points_and_many_agree():
    post = output_law(ratio=1).posterior(TRAIN, y, 0.3)
    s = np.linspace(-300, 300, 401)[:, None]
    many = post.log_pdf(s, CROSS[:1], TEST[:1, :1])
    for i in (0, 190, 200, 390):
        assert abs(many[i] - post.log_pdf(s[i], CROSS[:1], TEST[:1, :1])) < ROUTES * max(1, abs(many[i]))


@pytest.mark.parametrize("kind", [{"ratio": "1/1000"}, {"widths": (1000,)}], ids=str)
@pytest.mark.parametrize("size", [100.0, 1000.0])
def test_data_many_deviations_out(kind, size):
    """The mode of log q is hundreds of the prior's deviations out; the evidence is the density, a line integral."""
    values = size * np.array([1.0, 2.0])
    law = output_law(covariance=[[1, "1/2"], ["1/2", 1]], **kind)
    truth = law.log_pdf(values)
    assert abs(law.posterior([[1.0, 0.5], [0.5, 1.0]], values).log_evidence - truth) < ROUTES * abs(truth)


REFUSED = [
    (lambda: output_law(ratio=1).posterior(TRAIN, y, -1), DomainError, "zero or more"),
    (lambda: output_law(ratio=1).posterior(TRAIN, y, float("nan")), DataError, "noise_var"),
    (lambda: output_law(ratio=1).posterior(TRAIN, y[:1]), DataError, "y of shape"),
    (lambda: output_law(ratio=1).posterior(TRAIN, y[:, None]), DataError, r"y\[:, 0\]"),
    (lambda: output_law(ratio=1).posterior(TRAIN[:1], y), DataError, "K_train of shape"),
    (lambda: output_law(ratio=1).posterior([[1.0, 2.0], [2.0, 1.0]], y), DomainError, "eigenvalue"),
    (lambda: output_law(ratio=1).posterior([[1.0, 0.5], [0.0, 1.0]], y), DataError, "not symmetric"),
    (lambda: output_law(ratio="a").posterior(TRAIN, y), NoRule, "a free"),
    (lambda: output_law(widths=(5,), activation=act.relu).posterior(TRAIN, y), NoRule, "act.linear"),
    (lambda: output_law(ratio=1).posterior(TRAIN, y).mean(CROSS[:, :1]), DataError, "K_cross of shape"),
    (lambda: output_law(ratio=1).posterior(TRAIN, y).covariance(CROSS, TEST[:1]), DataError, "K_test of shape"),
    (lambda: output_law(ratio=1).posterior(TRAIN, y).covariance(CROSS, 0.01 * TEST), DomainError, "do not fit"),
    (lambda: output_law(ratio=1).posterior(TRAIN, y).pdf([1.0], CROSS, TEST), DataError, "s of shape"),
    (lambda: output_law(ratio=1).posterior(TRAIN, y).pdf(y, TRAIN, TRAIN), DomainError, "the data determine"),
    (lambda: output_law(widths=(2, 5)).posterior(TRAIN, 0 * y).log_evidence, DomainError, "finite evidence"),
    (lambda: output_law(widths=()).posterior(TRAIN, y).mixing.pdf(1.0), DomainError, "q is 1"),
]


@pytest.mark.parametrize(("call", "error", "words"), REFUSED, ids=lambda x: x if isinstance(x, str) else "")
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_least_noise_of_a_singular_kernel_passes():
    """Half of the noise that a refusal names is refused as well, and the noise itself is not."""
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 30)
    law, kernel = output_law(ratio=1), np.exp(-0.5 * (x[:, None] - x) ** 2)
    outputs = np.sin(x) + 0.1 * rng.standard_normal(30)
    with pytest.raises(DomainError, match="or more") as refused:
        law.posterior(kernel, outputs, 1e-12)
    least = float(re.search("noise_var of (.*?) or more", str(refused.value))[1])
    assert least > 1e-12
    law.posterior(kernel, outputs, least)
    with pytest.raises(DomainError, match="or more"):
        law.posterior(kernel, outputs, least / 2)

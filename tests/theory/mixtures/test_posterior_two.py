"""Posteriors of two outputs: the NNGP, the law of all outputs, brute force over Q, weighed networks, refusals."""

import numpy as np
import pytest
import sympy as sp
from scipy.special import i0

from symlimits.errors import DataError, DomainError, NoRule
from symlimits.theory.mixtures import output_law
from symlimits.theory.mixtures.angle import Forms, log_over_angles
from symlimits.theory.mixtures.mehler_fock import Distance
from tests.theory.mixtures import weighted

ROUTES = 1e-9  # of two routes to one number; measured: 4e-13
QUADRATURE = 1e-8  # of sums over s or Q with even steps; measured: 3e-9
ROUNDING = 1e-12
RATIOS = (5e-4, 2.5e-4, 1.25e-4)  # small: the density of S has a slope of 0.075 in a beside a square of -6
RATE = 0.02  # by how much quotients of differences may be off one half; measured: 0.011, falling with a
X = np.array([[1.0, 0.2, -0.5], [0.3, -1.2, 0.4], [-0.7, 0.5, 1.1], [0.4, 0.9, 0.2]])
K = X @ X.T / 3 + 0.1 * np.eye(4)
TRAIN, CROSS, TEST = K[:2, :2], K[2:, :2], K[2:, 2:]
Y = np.array([[2.0, 0.5], [-1.5, 1.0]])
FAR = np.array([[3.0, 0.3], [-2.0, 0.2]])  # data that speak for another Q than the prior
S = np.array([[0.4, -1.0], [0.3, 0.7]])
LAWS = [
    {"ratio": "1/1000"},
    {"ratio": 1},
    {"ratio": 3},
    {"widths": (30,) * 10},
    pytest.param({"widths": (5, 4)}, marks=pytest.mark.slow),
    pytest.param({"widths": (5000,)}, marks=pytest.mark.slow),
]


def law(arguments, **others):
    return output_law(**arguments, outputs=2, **others)


def gaussian(rows, covariance):
    return -0.5 * (rows @ np.linalg.solve(covariance, rows) + np.linalg.slogdet(2 * np.pi * covariance)[1])


def test_without_hidden_layers_it_is_the_nngp():
    post, noise = law({"widths": ()}).posterior(TRAIN, Y, 0.3), 0.3 * np.eye(2)
    solved = np.linalg.solve(TRAIN + noise, CROSS.T)
    left = TEST - CROSS @ solved
    assert abs(post.log_evidence - sum(gaussian(y, TRAIN + noise) for y in Y.T)) < ROUNDING
    np.testing.assert_allclose(post.mean(CROSS), solved.T @ Y, rtol=ROUNDING)
    expected = np.einsum("mn,jk->mjnk", left, np.eye(2))
    np.testing.assert_allclose(post.covariance(CROSS, TEST), expected, atol=ROUNDING)
    log = sum(gaussian(s, left) for s in (S - solved.T @ Y).T)
    assert abs(post.log_pdf(S, CROSS, TEST) - log) < ROUNDING


@pytest.mark.parametrize("arguments", LAWS, ids=str)
def test_without_noise_both_routes_agree(arguments):
    """Mixing over Q, and the density of all outputs by the inverse of a spherical transform."""
    post = law(arguments).posterior(TRAIN, Y)
    evidence = law(arguments, covariance=TRAIN).log_pdf(Y.T)
    assert abs(post.log_evidence - evidence) < ROUTES
    assert post.error < ROUTES
    np.testing.assert_allclose(post.mean(CROSS), CROSS @ np.linalg.solve(TRAIN, Y), rtol=ROUTES)
    joint = law(arguments, covariance=K).log_pdf(np.vstack([Y, S]).T)
    assert abs(post.log_pdf(S, CROSS, TEST) - joint + evidence) < ROUTES


@pytest.mark.parametrize("arguments", [{"ratio": 1}, {"widths": (20, 30)}], ids=str)
def test_one_point_is_the_scalar_mixture(arguments):
    post = law(arguments).posterior([[0.7]], Y[:1])
    assert abs(post.log_evidence - law(arguments, covariance="7/10").log_pdf(Y[:1].T)) < ROUTES


def test_by_brute_force():
    """Sums over (G, rho, angle) with the covariance of all outputs as a Kronecker product: no eigenbasis, no Bessel."""
    noise, step, angles = 0.3, 0.16, 96
    G, x = np.arange(-8, 5.5, 0.25), np.arange(-12, 2.2, step)
    rho, theta = np.exp(x), np.pi * np.arange(angles) / angles
    prior = np.exp(-((G + 1.5) ** 2) / 2) / np.sqrt(2 * np.pi) * 0.25 / angles
    prior = np.einsum("i,j,k->ijk", prior, Distance(None, sp.Integer(1)).pdf(rho) * rho * step, np.ones(angles))
    O = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]]).transpose(2, 0, 1)
    scales = np.exp(G[:, None, None] + rho[:, None] * np.array([1, -1]))
    Q = np.einsum("kab,ijb,kcb->ijkac", O, scales, O)
    kept = prior > 1e-17 * prior.max()
    prior, Q = prior[kept], Q[kept]
    C = np.einsum("nac,pq->npaqc", Q, TRAIN).reshape(-1, 4, 4) + noise * np.eye(4)
    cross = np.einsum("nac,pq->npaqc", Q, CROSS[:1]).reshape(-1, 2, 4)
    solved = np.linalg.solve(C, np.broadcast_to(Y.ravel(), (len(Q), 4))[..., None])[..., 0]
    joint = prior * np.exp(-0.5 * solved @ Y.ravel()) / np.sqrt(np.linalg.det(2 * np.pi * C))
    weights = joint / joint.sum()
    means = np.einsum("nij,nj->ni", cross, solved)
    given = Q * TEST[0, 0] - cross @ np.linalg.solve(C, cross.transpose(0, 2, 1))
    mean = weights @ means
    covariance = np.einsum("n,nij->ij", weights, given) + np.einsum("n,ni,nj->ij", weights, means - mean, means - mean)
    s = S[0] - means
    logs = -0.5 * np.einsum("ni,ni->n", s, np.linalg.solve(given, s[..., None])[..., 0])
    density = weights @ (np.exp(logs) / np.sqrt(np.linalg.det(2 * np.pi * given)))

    post = law({"ratio": 1}).posterior(TRAIN, Y, noise)
    assert abs(post.log_evidence - np.log(joint.sum())) < QUADRATURE
    np.testing.assert_allclose(post.mean(CROSS[:1])[0], mean, atol=QUADRATURE)
    np.testing.assert_allclose(post.covariance(CROSS[:1], TEST[:1, :1])[0, :, 0], covariance, atol=QUADRATURE)
    np.testing.assert_allclose(post.mixing.mean, np.einsum("n,nij->ij", weights, Q), atol=10 * QUADRATURE)
    assert abs(post.pdf(S[:1], CROSS[:1], TEST[:1, :1]) - density) < QUADRATURE
    at = 17 * len(Q) // 31
    high, low = np.linalg.eigvalsh(Q[at])[::-1]
    distance = 0.5 * np.log(high / low)
    flat = 4 * np.pi * np.exp(3 * 0.5 * np.log(high * low)) * np.sinh(distance) * distance * 0.25 * step / angles
    assert abs(post.mixing.log_pdf(0.5 * (Q[at] + Q[at].T)) - np.log(weights[at] / flat)) < QUADRATURE


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [{"ratio": 1}], ids=str)
def test_the_density_has_the_mass_the_mean_and_the_covariance(arguments):
    post, h = law(arguments).posterior(TRAIN, Y, 0.3), 1.0
    grid = np.stack(np.meshgrid(*2 * [np.arange(-26, 27, h)], indexing="ij"), axis=-1)
    density = post.pdf(grid[:, :, None], CROSS[:1], TEST[:1, :1], noise_var=1.0)[..., None] * h**2
    mean, covariance = post.mean(CROSS)[0], post.covariance(CROSS, TEST, noise_var=1.0)[0, :, 0]
    off = grid - mean
    assert abs(density.sum() - 1) < 1e2 * QUADRATURE  # of even steps as wide as the noise
    np.testing.assert_allclose((density * grid).sum(axis=(0, 1)), mean, atol=1e3 * QUADRATURE)
    np.testing.assert_allclose(np.einsum("xyi,xyj->ij", density * off, off), covariance, atol=1e4 * QUADRATURE)


def quantities(arguments):
    post = law(arguments).posterior(TRAIN, Y, 0.3)
    covariance = post.covariance(CROSS, TEST)
    return np.hstack([post.log_evidence, post.mean(CROSS).ravel(), covariance[:, 0, :, 0].ravel(),
                      post.log_pdf(S, CROSS, TEST)])  # fmt: skip


@pytest.mark.parametrize("finite", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_differences_from_the_nngp_are_proportional_to_the_ratio(finite):
    def at(a):
        return {"widths": (round(2 / a),) * 2} if finite else {"ratio": str(a)}

    base = quantities({"widths": ()})
    differences = [quantities(at(a)) - base for a in RATIOS]
    assert (np.abs(differences[0]) > 1e-5).all()
    for after, before in zip(differences[1:], differences, strict=False):
        np.testing.assert_allclose(after / before, 0.5, atol=RATE)


def test_rotations_of_the_outputs():
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    one, other = (law({"ratio": 1}).posterior(TRAIN, y, 0.3) for y in (Y, Y @ turn))
    assert abs(one.log_evidence - other.log_evidence) < ROUTES
    np.testing.assert_allclose(other.mean(CROSS), one.mean(CROSS) @ turn, atol=ROUTES)
    np.testing.assert_allclose(other.mixing.mean, turn.T @ one.mixing.mean @ turn, atol=ROUTES)
    assert abs(one.log_pdf(S, CROSS, TEST) - other.log_pdf(S @ turn, CROSS, TEST)) < ROUTES


def bump(s):
    return np.exp(-0.25 * np.square(s).sum(axis=-1))  # inside [0, 1]


def predicted_bump(post):
    """By a Gaussian sum: the bump is a density of noise 2 at zero."""
    return 4 * np.pi * post.pdf(np.zeros((1, 2)), CROSS[:1], TEST[:1, :1], noise_var=2.0)


@pytest.mark.slow
def test_networks_weighed_by_likelihood():
    """Effective sample size above 1e4 of 4e5; independent outputs, prior weights of Q, another noise are rejected."""
    widths, noise = (3,), 1.0
    drawn = weighted.networks(widths, 2, K[:3, :3], seed=4)
    weights = weighted.likelihood_weights(drawn[:, :, :2], FAR, noise)
    assert weighted.effective(weights) > 1e4
    post, bumps, scale = (
        law({"widths": widths}).posterior(TRAIN, FAR, noise),
        bump(drawn[:, :, 2]),
        (2 * np.pi * noise) ** -2,
    )
    assert weighted.agrees(weights - np.exp(post.log_evidence) / scale)
    one = output_law(widths=widths)
    apart = sum(one.posterior(TRAIN, y, noise).log_evidence for y in FAR.T)
    assert not weighted.agrees(weights - np.exp(apart) / scale)
    assert weighted.agrees(weights * (bumps - predicted_bump(post)))
    assert not weighted.agrees(
        weights * (bumps - predicted_bump(law({"widths": widths}).posterior(TRAIN, FAR, 4 * noise)))
    )
    assert not weighted.agrees(weights * (bumps - with_prior_weights(widths, noise)))


def with_prior_weights(widths, noise):
    """The same mean of laws given Q, over Q as it was before the data: one Wishart matrix."""
    (N,), rng = widths, np.random.default_rng(5)
    T = rng.standard_normal((4000, 2, N))
    Q = T @ T.transpose(0, 2, 1) / N
    C = np.einsum("nac,pq->npaqc", Q, TRAIN).reshape(-1, 4, 4) + noise * np.eye(4)
    cross = np.einsum("nac,pq->npaqc", Q, CROSS[:1]).reshape(-1, 2, 4)
    means = (cross @ np.linalg.solve(C, np.broadcast_to(FAR.reshape(4, 1), (len(Q), 4, 1))))[..., 0]
    given = Q * TEST[0, 0] - cross @ np.linalg.solve(C, cross.transpose(0, 2, 1)) + 2 * np.eye(2)
    logs = -0.5 * np.einsum("ni,ni->n", means, np.linalg.solve(given, means[..., None])[..., 0])
    return float((np.exp(logs) * 2 / np.sqrt(np.linalg.det(given))).mean())


def test_the_angle_by_its_trapezoid_rule():
    plus, minus = Forms(*np.array([[3.0], [0.7], [1.0]])), Forms(*np.array([[0.4], [-0.2], [2.0]]))
    half = np.pi * np.arange(40) / 40
    u, v = np.stack([np.cos(half), np.sin(half)]), np.stack([-np.sin(half), np.cos(half)])
    squares = [
        m.first * a[0] ** 2 + 2 * m.both * a[0] * a[1] + m.second * a[1] ** 2 for m, a in ((plus, u), (minus, v))
    ]
    assert abs(np.log(np.exp(-0.5 * sum(squares)).mean()) - log_over_angles(plus, minus)[0]) < ROUNDING
    none = Forms(*np.zeros((3, 1)))
    one = Forms(np.array([1e9]), np.zeros(1), np.zeros(1))  # of rank one: the least exponent is zero, not a rounding
    assert abs(log_over_angles(one, none)[0] + 0.5 * np.log(0.5 * np.pi * 1e9)) < 1e-8
    assert (
        abs(np.exp(log_over_angles(Forms(*np.array([[1.0], [0.0], [0.0]])), none)[0]) - np.exp(-0.25) * i0(0.25))
        < ROUNDING
    )


REFUSED = [
    (lambda: output_law(ratio=1, outputs=3).posterior(TRAIN, np.ones((2, 3))), NoRule, "3 outputs"),
    (lambda: law({"ratio": 1}).posterior(TRAIN, Y[0]), DataError, "y of shape"),
    (lambda: law({"ratio": 1}).posterior(TRAIN, Y, -0.1), DomainError, "zero or more"),
    (lambda: law({"widths": (5, 1)}).posterior(TRAIN, Y).log_evidence, DomainError, "Q is singular"),
    (lambda: law({"ratio": 1}).posterior(TRAIN, Y).pdf(S[0], CROSS, TEST), DataError, "s of shape"),
    (lambda: law({"ratio": 1}).posterior(TRAIN, Y).mixing.log_pdf(-np.eye(2)), DomainError, "positive definite"),
    (lambda: law({"ratio": 1}).posterior(np.ones((2, 2)), Y), DomainError, "rank 1 for 2 points"),
]


@pytest.mark.parametrize(("call", "error", "words"), REFUSED, ids=lambda x: x if isinstance(x, str) else "")
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.slow
def test_an_infinite_evidence_is_refused():
    with pytest.raises(DomainError, match=r"far out|does not converge"):
        _ = law({"widths": (3, 3)}).posterior(TRAIN, 0 * Y).log_evidence


@pytest.mark.parametrize("ratio", ["1/1000", 1])
@pytest.mark.parametrize("size", [30.0, 1000.0])
def test_data_far_from_the_prior_are_found(ratio, size):
    """The window walks to the peak; the density of outputs takes another way."""
    kernel, outputs = [[1.0, 0.3], [0.3, 1.2]], np.array([[size, 0.5], [-0.3, size / 2]])
    law = output_law(ratio=ratio, outputs=2, covariance=kernel)
    assert abs(law.posterior(kernel, outputs).log_evidence / law.log_pdf(outputs.T) - 1) < ROUTES

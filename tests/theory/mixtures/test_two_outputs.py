"""Two outputs in the limit: the scalar mixture, mixing over inputs instead of outputs, draws, refusals."""

import numpy as np
import pytest
import sympy as sp

from symlimits.errors import DataError, DomainError, NoRule
from symlimits.theory.mixtures import output_law
from symlimits.theory.mixtures.two_outputs import TwoOutputs
from tests.finite.two_samples import generator

ROUTES = 1e-10  # what two routes to one density are asked to agree to; measured: 5e-13
K = np.array([[1.0, 0.5], [0.5, 2.0]])


@pytest.mark.parametrize("a", ["1/1000", "1/4", "1", "5"])
@pytest.mark.parametrize("s", [0.0, 0.1, 3.0, 100.0])
def test_one_input_is_the_scalar_mixture(a, s):
    two, scalar = TwoOutputs(sp.Rational(a)), output_law(ratio=a, outputs=2)
    density, wave = two.log_mean(s * s, 0.0, -1, -1), two.log_mean(s * s, 0.0, 0, 1)
    reference = scalar.log_pdf([[s], [0.0]])
    assert abs(density.log - np.log(2 * np.pi) - reference) < ROUTES * max(1, abs(reference))
    assert density.error < ROUTES
    assert abs(np.exp(wave.log) - scalar.cf([[s], [0.0]])) < ROUTES


def mixed_over_inputs(S: np.ndarray, law, a: str) -> float:
    """log of the integral over Q' of its density times that of D independent rows with covariance R Q' R'.

    In the half-plane r + iy of Q' = e^G/y [[1, r], [r, r^2 + y^2]], dQ' = 2 e^{3G} dG dr dy/y^2.
    """
    G, y, t = np.meshgrid(
        np.linspace(-11, 7, 73), np.exp(np.linspace(-9, 8, 69)), np.linspace(-6, 6, 65), indexing="ij"
    )
    r = np.sinh(t)
    Q = (np.exp(G) / y)[..., None, None] * np.array([[np.ones_like(r), r], [r, r**2 + y**2]]).transpose(2, 3, 4, 0, 1)
    R = np.linalg.cholesky(K)
    logs = TwoOutputs(sp.Rational(a)).log_pdf(Q) + np.log(2) + 3 * G - np.log(y) + np.log(np.cosh(t))
    white = S @ np.linalg.inv(R).T
    inverse = np.array([[r**2 + y**2, -r], [-r, np.ones_like(r)]]).transpose(2, 3, 4, 0, 1)
    squares = np.einsum("di,...ij,dj->...", white, inverse, white) * np.exp(-G) / y
    logs += -0.5 * squares - len(S) * (np.log(2 * np.pi) + G + np.log(np.linalg.det(R)))
    return float(np.logaddexp.reduce(logs.ravel()) + np.log((18 / 72) * (17 / 68) * (12 / 64)))


@pytest.mark.parametrize("S", [np.array([[0.5, -1.0], [0.3, 2.0]]), np.array([[0.5, -1.0], [0.3, 2.0], [1.0, 0.1]])])
def test_mixing_over_outputs_and_over_inputs_agree(S):
    law = output_law(ratio=1, outputs=len(S), covariance=K)
    assert abs(law.log_pdf(S) - mixed_over_inputs(S, law, "1")) < ROUTES


def test_two_inputs_and_three_outputs_are_the_transpose():
    S = np.array([[0.5, -1.0, 0.2], [0.3, 2.0, -0.4]])
    one = output_law(ratio="1/2", outputs=2, covariance=np.eye(3))
    other = output_law(ratio="1/2", outputs=3, covariance=np.eye(2))
    assert abs(one.log_pdf(S) - other.log_pdf(S.T)) < ROUTES
    assert abs(one.cf(S) - other.cf(S.T)) < ROUTES


def test_rotations_leave_the_density():
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    law = output_law(ratio=1, outputs=2, covariance=K)
    S = np.array([[[0.5, -1.0], [0.3, 2.0]]])
    assert abs(law.log_pdf(turn @ S) - law.log_pdf(S)).max() < ROUTES


def test_draws_follow_the_characteristic_function():
    """Bounded functionals: within Hoeffding's bound at 1e-9; that of independent outputs is rejected."""
    law = output_law(ratio=1, outputs=2, covariance=K)
    T = np.array([[0.9, -0.4], [0.2, 0.8]])
    count = 200_000
    drawn = np.cos(np.einsum("nij,ij->n", law.sample(count, generator(3)), T)).mean()
    reach = np.sqrt(2 * np.log(2 / 1e-9) / count)
    assert abs(drawn - law.cf(T)) < reach
    one = output_law(ratio=1, covariance=K)
    assert abs(drawn - one.cf(T[0]) * one.cf(T[1])) > reach


def test_small_ratios_are_gaussian():
    law = output_law(ratio="1e-6", outputs=2, covariance=K)
    T = np.array([[0.9, -0.4], [0.2, 0.8]])
    gaussian = np.exp(-0.5 * np.trace(T @ K @ T.T))
    assert abs(law.cf(T) - gaussian) < 1e-5 * gaussian


def test_moments_of_matrix_laws():
    law = output_law(widths=(5, 4), outputs=3, covariance=[[1, 0], [0, 1]])
    p, m = sp.Rational(7, 5) * sp.Rational(3, 2), sp.Rational(4, 5) * sp.Rational(3, 4)
    assert law.moment([[2, 0], [0, 2], [0, 0]]) == (p + 2 * m) / 3
    assert law.moment([[1, 0], [0, 2], [0, 0]]) == 0
    assert law.limit.mixing.ratio == sp.Rational(9, 20)


def test_log_determinant():
    law = output_law(widths=(5, 4, 7), outputs=3, covariance=np.eye(2)).determinant
    finite, limit = law.sample(100_000, 1), output_law(ratio=1, outputs=3, covariance=np.eye(2)).determinant
    assert abs(finite.mean() - law.mean) < 6.5 * np.sqrt(law.variance / 100_000)
    assert abs(np.mean(finite < -1.0) - law.cdf(-1.0)) < 6.5 * 0.5 / np.sqrt(100_000)
    assert abs(np.mean(finite < -1.0) - law.cdf(-0.9)) > 6.5 * 0.5 / np.sqrt(100_000)
    assert (limit.mean, limit.variance) == (-3, 4)
    assert abs(limit.pdf(-2.0) - np.exp(-1 / 8) / np.sqrt(8 * np.pi)) < 1e-14


def test_refusals():
    with pytest.raises(DomainError, match="singular"):
        _ = output_law(widths=(5, 1), outputs=2, covariance=K).determinant
    with pytest.raises(NoRule, match="free"):
        output_law(ratio="a", outputs=2, covariance=K).cf(np.eye(2))
    with pytest.raises(NoRule, match="two outputs or two inputs"):
        output_law(ratio=1, outputs=3, covariance=np.eye(3)).pdf(np.eye(3))
    with pytest.raises(DomainError, match="singular covariance"):
        output_law(ratio=1, outputs=2, covariance=np.ones((2, 2))).pdf(np.eye(2))
    with pytest.raises(DataError, match="shape"):
        output_law(ratio=1, outputs=2, covariance=K).cf(np.ones(2))
    with pytest.raises(DomainError, match="positive definite"):
        TwoOutputs(sp.Integer(1)).log_pdf(-np.eye(2))

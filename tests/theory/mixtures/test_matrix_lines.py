"""Claims about several outputs: their lines, their experiments, and claims that must be rejected."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from symlimits.derivation.heat_kernel import heat_kernel
from symlimits.derivation.meijer import meijer
from symlimits.derivation.trace import Step
from symlimits.errors import DataError, DomainError, NoRule
from symlimits.language.domain import REAL
from symlimits.language.spherical import SphericalIntegral
from symlimits.loading import load
from symlimits.theory.mixtures import OutputLaw, output_law
from symlimits.theory.mixtures.matrix_lines import first_order
from symlimits.theory.mixtures.matrix_networks import Directions, outputs
from symlimits.theory.mixtures.mehler_fock import Distance

ROUTES = 1e-12  # of two routes in float64; measured 3e-14
ALPHA = 1e-6
K = [[1, "1/2"], ["1/2", 2]]
SIZES = (2, 4, 8)


def law(**kind):
    return output_law(outputs=kind.pop("outputs", 2), covariance=kind.pop("covariance", K), **kind)


@pytest.mark.slow
def test_the_lines_of_a_density_hold():
    certificate = law(widths=(5, 3)).density.check()
    assert certificate.ok
    assert [link.passed for link in certificate.links] == [True, True]


def test_the_limit_of_the_eigenvalues_is_mckeans():
    """Spherical inversion of Gaussian factors, then the heat kernel: three lines at a free ratio."""
    claim = law(ratio="a").eigenvalue_density.apply(heat_kernel)
    assert claim.check().ok
    assert claim.expr.has(sp.Integral)
    assert not claim.expr.has(SphericalIntegral)


def test_a_line_with_another_drift_is_found_false():
    claim = law(ratio="1/2").eigenvalue_density
    other = law(ratio="51/100").eigenvalue_density.expr
    false = replace(claim, trace=(*claim.trace[:-1], Step(other, "a slip", "the author")))
    lines, _ = false.check().links
    assert lines.passed is False


def test_first_orders_are_the_means_of_the_theory():
    """log T_jj^2 of the limit has the mean -j a and the variance 2a (notes on the limit)."""
    u = sp.Symbol("u")
    for lost in range(4):
        assert sp.expand(first_order(lost) - u * (u - 1 - lost)) == 0


@pytest.mark.parametrize("kind", [{"widths": (5, 3)}, {"ratio": 1}])
@pytest.mark.parametrize("outputs", [2, 3])
def test_values_are_those_of_the_law(kind, outputs):
    found = law(outputs=outputs, **kind)
    S = Directions(outputs, found.kernel).at((1.3, 0.4))
    assert abs(found.characteristic(1.3, 0.4 / 1.3) / found.cf(S) - 1) < ROUTES
    root = np.linalg.cholesky(found.kernel)
    white = S @ root @ root.T  # of singular values 1.3 and 0.4 behind the root of K
    assert abs(np.linalg.svd(white @ np.linalg.inv(root).T, compute_uv=False) - [1.3, 0.4]).max() < ROUTES
    assert abs(found.density(1.3, 0.4 / 1.3) / found.pdf(white) - 1) < ROUTES


@pytest.mark.parametrize(
    ("widths", "ratio", "top"), [(None, sp.S.Half, 6), pytest.param((6, 4), None, 3, marks=pytest.mark.slow)]
)
def test_the_distance_is_a_marginal_of_the_eigenvalues(widths, ratio, top):
    """Over G at fixed rho, x = e^(G + rho) and r = e^(-2 rho): against the law that is inverted in rho alone."""
    density, rho = law(widths=widths, ratio=ratio).eigenvalue_density, 0.7
    G = np.arange(-9, top, 0.1)
    found = 0.1 * density(np.exp(G + rho), np.exp(-2 * rho)).sum()
    assert abs(found / np.exp(Distance(widths, ratio).log_kernel(rho)) - 1) < 1e-9  # tails of G left out


# ------------------------------------------------------------------ experiments


def test_networks_have_the_covariance_of_the_inputs():
    rng, kernel = np.random.default_rng(0), np.array([[1.0, 0.5], [0.5, 2.0]])
    S = outputs((6,), 2, 20_000, kernel, 3, rng)
    assert np.abs(np.einsum("ndp,ndq->pq", S, S) / 40_000 - kernel).max() < 0.2  # 8 standard errors
    with pytest.raises(DomainError, match="dimensions"):
        outputs((6,), 2, 1, kernel, 1, rng)


def test_draws_follow_the_claim_and_no_other():
    """Full networks, Hoeffding's bound at ALPHA; other widths, and the other ratio of singular values, are rejected."""
    claim, count = law(widths=(3, 2)).characteristic, 1200
    draw, rng = claim.experiment.at({sp.Symbol("r"): sp.Rational(3, 4)}), np.random.default_rng(5)
    drawn = np.cos(1.5 * np.concatenate([draw(3, rng) for _ in range(count)])).mean()
    reach = np.sqrt(2 * np.log(2 / ALPHA) / (count * 64))
    assert abs(drawn - claim(1.5, 0.75)) < reach
    assert abs(drawn - law(widths=(30, 20)).characteristic(1.5, 0.75)) > 2 * reach
    assert abs(drawn - claim(1.5, 0.2)) > 2 * reach


def test_a_limit_needs_whole_depths():
    draw = law(ratio="1/2").characteristic.experiment.bind({sp.Symbol("r"): sp.S.Half})
    assert draw(4, np.random.default_rng(0)).shape == (1024,)
    with pytest.raises(DomainError, match="depth"):
        draw(3, np.random.default_rng(0))
    with pytest.raises(DomainError, match="without r"):
        law(ratio="1/2").characteristic.experiment(4, np.random.default_rng(0))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [{"widths": (3, 2)}, {"widths": (5, 3, 4), "outputs": 3}, {"ratio": "1/2"}])
def test_certificates(kind):
    sizes = (8, 16, 32) if "ratio" in kind else SIZES
    certificate = law(**kind).characteristic.certify(sizes=sizes)
    assert certificate.ok
    assert all(link.passed for link in certificate.links)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong", "sizes"),
    [({"widths": (3, 2)}, {"widths": (30, 20)}, SIZES), ({"ratio": "1/2"}, {"ratio": 2}, (8, 16, 32))],
)
def test_certificates_of_wrong_laws_fail(right, wrong, sizes):
    claim, other = law(**right).characteristic, law(**wrong).characteristic
    simulation, *rest = replace(other, experiment=claim.experiment).certify(sizes=sizes).links
    assert simulation.passed is False
    assert all(link.passed for link in rest)


# ------------------------------------------------------------------ determinant


@pytest.mark.slow
@pytest.mark.parametrize("dimension", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_the_determinant_is_a_meijer_function(dimension):
    determinant = output_law(widths=(5, 3), outputs=3, covariance=np.eye(dimension)).determinant
    claim = determinant.density
    assert claim.check().ok
    q = np.array([0.05, 1.0, 3.0])
    np.testing.assert_allclose(claim(q), determinant.pdf(np.log(q)), rtol=ROUTES)
    line = meijer(claim.expr)
    assert line.has(sp.meijerg)
    assert abs(float(line.subs(claim.arguments[0], 2).evalf(20)) / claim(2.0) - 1) < ROUTES


def test_the_determinant_is_log_normal_in_the_limit():
    claim = output_law(ratio="a", outputs=3, covariance=np.eye(3)).determinant.density
    assert claim.check().ok
    assert not claim.expr.has(sp.Integral)
    assert abs(claim.bind(a="1/2")(2.0) / output_law(ratio="1/2", outputs=3, covariance=np.eye(3)).determinant.pdf(
        np.log(2.0)
    ) - 1) < ROUTES  # fmt: skip


# ------------------------------------------------------------------ moments, functionals


def test_moments_of_the_theory():
    """Correlations of squares and cumulants against the formulas with p and m."""
    found = law(widths=(5, 3))
    p, m = sp.Rational(7, 5) * sp.Rational(5, 3), sp.Rational(4, 5) * sp.Rational(2, 3)
    assert found.kurtosis == 3 * (p - 1)
    table = found.correlation_of_squares
    assert table.shape == (4, 4)
    assert [table[i, i] for i in range(4)] == [1] * 4
    assert table[0, 2] == table[1, 3] == (p - 1) / (3 * p - 1)
    c2 = sp.Rational(1, 8)  # of the inputs' correlation, squared
    assert table[0, 1] == (p - 1 + 2 * p * c2) / (3 * p - 1)
    assert table[0, 3] == ((p + 2 * m) / 3 + 2 * (p - m) / 3 * c2 - 1) / (3 * p - 1)
    assert found.cumulant([[4, 0], [0, 0]]) == found.kurtosis
    assert found.cumulant([[2, 0], [0, 2]]) == found.moment([[2, 0], [0, 2]]) - 2
    assert found.cumulant([[1, 0], [0, 0]]) == 0
    one = output_law(widths=(5, 3))
    assert found.cumulant([[6, 0], [0, 0]]) == one.cumulant(6)


def test_the_largest_correlation_is_a_third():
    a = sp.Symbol("a", positive=True)
    table = output_law(ratio=a, outputs=2, covariance=np.eye(2)).correlation_of_squares
    assert table[0, 2].limit(a, sp.oo) == sp.Rational(1, 3)
    assert table[0, 3].limit(a, sp.oo) == sp.Rational(1, 9)


def test_functionals_are_one_number():
    one = law(widths=(5, 3)).functional([[2, 0], [2, 0]])
    assert isinstance(one, OutputLaw)
    assert one.covariance[0, 0] == 8
    assert abs(one.cf(0.5) - law(widths=(5, 3)).cf([[1.0, 0.0], [1.0, 0.0]])) < ROUTES
    several = output_law(widths=(5, 3), outputs=3)
    assert several.functional([1, 2, 2]).covariance[0, 0] == 9
    assert several.functional([1, 2, 2]).characteristic.experiment.K == 9
    with pytest.raises(DomainError, match="rank 2"):
        law(widths=(5, 3)).functional([[1, 0], [0, 1]])
    with pytest.raises(DataError, match="shape"):
        law(widths=(5, 3)).functional([1, 2])


# ------------------------------------------------------------------ printing, storing, refusals


def test_claims_print_and_come_back():
    claim = law(widths=(5, 3)).density
    assert "Q_{w - w' - 1/2}" in claim.latex()
    assert "Gamma integrals" in claim.explain()
    back = load(claim.to_json())
    assert back.trace == claim.trace
    assert back(1.0, 0.5) == claim(1.0, 0.5)
    assert claim.evaluate(1, "1/2").error < 1e-12
    assert "double integral" in claim.method


def test_refusals():
    with pytest.raises(NoRule, match="closed form"):
        _ = output_law(ratio=1, outputs=3, covariance=np.eye(3)).characteristic
    singular = output_law(widths=(4, 4), outputs=2, covariance=np.ones((2, 2)))
    with pytest.raises(DomainError, match="singular"):
        _ = singular.density
    with pytest.raises(DomainError, match="singular"):
        _ = singular.characteristic
    w, x = sp.Symbol("w"), sp.Symbol("x", positive=True)
    unlike = SphericalIntegral(sp.gamma(w), sp.gamma(w + 1), w, (0, sp.oo), x, x / 2)
    claim = replace(law(widths=(4,)).eigenvalue_density, trace=(Step(unlike, "definition", "the author"),))
    with pytest.raises(NoRule, match="unlike"):
        claim.bind()(1.0) if claim.arguments == (x,) else replace(claim, arguments=(x,))(1.0)
    assert REAL not in claim.domain.ranges.values()

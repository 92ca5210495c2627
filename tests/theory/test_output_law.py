"""Output laws of one mixing scalar: values against formulas of another kind, identities, samples, refusals."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from scipy.special import erf, k0
from scipy.stats import norm

import symlimits as sl
from symlimits import activations as act
from symlimits.certify.compiled import _truth
from symlimits.derivation.meijer import meijer
from symlimits.language.domain import Domain
from symlimits.language.product import ProductExpectation
from symlimits.reading.ball import ball
from symlimits.reading.reference import reference
from symlimits.theory.mixtures import expansion
from symlimits.theory.mixtures.networks import outputs

ROUNDING = 1e-13  # some hundred roundings of numbers up to 30
QUADRATURE = 1e-10  # of scipy's rules and even steps in the tests
ALPHA = 1e-6
GRID = np.array([1e-6, 0.01, 0.3, 1.0, 4.0, 20.0, 100.0])
LAWS = [{"widths": (1,)}, {"widths": (5, 3, 4)}, {"widths": (30,) * 15}, {"ratio": "1/1000"}, {"ratio": 5}]


def distance(draws, cdf):
    """The largest distance of the empirical distribution function from a law, on both sides of every draw."""
    x = np.sort(draws)
    ends = ((np.searchsorted(x, x, side), at) for side, at in (("right", x), ("left", np.nextafter(x, -np.inf))))
    return max(float(np.abs(below / x.size - cdf(at)).max()) for below, at in ends)


def threshold(draws):
    """Exceeded with probability ALPHA at most (Dvoretzky, Kiefer and Wolfowitz; Massart 1990)."""
    return (np.log(2 / ALPHA) / (2 * len(draws))) ** 0.5


def test_no_hidden_layer_is_gaussian() -> None:
    law = sl.output_law(widths=(), covariance=2)
    np.testing.assert_allclose(law.pdf(GRID[:5]), norm.pdf(GRID[:5], scale=2**0.5), rtol=ROUNDING)
    np.testing.assert_allclose(law.cf(GRID), np.exp(-(GRID**2)), rtol=ROUNDING)


def test_one_layer_of_one_unit() -> None:
    """A product of two Gaussians: the density is K_0(|s|)/pi, infinite at zero."""
    law = sl.output_law(widths=(1,))
    np.testing.assert_allclose(law.pdf(GRID), k0(GRID) / np.pi, rtol=ROUNDING)
    assert law.pdf(0.0) == np.inf
    np.testing.assert_allclose(law.cf(GRID), (1 + GRID**2) ** -0.5, rtol=ROUNDING)


def test_two_units_are_laplace() -> None:
    law = sl.output_law(widths=(2,), covariance=2)
    np.testing.assert_allclose(law.pdf(-GRID), np.exp(-np.sqrt(1) * GRID) / 2, rtol=ROUNDING)
    np.testing.assert_allclose(law.cdf(-GRID), np.exp(-GRID) / 2, rtol=ROUNDING)
    np.testing.assert_allclose(
        law.quantile(np.array([1e-9, 0.2, 0.5])), np.log(2 * np.array([1e-9, 0.2, 0.5])), rtol=1e-12
    )


@pytest.mark.parametrize("arguments", LAWS, ids=str)
def test_values_are_inside_proved_balls(arguments: dict[str, object]) -> None:
    """The compiled line against Arb at exact points; a density off by 1e-12 would be outside."""
    law = sl.output_law(**arguments)
    for derivation, values in ((law.density, law.pdf), (law.characteristic, law.cf)):
        for point in (0.25, 3.0):
            found = ball(derivation.expr, {derivation.arguments[0]: sp.Rational(point)}, 20)
            assert abs(values(point) - found.midpoint) <= ROUNDING * abs(found.midpoint) + found.radius


@pytest.mark.parametrize("ratio", ["1/1000", "1/2", "5"])
def test_limit_against_the_gaussian_mean(ratio: str) -> None:
    """By the definition: an expectation over log q, where no line integral enters."""
    law = sl.output_law(ratio=ratio)
    for derivation, values in ((law.density, law.pdf), (law.characteristic, law.cf)):
        for point in (0.01, 2.0, 30.0):
            truth = reference(derivation.definition, {derivation.arguments[0]: sp.Rational(point)}, 15)
            assert abs(values(point) / truth - 1) < 1e-12


@pytest.mark.parametrize("arguments", [LAWS[1], LAWS[2], {"widths": (3, 2), "activation": act.relu}], ids=str)
def test_finite_widths_against_the_mean_over_layers(arguments: dict[str, object]) -> None:
    """By the definition: sums over the logarithms of the layers' factors, where no Mellin transform enters."""
    law = sl.output_law(**arguments)
    for derivation, values in ((law.characteristic, law.cf), (law.density, law.pdf))[: 2 - law.mixing.rectified]:
        assert derivation.definition.has(ProductExpectation)
        truth = reference(derivation.definition, {derivation.arguments[0]: sp.Rational(3, 2)}, 15)
        assert abs(values(1.5) / truth - 1) < 1e-12


def test_a_ball_that_holds_zero_is_no_truth() -> None:
    """Far in the tail, where Arb's ball is 0 +- 10^-147, the compiled density is held against its digits."""
    claim = sl.output_law(widths=(3,), covariance="2/3").density
    truth = _truth(claim.expr, {claim.arguments[0]: sp.Rational(367, 2)}, 30)
    assert not truth.proved
    assert abs(claim(183.5) / truth.value - 1) < 1e-12


@pytest.mark.parametrize(("widths", "s"), [((3,), 0.7), ((5, 3, 4), 2.0), ((2, 7), 10.0)])
def test_density_is_a_meijer_function(widths: tuple[int, ...], s: float) -> None:
    with mp.workdps(30):
        N = [mp.mpf(width) / 2 for width in widths]
        c = mp.fprod(1 / x for x in N)
        G = mp.meijerg([[], []], [[0, *(x - mp.mpf(1) / 2 for x in N)], []], mp.mpf(s) ** 2 / (2 * c))
        truth = G / mp.sqrt(2 * mp.pi * c) / mp.fprod(map(mp.gamma, N))
    assert abs(sl.output_law(widths=widths).pdf(s) / truth - 1) < ROUNDING


@pytest.mark.parametrize("widths", [(3,), (2, 3), (5, 3, 4)])
def test_the_rule_to_meijer_functions(widths: tuple[int, ...]) -> None:
    """The rule gives an expression that mpmath evaluates to the same numbers."""
    law = sl.output_law(widths=widths)
    for derivation, values in ((law.density, law.pdf), (law.characteristic, law.cf)):
        line = meijer(derivation.expr)
        assert not line.has(sl.LineIntegral)
        truth = line.subs(derivation.arguments[0], sp.Rational(3, 2)).evalf(20)
        assert abs(values(1.5) / float(truth) - 1) < ROUNDING


@pytest.mark.parametrize("arguments", LAWS[1:], ids=str)
def test_normalised_with_the_moments(arguments: dict[str, object]) -> None:
    """Even steps in log s of the density: mass, variance, and the cdf."""
    law = sl.output_law(**arguments)
    logs = np.arange(-28, 28, 0.05)
    s = np.exp(logs)
    weights = 0.05 * s * law.pdf(s)  # zero far out, where logarithms may be refused
    assert abs(2 * weights.sum() - 1) < QUADRATURE
    assert abs(2 * (weights * s**2).sum() - 1) < QUADRATURE
    nodes, halves = np.polynomial.legendre.leggauss(400)
    nodes = 14 * (1 + nodes)
    assert abs(14 * (halves * np.exp(nodes) * law.pdf(np.exp(nodes))).sum() - law.cdf(-1.0)) < QUADRATURE


@pytest.mark.parametrize("arguments", LAWS, ids=str)
def test_cdf_and_quantile_are_inverse(arguments: dict[str, object]) -> None:
    law = sl.output_law(**arguments)
    u = np.array([1e-12, 1e-3, 0.3, 0.5 - 1e-9, 0.5, 0.9])
    np.testing.assert_allclose(law.cdf(law.quantile(u)), u, rtol=1e-12)


def test_few_points_and_many_agree() -> None:
    law = sl.output_law(ratio=1)
    s = np.linspace(0.0, 50.0, 5000)
    np.testing.assert_allclose(law.pdf(s)[::100], law.pdf(s[::100]), rtol=1e-12)


def test_one_input_many_outputs_is_dual() -> None:
    """D outputs of one input, and one output of D inputs with K = I, have one law."""
    many = sl.output_law(widths=(4, 6), outputs=3)
    dual = sl.output_law(widths=(4, 6), covariance=np.eye(3).tolist())
    s = np.array([[0.1, 1.0, -2.0], [0.0, 0.0, 3.0]])
    np.testing.assert_array_equal(many.pdf(s[..., None]), dual.pdf(s))
    np.testing.assert_array_equal(many.cf(s[..., None]), dual.cf(s))


def test_a_covariance_whitens() -> None:
    K = np.array([[2.0, 0.5], [0.5, 1.0]])
    law, white = sl.output_law(ratio=1, covariance=K.tolist()), sl.output_law(ratio=1, covariance=[[1, 0], [0, 1]])
    s = np.array([0.3, -1.0])
    expected = white.log_pdf(np.linalg.solve(np.linalg.cholesky(K), s)) - 0.5 * np.log(np.linalg.det(K))
    assert abs(law.log_pdf(s) - expected) < ROUNDING
    assert abs(law.cf(s) - sl.output_law(ratio=1).cf(float(np.sqrt(s @ K @ s)))) < ROUNDING


def test_moments_are_exact() -> None:
    law = sl.output_law(widths=(5, 3, 4))
    assert law.moment(4) == 3 * sp.Rational(7, 5) * sp.Rational(5, 3) * sp.Rational(3, 2)
    assert law.cumulant(4) == law.kurtosis == law.moment(4) - 3
    assert law.moment(3) == law.cumulant(3) == 0
    a = sp.Symbol("a", positive=True)
    assert sl.output_law(ratio="a").moment(6) == 15 * sp.exp(6 * a)
    assert sl.output_law(ratio="a").correlation_of_squares.shape == (1, 1)
    pair = sl.output_law(widths=(4, 4), covariance=[["1", "1/2"], ["1/2", "2"]])
    p = sp.Rational(9, 4)
    assert pair.moment((2, 2)) == p * (2 + sp.Rational(1, 2))


def test_variances_of_layers_multiply_the_kernel() -> None:
    a, b = sl.output_law(widths=(3, 4), variances=(2, 3, "1/2")), sl.output_law(widths=(3, 4), covariance=3)
    assert a.pdf(1.3) == b.pdf(1.3)
    assert a.moment(2) == 3


def test_log_cumulants_of_the_mixing_variable() -> None:
    q = sl.output_law(widths=(5, 8)).mixing
    expected = sum(mp.psi(1, mp.mpf(N) / 2) for N in (5, 8))
    assert abs(q.log_cumulant(2) - expected) < 1e-10
    x = np.exp(np.arange(-20, 4, 0.02))
    density = 0.02 * x * q.pdf(x)
    assert abs(density.sum() - 1) < QUADRATURE
    assert abs((density * x**2).sum() - float(q.moment(2))) < QUADRATURE
    nodes, weights = np.polynomial.legendre.leggauss(200)
    below = np.exp(-10 * (1 + nodes))  # log q from -20 to 0
    assert abs(10 * (weights * below * q.pdf(below)).sum() - q.cdf(1.0)) < QUADRATURE


def test_the_limit_mixing_law_is_log_normal() -> None:
    q = sl.output_law(ratio="3/2").mixing
    x = np.array([0.01, 0.5, 3.0])
    z = (np.log(x) + 1.5) / 3**0.5
    np.testing.assert_allclose(q.pdf(x), norm.pdf(z) / 3**0.5 / x, rtol=ROUNDING)
    np.testing.assert_allclose(q.cdf(x), (1 + erf(z / 2**0.5)) / 2, rtol=ROUNDING)


# ------------------------------------------------------------------ expansion and rate


def test_rate_and_correction() -> None:
    """sup |cf_N - cf| falls like 1/N, with the correction like 1/N^2; wrong slopes are told apart by 1/N."""
    t, widths = np.geomspace(0.05, 50, 200), np.array([16, 32, 64, 128])
    errors = []
    for N in widths:
        law = sl.output_law(widths=(N,) * int(N // 2))
        errors.append([np.abs(law.expanded_cf(t, order) - law.cf(t)).max() for order in (0, 1)])
    slopes = np.polyfit(np.log(widths), np.log(errors), 1)[0]
    assert -1.05 < slopes[0] < -0.95
    assert -2.1 < slopes[1] < -1.9


def test_layer_series_by_gamma_functions() -> None:
    """The polynomials against a layer of 10^4 units, linear and rectified, at a u that is no integer."""
    N, value = 10_000, sp.Rational(1, 3)
    for rectified in (False, True):
        law = sl.output_law(widths=(N if not rectified else 400,), activation=act.relu if rectified else act.linear)
        n = law.mixing.widths[0]
        series = sum(
            float(c.subs(expansion.u, value)) / n**j for j, c in enumerate(expansion.layer_series(3, rectified), 1)
        )
        assert abs(law.mixing.log_moment(float(value)) - series) < 100 * n**-4.0 + 1e-15


def test_unequal_widths_have_the_limit_of_their_sum() -> None:
    law = sl.output_law(widths=(4, 8, 8))
    assert law.limit.mixing.ratio == sp.Rational(1, 2)
    assert law.expanded_cf(1.0, 0) == law.limit.cf(1.0)


# ------------------------------------------------------------------ draws and networks


@pytest.mark.parametrize(
    "arguments", [{"widths": (5, 3)}, {"ratio": 1}, {"widths": (3, 2), "activation": act.relu}], ids=str
)
def test_samples_follow_the_distribution_function(arguments: dict[str, object]) -> None:
    law = sl.output_law(**arguments)
    draws = law.sample(20_000, seed=1)
    assert distance(draws, law.cdf) < threshold(draws)
    assert distance(1.5 * draws, law.cdf) > threshold(draws)


@pytest.mark.parametrize("rectified", [False, True])
def test_full_networks_follow_it(rectified: bool) -> None:
    """Every weight drawn, on an input of another dimension; the law of another width is rejected."""
    phi = act.relu if rectified else act.linear
    draws = outputs((3, 2), 7, 1.5, rectified, 40_000, np.random.default_rng(0))
    assert distance(draws, sl.output_law(widths=(3, 2), covariance=1.5, activation=phi).cdf) < threshold(draws)
    assert distance(draws, sl.output_law(widths=(3, 20), covariance=1.5, activation=phi).cdf) > threshold(draws)


@pytest.mark.slow
def test_certificate() -> None:
    certificate = sl.output_law(widths=(3, 2)).characteristic.certify(sizes=(2, 4, 8))
    assert certificate.ok
    assert all(link.passed for link in certificate.links)


@pytest.mark.slow
def test_certificate_of_a_wrong_law_fails() -> None:
    from dataclasses import replace

    claim = sl.output_law(widths=(3, 2)).characteristic
    wrong = sl.output_law(widths=(30, 20)).characteristic
    assert not replace(wrong, experiment=claim.experiment).certify(sizes=(2, 4, 8)).ok


def test_derivations_print() -> None:
    claim = sl.output_law(ratio="1/2").characteristic
    assert r"\operatorname{Re} w" in claim.latex()
    assert "By Mellin inversion" in claim.explain()
    assert isinstance(claim.domain, Domain)


# ------------------------------------------------------------------ ReLU


def test_relu_moments_atom_and_limit() -> None:
    law = sl.output_law(widths=(3, 2), activation=act.relu)
    assert law.moment(4) == 3 * (1 + sp.Rational(5, 3)) * (1 + sp.Rational(5, 2))
    assert abs(law.mixing.atom - (1 - (7 / 8) * (3 / 4))) < ROUNDING
    assert abs(law.cf(1e9) - law.mixing.atom) < 1e-4  # what is left without the atom falls like log(t)/t
    assert law.quantile(0.4) == 0.0
    relu, linear = sl.output_law(ratio=1, activation=act.relu), sl.output_law(ratio="5/2")
    assert relu.pdf(1.0) == linear.pdf(1.0)


@pytest.mark.parametrize("N", [60, 70, 200])
def test_relu_layers_of_many_units(N: int) -> None:
    """Where a single positive unit is as good as impossible, its pole hides no saddle: against the expansion."""
    law, t = sl.output_law(widths=(N,) * (N // 2), activation=act.relu), np.array([0.1, 1.0, 3.0, 10.0])
    known, before = (law.expanded_cf(t, order) for order in (3, 2))
    assert (np.abs(law.cf(t) - known) < np.abs(known - before) + ROUNDING).all()
    assert (np.abs(known - before) < 1e-3 * law.cf(t)).all()


def test_a_covariance_of_symbols_has_moments() -> None:
    c, a = sp.symbols("c a", positive=True)
    law = sl.output_law(ratio=a, covariance=[[1, c], [c, 1]])
    assert sp.expand(law.moment((2, 2)) - (1 + 2 * c**2) * sp.exp(2 * a)) == 0


def test_a_billion_units_are_one_layer_of_infinite_width() -> None:
    law, nngp = sl.output_law(widths=(10**9,)), sl.output_law(widths=())
    for s in (0.0, 1.0, 3.0):  # the first correction is of the order of s^4/N
        assert abs(law.log_pdf(s) - nngp.log_pdf(s)) < (1 + s**4) * 1e-9
        assert abs(law.cf(s) - nngp.cf(s)) < (1 + s**4) * 1e-9


def test_without_layers_the_mixing_variable_is_one() -> None:
    assert sl.output_law(widths=()).mixing.cdf([0.5, 1.0, 2.0]).tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize("kind", [{"ratio": 500}, {"widths": (4, 4, 6)}], ids=str)
def test_a_characteristic_function_is_at_most_one(kind: dict[str, object]) -> None:
    assert (sl.output_law(**kind).cf(np.geomspace(1e-9, 1.0, 50)) <= 1.0).all()


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "one of them"),
        ({"widths": (3,), "ratio": 1}, "one of them"),
        ({"widths": (0,)}, "positive integers"),
        ({"widths": 5}, "positive integers"),
        ({"ratio": 0}, "larger than zero"),
        ({"ratio": -1}, "larger than zero"),
        ({"ratio": 1, "outputs": 0}, "positive integer"),
        ({"ratio": 1, "covariance": -1}, "larger than zero"),
        ({"ratio": 1, "covariance": [[1, 2], [2, 1]]}, "zero or more"),
        ({"ratio": 1, "covariance": [[1, 2, 3]]}, "(P, P)"),
        ({"ratio": 1, "covariance": [[1, "c"], ["b", 1]]}, "not symmetric"),
        ({"widths": (3,), "variances": (1, 2, 3)}, "L + 1"),
        ({"widths": (3,), "covariance": [[1, 0], [0, 1]], "activation": act.relu}, "one input"),
        ({"widths": (3,), "activation": act.tanh}, "linear or relu"),
    ],
    ids=str,
)
def test_bad_arguments(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(sl.SymlimitsError, match=words.replace("(", r"\(").replace(")", r"\)").replace("+", r"\+")):
        sl.output_law(**arguments)


def test_bad_points() -> None:
    law, pair = sl.output_law(ratio=1), sl.output_law(ratio=1, covariance=[[1, 0], [0, 1]])
    for call, kind in (
        (lambda: law.quantile(0.0), sl.errors.DomainError),
        (lambda: law.quantile([0.5, 1.0]), sl.errors.DomainError),
        (lambda: law.pdf(np.nan), sl.errors.DataError),
        (lambda: law.moment(-1), sl.errors.DomainError),
        (lambda: law.moment(0.5), sl.errors.DomainError),
        (lambda: pair.pdf([1.0, 2.0, 3.0]), sl.errors.DataError),
        (lambda: pair.cdf([1.0, 2.0]), sl.errors.DomainError),
        (lambda: sl.output_law(ratio=1, outputs=2, covariance=[[1, 0], [0, 1]]).cdf(0.0), sl.errors.DomainError),
        (lambda: sl.output_law(ratio=1, outputs=2, covariance=[[1, 0], [0, 1]]).quantile(0.5), sl.errors.DomainError),
        (lambda: law.cumulant(-1), sl.errors.DomainError),
        (lambda: law.cumulant(2.5), sl.errors.DomainError),
        (lambda: sl.output_law(ratio="a").sample(2, seed=0), sl.errors.NoRule),
        (lambda: sl.output_law(ratio=1, covariance="k").pdf(1.0), sl.errors.NoRule),
        (lambda: sl.output_law(ratio=1, covariance=[[1, 0], [0, 0]]).correlation_of_squares, sl.errors.DomainError),
        (lambda: sl.output_law(widths=(5, 3)).mixing.pdf(1e80), sl.errors.DomainError),
        (lambda: sl.output_law(widths=(5, 3)).mixing.cdf(1e80), sl.errors.DomainError),
        (lambda: sl.output_law(ratio="a").pdf(1.0), sl.SymlimitsError),
        (lambda: sl.output_law(ratio=1, covariance=[[1, 1], [1, 1]]).pdf([1.0, 1.0]), sl.errors.DomainError),
        (lambda: sl.output_law(ratio=1000, covariance=np.eye(9).tolist()).pdf(np.zeros(9)), sl.errors.DomainError),
        (lambda: sl.output_law(widths=(3,), activation=act.relu).pdf(1.0), sl.errors.DomainError),
        (lambda: law.expanded_cf(1.0), sl.errors.DomainError),
    ):
        with pytest.raises(kind):
            call()

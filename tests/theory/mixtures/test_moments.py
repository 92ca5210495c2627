"""Moments of several outputs against the formulas of second moments, duality, and draws."""

from math import prod

import numpy as np
import pytest
import sympy as sp

from symlimits.errors import DomainError
from symlimits.finite.deep_linear import DeepLinear
from symlimits.theory.mixtures.moments import mixing_moment, output_moment

WIDTHS = (3, 5, 4)
P, M = prod(1 + sp.Rational(2, n) for n in WIDTHS), prod(1 - sp.Rational(1, n) for n in WIDTHS)
a = sp.Symbol("a", positive=True)


@pytest.mark.parametrize(
    ("pairs", "value"),
    [
        ([(0, 0), (1, 1)], (P + 2 * M) / 3),
        ([(0, 1), (0, 1)], (P - M) / 3),
        ([(0, 0), (0, 0)], P),
        ([(0, 1), (1, 2)], 0),
    ],
)
def test_second_moments_of_the_mixing_matrix(pairs, value):
    assert mixing_moment(pairs, widths=WIDTHS) == value


def test_the_mean_is_the_identity():
    assert [mixing_moment([(0, j)], ratio="a") for j in (0, 1)] == [1, 0]


def test_the_correlation_of_squared_outputs_tends_to_a_third():
    """(e^{2a} - 1)/(3 e^{2a} - 1), of Bassetti et al."""
    K = sp.eye(1)
    both = output_moment([(0, 0)] * 2 + [(1, 0)] * 2, K, ratio=a) - 1
    own = output_moment([(0, 0)] * 4, K, ratio=a) - 1
    assert sp.simplify(both / own - (sp.exp(2 * a) - 1) / (3 * sp.exp(2 * a) - 1)) == 0
    assert sp.limit(both / own, a, sp.oo) == sp.Rational(1, 3)


def test_outputs_and_inputs_are_dual():
    """Exchanged indices, with the identity on both sides."""
    entries = [(0, 0), (0, 1), (1, 1), (1, 0), (1, 1), (1, 1)]
    swapped = [(x, i) for i, x in entries]
    value = output_moment(entries, sp.eye(2), widths=WIDTHS)
    assert value != 0
    assert value == output_moment(swapped, sp.eye(2), widths=WIDTHS)


def test_an_odd_number_of_outputs_has_no_moment():
    assert output_moment([(0, 0)], sp.eye(1), widths=WIDTHS) == 0


def test_too_high_a_degree_is_refused():
    with pytest.raises(DomainError, match="2 to 8"):
        mixing_moment([(0, 0)] * 5, widths=WIDTHS)


def test_against_random_networks():
    """E s_0(x) s_1(x) s_0(z) s_1(z) of drawn networks, within six standard errors; without its odd part it fails."""
    K = sp.Matrix([[1, sp.Rational(1, 2)], [sp.Rational(1, 2), 1]])
    entries = [(0, 0), (1, 0), (0, 1), (1, 1)]
    value = float(output_moment(entries, K, widths=(20, 30)))
    net = DeepLinear(widths=(20, 30), outputs=2, covariance=np.array(K, dtype=float), sampler="naive")
    S = net.draws(40_000, np.random.default_rng(5))
    drawn = S[:, 0, 0] * S[:, 1, 0] * S[:, 0, 1] * S[:, 1, 1]
    error = drawn.std() / len(drawn) ** 0.5
    assert abs(drawn.mean() - value) < 6 * error
    assert abs(drawn.mean() - float(K[0, 1] ** 2) / 2) > 6 * error

"""The calculus of matchings against direct sums, zonal eigenvalues, and draws of Wishart matrices."""

from math import prod

import numpy as np
import pytest
import sympy as sp
from sympy.utilities.iterables import partitions

from symlimits.derivation.matchings import WIDTH, invariant_layer, layer, layers, matchings, proportional, spectrum

DRAWS = 400_000
ERRORS = 6.0  # standard errors: false alarms below 1e-8 for each of the few means


def zonal(partition):
    """The eigenvalue on the zonal polynomial of a partition (James 1964), from its boxes."""
    boxes = [(i, j) for i, row in enumerate(partition) for j in range(row)]
    return prod(((1 + (2 * j - i) / WIDTH) for i, j in boxes), start=sp.Integer(1))


def all_partitions(k):
    return [sorted((n for n, count in p.items() for _ in range(count)), reverse=True) for p in partitions(k)]


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_the_spectrum_is_that_of_zonal_polynomials(k):
    expected = [sp.factor(zonal(partition)) for partition in all_partitions(k)]
    assert sorted(spectrum(k), key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_there_are_as_many_matchings_as_pairings(k):
    assert len(set(matchings(k))) == sp.factorial2(2 * k - 1)


@pytest.mark.parametrize("k", [2, 3])
def test_layers_commute_and_are_symmetric(k):
    one, other = layer(k, sp.Integer(3)), layer(k, sp.Integer(7))
    assert one * other == other * one
    assert one == one.T


def test_many_wide_layers_tend_to_the_exponential():
    """The error falls like one over the width: two widths, and their extrapolation."""
    limit = proportional(2, sp.Rational(1, 2)).evalf(30)
    errors = [sp.Abs(layers(2, [n] * (n // 2))[0, 1].evalf(30) - limit[0, 1]) for n in (20, 40)]
    assert 1.8 < errors[0] / errors[1] < 2.2


def test_a_chain_without_layers_is_the_identity():
    assert layers(2, []) == sp.eye(3)


def test_traces_against_wishart_matrices():
    """E tr W^2 and E (tr W)^2 at N = 3 from drawn matrices; the row of the other partition is the control."""
    rng, scale = np.random.default_rng(3), np.diag([1.0, 2.0])
    g = rng.standard_normal((DRAWS, 3, 2)) @ np.sqrt(scale)
    W = g.swapaxes(1, 2) @ g / 3
    shapes, matrix = invariant_layer(2)
    traces = {(1, 1): np.trace(scale) ** 2, (2,): np.trace(scale @ scale)}
    drawn = {(1, 1): np.trace(W, axis1=1, axis2=2) ** 2, (2,): (W * W).sum(axis=(1, 2))}
    for row, shape in enumerate(shapes):
        value = sum(float(matrix[row, j].subs(WIDTH, 3)) * traces[mu] for j, mu in enumerate(shapes))
        other = sum(float(matrix[1 - row, j].subs(WIDTH, 3)) * traces[mu] for j, mu in enumerate(shapes))
        error = drawn[shape].std() / DRAWS**0.5
        assert abs(drawn[shape].mean() - value) < ERRORS * error
        assert abs(drawn[shape].mean() - other) > 2 * ERRORS * error

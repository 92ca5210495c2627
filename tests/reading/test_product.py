"""Expectations over products of layers: values against special functions, without a Mellin transform; refusals."""

from __future__ import annotations

import mpmath as mp
import pytest
import sympy as sp

import symlimits as sl
from symlimits.derivation.mellin import mellin_inversion
from symlimits.language.product import ProductExpectation
from symlimits.language.tree import from_tree, to_tree
from symlimits.reading.latex import latex
from symlimits.reading.reference import reference

q, t = sp.symbols("q t", positive=True)
DIGITS = 20
ROUNDING = mp.mpf(10) ** (1 - DIGITS)
HALF = sp.Rational(1, 2)


def waves(*layers: tuple[object, ...]) -> ProductExpectation:
    """The characteristic function of the output of a network."""
    return ProductExpectation(sp.exp(-q * t**2 / 2), q, layers)


def value(expr: sp.Expr, at: object) -> mp.mpf:
    return reference(expr, {t: sp.sympify(at)}, DIGITS)


@pytest.mark.parametrize("at", ["1/10", "3", "40"])
def test_one_layer_is_a_power(at: str) -> None:
    r"""$(1 + t^2/N)^{-N/2}$, Laplace's transform of a chi square."""
    for N in (1, 2, 7):
        with mp.workdps(30):
            truth = (1 + mp.mpf(sp.Rational(at)) ** 2 / N) ** (-mp.mpf(N) / 2)
            assert abs(value(waves((N, 1, 1)), at) / truth - 1) < ROUNDING


def test_two_layers_are_a_hypergeometric_function() -> None:
    """The mean over the second layer of the power of the first, by mpmath's quadrature."""
    with mp.workdps(30):
        truth = mp.quad(lambda y: y * mp.exp(-y / 2) / 4 * (1 + y / 4 * 9 / 3) ** -mp.mpf(1.5), [0, 5, 20, 200])
        assert abs(value(waves((3, 1, 1), (4, 1, 1)), 3) / truth - 1) < ROUNDING


def test_a_far_tail_keeps_its_digits() -> None:
    """The density of two units is Laplace's: exp(-sqrt(2) s)/sqrt(2), here 10^-25."""
    density = ProductExpectation(sp.exp(-(t**2) / 2 / q) / sp.sqrt(2 * sp.pi * q), q, [(2, 1, 1)])
    with mp.workdps(30):
        truth = mp.exp(-mp.sqrt(2) * 40) / mp.sqrt(2)
        assert abs(value(density, 40) / truth - 1) < ROUNDING


def test_many_layers_have_their_moments() -> None:
    r"""$\mathbb E q^2 = \prod(1 + 2/N_l)$; with q^2 in place of a kernel no rule applies."""
    square = ProductExpectation(q**2, q, [(10, 1, 20), (5, 1, 1)])
    with mp.workdps(30):
        assert abs(reference(square, {}, DIGITS) / (mp.mpf("1.2") ** 20 * mp.mpf("1.4")) - 1) < ROUNDING
    with pytest.raises(sl.errors.NoRule):
        mellin_inversion(square)


def test_rectified_layers_lack_their_atom() -> None:
    """Of three units, and then two: the probability that both layers have a positive unit, and the mean."""
    layers = [(3, HALF, 1), (2, HALF, 1)]
    assert abs(reference(ProductExpectation(sp.S.One, q, layers), {}, DIGITS) - mp.mpf(21) / 32) < ROUNDING
    assert abs(reference(ProductExpectation(q, q, layers), {}, DIGITS) - 1) < ROUNDING


@pytest.mark.parametrize("layers", [[(1, 1, 2)], [(3, 1, 1), (6, 1, 2)], [(2, HALF, 1)]], ids=str)
def test_mellin_inversion_keeps_the_value(layers: list[tuple[object, ...]]) -> None:
    """To the digits of a line integral of integrals; that of other widths has another value."""
    head, wrong = waves(*layers), waves((4, 1, 1))
    line = mellin_inversion(head)
    found = reference(line, {t: sp.Rational(3, 2)}, 10)
    assert abs(found / value(head, "3/2") - 1) < 1e-9
    assert abs(found / value(wrong, "3/2") - 1) > 1e-3


def test_a_head_like_others() -> None:
    head = waves((5, 1, 1), (3, 1, 2))
    assert head == waves((3, 1, 2), (5, 1, 1))  # the order of the layers plays no part
    assert from_tree(to_tree(head)) == head
    assert head.free_symbols == {t}
    assert head.subs(t, q).free_symbols == {q}
    assert head.diff(t).integrand == sp.exp(-q * t**2 / 2).diff(t)
    assert latex(waves((100, 1, 50))).startswith(r"\mathbb{E}_{q \sim \prod_{l=1}^{50} \frac{\chi^2_{100, l}}{100}}")
    assert r"\frac{2 \chi^2_{\mathrm{Bin}(3, 1/2)}}{3}" in latex(waves((3, HALF, 1)))


@pytest.mark.parametrize("layers", [[], [(0, 1, 1)], [(3, 1, 0)], [(3, 2, 1)], [(3, 1)], [(t, 1, 1)], [(HALF, 1, 1)]])
def test_strange_layers_are_refused(layers: list[tuple[object, ...]]) -> None:
    with pytest.raises(sl.errors.DomainError, match="layers"):
        waves(*layers)


def test_other_probabilities_have_a_value_and_no_rule() -> None:
    head = waves((2, sp.Rational(1, 3), 1))
    assert 0 < value(head, 1) < 1
    with pytest.raises(sl.errors.NoRule, match="probability"):
        mellin_inversion(head)

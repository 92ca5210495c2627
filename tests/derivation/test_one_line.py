"""Sums of line integrals become one by a shift of the line; what does not share a Gaussian stays as it is."""

import pytest
import sympy as sp

from symlimits.derivation.mellin import w
from symlimits.derivation.one_line import one_line
from symlimits.errors import NoRule
from symlimits.language.integral import LineIntegral
from symlimits.reading.reference import reference

z = sp.Symbol("z", positive=True)


def term(centre: object, coefficient: object = 1) -> LineIntegral:
    return LineIntegral(coefficient * sp.exp((w - centre) ** 2) * sp.gamma(w) * z**-w, w, (0, sp.oo))


def test_the_value_is_that_of_the_sum() -> None:
    whole = term(2, sp.Rational(7, 12)) + term(3, -z / 3) + term(5, z)
    one = one_line(whole)
    assert isinstance(one, LineIntegral)
    for at in ("1/3", "2", "30"):
        value = reference(one, {z: sp.Rational(at)}, 20)
        assert abs(reference(whole, {z: sp.Rational(at)}, 20) - value) < 1e-17 * abs(value)
    doubled = one_line(whole + term(3))
    assert abs(reference(doubled, {z: sp.Integer(2)}, 20) - reference(one, {z: sp.Integer(2)}, 20)) > 1e-3


@pytest.mark.parametrize(
    "expr", [term(2), term(2) + term(sp.Rational(5, 2)), term(2) + z, term(2) + term(3).subs(z, 2 * z)]
)
def test_what_shares_no_line_stays(expr: sp.Expr) -> None:
    with pytest.raises(NoRule):
        one_line(expr)

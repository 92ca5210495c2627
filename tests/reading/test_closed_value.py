"""Closed forms at exact numbers, rounded once."""

from __future__ import annotations

import pytest
import sympy as sp
from mpmath import mpf

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DomainError
from symlimits.reading import closed_value as module
from symlimits.reading.closed_value import closed_value

a = sp.Symbol("a", positive=True)


@pytest.fixture(params=["proved", "digits"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "digits":  # as without python-flint
        monkeypatch.setattr(module, "narrow", lambda *_: None)
    return str(request.param)


@pytest.mark.parametrize(
    ("phi", "point", "value"),
    [
        (act.step, (5, "3/10", "sqrt(3/2)"), 0.5),
        (act.step, (5, "3/10", "-sqrt(3/2)"), 0.0),
        (act.sign, (5, "3/10", "sqrt(3/2)"), 1.0),
        (act.sign, (5, "3/10", "-sqrt(3/2)"), -1.0),
        (act.relu, (2, 3, "sqrt(6)"), float(sp.sqrt(6).evalf(20)) / 2),
    ],
)
def test_ends_of_the_correlation(phi: object, point: tuple[object, ...], value: float, way: str) -> None:
    found = sl.dual(phi).evaluate(*point)
    assert abs(found.value - value) <= 1e-19
    assert found.error <= 2.0**-52 * abs(value) + 1e-19


@pytest.mark.parametrize("phi", [act.gelu, act.erf, "x**2*erf(x)", "sin(3*x+1)"])
@pytest.mark.parametrize("point", [("1e-12", "1e-12", "5e-13"), (2, 3, "1/7"), (160, 160, 160)])
def test_a_value_is_right_to_its_last_digit(phi: object, point: tuple[object, ...], way: str) -> None:
    T = sl.dual(phi)
    found, truth = T.evaluate(*point), T.reference(*point, digits=40)
    assert found.value == float(truth)
    assert abs(mpf(found.value) - truth._to_mpmath(200)) <= found.error <= 2.0**-52 * abs(found.value)
    assert found.method.startswith("closed form, ")


def test_a_value_that_is_no_float() -> None:
    with pytest.raises(DomainError, match="range of floats"):
        closed_value(sp.exp(a), {a: sp.Integer(1000)})


def test_the_error_bounds_a_value_that_is_not_reached() -> None:
    found = closed_value(sp.sqrt(2) * a, {a: sp.Integer(1)})
    assert 0 < found.error <= 2.0**-53 * 1.5

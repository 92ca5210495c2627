"""The value in a certificate: within its radius of the truth, and printed with it."""

from __future__ import annotations

import json

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits import claim
from symlimits.certify import Certificate


@pytest.mark.parametrize(("activation", "method"), [(act.tanh, "Mehler series"), (act.relu, "Arb ball")])
def test_the_value_lies_within_its_radius(activation: sl.Activation, method: str) -> None:
    if method == "Arb ball":
        pytest.importorskip("flint")
    T = sl.dual(activation)
    found = claim.value(T.expr, T.domain, 0, T._value_at)
    assert found is not None
    assert method in found["method"]
    assert json.loads(json.dumps(found)) == found
    point = [sp.sympify(found["point"][str(symbol)]) for symbol in T.arguments]
    truth = T.reference(*point, digits=25)
    radius = sp.Rational(str(found["radius"]))
    assert abs(sp.Rational(str(found["midpoint"])) - truth) <= radius + abs(truth) * sp.Rational(1, 10**24)
    assert 0 < radius < sp.Rational(1, 10**13) * abs(truth)


def test_the_bound_of_a_series_is_in_the_text() -> None:
    value = {"point": {"p": "2"}, "midpoint": 0.25, "radius": 3.1e-15, "method": "Mehler series, 9 terms; compiled"}
    text = str(Certificate("f = p", (), 0, {}, {"value": value}))
    assert text.splitlines()[-1].split(maxsplit=1)[1] == ("0.25 +- 3.1e-15 at p = 2; Mehler series, 9 terms; compiled")
    assert str(Certificate("f = p", (), 0, {}, {"value": None})) == "f = p"

"""Formulas know how many digits they lose, and where they lose them the value comes from elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DomainError
from symlimits.reading import compiled
from symlimits.reading.condition import LOST, size
from symlimits.reading.gram import LostDigits
from symlimits.reading.kernel import ScalarKernel
from symlimits.reading.waves import less, top_cosh, toward

x, y = sp.symbols("x y", real=True)
ALLOWED = 1e-12  # relative: what the guard lets pass
CANCELLING = ["x**2*erf(x)", "x**3*normal_cdf(x)", "exp(-x**2)*x*sin(2*x)"]


@pytest.mark.parametrize(
    "expr",
    [
        x - y,
        (x - y) * (x + 3),
        (x - y) ** 3,
        1 / (x - y),
        sp.exp(x - y),
        abs(x - y),
        sp.erf(x - y) - x,
        sp.Max(x, y) - 1,
    ],
)
def test_a_size_is_no_smaller_than_the_value(expr: sp.Expr) -> None:
    for point in ({x: 0.3, y: 0.4}, {x: -2.0, y: -2.1}, {x: 5.0, y: 0.1}):
        assert float(size(expr).subs(point)) >= abs(float(expr.subs(point))) * (1 - 1e-15)


def test_sizes_of_our_own_functions() -> None:
    assert size(less(x, y)) == sp.Abs(less(x, y))
    assert size(toward(x, -y, y)) == toward(x, abs(y), abs(y)) == abs(y)
    assert size(top_cosh(-x, y)) == abs(top_cosh(-x, y)) * (1 + abs(x))
    assert size(1 / (x - y)) == (abs(x) + abs(y)) / abs(x - y) ** 2


@pytest.mark.parametrize("formula", CANCELLING)
@pytest.mark.parametrize("scale", [1e-20, 1e-12, 1e-6, 1e-3, 1.0, 200.0])
def test_no_digits_are_lost_in_silence(formula: str, scale: float) -> None:
    T = sl.dual(formula)
    for rho in (1.0, 1 - 1e-8, 0.5, -0.3):
        point = (scale, scale, rho * scale)
        truth = float(T.reference(*map(sp.Rational, point), digits=20))
        largest = float(T.reference(*(sp.Rational(scale),) * 3, digits=20))
        assert abs(T(*point) - truth) <= ALLOWED * largest, point


def test_the_formula_alone_loses_them() -> None:
    T = sl.dual("x**2*erf(x)")
    point = (1e-6, 1e-6, 5e-7)
    assert abs(T.compile().ufunc(*point) / T(*point) - 1) > 1e-6


@pytest.mark.parametrize("phi", [act.relu, act.gelu, act.erf, act.sin, act.leaky_relu("1/10"), act.relu_power(2)])
def test_a_small_value_of_a_large_kernel_is_left_to_the_formula(phi: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScalarKernel, "_by_reference", lambda *_: pytest.fail("the reference was asked"))
    scale = np.array([1e-6, 1.0, 1e3])
    assert np.isfinite(sl.dual(phi)(scale, scale, -scale * (1 - 1e-9))).all()


def test_an_array_is_read_again_only_where_digits_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    honest = ScalarKernel._by_reference
    monkeypatch.setattr(
        ScalarKernel, "_by_reference", lambda self, point: asked.append(point[0]) or honest(self, point)
    )
    scale = np.array([1e-9, 1.0, 2.0])
    sl.dual("x**2*erf(x)")(scale, scale, scale / 2)
    assert asked == [1e-9]


NET = sl.mlp(depth=1, activation="x**2*erf(x)", w_var=1, b_var=0)


@pytest.mark.slow  # compiles series and panels, of the tangent kernel, which holds those of the other
@pytest.mark.parametrize("kernel", [sl.ntk(NET)])
def test_gram_of_small_data_reads_the_definition(kernel: sl.Limit) -> None:
    found = kernel(np.eye(2) * 1e-6)
    truth = float(kernel.reference("5e-13", "5e-13", "5e-13"))
    np.testing.assert_allclose(np.diag(found), truth, rtol=ALLOWED)
    assert kernel.compile().pairs(5e-13, 5e-13, 5e-13) == pytest.approx(truth, rel=ALLOWED)


def test_a_kernel_of_small_data_asks_its_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = sl.nngp(NET).compile()
    assert kernel.definition.has(sl.GaussianExpectation)
    assert not kernel.expr.has(sl.GaussianExpectation)
    monkeypatch.setattr(compiled, "_loop", lambda recursion, _: recursion)

    def read(recursion: object) -> object:
        if recursion == kernel.expr:
            raise LostDigits("this", "that", "what")
        return recursion

    assert kernel._read(read) == kernel.definition


def test_gram_without_definition_says_that_digits_are_lost() -> None:
    K = sl.nngp(NET).compile()
    with pytest.raises(LostDigits, match="point 0 of p, of variance 5e-13"):
        K.loop.pairs(5e-13, 1.0, 0.5)
    assert issubclass(LostDigits, DomainError)
    assert 0 < LOST < 1e-3  # twelve digits of sixteen

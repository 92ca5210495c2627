"""Numbers at the door, and compiled functions as objects."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DataError, DomainError, FormulaError, UnboundSymbol
from symlimits.reading.kernel import ScalarKernel
from symlimits.reading.real import as_real, plain

a, b = sp.symbols("a b", real=True)


@pytest.mark.parametrize("value", ["1/4", 0.25, Decimal("0.25"), Fraction(1, 4), sp.Rational(1, 4), np.float32(0.25)])
def test_numbers_of_every_kind(value: object) -> None:
    assert as_real(value, "p") == 0.25
    assert as_real(value, "p").dtype == np.float64


def test_arrays() -> None:
    given = np.arange(3)
    assert as_real(given, "p").dtype == np.float64
    assert as_real([[True, False]], "p").shape == (1, 2)
    assert plain(np.float64(2.0)) == 2.0
    assert type(plain(np.array(2.0))) is float
    assert plain(np.ones(2)).shape == (2,)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (float("inf"), DataError, "p with NaN or infinite"),
        ([0.0, float("nan")], DataError, "p with NaN or infinite"),
        ("two", UnboundSymbol, "two without a value"),
        ("2 +", FormulaError, "column"),
        (1j, DataError, "p = 1j"),
        (["1", "2"], DataError, "a real number"),
        ([[1], [1, 2]], DataError, "a real number"),
        (object(), DataError, "a real number"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), DataError, "a real number"),
    ],
)
def test_what_is_no_number(value: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        as_real(value, "p")


def test_a_kernel_is_its_expression() -> None:
    kernel = ScalarKernel(a * b, (a, b))
    assert kernel == ScalarKernel(a * b, (a, b))
    assert hash(kernel) == hash(ScalarKernel(a * b, (a, b)))
    assert kernel != ScalarKernel(a * b, (b, a))
    assert kernel(2.0, 3.0) == 6.0
    assert "def kernel(a0, a1)" in kernel.source


def test_a_constant_fills_the_shape() -> None:
    assert ScalarKernel(sp.Integer(2), (a,))(np.ones((2, 3))).tolist() == [[2.0] * 3] * 2
    assert ScalarKernel(sp.sqrt(2), ())() == 2**0.5


@pytest.mark.parametrize("scale", [1e-200, 1e-310, 1e200])
def test_no_variance_is_too_small_or_too_large_for_a_homogeneous_dual(scale: float) -> None:
    T = sl.dual(act.relu)
    assert T(scale, scale, scale / 2) / scale == pytest.approx(T(1.0, 1.0, 0.5), rel=1e-12)
    assert T(1e-200, 1e200, 0.5) == pytest.approx(T(1.0, 1.0, 0.5), rel=1e-15)


def test_huge_arguments_of_a_moderate_value() -> None:
    T = sl.dual(act.erf)
    np.testing.assert_allclose(T([1.0, 1e200], [1.0, 1e200], [0.0, 5e199]), [0.0, 1 / 3], rtol=1e-15)


def test_what_is_no_float_is_refused() -> None:
    with pytest.raises(DomainError, match="p = 10000"):
        sl.dual(act.exp)([1.0, 1e4], [1.0, 1e4], 0.0)
    with pytest.raises(DomainError, match=r"1e\+200"):
        sl.dual(act.relu_power(2))(1e200, 1e200, 0.0)


@pytest.mark.parametrize("text", ["(p*q - c**2)**2", "exp(p*q - c**2)", "sqrt(c**2 + p*q)*(p*q - c**2)**3"])
@pytest.mark.parametrize("point", [(2.0, 1.0, 1.0), (-3.0, 1.0, 2.0), (0.5, 1.0, 2.0)])
def test_a_formula_in_p_q_and_c_knows_no_covariance(text: str, point: tuple[float, float, float]) -> None:
    """Where c^2 > p q the source for kernels, written in s^2 = p q - c^2 >= 0, does not hold."""
    c, p, q = point
    names = {"c": c, "p": p, "q": q, "exp": np.exp, "sqrt": np.sqrt}
    assert sl.limit(text)(*point) == pytest.approx(eval(text, names), rel=1e-14)


NOT_REAL = {  # and points: one inside, one outside
    "sqrt(1 - a**2)": [(0.6,), (1.5,)],
    "sqrt(a - b)": [(3, 2), (2, 3)],
    "sqrt(a*b - x*y) + 1": [(3, 4, 2, 1), (1, 2, 3, 4)],
    "asin(a*b)": [(0.5, 1), (1.5, 2)],
    "p*q*asin(exp(c))": [(-1, 1, 1), (0.5, 1, 1)],
    "p*q*sqrt(1 - exp(c))": [(-1, 1, 1), (0.5, 1, 1)],
    "sqrt(p*q - c**2)": [(1, 1, 2), (2, 1, 1)],
}


@pytest.mark.parametrize("text", NOT_REAL)
def test_what_is_not_real_is_refused(text: str) -> None:
    inside, outside = NOT_REAL[text]
    T = sl.limit(text)
    assert T(*inside) == pytest.approx(float(T.reference(*inside)), rel=1e-14)
    with pytest.raises(DomainError, match="no real value"):
        T(*outside)


def test_no_compiled_kernel_takes_a_covariance_beyond_the_variances() -> None:
    K = sl.nngp(sl.mlp(2, act.relu, "w", 0))
    bound = K.bind(w=2)
    for read in (sl.dual(act.relu).compile(), bound.compile().pairs, K.derivative("w").bind(w=2).compile().pairs):
        assert read(1.0, 4.0, 2 * (1 + 1e-13)) == pytest.approx(read(1.0, 4.0, 2.0), rel=1e-12)
        for c in (2.01, -2.01, 1e3):
            with pytest.raises(DomainError, match=f"c = {c:g}"):
                read(1.0, 4.0, c)

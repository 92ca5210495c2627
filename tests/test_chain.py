"""Derivations: lines that follow, values that are honest, calls that name what is missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.price import c, p, q
from symlimits.errors import DataError, DomainError, FalseLine, FormulaError, NoRule, UnboundSymbol
from symlimits.language.formula import parse

a = sp.Symbol("a", positive=True)
b = sp.Symbol("b", real=True)


def square() -> sl.Derivation:
    return sl.limit((a + b) ** 2)


def test_lines_follow_and_nothing_changes_in_place() -> None:
    first = square()
    second = first.then(a**2 + 2 * a * b + b**2, because="expansion").then("(a + b)**2", because="and back")
    assert (len(first.trace), len(second.trace)) == (1, 3)
    assert second.definition == second.expr == first.expr
    assert [step.rule for step in second.trace] == ["definition", "expansion", "and back"]
    assert second.trace[1].source == "the author"


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("a**2 + b**2", FalseLine, "line 0 = line 1"),
        ("a**2 + 2*a*b + b**2 + 1/10**12", FalseLine, "'a slip'"),
        ("(a + z)**2", FormulaError, "the symbol z"),
        ("a +", FormulaError, "column"),
    ],
)
def test_what_then_refuses(line: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        square().then(line, because="a slip")


def test_a_line_that_is_true_on_the_domain_alone() -> None:
    """sqrt(a^2) = a for positive a; sqrt(b^2) = b is false."""
    assert sl.limit(sp.sqrt((a * b) ** 2) / a).then(sp.Abs(b), because="a > 0").expr == sp.Abs(b)
    with pytest.raises(FalseLine):
        sl.limit(sp.sqrt(b**2)).then(b, because="a slip")


FALSE = [
    "exp(-1000*(p - 3)**2)",
    *(pytest.param(e, marks=pytest.mark.slow) for e in ("max(0, p - 50)", "max(0, 1/1000 - q)/1000")),
]


@pytest.mark.parametrize("extra", FALSE)
def test_lines_that_are_false_far_away_or_in_a_narrow_place(extra: str) -> None:
    T = sl.dual(act.relu)
    with pytest.raises(FalseLine):
        T.then(T.expr + parse(extra), because="a slip")
    assert T.then(T.expr, because="nothing").check().ok


def test_rules_apply_to_the_last_line_or_refuse() -> None:
    T = sl.dual(act.erf)
    start = sl.Derivation(T.trace[:1], T.domain, T.arguments, T.name)
    end = start.apply(sl.rules.price).apply(sl.rules.gaussian_integrals).apply(sl.rules.integrate)
    assert sp.simplify(end.expr - T.expr) == 0
    with pytest.raises(NoRule):
        square().apply(sl.rules.price)


def test_bind_by_name() -> None:
    bound = square().bind(b="1/2")
    assert (bound.expr, bound.arguments) == ((a + sp.Rational(1, 2)) ** 2, (a,))
    assert square().bind(b=a).expr == 4 * a**2
    for wrong in ({"z": 1}, {"a": -1}, {"b": "oo"}):
        with pytest.raises(sl.SymlimitsError):
            square().bind(**wrong)


def test_values_that_are_called_like_something_inside() -> None:
    K = sl.nngp(sl.mlp(1, act.relu, b_var=0))
    truth = K.reference(2, 1, 0, sigma_w=3)
    for name in ("K_xx", "K_xz", "u", "s", "a"):
        assert K.bind(sigma_w=name).reference(2, 1, 0, **{name: 3}) == truth, name
    for name in ("p", "c", "rho", "d"):
        with pytest.raises(DomainError, match="something else"):
            K.bind(sigma_w=name)
    with pytest.raises(DomainError, match="one meaning for L"):
        sl.nngp(sl.mlp("L", act.relu)).bind(sigma_w="L")


def test_arguments_bound_to_each_other() -> None:
    T = sl.dual(act.relu)
    same = T.bind(q="p")
    assert same.arguments == (p, c)
    assert same(2.0, 0.5) == T(2.0, 2.0, 0.5)
    assert T.bind(q="p", c="p").expr == p / 2
    with pytest.raises(DomainError, match="from -2 to 2"):
        same(2.0, 5.0)
    for wrong in ({"c": "p"}, {"c": "r"}, {"p": "c"}, {"p": "q", "q": "p"}, {"p": "rho"}):
        with pytest.raises(DomainError):
            T.bind(**wrong)


@pytest.mark.parametrize("name", ["relu", "erf", "gelu", "sin", "exp", "step"])
@pytest.mark.parametrize("point", [("1", "2", "1/2"), ("1/1000", "1000", "-1/3"), ("3", "3", "3"), ("2", "1/2", "-1")])
def test_evaluate_is_honest(name: str, point: tuple[str, ...]) -> None:
    """The stated error holds against 50 digits, and is a few ulps of the kernel's size, not merely large."""
    T = sl.dual(getattr(act, name))
    value = T.evaluate(*point)
    assert value.method.startswith("closed form, ")
    truth = T.reference(*point, digits=50)
    size = sp.sqrt(T.reference(point[0], point[0], point[0]) * T.reference(point[1], point[1], point[1]))
    assert abs(value.value - truth) <= value.error <= 1e-13 * max(size, abs(truth))


def test_the_ladder_without_closed_form() -> None:
    T = sl.dual(act.tanh)
    assert not T.has_closed_form
    assert "Mehler series" in T.method
    assert "no closed form: the factor tanh(u)" in T.method
    for point, method in (((1, 2, "1/2"), "Mehler series"), ((12, 12, "59/5"), "panels")):
        value = T.evaluate(*point)
        assert method in value.method
        assert abs(value.value - T.reference(*point, digits=16)) <= value.error <= 1e-12
    np.testing.assert_allclose(T([1.0, 2.0], 2.0, 0.5)[0], T.evaluate(1, 2, "1/2").value, rtol=1e-13)


@pytest.mark.slow
def test_the_last_rung() -> None:
    """Variances beyond the breakpoints, and factors that are no product: quadrature in mpmath."""
    T = sl.dual(act.tanh)
    far = T.evaluate(10**5, 10**5, 10**4)
    assert "quadrature" in far.method
    assert T(1e5, 1e5, 1e4) == pytest.approx(far.value, rel=1e-12)
    u, v = sp.symbols("u v", real=True)
    mixed = sl.limit(sl.GaussianExpectation(sp.cos(u * v), (u, v), [[a, 0], [0, a]]))
    assert mixed.method.startswith("quadrature")
    assert mixed(1.0) == pytest.approx(2**-0.5, rel=1e-12)


def test_calls_broadcast() -> None:
    T = sl.dual(act.relu)
    assert isinstance(T(1, 2, 0.5), float)
    table = T(np.ones((3, 1)), np.ones(4), 0.25)
    assert (table.shape, table.dtype) == ((3, 4), np.float64)
    assert (table == T(1.0, 1.0, 0.25)).all()


def test_calls_name_what_is_missing() -> None:
    T = sl.dual(act.leaky_relu("alpha"))
    assert T.parameters == (sp.Symbol("alpha", real=True),) or T.parameters[0].name == "alpha"
    for call in (lambda: T(1.0, 1.0, 0.5), lambda: T.evaluate(1, 1, 0), lambda: T.reference(1, 1, 0)):
        with pytest.raises(UnboundSymbol, match="alpha"):
            call()
    assert T(1.0, 1.0, 0.5, alpha=1) == pytest.approx(0.5, rel=1e-15)
    assert T.evaluate(1, 1, "1/2", alpha=1).value == pytest.approx(0.5, rel=1e-15)
    with pytest.raises(UnboundSymbol, match="z"):
        sl.dual(act.relu).evaluate(1, 1, "z")
    with pytest.raises(DataError, match="2 values"):
        sl.dual(act.relu)(1.0, 1.0)
    with pytest.raises(DataError, match="a value for slope"):
        sl.dual(act.relu)(1.0, 1.0, 0.5, slope=2)


@pytest.mark.parametrize("point", [(1, 1, 2), (-1, 1, 0), (1, 1, "nan"), (float("inf"), 1, 0)])
def test_outside_the_domain(point: tuple[object, ...]) -> None:
    T = sl.dual(act.relu)
    for call in (T.evaluate, T.reference):
        with pytest.raises(sl.SymlimitsError):
            call(*point)
    with pytest.raises(sl.SymlimitsError):
        T(*(float(v) for v in point))


@pytest.mark.parametrize("digits", [0, -1, 1001, 2.5, True])
def test_digits_out_of_range(digits: object) -> None:
    with pytest.raises(DomainError, match="digits"):
        sl.dual(act.relu).reference(1, 1, 0, digits=digits)  # type: ignore[arg-type]


def test_readings_that_belong_to_one_head() -> None:
    with pytest.raises(NoRule, match="dual activation"):
        square().dot()
    with pytest.raises(NoRule, match="kernel of a network"):
        _ = square().recursion
    with pytest.raises(NoRule, match="kernel of a network"):
        sl.dual(act.relu).on_sphere(1)


def test_words_and_latex() -> None:
    T = sl.dual(act.relu)
    text = T.explain()
    assert all(step.rule in text and step.source in text for step in T.trace[1:])
    assert T._repr_latex_().startswith("$\\displaystyle")
    assert "k_{1}" in T.latex(notation={"p": "k_{1}"})
    assert r"\label{eq:relu}" in T.latex(label="eq:relu")


def test_arguments_are_the_variances_and_the_covariance() -> None:
    assert sl.dual(act.relu).arguments == (p, q, c)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda T: T.apply(3), "a rule of sl.rules"),
        (lambda T: T.latex(notation="p"), "a dictionary"),
        (lambda T: T.latex(notation={"zz": "p"}), "notation for zz"),
        (lambda T: T.check(seed=-1), "seed"),
        (lambda T: sl.nngp(sl.mlp(1, act.relu, 2, 0)).on_sphere(0), "larger than zero"),
        (lambda T: sl.nngp(sl.mlp(1, act.relu, 2, 0)).on_sphere("-1/2"), "larger than zero"),
        (lambda T: sl.nngp(sl.mlp(1, act.relu, 2, 0)).on_sphere("c"), "of either sign"),
    ],
)
def test_refused_at_the_door(call: Callable[[sl.Limit], object], words: str) -> None:
    with pytest.raises(DomainError, match=words):
        call(sl.dual(act.relu))


def test_it_shows_itself_in_one_line() -> None:
    assert repr(square()) == "Limit(f = (a + b)**2, 1 line)"
    assert repr(sl.load(square().to_json())).startswith("Derivation(")
    assert "E[Max(0, u)*Max(0, v); var u = p, var v = q, cov = c]" in sl.dual(act.relu).explain()

"""Wrong types at every public door: a SymlimitsError each, short, with what was given, what is wanted, what to try."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act

T = sl.dual(act.relu)
NET = sl.mlp(2, act.relu, 2, 0)
K = sl.nngp(NET)
R = K.on_sphere(1)
LINE = sl.limit("a")
PHASES = sl.phase_diagram(act.relu)
u, v = sp.symbols("u v", real=True)

NO_NUMBERS: list[Any] = [object(), {"a": 1}, b"x", lambda: 0, float("nan"), 1j, sp.oo, int, 10**5000, sp.true, {1}, T]
NO_NUMBERS += [sp.Matrix([1, 2]), sp.Symbol("x") > 0, "\ud800", "", "a b", np.array(["x"])]
ODD: list[Any] = [*NO_NUMBERS, True, np.array([1.0, 2.0])]
SMALL = [j for j in ODD if not (isinstance(j, int) and j > 1)]  # for doors that take large integers
FINITE = [j for j in ODD if j is not sp.oo]  # for doors that take any expression
NO_TEXT: list[Any] = [
    True,
    3.5,
    -1,
    object(),
    [1, 2],
    {"a": 1},
    b"x",
    (),
    lambda: 0,
    sp.oo,
    np.array([1.0, 2.0]),
    int,
    10**5000,
]
NO_TEXT += [sp.Symbol("x") > 0, {1}, T, "\ud800", "", "\0"]  # fmt: skip
NOT_EVEN_EMPTY = [j for j in NO_TEXT if not (isinstance(j, str) and j == "")]  # where no text at all will do
NEITHER: list[Any] = [True, 3.5, object(), {"a": 1}, b"x", lambda: 0, np.array([1.0, 2.0]), int, 10**5000, T, {1}]
NO_SEQUENCE = [True, 3.5, object(), b"x", lambda: 0, "ab", int, {"a": 1}, {1}, 10**5000]

DOORS: dict[str, tuple[Callable[[Any], object], list[Any]]] = {
    "derivative of a kernel": (sl.nngp(sl.mlp(2, act.relu)).derivative, [*ODD, None, "p", "sigma"]),
    "activation at finite width": (lambda j: sl.finite_width.output_kurtosis(j, (3,)), [*ODD, None, 1, 0]),
    "hidden widths": (lambda j: sl.finite_width.ntk_variance(act.relu, j), [*NO_SEQUENCE, None, [], [0, 1], [1.5]]),
    "first_order": (sl.finite_width.first_order, [*ODD, None, 1]),
    "dual": (sl.dual, ODD),
    "phase_diagram": (sl.phase_diagram, ODD),
    "a point of a phase diagram": (lambda j: PHASES.at(1, j), [*ODD, None, -1]),
    "a point to decay at": (PHASES.decay, [*ODD, None, -1, 0, 3]),
    "nngp": (sl.nngp, [*ODD, None, 1]),
    "ntk": (sl.ntk, [*ODD, None, 1]),
    "depth": (lambda j: sl.mlp(j, act.relu), [*ODD, None, 0, -1, 1.5]),
    "activation of mlp": (lambda j: sl.mlp(2, j), [*ODD, None]),
    "w_var": (lambda j: sl.mlp(2, act.relu, j), [*ODD, None, -1]),
    "b_var": (lambda j: sl.mlp(2, act.relu, 2, j), [*ODD, -1]),
    "parameterization": (lambda j: sl.mlp(2, act.relu, parameterization=j), [*ODD, None, "mup"]),
    "widths": (lambda j: sl.mlp(2, act.relu, parameterization="standard", widths=j), [*NO_SEQUENCE, None, [0, 1], [1]]),
    "serial": (lambda j: sl.serial(sl.Dense(1), j, sl.Dense(1)), [*ODD, None, 1]),
    "Residual": (lambda j: sl.Residual(act.relu, j), [*ODD, None, 1]),
    "Concat": (lambda j: sl.Concat((act.relu,), j), [*ODD, None, 1]),
    "Product": (lambda j: sl.Product((sl.Dense(1),), j), [*ODD, None, 1]),
    "Dense": (sl.Dense, [*ODD, None, -1]),
    "limit": (sl.limit, [*ODD, None]),
    "experiment": (lambda j: sl.limit("a", experiment=j), [True, 3.5, object(), [1], "x", lambda: 0]),
    "domain": (lambda j: sl.limit("a", domain=j), [*ODD, 1]),
    "order": (lambda j: sl.limit("a", order=j), [*SMALL, None, -1]),
    "regime": (lambda j: sl.limit("a", regime=j), [*NO_TEXT, None]),
    "source": (lambda j: sl.limit("a", source=j), [*NO_TEXT, None]),
    "name": (lambda j: sl.limit("a", name=j), [*NO_TEXT, None, "}{", r"\end{align}"]),
    "observable": (lambda j: sl.limit("a", observable=j), [*NOT_EVEN_EMPTY, None]),
    "apply": (T.apply, [*ODD, None, "price"]),
    "then": (lambda j: LINE.then(j, because="x"), [*ODD, None]),
    "because": (lambda j: LINE.then("a", because=j), [*NO_TEXT, None]),
    "bind": (lambda j: T.bind(p=j), [*ODD, None, -1, 0]),
    "bind a name": (lambda j: T.bind(zz=j), [1]),
    "evaluate": (lambda j: T.evaluate(j, 2, 0), [*ODD, None, -1]),
    "reference": (lambda j: T.reference(1, 1, j), [*ODD, None, 2]),
    "digits": (lambda j: T.reference(1, 1, 0, digits=j), [*ODD, None, 0, 1001, 2.5, "30"]),
    "call": (lambda j: T(1.0, 1.0, j), [*NO_NUMBERS, None, "z"]),
    "shapes": (lambda j: T([1.0, 2.0], j, 0.0), [[1.0, 2.0, 3.0], np.ones((3, 3))]),
    "compiled shapes": (lambda j: T.compile()([1.0, 2.0], j, 0.0), [[1.0, 2.0, 3.0]]),
    "keyword": (lambda j: T(1.0, 1.0, 0.0, slope=j), [1]),
    "Gram": (K, [*ODD, None, 1, [[float("nan")]]]),
    "Gram keyword": (lambda j: K([[1.0]], Y=j), [1]),
    "sizes": (lambda j: T.certify(sizes=j), [*NO_SEQUENCE, None, (1, 2), (1, 2, 2), (0, 1, 2), (1.5, 2, 3)]),
    "seed": (lambda j: LINE.certify(seed=j), [*SMALL, None, -1]),
    "executor": (lambda j: LINE.certify(executor=j), [j for j in [*NEITHER, "x"] if not callable(j)]),
    "progress": (lambda j: LINE.certify(progress=j), [True, 3.5, object(), [1], "x", np.array([1.0, 2.0])]),
    "samples": (lambda j: T.compare(j, p=1, q=1, c=0), [*ODD, None, [1.0]]),
    "draws": (lambda j: T.compare({64: j, 128: j}, p=1, q=1, c=0), [*NEITHER, None, [10**400] * 8, [[1.0] * 8]]),
    "size of samples": (lambda j: T.compare({j: [1.0] * 8}, p=1, q=1, c=0), ["x", 1.5, float("inf"), 10**400, 0]),
    "check": (lambda j: LINE.check(seed=j), [*SMALL, None, -1]),
    "notation": (lambda j: T.latex(notation=j), [*NEITHER, "p", {1: "p"}, {"zz": "p"}, {"p": "q"}]),
    "letters": (lambda j: T.latex(notation={"p": j}), [*NO_TEXT, None, "}{", r"\input{x}", "a&b", "%", "a_", "_a"]),
    "label": (lambda j: T.latex(label=j), [*NO_TEXT, r"}\evil", "a}b", "a%b", " a", "a" * 200]),
    "explain": (lambda j: T.explain(notation=j), [*NEITHER, "p", {"zz": "p"}, {"p": "}{"}]),
    "on_sphere": (K.on_sphere, [*ODD, None, 0, -1, "c"]),
    "at_one": (R.at_one, [*ODD, None, -1, 21, "1/3", "x"]),
    "coefficient": (R.at_one(2).coefficient, [*ODD, None, -1, 7]),
    "derivative": (R.at_one(2).derivative, [*ODD, None, -1, 1.5, 10**5000]),
    "notation of a series": (R.at_one(2).latex, [*NEITHER, {"zz": "p"}, {"rho": "}{"}]),
    "load": (sl.load, [*ODD, None, 1, "{}", "{", "no_such_file.json"]),
    "verify": (sl.verify, [*ODD, None, 1, "{}", "no_such_file.json"]),
    "leaky_relu": (act.leaky_relu, [*ODD, None, "x"]),
    "relu_power": (act.relu_power, [*ODD, None, 0, 41, 1.5, "2"]),
    "monomial": (act.monomial, [*ODD, None, -1, 1.5]),
    "hermite": (act.hermite, [*ODD, None, -1, 1.5]),
    "polynomial": (act.polynomial, [*NO_SEQUENCE, None, [], [None], ["x"], [float("nan")], [1] * 200]),
    "activation": (sl.activation, [*ODD, None, "f(x)", "x +", "y*x"]),
    "name of an activation": (lambda j: sl.activation("x", name=j), NOT_EVEN_EMPTY),
    "symbol": (lambda j: sl.activation("x", symbol=j), [True, 3.5, "x", [1], {}, sp.pi, np.array([1.0, 2.0])]),
    "Activation": (sl.Activation, [None, True, 3.5, "x", object(), [1]]),
    "argument": (act.relu, [*FINITE, None]),
    "Range": (lambda j: sl.Range(j, 1), [*NO_NUMBERS[:6], None, 2, 1, "b"]),
    "closed": (lambda j: sl.Range(0, 1, closed=j), [*ODD, None, (1, 0), (True,)]),
    "Domain": (sl.Domain, [*ODD, None, {"p": sl.Range(0, 1)}, {u: 3}]),
    "integrand": (lambda j: sl.GaussianExpectation(j, (u,), [[1]]), [*FINITE, None, "__import__('os')"]),
    "variables": (lambda j: sl.GaussianExpectation(u, j, [[1]]), [*ODD, None, "u", (1,), (u, u), ()]),
    "covariance": (lambda j: sl.GaussianExpectation(u, (u,), j), [*FINITE, None, [["f(x)"]], [[1, 2]], [[1], [2]]]),
    "Derivation": (sl.Derivation, [*ODD, None, (), [1]]),
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_refused_in_the_house_s_words(door: str) -> None:
    enter, visitors = DOORS[door]
    for visitor in visitors:
        try:
            with pytest.raises(sl.SymlimitsError) as refusal:
                enter(visitor)
        except Exception as error:
            pytest.fail(f"{door} with {type(visitor).__name__}: {type(error).__name__} {str(error)[:200]}")
        error = refusal.value
        assert all((error.given, error.wanted, error.advice)), door
        assert len(str(error)) < 700, door


def test_what_is_right_passes() -> None:
    """The control: the same doors open."""
    assert T([1.0, 2.0], [[1.0], [2.0]], 0.0).shape == (2, 2)
    assert str(T.reference(1, 1, 0, digits=5)) == "0.15915"
    assert "k_{1}" in T.latex(notation={"p": "k_{1}"}, label="eq:relu")
    assert sl.limit("a", name=r"\dot{K}^{(1)}(x, z)", observable="", source="a paper, eq. (3)").arguments
    assert sl.GaussianExpectation("u**2", (u,), [["p"]]).free_symbols

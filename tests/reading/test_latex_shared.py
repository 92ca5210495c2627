"""Letters for what a long formula repeats: the formula is the same, and is printed in fewer rows."""

import sympy as sp

import symlimits as sl
from symlimits.language.expectation import GaussianExpectation
from symlimits.reading.latex_shared import shared

p, q, c = sp.symbols("p q c", positive=True)
ROOT = sp.sqrt((1 + p) * (1 + q) - c**2)
LONG = sum((k + 1) * c**k / ROOT**k * sp.atan(c / ROOT) * sp.exp(-((p + q + k * c) ** 2) / ROOT) for k in range(5))
AT = {p: sp.Rational(3, 7), q: sp.Rational(11, 5), c: sp.Rational(1, 3)}


def test_the_formula_is_the_same() -> None:
    found = shared(LONG, {"A", "p"})
    assert found.parts
    assert "A" not in {letter.name for letter, _ in found.parts}
    back = found.expr
    for letter, part in reversed(found.parts):
        back = back.subs(letter, part)
    assert abs(sp.N((back - LONG).subs(AT), 30)) < 1e-25
    assert sp.count_ops(found.expr) < sp.count_ops(LONG) / 2


def test_a_long_line_defines_its_letters() -> None:
    text = sl.limit(LONG).latex()
    assert r"\text{where}" in text
    assert text.index(r"\text{where}") < text.index("A = ")
    assert "A = " not in sl.limit(LONG.subs(c, 0)).latex()  # short enough


def test_bound_variables_stay() -> None:
    u = sp.Symbol("u", real=True)
    mean = GaussianExpectation(sp.exp(-((u + p) ** 2)) + sp.cos((u + p) ** 2), (u,), [[q]])
    assert shared(mean * LONG, set()).parts == ()

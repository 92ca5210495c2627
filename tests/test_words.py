"""Derivations in words for a terminal, and the author's LaTeX at the door."""

from __future__ import annotations

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.cli import main
from symlimits.derivation import clusters, linear_motion, maxplus, probabilities
from symlimits.derivation.continuous_depth import DEPTH_RULES
from symlimits.derivation.dominant_balance import dominant_balance, expansion
from symlimits.derivation.rules import ROUTE, inline
from symlimits.derivation.rungs import RUNGS
from symlimits.paper.claims import claims
from symlimits.words import explained, spoken


def test_every_rule_explains_itself_where_it_is_used() -> None:
    T = sl.dual(act.relu)
    text = T.explain()
    assert all(f"  {explained(step.rule)}\n" in text for step in T.trace[1:])
    rules = (*RUNGS, *ROUTE, *DEPTH_RULES, inline, expansion, dominant_balance)
    modules = (maxplus, clusters, linear_motion, probabilities)
    assert all(map(explained, {rule.name for rule in rules}.union(*(module.EXPLANATIONS for module in modules))))
    assert explained("by symmetry") is None


@pytest.mark.slow
def test_every_line_of_every_claim_is_explained() -> None:
    steps = {step.rule: claim.name for claim in claims().values() for step in claim.build().trace[1:]}
    assert {rule: name for rule, name in steps.items() if not explained(rule)} == {}


@pytest.mark.parametrize(
    "limit", [sl.dual(act.relu).dot(), sl.ntk(sl.mlp("L", act.relu)), sl.nngp(sl.mlp(1, act.erf)).on_sphere("q")]
)
def test_no_latex_in_a_terminal(limit: sl.Derivation) -> None:
    assert "\\" not in limit.explain()
    assert "{" not in limit.explain()


def test_a_recursion_has_a_line_for_each_map() -> None:
    text = sl.ntk(sl.mlp("L", act.relu)).explain()
    assert "\n        K_xz -> " in text
    assert "\n    then L x\n" in text
    assert "K_xx = p*sigma_w**2 + sigma_b**2" in text


def test_notation_in_words() -> None:
    text = sl.dual(act.relu).explain(notation={"p": "k_{1}", "c": r"\kappa"})
    assert text.startswith("T(k_1, q, kappa) is defined by")
    assert r"T(k_{1}, q, c) &=" in sl.dual(act.relu).latex(notation={"p": "k_{1}"})
    assert "var u = k_1" in text
    assert "sqrt(p)" not in text


def test_names() -> None:
    names = {r"\dot{T}(p, q, c)": "T_dot(p, q, c)", r"T(q, q, q \rho)": "T(q, q, q rho)", r"\mathrm{erf}_{1}": "erf_1"}
    assert all(spoken(tex) == text for tex, text in names.items())


@pytest.mark.parametrize("notation", ["p=}{", r"p=\end{align*}", "p=a&b", "p=%"])
def test_broken_letters_never_reach_a_file(notation: str, tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "dual", "--activation", "relu", "--notation", notation, "--out", f"{tmp_path}/out"]) == 2
    assert "notation" in capsys.readouterr().err


def test_at_one_with_variances_that_have_values() -> None:
    """T(1, 1, rho) and T(q, q, q rho) at q = 1 are one series; different variances are refused by name."""
    T, rho = sl.dual(act.relu), sp.Symbol("rho", real=True)
    bound, free = T.bind(p=1, q=1).at_one(2), T.at_one(2)
    assert bound.name == r"T(1, 1, \rho)"
    assert sp.simplify(bound.expr - free.expr.subs(sp.Symbol("q", positive=True), 1)) == 0
    assert T.bind(q="p").at_one(1).name == r"T(p, p, p \rho)"
    assert sp.simplify(T.bind(p=1).at_one(2).expr - bound.expr) == 0
    assert T.dot().bind(p=1, q=1).at_one("1/2").name == r"\dot{T}(1, 1, \rho)"
    assert bound.variable == rho
    with pytest.raises(sl.errors.NoRule, match="variances 1 and 2"):
        T.bind(p=1, q=2).at_one()
    with pytest.raises(sl.errors.NoRule, match="the covariance 1"):
        T.bind(p=2, q=2, c=1).at_one()


def test_equal_expectations_written_differently_cancel() -> None:
    """R(1) = 1 for the sigmoid, whose factors (1 + tanh)/2 may stand inside the mean or before it."""
    R = sl.nngp(sl.mlp(1, act.sigmoid)).on_sphere("q").at_one(1)
    assert R.coefficient(0) == 1

"""Lines of training: each equals the one before at random matrices, wrong rules are found, and they print."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import sympy as sp
from mpmath import mp

import symlimits as sl
from symlimits.certify import digest
from symlimits.derivation import linear_motion
from symlimits.derivation.linear_motion import affine, eigenbasis, lam
from symlimits.derivation.trace import Step
from symlimits.language.block import Block
from symlimits.language.motion import Motion, Spectral
from symlimits.language.tree import from_tree, to_tree
from symlimits.matrices import MatrixDerivation
from symlimits.matrix_letters import Y, at, eta, kernel, mass, mu, omega, random_values, sigma, steps, time
from symlimits.reading.latex import latex
from symlimits.reading.matrix_value import matrix_value
from symlimits.theory.training.cross_entropy_lines import cross_entropy_statement
from symlimits.theory.training.posterior_lines import posterior_statement
from symlimits.theory.training.statements import QUANTITIES, TIMES, statement
from symlimits.words import EXPLANATIONS

FAST = [("outputs", "flow", False, True), ("outputs", "steps", True, False)]
ALL = [(q, t, m, w) for q in QUANTITIES for t in TIMES for m in (False, True) for w in (False, True)]
CASES = [pytest.param(*case, marks=[] if case in FAST else pytest.mark.slow) for case in ALL]
DIGITS, CLOSE = 30, 1e-27  # digits of values, and of their agreement: three are left to cancellation


@pytest.mark.parametrize(("quantity", "kind", "momentum", "decay"), CASES)
def test_every_line_equals_the_next(quantity: str, kind: str, momentum: bool, decay: bool) -> None:
    lines = statement(quantity, kind, momentum, decay)
    assert len(lines.trace) >= 4
    assert lines.check(len(lines.trace)).ok
    assert not lines.expr.has(Motion)


@pytest.mark.parametrize("quantity", ["mean", "covariance", "evidence"])
def test_lines_of_the_posterior(quantity: str) -> None:
    assert posterior_statement(quantity).check(3).ok


def test_a_false_line_is_found() -> None:
    lines = statement("mean", "flow")
    wrong = lines.expr.subs(eta, 2 * eta)
    broken = replace(lines, trace=(*lines.trace, Step(wrong, "a slip", "nobody")))
    found = broken.check()
    assert not found.ok
    assert "'a slip'" in found.links[0].summary
    subtle = replace(lines, trace=(*lines.trace, Step(lines.expr * (1 + sp.Rational(1, 10**27)), "a slip", "nobody")))
    assert not subtle.check().ok


def test_the_posterior_is_no_law_of_the_tangent_kernel() -> None:
    """With Theta in place of K the last line of the posterior is not the covariance at infinite time."""
    lines = statement("covariance", "end")
    posterior = posterior_statement("covariance").expr.subs(sigma, 0)
    broken = replace(lines, trace=(*lines.trace, Step(posterior, "as if it were a posterior", "nobody")))
    assert not broken.check().ok


def test_training_the_last_layer_is_the_posterior_in_the_mean_and_without_noise_in_the_covariance() -> None:
    """Theta = K at infinite time: cross terms cancel two of three."""
    blocks, numbers = random_values(5, {"n": 3, "P": 5, "k": 2, "r": 2, "s": 1})
    blocks |= {name.replace("K", "Theta"): value for name, value in blocks.items() if name.startswith("K")}
    zero = numbers | {sigma: sp.Integer(0)}
    trained = matrix_value(statement("covariance", "end").expr, blocks, numbers, DIGITS)
    posterior = matrix_value(posterior_statement("covariance").expr, blocks, zero, DIGITS)
    with mp.workdps(2 * DIGITS):
        assert mp.mnorm(trained - posterior) < CLOSE
    ridge = numbers | {sigma: sp.sqrt(numbers[mass] * numbers[omega])}
    mean = matrix_value(statement("mean", "end", weight_decay=True).expr, blocks, numbers, DIGITS)
    expected = matrix_value(posterior_statement("mean").expr, blocks, ridge, DIGITS)
    with mp.workdps(2 * DIGITS):
        assert mp.mnorm(mean - expected) < CLOSE


def test_the_path_of_training_outputs_is_the_equation_of_the_contract() -> None:
    """At training inputs f' = -eta/m Theta (f - Y), as a motion of its own, gives the same outputs."""
    blocks, numbers = random_values(2, {"n": 3, "P": 5, "k": 2, "r": 3, "s": 1})
    shape = at("f", "x").shape
    f, v = Block("phi", (), shape), Block("chi", (), shape)
    direct = Motion(f, v, -eta / mass * kernel("Theta", "x", "x") * (f - Y), at("f", "x"), time)
    blocks |= {"f_z": blocks["f_x"], "Theta_zx": blocks["Theta_xx"]}
    one = matrix_value(direct, blocks, numbers, DIGITS)
    other = matrix_value(statement("outputs", "flow").expr, blocks, numbers, DIGITS)
    with mp.workdps(2 * DIGITS):
        assert mp.mnorm(one - other) < CLOSE


@pytest.mark.slow
def test_modes_of_the_kernel_solve_their_equation_at_the_joins() -> None:
    """The branches at D = 0 and |c| = 1, and their neighbours, against the propagator of the mode's own motion."""
    A = Block("A", (), (1, 1))
    for kind, joins in (("flow", ["9/64"]), ("steps", ["1/4", "9/4"])):  # (1 - mu)^2/4 and (1 -+ sqrt mu)^2
        lines = statement("outputs", kind, momentum=True)
        functions = [line.expr.atoms(Spectral).pop().function for line in lines.trace[2:4]]
        assert isinstance(functions[0], Motion)
        assert not functions[1].has(Motion)
        numbers = {mu: sp.Rational(1, 4), eta: 1, mass: 1, time: sp.Integer(6), steps: sp.Integer(6)}
        for join in map(sp.Rational, joins):
            for shift in ("0", "1e-12", "-1e-12", "0.01", "-0.01"):
                with mp.workdps(2 * DIGITS):
                    strength = mp.matrix([[mp.mpf(join.p) / join.q + mp.mpf(shift)]])
                one, other = (matrix_value(Spectral(g, lam, A), {"A": strength}, numbers, DIGITS) for g in functions)
                with mp.workdps(2 * DIGITS):
                    assert abs(one[0, 0] - other[0, 0]) < CLOSE


def test_rules_refuse_what_they_do_not_reach() -> None:
    A, B = Block("A", (), (2, 2)), Block("B", (), (2, 2))
    f, v, Y = (Block(name, (), (2, 1)) for name in ("f", "v", "Y"))
    with pytest.raises(sl.errors.NoRule, match="polynomials in one matrix"):
        eigenbasis(Motion(f, v, A * f + B * Y, 0, time))
    with pytest.raises(sl.errors.NoRule, match="affine"):
        affine(Motion(linear_motion.g, linear_motion.h, linear_motion.g**2, 0, time))


def test_they_print_are_told_and_are_stored() -> None:
    lines = statement("covariance", "steps", momentum=True)
    tex = lines.latex(width=100)
    assert r"\delta_{t+1} &=" in tex
    assert r"\delta_{0} = \delta_{-1} = 0" in tex
    assert r"\left[\frac{1 - q}{\lambda}\right]_{\lambda = \Theta_{xx}}" in tex
    assert r"\dot{\delta} &=" in statement("mean", "flow").latex()
    for told in (lines, posterior_statement("evidence"), posterior_statement("covariance"), statement("mean", "flow")):
        assert all(EXPLANATIONS[step.rule] in told.explain() for step in told.trace[1:])
    for step in lines.trace:
        assert from_tree(to_tree(step.expr)) == step.expr
    assert r"}\right]_{\lambda = A}" in latex(Spectral(1 / (1 + lam), lam, Block("A", (), (2, 2))))


@pytest.mark.slow
def test_the_page_compiles(tmp_path: object, pdflatex: object) -> None:
    from pathlib import Path

    from symlimits.reading.latex import document

    page = Path(str(tmp_path)) / "page.tex"
    texts = [statement(q, t, m).latex() for q in QUANTITIES for t in TIMES for m in (False, True)]
    texts += [statement("mean", "flow", rated=True).latex(), cross_entropy_statement("sums", "flow").latex()]
    texts += [posterior_statement(quantity).latex() for quantity in ("mean", "covariance", "evidence")]
    page.write_text(document(texts), encoding="utf-8")
    pdflatex(page)  # type: ignore[operator]


def test_statements_are_asked_for_by_known_words() -> None:
    for given in (("median", "flow"), ("mean", "always")):
        with pytest.raises(sl.errors.DomainError):
            statement(*given)
    with pytest.raises(sl.errors.DomainError):
        posterior_statement("mode")
    assert isinstance(statement("mean"), MatrixDerivation)


@pytest.mark.parametrize("kind", ["flow", "steps"])
def test_zero_eigenvalues(kind: str) -> None:
    """Fewer parameters than data: the kernel is singular, and what is trained does not see its null space."""
    lines = replace(statement("outputs", kind), sizes={"n": 4, "P": 2, "k": 2, "r": 2, "s": 1})
    assert lines.check(7).ok


def test_values_of_matrices_are_refused_in_words_and_lines_of_ones_own_are_checked() -> None:
    lines = statement("mean", "flow")
    for call in (lambda: lines(1.0), lines.compile, lines.evaluate, lambda: lines.reference(1)):
        with pytest.raises(sl.errors.NoRule, match="trained_law"):
            call()
    twice = lines.then(lines.expr + 0 * lines.expr, because="nothing is added")
    assert len(twice.trace) == len(lines.trace) + 1
    with pytest.raises(sl.errors.FalseLine):
        lines.then(2 * lines.expr, because="a slip")
    with pytest.raises(sl.errors.DomainError, match="a matrix of shape"):
        lines.then(eta, because="a scalar")


@pytest.mark.parametrize(
    "lines",
    [pytest.param(statement("mean", "flow", rated=True), marks=pytest.mark.slow), posterior_statement("covariance")],
    ids=str,
)
def test_what_is_loaded_is_what_it_was(lines: MatrixDerivation) -> None:
    stored = sl.load(lines.to_json())
    assert type(stored) is MatrixDerivation
    assert stored == lines
    assert stored.check(2).to_json() == lines.check(2).to_json()
    assert not replace(stored, trace=(*stored.trace, Step(2 * stored.expr, "a slip", "nobody"))).check().ok


@pytest.mark.parametrize(
    "lines", [pytest.param(statement("mean", "end"), marks=pytest.mark.slow), posterior_statement("evidence")], ids=str
)
def test_a_certificate_of_matrices_is_computed_again_from_its_file(lines: MatrixDerivation) -> None:
    """All lines are in it: nothing but an edited line, its digest made right, breaks it."""
    found = lines.certify(seed=2)
    assert [(link.name, link.passed) for link in found.links] == [
        ("simulation", None),
        ("lines", True),
        ("compiled", None),
    ]
    verified = sl.verify(found.to_json())
    assert verified.ok, str(verified)
    content = found.content()
    trace = content["claim"]["derivation"]["trace"]
    trace[-1]["expr"] = {"head": "Mul", "args": [3, trace[-1]["expr"]]}
    broken = sl.verify(json.dumps(content | {"digest": digest(content)}))
    assert broken.certificate.failed == ("lines",)

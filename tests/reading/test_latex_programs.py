"""Limits of programs in LaTeX: laws once, every definition once, only what a line changes, and pages that compile."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.master import limit_lines
from symlimits.derivation.trace import Step
from symlimits.errors import DomainError
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.program_lines import is_program
from symlimits.language.straight_line import Definition, StraightLine
from symlimits.language.tensor_program import RESERVED
from symlimits.reading.latex import align, document, latex
from symlimits.reading.latex_programs import flattened, new_definitions, opened
from symlimits.reading.latex_text import balanced
from symlimits.theory.programs.limits import program_limit, program_notation
from symlimits.words import explanation
from tests.programs_by_hand import deep_linear, mup, tangent_kernel

OVERFULL = re.compile(r"Overfull \\hbox \((\d+)")
POINTS = 5  # of an overfull line that nobody sees
g, h = sp.symbols("zeta_1 zeta_2", real=True)
y, z = sp.symbols("y z_3", real=True)


def test_every_random_variable_is_defined_once_before_it_is_read() -> None:
    program, outputs = mup(act.erf, 2, 1)
    for step in limit_lines(program, outputs[0].place):
        assert is_program(step.expr)
        known: set[sp.Symbol] = set()
        targets = [definition.target for definition in flattened(step.expr)]
        assert len(set(targets)) == len(targets)
        for definition in flattened(step.expr):
            assert definition.expression.free_symbols & set(targets) <= known
            known.add(definition.target)


def test_a_line_says_what_is_new() -> None:
    program, theta = tangent_kernel(act.relu, 2)
    trace = limit_lines(program, theta.place)
    assert new_definitions(trace[0].expr, None) == flattened(trace[0].expr)
    new = new_definitions(trace[1].expr, trace[0].expr)
    assert 0 < len(new) < len(flattened(trace[1].expr))
    assert not set(new) & set(flattened(trace[0].expr))


def test_laws_and_means() -> None:
    """Variances, the covariances that are not zero, means without their law; numbers are those of an author."""
    c = sp.Symbol("c_1_12", real=True)
    k = sp.Symbol("zeta_12", real=True)
    head = GaussianExpectation(
        StraightLine([Definition(z, g * k + h)], z**2), (g, h, k), [[1, 0, c], [0, 2, 0], [c, 0, 1]]
    )
    tex = latex(StraightLine([Definition(c, sp.Rational(1, 2)), Definition(y, head)], y))
    assert r"\zeta_{2} \sim \mathcal{N}(0, 2)" in tex
    assert r"\operatorname{Cov}(\zeta_{1}, \zeta_{3}) = c_{1}" in tex
    assert tex.count(r"\operatorname{Cov}") == 1
    assert r"\mathbb{E}\left[z_{1}^{2}\right]" in tex
    assert tex.count("z_{1} =") == 1
    assert tex.count(r"\text{with } z \text{ random variables}, \quad c \text{ covariances} \text{ of a tensor") == 1


def test_letters_are_numbered_as_they_are_met() -> None:
    """No number of an instruction is left; as many letters as there are values, and none for two."""
    program, outputs = mup(act.erf, 2, 1)
    trace = limit_lines(program, outputs[0].place)
    tex = align("m", trace)
    machine = {symbol for step in trace for symbol in step.expr.atoms(sp.Symbol) if RESERVED.fullmatch(symbol.name)}
    machine -= {symbol for step in trace if opened(step.expr) != step.expr for symbol in (step.expr.output,)}
    shown = set(re.findall(r"(?<![A-Za-z])(\\?[A-Za-z]+)_\{(\d+)\}", tex))
    assert len(shown) == len(machine)
    kinds = {letter: sorted(int(n) for other, n in shown if other == letter) for letter, _ in shown}
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in kinds.values())
    assert len({symbol.name.split("_")[-1] for symbol in machine}) < max(int(s.name.split("_")[-1]) for s in machine)
    targets = re.findall(r"(?<![A-Za-z])z_\{(\d+)\} =", tex.partition("as before")[0])
    assert list(map(int, targets)) == list(range(1, len(targets) + 1))


def test_letters_make_way() -> None:
    """For the left-hand side, for other symbols, and for the author's."""
    a, c, d = (sp.Symbol(name, real=True) for name in ("a_7_1", "c_3_3", "d_9_3"))
    line = StraightLine([Definition(a, y), Definition(c, a**2), Definition(d, c + sp.Symbol("c"))], a + c * d)
    step = Step(line, "definition", "tests")
    tex = align("a_2", [step], {"y": r"\kappa + b"})
    assert "a_{" not in tex
    assert "b_{" not in tex
    assert "c_{" not in tex
    assert "d_{1} = " in tex
    assert r"A_{0} = y" in align("a_2", [step], {"a_7_1": "A_{0}"})


def test_expectations_of_their_own_keep_their_law() -> None:
    u = sp.Symbol("u", real=True)
    line = StraightLine([Definition(y, GaussianExpectation(sp.tanh(u), (u,), [[2]]))], y)
    assert not is_program(line)
    assert r"u \sim \mathcal{N}(0, 2)" in latex(line)


def test_words_tell_the_same() -> None:
    program, a = deep_linear(2, 2)
    trace = limit_lines(program, a.place)
    text = explanation("a", trace, "here")
    assert "E[z_9*zeta_0]" in text
    assert "as before but for" in text
    assert "A product of Gaussians is a sum over pairings" in text


def test_labels_are_letters() -> None:
    program, outputs = mup(act.erf, 1, 1)
    program.labels[outputs[0].place] = "f"
    limit = program_limit(outputs[0])
    letters = program_notation(limit, program)
    assert letters == {outputs[0].symbol.name: "f"}
    assert r"f &= \mathbb{E}" in limit.latex(notation=letters)


def test_no_line_says_that_a_value_is_itself() -> None:
    """What the output is defined by stands where it is asked for; before, "f = f, where ..., f = E ..."."""
    prog = sl.training_program(sl.mlp(1, act.tanh, 1, 0), [[1]], [1], steps=1)
    limit = prog.limit(1)
    letters = prog.notation(limit)
    assert letters["theta_" + str(prog.outputs[1][0].place)] == limit.name
    for tex in (limit.latex(notation=letters), limit.latex(), limit.explain(notation=letters)):
        said = [row.partition("=") for row in tex.splitlines()]
        assert all(left.strip("& ") != right.split(",")[0].strip() for left, _, right in said if right)
        assert rf"= {limit.name}, " not in tex
        assert r"&= \theta_" not in tex
    assert r"f^{(1)}(x_{1}) &= \mathbb{E}" in limit.latex(notation=letters)
    assert r"\hat{Z}^{v}" in limit.latex(notation=letters)
    assert prog.limit(0).latex().splitlines()[-2].startswith("&= 0 ")


def test_letters_are_those_of_the_program() -> None:
    first, second = (sl.training_program(sl.mlp(1, phi, 1, 0), [[1]], [1], steps=1) for phi in (act.tanh, act.erf))
    for wrong in (second.limit(1), sl.dual(act.relu), None):
        with pytest.raises(DomainError, match="notation of"):
            first.notation(wrong)  # type: ignore[arg-type]
    assert first.notation(first.rate(1)) == {}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_pages_compile(tmp_path: Path) -> None:
    parts = []
    trained, outputs = mup(act.erf, 2, 1)
    kernels = (tangent_kernel(phi, 2) for phi in (act.relu, act.tanh))
    for program, scalar in ((trained, outputs[0]), *kernels, deep_linear(2, 2)):
        parts.append(align("m", limit_lines(program, scalar.place)))
    assert all(map(balanced, parts))
    (tmp_path / "page.tex").write_text(document(parts))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert all(int(found) <= POINTS for found in OVERFULL.findall((tmp_path / "page.log").read_text()))

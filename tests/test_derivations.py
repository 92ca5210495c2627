"""Every script in derivations/ runs and ends well, and the table of activations is the one of the docs."""

import re
import runpy
from pathlib import Path

import pytest

import symlimits as sl

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted((ROOT / "derivations").glob("*.py"))
DISPLAY = re.compile(r"\\begin\{align\*\}.*?\\end\{align\*\}", re.DOTALL)
NUMBER = re.compile(r"[-+]?\d")
EXPONENTS = {"abc", "deep_mean_field"}  # numbers, with nothing to compile
# scripts that stop where a check fails, without a certificate
DEEP_LINEAR = {f"deep_linear_{name}" for name in ("recursion", "polynomials", "forest", "flow")}
PROGRAMS = {"ntk_from_backprop", "first_feature_step", "recurrent_network", "mup_two_steps"}
KERNELS = {"training_laws", "finite_width", "phase_diagram", "linearization"}
CHECKED = {"two_outputs", "bayes", "width_exponents", "master_theorem", *KERNELS, *DEEP_LINEAR}
CERTIFIED = [script for script in SCRIPTS if script.stem not in {"activations", *EXPONENTS, *CHECKED, *PROGRAMS}]


# in the default run the shortest of them
SHORT = ("nngp_relu",)
MARKED = [pytest.param(s, marks=[] if s.stem in SHORT else pytest.mark.slow, id=s.stem) for s in CERTIFIED]


def said(printed: str) -> list[str]:
    """Displays as they are, and other lines up to their first number: numbers outside of formulas are a machine's."""
    lines = DISPLAY.sub("", printed).splitlines()
    words = [found for line in lines if (found := NUMBER.split(line, maxsplit=1)[0].rstrip())]
    return [*DISPLAY.findall(printed), *words]


def check_gallery(name: str, printed: str) -> None:
    stored = (ROOT / "docs" / "derivations" / f"{name}.txt").read_text(encoding="utf-8")
    assert said(printed) == said(stored), f"python docs/gallery.py {name}"


def test_an_old_page_would_be_told() -> None:
    stored = (ROOT / "docs" / "derivations" / "nngp_relu.txt").read_text(encoding="utf-8")
    check_gallery("nngp_relu", stored.replace("z = ", "z = 1"))
    for now, before in (("simulation holds", "simulation BROKEN"), (r"{2 \pi}", r"{3 \pi}")):
        assert now in stored
        with pytest.raises(AssertionError, match="gallery"):
            check_gallery("nngp_relu", stored.replace(now, before))


@pytest.mark.parametrize("script", MARKED)
def test_script(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(script), run_name="__main__")
    printed = capsys.readouterr().out
    assert "BROKEN" not in printed
    assert all(f"  {link:<10} holds" in printed for link in ("simulation", "lines", "compiled"))
    assert r"\begin{align*}" in printed
    check_gallery(script.stem, printed)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(EXPONENTS))
def test_script_of_exponents(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "derivations" / f"{name}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "BROKEN" not in printed
    assert "  simulation holds" in printed
    assert r"\begin{align*}" in printed
    check_gallery(name, printed)


def test_there_are_scripts() -> None:
    known = {"activations", "nngp_relu", "ntk_relu", "ntk_erf", "limit_models", "separate_rates", *EXPONENTS} | {
        "output_law_finite",
        "output_law_limit",
    }
    assert known <= {script.stem for script in SCRIPTS}


def test_the_table_of_the_docs_is_of_today() -> None:
    """Names and formulas; times and errors are those of the machine that wrote it."""
    script = runpy.run_path(str(ROOT / "derivations" / "activations.py"))
    text = (ROOT / "docs" / "activations.md").read_text(encoding="utf-8")
    for name, phi in script["activations"]().items():
        assert f"| {name} | {script['formula'](sl.dual(phi))} |" in text, name


@pytest.mark.slow
def test_every_activation_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "derivations" / "activations.py"), run_name="__main__")
    assert "| elu |" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CHECKED))
def test_a_script_of_checks(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "derivations" / f"{name}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "BROKEN" not in printed
    assert printed.count("holds") >= 5
    check_gallery(name, printed)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_script_of_a_program(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """They stop where a check fails, or a limit without the transposes' terms is not refused."""
    runpy.run_path(str(ROOT / "derivations" / f"{name}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "BROKEN" not in printed
    assert printed.count("holds") >= 2
    assert r"\begin{align*}" in printed
    check_gallery(name, printed)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["deep_linear_forest", "output_law_relu", "bayes"])
def test_a_script_draws(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    runpy.run_path(str(ROOT / "derivations" / f"{name}.py"), run_name="drawn")["picture"](str(tmp_path / "x.png"))
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")

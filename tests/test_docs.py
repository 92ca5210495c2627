"""The pages of docs/ that hold sessions are executed, and their commands are read by the command line."""

import doctest
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from symlimits.paper.scaling_arguments import joined, parser
from symlimits.theory import scaling
from symlimits.theory.deep_linear import DeepLinear

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "transfer.md"
ROOT = {".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "conftest.py", "pyproject.toml"}

KERNELS = ("training.md", "linearization.md", "images.md", "layers.md", "phase_diagram.md")
LONG = ("programs.md", "finite_width.md", "fitting.md", "how_to.md", *KERNELS)
PAGES = ("transfer.md", "scaling.md", "output_laws.md", "deep_linear.md", *LONG)


@pytest.mark.parametrize(
    ("page", "lines"), [pytest.param(p, 10, marks=[pytest.mark.slow] if p in LONG else []) for p in PAGES]
)
def test_sessions(page: str, lines: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # sessions write files
    result = doctest.testfile(str(DOCS / page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
    assert result.attempted > lines


def test_every_public_function_of_scaling_is_listed() -> None:
    text = (DOCS / "scaling.md").read_text(encoding="utf-8")
    functions = [name for name in scaling.__all__ if name.islower()]
    assert len(functions) >= 8
    assert all(f"`{name}(" in text for name in functions)


def test_every_method_of_deep_linear_is_listed() -> None:
    text = (DOCS / "deep_linear.md").read_text(encoding="utf-8")
    methods = [name for name, value in vars(DeepLinear).items() if callable(value) and not name.startswith("_")]
    assert len(methods) >= 8
    assert all(f"`.{name}(" in text for name in methods)


def test_pictures_are_there() -> None:
    for page in PAGES:
        for name in re.findall(r"!\[[^\]]*\]\(([^)]*)\)", (DOCS / page).read_text(encoding="utf-8")):
            assert (DOCS / name).is_file(), name


def test_commands() -> None:
    blocks = re.findall(r"```sh\n(.*?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    assert len(lines) == 3
    for words in lines:
        assert words[:3] == ["symlimits", "derive", "scaling"]
        assert parser().parse_args(joined(words[3:])).named == "mup"


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_what_sessions_write_is_not_committed() -> None:
    """They leave K.npy and erf.journal where they run, which by hand is the root of a checkout."""
    listed = subprocess.run(["git", "ls-files"], cwd=DOCS.parent, capture_output=True, text=True, check=False)
    if listed.returncode or not listed.stdout:
        pytest.skip("not a checkout")
    assert {name for name in listed.stdout.splitlines() if "/" not in name} == ROOT
    written = ["K.npy", "erf.journal", "out/reproduce.journal"]
    ignored = subprocess.run(["git", "check-ignore", *written], cwd=DOCS.parent, capture_output=True, text=True)
    assert ignored.stdout.splitlines() == written

"""The README is executed: its sessions as doctests, its shell commands by .ci/run."""

import doctest
import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"


def test_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the sessions write files
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testfile(str(README), module_relative=False, optionflags=flags)
    assert result.failed == 0
    assert result.attempted > 15


def test_two_commands() -> None:
    section = re.split(r"^## ", README.read_text(), flags=re.MULTILINE)
    (commands,) = (part for part in section if part.startswith("Two commands"))
    blocks = re.findall(r"```sh\n(.*?)\n```", commands, re.DOTALL)
    assert len(blocks) == 2
    assert "reproduce --quick --out out" in blocks[0]
    assert "pytest" in blocks[1]

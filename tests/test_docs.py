"""The pages of docs/ that hold sessions are executed, and their commands are read by the command line."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from symlimits.paper.scaling_arguments import joined, parser

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "transfer.md"


@pytest.mark.parametrize("name", ["transfer.md", "output_laws.md"])
def test_sessions(name: str) -> None:
    result = doctest.testfile(str(DOCS / name), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
    assert result.attempted > 10


def test_commands() -> None:
    blocks = re.findall(r"```sh\n(.*?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    assert len(lines) == 3
    for words in lines:
        assert words[:3] == ["symlimits", "derive", "scaling"]
        assert parser().parse_args(joined(words[3:])).named == "mup"

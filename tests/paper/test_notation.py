"""Letters of an author: refused at the door or printed; nothing is derived before it breaks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from symlimits.cli import main
from symlimits.errors import DomainError
from symlimits.paper.claims import find
from symlimits.paper.notation import MEANINGS, Notation, check_distinct, check_legend
from symlimits.reading.latex_names import names
from symlimits.reading.latex_programs import opened

QUICK = ("dual-erf", "output-finite", "output-limit")
LONG = ("sphere-relu", "ntk-relu", "exponent-mf-kernel", "output-relu", "trained-path")


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG)])
def test_what_the_door_lets_in_is_printed(name: str) -> None:
    """Every letter of a statement, given to one of the paper's symbols."""
    claim = find(name)
    limit = claim.build()
    printed = names([opened(step.expr) for step in limit.trace], {}, limit.name).letters
    own, *_ = sorted({str(symbol) for symbol in printed} & MEANINGS[claim.paper].keys())
    let_in = set()
    for letter in printed.values():
        try:
            check_legend(claim.paper, Notation({own: letter}))
        except DomainError:
            continue
        let_in.add(letter)
        assert letter in limit.latex({own: letter})
    assert let_in, "its own at least"


@pytest.mark.parametrize(
    ("paper", "letters", "named"),
    [
        ("lee2019", {"p": r"\Theta"}, "statements of lee2019 use themselves"),
        ("lee2019", {"p": "k", "q": "k"}, "p and q"),
        ("chizat2022", {"eta": "E"}, "statements of chizat2022 use themselves"),
    ],
)
def test_the_door(paper: str, letters: dict[str, str], named: str) -> None:
    with pytest.raises(DomainError, match=named):
        check_legend(paper, Notation(letters))
    check_legend("golikov2020", Notation(letters))  # whose statements have none of these


def test_one_letter_for_two_symbols_is_refused_before_the_work(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def statement(*_: object, **__: object) -> Sequence[object]:
        raise AssertionError("derived")

    monkeypatch.setattr("symlimits.paper.commands.statement", statement)
    assert main(["derive", "dual", "--activation", "relu", "--notation", "p=k,q=k"]) != 0
    assert "p and q, which both print as k" in capsys.readouterr().err
    with pytest.raises(AssertionError, match="derived"):
        main(["derive", "dual", "--activation", "relu", "--notation", "p=k,q=m"])
    check_distinct({"p": "k", "q": "m"})

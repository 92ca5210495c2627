"""Letters of an author: refused at the door or printed; nothing is derived before it breaks."""

from __future__ import annotations

import re
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


def stands(letter: str, text: str) -> bool:
    """Whether a symbol is printed as the letter, no part of a command, of a word, or of another letter."""
    if not letter.startswith("\\"):
        text = re.sub(r"\\(?:math|operator|text)[a-z]*\s*\{[^{}]*\}", " ", text)  # the E of \mathcal{E}
    before = "" if letter.startswith("\\") else r"(?<![A-Za-z\\])"
    return re.search(before + re.escape(letter) + "(?![A-Za-z])", text) is not None


@pytest.mark.parametrize(
    ("letter", "there", "not_there"),
    [
        ("c", r"\frac{c}{2}", r"\frac{1}{2}"),
        ("e", r"\left(x_{e} + 1\right)", r"\left(1 - \operatorname{erf}{\left(x \right)}\right)"),
        ("E", r"2 E", r"\mathcal{E}"),
        (r"\eta", r"\log\eta", r"\beta \etale"),
        (r"\mathcal{E}", r"2 \mathcal{E}^{2}", r"E"),
    ],
)
def test_a_letter_is_no_part_of_a_command(letter: str, there: str, not_there: str) -> None:
    assert stands(letter, there)
    assert not stands(letter, not_there)


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
        assert stands(letter, limit.latex({own: letter})), letter
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

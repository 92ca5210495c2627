r"""LaTeX that an author hands in, held at the door: letters for symbols, a label, the name of a left-hand side."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from symlimits.errors import DomainError
from symlimits.language.names import brief, shown
from symlimits.reading.latex_text import balanced

MAX_LETTERS = 200  # characters of the LaTeX of a symbol or a name
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 :;_.,+*/()=-]{0,99}")
_COMMAND = re.compile(r"\\(?:[A-Za-z]+|[,;:!|{} ])")
# What is left of a letter without its commands; no & $ # % ~, which act on what stands around it.
_PLAIN = re.compile(r"[^\\&$#%~\x00-\x1f\x7f-\x9f\ud800-\udfff]*")
# Commands that do not stand for a letter: they end the formula, or make TeX do something.
_STRUCTURE = re.compile(
    r"\\(?:begin|end|label|tag|notag|input|include\w*|write\d*|immediate|openout|read|[egx]?def|let|futurelet|"
    r"catcode|csname|endcsname|expandafter|newcommand|renewcommand|newline|par|verb|special|loop|over)(?![A-Za-z])"
)


def check_label(label: object) -> None:
    r"""Raise `DomainError` for what cannot stand in \label.

    >>> check_label("}\\evil")
    Traceback (most recent call last):
    ...
    symlimits.errors.DomainError: label = '}\\evil'; wanted: up to 100 letters, digits and : _ - .; try: label="eq:dual"
    """
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise DomainError(f"label = {shown(label)}", "up to 100 letters, digits and : _ - .", 'label="eq:dual"')


def check_letters(tex: object, what: str, advice: str) -> None:
    r"""Raise `DomainError` for LaTeX that would not stand alone in a formula.

    >>> check_letters("}{", "notation for p", 'notation={"p": "k"}')
    Traceback (most recent call last):
    ...
    symlimits.errors.DomainError: notation for p = '}{'; wanted: balanced LaTeX of a symbol; try: notation={"p": "k"}
    """
    if not isinstance(tex, str) or not _stands_alone(tex):
        raise DomainError(f"{what} = {shown(tex)}", "balanced LaTeX of a symbol", advice)
    if tex.strip()[0] in "^_" or tex.rstrip()[-1] in "^_":
        raise DomainError(f"{what} = {shown(tex)}", "a letter before each index, and an index after", advice)


def _stands_alone(tex: str) -> bool:
    if not tex.strip() or len(tex) > MAX_LETTERS or "^^" in tex or "\\\\" in tex or not balanced(tex):
        return False
    return bool(_PLAIN.fullmatch(_COMMAND.sub("", tex))) and not _STRUCTURE.search(tex)


def check_notation(notation: object, known: Collection[str]) -> None:
    """Raise `DomainError` for what is no dictionary from names in `known` to LaTeX of a symbol."""
    advice = 'notation={"p": "k"}'
    if notation is None:
        return
    if not isinstance(notation, Mapping) or not all(isinstance(name, str) for name in notation):
        raise DomainError(f"notation = {shown(notation)}", "a dictionary from names to LaTeX", advice)
    unknown = sorted(set(notation) - set(known))
    if unknown:
        raise DomainError(f"notation for {brief(unknown[0])}", f"one of {', '.join(sorted(known))}", "another name")
    for name, tex in notation.items():
        check_letters(tex, f"notation for {name}", advice)

r"""Words with formulas in LaTeX between dollars, as titles and observables have them, for a page and a terminal."""

from __future__ import annotations

from symlimits.reading.latex_text import escape
from symlimits.words import spoken


def pieces(text: str) -> list[str]:
    """Words and formulas in turn, words first; a dollar without its partner is a word.

    >>> pieces(r"depth $L$"), pieces("5 $")
    (['depth ', 'L', ''], ['5 $'])
    """
    found = text.split("$")
    return found if len(found) % 2 else [text]


def in_latex(text: str) -> str:
    r"""Words escaped, formulas as they are.

    >>> print(in_latex(r"50% of $\rho_1$"))
    50\% of $\rho_1$
    """
    return "$".join(part if k % 2 else escape(part) for k, part in enumerate(pieces(text)))


def in_words(text: str) -> str:
    r"""The formulas as a terminal shows them.

    >>> in_words(r"mean of $\phi(w \cdot x)$, $1 - \rho$")
    'mean of phi(w.x), 1 - rho'
    """
    return "".join(spoken(part) if k % 2 else part for k, part in enumerate(pieces(text)))


def sentence(text: str) -> str:
    """The text with a capital letter."""
    return text[:1].upper() + text[1:]

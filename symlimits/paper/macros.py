r"""The macros of our fragments, in one file, so that an author changes the look of all formulas in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping

MACROS: Mapping[str, str] = {r"\slE": r"\mathbb{E}", r"\slN": r"\mathcal{N}", r"\slOne": r"\mathbf{1}"}
FILE = "macros.tex"


def definitions() -> str:
    r"""The text of the file: every macro, unless the author has defined it.

    >>> print(definitions().splitlines()[1])
    \providecommand{\slE}{\mathbb{E}}
    """
    lines = [rf"\providecommand{{{name}}}{{{tex}}}" for name, tex in MACROS.items()]
    return "\n".join(["% expectations, Gaussian laws and indicators in the fragments of symlimits", *lines]) + "\n"


def with_macros(tex: str) -> str:
    r"""LaTeX with macros in place of what they stand for.

    >>> with_macros(r"\mathbb{E} x + \mathbb{E}_{u}[v]"), with_macros(r"\mathbf{1}x")
    ('\\slE x + \\slE_{u}[v]', '\\slOne x')
    """
    for name, meaning in MACROS.items():
        tex = re.sub(re.escape(meaning) + r"(?=[A-Za-z])", rf"\{name} ", tex).replace(meaning, name)
    return tex


def without_macros(tex: str) -> str:
    r"""LaTeX with every macro written out.

    >>> without_macros(with_macros(r"\mathbb{E}_{u \sim \mathcal{N}(0, p)}"))
    '\\mathbb{E}_{u \\sim \\mathcal{N}(0, p)}'
    """
    for name, meaning in MACROS.items():
        tex = re.sub(re.escape(name) + r"(?![A-Za-z])", rf"\{meaning}", tex)
    return tex

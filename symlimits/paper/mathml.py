r"""The LaTeX that symlimits prints, as HTML and MathML: browsers show it without a network and without scripts.

Alignments become tables, rows by rows and nested ones in their cells; what stands between `&` and `\\` is a formula of
its own, for which the package latex2mathml is asked (`pip install 'symlimits[report]'`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from symlimits.errors import NoRule

BOLD_ZERO = ord("\N{MATHEMATICAL BOLD DIGIT ZERO}")
ALIGNMENTS = ("align*", "align", "aligned")
_NAMES = "|".join(map(re.escape, ALIGNMENTS))
_OUTERMOST = re.compile(rf"\\(begin|end)\{{({_NAMES})\}}")
_DELIMITER = re.compile(r"\\(?:begin|end)\{[^{}]*\}|\\\\|\\.|[{}&]", re.DOTALL)
_ACROSS = re.compile(r"\\rlap\{\$(?:\\displaystyle)?(?:\{\})?(.*)\$\}", re.DOTALL)
_BELOW = re.compile(r"\\hphantom\{([^$]*)\}\\llap\{\$(?:\\displaystyle)?([^$]*)\$\}")  # as wide as another
_LAST = re.compile(r"(?:\\label\{[^{}]*\}|\\notag)\s*$")  # of a row
_UNSEEN = re.compile(r"\\label\{[^{}]*\}|\\notag(?![a-zA-Z])|\\displaystyle(?![a-zA-Z])")
_ROOM = re.compile(r"\\\\\[[\d.]+(?:pt|ex|em)\]")  # between the rows of a matrix
_FONT = re.compile(r"\\(mathbb|mathcal|mathbf|mathrm)\s+([A-Za-z])")  # of one letter without braces
_UPRIGHT = re.compile(r"\\mathrm\{([A-Za-z])\}")  # a letter on its own would lean
_BOLD = re.compile(r'<mn mathvariant="bold">(\d)</mn>')
_BEFORE = re.compile(r"(?<!<msup>)(?<!<msub>)(<mi>(?:Re|Im|lim)</mi>)(?=<m(?:[in]|sub|sup)>)")
_SIGN = re.compile(r"(<mo[^>]*>(?:&#x000(?:3D|3C|3E|28|2C);|\[)</mo>)<mo>&#x02212;</mo>")  # no difference
_RAISED = re.compile(r"<msup>(<mo [^>]*minsize[^>]*>[)\]]</mo>)")  # in a base browsers do not stretch it
_FUNCTION = re.compile(r"(</m(?:i|n|sup|sub|subsup|frac|sqrt)>|[)\]]</mo>|&#x00029;</mo>)(<mi>[A-Za-z]{2,}</mi>)")

STYLE = """
table.align { border-spacing: 0 0.35em; margin: 0.5em 0; display: inline-table; vertical-align: middle; }
table.align > tbody > tr > td { padding: 0; vertical-align: baseline; white-space: nowrap; }
table.align > tbody > tr > td:nth-child(odd) { text-align: right; }
table.align > tbody > tr > td:nth-child(even) { text-align: left; }
table.align > tbody > tr > td:nth-child(n+3) { padding-left: 2em; text-align: left; }
span.below { display: inline-grid; align-items: baseline; justify-items: end; }
span.below > * { grid-area: 1 / 1; }
span.below > :first-child { visibility: hidden; }
msub mtd { padding: 0 0.25em; }
math { font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", math; }
""".strip()


def mathml(tex: str) -> str:
    r"""A formula or a display of `Derivation.latex()` as HTML with MathML in it.

    Raises `NoRule` where latex2mathml is not installed.

    >>> print(mathml("x"))
    <math displaystyle="true"><mrow><mi>x</mi></mrow></math>
    >>> mathml("\\begin{align*}\na &= b \\\\\n&= c\n\\end{align*}").count("<td")
    4
    """
    return "".join(_pieces(tex.strip().removeprefix(r"\[").removesuffix(r"\]")))


def _pieces(tex: str) -> Iterator[str]:
    """Formulas, and the alignments between them."""
    depth, start = 0, 0
    for found in _OUTERMOST.finditer(tex):
        depth += 1 if found[1] == "begin" else -1
        if depth == 1 and found[1] == "begin":
            yield _formula(tex[start : found.start()])
            start = found.end()
        elif depth == 0:
            yield _table(tex[start : found.start()])
            start = found.end()
    yield _formula(tex[start:])


def _table(body: str) -> str:
    rows = ("".join(_cells(row.removeprefix("*"))) for row in _split(body, r"\\"))
    return '<table class="align"><tbody>' + "".join(f"<tr>{row}</tr>" for row in rows) + "</tbody></table>"


def _cells(row: str) -> Iterator[str]:
    for cell in _split(row, "&"):
        across = _ACROSS.fullmatch(_LAST.sub("", cell).strip())
        span = ' colspan="3"' if across else ""
        yield f"<td{span}>{''.join(_aligned(across[1] if across else cell))}</td>"


def _aligned(cell: str) -> Iterator[str]:
    """A row's pieces; a left-hand side that is made as wide as another stands in the room of that one."""
    before, *found = _BELOW.split(cell)
    yield from _pieces(before)
    for other, name, after in zip(found[::3], found[1::3], found[2::3], strict=True):
        yield f'<span class="below"><span>{_formula(other)}</span><span>{_formula(name)}</span></span>'
        yield from _pieces(after)


def _split(tex: str, separator: str) -> list[str]:
    r"""The parts between separators, those within braces and environments left alone.

    >>> _split(r"a & {b & c} & \& d", "&")
    ['a ', ' {b & c} ', ' \\& d']
    """
    depth, cuts = 0, [(0, 0)]
    for found in _DELIMITER.finditer(tex):
        token = found[0]
        depth += (token == "{" or token.startswith(r"\begin")) - (token == "}" or token.startswith(r"\end"))
        if token == separator and depth == 0:
            cuts.append(found.span())
    cuts.append((len(tex), len(tex)))
    return [tex[a:b] for (_, a), (b, _) in pairwise(cuts)]


def _formula(tex: str) -> str:
    tex = _ROOM.sub(r"\\\\", _FONT.sub(r"\\\1{\2}", _UNSEEN.sub("", tex))).strip()
    tex = _UPRIGHT.sub(r"\\text{\1}", tex)
    if not tex:
        return ""
    if len(_split(tex, "&")) > 1:
        raise NoRule("'&' outside an alignment", "a formula or an align", r"\begin{align*} ... \end{align*}")
    try:
        from latex2mathml.converter import convert
    except ImportError:
        raise NoRule("formulas as MathML", "the package latex2mathml", "pip install 'symlimits[report]'") from None
    return re.sub(r"<math [^>]*>", '<math displaystyle="true">', _polished(convert(tex, display="block")), count=1)


def _polished(markup: str) -> str:
    """What browsers draw otherwise than TeX: bold digits are letters of their own, functions stand apart from factors.

    >>> _polished('<mi>c</mi><mi>arcsin</mi>')
    '<mi>c</mi><mrow><mspace width="0.17em"/><mi>arcsin</mi></mrow>'
    """
    markup = _BOLD.sub(lambda digit: f"<mn>{chr(BOLD_ZERO + int(digit[1]))}</mn>", markup)
    markup = markup.replace("<mi>&#x0007E;</mi>", "<mo>&#x0223C;</mo>")
    markup = _RAISED.sub(r"\1<msup><mrow></mrow>", markup)
    markup = markup.replace("<mo>&#x0221E;</mo>", "<mi>&#x0221E;</mi>")
    markup = markup.replace("<mo>&#x0002F;</mo>", '<mo lspace="0" rspace="0">&#x0002F;</mo>')
    markup = _SIGN.sub(r'\1<mo form="prefix">&#x02212;</mo>', markup)
    markup = re.sub(r"<mo>([A-Za-z]{2,})</mo>", r"<mi>\1</mi>", markup)
    markup = _BEFORE.sub(r'<mrow>\1<mspace width="0.17em"/></mrow>', markup)
    return _FUNCTION.sub(r'\1<mrow><mspace width="0.17em"/>\2</mrow>', markup)

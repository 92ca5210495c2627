r"""LaTeX source as text: characters escaped, pairs balanced, and about how wide it is on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

ESCAPES = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
ESCAPES |= {character: f"\\{character}" for character in "{}$&#_%"}
# About how many letters something is wide: the page has 80, and rows are 0.8 to 1.05 of what this gives.
SMALL, UPRIGHT, OPERATOR = 0.7, 0.85, 0.75  # of an index, of words, of names of functions
BAR = 0.4  # of a fraction beside what it holds
WIDTHS = dict.fromkeys("()[]|,.;:/!'", 0.6) | dict.fromkeys(["+", "-", "=", "<", ">", r"\sim"], 2.2)
WIDTHS |= dict.fromkeys(
    [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", *(rf"\{name}" for name in ("Theta", "Phi", "Sigma", "Gamma"))], 1.3
)
WIDTHS |= dict.fromkeys([r"\,", r"\!", "&", "}"], 0.0)
WIDTHS |= {r"\left": 0.3, r"\right": 0.3, r"\sqrt": 1.4, r"\int": 1.6, r"\quad": 2.0, r"\arcsin": 4.3}
WIDTHS |= {rf"\{size}{side}": wider for size, wider in (("big", 0.1), ("bigg", 0.5)) for side in "lr"}
WIDTHS |= {rf"\{name}": len(name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "max", "min")}
WIDTHS |= {rf"\{name}": 0.0 for name in ("mathbb", "mathbf", "mathcal", "mathrm")}

TALL = re.compile(r"\\(frac|sqrt|int|sum|begin|left)(?![A-Za-z])")
LEADS = (r"\text{where}", r"\text{as before, but}", r"\text{:}", r":}")  # in rows that something belongs below
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\S")
_ENVIRONMENT = re.compile(r"\\begin\{[a-z]*\}((?:(?!\\begin).)*?)\\end\{[a-z]*\}", re.DOTALL)
_DELIMITER = re.compile(r"\\\\|\\[{}]|\\(?P<end>begin|end)\{(?P<name>[^{}]*)\}|\\(left|right)(?![A-Za-z])|[{}]")


def balanced(tex: str) -> bool:
    r"""Whether braces, \left and \right, and environments are closed in the order they were opened.

    >>> balanced(r"\left[0, \frac{1}{2}\right)"), balanced(r"\left( x"), balanced(r"{ \left( } \right)")
    (True, False, False)
    """
    unclosed: list[str] = []
    for match in _DELIMITER.finditer(tex):
        token, kind = match[0], match["name"] or match[0]
        if token in (r"\left", "{") or match["end"] == "begin":
            unclosed.append({r"\left": r"\right", "{": "}"}.get(kind, kind))
        elif (token in (r"\right", "}") or match["end"]) and (not unclosed or unclosed.pop() != kind):
            return False
    return not unclosed


def escape(text: str) -> str:
    r"""Plain text with the characters that LaTeX would act upon made printable.

    >>> print(escape("50% of a_1 & b"))
    50\% of a\_1 \& b
    """
    return "".join(ESCAPES.get(character, character) for character in text)


def rendered_width(tex: str) -> float:
    r"""About how wide a formula is on the page, in letters.

    >>> rendered_width(r"\frac{a b c}{2 \pi}"), rendered_width(r"a + b")
    (3.4, 4.2)
    >>> rendered_width(r"\begin{pmatrix} 1 & 0 & 0 \\ 0 & 1 & 0 \end{pmatrix}")
    7.0
    """
    while (flatter := _ENVIRONMENT.sub(_widest_row, tex)) != tex:
        tex = flatter
    return _width(iter(_TOKEN.findall(tex)))


def _widest_row(environment: re.Match[str]) -> str:
    """The longest row, its columns apart."""
    return max(environment[1].split(r"\\"), key=len).replace("&", r"\quad ")


def _width(tokens: Iterator[str]) -> float:
    """The width up to the brace that closes, which is taken too; an index and an exponent stand above each other."""
    total = beside = 0.0
    for token in tokens:
        if token == "}":
            break
        if token in ("_", "^"):
            script = SMALL * _width_of(next(tokens, ""), tokens)
            total, beside = total + max(script - beside, 0.0), max(script, beside)
        else:
            total, beside = total + _width_of(token, tokens), 0.0
    return total


def _width_of(token: str, tokens: Iterator[str]) -> float:
    """The width of a token and the arguments that it takes from `tokens`.

    Fractions in a fraction are smaller on the page; they count in full, so that a formula is broken rather than tiny.
    """
    if token == "{":
        return _width(tokens)
    if token in (r"\text", r"\operatorname"):
        return (UPRIGHT if token == r"\text" else OPERATOR) * _width_of(next(tokens, ""), tokens)
    if token == r"\frac":
        return BAR + max(_width_of(next(tokens, ""), tokens), _width_of(next(tokens, ""), tokens))
    return WIDTHS.get(token, 1.0)


def raised(exponent: str | None) -> str:
    """An exponent, or nothing."""
    return f"^{{{exponent}}}" if exponent else ""


def brackets(tex: str) -> str:
    r"""Parentheses as large as what they hold; plain ones have better spacing than \left and \right."""
    return rf"\left({tex}\right)" if TALL.search(tex) else f"({tex})"


def enclose(before: str, pieces: Sequence[str], after: str) -> list[str]:
    """Pieces of a broken formula with something before the first and after the last."""
    first, *rest = [*pieces[:-1], pieces[-1] + after]
    return [before + first, *rest]


def open_brackets(tex: str) -> int:
    r"""How many more \bigl( than \bigr) there are."""
    return len(re.findall(r"\\bigg?l[(\[]", tex)) - len(re.findall(r"\\bigg?r[)\]]", tex))


def continued(relation: str, rows: Sequence[str]) -> list[str]:
    """The rows of one equation, each indented by the sums that it stands in."""
    indents = [r"\quad " * (1 + open_brackets("".join(rows[:i]))) for i in range(len(rows))]
    return [f"{relation} {rows[0]}", *(f"&{indent}{row}" for indent, row in zip(indents[1:], rows[1:], strict=True))]


def environment(name: str, rows: Sequence[str]) -> str:
    """Rows in an environment; no page ends where definitions follow."""
    ends = [r" \\*" if any(lead in row for lead in LEADS) else r" \\" for row in rows[:-1]]
    return "\n".join([rf"\begin{{{name}}}", *map("".join, zip(rows, [*ends, ""], strict=True)), rf"\end{{{name}}}"])


def below(rows: Sequence[str]) -> list[str]:
    r"""Rows of an `aligned` as rows of the display that it would stand in, further right: pages may break between them.

    They reach below what stands right of the display. What relations stand behind is as wide as the widest of them.

    >>> print(*below(["K^{1} &= p,", "K^{10} &= q", r"&\quad + r"]), sep="\n")
    &\rlap{$\displaystyle{} \quad \hphantom{K^{10}}\llap{$\displaystyle K^{1}$} = p,$}
    &\rlap{$\displaystyle{} \quad K^{10} = q$}
    &\rlap{$\displaystyle{} \quad \hphantom{K^{10}} \quad + r$}
    """
    parts = [[part.strip() for part in row.split("&", 1)] for row in rows]
    widest = max((left for left, _ in parts), key=rendered_width, default="")
    space = rf"\hphantom{{{widest}}}" if widest else ""
    names = [left if left == widest else space + rf"\llap{{$\displaystyle {left}$}}" * bool(left) for left, _ in parts]
    written = (" ".join(filter(None, (name or space, right))) for name, (_, right) in zip(names, parts, strict=True))
    return [rf"&\rlap{{$\displaystyle{{}} \quad {row}$}}" for row in written]


def indexed(tex: str, index: str) -> str:
    r"""A state with its layer after its letter: K^{\ell}_{xz} for K_{xz}, k^{\ell}(x, z) for k(x, z)."""
    depth = 0
    for position, character in enumerate(tex):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0 and character in "_(":
            return f"{tex[:position]}^{{{index}}}{tex[position:]}"
    return f"{tex}^{{{index}}}"

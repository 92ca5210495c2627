r"""Letters of what the engine of tensor programs names by numbers of instructions, as an author would choose them.

Each kind of value has a letter that nothing else has, and its values are numbered in the order in which a reader meets
them: of a line first the Gaussians and their covariances, then the definitions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import sympy as sp
from sympy.core.sorting import default_sort_key

from symlimits.language.program_lines import GAUSSIAN, is_program
from symlimits.language.straight_line import definitions
from symlimits.language.tensor_program import RESERVED
from symlimits.reading.latex_programs import covariances, flattened
from symlimits.reading.latex_straight_line import outermost

LETTER = re.compile(r"\\[A-Za-z]+|[A-Za-z]")
POOL = ("b", "g", "h", "r", "y", r"\alpha", r"\beta", r"\gamma", r"\xi", r"\omega")  # where a kind's own are taken


class Kind(NamedTuple):
    """What symbols of some names are, and the letters that they may have."""

    names: re.Pattern[str]  # all reserved by `tensor_program.RESERVED`
    words: str  # none where a line says it anyway
    letters: tuple[str, ...]


KINDS = (
    Kind(GAUSSIAN, "", (r"\zeta", "g")),
    Kind(re.compile(r"z_\d+"), "random variables", ("z", "y")),
    Kind(re.compile(r"z(_\d+){2,}"), "their slopes", ("w", "x")),
    Kind(re.compile(r"theta_\d+"), "scalars", (r"\theta", r"\vartheta")),
    Kind(re.compile(r"[ck]_[gz]?\d+_[gz]?\d+"), "covariances", ("c", r"\kappa")),
    Kind(re.compile(r"d_\d+_\d+"), "means of slopes", ("d", r"\delta")),
    Kind(re.compile(r"E_\d+"), "means of functions", (r"\mu", r"\nu")),
    Kind(re.compile(r"a(_\d+){2,}"), "coefficients", ("a", "b")),
    Kind(re.compile(r"[lmw](_\d+){2,}"), "what slopes follow from", ("m", "q")),
)


class Letters(NamedTuple):
    """The LaTeX of symbols, and what the letters stand for."""

    names: Mapping[sp.Symbol, str]
    meanings: tuple[str, ...]


def program_letters(symbols: Iterable[sp.Symbol], taken: Iterable[str]) -> Letters:
    r"""Letters for values of programs in the order in which they are met; none that stands in `taken`, other LaTeX.

    >>> program_letters(sp.symbols("theta_12 c_10_12 theta_31"), [r"\theta(x)"]).names
    {theta_12: '\\vartheta_{1}', theta_31: '\\vartheta_{2}', c_10_12: 'c_{1}'}
    """
    used = {letter for tex in taken for letter in LETTER.findall(tex)}
    members: dict[Kind, list[sp.Symbol]] = {kind: [] for kind in KINDS}
    for symbol in symbols:
        members[next(kind for kind in KINDS if kind.names.fullmatch(symbol.name))].append(symbol)
    names: dict[sp.Symbol, str] = {}
    meanings = []
    for kind, group in members.items():
        if group:
            letter = next(letter for letter in (*kind.letters, *POOL) if letter not in used)
            used.add(letter)
            names |= {symbol: f"{letter}_{{{n}}}" for n, symbol in enumerate(group, start=1)}
            meanings += [rf"{letter} \text{{ {kind.words}}}"] if kind.words else []
    return Letters(names, tuple(meanings))


def numbered(expr: sp.Expr) -> Iterator[sp.Symbol]:
    """The symbols of an expression that an engine named, in the order in which they are printed."""
    return (symbol for symbol in _met(expr) if RESERVED.fullmatch(symbol.name))


def _met(expr: sp.Expr) -> Iterator[sp.Symbol]:
    """What the straight lines of an expression define, and the Gaussians of their expectations, as they are printed."""
    for line in sorted(outermost(expr), key=default_sort_key):
        if not is_program(line):
            yield from (d.target for d in definitions(line.statements) if isinstance(d.target, sp.Symbol))
            continue
        targets = {d.target: place for place, d in enumerate(flattened(line))}
        entries = covariances(line)
        yield from (u for u, v, _ in entries if u == v)
        for _, _, value in entries:
            yield from sorted(value.free_symbols & targets.keys(), key=targets.__getitem__)
        yield from targets

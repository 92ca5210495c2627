r"""The LaTeX of every symbol of a derivation: the author's letters first; no two of them are alike.

Variables of expectations and integrals step aside: they have no meaning outside, and any free letter serves.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import sympy as sp
from sympy.core.sorting import default_sort_key
from sympy.printing.latex import LatexPrinter

from symlimits.errors import DomainError
from symlimits.language.bound import BoundVariable
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.integral import LineIntegral
from symlimits.language.recursion import Recursion
from symlimits.language.spherical import SphericalIntegral
from symlimits.reading.latex_letters import LETTER, numbered, program_letters

INDEX = r"\ell"  # counts the values of a recursion's states, from 1 for the start values
VARIABLES = (BoundVariable, GaussianExpectation, SphericalIntegral, sp.Integral, sp.Sum)  # heads with variables
ALPHABET = "abcghjkmnpqrstuvwxyz"  # d, e and i are the differential, the base of exponentials and the imaginary unit
_SCRIPT = re.compile(r"[_^](?:\{[^{}]*\}|[^{}])")
_GROUP = re.compile(r"(?<![_^])\{([^{}]*)\}")
_INDICES = re.compile(r"(?<=[a-z\d]) (?=[a-z]?\d)")  # between two of them; SymPy's c_{1 12} might be read as c_{112}


class Names(NamedTuple):
    """The LaTeX of all symbols, that of variables which stepped aside, and what letters for an engine's names mean."""

    letters: dict[sp.Symbol, str]
    aside: dict[sp.Symbol, str]
    meanings: tuple[str, ...]


def names(exprs: Sequence[sp.Expr], notation: Mapping[str, str], left: str = "") -> Names:
    """The LaTeX of every symbol; `DomainError` if two of them, or one and something else that is printed, are alike.

    `left` is the left-hand side, whose letters variables do not take, nor the author what it begins with.

    >>> from symlimits.language.expectation import pair_expectation
    >>> u, v, p, c = sp.symbols("u v p c", positive=True)
    >>> names([pair_expectation(u * v, u, v, p, p, c)], {"p": "u"}).letters
    {c: 'c', p: 'u', u: 'w', v: 'v'}
    """
    atoms = set[sp.Basic]().union(*(expr.atoms(sp.Symbol, sp.NumberSymbol) for expr in exprs))
    printer, order = LatexPrinter(), sorted(atoms, key=default_sort_key)
    written = {atom: notation.get(str(atom), _INDICES.sub(",", printer._print(atom))) for atom in order}
    met = [
        symbol for symbol in dict.fromkeys(s for expr in exprs for s in numbered(expr)) if str(symbol) not in notation
    ]
    others = [tex for atom, tex in written.items() if atom not in met]
    program = program_letters(met, [left, *others])
    written |= program.names
    aside = _aside(exprs, written, notation, left)
    written |= aside
    _check(exprs, written, notation, left)
    return Names(written, aside, program.meanings)


def _aside(
    exprs: Sequence[sp.Expr], written: Mapping[sp.Symbol, str], notation: Mapping[str, str], left: str
) -> dict[sp.Symbol, str]:
    """Other letters for variables whose own are taken: the next of the alphabet that nothing has."""
    heads = {head for expr in exprs for head in expr.atoms(*VARIABLES)}
    free = set[sp.Symbol]().union(*(expr.free_symbols for expr in exprs))
    bound = {symbol for head in heads for symbol in head.bound_symbols} - free
    variables = [symbol for symbol in written if symbol in bound and str(symbol) not in notation]
    given = [_without_scripts(tex) for symbol, tex in written.items() if str(symbol) in notation]
    authors = {letter for tex in given for letter in LETTER.findall(tex)}
    whole = [_letters(tex) for tex in written.values()]
    found: dict[sp.Symbol, str] = {}
    for symbol in variables:
        letter = written[symbol]
        if whole.count(_letters(letter)) == 1 and letter not in authors:
            continue
        used = {letter for tex in (left, *written.values(), *found.values()) for letter in LETTER.findall(tex)}
        start = ALPHABET.find(letter[:1]) + 1
        fresh = next((other for other in ALPHABET[start:] + ALPHABET[:start] if other not in used), None)
        if fresh is not None:
            found[symbol] = fresh
    return found


def _check(exprs: Sequence[sp.Expr], written: Mapping[sp.Symbol, str], notation: Mapping[str, str], left: str) -> None:
    """Raise `DomainError` for two symbols that print alike, or one that prints as something else that is printed."""
    taken: dict[str, object] = {INDEX: "the layer index"} if any(expr.has(Recursion) for expr in exprs) else {}
    free = set[sp.Symbol]().union(*(expr.free_symbols for expr in exprs))
    others = _others(exprs, left, {_letters(written[symbol]) for symbol in free if symbol in written})
    for atom, tex in written.items():
        letters = _letters(tex)
        other = taken.get(letters) or (others.get(letters) if atom in free and str(atom) in notation else None)
        if other is not None:
            one, two = map(str if str(atom) != str(other) else sp.srepr, (atom, other))
            raise DomainError(
                f"{one} and {two}, which both print as {tex}",
                "LaTeX of its own for every symbol",
                f"notation={{{str(atom)!r}: ...}}, or another name for one of them",
            )
        taken[letters] = atom


def _others(exprs: Sequence[sp.Expr], left: str, arguments: Collection[str]) -> dict[str, str]:
    """Letters that are printed and belong to no symbol, which an author may not give to one."""
    head, _, places = left.rstrip(")").partition("(")
    others = dict.fromkeys(LETTER.findall(re.split("[_^]", head)[0]), f"the left-hand side {left}")
    inside = {_letters(place) for place in places.split(",")}
    if not inside <= set(arguments):  # inputs of a kernel; else the symbols themselves
        others |= dict.fromkeys(inside, f"an argument of {left}")
    if any(expr.has(sp.exp) for expr in exprs):
        others["e"] = "the base of exponentials"
    if any(expr.has(sp.Integral, LineIntegral, SphericalIntegral) for expr in exprs):
        others["d"] = "the differential"
    return others


def _without_scripts(tex: str) -> str:
    r"""What stands on the line.

    >>> _without_scripts(r"\hat{Z}^{h_{2}^{(0)}}(u)")
    '\\hat Z (u)'
    """
    while (flatter := _SCRIPT.sub("", _GROUP.sub(r" \1 ", tex))) != tex:
        tex = flatter
    return tex


def _letters(tex: str) -> str:
    return re.sub(r"[{}\s]", "", tex)

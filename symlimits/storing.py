"""Derivations as JSON text: lines, domain and names, without code, for `to_json` and `load`."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import sympy as sp

from symlimits.derivation.trace import Trace, from_trees, to_trees
from symlimits.errors import DataError, FormulaError
from symlimits.language.domain import Domain, Range
from symlimits.language.program_lines import is_program
from symlimits.language.shared_parts import shared_parts
from symlimits.language.tree import from_tree, shared_trees, to_tree
from symlimits.reading.latex_text import balanced

FORMAT, SHARED_FORMAT = "symlimits derivation 1", "symlimits derivation 2"  # the second with shared parts
MOST_SHARED = 20_000  # parts of a file
MAX_NAME = 200  # characters of the LaTeX of a left-hand side
_GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
_OTHERS = (
    "dot ddot hat bar tilde vec overline mathrm mathbf mathit mathsf mathcal mathbb mathfrak operatorname ell partial "
    "nabla infty prime cdot times mid to in left right langle rangle lVert rVert frac sqrt sum prod log exp quad , ; !"
)
COMMANDS = frozenset(f"\\{name}" for name in f"{_GREEK} {_OTHERS}".split())  # what the LaTeX of a name may hold
_COMMAND = re.compile(r"\\(?:[A-Za-z]+|.)", re.DOTALL)
_PLAIN = re.compile(r"[A-Za-z0-9^_{}()\[\],.;:'|=+*/<>! -]*")


class Parts(NamedTuple):
    """What of a derivation is stored."""

    trace: Trace
    domain: Domain
    arguments: tuple[sp.Symbol, ...]
    name: str
    source: str


def written(parts: Parts) -> str:
    """JSON text; `FormulaError` for what could not be read back."""
    _checked(parts)
    content = {
        "format": FORMAT,
        "name": parts.name,
        "source": parts.source,
        "arguments": [to_tree(symbol) for symbol in parts.arguments],
        "domain": {
            "ranges": [[to_tree(symbol), _interval(interval)] for symbol, interval in parts.domain.ranges.items()],
            "dependent": [[to_tree(symbol), to_tree(expr)] for symbol, expr in parts.domain.dependent.items()],
            "note": parts.domain.note,
        },
    }
    shared = _shared(parts.trace)
    if shared:
        content |= {"format": SHARED_FORMAT, "shared": shared_trees(shared)}
    return json.dumps(content | {"trace": to_trees(parts.trace, shared)}, indent=1)


def _shared(trace: Trace) -> list[sp.Basic]:
    """What is written once. Lines of programs, whose means hold the same graph, have nearly all in common."""
    exprs = [step.expr for step in trace]
    return shared_parts(exprs) if any(map(is_program, exprs)) else []


def read(text_or_path: str | Path) -> Parts:
    """The parts, from JSON text or from a file; `FormulaError` for anything that `written` does not write."""
    text = str(text_or_path)
    if not text.lstrip().startswith("{"):
        text = file_text(Path(text_or_path))
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):  # json refuses an integer of many digits with a plain ValueError
        raise _foreign("text that is not JSON") from None
    if not isinstance(content, dict) or content.get("format") not in (FORMAT, SHARED_FORMAT):
        raise _foreign("JSON of another format")
    try:
        shared = content["shared"] if content["format"] == SHARED_FORMAT else []
        if not isinstance(shared, list) or len(shared) > MOST_SHARED:
            raise _foreign(f"shared parts that are no list of {MOST_SHARED} at most")
        trace = from_trees(content["trace"], shared)
        arguments = tuple(_symbol(symbol) for symbol in content["arguments"])
        parts = Parts(trace, _domain(content["domain"]), arguments, str(content["name"]), str(content["source"]))
    except (KeyError, TypeError, IndexError, ValueError):
        raise _foreign("a derivation with parts missing") from None
    if not trace:
        raise _foreign("a derivation without a line")
    return _checked(parts)


def _checked(parts: Parts) -> Parts:
    """The same parts, if the name is plain LaTeX and every symbol is known, once."""
    _check_latex(parts.name)
    declared = {*parts.arguments, *parts.domain.symbols}
    free = set[sp.Symbol]().union(*(step.expr.free_symbols for step in parts.trace))
    if len(set(parts.arguments)) < len(parts.arguments):
        raise _foreign(f"the arguments {', '.join(map(str, parts.arguments))}, one of them twice")
    if not free <= declared:
        raise _foreign(f"the symbol {min(map(str, free - declared))}, no argument and not in the domain")
    names = sorted(symbol.name for symbol in declared)
    twice = next((name for name, other in pairwise(names) if name == other), None)
    if twice is not None:
        raise _foreign(f"two symbols named {twice}")
    return parts


def _check_latex(name: str) -> None:
    """A name is printed as it is: nothing in it may be more than letters, accents and brackets."""
    commands = set(_COMMAND.findall(name))
    plain = _PLAIN.fullmatch(_COMMAND.sub("", name))
    if not name or len(name) > MAX_NAME or "^^" in name or not (plain and balanced(name) and commands <= COMMANDS):
        strange = ", ".join(sorted(commands - COMMANDS)) or repr(name[:60])
        raise FormulaError(
            f"a name with {strange}", "letters, digits, brackets, ^ _ and common commands", r"\Theta(x, z)"
        )


def _interval(interval: Range) -> dict[str, Any]:
    return {
        "from": to_tree(interval.low),
        "to": to_tree(interval.high),
        "closed": list(interval.closed),
        "special": [to_tree(value) for value in interval.special],
    }


def _domain(content: dict[str, Any]) -> Domain:
    ranges = {_symbol(symbol): _range(interval) for symbol, interval in content["ranges"]}
    dependent = {_symbol(symbol): _expr(expr) for symbol, expr in content["dependent"]}
    if not set().union(*(expr.free_symbols for expr in dependent.values())) <= set(ranges):
        raise _foreign("a domain of symbols without a range")
    return Domain(ranges, dependent, str(content["note"]))


def _range(content: dict[str, Any]) -> Range:
    low, high, *special = (_number(tree) for tree in (content["from"], content["to"], *content["special"]))
    below, above = content["closed"]
    if not (low < high) == sp.true or not (isinstance(below, bool) and isinstance(above, bool)):
        raise _foreign(f"the range from {low} to {high}")
    return Range(low, high, (below, above), tuple(special))


def _expr(tree: object) -> sp.Expr:
    expr = from_tree(tree)
    if not isinstance(expr, sp.Expr):
        raise _foreign(f"the line {str(expr)[:60]}")
    return expr


def _symbol(tree: object) -> sp.Symbol:
    symbol = from_tree(tree)
    if not isinstance(symbol, sp.Symbol):
        raise _foreign(f"{str(symbol)[:60]} in place of a symbol")
    return symbol


def _number(tree: object) -> sp.Expr:
    number = _expr(tree)
    if not number.is_extended_real or not number.is_number:
        raise _foreign(f"{str(number)[:60]} in place of a number")
    return number


def file_text(path: Path) -> str:
    """The text of a JSON file; `DataError` where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        given = f"the file {str(path)[:80]!r}: {error.strerror}"
        raise DataError(given, "a readable JSON file", "a file that symlimits has written") from None
    except ValueError:  # no text, or no possible name
        given = f"the file {str(path)[:80]!r}, which holds no text"
        raise DataError(given, "a readable JSON file", "a file that symlimits has written") from None


def _foreign(given: str) -> FormulaError:
    return FormulaError(given, f"a file of the format '{FORMAT}'", "Limit.to_json()")

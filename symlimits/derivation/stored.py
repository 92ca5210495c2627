"""Derivations kept on disk: what took a second to derive is read in milliseconds, in any later process.

A file holds the lines of one expression, as trees of a whitelist (nothing in it is executed), below their checksum. Its
name is a hash of the expression, of the versions, and of the sources of every module that derivations are made by, so
that an edited rule never meets a stale line. Whatever is not as it was written counts as missing, and is written anew.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import sympy as sp

from symlimits import language
from symlimits.derivation.trace import Trace, from_trees, to_trees
from symlimits.disk import cache_folder, checksum, write_atomically
from symlimits.errors import FormulaError, SymlimitsError
from symlimits.language.tree import to_tree

FORMAT = "symlimits lines 1"
LARGEST = 4_000_000  # bytes of a file
_FOLDERS = tuple(Path(str(file)).parent for file in (language.__file__, __file__))

Deriving = Callable[[sp.Expr], Trace]
Stamps = tuple[tuple[str, int, int], ...]


def stored(derive: Deriving) -> Deriving:
    """A function from an expression to its lines that looks for them on disk first."""

    @functools.wraps(derive)
    def look_first(head: sp.Expr) -> Trace:
        if _CODE is None or _stamps() != _STAMPS:  # edited since it was imported: old lines and new ones are not alike
            return derive(head)
        names = _names(head)
        try:
            asked = json.dumps([derive.__name__, to_tree(head.xreplace(names))])
            path = cache_folder() / f"d_{checksum((_CODE + asked).encode())[:32]}.json"
        except (OSError, FormulaError):  # no folder at all, or a head that trees do not know
            return derive(head)
        found = _read(path, asked, head, names)
        return found or _written(path, asked, derive(head), names)

    return look_first


def _written(path: Path, asked: str, trace: Trace, names: dict[sp.Symbol, sp.Symbol]) -> Trace:
    try:
        lines = to_trees(tuple(replace(step, expr=step.expr.xreplace(names)) for step in trace))
        text = json.dumps({"format": FORMAT, "asked": asked, "lines": lines})
        write_atomically(path, f"{checksum(text.encode())}\n{text}\n")
    except (OSError, FormulaError):
        pass  # a full disk, or a line that trees do not know: derived again next time
    return trace


def _read(path: Path, asked: str, head: sp.Expr, names: dict[sp.Symbol, sp.Symbol]) -> Trace | None:
    """The lines, or None for anything but what `_written` wrote."""
    try:
        if path.stat().st_size > LARGEST:
            return None
        seal, text = path.read_text(encoding="utf-8").splitlines()
        if seal != checksum(text.encode()):
            return None
        content = json.loads(text)
        if (content["format"], content["asked"]) != (FORMAT, asked):
            return None
        first, *others = from_trees(content["lines"])
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError, SymlimitsError):
        return None
    symbols = {name: symbol for symbol, name in names.items()}
    lines = (replace(first, expr=head), *(replace(step, expr=step.expr.xreplace(symbols)) for step in others))
    strangers = set().union(*(line.expr.free_symbols for line in lines)) - head.free_symbols
    return None if strangers else lines


def _names(head: sp.Expr) -> dict[sp.Symbol, sp.Symbol]:
    """Symbols for the dummies of an expression, which have no name of their own."""
    symbols = head.atoms(sp.Symbol)
    dummies = sorted((s for s in symbols if isinstance(s, sp.Dummy)), key=lambda s: (s.name, s.dummy_index))
    taken = {symbol.name for symbol in symbols.difference(dummies)}
    names: dict[sp.Symbol, sp.Symbol] = {}
    for dummy in dummies:
        name = dummy.name
        while name in taken:
            name += "0"
        taken.add(name)
        names[dummy] = sp.Symbol(name, **dummy._assumptions_orig)
    return names


def _stamps() -> Stamps:
    """What changes when a source does."""
    try:
        status = [(file.path, file.stat()) for folder in _FOLDERS for file in os.scandir(folder)]
    except OSError:  # a source that goes while it is looked at
        return ()
    return tuple((path, found.st_mtime_ns, found.st_size) for path, found in sorted(status) if path.endswith(".py"))


def _code() -> str | None:
    """Hash of the versions and of the sources of the rules and of the language; None where there are no sources."""
    try:
        texts = [file.read_bytes() for folder in _FOLDERS for file in sorted(folder.glob("*.py"))]
    except OSError:
        return None
    versions = repr((FORMAT, sp.__version__, platform.python_version())).encode()
    return checksum(b"".join(hashlib.sha256(text).digest() for text in (versions, *texts))) if texts else None


_STAMPS, _CODE = _stamps(), _code()  # of the sources as they are when they are imported

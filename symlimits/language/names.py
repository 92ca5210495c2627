"""Names that may become symbols: SymPy prints a name into code, which is then run."""

from __future__ import annotations

import keyword
import re

import sympy as sp

from symlimits.errors import FormulaError

# These may have either sign; every other symbol is positive (a variance, a width, a slope, a depth).
REAL_SYMBOLS = frozenset({"x", "u", "v", "z", "c", "rho"})
_NAME = re.compile(r"(?!.*__)[A-Za-z][A-Za-z0-9_]{0,39}")


def check_name(name: str) -> str:
    """The same name, if it may name a symbol: SymPy prints names into code, which is then run.

    A name has at most 40 letters, digits and single underscores, begins with a letter,
    and is no Python keyword; otherwise `FormulaError`.

    >>> check_name("sigma_w")
    'sigma_w'
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or keyword.iskeyword(name):
        wanted = "at most 40 letters, digits and single underscores, a letter first, no Python keyword"
        raise FormulaError(f"the name {brief(repr(name))}", wanted, "a name such as sigma_w")
    return name


def symbol(name: str) -> sp.Symbol:
    """The symbol of that name: real for x, u, v, z, c and rho, positive for every other name.

    >>> symbol("x").is_positive, symbol("sigma_w").is_positive
    (None, True)
    """
    assumption = "real" if name in REAL_SYMBOLS else "positive"
    return sp.Symbol(check_name(name), **{assumption: True})


def brief(value: object) -> str:
    """A value as an error message shows it: at most 80 characters."""
    try:
        text = str(value)
    except (ValueError, RecursionError):  # an integer of more digits than Python prints
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def shown(value: object) -> str:
    """A value of any type as an error message repeats it: its `repr`, on one line, at most 80 characters.

    >>> shown([1.5, "x"]), shown(10**5000)
    ("[1.5, 'x']", 'a value of type int')
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a repr of the author's own may raise anything
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."

"""What a formula may be written with: its text is looked at, token by token, before Python's `ast` reads it."""

from __future__ import annotations

import ast
import re

from symlimits.errors import FormulaError
from symlimits.language.names import brief, check_name

MAX_LENGTH, MAX_DEPTH, MAX_NODES = 2000, 60, 500  # of a formula: characters, nesting, nodes
MAX_LITERAL = 60  # digits of a number as it is written
MAX_TENS = 330  # powers of ten of a decimal: all of float64 fits
UNKNOWN_NUMBERS = frozenset({"I", "oo", "zoo", "nan", "inf"})
ALLOWED = "names, numbers, + - * / **, parentheses and functions"
_TOKEN = re.compile(
    r"(?P<name>[A-Za-z_]\w*+)"
    r"|(?P<number>(?P<digits>\d++\.?+\d*+|\.\d++)(?:[eE](?P<tens>[+-]?\d++))?+)(?![\w.])"
    r"|(?P<bracket>[()])|\*\*?|[-+/,]|\s",
    re.ASCII,
)


class Text:
    """The text of a formula: it becomes a syntax tree, or an error that names the column."""

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise FormulaError(f"a formula of type {type(text).__name__}", "a string", "parse('x**2')")
        self.text = text

    def tree(self) -> ast.expr:
        """The syntax tree; its columns count from one."""
        self._check_tokens()
        # The outer parentheses let a formula begin with a space, and make ast's columns count from one.
        source = re.sub(r"\s", " ", f"({self.text})")
        try:
            tree = ast.parse(source, mode="eval").body
        except SyntaxError as error:
            column = min(max((error.offset or 1) - 1, 1), len(self.text) + 1)
            raise self.error(column, "not a formula", ALLOWED, "writing every product with *") from None
        except (MemoryError, RecursionError, ValueError):
            raise self.too_large(1) from None
        if sum(isinstance(node, ast.expr) for node in ast.walk(tree)) > MAX_NODES:
            raise self.too_large(1)
        return tree

    def literal(self, node: ast.Constant) -> str:
        """A number as it is written."""
        return self.text[node.col_offset - 1 : (node.end_col_offset or 0) - 1]

    def error(self, column: int, given: str, wanted: str, advice: str) -> FormulaError:
        """An error at a column of this text."""
        return FormulaError(f"column {column} of {brief(repr(self.text))}: {given}", wanted, advice)

    def too_large(self, column: int) -> FormulaError:
        """The error of a formula that nobody writes by hand."""
        wanted = f"at most {MAX_LENGTH} characters, {MAX_NODES} terms and {MAX_DEPTH} levels of nesting"
        return self.error(column, "a formula too large or too deep", wanted, "giving its parts names of their own")

    def _check_tokens(self) -> None:
        """Refuse strange characters, names and numbers."""
        if len(self.text) > MAX_LENGTH:
            raise self.too_large(MAX_LENGTH + 1)
        position = depth = 0
        while position < len(self.text):
            token, column = _TOKEN.match(self.text, position), position + 1
            if token is None:
                raise self._strange(column)
            if name := token["name"]:
                self._check_symbol(name, column)
            too_long = token["number"] and sum(map(str.isdigit, token["digits"])) > MAX_LITERAL
            if too_long or abs(int(token["tens"] or "0")) > MAX_TENS:
                wanted = f"at most {MAX_LITERAL} digits and e-{MAX_TENS} to e+{MAX_TENS}"
                raise self.error(column, "a long number", wanted, "rounding it, or a power such as 10**20")
            depth += {"(": 1, ")": -1}.get(token[0], 0)
            if depth < 0:
                raise self.error(column, "a parenthesis that closes nothing", "matched parentheses", "counting them")
            if depth > MAX_DEPTH:
                raise self.too_large(column)
            position = token.end()
        if depth or not self.text.strip():
            given, advice = ("a parenthesis is missing", "')'") if depth else ("nothing", "'x**2'")
            raise self.error(len(self.text) + 1, given, "a whole formula", advice)

    def _strange(self, column: int) -> FormulaError:
        character = self.text[column - 1]
        if character.isascii() and character.isdigit():
            return self.error(column, "a malformed number", "a decimal such as 2, 0.5 or 1e-3", "2*x for 2x")
        advice = "** for a power" if character == "^" else "'x**2/(1 + exp(-x))'"
        return self.error(column, f"the character {character!r}", ALLOWED, advice)

    def _check_symbol(self, name: str, column: int) -> None:
        try:
            check_name(name)
        except FormulaError as error:
            raise self.error(column, error.given, error.wanted, error.advice) from None
        if name in UNKNOWN_NUMBERS:
            raise self.error(column, f"the constant {name}", "a finite real formula", "a limit taken beforehand")

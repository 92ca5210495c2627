"""A result as its readers want it: in words, as CSV, as plain numbers, as LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol


class Writer(Protocol):
    """A module that writes results of one kind; each of its functions takes the result."""

    def table(self, result: Any, /) -> str: ...
    def csv(self, result: Any, /) -> str: ...
    def as_dict(self, result: Any, /) -> dict[str, Any]: ...
    def latex(self, result: Any, /) -> str: ...


class Report:
    """What the table of a width transfer and a coordinate check have in common; `writer` is theirs."""

    writer: ClassVar[Writer]

    def __str__(self) -> str:
        return self.writer.table(self)

    __repr__ = __str__

    @property
    def csv(self) -> str:
        """Comma-separated values, with a line of their names."""
        return self.writer.csv(self)

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers and words, as JSON holds them."""
        return self.writer.as_dict(self)

    def latex(self) -> str:
        """The table as a LaTeX tabular."""
        return self.writer.latex(self)


def aligned(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Columns of equal width.

    >>> print(aligned(["row", "e"], [["dh1", "0"], ["f", "-1/2"]]))
    row  e
    dh1  0
    f    -1/2
    """
    widths = [max(map(len, column)) for column in zip(header, *body, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *body)]
    return "\n".join(line.rstrip() for line in lines)


def separated(rows: Iterable[Sequence[object]]) -> str:
    r"""Lines of comma-separated values.

    >>> separated([("row", "e"), ("f", None)])
    'row,e\nf,\n'
    """
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()

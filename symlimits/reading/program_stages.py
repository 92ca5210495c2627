"""A straight line of shared expectations in stages: what is drawn, the means of one loop over points, then scalars.

A mean whose random variables, or whose laws, read a scalar can be taken only when that scalar is known. Symbols are
drawn in the order in which the readable version, `program_sampled`, draws them: both give the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import sympy as sp

from symlimits.language.expectation import GaussianExpectation
from symlimits.language.program_lines import is_shared, outermost
from symlimits.language.straight_line import Definition, StraightLine
from symlimits.reading.normal_points import Table, covariances
from symlimits.reading.program_sampled import outermost_of

Pair = tuple[sp.Symbol, sp.Expr]


@dataclass
class Stage:
    """Means over variables of their own, and new draws; one loop, of random variables and their means; then scalars."""

    own: list[tuple[sp.Symbol, GaussianExpectation]] = field(default_factory=list)
    drawn: list[sp.Symbol] = field(default_factory=list)
    variables: list[Pair] = field(default_factory=list)
    means: list[Pair] = field(default_factory=list)
    scalars: list[Pair] = field(default_factory=list)


class Stages:
    """The stages of a line. `table` holds the covariances of its Gaussian symbols, `names` the name of each mean.

    `scalars` are the symbols with values, `output` is the last; random variables of one name that differ in two
    expectations are told apart.
    """

    def __init__(self, line: StraightLine) -> None:
        self.stages = [Stage()]
        self.table: Table = covariances(filter(is_shared, outermost_of(line)))
        self.names: dict[GaussianExpectation, sp.Symbol] = {}
        self.entries: dict[sp.Expr, sp.Symbol] = {}
        self.variables: dict[Pair, sp.Symbol] = {}
        self.scalars: set[sp.Symbol] = set()
        self.output = sp.Dummy("output", real=True)
        self._definitions = {d.target: d.expression for d in line.statements if isinstance(d, Definition)}
        self._definitions[self.output] = line.output
        self._new: set[sp.Symbol] = set()  # known after the loop of the last stage, and not before
        self._drawn: list[sp.Symbol] = []
        for target in self._definitions:
            self._scalar(target)

    def _scalar(self, symbol: sp.Symbol) -> None:
        if symbol not in self._definitions or symbol in self.scalars:
            return
        expr = self._definitions[symbol]
        heads = outermost(expr)
        for head in heads:
            self._mean(head)
        expr = expr.xreplace({head: self.names[head] for head in heads})
        self._scalars(expr.free_symbols)
        self._define(symbol, expr)

    def _define(self, symbol: sp.Symbol, expr: sp.Expr) -> None:
        self.stages[-1].scalars.append((symbol, expr))
        self.scalars.add(symbol)
        self._new.add(symbol)

    def _scalars(self, symbols: Iterable[sp.Symbol]) -> None:
        for symbol in sorted(symbols, key=str):
            self._scalar(symbol)

    def _mean(self, head: GaussianExpectation) -> None:
        if head in self.names:
            return
        name = sp.Dummy(f"mean_{len(self.names)}", real=True)
        if not is_shared(head):
            self._entries(head.covariance.flat())
            self._after(head.free_symbols)
            self.stages[-1].own.append((name, head))
        else:
            for u in head.variables:
                self._draw(u)
            inner = head.integrand
            line = inner if isinstance(inner, StraightLine) else StraightLine([], inner)
            self._after(line.free_symbols - set(head.variables))
            self.stages[-1].means.append((name, self._variables(line)))
        self.names[head] = name

    def _draw(self, u: sp.Symbol) -> None:
        if u in self._drawn:
            return
        known = self.table[u]
        self._entries([known[u], *(known[v] for v in self._drawn if v in known)])
        self._drawn.append(u)
        self.stages[-1].drawn.append(u)

    def _variables(self, line: StraightLine) -> sp.Expr:
        """The output of a mean's straight line, in names of random variables, each defined once."""
        named: dict[sp.Symbol, sp.Symbol] = {}
        for definition in line.statements:
            assert isinstance(definition, Definition)
            pair = definition.target, definition.expression.xreplace(named)
            if pair not in self.variables:
                self.variables[pair] = sp.Dummy(definition.target.name, real=True)
                self.stages[-1].variables.append((self.variables[pair], pair[1]))
            named[definition.target] = self.variables[pair]
        return line.output.xreplace(named)

    def _entries(self, entries: Iterable[sp.Expr]) -> None:
        """Covariances, known before the next draw; a formula has a name of its own."""
        for entry in entries:
            self._scalars(entry.free_symbols)
            if not (entry.is_Symbol or entry.is_number or entry in self.entries):
                self.entries[entry] = sp.Dummy("covariance", real=True)
                self._define(self.entries[entry], entry)
            self._after({self.entries.get(entry, entry)} if not entry.is_number else set())

    def _after(self, symbols: set[sp.Symbol]) -> None:
        """A new stage, if one of the symbols is not known before the last."""
        self._scalars(symbols)
        if symbols & self._new:
            self.stages.append(Stage())
            self._new.clear()

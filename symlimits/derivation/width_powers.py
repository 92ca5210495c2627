r"""A program with the powers of its width folded: every value as $n^p$ times one that has a limit.

Powers that meet in a product add up, of a sum the largest stays, and what is smaller vanishes beside it: a number that
tends to zero is a scalar like others to the Master theorem. A value of power zero has the limit of its factor; one of a
positive power has none, unless its factor were known to the next order. What vanishes does so by its power if its
factor is bounded: its maps are held to the theorem's hypotheses too, and what it is divided by may not tend to zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from symlimits.errors import NoRule
from symlimits.language.tensor_program import (
    Apply,
    Formula,
    Gaussian,
    Initial,
    Instruction,
    Map,
    Mean,
    Program,
    Trained,
    Updated,
    n,
)

ADVICE = ".exponent(...), which speaks of powers of n"
HOMOGENEOUS = (sp.Max, sp.Min, sp.Abs)  # of degree one, of what is multiplied by a positive number
SCALE_FREE = (sp.sign, sp.Heaviside)
Part = tuple[sp.Expr, sp.Expr]  # a power of n, and what it multiplies


@dataclass
class Folded:
    """The instructions of a program with their powers, up to a place.

    `program` has the same places, and no n; `powers` are those that its values are to be multiplied by; `gap` is the
    smallest power by which something was left out so far. `factors` are what was left out, and quotients, without their
    powers; `divisors` are the scalars that anything is divided by.
    """

    source: Program
    last: int

    def __post_init__(self) -> None:
        self.powers: dict[sp.Symbol, sp.Expr] = {}
        self.gap: sp.Expr | None = None
        self.factors: dict[sp.Expr, None] = {}
        self.divisors: dict[sp.Expr, None] = {}
        self._sizes: dict[int, sp.Expr] = {}

    @cached_property
    def program(self) -> Program:
        """The program without its powers."""
        known = self.source
        folded = Program()
        folded.symbols, folded.places, folded.labels = list(known.symbols), dict(known.places), known.labels
        folded.matrices = [self._matrix(place) for place in range(len(known.matrices))]
        folded.instructions = list(known.instructions)
        for place in known.needed([self.last]):
            symbol = known.symbols[place]
            self.powers[symbol], folded.instructions[place] = self._instruction(place)
        return folded

    def power(self, place: int) -> sp.Expr:
        """What the value at a place is to be multiplied by, as a power of n."""
        assert self.program
        return self.powers[self.source.symbols[place]]

    @property
    def smallest_gap(self) -> sp.Expr | None:
        """The smallest power by which something was left out, None where nothing was."""
        assert self.program
        return self.gap

    def _matrix(self, place: int) -> Initial | Updated:
        what = self.source.matrices[place]
        if not isinstance(what, Initial):
            return what
        power, variance = self.leading(what.variance)
        self._sizes[place] = power / 2
        return Initial(what.name, variance)

    def _instruction(self, place: int) -> tuple[sp.Expr, Instruction]:
        what = self.source.instructions[place]
        match what:
            case Gaussian(name, variance):
                power, rest = self.leading(variance)
                return power / 2, Gaussian(name, rest)
            case Apply(matrix, vector, _):
                return self._sizes[matrix] + self.powers[self.source.symbols[vector]], what
            case Trained(_, _, _, expansion):
                return self.powers[self.source.symbols[expansion]], what
            case Map(expr) | Mean(expr) | Formula(expr):
                power, rest = self.leading(expr)
                return power, type(what)(rest)
        raise AssertionError("no other instruction")

    def leading(self, expr: sp.Expr) -> Part:
        """The power of n that a formula is of, and the part that it multiplies.

        >>> program = Program()
        >>> x, y = (program.symbols[program.append(Gaussian(name, sp.S.One))] for name in "xy")
        >>> folded = Folded(program, program.append(Map(x + y)))
        >>> assert folded.power(2) == 0  # and so have x and y
        >>> folded.leading(sp.sqrt(n) * (x + sp.tanh(y + x / n)) / n**2 + x / n**2)
        (-3/2, z_0 + tanh(z_1))
        """
        if expr == n:
            return sp.S.One, sp.S.One
        if not expr.has(n) and all(self.powers.get(s, 0) == 0 for s in expr.free_symbols):
            self._divided(expr)
            return sp.S.Zero, expr
        if expr.is_Symbol:
            return self.powers[expr], expr
        if expr.is_Add:
            return self._of_sum(expr)
        if expr.is_Mul:
            parts = [self.leading(factor) for factor in expr.args]
            return sp.Add(*(power for power, _ in parts)), sp.Mul(*(rest for _, rest in parts))
        if expr.is_Pow and expr.exp.is_Rational:
            power, rest = self.leading(expr.base)
            if expr.exp.is_negative:  # before it cancels
                if rest == 0:
                    raise NoRule(f"a quotient by {expr.base}, which tends to zero", "divisors of order one", ADVICE)
                self._divided(rest**expr.exp)
                self.factors[rest**expr.exp] = None
            return power * expr.exp, rest**expr.exp
        return self._of_function(expr)

    def _of_sum(self, expr: sp.Expr) -> Part:
        parts = list(map(self.leading, expr.args))  # a factor may be zero in the limit alone, and its power counts
        highest = max(power for power, _ in parts)
        total = sp.Add(*(rest for power, rest in parts if power == highest))
        if total == 0:
            expanded = sp.expand(expr)
            if expanded != expr:
                return self.leading(expanded)
            raise NoRule(f"{expr}, whose largest parts cancel", "a sum without them", ADVICE)
        self._left_out(highest, parts)
        return highest, total

    def _divided(self, expr: sp.Expr) -> None:
        """Note what a formula divides by, where that is a scalar."""
        for divisor in (found.base for found in expr.atoms(sp.Pow) if found.exp.is_negative):
            places = [self.source.places[s] for s in divisor.free_symbols if s in self.source.places]
            if places and not any(map(self.source.is_vector, places)):
                self.divisors[divisor] = None

    def _left_out(self, highest: sp.Expr, parts: Iterable[Part]) -> None:
        for power, rest in parts:
            if rest != 0 and power < highest:
                self.factors[rest] = None
                gap = highest - power
                self.gap = gap if self.gap is None else min(self.gap, gap)

    def _of_function(self, expr: sp.Expr) -> Part:
        if not expr.is_Function or not all(isinstance(argument, sp.Expr) for argument in expr.args):
            raise NoRule(f"{expr}, with the width n", "powers of n that cancel", ADVICE)
        if isinstance(expr, SCALE_FREE):
            (_, rest), *others = map(self.leading, expr.args)
            if rest == 0:
                raise NoRule(f"{expr} of what tends to zero", "jumps elsewhere", "maps without jumps")
            return sp.S.Zero, expr.func(rest, *(argument for _, argument in others))
        parts = [self.leading(argument) for argument in expr.args]
        given = zip(parts, expr.args, strict=True)
        highest = max((power for (power, _), argument in given if argument != 0), default=sp.S.Zero)
        if isinstance(expr, HOMOGENEOUS):
            self._left_out(highest, parts)
            return highest, expr.func(*(rest if power == highest else 0 for power, rest in parts))
        if highest > 0:
            raise NoRule(f"{expr}, whose argument grows with the width n", "arguments that do not grow", ADVICE)
        self._left_out(sp.S.Zero, parts)
        return sp.S.Zero, expr.func(*(rest if power == 0 else sp.S.Zero for power, rest in parts))

"""Tails of the values of a program, instruction by instruction, and what is known of their signs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sympy as sp

from symlimits.derivation.tails import LINEAR, Tail, Tails, of_a_product
from symlimits.language.tensor_program import Apply, Formula, Gaussian, Map, Mean, Program, Trained


class Signs(Mapping[sp.Symbol, sp.Symbol]):
    """Symbols that stand for the values of a program: of a known sign or real, as seen from its formulas.

    >>> program = Program()
    >>> x = program.symbols[program.append(Gaussian("x", sp.S.One))]
    >>> signs = Signs(program)
    >>> signs[program.symbols[program.append(Mean(x**2))]].is_nonnegative, signs[x].is_nonnegative
    (True, None)
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._known: dict[sp.Symbol, sp.Symbol] = {}

    def __getitem__(self, symbol: sp.Symbol) -> sp.Symbol:
        if symbol not in self._known:
            self._known[symbol] = self._sign(self.program.places[symbol])
        return self._known[symbol]

    def __contains__(self, symbol: object) -> bool:
        return symbol in self.program.places

    def __iter__(self) -> Iterator[sp.Symbol]:
        return iter(self.program.places)

    def __len__(self) -> int:
        return len(self.program.places)

    def _sign(self, place: int) -> sp.Symbol:
        what = self.program.instructions[place]
        if isinstance(what, Trained):
            return self[self.program.symbols[what.expansion]]
        if not isinstance(what, Map | Mean | Formula):
            return sp.Dummy(real=True)
        found = Tails({}, self).signed(self._expanded(what.expr))
        if found.is_positive or found.is_negative:
            return sp.Dummy(positive=True) if found.is_positive else sp.Dummy(negative=True)
        if found.is_nonnegative or found.is_nonpositive:
            return sp.Dummy(nonnegative=True) if found.is_nonnegative else sp.Dummy(nonpositive=True)
        return sp.Dummy(real=True)

    def _expanded(self, expr: sp.Expr) -> sp.Expr:
        """With the products of its factors written out: the sign of (-x) x is that of a square."""
        if not _is_monomial(expr):
            return expr
        return expr.xreplace({s: self._written_out(s) for s in expr.free_symbols if s in self})

    def _written_out(self, symbol: sp.Symbol) -> sp.Expr:
        what = self.program.instructions[self.program.places[symbol]]
        if isinstance(what, Map | Formula) and _is_monomial(what.expr):
            return self._expanded(what.expr)
        return symbol


def _is_monomial(expr: sp.Expr) -> bool:
    powers = [factor.as_base_exp() for factor in sp.Mul.make_args(expr)]
    return all(base.is_Symbol or base.is_number for base, _ in powers) and all(e.is_Integer for _, e in powers)


@dataclass
class ProgramTails:
    """The tails of the instructions of a program; `granted` functions grow no faster than a polynomial."""

    program: Program
    granted: tuple[type[sp.Function], ...] = ()

    def __post_init__(self) -> None:
        self.sizes: dict[sp.Symbol, Tail] = {}
        self.of = Tails(self.sizes, Signs(self.program))
        self._reached: dict[sp.Symbol, frozenset[int]] = {}  # products with matrices that a vector is made of

    def check(self, target: int) -> None:
        """`NoRule` for a map, of all that a place rests on, which is not seen to have moments."""
        for place in self.program.needed([target]):
            symbol, size = self.program.symbols[place], self._size(place)
            if self.program.is_vector(place):
                self.sizes[symbol] = size
                self._reached[symbol] = self._reach(place)

    def checked(self, expr: sp.Expr) -> Tail:
        """The tail of a formula in what was checked."""
        if self.granted:
            expr = expr.xreplace({found: found.args[0] for found in expr.atoms(*self.granted)})
        return self.of.checked(expr)

    def _size(self, place: int) -> Tail:
        match self.program.instructions[place]:
            case Gaussian():
                return LINEAR
            case Apply():
                return of_a_product(self.sizes[answer] for answer in self._answers(place))
            case Trained(_, _, _, expansion):
                return self.sizes[self.program.symbols[expansion]]
            case Map(expr) | Mean(expr) | Formula(expr):
                return self.checked(expr)
        raise AssertionError("no other instruction")

    def _answers(self, place: int) -> list[sp.Symbol]:
        """The vectors that a product is a multiple of besides its Gaussian: those its transpose was applied to."""
        symbols, known = self.program.symbols, self.program.instructions
        what = known[place]
        assert isinstance(what, Apply)
        before = [known[other] for other in self._reached[symbols[what.vector]]]
        return [
            symbols[other.vector]
            for other in before
            if isinstance(other, Apply) and (other.matrix, other.transposed) == (what.matrix, not what.transposed)
        ]

    def _reach(self, place: int) -> frozenset[int]:
        """The products with matrices whose Gaussians a vector is a function of."""
        behind: list[sp.Symbol] = [self.program.symbols[parent] for parent in self.program.parents(place)]
        own: frozenset[int] = frozenset()
        if isinstance(self.program.instructions[place], Apply):
            behind, own = self._answers(place), frozenset([place])
        return own.union(*(self._reached.get(symbol, own) for symbol in behind))

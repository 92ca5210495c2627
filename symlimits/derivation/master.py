r"""The Master theorem: a scalar of a tensor program tends to a number, written as a straight line of expectations.

A mean tends to $\mathbb E Z$. A matrix of variance $s^2$ gives
$$Z^{Ax} = g + s^2\sum_i Z^{y_i}\,\mathbb E\frac{\partial Z^x}{\partial g_i},
\qquad \mathrm{Cov}(g, g') = s^2\,\mathbb E Z^xZ^{x'},$$
the sum over what the transpose was applied to before, $g_i$ the Gaussian part of $A^\top y_i$; Gaussians of different
matrices, of a matrix and of its transpose, and of inputs are independent (Yang, arXiv 2006.14548 and 2009.10685).
The theorem asks for smooth maps of polynomial growth. Where a map jumps, Stein's identity gives the same terms; that
line says so, and rests on its certificate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import sympy as sp

from symlimits.derivation.hypotheses import check_map
from symlimits.derivation.ladder_of_means import Ladder
from symlimits.derivation.monomials import Polynomials
from symlimits.derivation.program_scalars import Scalars, unchanged
from symlimits.derivation.random_variables import Jump, RandomVariables
from symlimits.derivation.rungs import RUNGS, Versions
from symlimits.derivation.stein import solved
from symlimits.derivation.tails import Tails
from symlimits.derivation.tails_of_programs import ProgramTails, Signs
from symlimits.derivation.trace import Step, Trace
from symlimits.derivation.width_powers import ADVICE, Folded
from symlimits.errors import NoRule
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.straight_line import StraightLine
from symlimits.language.tensor_program import Apply, Formula, Gaussian, Initial, Map, Mean, Program, Trained, n

SOURCE = "Yang, arXiv 2006.14548 and 2009.10685"
MASTER = "Master theorem"
BEYOND = "maps that jump, beyond its hypotheses, by Stein's identity"
VANISHING = "a negative power of the width"
_INPUT = "input"
DIGITS = 30  # in which a scalar is looked at: zero is what vanishes in half of them
SMALL = sp.Rational(10) ** (-DIGITS // 2)
CONTINUOUS, REAL = "formulas that are continuous in the limit", "formulas that are real in the limit"
INSIDE = "an argument inside of the function's domain"
INVERSES = {  # functions that are real where this is positive
    sp.log: lambda u: u,
    sp.asin: lambda u: 1 - u**2,
    sp.acos: lambda u: 1 - u**2,
    sp.acosh: lambda u: u - 1,
    sp.atanh: lambda u: 1 - u**2,
}


class Walk:
    """Instructions in their order, each as the limit of its entries; the scalars that come up are `scalars`.

    With `ladder` expectations are led to values, and what is a number is put in at once; without it every one stays as
    the theorem writes it.
    """

    def __init__(
        self,
        program: Program,
        ladder: bool = True,
        transpose_correction: bool = True,
        granted: Sequence[type[sp.Function]] = (),
        source: Program | None = None,
    ) -> None:
        self.program, self.corrected, self.granted = program, transpose_correction, granted
        self.source = source or program  # before powers of the width were folded: zeros there are zeros
        self.climbs, self.jumps = ladder, False
        self.variables = RandomVariables()
        self.zeros: set[sp.Symbol] = set()  # at every width, and not in the limit alone
        self.scalars = Scalars(fold=ladder)
        self.values: dict[sp.Symbol, sp.Expr] = {}
        self.groups: dict[sp.Symbol, tuple[object, ...]] = {}
        self.relatives: dict[tuple[int, bool], list[int]] = {}

    @cached_property
    def vectors(self) -> set[sp.Symbol]:
        """What formulas call the vectors of the program."""
        return {symbol for symbol, place in self.program.places.items() if self.program.is_vector(place)}

    @cached_property
    def ladder(self) -> Ladder:
        """The rungs for the means of this program."""
        return Ladder(
            self.variables, Polynomials(self.variables, self.scalars.coefficients), self.covariance, self.scalars.named
        )

    def run(self, target: int) -> sp.Symbol:
        """Everything that a scalar rests on; returns its symbol."""
        for place in self.program.needed([target]):
            symbol = self.program.symbols[place]
            if self._is_zero(place):
                self.zeros.add(symbol)
                self.values[symbol] = self.scalars.define(symbol, unchanged(sp.S.Zero))
                continue
            match self.program.instructions[place]:
                case Mean(expr):
                    self.values[symbol] = self.scalars.define(symbol, self.mean(self._put_in(expr)))
                case Formula(expr):
                    self.values[symbol] = self.scalars.define(symbol, unchanged(self._put_in(expr)))
                case _:
                    self.values[symbol] = self._vector(place)
        end = self.program.symbols[target]
        self.scalars.definitions.setdefault(end, unchanged(self.values[end]))  # the name of an equal one
        return end

    def _is_zero(self, place: int) -> bool:
        """Whether an instruction gives zeros at every width: a vector that starts at zero, say."""
        match self.source.instructions[place]:
            case Gaussian(_, variance):
                return bool(variance == 0)
            case Map(expr) | Mean(expr) | Formula(expr):
                return bool(self._with_zeros(expr) == 0)
            case _:
                return all(self.program.symbols[parent] in self.zeros for parent in self.source.parents(place))

    def _with_zeros(self, expr: sp.Expr) -> sp.Expr:
        return expr.xreplace(dict.fromkeys(expr.free_symbols & self.zeros, sp.S.Zero))

    # ---------------------------------------------------------------- vectors

    def _vector(self, place: int) -> sp.Expr:
        symbol = self.program.symbols[place]
        match self.program.instructions[place]:
            case Gaussian(_, variance):
                _check_width(variance)
                return self._gaussian(place, (_INPUT, place))
            case Trained(_, _, _, expansion):
                return self.values[self.program.symbols[expansion]]
            case Apply(matrix, vector, transposed):
                if self._value(vector) == 0:  # in the limit
                    return sp.S.Zero
                new = self._gaussian(place, (matrix, transposed))
                expr = new + self._correction(matrix, vector, transposed)
                self.relatives.setdefault((matrix, transposed), []).append(place)
                return self._variable(symbol, expr)
            case Map(expr):
                return self._variable(symbol, self._put_in(expr))
        raise AssertionError("scalars are no vectors")

    def _gaussian(self, place: int, group: tuple[object, ...]) -> sp.Symbol:
        symbol = self.variables.gaussian(_gaussian(place))
        self.groups[symbol] = group
        return symbol

    def _variable(self, symbol: sp.Symbol, expr: sp.Expr) -> sp.Expr:
        """A node of the graph, unless there is nothing to define."""
        if expr.is_Symbol or not self.variables.random(expr):
            return expr
        return self.variables.define(symbol, expr)

    def _put_in(self, expr: sp.Expr) -> sp.Expr:
        _check_width(expr)
        check_map(expr, self.vectors, self.granted)
        values = {s: self.values[s] for s in expr.free_symbols if s in self.values}
        found = expr.xreplace(values)
        if found.has(sp.nan, sp.zoo, sp.oo):
            raise NoRule(f"{expr}, whose limit is {found}", "formulas that are finite in the limit", ".exponent(...)")
        for jump in self._with_zeros(expr).atoms(sp.sign, sp.Heaviside):
            if jump.args[0].xreplace(values) == 0:
                raise NoRule(f"{jump} of what tends to zero", "jumps elsewhere", "maps without jumps")
        return found

    def _correction(self, matrix: int, vector: int, transposed: bool) -> sp.Expr:
        """What a matrix's history with its transpose adds."""
        history = self.relatives.get((matrix, not transposed), [])
        support = self.variables.support(self._value(vector))
        if not self.corrected or not support.intersection(map(_gaussian, history)):
            return sp.S.Zero
        ys = {other: self._value(self.program.instructions[other].vector) for other in history}  # type: ignore[union-attr]
        responses = self._responses(vector, history)
        return self._variance(matrix) * sp.Add(*(responses[other] * y for other, y in ys.items()))

    def _responses(self, vector: int, history: list[int]) -> dict[int, sp.Expr]:
        r"""$\mathbb E\,\partial Z^x/\partial g_i$: by the chain rule, or by Stein's identity where a map jumps."""
        x = self._value(vector)
        try:
            slopes = {other: self.variables.slope(x, _gaussian(other)) for other in history}
        except Jump:
            self.jumps = True
            moments = {k: self.scalars.define(_name("m", vector, k), self.mean(_gaussian(k) * x)) for k in history}
            return solved(moments, lambda k, j: self.covariance(_gaussian(k), _gaussian(j)), self.scalars.same, vector)
        return {
            k: self.scalars.define(_name("d", vector, k), self.mean(slope)) for k, slope in slopes.items() if slope != 0
        } | {k: sp.S.Zero for k, slope in slopes.items() if slope == 0}

    # ---------------------------------------------------------------- scalars

    def mean(self, F: sp.Expr) -> Versions:
        """The expectation of a formula, at every rung."""
        if not self.climbs:
            return unchanged(self.ladder.head(F) if self.variables.random(F) else F)
        return self.ladder.versions(F)

    def covariance(self, g: sp.Symbol, h: sp.Symbol) -> sp.Expr:
        """Of two Gaussian symbols: of one matrix, on one side, the mean of what it was applied to."""
        if self.groups[g] != self.groups[h]:
            return sp.S.Zero
        i, j = sorted((_number(g), _number(h)))
        name = sp.Symbol(f"c_{i}_{j}", nonnegative=True if i == j else None, real=True)  # as in a file
        if name in self.values:
            return self.values[name]
        first, second = self.program.instructions[i], self.program.instructions[j]
        if isinstance(first, Gaussian):
            return first.variance
        assert isinstance(first, Apply)
        assert isinstance(second, Apply)
        variance = self._variance(first.matrix)
        mean = self.mean(self._value(first.vector) * self._value(second.vector))
        self.values[name] = self.scalars.define(name, tuple(variance * version for version in mean))
        return self.values[name]

    def _value(self, place: int) -> sp.Expr:
        return self.values[self.program.symbols[place]]

    def _variance(self, matrix: int) -> sp.Expr:
        what = self.program.matrices[matrix]
        assert isinstance(what, Initial)
        _check_width(what.variance)
        return what.variance


def limit_lines(
    program: Program, target: int, transpose_correction: bool = True, granted: Sequence[type[sp.Function]] = ()
) -> Trace:
    """The lines from the Master theorem's straight line for a scalar of a program to one with closed forms.

    `target` is the place of a scalar. `transpose_correction=False` leaves the second term of $Z^{Ax}$ out: a negative
    control. `granted` are functions of one argument that fulfil the theorem's hypotheses, by whoever puts known ones in
    their place. Powers of the width are folded; raises `NoRule` where a positive one stays, of which `.exponent`
    speaks.
    """
    folded = Folded(program, target)
    power = folded.power(target)
    _check_vanishing(folded, granted)
    _check_tails(folded, granted)
    if power < 0:
        return (Step(sp.S.Zero, MASTER, f"{SOURCE}; {VANISHING}"),)
    lines = _lines(folded, transpose_correction, granted)
    if power > 0:
        raise NoRule(_no_number(program, target, power, lines[-1].expr), "powers of n that cancel", ADVICE)
    return lines


def _check_vanishing(folded: Folded, granted: Sequence[type[sp.Function]]) -> None:
    """What a power of the width makes vanish fulfils the hypotheses too, and is not divided by what tends to zero."""
    program, source = folded.program, folded.source
    vectors = {symbol for symbol, place in source.places.items() if source.is_vector(place)}
    if folded.power(folded.last) >= 0 and folded.gap is None:
        return
    whole = [kind.instructions[i] for kind in (source, program) for i in source.needed([folded.last])]
    for expr in (*(what.expr for what in whole if isinstance(what, Map | Mean | Formula)), *folded.factors):
        check_map(expr, vectors, granted)
    for divisor in folded.divisors:
        place = program.append(Formula(divisor))
        walk = Walk(program, granted=granted)
        if walk.values[walk.run(place)] == 0:
            raise NoRule(f"a quotient by {divisor}, which tends to zero", "divisors of order one", ADVICE)


def _check_tails(folded: Folded, granted: Sequence[type[sp.Function]]) -> None:
    """All that a scalar rests on has moments, what vanishes too."""
    tails = ProgramTails(folded.program, tuple(granted))
    tails.check(folded.last)
    for factor in folded.factors:
        tails.checked(factor)


def _no_number(program: Program, target: int, power: sp.Expr, found: sp.Expr) -> str:
    """Why a scalar has no limit, though its factor has."""
    name, times = program.labels.get(target, str(program.symbols[target])), f"n^({power})"
    value = found.statements[-1].expression if isinstance(found, StraightLine) and found.statements else found
    if value == 0:
        why = "times what tends to zero with the width n: it stays random, or is of another order"
        return f"the limit of {name}, {times} {why}"
    if not value.is_number:
        return f"the limit of {name}, {times} a value that is not seen to be zero: if it is none, it grows"
    return f"the limit of {name}, which grows with the width n, as {times}"


def _lines(folded: Folded, transpose_correction: bool, granted: Sequence[type[sp.Function]]) -> Trace:
    """The lines of a program without powers of the width."""
    program, target, source = folded.program, folded.last, folded.source
    first = Walk(program, False, transpose_correction, granted, source)
    start = first.scalars.line(first.run(target))
    lines = [Step(start, MASTER, f"{SOURCE}; {BEYOND}" if first.jumps else SOURCE)]
    walk = Walk(program, True, transpose_correction, granted, source)
    end = walk.run(target)
    check_scalars(walk)
    for i, rung in enumerate(RUNGS):
        line = walk.scalars.line(end, i)
        if line != lines[-1].expr:
            lines.append(Step(line, rung.name, rung.source))
    return tuple(lines)


def check_scalars(walk: Walk) -> None:
    """`NoRule` where a scalar tends to a point at which what is done with it jumps, has a pole, or is not real."""
    program, signs = walk.program, Signs(walk.program)
    for place in [place for symbol, place in program.places.items() if symbol in walk.values]:
        what = program.instructions[place]
        if not isinstance(what, Map | Mean | Formula):
            continue
        for argument, one_sided in _singular_arguments(what.expr, signs):
            free = argument.free_symbols
            if free & walk.vectors or not free & walk.values.keys():
                continue
            value = walk.scalars.resolved(argument.xreplace(walk.values))
            if _is_zero(value) and not free <= walk.zeros:
                raise NoRule(f"{what.expr}, with {argument} that tends to zero", CONTINUOUS, ".exponent(...)")
            if one_sided and _is_negative(value):
                raise NoRule(f"{what.expr}, with {argument} that tends to {value}, below zero", REAL, INSIDE)
    for symbol, (*_, last) in walk.scalars.definitions.items():
        unreal = last.has(sp.I) or (last.is_number and last.is_real is False)
        if unreal and _is_complex(value := walk.scalars.resolved(last)):
            raise NoRule(f"{symbol}, which tends to {value}", REAL, INSIDE)


def _singular_arguments(expr: sp.Expr, signs: Signs) -> Iterator[tuple[sp.Expr, bool]]:
    """What may not be zero, and whether it may not be negative either.

    The first are arguments of jumps and divisors; the second those of logarithms, what is under roots where it is not
    seen to be nonnegative, and what is of a sign where an inverse function is real.
    """
    yield from ((found.args[0], False) for found in expr.atoms(sp.sign, sp.Heaviside))
    for kind, inside in INVERSES.items():
        yield from ((inside(found.args[0]), True) for found in expr.atoms(kind))
    for power in expr.atoms(sp.Pow):
        root = not power.exp.is_integer and not Tails({}, signs).signed(power.base).is_nonnegative
        if power.exp.is_negative or root:
            yield power.base, root


def _is_zero(value: sp.Expr) -> bool:
    """At numbers without relation for its parameters; False where there are integrals in it."""
    number = _in_digits(value)
    return number is not None and bool(abs(number) < SMALL)


def _is_negative(value: sp.Expr) -> bool:
    """Of a number; where there are parameters in it, its sign may depend on them, and nothing is said."""
    number = None if value.free_symbols else _in_digits(value)
    return number is not None and bool(number.is_real and number < -SMALL)


def _is_complex(value: sp.Expr) -> bool:
    number = None if value.free_symbols else _in_digits(value)
    return number is not None and bool(abs(sp.im(number)) > SMALL)


def _in_digits(value: sp.Expr) -> sp.Expr | None:
    if value.has(GaussianExpectation, sp.Integral):
        return None
    free = sorted(value.free_symbols, key=str)
    number = value.xreplace({s: sp.Rational(97 + 13 * i, 89) for i, s in enumerate(free)}).evalf(DIGITS)
    return number if number.is_number and number.is_finite else None


def last_line(program: Program, target: int, granted: Sequence[type[sp.Function]] = ()) -> StraightLine:
    """The last of the lines of `limit_lines` alone, in half the time."""
    walk = Walk(program, granted=granted)
    return walk.scalars.line(walk.run(target))


def _check_width(expr: sp.Expr) -> None:
    if expr.has(n):
        advice = ".exponent(...), which speaks of powers of n"
        raise NoRule(f"{expr}, with the width n", "powers of n that cancel", advice)


def _name(letter: str, *places: int) -> sp.Symbol:
    return sp.Symbol("_".join([letter, *map(str, places)]), real=True)


def _gaussian(place: int) -> sp.Symbol:
    """The Gaussian part of the vector at a place."""
    return _name("zeta", place)


def _number(g: sp.Symbol) -> int:
    return int(g.name.partition("_")[2])

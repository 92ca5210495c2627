r"""The ladder from $\mathbb E F$ to a value: independent factors, parity, Wick, Price's theorem for pairs f(u) g(v).

Independence comes before everything else: what multiplies a mean of zero needs no rule of its own. What no rung reaches
stays a `GaussianExpectation`, closed by itself: its integrand is a straight line of the Z's that it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from symlimits.derivation.gaussian_determinant import determinant_mean
from symlimits.derivation.independence import Parity, components
from symlimits.derivation.monomials import Monomial, Polynomials, as_formula
from symlimits.derivation.price import derive, placed
from symlimits.derivation.random_variables import RandomVariables
from symlimits.derivation.wick import wick
from symlimits.language.expectation import GaussianExpectation, pair_expectation
from symlimits.language.straight_line import StraightLine

_P = sp.Dummy("p", positive=True)
_U = sp.Dummy("u", real=True)
U, V = sp.Symbol("u", real=True), sp.Symbol("v", real=True)  # the variables of a pair
SHORT = 2  # operations of what is written out where it is read; anything longer gets a name
HEADS = (GaussianExpectation, sp.Integral)

Versions = tuple[sp.Expr, ...]  # an expectation after each of the rungs


@dataclass(frozen=True)
class Rung:
    """What is done to all expectations of a straight line to reach the next line."""

    name: str
    source: str
    explanation: str


RUNGS = (
    Rung(
        "what vanishes left out",
        "independence and parity",
        "Terms with a factor that is zero, by independence or parity, are left out, and rational values put in.",
    ),
    Rung(
        "independence and parity",
        "linearity of the expectation",
        "Means of independent factors multiply, and the mean of an odd factor is zero.",
    ),
    Rung(
        "Gaussian moments",
        "Isserlis 1918",
        "A product of Gaussians is a sum over pairings; an exponential of a quadratic form changes the covariance.",
    ),
    Rung(
        "functions of two Gaussians",
        "linear forms of Gaussians",
        "A mean of functions of two linear forms is one over their joint law.",
    ),
    Rung(
        "Price's theorem",
        "Price 1958",
        "The mean of f(u) g(v) is integrated from its derivative in the covariance.",
    ),
)
START, SPLIT, WICK, PAIRS, PRICE = range(len(RUNGS))
OPEN = len(RUNGS)  # beyond the last: no rung reaches it


@dataclass(frozen=True)
class Product:
    """A term of a polynomial: its independent factors, each with its mean and the rung that gave it."""

    monomial: Monomial
    coefficient: sp.Expr
    means: list[tuple[Monomial, sp.Expr | None, int]]

    @property
    def is_open(self) -> bool:
        """Whether nothing is known of it but that it is one factor."""
        return len(self.means) == 1 and self.means[0][2] == OPEN


@dataclass
class Ladder:
    """Means over the random variables of a program; `covariance` and `named` write scalars into its straight line."""

    variables: RandomVariables
    polynomials: Polynomials
    covariance: Callable[[sp.Symbol, sp.Symbol], sp.Expr]
    named: Callable[[str, Versions], sp.Expr]

    def __post_init__(self) -> None:
        self.parity = Parity(self.variables)
        self._closed: dict[sp.Expr, int] = {}
        self._means: dict[Monomial, tuple[sp.Expr | None, int]] = {}

    def versions(self, F: sp.Expr) -> Versions:
        """The mean of a formula in random variables after each rung."""
        if not self.variables.random(F):
            return (F,) * len(RUNGS)
        parts = [
            Product(m, c, [(part, *self._mean(part)) for part in self._parts(m)])
            for m, c in self.polynomials.of(F).items()
        ]
        if all(product.is_open for product in parts):
            return (self.head(F),) * len(RUNGS)
        rest = sp.Add(*(p.coefficient * as_formula(p.monomial) for p in parts if p.is_open))
        end = self.head(rest) if rest != 0 else sp.S.Zero
        known = [product for product in parts if not product.is_open]
        lines = (sp.Add(end, *(self._at(rung, p) for p in known)) for rung in range(SPLIT, len(RUNGS)))
        return (self.head(F), *lines)

    def _parts(self, monomial: Monomial) -> list[Monomial]:
        return components(monomial, self.variables, self.covariance) if monomial else []

    def _at(self, rung: int, product: Product) -> sp.Expr:
        """A product of means, those that a later rung gives still unevaluated."""
        values = (value if at <= rung else self.head(as_formula(part)) for part, value, at in product.means)
        return sp.Mul(product.coefficient, *values)

    def _mean(self, part: Monomial) -> tuple[sp.Expr | None, int]:
        """The mean of a factor, and the rung that gave it: one beyond the last where none did."""
        if part not in self._means:
            self._means[part] = self._climbed(part)
        return self._means[part]

    def _climbed(self, part: Monomial) -> tuple[sp.Expr | None, int]:
        if self.parity.vanishes(part, self.covariance):
            return sp.S.Zero, SPLIT
        if all(self.polynomials.is_gaussian(atom) for atom, _ in part):
            return wick(part, self.covariance), WICK
        F, pair = as_formula(part), self._pair(part)
        if pair is not None:
            value = closed(pair)
            return self._called(F, *((pair,) * 2 if value is None else (pair, value))), SPLIT
        value = self._exponential(part)
        return (None, OPEN) if value is None else (self._called(F, value, value, value), SPLIT)

    def _called(self, F: sp.Expr, *values: sp.Expr) -> sp.Expr:
        """A mean by one name wherever it comes up: unevaluated at first, then what the last rungs make of it."""
        if values[-1].is_Rational:
            return values[-1]
        name = f"E_{self._closed.setdefault(values[-1], len(self._closed) + 1)}"
        return self.named(name, (self.head(F),) * (len(RUNGS) - len(values)) + values)

    def head(self, F: sp.Expr) -> sp.Expr:
        """The unevaluated expectation of a formula."""
        statements = self.variables.needed(F)
        us = sorted(self.variables.support(F), key=place)
        matrix = [[self.covariance(u, v) for v in us] for u in us]
        return GaussianExpectation(StraightLine(statements, F) if statements else F, us, matrix)

    def _pair(self, part: Monomial) -> GaussianExpectation | None:
        """A product of functions of one or two Gaussian variables as a mean over their law."""
        factors = [(atom**power if atom.is_Symbol else atom, 1 if atom.is_Symbol else power) for atom, power in part]
        functions = [self._function(f) for f, power in factors for _ in range(power)]
        arguments = list(dict.fromkeys(argument for argument, _ in functions))
        if None in arguments or len(arguments) > 2 or any(f.free_symbols != {_U} for _, f in functions):
            return None
        if len(arguments) == 2:
            sides = [sp.Mul(*(f for a, f in functions if a == argument)) for argument in arguments]
        else:
            arguments, sides = arguments * 2, _halves([f for _, f in functions])
        (u, v), (f, g) = arguments, sides
        if g == 1:
            return GaussianExpectation(f.xreplace({_U: U}), (U,), [[self._second(u, u)]])
        entries = self._second(u, u), self._second(v, v), self._second(u, v)
        return pair_expectation(f.xreplace({_U: U}) * g.xreplace({_U: V}), U, V, *entries)

    def _exponential(self, part: Monomial) -> sp.Expr | None:
        """A polynomial times an exponential of a quadratic form, in any number of Gaussian variables."""
        F = as_formula(part)
        us = self.variables.random(F)
        forms = [self.polynomials.affine(u) for u in us]
        if not F.has(sp.exp) or any(form is None or () in form for form in forms):
            return None
        return determinant_mean(F, us, sp.ImmutableDenseMatrix([[self._second(u, v) for u in us] for v in us]))

    def _function(self, atom: sp.Expr) -> tuple[sp.Symbol | None, sp.Expr]:
        """The Gaussian variable that an atom is a function of, and the function; None where there is no such."""
        inside = self.variables.random(atom)
        affine = self.polynomials.affine(inside[0]) if len(inside) == 1 else None
        if affine is None:
            return None, atom
        shift = affine.get((), sp.S.Zero)
        linear = [(m[0][0], c) for m, c in affine.items() if m]
        if len(linear) == 1:  # the same variable as its Gaussian symbol
            return linear[0][0], atom.xreplace({inside[0]: linear[0][1] * _U + shift})
        return inside[0], atom.xreplace({inside[0]: _U + shift})

    def _second(self, u: sp.Symbol, v: sp.Symbol) -> sp.Expr:
        """The covariance of two Gaussian variables, by a name of its own if it is long."""
        one, other = self.polynomials.of(u), self.polynomials.of(v)
        pairs = ((a * b, m[0][0], k[0][0]) for m, a in one.items() for k, b in other.items() if m and k)
        total = sp.Add(*(c * self.covariance(g, h) for c, g, h in pairs))
        return total if total.count_ops() <= SHORT else self.named(f"k_{_short(u)}_{_short(v)}", (total,) * len(RUNGS))


def closed(pair: GaussianExpectation) -> sp.Expr | None:
    """The closed form of a mean over one or two Gaussian variables; None where the rules do not reach."""
    if len(pair.variables) == 1:
        found = derive(GaussianExpectation(pair.integrand, pair.variables, [[_P]]))[-1].expr.subs(
            _P, pair.covariance[0, 0]
        )
    else:
        found = placed(pair)[-1].expr
    return None if found.has(*HEADS, sp.nan, sp.zoo) else found


def _halves(functions: list[sp.Expr]) -> list[sp.Expr]:
    """Functions of one variable as a pair: two that are no polynomials go apart."""
    opaque = [i for i, f in enumerate(functions) if not f.is_polynomial(_U)]
    if len(opaque) < 2:
        return [sp.Mul(*functions), sp.S.One]
    return [sp.Mul(*(f for i, f in enumerate(functions) if i != opaque[-1])), functions[opaque[-1]]]


def place(symbol: sp.Symbol) -> tuple[int, ...]:
    """The numbers in a name, to sort by."""
    return tuple(int(part) for part in symbol.name.split("_")[1:])


def _short(symbol: sp.Symbol) -> str:
    return symbol.name.replace("zeta", "g").replace("_", "")

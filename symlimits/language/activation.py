"""An activation function: a SymPy expression in one real symbol, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import sympy as sp

from symlimits.errors import DomainError, FormulaError
from symlimits.language.building import FUNCTIONS
from symlimits.language.formula import exact, parse
from symlimits.language.grammar import Text
from symlimits.language.growth import check_values, growth
from symlimits.language.magnitude import vanishes
from symlimits.language.measure import expanded_size
from symlimits.language.names import shown
from symlimits.language.piecewise import MAX_TERMS, Branches, branches, joined

x = sp.Symbol("x", real=True)


@dataclass(frozen=True)
class Activation:
    r"""A function $\phi$ of one real variable `x`; other symbols in `expr` are its parameters.

    >>> from symlimits import activations as act
    >>> act.relu.kinks, act.relu.parity, act.relu.degree
    ((0,), None, 1)
    """

    expr: sp.Expr
    name: str = r"\phi"

    def __post_init__(self) -> None:
        if not isinstance(self.expr, sp.Expr):
            raise FormulaError(f"an activation {shown(self.expr)}", "a SymPy expression in x", "sl.activation(formula)")
        if not isinstance(self.name, str) or not self.name.isprintable():
            raise FormulaError(f"name = {shown(self.name)}", "LaTeX", r"name=r'\phi'")

    def __call__(self, argument: sp.Expr) -> sp.Expr:
        """The activation at another argument, as an expression; numbers at many points come from `sl.dual` or NumPy."""
        return self.expr.subs(x, argument if isinstance(argument, sp.Expr) else exact(argument, "argument"))

    def __repr__(self) -> str:
        return f"activation({str(self.expr)!r})"

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The symbols beside the variable, by name."""
        return tuple(sorted(self.expr.free_symbols - {x}, key=str))

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle x \\mapsto {sp.latex(self.expr)}$"

    @cached_property
    def branches(self) -> Branches:
        """The smooth pieces and the points between them."""
        return branches(self.expr, x)

    @property
    def kinks(self) -> tuple[sp.Expr, ...]:
        """The points where the function or one of its derivatives jumps."""
        return self.branches.points

    @cached_property
    def discontinuities(self) -> tuple[sp.Expr, ...]:
        """The points where the function itself jumps."""
        return tuple(a for a, jump in self.branches.jumps() if not _closes(jump, a))

    @cached_property
    def parity(self) -> str | None:
        """'even', 'odd' or None."""
        pieces = self.branches.pieces
        mirrored = tuple(piece.subs(x, -x) for piece in reversed(pieces))
        if tuple(-a for a in reversed(self.kinks)) != self.kinks:
            return None
        for name, sign in (("even", 1), ("odd", -1)):
            if all(_equal(a, sign * b) for a, b in zip(pieces, mirrored, strict=True)):
                return name
        return None

    @cached_property
    def degree(self) -> int | None:
        r"""The integer m with $\phi(\lambda x) = \lambda^m\phi(x)$ for all $\lambda > 0$, or None."""
        if any(a != 0 for a in self.kinks) or not all(_is_small_polynomial(piece) for piece in self.branches.pieces):
            return None
        terms = {monomial[0] for piece in self.branches.pieces for monomial in sp.Poly(piece, x).monoms() if piece != 0}
        return terms.pop() if len(terms) == 1 else None

    @cached_property
    def growth(self) -> sp.Expr:
        r"""The largest rate r with $|\phi(x)| \sim e^{r x^2}$ on one side (0 when slower, oo when faster).

        The second moment under N(0, p) is finite for p < 1/(4 r).
        """
        pieces = self.branches.pieces
        return sp.Max(growth(pieces[0], x, -1), growth(pieces[-1], x, 1))

    def derivative(self) -> Activation:
        r"""The derivative $\phi'$, where $\phi$ is continuous.

        Raises `DomainError` for a discontinuous function, whose derivative contains Dirac masses, and
        for one as steep as a root, whose derivative has no second moment.
        """
        if self.discontinuities:
            raise DomainError(
                f"the derivative of {self.expr}, which jumps at x = {self.discontinuities[0]}",
                "a continuous activation",
                "the NNGP kernel, which needs no derivative",
            )
        slopes = Branches(self.kinks, tuple(piece.diff(x) for piece in self.branches.pieces))
        check_values(slopes, x, f"the derivative of {self.expr}")
        return Activation(joined(slopes, x), f"{self.name}'")

    @property
    def slope_jumps(self) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
        """The slopes below and above each kink; where only a higher derivative jumps there is none.

        >>> from symlimits import activations as act
        >>> act.absolute.slope_jumps, act.relu_power(2).slope_jumps
        (((-1, 1),), ())
        """
        slopes = self.derivative()
        sides = zip(slopes.branches.points, pairwise(slopes.branches.pieces), strict=True)
        found = {a: (below.subs(x, a), above.subs(x, a)) for a, (below, above) in sides}
        return tuple(found[a] for a in slopes.discontinuities)


def activation(formula: object, name: str | None = None, symbol: sp.Symbol | None = None) -> Activation:
    r"""An activation from a formula: a string, or a SymPy expression in one symbol.

    A string goes through the safe parser and is a formula in `x`. An expression may hold
    parameters beside its variable if `symbol` names the variable. `name` is LaTeX.

    Raises `FormulaError` for two symbols or unreadable text, `DomainError` when no Gaussian
    second moment is finite, and `NoRule` for kinks without end or at an unknown place.

    >>> activation("x*(1+erf(x/sqrt(2)))/2")
    activation('x*(erf(sqrt(2)*x/2) + 1)/2')
    >>> activation("abs(tanh(x) - 1/2)").kinks
    (atanh(1/2),)
    """
    if symbol is not None and not isinstance(symbol, sp.Symbol):
        raise FormulaError(f"symbol = {shown(symbol)}", "a SymPy symbol", "symbol=sp.Symbol('x')")
    if isinstance(formula, Activation):
        return formula
    if callable(formula) and not isinstance(formula, sp.Basic):
        called = getattr(formula, "__name__", type(formula).__name__)
        advice = f"symlimits.activations.{called}, or '{called}(x)'"
        raise FormulaError(f"the Python function {called}", "a formula, which can be derived from", advice)
    try:
        expr = parse(formula) if isinstance(formula, str) else exact(formula, "activation")
    except FormulaError:
        if not (isinstance(formula, str) and formula in FUNCTIONS):
            raise
        advice = f"{formula}(x), or symlimits.activations.{formula}, if there is one"
        raise Text(formula).error(1, f"the name {formula} alone", "a formula in x", advice) from None
    if isinstance(formula, str) and expr.is_Symbol and expr not in (symbol, x):
        column = len(formula) - len(formula.lstrip(" (")) + 1
        advice = f"symlimits.activations.{expr}, if there is one"
        raise Text(formula).error(column, f"the name {expr} alone", "a formula in x", advice)
    symbol = symbol or _only_symbol(expr)
    if symbol != x and x.name in {other.name for other in expr.free_symbols - {symbol}}:
        raise FormulaError(f"{expr} with a parameter named x", "x for the variable alone", "another name")
    if expr.atoms(sp.DiracDelta):
        raise FormulaError(f"{expr} with a Dirac mass", "a function", "its integral, such as Heaviside(x)")
    phi = Activation(expr.subs(symbol, x), r"\phi" if name is None else name)
    if phi.growth == sp.oo:
        raise DomainError(
            f"{expr}, which grows faster than every exp(r x^2)", "a finite Gaussian second moment", "a slower function"
        )
    if isinstance(formula, str) or not phi.parameters:
        check_values(phi.branches, x, str(expr))
    return phi


TINY = sp.Rational(1, 10**15)  # a step beside a point where a formula has no value
# Points where two formulas are compared: SymPy's simplify may take minutes, or miss an identity.
_SAMPLES = (sp.Rational(7, 31), sp.Rational(97, 89), sp.Rational(-61, 83), sp.Rational(-139, 101))


def _is_small_polynomial(piece: sp.Expr) -> bool:
    return piece.is_polynomial(x) and expanded_size(piece) <= MAX_TERMS


def _equal(a: sp.Expr, b: sp.Expr) -> bool:
    """Whether two smooth functions are the same: as they are written, or in 20 digits at points of either sign."""
    return a == b or all(_is_zero(a - b, a, {x: at}) for at in _SAMPLES)


def _closes(jump: sp.Expr, at: sp.Expr) -> bool:
    """Whether a jump is zero at a point, or tends to zero where it has no value, as x log|x| at zero."""
    value = jump.subs(x, at)
    if value.is_finite is not False and not value.has(sp.nan, sp.zoo):
        return value == 0 or _is_zero(value)
    return all(_is_zero(jump.subs(x, at + step) * sp.Rational(1, 10**8)) for step in (TINY, -TINY))


def _is_zero(difference: sp.Expr, scale: sp.Expr = sp.S.Zero, values: dict[sp.Symbol, object] | None = None) -> bool:
    """Whether an expression is zero, its parameters being numbers without relation."""
    free = sorted(difference.free_symbols - {x}, key=str)
    numbers = {symbol: sp.Rational(89 + 26 * k, 107 - 8 * k % 50) for k, symbol in enumerate(free)}
    return vanishes(difference, scale, {**numbers, **(values or {})})


def _only_symbol(expr: sp.Expr) -> sp.Symbol:
    symbols = sorted(expr.free_symbols, key=str)
    if len(symbols) > 1:
        names = ", ".join(map(str, symbols))
        raise FormulaError(f"{expr} has the symbols {names}", "one symbol", "numbers for the others, or symbol=")
    return symbols[0] if symbols else x

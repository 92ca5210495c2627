"""An activation function: a SymPy expression in one real symbol, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import mpmath
import sympy as sp

from symlimits.errors import DomainError, FormulaError
from symlimits.language.formula import exact, parse
from symlimits.language.piecewise import Branches, branches, joined

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

    def __call__(self, argument: sp.Expr) -> sp.Expr:
        """The activation at another argument, as an expression."""
        return self.expr.subs(x, argument)

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
        return tuple(a for a, jump in self.branches.jumps() if sp.simplify(jump.subs(x, a)) != 0)

    @cached_property
    def parity(self) -> str | None:
        """'even', 'odd' or None."""
        pieces = self.branches.pieces
        mirrored = tuple(piece.subs(x, -x) for piece in reversed(pieces))
        if tuple(-a for a in reversed(self.kinks)) != self.kinks:
            return None
        for name, sign in (("even", 1), ("odd", -1)):
            if all(sp.simplify(a - sign * b) == 0 for a, b in zip(pieces, mirrored, strict=True)):
                return name
        return None

    @cached_property
    def degree(self) -> int | None:
        r"""The integer m with $\phi(\lambda x) = \lambda^m\phi(x)$ for all $\lambda > 0$, or None."""
        if any(a != 0 for a in self.kinks) or not all(piece.is_polynomial(x) for piece in self.branches.pieces):
            return None
        terms = {monomial[0] for piece in self.branches.pieces for monomial in sp.Poly(piece, x).monoms() if piece != 0}
        return terms.pop() if len(terms) == 1 else None

    @cached_property
    def growth(self) -> sp.Expr:
        r"""The largest rate r with $|\phi(x)| \sim e^{r x^2}$ on one side (0 when slower, oo when faster).

        The second moment under N(0, p) is finite for p < 1/(4 r).
        """
        pieces = self.branches.pieces
        return sp.Max(_growth(pieces[0], -1), _growth(pieces[-1], 1))

    def derivative(self) -> Activation:
        r"""The derivative $\phi'$, where $\phi$ is continuous.

        Raises `DomainError` for a discontinuous function: its derivative contains Dirac masses.
        """
        if self.discontinuities:
            raise DomainError(
                f"the derivative of {self.expr}, which jumps at x = {self.discontinuities[0]}",
                "a continuous activation",
                "the NNGP kernel, which needs no derivative",
            )
        slopes = Branches(self.kinks, tuple(piece.diff(x) for piece in self.branches.pieces))
        return Activation(joined(slopes, x), f"{self.name}'")


def activation(formula: object, name: str | None = None, symbol: sp.Symbol | None = None) -> Activation:
    r"""An activation from a formula: a string, or a SymPy expression in one symbol.

    A string goes through the safe parser and is a formula in `x`. An expression may hold
    parameters beside its variable if `symbol` names the variable.

    Raises `FormulaError` for two symbols or unreadable text and `DomainError` when no Gaussian
    second moment is finite.

    >>> activation("x*(1+erf(x/sqrt(2)))/2")
    activation('x*(erf(sqrt(2)*x/2) + 1)/2')
    """
    if isinstance(formula, Activation):
        return formula
    if callable(formula) and not isinstance(formula, sp.Basic):
        called = getattr(formula, "__name__", type(formula).__name__)
        advice = f"symlimits.activations.{called}, or '{called}(x)'"
        raise FormulaError(f"the Python function {called}", "a formula, which can be derived from", advice)
    try:
        expr = parse(formula) if isinstance(formula, str) else exact(formula, "activation")
    except FormulaError:
        if not (isinstance(formula, str) and formula.isidentifier()):
            raise
        advice = f"{formula}(x), or symlimits.activations.{formula}, if there is one"
        raise FormulaError(f"the name {formula} alone", "a formula in x", advice) from None
    if isinstance(formula, str) and expr.is_Symbol and expr not in (symbol, x):
        raise FormulaError(f"the name {expr} alone", "a formula in x", f"symlimits.activations.{expr}, if there is one")
    symbol = symbol or _only_symbol(expr)
    if symbol != x and x.name in {other.name for other in expr.free_symbols - {symbol}}:
        raise FormulaError(f"{expr} with a parameter named x", "x for the variable alone", "another name")
    if expr.atoms(sp.DiracDelta):
        raise FormulaError(f"{expr} with a Dirac mass", "a function", "its integral, such as Heaviside(x)")
    phi = Activation(expr.subs(symbol, x), name or r"\phi")
    if phi.growth == sp.oo:
        raise DomainError(
            f"{expr}, which grows faster than every exp(r x^2)", "a finite Gaussian second moment", "a slower function"
        )
    return phi


def _only_symbol(expr: sp.Expr) -> sp.Symbol:
    symbols = sorted(expr.free_symbols, key=str)
    if len(symbols) > 1:
        names = ", ".join(map(str, symbols))
        raise FormulaError(f"{expr} has the symbols {names}", "one symbol", "numbers for the others, or symbol=")
    return symbols[0] if symbols else x


def _growth(piece: sp.Expr, side: int) -> sp.Expr:
    """Exact for sums of polynomial x exponential terms; otherwise read off two far points."""
    rates = [_exponent_rate(term, side) for term in sp.Add.make_args(sp.expand(piece))]
    if all(rate is not None for rate in rates):
        return sp.Max(0, *rates)
    return _measured_growth(piece, side)


def _exponent_rate(term: sp.Expr, side: int) -> sp.Expr | None:
    """r of a product of powers of x, bounded functions and exp(r x^2 + ...); None if it is not one."""
    rate: sp.Expr = sp.Integer(0)
    for factor in sp.Mul.make_args(term):
        bounded = isinstance(factor, sp.erf | sp.erfc | sp.sin | sp.cos | sp.tanh | sp.atan)
        if factor.is_polynomial(x) or (bounded and factor.args[0].is_polynomial(x)):
            continue
        if not (isinstance(factor, sp.exp) and factor.args[0].is_polynomial(x)):
            return None
        polynomial = sp.Poly(factor.args[0], x)
        if polynomial.degree() > 2:
            # a factor that falls this fast wins against all others; of unknown sign: taken for the worst
            return -sp.oo if (polynomial.LC() * side ** polynomial.degree()).is_negative else sp.oo
        rate += polynomial.coeff_monomial(x**2)
    return rate


def _measured_growth(piece: sp.Expr, side: int) -> sp.Expr:
    numbers = {s: sp.Integer(1) for s in piece.free_symbols - {x}}
    function = sp.lambdify(x, piece.subs(numbers), "mpmath")
    rates = []
    with mpmath.workdps(30):
        for far in (mpmath.mpf(10) ** 3, mpmath.mpf(10) ** 5):
            try:
                rates.append(mpmath.log(abs(function(side * far)) + 1) / far**2)
            except (OverflowError, MemoryError):
                return sp.oo
    if rates[1] < rates[0] / 10 or rates[1] < mpmath.mpf(10) ** -9:  # e^(k x) falls a hundredfold, e^(r x^2) stays
        return sp.Integer(0)
    return sp.oo if rates[1] > 2 * rates[0] else sp.nsimplify(rates[1], rational=True, tolerance=1e-6)

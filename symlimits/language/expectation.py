r"""The head $\mathbb E f(u_1, \dots, u_n)$, $u \sim N(0, C)$, left unevaluated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import combinations
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from symlimits.errors import DomainError
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.language.piecewise import branches, generalized_derivative
from symlimits.language.substitution import renaming
from symlimits.language.tree import register


@register
class GaussianExpectation(sp.Expr):
    r"""$\mathbb E\, f(u)$ over a centred Gaussian vector u with covariance C.

    Arguments: the integrand, its variables (bound: renaming them changes nothing), and the
    covariance matrix, which may be singular. It differentiates by Price's theorem,
    $\partial_\theta \mathbb E f = \mathbb E\,\partial_\theta f + \tfrac12\sum_{ij}\partial_\theta C_{ij}\,
    \mathbb E\,\partial_i\partial_j f$ (Price 1958).

    >>> u, v = sp.symbols("u v", real=True)
    >>> c = sp.Symbol("c", real=True)
    >>> GaussianExpectation(u * v, (u, v), [[1, c], [c, 1]]).diff(c)
    E[1; var u = 1, var v = 1, cov = c]
    """

    is_commutative = True

    def __new__(cls, integrand: Any, variables: Iterable[sp.Symbol], covariance: Any) -> GaussianExpectation:
        variables = _variables(variables)
        matrix = _matrix(covariance)
        if matrix.shape != (len(variables), len(variables)) or matrix != matrix.T:
            raise DomainError(
                f"a covariance of shape {matrix.shape} for {len(variables)} variables",
                "a symmetric matrix, one row a variable",
                "[[p, c], [c, q]] for u and v",
            )
        integrand = integrand if isinstance(integrand, sp.Expr) else exact(integrand, "integrand")
        return sp.Expr.__new__(cls, integrand, sp.Tuple(*variables), matrix)

    @property
    def integrand(self) -> sp.Expr:
        """The function inside the expectation."""
        return self.args[0]

    @property
    def variables(self) -> tuple[sp.Symbol, ...]:
        """The Gaussian variables, in the order of the rows of the covariance."""
        return tuple(self.args[1])

    @property
    def covariance(self) -> sp.ImmutableDenseMatrix:
        """The covariance matrix C."""
        return self.args[2]

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """Symbols that are not bound by the expectation."""
        return (self.integrand.free_symbols - set(self.variables)) | self.covariance.free_symbols

    @property
    def bound_symbols(self) -> list[sp.Symbol]:
        """The Gaussian variables."""
        return list(self.variables)

    def _eval_is_real(self) -> bool:
        return True

    def _eval_subs(self, old: sp.Basic, new: sp.Basic) -> sp.Basic | None:
        if old in self.variables:
            return self.func(self.integrand, self.variables, self.covariance.subs(old, new))
        names = renaming(self.variables, self, new) if old in self.integrand.free_symbols else {}
        return self.renamed(names).subs(old, new) if names else None

    def renamed(self, names: Mapping[sp.Symbol, sp.Symbol]) -> GaussianExpectation:
        """The same expectation with other names for its variables."""
        variables = [names.get(u, u) for u in self.variables]
        return self.func(self.integrand.xreplace(names), variables, self.covariance)

    def _sympystr(self, printer: Any) -> str:
        """For the terminal: E[f(u)*g(v); var u = p, var v = q, cov = c]."""
        us, matrix, show = self.variables, self.covariance, printer.doprint
        parts = [f"var {show(u)} = {show(matrix[i, i])}" for i, u in enumerate(us)]
        for i, j in combinations(range(len(us)), 2):
            pair = "cov" if len(us) == 2 else f"cov({show(us[i])}, {show(us[j])})"
            parts.append(f"{pair} = {show(matrix[i, j])}")
        return f"E[{show(self.integrand)}; {', '.join(parts)}]"

    def _eval_derivative(self, parameter: sp.Symbol) -> sp.Expr:
        us, matrix, f = self.variables, self.covariance, self.integrand
        total: sp.Expr = sp.S.Zero
        if parameter in f.free_symbols:
            total = self.func(_with_free_jumps(f, us, parameter).diff(parameter), us, matrix)
        for i, u in enumerate(us):
            for j, w in enumerate(us[: i + 1]):
                rate = matrix[i, j].diff(parameter) / (2 if i == j else 1)
                if rate != 0:
                    second = generalized_derivative(generalized_derivative(f, u), w)
                    total += rate * self.func(second, us, matrix)
        return total


def _variables(variables: Any) -> tuple[sp.Symbol, ...]:
    wrong = isinstance(variables, str | bytes | Mapping | Set) or not isinstance(variables, Iterable)
    found = () if wrong else tuple(variables)
    if not found or not all(isinstance(u, sp.Symbol) for u in found) or len(set(found)) < len(found):
        raise DomainError(f"variables = {shown(found or variables)}", "different symbols, in a sequence", "(u, v)")
    return found


def _matrix(covariance: Any) -> sp.ImmutableDenseMatrix:
    """Entries that are no expressions go through the safe parser: SymPy's own would run a string."""
    if isinstance(covariance, sp.ImmutableDenseMatrix):
        return covariance
    try:
        rows = covariance.tolist() if hasattr(covariance, "tolist") else covariance
        if not all(isinstance(part, Sequence) and not isinstance(part, str | bytes) for part in (rows, *rows)):
            raise TypeError("no rows")
        entries = [[e if isinstance(e, sp.Expr) else exact(e, "covariance") for e in row] for row in rows]
        return sp.ImmutableDenseMatrix(entries)
    except (TypeError, ValueError):
        given = f"covariance = {shown(covariance)}"
        raise DomainError(given, "a symmetric matrix, one row a variable", "[[p, c], [c, q]]") from None


def _with_free_jumps(f: sp.Expr, variables: tuple[sp.Symbol, ...], parameter: sp.Symbol) -> sp.Expr:
    """f with steps in place of branches whose ends move with the parameter: the ends count in its derivative."""
    for u in variables:
        if any(condition.has(u) and condition.has(parameter) for condition in f.atoms(Relational)):
            cut = branches(f, u)
            f = cut.pieces[0] + sp.Add(*(jump * sp.Heaviside(u - a, sp.Rational(1, 2)) for a, jump in cut.jumps()))
    return f


def pair_expectation(integrand: sp.Expr, u: sp.Symbol, v: sp.Symbol, *covariance: sp.Expr) -> GaussianExpectation:
    """The expectation of a function of two variables with variances p, q and covariance c."""
    p, q, c = covariance
    return GaussianExpectation(integrand, (u, v), [[p, c], [c, q]])


def separated(integrand: sp.Expr, u: sp.Symbol, v: sp.Symbol) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """Factors (f, g, h) of the integrand: f of u alone (and constants), g of v alone, h of both.

    >>> u, v = sp.symbols("u v", real=True)
    >>> separated(3 * u * sp.exp(-(u**2 + v**2) / 2), u, v)
    (3*u*exp(-u**2/2), exp(-v**2/2), 1)
    """
    parts = [sp.S.One] * 3
    if integrand.has(sp.exp):  # SymPy writes exp(u)*exp(v) as exp(u + v), and may factor the exponent
        integrand = sp.expand_power_exp(integrand.replace(sp.exp, lambda exponent: sp.exp(sp.expand(exponent))))
    for factor in sp.Mul.make_args(integrand):
        parts[0 if not factor.has(v) else 1 if not factor.has(u) else 2] *= factor
    return parts[0], parts[1], parts[2]

"""Compiled readings of what holds expectations without closed form, by the ladder of `sampled`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

from symlimits.errors import DataError, NoRule
from symlimits.language.expectation import GaussianExpectation, pair_expectation
from symlimits.language.formula import exact
from symlimits.reading.gram_input import signed_gap
from symlimits.reading.kernel import ScalarKernel
from symlimits.reading.pair_source import breakpoints
from symlimits.reading.real import as_reals, plain
from symlimits.reading.reference import reference
from symlimits.reading.resolution import Floats
from symlimits.reading.sampled import ENOUGH, PairExpectation, pair_of

QUADRATURE_DIGITS = 15
MANY = 1000  # panels of a function: beyond, no quadrature is tried where they do not reach
_EPSILON = 2.0**-52


class Bounded(NamedTuple):
    """One value, a bound of its error, and the rung of the ladder it stands on."""

    value: float
    error: float
    method: str


@dataclass(frozen=True)
class ExpectationKernel:
    """A function of real numbers that holds expectations E f(u) g(v); it broadcasts like a NumPy ufunc.

    >>> u, v = sp.symbols("u v", real=True)
    >>> p = sp.Symbol("p", positive=True)
    >>> head = GaussianExpectation(sp.tanh(u) * sp.tanh(v), (u, v), [[p, p / 2], [p / 2, p]])
    >>> round(ExpectationKernel(head, (p,))(1.0), 12)
    0.186324413203
    """

    expr: sp.Expr
    args: tuple[sp.Symbol, ...]

    def __call__(self, *values: Any) -> Any:
        """Numbers give a float, arrays a float64 array."""
        if len(values) != len(self.args):
            names = ", ".join(symbol.name for symbol in self.args)
            raise DataError(f"{len(values)} arguments", f"{len(self.args)}: {names}", f"T({names})")
        numbers = as_reals(values, [symbol.name for symbol in self.args])
        shape = np.broadcast_shapes(*(number.shape for number in numbers))
        flat = [np.broadcast_to(number, shape).ravel() for number in numbers]
        found = [_values(pair, *law(flat)) for pair, law in zip(self._pairs, self._laws, strict=True)]
        result = self._outer(*flat, *found) if self._outer is not None else found[0]
        return plain(np.broadcast_to(result, flat[0].shape if flat else ()).reshape(shape)[()])

    def bounded(self, *values: sp.Expr) -> Bounded | None:
        """The value at exact numbers with its bound, where the expression is one expectation."""
        if self._outer is not None:
            return None
        point = dict(zip(self.args, values, strict=True))
        law = [entry.subs(point, simultaneous=True) for entry in _law(self._heads[0])]
        p, q = float(law[0]), float(law[1])
        found = self._pairs[0].bounded([p], [q], [_exact_gap(*law)])
        value, error, terms, size = (entry[0].item() for entry in found)
        error = error + 4 * _EPSILON * abs(value) if np.isfinite(value) else np.inf  # rounding of p and q
        method = f"Mehler series, {terms} terms" if terms >= 0 else "Gauss-Legendre panels, against a coarser rule"
        compiled = Bounded(value, error, f"{method}; compiled")
        return compiled if error <= ENOUGH * size else self._quadrature(point, compiled)

    def _quadrature(self, point: dict[sp.Symbol, sp.Expr], compiled: Bounded) -> Bounded:
        """The last rung, or the one before it where that fails."""
        if not np.isfinite(compiled.error):
            _check_places(self._pairs[0])
        try:
            truth, rough = (reference(self.expr, point, QUADRATURE_DIGITS + more) for more in (2, 0))
        except NoRule:
            if not np.isfinite(compiled.error):
                raise
            return compiled
        error = float(abs(truth - rough)) + 2 * _EPSILON * float(abs(truth))
        method = f"quadrature to {QUADRATURE_DIGITS + 2} digits; error against {QUADRATURE_DIGITS}"
        return Bounded(float(truth), error, method) if error < compiled.error else compiled

    @property
    def source(self) -> str:
        """The generated source of every expectation."""
        return "\n\n".join(pair.source for pair in self._pairs)

    @cached_property
    def _heads(self) -> list[GaussianExpectation]:
        return sorted(self.expr.atoms(GaussianExpectation), key=sp.default_sort_key)

    @cached_property
    def _pairs(self) -> list[PairExpectation]:
        return [pair_of(head) for head in self._heads]

    @cached_property
    def _laws(self) -> list[_Law]:
        return [_Law(*(ScalarKernel(entry, self.args) for entry in _law(head))) for head in self._heads]

    @cached_property
    def _outer(self) -> ScalarKernel | None:
        """The rest of the expression as a function of the arguments and the expectations; None for one alone."""
        if [self.expr] == self._heads:
            return None
        names = [sp.Symbol(f"E_{k}", real=True) for k in range(len(self._heads))]
        rest = self.expr.xreplace(dict(zip(self._heads, names, strict=True)))
        return ScalarKernel(rest, (*self.args, *names))

    def __getstate__(self) -> dict[str, Any]:
        return {"expr": self.expr, "args": self.args}

    def __repr__(self) -> str:
        return f"ExpectationKernel({self.expr}, args={self.args})"


class _Law(NamedTuple):
    """The entries of a covariance as functions of the arguments."""

    p: ScalarKernel
    q: ScalarKernel
    c: ScalarKernel

    def __call__(self, numbers: list[Floats]) -> tuple[Floats, Floats, Floats]:
        size = numbers[0].shape if numbers else (1,)
        p, q, c = (np.broadcast_to(np.asarray(entry(*numbers), dtype=np.float64), size) for entry in self)
        return p, q, c


def _law(head: GaussianExpectation) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """p, q and c; one variable counts as two that are equal."""
    C = head.covariance
    return (C[0, 0], C[1, 1], C[0, 1]) if len(head.variables) == 2 else (C[0, 0],) * 3


def _values(pair: PairExpectation, p: Floats, q: Floats, c: Floats) -> Floats:
    """The ladder, and high-precision quadrature where the compiled rules do not reach."""
    found = pair.values(np.ascontiguousarray(p), np.ascontiguousarray(q), signed_gap(p, q, c))
    for k in np.flatnonzero(~np.isfinite(found)):
        _check_places(pair)
        u, v = sp.symbols("u v", real=True)
        law = [exact(float(entry[k])) for entry in (p, q, c)]
        head = pair_expectation(pair.f.subs(pair.x, u) * pair.g.subs(pair.x, v), u, v, *law)
        found[k] = float(reference(head, {}, QUADRATURE_DIGITS))
    return found


def _check_places(pair: PairExpectation) -> None:
    """Refuse at once what quadrature would give up on after minutes."""
    for factor in {pair.f, pair.g}:
        count = len(breakpoints(factor, pair.x).sharp)
        if count > MANY:
            raise NoRule(f"{factor} with {count} steep places or more", f"at most {MANY}", "smaller variances")


def _exact_gap(p: sp.Expr, q: sp.Expr, c: sp.Expr) -> float:
    """The signed gap of exact numbers, rounded once."""
    root = sp.sqrt(p * q)
    if root == 0:
        return 1.0
    gap = float(((p * q - c**2) / (root * (root + abs(c)))).evalf(20))
    return float(np.copysign(min(max(gap, 0.0), 1.0), float(c)))

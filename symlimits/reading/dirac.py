"""Dirac masses inside Gaussian expectations, integrated out before any quadrature."""

from __future__ import annotations

import sympy as sp

from symlimits.errors import NoRule
from symlimits.language.expectation import GaussianExpectation


def without_masses(head: GaussianExpectation) -> sp.Expr:
    r"""The same expectation with Dirac masses integrated out: densities stand in their place.

    >>> u = sp.Symbol("u", real=True)
    >>> without_masses(GaussianExpectation(sp.DiracDelta(u), (u,), [[4]]))
    sqrt(2)/(4*sqrt(pi))
    """
    terms = sp.Add.make_args(sp.expand(head.integrand))
    return sp.Add(*(_sifted(term, head.variables, head.covariance) for term in terms))


def _sifted(term: sp.Expr, variables: tuple[sp.Symbol, ...], covariance: sp.Matrix) -> sp.Expr:
    """A mass in u: the law of u given the others, written out, at the mass; then the others."""
    for i, u in enumerate(variables):
        delta = next((f for f in sp.Mul.make_args(term) if isinstance(f, sp.DiracDelta) and f.has(u)), None)
        if delta is None:
            continue
        others = [w for w in variables if w != u]
        kept = [j for j in range(len(variables)) if j != i]
        within = covariance.extract(kept, kept)
        weights = covariance.extract([i], kept) * within.inv() if kept else sp.zeros(1, 0)
        mean = sum((w * x for w, x in zip(weights, others, strict=True)), sp.S.Zero)
        variance = covariance[i, i] - (weights * covariance.extract(kept, [i]))[0] if kept else covariance[i, i]
        density = sp.exp(-((u - mean) ** 2) / (2 * variance)) / sp.sqrt(2 * sp.pi * variance)
        rest = [f for f in sp.Mul.make_args(term) if f != delta]
        smooth = sp.Mul(density, *(f for f in rest if not isinstance(f, sp.DiracDelta)))
        masses = sp.Mul(*(f for f in rest if isinstance(f, sp.DiracDelta)))
        return _sifted(_sift(smooth, u, delta) * masses, tuple(others), within)
    return GaussianExpectation(term, variables, covariance) if variables else term


def _sift(expr: sp.Expr, u: sp.Symbol, delta: sp.DiracDelta) -> sp.Expr:
    order = int(delta.args[1]) if len(delta.args) > 1 else 0
    slope = sp.diff(delta.args[0], u)
    if slope == 0 or slope.has(u):
        raise NoRule(f"the mass {delta}", f"an argument linear in {u}", "a mass at a point")
    at = -delta.args[0].subs(u, 0) / slope
    return sp.S.NegativeOne**order * expr.diff(u, order).subs(u, at) / (sp.Abs(slope) * slope**order)

r"""Gaussian integrals: $\mathbb E\,p(g)\,e^{-\frac12g^\top Qg} = \det(I + CQ)^{-1/2}\,\mathbb E_{\tilde C}\,p(g)$.

$\tilde C = (I + CQ)^{-1}C$; for any number of Gaussian variables, and a polynomial p; C may be singular.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symlimits.derivation.wick import wick


def determinant_mean(
    integrand: sp.Expr, variables: Sequence[sp.Symbol], covariance: sp.ImmutableDenseMatrix
) -> sp.Expr | None:
    """The mean of a polynomial times an exponential of a quadratic form; None for anything else.

    >>> g, h = sp.symbols("g h")
    >>> determinant_mean(g**2 * sp.exp(-(g**2) / 2), [g], sp.ImmutableDenseMatrix([[3]]))
    3/8
    """
    us = list(variables)
    waves = [factor for factor in sp.Mul.make_args(integrand) if isinstance(factor, sp.exp)]
    rest = sp.Mul(*(factor for factor in sp.Mul.make_args(integrand) if not isinstance(factor, sp.exp)))
    exponent = sp.Add(*(wave.exp for wave in waves))
    if not waves or not rest.is_polynomial(*us) or not exponent.is_polynomial(*us):
        return None
    form = sp.Poly(exponent, *us)
    if any(sum(powers) != 2 for powers in form.monoms()):
        return None
    Q = -sp.ImmutableDenseMatrix(sp.hessian(exponent, us))
    M = sp.eye(len(us)) + covariance * Q
    determinant = sp.factor(M.det())
    tilted = (M.adjugate() * covariance / determinant).applyfunc(sp.cancel)
    place = {u: i for i, u in enumerate(us)}
    moments = (
        c * wick(tuple(zip(us, powers, strict=True)), lambda u, v: tilted[place[u], place[v]])
        for powers, c in sp.Poly(rest, *us).terms()
    )
    return sp.Add(*moments) / sp.sqrt(determinant)

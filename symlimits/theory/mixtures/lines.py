r"""The lines of an output law: from the mixture over layers to a line integral of Gamma functions."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from symlimits.chain import Derivation
from symlimits.derivation.mellin import derive, gamma_integrals, mellin_inversion, mixture_integral, v, w
from symlimits.derivation.trace import Trace
from symlimits.language.domain import POSITIVE, Domain
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.integral import LineIntegral
from symlimits.limits import Limit
from symlimits.theory.mixtures.mixing import MixingLaw
from symlimits.theory.mixtures.networks import LimitNetworks, Networks

s, t = sp.symbols("s t", positive=True)
FINITE = "Bassetti et al., arXiv 2406.03260; Mellin inversion: derived here"
LIMIT = "Bassetti, Ladelli and Rotondo, arXiv 2411.15267"


def characteristic(mixing: MixingLaw, K: sp.Expr) -> Limit:
    """E exp(i t s) of one output, exact at finite widths, of order 1 in the limit."""
    name, domain = r"\varphi(t)", Domain({t: POSITIVE})
    if mixing.widths is None:
        trace = derive(_mixed(sp.exp(-(t**2) * K * _scale(mixing) / 2), mixing), (mellin_inversion,), LIMIT)
        twin = LimitNetworks(mixing.ratio, K, mixing.rectified)
        regime = "width N and depth L to infinity, L/N to a"
        return Limit(trace, domain, (t,), name, LIMIT, twin, "an output", regime, "cf", 1)
    trace = _finite("exp", t**2 * K / 2, mixing, -1, sp.S.Zero)
    atom = sp.nsimplify(_atom(mixing))
    if atom:
        trace = tuple(replace(step, expr=step.expr + atom) for step in trace)
    twin = Networks(mixing.widths, K, mixing.rectified)
    return Limit(trace, domain, (t,), name, FINITE, twin, "an output", "any input dimension", "cf", 0)


def density(mixing: MixingLaw, K: sp.Expr) -> Derivation:
    """The density of one output at s > 0."""
    name, domain = "p(s)", Domain({s: POSITIVE})
    if mixing.widths is None:
        q = K * _scale(mixing)
        line = _mixed(sp.exp(-(s**2) / (2 * q)) / sp.sqrt(2 * sp.pi * q), mixing)
        return Derivation(derive(line, (mellin_inversion,), LIMIT), domain, (s,), name, LIMIT)
    trace = _finite("exp", s**2 / (2 * K), mixing, 1, -sp.S.Half)
    front = 1 / sp.sqrt(2 * sp.pi * K)
    return Derivation(tuple(replace(x, expr=front * x.expr) for x in trace), domain, (s,), name, FINITE)


def _scale(mixing: MixingLaw) -> sp.Expr:
    """q in the limit, as a function of v from N(0, 2a)."""
    return sp.exp(v - mixing.spread)


def _mixed(function: sp.Expr, mixing: MixingLaw) -> sp.Expr:
    return GaussianExpectation(function, (v,), [[2 * mixing.spread]])


def _finite(kernel: str, at: sp.Expr, mixing: MixingLaw, sign: int, shift: sp.Expr) -> Trace:
    r"""$\mathbb E q^{shift} k(at\,q^{-sign})$: factors $\mathbb E q_l^{sign\,w + shift}$, finite above the lowest u."""
    factors = mixing.factors(sign * w + shift)
    ends = [-mixing.lowest] if sign < 0 else []
    head = mixture_integral(kernel, at, factors, ends)
    if sign > 0:
        head = LineIntegral(head.integrand, w, (sp.Max(0, mixing.lowest - shift), sp.oo))
    return derive(head, (gamma_integrals,), FINITE)


def _atom(mixing: MixingLaw) -> sp.Expr:
    if not mixing.rectified:
        return sp.S.Zero
    return 1 - sp.Mul(*(1 - sp.Rational(1, 2**N) for N in mixing.widths or ()))

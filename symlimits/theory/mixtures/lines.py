r"""The lines of an output law: from the mixture over layers, by Mellin inversion, to integrals of Gamma functions."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from symlimits.chain import Derivation
from symlimits.derivation.mellin import derive, gamma_integrals, mellin_inversion, v
from symlimits.derivation.trace import Step, Trace
from symlimits.language.domain import POSITIVE, Domain
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.product import ProductExpectation
from symlimits.limits import Limit
from symlimits.theory.mixtures.mixing import MixingLaw
from symlimits.theory.mixtures.networks import LimitNetworks, Networks

q, s, t = sp.symbols("q s t", positive=True)
FINITE = "Bassetti et al., arXiv 2406.03260; Mellin inversion: derived here"
LIMIT = "Bassetti, Ladelli and Rotondo, arXiv 2411.15267"


def characteristic(mixing: MixingLaw, K: sp.Expr) -> Limit:
    """E exp(i t s) of one output, exact at finite widths, of order 1 in the limit."""
    name, domain = r"\varphi(t)", Domain({t: POSITIVE})
    trace = mean_lines(sp.exp(-q * t**2 * K / 2), mixing)
    if mixing.widths is None:
        limit = LimitNetworks(mixing.ratio, K, mixing.rectified)
        regime = "width $n$ and depth $L$ to infinity, $L/n$ to $a$"
        return Limit(trace, domain, (t,), name, LIMIT, limit, "an output", regime, "cf", 1)
    atom = _atom(mixing)
    trace = tuple(replace(step, expr=step.expr + atom) for step in trace)
    networks = Networks(mixing.widths, K, mixing.rectified)
    return Limit(trace, domain, (t,), name, FINITE, networks, "an output", "any input dimension", "cf", 0)


def density(mixing: MixingLaw, K: sp.Expr) -> Derivation:
    """The density of one output at s > 0."""
    trace = mean_lines(sp.exp(-(s**2) / (2 * K * q)) / sp.sqrt(2 * sp.pi * K * q), mixing)
    return Derivation(trace, Domain({s: POSITIVE}), (s,), "p(s)", trace[0].source)


def mean_lines(function: sp.Expr, mixing: MixingLaw) -> Trace:
    """The mean of a function of `q`, and what it is by rules."""
    if mixing.widths is None:
        return derive(_of_a_gaussian(function, mixing), (mellin_inversion,), LIMIT)
    if not mixing.widths:
        return (Step(function.subs(q, 1), "definition", FINITE),)
    mean = ProductExpectation(function, q, mixing.layers)
    return derive(mean, (mellin_inversion, gamma_integrals), FINITE)


def _of_a_gaussian(function: sp.Expr, mixing: MixingLaw) -> GaussianExpectation:
    """In the limit q = exp(v - a'), v from N(0, 2a')."""
    return GaussianExpectation(function.subs(q, sp.exp(v - mixing.spread)), (v,), [[2 * mixing.spread]])


def _atom(mixing: MixingLaw) -> sp.Expr:
    if not mixing.rectified:
        return sp.S.Zero
    return 1 - sp.Mul(*(1 - sp.Rational(1, 2**N) for N in mixing.widths or ()))

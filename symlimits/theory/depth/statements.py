r"""The maps of mean field theory as derivations: variance, correlation, their slopes, and where they are critical.

With $\mathbb E$ over $u \sim N(0, q)$ the variance moves by $V(q) = \sigma_w^2\,\mathbb E\phi(u)^2 + \sigma_b^2$, and
$\chi_1 = \sigma_w^2\,\mathbb E\phi'(u)^2$ is the slope of the correlation map at one where $V(q) = q$ (Poole et al.
2016, arXiv 1606.05340; Schoenholz et al. 2017, arXiv 1611.01232). Solved for the variances, $\chi_1 = 1$ and
$V(q) = q$ are the critical line, with q as its parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import sympy as sp

from symlimits.chain import Derivation
from symlimits.derivation.collect import collect
from symlimits.derivation.price import derive_lines
from symlimits.derivation.trace import Step, Trace
from symlimits.language.activation import Activation
from symlimits.language.architecture import mlp
from symlimits.language.domain import POSITIVE, Domain, natural_domain
from symlimits.language.expectation import GaussianExpectation, pair_expectation
from symlimits.theory.kernels import nngp

SOURCE = "Poole et al. 2016, arXiv 1606.05340; Schoenholz et al. 2017, arXiv 1611.01232"
ON_THE_LINE = "q > 0 where sigma_b^2 is not negative"

q, sigma_w = sp.symbols("q sigma_w", positive=True)
sigma_b = sp.Symbol("sigma_b", nonnegative=True)
u, v = sp.symbols("u v", real=True)
square, slope = sp.symbols("M S", positive=True)  # E phi^2 and E phi'^2 while equations are solved for the variances
w_var, b_var = sp.symbols("w b", real=True)


@dataclass(frozen=True, repr=False)
class Statement(Derivation):
    """Lines about variances of order one, which is what errors of compiled code are measured against."""

    @property
    def _least_size(self) -> float:
        return 1.0


def mean(function: sp.Expr) -> GaussianExpectation:
    """The expectation of a function of u, of variance q."""
    return GaussianExpectation(function, (u,), [[q]])


@lru_cache(maxsize=64)
def variance_map(phi: Activation) -> Derivation:
    r"""$V(q) = \sigma_w^2\,\mathbb E\phi(u)^2 + \sigma_b^2$.

    >>> from symlimits import activations as act
    >>> variance_map(act.erf).expr
    sigma_b**2 + 2*sigma_w**2*asin(2*q/(2*q + 1))/pi
    """
    return _statement(phi, sigma_w**2 * square + sigma_b**2, "V(q)")


@lru_cache(maxsize=64)
def chi(phi: Activation) -> Derivation:
    r"""$\chi_1 = \sigma_w^2\,\mathbb E\phi'(u)^2$; `DomainError` for an activation that jumps.

    >>> from symlimits import activations as act
    >>> chi(act.erf).expr
    4*sigma_w**2/(pi*sqrt(4*q + 1))
    """
    return _statement(phi, sigma_w**2 * slope, r"\chi_1(q)")


@lru_cache(maxsize=64)
def variance_slope(phi: Activation) -> Derivation:
    r"""$V'(q) = \sigma_w^2\,\mathbb E[\phi'^2 + \phi\phi''] = \frac{\sigma_w^2}{2q}\mathbb E[(u^2/q - 1)\phi^2]$.

    The second form, by parts, has no second derivative, and holds at kinks too.

    >>> from symlimits import activations as act
    >>> variance_slope(act.relu).expr
    sigma_w**2/2
    """
    by_parts = sigma_w**2 / (2 * q) * (mean(u**2 * phi(u) ** 2) / q - mean(phi(u) ** 2))
    trace = [Step(by_parts, "definition, by parts", SOURCE)]
    line = variance_map(phi).expr
    if not line.has(GaussianExpectation):
        trace.append(Step(collect(line.diff(q)), "the slope of the closed form", "differentiation"))
    return Statement(tuple(trace), _domain(by_parts), (q,), "V'(q)", SOURCE)


@lru_cache(maxsize=64)
def correlation_map(phi: Activation) -> Derivation:
    r"""$R(\rho)$, the correlation after a layer of inputs of equal variance q and correlation $\rho$."""
    return nngp(mlp(2, phi, w_var=sigma_w**2, b_var=sigma_b**2)).on_sphere(q)


@lru_cache(maxsize=64)
def critical_variances(phi: Activation) -> tuple[Derivation, Derivation]:
    r"""$\sigma_w^2$ and $\sigma_b^2$ as functions of q, from $\chi_1 = 1$ and $V(q) = q$.

    >>> from symlimits import activations as act
    >>> [line.expr for line in critical_variances(act.erf)]
    [pi*sqrt(4*q + 1)/4, q - sqrt(4*q + 1)*asin(2*q/(2*q + 1))/2]
    >>> [line.expr for line in critical_variances(act.relu)]
    [2, 0]
    """
    solved = sp.solve([w_var * slope - 1, w_var * square + b_var - q], [w_var, b_var])
    names = {w_var: r"\sigma_w^2(q)", b_var: r"\sigma_b^2(q)"}
    lines = (
        _statement(phi, sp.expand(solved[s]), name, "criticality at a fixed point, solved") for s, name in names.items()
    )
    w, b = (replace(line, domain=replace(line.domain, note=ON_THE_LINE)) for line in lines)
    return w, b


def _statement(phi: Activation, formula: sp.Expr, name: str, rule: str = "definition") -> Derivation:
    """A formula in the two moments as lines: expectations over one variable, then the closed form's."""
    first, lines = _lines(formula, phi, rule)
    return Statement((first, *lines), _domain(first.expr), (q,), name, SOURCE)


def _lines(formula: sp.Expr, phi: Activation, rule: str) -> tuple[Step, Trace]:
    functions = {square: phi} | ({slope: phi.derivative()} if formula.has(slope) else {})
    first = Step(_placed(formula, functions, lambda f: mean(f(u) ** 2)), rule, SOURCE)
    pair = _placed(formula, functions, lambda f: pair_expectation(f(u) * f(v), u, v, q, q, q))
    start, *others = derive_lines(pair)
    if not others or others[-1].expr.has(GaussianExpectation):
        return first, ()
    return first, (replace(start, rule="one variable under two names", source="algebra"), *others)


def _placed(
    formula: sp.Expr, functions: dict[sp.Symbol, Activation], moment: Callable[[Activation], sp.Expr]
) -> sp.Expr:
    return formula.xreplace({symbol: moment(f) for symbol, f in functions.items()})


def _domain(line: sp.Expr) -> Domain:
    return Domain({**natural_domain(line).ranges, q: POSITIVE})

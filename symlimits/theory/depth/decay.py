r"""Algebraic decay at criticality: a map of slope one, its expansion at the fixed point, and the balance of its terms.

Where $\chi_1 = 1$ at $q^* > 0$ the gap $\delta = 1 - \rho$ of the correlation moves by
$$F(\delta) = \frac{\sigma_w^2}{q}\bigl(\mathbb E\phi(u)^2 - \mathbb E\phi(u)\phi(v)\bigr)
  = \delta - A\delta^{1+s} + \dots,$$
$s = 1$ for smooth activations ($A = R''(1)/2$ by Price's theorem), $1/2$ at kinks, so that
$\delta_\ell \simeq (As\ell)^{-1/s}$. At $q^* = 0$ ($\sigma_b = 0$) it is the variance itself that decays, and what is
said of correlations does not hold. The tangent kernel between different inputs loses $\kappa/\ell$ of itself at each
layer, $\kappa = \lim \ell(1 - R'(\rho_\ell))$: over that of equal ones it tends to $1/(1 + \kappa)$. Derived here;
rates as in Schoenholz et al. 2017, arXiv 1611.01232, and Hayou et al. 2019, arXiv 1905.13654.
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from symlimits.chain import Derivation
from symlimits.derivation.dominant_balance import A, departure, dominant_balance, expansion, leading, linear_balance
from symlimits.derivation.price import in_order
from symlimits.derivation.trace import Step
from symlimits.language.activation import Activation
from symlimits.language.algebraic_decay import AlgebraicDecay
from symlimits.language.domain import POSITIVE, Domain, Range
from symlimits.language.expectation import GaussianExpectation
from symlimits.theory.depth.statements import (
    ON_THE_LINE,
    Statement,
    critical_variances,
    q,
    sigma_b,
    sigma_w,
    variance_map,
)
from symlimits.theory.kernels import dual

SOURCE = "Schoenholz et al. 2017, arXiv 1611.01232; derived here"
TANGENT = "Hayou et al. 2019, arXiv 1905.13654; derived here"
delta = sp.Symbol("delta", positive=True)
ell = sp.Symbol("ell", positive=True)


@lru_cache(maxsize=64)
def gap_map(phi: Activation) -> sp.Expr:
    r"""F on the critical line, as a function of $\delta$ and of the fixed point q.

    >>> from symlimits import activations as act
    >>> gap_map(act.sin)
    (exp(-q)*sinh(q) - exp(-q)*sinh(q*(1 - delta)))*exp(q)/(q*cosh(q))
    """
    T = dual(phi)
    first, second, covariance = T.arguments
    there, apart = (T.expr.subs({first: q, second: q, covariance: c}, simultaneous=True) for c in (q, q * (1 - delta)))
    return critical_variances(phi)[0].expr / q * (there - apart)


@lru_cache(maxsize=64)
def correlation_power(phi: Activation) -> sp.Rational:
    """s: the gap loses a part of order delta^s at each layer.

    >>> from symlimits import activations as act
    >>> correlation_power(act.erf), correlation_power(act.leaky_relu())
    (1, 1/2)
    """
    return departure(gap_map(phi), delta)[0] - 1


@lru_cache(maxsize=64)
def correlation_decay(phi: Activation) -> Derivation:
    r"""The constant C of $1 - \rho_\ell \simeq C\ell^{-1/s}$ on the critical line, at $q^* = q > 0$.

    >>> from symlimits import activations as act
    >>> correlation_decay(act.erf).expr, correlation_decay(act.relu).expr
    ((4*q + 1)/(2*q**2), 9*pi**2/2)
    """
    s = correlation_power(phi)
    limit = AlgebraicDecay(delta**s, delta, gap_map(phi)) ** (1 / s)
    between = dict.fromkeys(phi.parameters, Range(sp.S.Zero, sp.S.One, (False, False)))  # at one a kink may be gone
    domain = Domain({q: POSITIVE, **between}, note=ON_THE_LINE)
    return _balanced(limit, "the correlation map on the critical line", domain, (q,), r"C_\rho")


@lru_cache(maxsize=64)
def tangent_ratio(phi: Activation) -> Derivation:
    r"""What $\Theta_\ell(x, z)/\Theta_\ell(x, x)$ tends to on the critical line, of inputs that are not parallel.

    >>> from symlimits import activations as act
    >>> tangent_ratio(act.erf).expr, tangent_ratio(act.relu).expr
    (1/3, 1/4)
    """
    image = delta - A * delta ** (1 + correlation_power(phi))
    kappa = sp.Symbol("kappa", positive=True)
    ratio = linear_balance(kappa, q) / linear_balance(
        sp.S.Zero, q
    )  # Theta' = q + (1 - kappa/l) Theta, and Theta' = q + Theta
    line = sp.cancel(ratio).subs(kappa, AlgebraicDecay(1 - image.diff(delta), delta, image))
    return _balanced(line, "dominant balance of the tangent kernels", Domain({A: POSITIVE}), (), r"r_\Theta", TANGENT)


@lru_cache(maxsize=64)
def vanishing_weights(phi: Activation) -> sp.Expr:
    r"""The variance of the weights at which V'(0) = 1, without biases.

    >>> from symlimits import activations as act
    >>> vanishing_weights(act.erf), vanishing_weights(act.tanh)
    (pi/4, 1)
    """
    terms = leading(_without_biases(phi), q, 1)
    return 1 / terms[0][1].subs(sigma_w, 1)


@lru_cache(maxsize=64)
def variance_decay(phi: Activation) -> tuple[sp.Rational, Derivation]:
    r"""At $q^* = 0$: s and the constant C of $q_\ell \simeq C\ell^{-1/s}$.

    >>> from symlimits import activations as act
    >>> s, line = variance_decay(act.erf)
    >>> s, line.expr
    (1, 1/2)
    """
    image = _without_biases(phi).subs(sigma_w, sp.sqrt(vanishing_weights(phi)))
    s = departure(image, q)[0] - 1
    limit = AlgebraicDecay(q**s, q, image) ** (1 / s)
    return s, _balanced(limit, "the variance map where V'(0) = 1", Domain(), (), "C_q")


def _without_biases(phi: Activation) -> sp.Expr:
    return variance_map(phi).expr.subs(sigma_b, 0)


def _balanced(
    line: sp.Expr, rule: str, domain: Domain, arguments: tuple[sp.Symbol, ...], name: str, source: str = SOURCE
) -> Derivation:
    """The lines from a limit: its map expanded, its terms balanced, in order.

    Where the map holds expectations over two variables its expansion is the first line: it has values.
    """
    trace = [Step(line, rule, source)]
    for one in (expansion, dominant_balance, in_order):
        after = one.rewrite(trace[-1].expr)
        if after != trace[-1].expr and not (one is in_order and after.has(GaussianExpectation)):
            trace.append(Step(after, one.name, one.source))
    if line.has(GaussianExpectation) and len(trace) > 1:
        trace = trace[1:]
    return Statement(tuple(trace), domain, arguments, name, source)

"""Formulas whose print is looked at: derived duals of activations, and the tangent kernel of a relu network."""

from __future__ import annotations

from functools import cache

import sympy as sp

from symlimits.derivation.price import derive
from symlimits.derivation.trace import Step, Trace
from symlimits.language.expectation import GaussianExpectation, pair_expectation
from symlimits.language.recursion import Recursion

LEFT = "T(p, q, c)"
HALF = sp.Rational(1, 2)
x, u, v, s, c, alpha, K_xz, Theta = sp.symbols("x u v s c alpha K_xz Theta", real=True)
p, q, sigma_w, sigma_b, K_xx, K_zz = sp.symbols("p q sigma_w sigma_b K_xx K_zz", positive=True)
L = sp.Symbol("L", integer=True, positive=True)
relu = sp.Max(x, 0)
ACTIVATIONS = {
    "linear": x,
    "relu": relu,
    "leaky relu": sp.Piecewise((x, x > 0), (alpha * x, True)),
    "absolute": sp.Abs(x),
    "step": sp.Heaviside(x, HALF),
    "sign": sp.sign(x),
    "relu cubed": relu**3,
    "erf": sp.erf(x),
    "gelu": x * (1 + sp.erf(x / sp.sqrt(2))) / 2,
    "x erf": x * sp.erf(x),
    "exp": sp.exp(x),
    "sin": sp.sin(x),
    "gaussian": sp.exp(-(x**2)),
    "gabor": sp.exp(-(x**2)) * sp.sin(x),
    "polynomial": 1 + 2 * x + 3 * x**3,
    "tanh": sp.tanh(x),
}


def dual(phi: sp.Expr, *covariance: sp.Expr) -> GaussianExpectation:
    return pair_expectation(phi.subs(x, u) * phi.subs(x, v), u, v, *covariance)


@cache
def trace(name: str) -> Trace:
    return derive(dual(ACTIVATIONS[name], p, q, c))


def ntk(*counts: object, output: sp.Symbol = Theta, closed: bool = False) -> Recursion:
    """The recursion of the tangent kernel of a relu network, as theory/kernels builds it."""

    def kernel(phi: sp.Expr, *covariance: sp.Expr) -> sp.Expr:
        if not closed:
            return sigma_w**2 * dual(phi, *covariance)
        line = derive(dual(phi, p, q, c))[-1].expr
        return sigma_w**2 * line.subs(dict(zip((p, q, c), covariance, strict=True)), simultaneous=True)

    def variance(state: sp.Symbol, bound: sp.Symbol) -> sp.Expr:
        return sigma_b**2 + sigma_w**2 * GaussianExpectation(relu.subs(x, bound) ** 2, (bound,), [[state]])

    cross = sigma_b**2 + kernel(relu, K_xx, K_zz, K_xz)
    tangent = cross + Theta * kernel(sp.Heaviside(x, HALF), K_xx, K_zz, K_xz)
    start = [sigma_w**2 * value + sigma_b**2 for value in (p, q, c, c)]
    maps = (variance(K_xx, u), variance(K_zz, v), cross, tangent)
    return Recursion((K_xx, K_zz, K_xz, Theta), start, [(maps, count) for count in counts], output)


def chain(*exprs: sp.Expr) -> list[Step]:
    return [Step(expr, f"rule {i}", "tests") for i, expr in enumerate(exprs)]

"""The named activations, as data: name, formula, and where the name is used.

>>> from symlimits import activations as act
>>> act.relu, act.leaky_relu("alpha").parameters
(activation('Max(0, x)'), (alpha,))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from difflib import get_close_matches
from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.activation import Activation, activation, x
from symlimits.language.formula import exact
from symlimits.language.names import shown

MAX_COEFFICIENTS = 101  # of a polynomial: degree 100, as for a formula
FORMULAS = {
    "linear": "x",
    "relu": "max(x, 0)",
    "absolute": "abs(x)",
    "step": "Heaviside(x)",
    "sign": "sign(x)",
    "erf": "erf(x)",
    "normal_cdf": "(1 + erf(x/sqrt(2)))/2",
    "gelu": "x*(1 + erf(x/sqrt(2)))/2",
    "sin": "sin(x)",
    "cos": "cos(x)",
    "rbf": "sin(x) + cos(x)",
    "exp": "exp(x)",
    "gaussian": "exp(-x**2)",
    "gabor": "exp(-x**2)*sin(x)",
    "tanh": "tanh(x)",
    "sigmoid": "(1 + tanh(x/2))/2",
    "softplus": "log(1 + exp(x))",
    "silu": "x*(1 + tanh(x/2))/2",
}

_named = {name: activation(formula, rf"\mathrm{{{name}}}".replace("_", r"\_")) for name, formula in FORMULAS.items()}

linear, relu, absolute, step, sign = (_named[name] for name in ("linear", "relu", "absolute", "step", "sign"))
erf, normal_cdf, gelu, sin, cos, rbf = (_named[name] for name in ("erf", "normal_cdf", "gelu", "sin", "cos", "rbf"))
exp, gaussian, gabor, tanh = (_named[name] for name in ("exp", "gaussian", "gabor", "tanh"))
sigmoid, softplus, silu = (_named[name] for name in ("sigmoid", "softplus", "silu"))
elu = Activation(sp.Piecewise((x, x > 0), (sp.exp(x) - 1, True)), r"\mathrm{elu}")


def leaky_relu(slope: object = "1/100") -> Activation:
    """x for x > 0 and slope x below; the slope may be a symbol, given by its name."""
    alpha = exact(slope, "slope")
    if x in alpha.free_symbols:
        raise DomainError(f"slope = {alpha}", "a slope that does not depend on x", "leaky_relu('alpha')")
    return Activation(sp.Piecewise((x, x > 0), (alpha * x, True)), r"\mathrm{leaky\_relu}")


def relu_power(k: int) -> Activation:
    """max(x, 0)^k for k = 1, 2, ... (k = 0 is `step`)."""
    return Activation(sp.Max(x, 0) ** _degree(k, 1), rf"\mathrm{{relu}}^{{{k}}}")


def monomial(k: int) -> Activation:
    """x^k."""
    return Activation(x ** _degree(k, 0), f"x^{{{k}}}")


def hermite(k: int) -> Activation:
    r"""$He_k(x)/\sqrt{k!}$, orthonormal under N(0, 1).

    >>> hermite(2)
    activation('sqrt(2)*(x - 1)*(x + 1)/2')
    """
    polynomial = 2 ** sp.Rational(-_degree(k, 0), 2) * sp.hermite(k, x / sp.sqrt(2))
    return Activation(sp.expand(polynomial).factor() / sp.sqrt(sp.factorial(k)), f"h_{{{k}}}")


def polynomial(coefficients: object) -> Activation:
    """c_0 + c_1 x + c_2 x^2 + ..., coefficients ascending: numbers or exact strings."""
    if isinstance(coefficients, str | bytes | Mapping | Set) or not isinstance(coefficients, Iterable):
        raise DomainError(f"coefficients = {shown(coefficients)}", "a sequence, ascending", "polynomial([0, 1]) for x")
    values = [exact(value, "coefficient") for value in coefficients]
    if len(values) > MAX_COEFFICIENTS:
        raise DomainError(f"{len(values)} coefficients", f"at most {MAX_COEFFICIENTS}", "a lower degree")
    if not values:
        raise DomainError("no coefficients", "at least one, ascending", "polynomial([0, 1]) for x")
    if any(x in value.free_symbols for value in values):
        raise DomainError("a coefficient that depends on x", "numbers or other symbols", "polynomial([0, 1]) for x")
    return Activation(sum((value * x**k for k, value in enumerate(values)), sp.S.Zero), "P")


def __getattr__(name: str) -> Any:
    near = get_close_matches(name, [known for known in globals() if known.islower() and known[0] != "_"], n=3)
    advice = f"; did you mean {' or '.join(near)}?" if near else ": symlimits.activation(formula) makes one"
    raise AttributeError(f"no activation is called {name}{advice}", name=name, obj=None)


def _degree(k: int, least: int) -> int:
    if isinstance(k, bool) or not isinstance(k, int) or not least <= k <= 40:
        raise DomainError(f"k = {shown(k)}", f"an integer from {least} to 40", f"k={least + 1}")
    return k

r"""The source of an activation's dual and of its rate of change, for pairs of points that move.

Forward mode: beside T, dot = dT/dc and Gamma = sqrt(P Q) - T of `gram_loop` stand their total differentials, by the
chain rule in the variables that the loop computes with. With gap = 1 - rho and the angle arccos rho,

    d angle = d gap / sine,    d sine = rho d angle,

so that all digits of the rate of a gap are kept as those of the gap are, and what a kink makes infinite at
c^2 = p q, d sqrt(p q - c^2) say, is never divided by: at a gap of zero, which has rate zero, angles stay.
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from symlimits.reading.lower import MATH, RHO, S, c, conditioned, p, q, statements
from symlimits.reading.lower_recursion import ANGLES, PairMap, in_general, on_the_diagonal, on_the_sphere

_gap, _sine, _angle, _supplement = ANGLES
_r = sp.Symbol("r", nonnegative=True)  # sqrt(p q)
_VARIABLES = (p, q, c, S, RHO, _gap, _sine, _angle, _supplement, _r)
_RATES = {symbol: sp.Symbol(f"d_{symbol.name}", real=True) for symbol in _VARIABLES}
_NAMES = {symbol: symbol.name for symbol in (*_VARIABLES, *_RATES.values())}


def differential(expr: sp.Expr) -> sp.Expr:
    """The total differential of an expression in the variables of a step.

    >>> differential(_angle**2)
    2*angle*d_angle
    """
    return sp.Add(*(expr.diff(symbol) * rate for symbol, rate in _RATES.items() if expr.has(symbol)))


@lru_cache(maxsize=64)
def pair_source(pair: PairMap) -> str:
    """A module with the ufunc `step`: T, dot, Gamma and their rates for a pair; and `diagonal`: P and its rate."""
    even, odd = pair.parity == "even", pair.parity == "odd"
    body = statements(_values(pair), _NAMES)
    P = on_the_diagonal(pair)
    slope = P.diff(p)
    if slope.has(sp.Derivative, sp.Subs):
        slope = pair.dual.subs({q: p, c: p}, simultaneous=True).diff(p)
    diagonal = statements({"P": P, "d_P": slope * _RATES[p]}, _NAMES)
    indent = "\n    "
    return _MODULE.format(
        toward="1.0" if even or odd else "side",
        mirrored="dot, d_dot = side * dot, side * d_dot" if even else "pass",
        step=indent.join(body.splitlines()),
        diagonal=indent.join(diagonal.splitlines()),
    )


def _values(pair: PairMap) -> dict[str, sp.Expr]:
    """The results of a step by name."""
    degree = pair.degree
    if degree is None:
        return _with_rates({"T": in_general(pair.dual), "dot": in_general(pair.dot)}) or _by_partials(pair)
    values = on_the_sphere(pair)
    scaled = {name: values[name] * _r**degree for name in ("T", "Gamma")}
    scaled["dot"] = values["dot"] * _r ** (degree - 1) if degree else sp.S.Zero
    return _with_rates(scaled)


def _with_rates(values: dict[str, sp.Expr]) -> dict[str, sp.Expr]:
    """The values and their differentials; none where a function has a derivative without source."""
    rates = {f"d_{name}": differential(value) for name, value in values.items()}
    unknown = any(rate.has(sp.Derivative, sp.Subs) for rate in rates.values())
    return {} if unknown else {**values, **rates}


def _by_partials(pair: PairMap) -> dict[str, sp.Expr]:
    """The same from partial derivatives in p, q and c, conditioned one by one: for waves, which have no kinks."""
    values = {"T": pair.dual, "dot": pair.dot}
    rates = {
        f"d_{name}": sp.Add(*(in_general(conditioned(value.diff(s))) * _RATES[s] for s in (p, q, c)))
        for name, value in values.items()
    }
    return {name: in_general(value) for name, value in values.items()} | rates


_MODULE = f"""\
{MATH}
from math import nan

from numba import guvectorize

from symlimits.reading.special import angle as angle_of
from symlimits.reading.special import (
    angle_between, copysign, difference_of_products, exp_cosh, exp_sinh, top_cosh, top_sinh
)

# a guvectorized function of scalars: a ufunc with several results


@guvectorize(
    ["void({", ".join(["f8"] * 10)}, {", ".join(["f8[:]"] * 6)})"],
    "{",".join(["()"] * 10)}->{",".join(["()"] * 6)}", nopython=True, cache=True,
)
def step(p, q, P, Q, signed_gap, d_p, d_q, d_P, d_Q, d_gap, T_, dot_, Gamma_, d_T_, d_dot_, d_Gamma_):
    gap, side = abs(signed_gap), copysign(1.0, signed_gap)
    toward = {{toward}}
    rho, d_rho = toward * (1.0 - gap), -toward * d_gap
    sine, near = sqrt(gap * (2.0 - gap)), angle_of(gap)
    d_near = d_gap / sine if sine > 0.0 else 0.0
    d_sine = (1.0 - gap) * d_near
    far = pi - near
    angle, supplement = (near, far) if toward > 0.0 else (far, near)
    d_angle = toward * d_near
    d_supplement = -d_angle
    r, R = sqrt(p) * sqrt(q), sqrt(P) * sqrt(Q)
    d_r = 0.5 * (d_p * sqrt(q / p) + d_q * sqrt(p / q)) if r > 0.0 else 0.0
    d_R = 0.5 * (d_P * sqrt(Q / P) + d_Q * sqrt(P / Q)) if R > 0.0 else 0.0
    c, s = rho * r, r * sine
    d_c, d_s = d_rho * r + rho * d_r, d_r * sine + r * d_sine
    T = dot = d_T = d_dot = 0.0
    Gamma = d_Gamma = nan
    {{step}}
    if not (toward > 0.0 and Gamma == Gamma):
        Gamma, d_Gamma = R - T, d_R - d_T
    if gap == 0.0 and rho > 0.0 and p == q:  # equal points stay equal
        Gamma, d_Gamma = 0.0, 0.0
    {{mirrored}}
    T_[0], dot_[0], Gamma_[0], d_T_[0], d_dot_[0], d_Gamma_[0] = T, dot, Gamma, d_T, d_dot, d_Gamma


@guvectorize(["void(f8, f8, f8[:], f8[:])"], "(),()->(),()", nopython=True, cache=True)
def diagonal(p, d_p, P_, d_P_):
    {{diagonal}}
    P_[0], d_P_[0] = P, d_P
"""

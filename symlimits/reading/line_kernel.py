r"""The compiled reading of a `LineIntegral`: its integrand taken apart into the terms that `contour` knows.

The integrand is a product of powers of what does not depend on w, of Gamma functions, rising factorials and powers of
w, of sums over a binomial law (a ReLU layer), and of polynomials in w. Constants are computed with many digits, so
that what cancels between them cancels exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from math import inf
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sympy as sp
from mpmath import mp, mpf

from symlimits.errors import DomainError, NoRule
from symlimits.language.integral import LineIntegral
from symlimits.reading.contour import line_integrals
from symlimits.reading.real import as_reals, plain

Array = npt.NDArray[np.float64]
CONSTANT_DIGITS = 40
IMPOSSIBLE = 1e-18  # so many positive units or fewer: left out, which moves a mean of exp(-zq) by as much at most


class Integrals(NamedTuple):
    """Values sign exp(log), and a bound of the error of exp(log) relative to itself."""

    log: Array
    sign: Array
    error: Array


@dataclass(frozen=True, eq=False)
class Contour:
    """One integrand up to exp(X w): `contour(X)` integrates it for every X of an array."""

    constant: float
    linear: float
    square: float
    ratios: Array
    binomials: Array
    weights: Array
    polynomial: Array
    strip: tuple[float, float]

    def __call__(self, X: Array) -> Integrals:
        law = (self.square, self.ratios, self.binomials, self.weights, self.polynomial, *self.strip)
        scale, value, error = line_integrals(np.ascontiguousarray(X, dtype=np.float64).ravel() + self.linear, law)
        log = scale + self.constant + np.log(np.abs(value))
        return Integrals(log.reshape(np.shape(X)), np.sign(value).reshape(np.shape(X)), error.reshape(np.shape(X)))


@dataclass
class Lowered:
    """What is found in an integrand: exp(constant + linear w + square w^2) times functions of w."""

    w: sp.Symbol
    middle: sp.Expr  # a point of the strip, where signs are read off
    constant: sp.Expr = sp.S.Zero
    linear: sp.Expr = sp.S.Zero
    square: sp.Expr = sp.S.Zero
    polynomial: sp.Expr = sp.S.One
    ratios: list[tuple[sp.Expr, int, sp.Expr, sp.Expr]] = field(default_factory=list)
    binomials: list[tuple[int, int, sp.Expr, sp.Expr]] = field(default_factory=list)

    def factor(self, base: sp.Expr, power: sp.Expr) -> None:
        """Add base**power, one factor of the integrand."""
        if not power.has(self.w) and not base.has(self.w):
            self.constant += power * sp.log(base)
        elif not base.has(self.w):
            self._exponent(power * sp.log(base))
        elif isinstance(base, sp.gamma):
            self._gamma(base.args[0], power)
        elif isinstance(base, sp.factorial):
            self._gamma(base.args[0] + 1, power)
        elif isinstance(base, sp.RisingFactorial):
            x, v = base.args
            self._ratio(x, v, power)
        elif isinstance(base, sp.Sum):
            self._binomial(base, power)
        elif base.is_polynomial(self.w) and power.is_Integer:
            self._polynomial(base, int(power))
        else:
            raise NoRule(f"the factor {base}**{power} of an integrand", "powers, Gamma functions", "`.reference(...)`")

    def product(self, expr: sp.Expr, power: sp.Expr) -> None:
        """Add every factor of expr**power."""
        for factor in sp.Mul.make_args(sp.expand_power_base(expr)):
            base, inner = (sp.E, factor.exp) if isinstance(factor, sp.exp) else factor.as_base_exp()
            if base.is_Rational and base < 0:
                self.polynomial *= factor**power
            else:
                self.factor(base, inner * power)

    def _exponent(self, exponent: sp.Expr) -> None:
        terms = sp.Poly(sp.expand(exponent), self.w)
        if terms.degree() > 2:
            raise NoRule(f"the exponent {exponent}", "a quadratic one", "`.reference(...)`")
        self.constant += terms.coeff_monomial(1)
        self.linear += terms.coeff_monomial(self.w)
        self.square += terms.coeff_monomial(self.w**2)

    def _slope(self, v: sp.Expr) -> tuple[int, sp.Expr]:
        slope, rest = sp.expand(v).coeff(self.w, 1), sp.expand(v).coeff(self.w, 0)
        if slope not in (1, -1) or sp.expand(v - slope * self.w - rest) != 0:
            raise NoRule(f"a Gamma function of {v}", f"{self.w} with coefficient 1 or -1", "`.reference(...)`")
        return int(slope), rest

    def _gamma(self, argument: sp.Expr, power: sp.Expr) -> None:
        """Gamma(1 + v) = 1**(rising v): measured from Gamma(1) = 1."""
        self._ratio(sp.S.One, argument - 1, power)

    def _ratio(self, x: sp.Expr, v: sp.Expr, power: sp.Expr) -> None:
        e, beta = self._slope(v)
        self.ratios.append((x, e, beta, power))
        self._exponent(power * v * sp.log(x))

    def _binomial(self, layer: sp.Sum, power: sp.Expr) -> None:
        """sum_k binomial(N, k) 2^-N rising(k/2, v), and the N/4 to the v that the kernel divides by."""
        ((k, low, N),) = layer.limits
        rising = next(iter(layer.function.atoms(sp.RisingFactorial)), sp.RisingFactorial(sp.S.Half, k))
        rest = sp.simplify(layer.function / rising * 2**N / sp.binomial(N, k))
        if rest.has(k) or rising.args[0] != k / 2 or low != 1 or not N.is_Integer:
            raise NoRule(f"the sum {layer}", "one over a binomial law with probability 1/2", "`.reference(...)`")
        if rest != 1:
            self.product(rest, power)
        e, beta = self._slope(rising.args[1])
        self.binomials.append((int(N), e, beta, power))
        self._exponent(power * rising.args[1] * sp.log(N / sp.Integer(4)))

    def _polynomial(self, base: sp.Expr, power: int) -> None:
        """Polynomials as they are; 1/(w + b) is Gamma(w + b)/Gamma(w + b + 1), where w + b > 0."""
        if power > 0:
            self.polynomial *= base**power
            return
        slope, rest = sp.Poly(base, self.w).nth(1), sp.Poly(base, self.w).nth(0)
        if sp.expand(base - slope * self.w - rest) != 0:
            raise NoRule(f"1/({base})", "linear denominators", "`.reference(...)`")
        sign = sp.sign(base.subs(self.w, self.middle))
        e = sign * sp.sign(slope)
        self.constant += power * sp.log(abs(slope))
        self.polynomial *= sign**power
        argument = e * (self.w + rest / slope)
        for shifted, count in ((argument, -power), (argument + 1, power)):
            self._ratio(sp.S.One, shifted - 1, sp.Integer(count))


def lowered(head: LineIntegral) -> Lowered:
    """The integrand of a head taken apart; `NoRule` for what has no place in it."""
    low, high = head.strip
    if low.is_finite and high.is_finite:
        middle = (low + high) / 2
    else:
        middle = low + 1 if low.is_finite else high - 1 if high.is_finite else sp.S.Zero
    found = Lowered(head.variable, middle)
    found.product(head.integrand, sp.S.One)
    return found


def contour(found: Lowered, head: LineIntegral) -> Contour:
    """Numbers in place of what holds no symbol; `constant` and `linear` only as far as they are numbers."""
    numbers = found.constant.is_number, found.linear.is_number
    ratios = [[_double(x), e, _double(b), _double(n)] for x, e, b, n in found.ratios]
    starts = np.cumsum([0, *(N + 1 for N, *_ in found.binomials)])
    binomials = [
        [starts[i], starts[i + 1], e, _double(b), _double(m)] for i, (_, e, b, m) in enumerate(found.binomials)
    ]
    weights = [weight for N, *_ in found.binomials for weight in _weights(N)]
    coefficients = sp.Poly(found.polynomial, found.w).all_coeffs()[::-1]
    return Contour(
        _double(found.constant) if numbers[0] else 0.0,
        _double(found.linear) if numbers[1] else 0.0,
        _double(found.square),
        np.array(ratios, dtype=np.float64).reshape(-1, 4),
        np.array(binomials, dtype=np.float64).reshape(-1, 5),
        np.array(weights, dtype=np.float64),
        np.array([_double(c) for c in coefficients]),
        (_end(head.strip[0]), _upper(found, _end(head.strip[1]))),
    )


def _weights(N: int) -> list[float]:
    """Of a binomial law with probability 1/2, from 0 on; zero where fewer units are as good as impossible."""
    with mp.workdps(CONSTANT_DIGITS):
        weights = [mp.binomial(N, k) / mpf(2) ** N for k in range(N + 1)]
        below = accumulate(weights)
        return [float(weight) if total > IMPOSSIBLE else 0.0 for weight, total in zip(weights, below, strict=True)]


def _upper(found: Lowered, high: float) -> float:
    """The upper end of the strip, beyond poles of no weight: they would hide the saddle from floats."""
    falling = [(N, _double(beta)) for N, e, beta, _ in found.binomials if e == -1]
    if not falling or high != min(0.5 + beta for _, beta in falling):
        return high
    return min(0.5 * max(1, next(k for k, b in enumerate(_weights(N)) if b)) + beta for N, beta in falling)


def _end(value: sp.Expr) -> float:
    return inf if value == sp.oo else -inf if value == -sp.oo else _double(value)


def _double(value: sp.Expr) -> float:
    number = sp.sympify(value)
    if number.free_symbols or number.is_real is False:
        raise NoRule(f"{number} in an integrand", "a real number", "a value for every symbol")
    return float(number.evalf(CONSTANT_DIGITS, maxn=500))


@dataclass(frozen=True)
class LineKernel:
    """A compiled expression that holds line integrals; it broadcasts over its arguments.

    `bounded` gives value, error and method at one point.

    >>> w, z = sp.Symbol("w"), sp.Symbol("z", positive=True)
    >>> kernel = LineKernel(LineIntegral(sp.gamma(w) * z**-w, w, (0, sp.oo)), (z,))
    >>> round(kernel(2.0), 14), round(float(np.exp(-2.0)), 14)
    (0.13533528323661, 0.13533528323661)
    """

    expr: sp.Expr
    args: tuple[sp.Symbol, ...]

    @property
    def source(self) -> str:
        """The formula; the loop over the line is `symlimits.reading.contour`."""
        return str(self.expr)

    @cached_property
    def _parts(self) -> list[tuple[sp.Symbol, Contour, Any, Any]]:
        """For each head: its place in the formula, its contour, and what its X and its constant are."""
        heads = sorted(self.expr.atoms(LineIntegral), key=sp.default_sort_key)
        found = []
        for i, head in enumerate(heads):
            terms = lowered(head)
            free = [value if not value.is_number else sp.S.Zero for value in (terms.linear, terms.constant)]
            functions = [sp.lambdify(self.args, sp.expand_log(value), "numpy") for value in free]
            found.append((sp.Symbol(f"I_{i}"), contour(terms, head), *functions))
        return found

    @cached_property
    def _whole(self) -> Any:
        heads = sorted(self.expr.atoms(LineIntegral), key=sp.default_sort_key)
        names = [name for name, *_ in self._parts]
        inside = self.expr.xreplace(dict(zip(heads, names, strict=True)))
        return sp.lambdify([*self.args, *names], inside, ["scipy", "numpy"]), [inside.diff(name) for name in names]

    def __call__(self, *values: Any) -> Any:
        return plain(self._computed(values)[0])

    def bounded(self, *values: Any) -> tuple[float, float, str]:
        """The value at a point, a bound of its error as the trapezoid rules and the size of the terms tell it."""
        value, error = self._computed([float(v) for v in values])
        return float(value), float(error), "trapezoid rule on the line through the saddle, compiled"

    def _computed(self, values: Any) -> tuple[Array, Array]:
        numbers = np.broadcast_arrays(*as_reals(values, [s.name for s in self.args]))
        integrals, errors = [], []
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            for _, line, linear, constant in self._parts:
                found = line(np.broadcast_to(linear(*numbers), numbers[0].shape))
                integrals.append(found.sign * np.exp(found.log + constant(*numbers)))
                errors.append(np.abs(integrals[-1]) * found.error)
            formula, slopes = self._whole
            result = np.asarray(formula(*numbers, *integrals))
            names = [*self.args, *(name for name, *_ in self._parts)]
            rates = [sp.lambdify(names, slope, ["scipy", "numpy"])(*numbers, *integrals) for slope in slopes]
        if not np.isfinite(result).all():
            raise DomainError("a value that is no float", "one in the range of floats", "other arguments")
        error = sum(np.abs(rate) * e for rate, e in zip(rates, errors, strict=True)) + 4e-16 * np.abs(result)
        return result, error

    def __getstate__(self) -> dict[str, Any]:
        return {"expr": self.expr, "args": self.args}

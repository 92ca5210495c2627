r"""A line in powers of the gap $\delta = 1-\rho$: Taylor where it is smooth at $\rho = 1$, Puiseux where it is not.

With $\delta = t^2$ every closed form of the rules is a power series in t, found from the leaves up: sums and
products termwise; powers by Miller's recurrence; arcsine, error function and logarithm as integrals of their
derivatives, which holds at the ends of the arcsine too; exponentials and waves by composition. An expectation that is
left expands by Price's theorem, $\partial_\rho^k\,\mathbb E f(u)g(v) = q^k\,\mathbb E f^{(k)}(u)\,g^{(k)}(v)$ at
variances q and covariance $q\rho$, which at $\rho = 1$ is an expectation over one variable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import sympy as sp

from symlimits.derivation.collect import collect, collect_roots
from symlimits.errors import NoRule
from symlimits.language.activation import Activation, x
from symlimits.language.expectation import GaussianExpectation, separated

RULE = "expansion at rho = 1"
SOURCE = "derived here: Puiseux series; Price 1958"
LARGEST_ORDER = 20
_AHEAD = 4  # powers of t beyond the order in which the first omitted term is looked for
_ZERO_DIGITS = 40
_INTEGRALS = (sp.asin, sp.acos, sp.atan, sp.asinh, sp.acosh, sp.erf, sp.erfc, sp.log)
_COMPOSED = (sp.exp, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.tanh)

PowerTerm = tuple[sp.Rational, sp.Expr]


def series_at_one(line: sp.Expr, rho: sp.Symbol, order: sp.Rational) -> tuple[tuple[PowerTerm, ...], PowerTerm | None]:
    r"""The terms $a_k\delta^k$ of `line` with $k \le$ `order`, and the first omitted one (None: there is no other).

    >>> rho = sp.Symbol("rho", real=True)
    >>> series_at_one(sp.asin(rho), rho, sp.Integer(1))
    (((0, pi/2), (1/2, -sqrt(2))), (3/2, -sqrt(2)/12))
    """
    t = sp.Dummy("t", positive=True)
    highest = int(2 * order)
    line = line.replace(_is_degenerate, _over_one_variable).subs(rho, 1 - t**2)
    names = _Names()
    line = line.xreplace({head: names.of(head) for head in line.atoms(GaussianExpectation) if not head.has(t)})
    scale, varying = line.as_independent(t, as_Add=False)
    terms: list[PowerTerm] = []
    for power, coefficient in _powers(varying, t, highest, names):
        tidied = _tidy(coefficient, scale)
        if tidied != 0:
            terms.append((sp.Rational(power, 2), tidied.xreplace(names.heads)))
        if tidied != 0 and power > highest:
            break
    kept = tuple(term for term in terms if term[0] <= order)
    if kept == tuple(terms) and not line.is_polynomial(t):
        raise NoRule(f"no term of {line} beyond the order {order}", "the order of what is left out", "a higher order")
    return kept, next((term for term in terms if term[0] > order), None)


def _powers(line: sp.Expr, t: sp.Symbol, highest: int, names: _Names) -> list[tuple[int, sp.Expr]]:
    """The powers of t and their coefficients: more where leading terms cancel and shorten the series."""
    for length in range(highest + _AHEAD + 1, highest + 6 * _AHEAD, _AHEAD):
        series = _Reader(t, length, names).read(line).stripped()
        if series.end > highest + _AHEAD:
            break
    if series.end <= highest + 1:
        raise _too_far(series.end)
    if series.valuation < 0:
        raise NoRule(f"{line} at rho = 1, where it is infinite", "a finite value", "another point")
    return list(enumerate(series.coefficients, series.valuation))


class _Names(dict[GaussianExpectation, sp.Dummy]):
    """Names for expectations over one variable while coefficients are put in order."""

    def __missing__(self, head: GaussianExpectation) -> sp.Dummy:
        return self.setdefault(head, sp.Dummy("E", real=True))

    def of(self, head: GaussianExpectation) -> sp.Expr:
        """A number times the name of the expectation without it: E f^2/4 and E (f/2)^2 have one name."""
        factor, integrand = sp.factor_terms(head.integrand).as_coeff_Mul()
        return factor * self[GaussianExpectation(integrand, head.variables, head.covariance)]

    @property
    def heads(self) -> dict[sp.Dummy, GaussianExpectation]:
        return {name: head for head, name in self.items()}


@dataclass(frozen=True)
class _Series:
    """The sum of coefficients[k] t^(valuation + k), known up to, not including, the power `end`."""

    valuation: int
    coefficients: tuple[sp.Expr, ...]

    @property
    def end(self) -> int:
        return self.valuation + len(self.coefficients)

    def at(self, power: int) -> sp.Expr:
        return self.coefficients[power - self.valuation] if self.valuation <= power < self.end else sp.S.Zero

    def __add__(self, other: _Series) -> _Series:
        low, end = min(self.valuation, other.valuation), min(self.end, other.end)
        return _Series(low, tuple(_normal(self.at(k) + other.at(k)) for k in range(low, end)))

    def __mul__(self, other: _Series) -> _Series:
        a, b = self.coefficients, other.coefficients
        products = (
            sp.Add(*(a[i] * b[k - i] for i in range(k + 1) if a[i] != 0 and b[k - i] != 0))
            for k in range(min(len(a), len(b)))
        )
        return _Series(self.valuation + other.valuation, tuple(map(_normal, products)))

    def derivative(self) -> _Series:
        return _Series(self.valuation - 1, tuple(k * a for k, a in enumerate(self.coefficients, self.valuation)))

    def integral(self, start: sp.Expr) -> _Series:
        """The integral from 0, plus a constant; of nothing that is as large as 1/t."""
        if any(a != 0 for k, a in enumerate(self.coefficients, self.valuation) if k < 0):
            raise NoRule("a logarithm of the gap", "powers of the gap", "a line that is finite at rho = 1")
        return _Series(0, (start, *(self.at(k) / (k + 1) for k in range(self.end))))

    def stripped(self) -> _Series:
        """Without zeros in front."""
        zeros = 0
        while zeros < len(self.coefficients) and _is_zero(self.coefficients[zeros]):
            zeros += 1
        return _Series(self.valuation + zeros, self.coefficients[zeros:])

    def power(self, exponent: sp.Expr) -> _Series:
        """Miller's recurrence: g = f^r satisfies f g' = r f' g."""
        start = self.stripped()
        if not start.coefficients:
            raise NoRule("a power of zero", "a base that is known to differ from zero", "a higher order")
        valuation = start.valuation * exponent
        if not valuation.is_Integer:
            raise NoRule(f"the power {exponent} of a gap", "halves of integers", "another closed form")
        first, *others = start.coefficients
        ratios = [sp.S.One, *(_normal(a / first) for a in others)]
        found = [sp.S.One]
        for k in range(1, len(ratios)):
            parts = [(exponent * i - k + i) * ratios[i] * found[k - i] for i in range(1, k + 1) if ratios[i] != 0]
            found.append(_normal(sp.Add(*parts) / k))
        lead = _root(first, exponent)
        return _Series(int(valuation), tuple(lead * a for a in found))


class _Reader:
    """Expressions in t to series of at least some length (less what cancels in front)."""

    def __init__(self, t: sp.Symbol, length: int, names: _Names) -> None:
        self.t, self.length, self.names = t, length, names
        self.known: dict[sp.Expr, _Series] = {}

    def read(self, expr: sp.Expr) -> _Series:
        if expr not in self.known:
            self.known[expr] = self._read(expr)
        return self.known[expr]

    def _read(self, expr: sp.Expr) -> _Series:
        if not expr.has(self.t):
            return self._padded(0, [expr])
        if expr == self.t:
            return self._padded(1, [sp.S.One])
        match expr:
            case sp.Add() | sp.Mul():
                first, *others = map(self.read, expr.args)
                for other in others:
                    first = first + other if isinstance(expr, sp.Add) else first * other
                return first
            case sp.Pow() if not expr.exp.has(self.t):
                return self._power(expr)
            case GaussianExpectation():
                return self._expectation(expr)
            case _ if isinstance(expr, _INTEGRALS):
                return self._integral(expr)
            case _ if isinstance(expr, _COMPOSED):
                return self._composed(self.read(expr.args[0]), type(expr))
        raise NoRule(f"{expr.func.__name__} in powers of the gap", "roots and elementary functions", "a closed form")

    def _padded(self, valuation: int, coefficients: list[sp.Expr]) -> _Series:
        return _Series(valuation, (*coefficients, *[sp.S.Zero] * (self.length - len(coefficients))))

    def _power(self, expr: sp.Pow) -> _Series:
        base = self.read(expr.base)
        if expr.exp.is_Integer and 0 < expr.exp <= 3:
            result = base
            for _ in range(int(expr.exp) - 1):
                result = result * base
            return result
        return base.power(expr.exp)

    def _integral(self, expr: sp.Expr) -> _Series:
        """F(f) as F(f(0)) and the integral of F'(f) f'."""
        (argument,) = expr.args
        inside = self.read(argument)
        if inside.valuation < 0:
            raise NoRule(f"{argument}, infinite at rho = 1", "a finite argument", "another closed form")
        z = sp.Dummy("z")
        slope = self.read(expr.func(z).diff(z).xreplace({z: argument}))
        return (slope * inside.derivative()).integral(expr.func(_normal(inside.at(0))))

    def _composed(self, inside: _Series, function: Callable[[sp.Expr], sp.Expr]) -> _Series:
        z = sp.Dummy("z")
        start = _normal(inside.at(0))
        derivative = function(z)

        def coefficients(k: int) -> sp.Expr:
            return derivative.diff(z, k).xreplace({z: start}) / sp.factorial(k)

        return self._taylor(inside, coefficients)

    def _taylor(self, inside: _Series, coefficients: Callable[[int], sp.Expr]) -> _Series:
        r"""$\sum_k a_k (f-f(0))^k$."""
        if inside.valuation < 0:
            raise NoRule("an argument that is infinite at rho = 1", "a finite argument", "another closed form")
        difference = _Series(0, (sp.S.Zero, *(inside.at(k) for k in range(1, inside.end)))).stripped()
        total, power = self._padded(0, [coefficients(0)]), self._padded(0, [sp.S.One])
        for k in count(1):
            if not difference.coefficients or k * difference.valuation >= inside.end:
                return _Series(0, total.coefficients[: inside.end])
            power = power * difference
            factor = coefficients(k)
            total = total + _Series(power.valuation, tuple(factor * a for a in power.coefficients))
        raise AssertionError

    def _expectation(self, head: GaussianExpectation) -> _Series:
        """By Price's theorem in the covariance, around covariance = variance."""
        matrix = head.covariance
        if matrix.shape == (1, 1):
            return self._of_small_variance(head)
        if matrix.shape != (2, 2) or matrix[0, 0] != matrix[1, 1] or matrix[0, 0].has(self.t):
            raise NoRule(f"{head} in powers of the gap", "equal variances", ".on_sphere(q)")
        covariance = self.read(matrix[0, 1])
        if not _is_zero(covariance.at(0) - matrix[0, 0]):
            raise NoRule(f"{head} at rho = 1", "the covariance equal to the variances there", ".on_sphere(q)")
        (u, v), (f, g, mixed) = head.variables, separated(head.integrand, *head.variables)
        if mixed != 1:
            raise NoRule(f"the factor {mixed}", f"a function of {u} times a function of {v}", "expand it first")
        return self._price_series(Activation(f.subs(u, x)), Activation(g.subs(v, x)), u, matrix[0, 0], covariance)

    def _of_small_variance(self, head: GaussianExpectation) -> _Series:
        r"""$\mathbb E f(u) = \sum_k (q/2)^k f^{(2k)}(0)/k!$ at small variances q, by Price's theorem."""
        (u,), variance = head.variables, self.read(head.covariance[0, 0])
        f = Activation(head.integrand.subs(u, x))
        if not _is_zero(variance.at(0)) or any(at.is_zero for at in f.kinks):
            raise NoRule(f"{head} at small variances", "a function that is smooth at zero", "a closed form")
        return self._taylor(variance, lambda k: f.expr.diff(x, 2 * k).subs(x, 0) / (2**k * sp.factorial(k)))

    def _price_series(
        self, f: Activation, g: Activation, u: sp.Symbol, variance: sp.Expr, covariance: _Series
    ) -> _Series:
        """Derivative after derivative, up to the first that jumps: behind it comes a half-integer power."""
        slopes = [(f, g)]
        while len(slopes) < self.length and not any(phi.discontinuities for phi in slopes[-1]):
            slopes.append((_slope(slopes[-1][0]), _slope(slopes[-1][1])))

        def coefficients(k: int) -> sp.Expr:
            if k >= len(slopes):
                return sp.S.Zero
            product = _almost_everywhere(slopes[k][0](u) * slopes[k][1](u))
            shortest = min((sp.factor_terms(product), sp.factor(product)), key=sp.count_ops)
            number, integrand = shortest.as_content_primitive()
            return number * self.names.of(GaussianExpectation(integrand, (u,), [[variance]])) / sp.factorial(k)

        smooth = self._taylor(covariance, coefficients)
        if len(slopes) == self.length:
            return smooth
        times, gap = len(slopes) - 1, _scaled(covariance, -1 / variance)
        gap = _Series(0, (sp.S.Zero, *gap.coefficients[1 - gap.valuation :]))
        rough = _scaled(gap.power(times + sp.Rational(1, 2)), _crossings(*slopes[-1], times, variance))
        both = smooth + rough
        return _Series(both.valuation, both.coefficients[: rough.valuation + 1 - both.valuation])


def _scaled(series: _Series, factor: sp.Expr) -> _Series:
    return _Series(series.valuation, tuple(_normal(factor * a) for a in series.coefficients))


def _slope(phi: Activation) -> Activation:
    return Activation(phi.derivative().expr)


def _almost_everywhere(integrand: sp.Expr) -> sp.Expr:
    """Without the values at single points."""

    def cut(*branches: sp.Tuple) -> sp.Expr:
        return sp.Piecewise(*(branch for branch in branches if not isinstance(branch[1], sp.Eq)))

    return integrand.replace(sp.Piecewise, cut)


def _crossings(f: Activation, g: Activation, times: int, variance: sp.Expr) -> sp.Expr:
    r"""The coefficient of $\delta^{m+1/2}$ where the m-th derivatives jump.

    $P(u > a > v) \sim e^{-a^2/2q}\sqrt{2\delta}/2\pi$, so jumps J and H at a take $JH$ times that from
    $\mathbb E f^{(m)}(u)g^{(m)}(v)$; what is lost integrates m times.
    """
    jumps = [{a: jump.subs(x, a) for a, jump in phi.branches.jumps()} for phi in (f, g)]
    lost = sp.Add(*(jumps[0][a] * jumps[1].get(a, 0) * sp.exp(-(a**2) / (2 * variance)) for a in jumps[0]))
    integrated = sp.rf(sp.Rational(3, 2), times)
    return -((-variance) ** times) * lost * sp.sqrt(2) / (2 * sp.pi * integrated)


def _too_far(end: int) -> NoRule:
    order = sp.Rational(end - 1, 2)
    given = f"an order above {order}, at a jump of a derivative"
    return NoRule(given, f"an order of at most {order}", f"at_one({order})")


def _is_degenerate(node: sp.Basic) -> bool:
    """An expectation of f(u) g(v) with u = v."""
    return isinstance(node, GaussianExpectation) and len(node.variables) == 2 and len(set(node.covariance)) == 1


def _over_one_variable(head: GaussianExpectation) -> sp.Expr:
    u, v = head.variables
    return GaussianExpectation(head.integrand.subs(v, u), (u,), [[head.covariance[0, 0]]])


def _root(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    if exponent.is_Integer:
        return base**exponent
    return sp.factor(base) ** exponent


def _normal(coefficient: sp.Expr) -> sp.Expr:
    """In order, so that what cancels does."""
    if coefficient.is_Rational:
        return coefficient
    symbols = coefficient.free_symbols
    if symbols and coefficient.is_rational_function(*symbols):
        return sp.factor(coefficient)
    return collect_roots(coefficient)


def _tidy(coefficient: sp.Expr, scale: sp.Expr) -> sp.Expr:
    """The product, as a paper would print it; an integer where it is one."""
    whole = _integer(coefficient * scale)
    if whole is not None:
        return whole
    forms = (coefficient, sp.factor_terms(coefficient), collect(coefficient))
    product = min(forms, key=sp.count_ops) * scale
    return sp.factor(product) if product.is_rational_function() else sp.factor_terms(product)


def _is_zero(coefficient: sp.Expr) -> bool:
    return _integer(coefficient) == 0


def _integer(coefficient: sp.Expr) -> sp.Integer | None:
    """The integer that an expression is, told from its value to 40 digits at two points; None if it is none."""
    if coefficient.is_Rational:
        return coefficient if coefficient.is_Integer else None
    symbols = sorted(coefficient.free_symbols, key=str)
    nearest: sp.Integer | None = None
    for seed in (7919, 104729):
        point = {s: sp.Rational(seed * (k + 3) % 1009 + 1, 613) for k, s in enumerate(symbols)}
        value = coefficient.xreplace(point).evalf(_ZERO_DIGITS)
        if not value.is_real or not value.is_number:
            return None
        whole = sp.Integer(round(value))
        if abs(value - whole) > sp.Float(10) ** (10 - _ZERO_DIGITS) or nearest not in (None, whole):
            return None
        nearest = whole
        if not symbols:
            break
    return nearest

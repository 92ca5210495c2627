r"""Antiderivatives in the covariance, inside a class that is closed under integration.

With $S = \sqrt{A - B s^2}$ the class is spanned by $s^m S^n$ (n odd), $s^m\arcsin(s\sqrt{B/A})$,
$s^m$ and $s^m e^{\lambda s}$. Each integral from 0 of a member is again in the class, by
$s^2 = (A - S^2)/B$, by $(sS^{n+2})' = (n+3)S^{n+2} - (n+2)AS^n$ and by parts (derived here).
Coefficients are exact rational functions of $a = \sqrt A$ and $r = \sqrt B$.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp

from symlimits.errors import NoRule

_FIELD, _a, _r = sp.field("a,r", sp.QQ)
_A, _B = _a**2, _r**2

STEEP = 10**6  # the square of a rate beyond which exponentials are no powers of one another

# A member of the class: (kind, m, n) -> coefficient, kind "S" for s^m S^n, "arcsin", "power".
Member = dict[tuple[str, int, int], Any]


@dataclass(frozen=True)
class Monomial:
    """coefficient * s**power * (A - B s^2)**(half / 2) * exp(rate s)."""

    coefficient: sp.Expr
    power: int
    radicand: tuple[sp.Expr, sp.Expr] | None
    half: int
    rate: sp.Expr


def integrate_repeatedly(expr: sp.Expr, s: sp.Symbol, upper: sp.Expr, times: int) -> sp.Expr:
    r"""$\int_0^c\frac{(c-s)^{k-1}}{(k-1)!}G(s)\,ds$: the k-fold integral of G from 0.

    >>> s, c = sp.symbols("s c", real=True)
    >>> integrate_repeatedly(1 / sp.sqrt(4 - s**2), s, c, 1)
    asin(c/2)
    """
    return sp.Add(*(_integrated(monomial, upper, times) for monomial in monomials(expr, s)))


def monomials(expr: sp.Expr, s: sp.Symbol) -> tuple[Monomial, ...]:
    """Write a function of s as a sum of members of the class; `NoRule` when it is not one."""
    roots: dict[tuple[sp.Expr, sp.Expr], sp.Symbol] = {}

    def to_root(power: sp.Pow) -> sp.Expr:
        radicand = _radicand(power.base, s)
        return roots.setdefault(radicand, sp.Dummy("S", positive=True)) ** (2 * power.exp)

    rooted = expr.replace(lambda node: _is_radical(node, s), to_root)
    names = {root: radicand for radicand, root in roots.items()}
    return tuple(_monomial(term, s, names) for term in sp.Add.make_args(sp.expand(rooted)) if term != 0)


def collect_radicals(expr: sp.Expr, s: sp.Symbol) -> sp.Expr:
    """The same function with one fraction for each radicand."""
    groups: dict[Any, list[Monomial]] = {}
    for monomial in monomials(expr, s):
        groups.setdefault((monomial.radicand, monomial.rate), []).append(monomial)
    total = sp.S.Zero
    for (radicand, rate), members in groups.items():
        lowest = min(monomial.half for monomial in members)
        base = sp.S.One if radicand is None else _difference(radicand, s)
        top = sp.Add(*(m.coefficient * s**m.power * base ** ((m.half - lowest) // 2) for m in members))
        total += _factored(top) * base ** sp.Rational(lowest, 2) * sp.exp(rate * s)
    return total


def _factored(expr: sp.Expr) -> sp.Expr:
    """Factored; exp(10000 p) is a name there: SymPy takes it for a power of exp(p), and writes all of them down."""
    steep = [wave for wave in expr.atoms(sp.exp) if any(n.p**2 > STEEP for n in wave.args[0].atoms(sp.Rational))]
    names = {wave: sp.Dummy(positive=True) for wave in steep}
    return sp.factor(expr.xreplace(names)).xreplace({name: wave for wave, name in names.items()})


def _is_radical(node: sp.Basic, s: sp.Symbol) -> bool:
    return node.is_Pow and node.base.has(s) and not (node.exp.is_Integer and node.exp > 0) and (2 * node.exp).is_Integer


def _radicand(base: sp.Expr, s: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
    if not base.is_polynomial(s):
        raise _outside(base)
    polynomial = sp.Poly(base, s)
    if polynomial.degree() != 2 or polynomial.coeff_monomial(s) != 0:
        raise _outside(base)
    return sp.factor(polynomial.coeff_monomial(1)), sp.factor(-polynomial.coeff_monomial(s**2))


def _difference(radicand: tuple[sp.Expr, sp.Expr], s: sp.Expr) -> sp.Expr:
    A, B = radicand
    return A - B * s**2


def _monomial(term: sp.Expr, s: sp.Symbol, names: dict[sp.Symbol, tuple[sp.Expr, sp.Expr]]) -> Monomial:
    coefficient, power, radicand, half, rate = sp.S.One, 0, None, 0, sp.S.Zero
    for factor in sp.Mul.make_args(term):
        base, exponent = factor.as_base_exp()
        if base in names and radicand is None:
            radicand, half = names[base], int(exponent)
        elif not factor.has(s) and not factor.has(*names):
            coefficient *= factor
        elif base == s and exponent.is_Integer and exponent > 0:
            power += int(exponent)
        elif isinstance(factor, sp.exp) and factor.args[0].is_polynomial(s) and sp.degree(factor.args[0], s) == 1:
            rate += factor.args[0].coeff(s)
            coefficient *= sp.exp(factor.args[0].subs(s, 0))
        else:
            raise _outside(factor)
    if radicand is not None and (rate != 0 or half % 2 == 0):
        raise _outside(term)
    return Monomial(coefficient, power, radicand, half, rate)


def _outside(expr: sp.Expr) -> NoRule:
    return NoRule(
        f"the integrand {expr}",
        "powers of s times odd powers of sqrt(A - B s^2), or times exp(s)",
        "the reference value (quadrature): it needs no closed form",
    )


def _integrated(monomial: Monomial, upper: sp.Expr, times: int) -> sp.Expr:
    if monomial.rate != 0:
        return monomial.coefficient * _exponential(monomial.power, monomial.rate, upper, times)
    if monomial.radicand is None:
        start: Member = {("power", monomial.power, 0): _FIELD.one}
    else:
        start = {("S", monomial.power, monomial.half): _FIELD.one}
    return monomial.coefficient * _as_expr(_primitive(tuple(start.items()), times), monomial.radicand, upper)


def _exponential(power: int, rate: sp.Expr, upper: sp.Expr, times: int) -> sp.Expr:
    """The k-fold integral of s^m exp(rate s), by parts; the class keeps polynomials of s as start values."""
    member = {(power, True): sp.S.One}  # (m, with exponential?) -> coefficient
    for _ in range(times):
        integral: dict[tuple[int, bool], sp.Expr] = {}
        for (m, waves), k in member.items():
            for key, value in _exponential_integral(m, rate) if waves else [((m + 1, False), sp.Rational(1, m + 1))]:
                integral[key] = integral.get(key, sp.S.Zero) + k * value
        member = integral
    return sp.Add(*(k * upper**m * (sp.exp(rate * upper) if waves else 1) for (m, waves), k in member.items()))


def _exponential_integral(m: int, rate: sp.Expr) -> Iterator[tuple[tuple[int, bool], sp.Expr]]:
    coefficient = 1 / rate
    for j in range(m, -1, -1):
        yield (j, True), coefficient
        if j == 0:
            yield (0, False), -coefficient
        coefficient = -coefficient * j / rate


@lru_cache(maxsize=1024)
def _primitive(member: tuple[tuple[tuple[str, int, int], Any], ...], times: int) -> tuple[Any, ...]:
    """Integrate from 0, `times` times over."""
    for _ in range(times):
        total: Member = {}
        for key, coefficient in member:
            _add(total, coefficient, _integral(*key))
        member = tuple(total.items())
    return member


@lru_cache(maxsize=1024)
def _integral(kind: str, m: int, n: int) -> Member:
    if kind == "power":
        return {("power", m + 1, 0): _FIELD.one / (m + 1)}
    if kind == "arcsin":
        by_parts = {("arcsin", m + 1, 0): _FIELD.one / (m + 1)}
        return _sum((_FIELD.one, by_parts), (-_r / (m + 1), _integral("S", m + 1, -1)))
    if m >= 2:
        return _sum((_A / _B, _integral("S", m - 2, n)), (-1 / _B, _integral("S", m - 2, n + 2)))
    if m == 1:
        return _sum((-1 / (_B * (n + 2)), {("S", 0, n + 2): _FIELD.one, ("power", 0, 0): -(_a ** (n + 2))}))
    if n == -1:
        return {("arcsin", 0, 0): 1 / _r}
    if n < -1:
        return _sum(
            (_FIELD(n + 3) / ((n + 2) * _A), _integral("S", 0, n + 2) if n != -3 else {}),
            (-1 / ((n + 2) * _A), {("S", 1, n + 2): _FIELD.one}),
        )
    return _sum((_FIELD.one / (n + 1), {("S", 1, n): _FIELD.one}), (_FIELD(n) * _A / (n + 1), _integral("S", 0, n - 2)))


def _sum(*weighted: tuple[Any, Member]) -> Member:
    total: Member = {}
    for weight, member in weighted:
        _add(total, weight, member)
    return total


def _add(total: Member, weight: Any, member: Member) -> None:
    for key, value in member.items():
        total[key] = total.get(key, _FIELD.zero) + weight * value


def _as_expr(member: tuple[Any, ...], radicand: tuple[sp.Expr, sp.Expr] | None, c: sp.Expr) -> sp.Expr:
    A, B = radicand or (sp.S.One, sp.S.One)
    a, r = sp.sqrt(A), sp.sqrt(B)
    total = sp.S.Zero
    for (kind, m, n), coefficient in member:
        shape = sp.sqrt(A - B * c**2) ** n if kind == "S" else sp.asin(r * c / a) if kind == "arcsin" else sp.S.One
        total += coefficient.as_expr().subs({"a": a, "r": r}) * c**m * shape
    return total

"""Putting a closed form in order: like terms together, one fraction for each square root.

Every term is a rational function of the symbols times powers of square roots times
transcendental factors (arcsin, exp, ...) times a number. Terms with the same roots (modulo squares),
transcendental factors and irrational number are added, and the rational function is cancelled and
factored. What several terms share then goes in front of a bracket.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp

from symlimits.derivation.factors import bracketed, product
from symlimits.derivation.fractions import Fractions, shortest
from symlimits.derivation.waves import merge_waves


@dataclass
class _Part:
    """One term: the rational factor, the powers of the roots, and the rest."""

    rational: sp.Expr = sp.S.One
    roots: dict[sp.Expr, int] = field(default_factory=dict)
    rest: sp.Expr = sp.S.One

    @property
    def odd(self) -> frozenset[sp.Expr]:
        """The roots that stay when pairs of them are taken out."""
        return frozenset(root for root, n in self.roots.items() if n % 2)


class _Roots:
    """Square roots as symbols, one for each radicand."""

    def __init__(self) -> None:
        self.radicands: dict[sp.Symbol, sp.Expr] = {}
        self._names: dict[sp.Expr, sp.Expr] = {}

    def named(self, expr: sp.Expr) -> sp.Expr:
        """The expression with a symbol for every root; a radicand may hold symbols of others."""
        return expr.replace(_is_root, lambda power: self._root(power.base) ** (2 * power.exp))

    def restored(self, expr: sp.Expr) -> sp.Expr:
        """The roots put back, those inside others too."""
        back = {root: sp.sqrt(radicand) for root, radicand in self.radicands.items()}
        while back and expr.has(*back):
            expr = expr.xreplace(back)
        return expr

    def _root(self, base: sp.Expr) -> sp.Expr:
        if base not in self._names:
            factored = sp.sqrt(sp.factor(self.restored(base))) if base.is_Add else base
            factored = factored.replace(_is_root_of_product, lambda power: sp.expand(power.base) ** power.exp)
            if factored.is_Mul:
                self._names[base] = self.named(factored)
            else:
                plain = self.named(self.restored(base)) if base.is_Add else base
                self._names[base] = self._symbol(min((plain, shortest(sp.expand(plain))), key=sp.count_ops))
        return self._names[base]

    def _symbol(self, radicand: sp.Expr) -> sp.Symbol:
        known = next((root for root, other in self.radicands.items() if other == radicand), None)
        if known is None:
            known = sp.Dummy("S", positive=True)
            self.radicands[known] = radicand
        return known


def collect(expr: sp.Expr) -> sp.Expr:
    """The same expression, in order.

    >>> p = sp.Symbol("p", positive=True)
    >>> collect(sp.sqrt(p + 1) - p / sp.sqrt(p + 1))
    1/sqrt(p + 1)
    """
    ordered = collect_roots(expr)
    return min((expr, ordered), key=sp.count_ops) if expr.has(sp.exp) else ordered


def collect_roots(expr: sp.Expr) -> sp.Expr:
    """The same also where it is longer: like terms are surely together."""
    return bracketed(_groups(expr))


def _groups(expr: sp.Expr) -> list[sp.Expr]:
    roots = _Roots()
    sealed, waves = _sealed(expr)  # what is inside an exponential is not to be expanded
    rooted = sp.expand(roots.named(sealed), power_exp=False)
    groups: dict[tuple[object, ...], list[_Part]] = {}
    for term in sp.Add.make_args(rooted):
        part = _split(term, roots)
        groups.setdefault((part.odd, part.rest), []).append(part)
    symbols = rooted.free_symbols.union(*(radicand.free_symbols for radicand in roots.radicands.values()))
    fractions = Fractions(symbols, roots.radicands.values())
    exponents = {name: sp.exp(_exponent(wave, fractions)) for name, wave in waves.items()}
    found = []
    for parts in groups.values():
        fraction = _combine(parts, roots, fractions)
        found.append(product(sp.S.One, fraction, roots.restored(parts[0].rest.xreplace(exponents))))
    return merge_waves(found, lambda exponent: _exponent(exponent, fractions)) if waves else found


def _sealed(expr: sp.Expr) -> tuple[sp.Expr, dict[sp.Expr, sp.Expr]]:
    """Names in place of exponentials, the same for equal exponents, and the exponents of the names."""
    seal = sp.Function("E", positive=True)
    canonical = {wave: sp.factor(wave.args[0]) for wave in expr.atoms(sp.exp)}
    names = {exponent: seal(sp.Dummy()) for exponent in canonical.values()}
    sealed = expr.xreplace({wave: names[exponent] for wave, exponent in canonical.items()})
    return sealed, {name: exponent for exponent, name in names.items()}


def _exponent(exponent: sp.Expr, fractions: Fractions) -> sp.Expr:
    return fractions.printed(exponent) if fractions.holds(exponent) else exponent


def _is_root(node: sp.Basic) -> bool:
    """Half of an integer as the power of a symbol, or of a sum of rational multiples of symbols (also 1/sum)."""
    if not (node.is_Pow and (2 * node.exp).is_Integer):
        return False
    if node.base.is_Symbol:
        return not node.exp.is_Integer
    return node.base.is_Add and not _natural(node.exp) and _is_rational(node.base)


def _is_rational(base: sp.Expr) -> bool:
    """Whether it is made of symbols, rational numbers, and roots of such."""
    if base.is_Pow:
        return (2 * base.exp).is_Integer and not base.is_number and _is_rational(base.base)
    if base.is_Add or base.is_Mul:
        return not base.is_number and all(part.is_Rational or _is_rational(part) for part in base.args)
    return base.is_Symbol


def _is_root_of_product(node: sp.Basic) -> bool:
    return node.is_Pow and node.base.is_Mul and not node.exp.is_Integer


def _natural(exponent: sp.Expr) -> bool:
    return bool(exponent.is_Integer and exponent > 0)


def _split(term: sp.Expr, roots: _Roots) -> _Part:
    part = _Part()
    for factor in sp.Mul.make_args(term):
        base, exponent = factor.as_base_exp()
        if base in roots.radicands:
            part.roots[base] = part.roots.get(base, 0) + int(exponent)
        elif factor.is_Rational or (factor.is_rational_function() and _is_rational(factor)):
            part.rational *= factor
        else:
            part.rest *= factor
    return part


def _combine(parts: list[_Part], roots: _Roots, fractions: Fractions) -> sp.Expr:
    """The sum of terms with the same odd roots; even powers of roots are powers of their radicands."""
    odd = parts[0].odd
    names = {root for part in parts for root in part.roots}
    lowest = {root: min((part.roots.get(root, 0) - (root in odd)) // 2 for part in parts) for root in names}

    def times(powers: dict[sp.Symbol, int]) -> sp.Expr:
        return sp.Mul(*(roots.radicands[root] ** n for root, n in powers.items()))

    above = ({root: (p.roots.get(root, 0) - (root in odd)) // 2 - lowest[root] for root in names} for p in parts)
    total = fractions.sum((part.rational, times(powers)) for part, powers in zip(parts, above, strict=True))
    total *= fractions.sum([(times(lowest), sp.S.One)])
    return roots.restored(fractions.printed(total, [roots.radicands[root] for root in odd]))

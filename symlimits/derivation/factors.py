"""Common factors of a sum, in front of brackets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import sympy as sp


def product(number: sp.Expr, *factors: sp.Expr) -> sp.Expr:
    """A product that stays one: SymPy would multiply a sum by a number out."""
    numbers = [factor for factor in factors if factor.is_Rational]
    rest = sp.Mul(*(factor for factor in factors if not factor.is_Rational))
    own, rest = rest.as_coeff_Mul() if rest.is_Mul else (sp.S.One, rest)
    number = sp.Mul(number, own, *numbers)
    whole = rest.is_Add and number.is_Rational and abs(number) != 1
    return sp.Mul(number, rest, evaluate=False) if whole else number * rest


def bracketed(terms: Iterable[sp.Expr]) -> sp.Expr:
    r"""The sum of the terms, with what they share in front of brackets where that makes it shorter.

    >>> x, y, z = sp.symbols("x y z")
    >>> bracketed([x * sp.asin(y) / (2 * sp.pi), x / 4, z / (2 * sp.pi)])
    (x*(asin(y) + pi/2) + z)/(2*pi)
    """
    terms = [term for term in terms if term != 0]
    return min((sp.Add(*terms), *(_bracketed(terms, choose) for choose in (_shorter, _second))), key=sp.count_ops)


def _shorter(*ways: sp.Expr) -> sp.Expr:
    return min(ways, key=sp.count_ops)


def _second(*ways: sp.Expr) -> sp.Expr:
    return ways[1]


def _bracketed(terms: list[sp.Expr], choose: Callable[..., sp.Expr]) -> sp.Expr:
    """Greedily, the costliest factor first; in each bracket, `choose` takes numbers in front or not."""
    while (shared := _costliest_shared(terms)) is not None:
        inside = [_divided(term, shared) for term in terms if shared in _factors(term)]
        terms = [term for term in terms if shared not in _factors(term)]
        terms.append(product(sp.S.One, _bracketed(inside, choose), shared))
    return choose(sp.Add(*terms), _with_number_in_front(terms)) if len(terms) > 1 else sp.Add(*terms)


def _costliest_shared(terms: Sequence[sp.Expr]) -> sp.Expr | None:
    counts = Counter(factor for term in terms for factor in _factors(term))
    gains = {factor: (n - 1) * (1 + sp.count_ops(factor)) for factor, n in counts.items() if n > 1}
    return max(gains, key=lambda factor: (gains[factor], sp.default_sort_key(factor)), default=None)


def _factors(term: sp.Expr) -> set[sp.Expr]:
    """The factors that are no numbers, and the bases of natural powers."""
    factors = {factor for factor in sp.Mul.make_args(term) if not factor.is_number}
    return factors | {factor.base for factor in factors if _is_natural_power(factor)}


def _is_natural_power(factor: sp.Expr) -> bool:
    return bool(factor.is_Pow and factor.exp.is_Integer and factor.exp > 0)


def _divided(term: sp.Expr, factor: sp.Expr) -> sp.Expr:
    parts = list(sp.Mul.make_args(term))
    if factor not in parts:
        power = next(part for part in parts if _is_natural_power(part) and part.base == factor)
        parts.append(power / factor)
        parts.remove(power)
    else:
        parts.remove(factor)
    return product(sp.S.One, *parts)


def _with_number_in_front(terms: Sequence[sp.Expr]) -> sp.Expr:
    """The number of the most intricate term in front of all."""
    numbers = [sp.Mul(*(factor for factor in sp.Mul.make_args(term) if factor.is_number)) for term in terms]
    leading = max(range(len(terms)), key=lambda i: (len(terms[i].atoms(sp.Function)), sp.count_ops(terms[i])))
    ratios = [number / numbers[leading] for number in numbers]
    number = numbers[leading] * sp.gcd_list([sp.S.One, *(ratio for ratio in ratios if ratio.is_Rational)])
    inside = [
        product(k / number, *(factor for factor in sp.Mul.make_args(term) if not factor.is_number))
        for k, term in zip(numbers, terms, strict=True)
    ]
    return product(number, sp.Add(*inside))

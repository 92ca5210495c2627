"""Putting a closed form in order: like terms together, one fraction for each square root.

Every term is a rational function of the symbols times powers of square roots times
transcendental factors (arcsin, exp, ...). Terms with the same roots (modulo squares) and the
same transcendental factors are added, and the rational function is factored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp


@dataclass
class _Part:
    """The rational factor, the roots with their odd or even powers, and the rest of one term."""

    rational: sp.Expr = sp.S.One
    roots: dict[sp.Expr, int] = field(default_factory=dict)
    rest: sp.Expr = sp.S.One


def collect(expr: sp.Expr) -> sp.Expr:
    """The same expression, in order.

    >>> p = sp.Symbol("p", positive=True)
    >>> collect(sp.sqrt(p + 1) - p / sp.sqrt(p + 1))
    1/sqrt(p + 1)
    """
    ordered = _merge_waves(collect_roots(expr))
    return min((expr, ordered), key=sp.count_ops) if expr.has(sp.exp) else ordered


def collect_roots(expr: sp.Expr) -> sp.Expr:
    """The same expression, like terms together; exponentials as they are."""
    sealed = sp.Function("E", positive=True)  # what is inside an exponential is not to be expanded
    waves = {wave: sealed(sp.Dummy()) for wave in expr.atoms(sp.exp)}
    return _collect_rooted(expr.xreplace(waves)).xreplace({name: wave for wave, name in waves.items()})


def _collect_rooted(expr: sp.Expr) -> sp.Expr:
    roots: dict[sp.Symbol, sp.Expr] = {}
    symbols: dict[sp.Expr, sp.Symbol] = {}

    def to_symbol(power: sp.Pow) -> sp.Expr:
        base = min((power.base, sp.expand(power.base)), key=sp.count_ops)
        root = symbols.setdefault(base, sp.Dummy("S", positive=True))
        roots[root] = base
        return root ** (2 * power.exp)

    rooted = expr.replace(_is_root, to_symbol)
    for root, base in roots.items():  # a base may hold a root that was found before it
        roots[root] = base.xreplace({inner: sp.sqrt(b) for inner, b in roots.items() if inner != root})
    groups: dict[tuple[object, ...], list[_Part]] = {}
    for term in sp.Add.make_args(sp.expand(rooted, power_exp=False)):
        part = _split(term, roots)
        odd = frozenset(root for root, n in part.roots.items() if n % 2)
        groups.setdefault((odd, part.rest), []).append(part)
    return sp.Add(*(_combine(parts, odd, roots) for (odd, _), parts in groups.items()))  # type: ignore[arg-type]


def _is_root(node: sp.Basic) -> bool:
    return node.is_Pow and isinstance(node.base, sp.Add) and (2 * node.exp).is_Integer and not _natural(node.exp)


def _natural(exponent: sp.Expr) -> bool:
    return bool(exponent.is_Integer and exponent > 0)


def _split(term: sp.Expr, roots: dict[sp.Symbol, sp.Expr]) -> _Part:
    part = _Part()
    for factor in sp.Mul.make_args(term):
        base, exponent = factor.as_base_exp()
        if base in roots:
            part.roots[base] = part.roots.get(base, 0) + int(exponent)
        elif factor.is_number or factor.is_rational_function() or base.is_Symbol:
            part.rational *= factor
        else:
            part.rest *= factor
    return part


def _combine(parts: list[_Part], odd: frozenset[sp.Symbol], roots: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    names = {root for part in parts for root in part.roots}
    lowest = {root: min(part.roots.get(root, root in odd) for part in parts) for root in names}
    total = sp.S.Zero
    for part in parts:
        squares = [roots[root] ** ((part.roots.get(root, 0) - lowest[root]) // 2) for root in names]
        total += part.rational * sp.Mul(*squares)
    total = sp.factor(sp.together(total))
    back = {r: sp.sqrt(b) for r, b in roots.items()}  # also from denominators that hold a root
    return (
        total.xreplace(back)
        * parts[0].rest.xreplace(back)
        * sp.Mul(*(roots[root] ** sp.Rational(lowest[root], 2) for root in names))
    )


def _merge_waves(expr: sp.Expr) -> sp.Expr:
    r"""$k e^a \pm k e^b$ as $2k e^{(a+b)/2}$ times cosh or sinh of (a-b)/2."""
    waves: dict[sp.Expr, sp.Expr] = {}
    others = sp.S.Zero
    for term in sp.Add.make_args(expr):
        exponents = [factor for factor in sp.Mul.make_args(term) if isinstance(factor, sp.exp)]
        if exponents:
            key = sp.Add(*(factor.args[0] for factor in exponents))
            rest = (factor for factor in sp.Mul.make_args(term) if not isinstance(factor, sp.exp))
            waves[key] = waves.get(key, sp.S.Zero) + sp.Mul(*rest)
        else:
            others += term
    return others + sp.Add(*_paired(waves))


def _paired(waves: dict[sp.Expr, sp.Expr]) -> list[sp.Expr]:
    done: list[sp.Expr] = []
    left = list(waves.items())
    while left:
        a, k = left.pop()
        partner = next((i for i, (_, m) in enumerate(left) if sp.simplify(m**2 - k**2) == 0), None)
        if partner is None:
            done.append(k * sp.exp(a))
            continue
        b, m = left.pop(partner)
        wave = sp.cosh if sp.simplify(m - k) == 0 else sp.sinh
        done.append(2 * k * sp.exp(sp.factor((a + b) / 2)) * wave(sp.factor((a - b) / 2)))
    return done

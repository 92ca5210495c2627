r"""The rules that take $\mathbb E\,\phi(u)\psi(v)$ to a closed form, one line each.

Price's theorem says $\partial_c\,\mathbb E f(u)g(v) = \mathbb E f'(u)g'(v)$. Differentiating k times, until
neither factor holds a step or an erf, and Taylor's formula around c = 0 give
$$\mathbb E f(u)g(v) = \sum_{j<k}\frac{c^j}{j!}\,\mathbb E f^{(j)}(u)\,\mathbb E g^{(j)}(v)
  + \int_0^c\frac{(c-s)^{k-1}}{(k-1)!}\,\mathbb E_s f^{(k)}(u)g^{(k)}(v)\,ds .$$
What stands under the integral is algebraic, and integrates in a closed class. Exponentials beside
steps or erfs would leave the class: there the expectation is expanded, and where only one factor
holds a step or erf, the other is averaged first, given its variable.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, count, product

import sympy as sp

from symlimits.derivation.budget import check_work
from symlimits.derivation.collect import collect
from symlimits.derivation.gaussian import mean, pair_mean
from symlimits.derivation.primitives import collect_radicals, integrate_repeatedly
from symlimits.derivation.stored import stored
from symlimits.derivation.terms import Terms, as_expr, derivative, order_of_closure, terms
from symlimits.derivation.trace import Rule, Step, Trace
from symlimits.errors import NoRule
from symlimits.language.activation import Activation, x
from symlimits.language.expectation import GaussianExpectation, pair_expectation, separated

p, q = sp.symbols("p q", positive=True)
c = sp.Symbol("c", real=True)
# Integrals are done, and remembered, in these; a parameter of the integrand may be called p, and stays apart.
_P, _Q = sp.Dummy("p", positive=True), sp.Dummy("q", positive=True)
_C = sp.Dummy("c", real=True)


def _expand(head: GaussianExpectation) -> sp.Expr:
    """Where exponentials stand beside steps or erfs: a sum over pairs of an open and a smooth part of each factor."""
    parts = [_open_and_smooth(h) for h in _factors(head)]
    if not any(smooth for _, smooth in parts) or not any(open_part for open_part, _ in parts):
        return head
    (u, v), C = head.variables, head.covariance
    return sp.Add(
        *(pair_expectation(as_expr(f, u) * as_expr(g, v), u, v, C[0, 0], C[1, 1], C[0, 1]) for f, g in product(*parts))
    )


def _open_and_smooth(sum_of: Terms) -> tuple[Terms, Terms]:
    """The terms that Price's theorem is to close, polynomials among them, and the exponentials."""
    smooth = tuple(term for term in sum_of if term.is_gaussian and term.is_exponential)
    return tuple(term for term in sum_of if term not in smooth), smooth


def _price(head: GaussianExpectation) -> sp.Expr:
    u, v = head.variables
    f, g = _factors(head)
    p, c, q = head.covariance[0, 0], head.covariance[0, 1], head.covariance[1, 1]
    if _is_closed(f, g):
        return head
    times = _order(f, g, head)
    check_work(derivative(f, times), derivative(g, times))
    lines = [sp.S.Zero] * (times + 1)
    for j in range(times):
        fj, gj = as_expr(derivative(f, j), u), as_expr(derivative(g, j), v)
        start = GaussianExpectation(fj, (u,), [[p]]) * GaussianExpectation(gj, (v,), [[q]])
        lines[j] = c**j / sp.factorial(j) * start if fj != 0 and gj != 0 else sp.S.Zero
    lines[times] = _remainder(derivative(f, times), derivative(g, times), times, head)
    return sp.Add(*lines)


def _remainder(f: Terms, g: Terms, times: int, head: GaussianExpectation) -> sp.Expr:
    if not f or not g:
        return sp.S.Zero
    u, v = head.variables
    p, c, q = head.covariance[0, 0], head.covariance[0, 1], head.covariance[1, 1]
    taken = {symbol.name for symbol in head.atoms(sp.Symbol)}
    s = next(sp.Symbol(name, real=True) for name in chain("st", map("s_{}".format, count(1))) if name not in taken)
    inside = pair_expectation(as_expr(f, u) * as_expr(g, v), u, v, p, q, s)
    return sp.Integral((c - s) ** (times - 1) / sp.factorial(times - 1) * inside, (s, 0, c))


def _gaussian_integral(head: GaussianExpectation) -> sp.Expr:
    if len(head.variables) == 1:
        (u,) = head.variables
        return sp.factor_terms(mean(terms(head.integrand, u), head.covariance[0, 0]))
    return _canonical_pair(head, _pair_integral)


@lru_cache(maxsize=256)
def _pair_integral(head: GaussianExpectation) -> sp.Expr:
    f, g = _factors(head)
    if not _is_closed(f, g):
        raise NoRule(f"{head.integrand}, with steps or erfs", "factors without them", "sl.rules.price first")
    check_work(f, g)
    value = pair_mean(f, g, _P, _Q, _C)
    try:
        return collect_radicals(value, _C)
    except NoRule:
        return value


def _canonical_pair(head: GaussianExpectation, function) -> sp.Expr:  # type: ignore[no-untyped-def]
    """Work in the symbols p, q, c, then put in the covariance that was asked for."""
    C = head.covariance
    canonical = pair_expectation(head.integrand, *head.variables, _P, _Q, _C)
    return function(canonical).subs({_P: C[0, 0], _Q: C[1, 1], _C: C[0, 1]}, simultaneous=True)


def _factors(head: GaussianExpectation) -> tuple[Terms, Terms]:
    """The two factors of f(u) g(v), as sums of terms."""
    if len(head.variables) != 2:
        raise NoRule(f"an expectation over {len(head.variables)} variables", "two variables", "another rule")
    u, v = head.variables
    f, g, mixed = separated(head.integrand, u, v)
    if mixed != 1:
        raise NoRule(f"the factor {mixed}", f"a function of {u} times a function of {v}", "expand it first")
    return terms(f, u), terms(g, v)


def _is_closed(f: Terms, g: Terms) -> bool:
    """Whether Gaussian integrals reach it: no pair has a step or erf on both sides."""
    polynomial = not any(term.is_exponential for term in (*f, *g))
    sides = [all(term.is_gaussian for term in h) for h in (f, g)]
    return all(sides) or (any(sides) and not polynomial)


def _order(f: Terms, g: Terms, head: GaussianExpectation) -> int:
    orders = order_of_closure(f), order_of_closure(g)
    if None in orders:
        raise NoRule(
            f"{head.integrand}: no derivative of it is free of steps and erfs",
            "polynomials times steps or erfs, or polynomials times exponentials",
            "the reference value (quadrature): it needs no closed form",
        )
    return max(orders)  # type: ignore[type-var, return-value]


def _integrate(integral: sp.Integral) -> sp.Expr:
    """An integral over s from 0 to c of (c-s)^(k-1)/(k-1)! times a function of s."""
    (s, lower, upper), integrand = integral.limits[0], integral.function
    if lower != 0 or len(integral.limits) != 1:
        return integral
    rest, times = integrand, 1
    for factor in sp.Mul.make_args(integrand):
        base, exponent = factor.as_base_exp()
        if base in (upper - s, s - upper) and exponent.is_Integer:
            times = int(exponent) + 1
            sign = 1 if base == upper - s else (-1) ** int(exponent)
            rest = sign * integrand / factor * sp.factorial(times - 1)
    return collect(integrate_repeatedly(rest, s, upper, times))


def _on_heads(head_class: type, rewrite):  # type: ignore[no-untyped-def]
    def apply(expr: sp.Expr) -> sp.Expr:
        return expr.xreplace({head: rewrite(head) for head in expr.atoms(head_class)})

    return apply


expand = Rule(
    "bilinearity",
    "linearity of the expectation",
    "Exponentials beside steps or erfs are paired apart from them: each pair has its own way to a closed form.",
    _on_heads(GaussianExpectation, lambda head: _expand(head) if len(head.variables) == 2 else head),
)
price = Rule(
    "Price's theorem",
    "Price 1958; Taylor's formula in c",
    "Each derivative in the covariance differentiates both factors; repeat until no step or erf is left.",
    _on_heads(GaussianExpectation, lambda head: _price(head) if len(head.variables) == 2 else head),
)
gaussian_integrals = Rule(
    "Gaussian integrals",
    "Stein 1972; Isserlis 1918",
    "Polynomials times exponentials and Dirac masses integrate against a Gaussian by Stein's identity.",
    _on_heads(GaussianExpectation, _gaussian_integral),
)
integrate = Rule(
    "integration over the covariance",
    "derived here: a class closed under integration",
    "The integral over s stays in the span of powers of s and of a square root, and of an arcsine.",
    _on_heads(sp.Integral, _integrate),
)
in_order = Rule(
    "like terms together",
    "algebra",
    "Terms with the same roots and functions are added, and what several share goes before a bracket.",
    collect,
)

ROUTE = (expand, price, gaussian_integrals, integrate, in_order)


@lru_cache(maxsize=256)
@stored
def derive(head: GaussianExpectation) -> Trace:
    """All lines from an unevaluated expectation of f(u) g(v) to its closed form.

    The derivation stops at the first line that no rule changes any more; an expectation
    that the rules do not reach is its own, and only, line. Lines are kept on disk.
    """
    definition = Step(head, "definition", "the expectation itself")
    ways = (_followed(definition, route) for route in (ROUTE[1:], ROUTE))  # expanded only where it must be
    return next((trace for trace in ways if not trace[-1].expr.has(GaussianExpectation, sp.Integral)), (definition,))


def _followed(definition: Step, route: tuple[Rule, ...]) -> Trace:
    trace = [definition]
    for rule in route:
        if rule is in_order and trace[-1].expr.has(GaussianExpectation, sp.Integral):
            return (definition,)
        try:
            trace.append(rule.step(trace[-1].expr))
        except NoRule:
            continue
    return tuple(trace)


def derive_lines(expr: sp.Expr) -> Trace:
    """The lines of an expression that holds expectations, all of them led on together, rule by rule.

    An expectation that the rules do not reach stays as it is in every line.
    """
    if isinstance(expr, GaussianExpectation):
        return derive(expr)
    now = {head: head for head in expr.atoms(GaussianExpectation) if len(head.variables) == 2}
    lines = [Step(expr, "definition", "the definition")]
    for rule in ROUTE:
        for head in now:
            now[head] = next((step.expr for step in placed(head) if step.rule == rule.name), now[head])
        line = expr.xreplace(now)
        if line != lines[-1].expr:
            lines.append(Step(line, rule.name, rule.source))
    return tuple(lines)


@lru_cache(maxsize=256)
@stored
def placed(head: GaussianExpectation) -> Trace:
    """The lines of an expectation for any covariance, from those for the symbols p, q, c."""
    C = head.covariance
    values = {_P: C[0, 0], _Q: C[1, 1], _C: C[0, 1]}
    lines = derive(pair_expectation(head.integrand, *head.variables, _P, _Q, _C))
    placed = [Step(s.expr.subs(values, simultaneous=True), s.rule, s.source) for s in lines]
    if C[0, 0] == C[0, 1] == C[1, 1] and len(placed) > 1:
        placed[-1] = Step(collect(placed[-1].expr), placed[-1].rule, placed[-1].source)
    return tuple(placed)


def differentiated(head: GaussianExpectation) -> GaussianExpectation:
    """E f'(u) g'(v) from E f(u) g(v); `DomainError` where a factor jumps."""
    u, v = head.variables
    f, g, mixed = separated(head.integrand, u, v)
    if mixed != 1:
        raise NoRule(f"the factor {mixed}", f"a function of {u} times a function of {v}", "expand it first")
    first, second = (Activation(h.subs(w, x)).derivative()(w) for h, w in ((f, u), (g, v)))
    return GaussianExpectation(first * second, head.variables, head.covariance)

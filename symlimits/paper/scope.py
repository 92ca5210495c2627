"""What a statement is about, in words: its domain, its experiment, the order of its error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import sympy as sp

from symlimits.chain import Derivation
from symlimits.language.domain import Domain, Range, describe
from symlimits.limits import Limit
from symlimits.paper.prose import in_words
from symlimits.reading.latex import latex

NONE: Mapping[str, str] = {}
_POWER = re.compile(r"n\^-(\S+)$")


def scope(statement: Derivation, notation: Mapping[str, str] = NONE) -> str:
    r"""Domain, observable, regime and order of a statement, in a line, its formulas in LaTeX between dollars.

    >>> from symlimits import activations as act, dual
    >>> print(scope(dual(act.exp)).replace("; ", "\n"))
    $p \in (0, \infty)$, $q \in (0, \infty)$, $\rho \in [-1, 1]$, $c = \rho \sqrt{p q}$
    mean of $\phi(w \cdot x) \phi(w \cdot z)$ over the units of one hidden layer
    exact at every width
    """
    said = [_formulas(statement.domain, notation)]
    if isinstance(statement, Limit) and statement.observable:
        said += [statement.observable, _POWER.sub(r"$n^{-\1}$", order_in_words(statement))]
    return "; ".join(part for part in said if part)


def _formulas(domain: Domain, notation: Mapping[str, str]) -> str:
    ranges = [rf"${latex(x, notation)} \in {_interval(interval)}$" for x, interval in domain.ranges.items()]
    values = [f"${latex(x, notation)} = {_inline(expr, notation)}$" for x, expr in domain.dependent.items()]
    return ", ".join([*ranges, *values])


def _inline(expr: sp.Expr, notation: Mapping[str, str]) -> str:
    """A fraction of numbers stands in a line of text as 1/2."""
    return str(expr) if expr.is_Rational else latex(expr, notation)


def _interval(interval: Range) -> str:
    left, right = "[" if interval.closed[0] else "(", "]" if interval.closed[1] else ")"
    return f"{left}{_inline(interval.low, NONE)}, {_inline(interval.high, NONE)}{right}"


def order_in_words(statement: Derivation) -> str:
    """Where a limit is taken, and how its error falls there, if it has one: a power of the width has none.

    The order of an exponent is that of the correction which the fit of its networks allows for.
    """
    if not isinstance(statement, Limit) or not statement.observable:
        return "an identity"
    if statement.kind == "exponent":
        return statement.regime
    return (
        "exact at every width" if statement.order == 0 else f"{statement.regime}, error of order n^-{statement.order}"
    )


def domain_in_words(domain: Domain) -> str:
    """The ranges of a domain, and what depends on them.

    >>> from symlimits import activations as act, dual
    >>> domain_in_words(dual(act.relu).domain)
    'p in (0, oo), q in (0, oo), rho in [-1, 1], c = sqrt(p)*sqrt(q)*rho'
    """
    ranges = [f"{symbol} in {describe(interval)}" for symbol, interval in domain.ranges.items()]
    return ", ".join([*ranges, *(f"{symbol} = {expr}" for symbol, expr in domain.dependent.items())])


class Facts(NamedTuple):
    """What a table says of a statement, in words: where it holds, how its error falls, which links apply."""

    domain: str = ""
    order: str = ""
    links: str = ""


def facts(statement: Limit) -> Facts:
    """The facts of a statement.

    >>> from symlimits import activations as act, dual
    >>> facts(dual(act.relu))[1:]
    ('exact at every width', 'simulation, lines, compiled, general')
    """
    applies = {
        "simulation": statement.experiment is not None,
        "lines": len(statement.trace) > 1,
        "compiled": bool(statement.arguments) and statement.is_compilable,
        "general": statement.general is not None,
    }
    links = ", ".join(name for name, there in applies.items() if there)
    return Facts(domain_in_words(statement.domain), in_words(order_in_words(statement)), links)

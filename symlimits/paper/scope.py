"""What a statement is about, in words: its domain, its experiment, the order of its error."""

from __future__ import annotations

from symlimits.chain import Derivation
from symlimits.language.domain import Domain, describe
from symlimits.limits import Limit


def scope(statement: Derivation) -> str:
    """Domain, observable, regime and order of a statement, in a line.

    >>> from symlimits import activations as act, dual
    >>> print(scope(dual(act.relu)).partition("; ")[2])
    mean of phi(w.x) phi(w.z) over the units of one hidden layer; exact at every width
    """
    said = [domain_in_words(statement.domain)]
    if isinstance(statement, Limit) and statement.observable:
        said += [statement.observable, order_in_words(statement)]
    return "; ".join(part for part in said if part)


def order_in_words(statement: Derivation) -> str:
    r"""How the error of a limit falls, if it has one."""
    if not isinstance(statement, Limit) or not statement.observable:
        return "an identity"
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

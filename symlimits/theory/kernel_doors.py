"""What kernels refuse of networks: names that are taken, and activations without moments."""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.activation import Activation


def check_names(symbols: Iterable[sp.Symbol], own: Iterable[sp.Symbol]) -> None:
    """A parameter must not be taken for a symbol of the statement itself, one of its `own`."""
    taken = {s.name for s in own}
    seen: dict[str, sp.Symbol] = {}
    for symbol in sorted(symbols, key=str):
        if seen.setdefault(symbol.name, symbol) != symbol:
            wanted = "one meaning for each name (a depth is an integer, a variance is not)"
            raise DomainError(f"two symbols named {symbol}", wanted, "another name for one of them")
        if symbol.name in taken:
            raise DomainError(f"a parameter named {symbol}", f"a name other than {', '.join(sorted(taken))}", "alpha")


def check_moments(phi: Activation) -> None:
    """Raise `DomainError` where the second moment is infinite for some variance."""
    rate = phi.growth
    if rate != 0:
        where = "for no variance" if rate == sp.oo else f"only for variances p < {1 / (4 * rate)}"
        raise DomainError(
            f"{phi.expr}, with E phi(u)^2 finite {where}",
            "an activation with finite second moment for every variance",
            "an activation that grows slower than every exp(r x^2)",
        )

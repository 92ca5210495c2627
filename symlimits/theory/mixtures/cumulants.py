r"""Joint cumulants and correlations of squares of the outputs, exact, from the moments of `moments`.

$\kappa(A) = m(A) - \sum_{1 \in B \subsetneq A}\kappa(B)\,m(A \setminus B)$ over multisets A of entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import sympy as sp

from symlimits.errors import DomainError
from symlimits.theory.mixtures.moments import output_moment

Entry = tuple[int, int]


class Moments:
    """Moments and cumulants of entries (output, input) of one law; each is computed once."""

    def __init__(self, covariance: sp.Matrix, widths: Sequence[int], ratio: object) -> None:
        self.law = covariance, tuple(widths), ratio
        self.known: dict[tuple[Entry, ...], sp.Expr] = {(): sp.S.One}
        self.cumulants: dict[tuple[Entry, ...], sp.Expr] = {}

    def moment(self, entries: Sequence[Entry]) -> sp.Expr:
        """The mean of the product of the entries."""
        key = tuple(sorted(entries))
        if key not in self.known:
            self.known[key] = output_moment(key, *self.law)
        return self.known[key]

    def cumulant(self, entries: Sequence[Entry]) -> sp.Expr:
        """The joint cumulant of the entries, at least one."""
        key = tuple(sorted(entries))
        if key not in self.cumulants:
            first, rest = key[0], key[1:]
            found = self.moment(key)
            for kept in product((False, True), repeat=len(rest)):
                if not all(kept):
                    inside = [first, *(e for e, k in zip(rest, kept, strict=True) if k)]
                    outside = [e for e, k in zip(rest, kept, strict=True) if not k]
                    found -= self._nonzero(inside, outside)
            self.cumulants[key] = sp.expand(found)
        return self.cumulants[key]

    def _nonzero(self, inside: list[Entry], outside: list[Entry]) -> sp.Expr:
        """A product that odd numbers of entries make zero."""
        return sp.S.Zero if len(outside) % 2 or len(inside) % 2 else self.cumulant(inside) * self.moment(outside)

    def correlation_of_squares(self, one: Entry, other: Entry) -> sp.Expr:
        """The correlation of the squares of two entries, which have one law but for their scales."""
        first, second = self.moment([one] * 2), self.moment([other] * 2)
        if first == 0 or second == 0:
            raise DomainError(f"an output that is always 0, among {one} and {other}", "a variance > 0", "other inputs")
        spread = sp.expand(self.moment([one] * 4) / first**2) - 1
        return sp.simplify(sp.expand(self.moment([one, one, other, other]) / (first * second) - 1) / spread)

"""False claims that are hard to see: of tiny values, of complex draws, of too few draws."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits.errors import DataError, FalseLine

a = sp.Symbol("a", positive=True)
TINY = sp.Rational(1, 10**25)


@pytest.mark.parametrize(
    ("first", "false"),
    [(a * TINY, 2 * a * TINY), (sp.exp(-a - 10**4), sp.S.Zero), (sp.exp(-a - 200), sp.exp(-a - 201))],
)
def test_lines_of_tiny_values(first: sp.Expr, false: sp.Expr) -> None:
    """Relative to themselves they differ as much as others; what is zero but for rounding is still zero."""
    with pytest.raises(FalseLine):
        sl.limit(first).then(false, because="both are small")
    zero = sp.sin(a) * sp.cos(1) + sp.cos(a) * sp.sin(1) - sp.sin(a + 1)
    assert sl.limit(zero).then(0, because="an identity").expr == 0
    assert sl.limit(first).then(sp.expand(first, power_exp=True), because="the same").expr != false


def test_complex_draws_are_refused() -> None:
    claim = sl.limit(sp.S(2), experiment=lambda size, rng: 2 + 1j * rng.standard_normal(50))
    with pytest.raises(DataError, match="complex draws"):
        claim.certify(sizes=(32, 64, 128))


def test_too_few_draws_decide_nothing() -> None:
    """Eight draws, at whatever mean: undecided; of two thousand the right ones pass, and the wrong ones do not."""

    def verdict(mean: float, count: int) -> tuple[bool, bool]:
        draws = {n: mean + np.random.default_rng(n).standard_normal(count) for n in (64, 256, 1024)}
        certificate = sl.limit(sp.S(1)).compare(draws)
        return certificate.ok, "UNDECIDED" in certificate.links[0].summary

    assert verdict(1.0, 8) == verdict(1.5, 8) == (False, True)
    assert verdict(1.0, 2000) == (True, False)
    assert verdict(1.5, 2000) == (False, False)

"""False claims that are hard to see: of tiny values, of complex draws, of too few draws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits.certify import Certificate, Link, Samples, check_samples
from symlimits.errors import DataError, FalseLine
from symlimits.finite.statistics import CONTROL
from symlimits.paper.claims import find
from symlimits.paper.reproduce import Outcome, judged_together
from symlimits.paper.verify import verify

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


@pytest.mark.parametrize(("sizes", "count"), [((64, 128, 256), 300), ((256, 384, 512), 1000)])
def test_a_claim_of_zero(sizes: tuple[int, ...], count: int) -> None:
    """Enough draws at each size decide, however far the limit is from the sizes; what is to be seen is seen."""
    draws = {n: np.random.default_rng(n).standard_normal(count) for n in sizes}
    found = sl.limit(0).compare(draws)
    assert (found.ok, found.links[0].mark) == (True, "holds")
    assert "would not see less than" in found.links[0].summary
    off = CONTROL * found.links[0].details["detectable"]
    shifted = {n: x + off for n, x in draws.items()}
    assert sl.limit(0).compare(shifted).mark == "BROKEN"


def test_undecided_is_not_broken(tmp_path: Path) -> None:
    """Neither in text, HTML, LaTeX nor after JSON; it is not ok, and it is verified."""
    few = {n: np.random.default_rng(n).standard_normal(8) for n in (64, 256, 1024)}
    found = sl.limit(0).compare(few)
    read = Certificate.from_json(found.to_json())
    for certificate in (found, read):
        assert (certificate.ok, certificate.mark, certificate.failed) == (False, "undecided", ("simulation",))
        for text in (str(certificate), certificate._repr_html_(), certificate.latex()):
            assert "undecided" in text
            assert "BROKEN" not in text
    (tmp_path / "few.json").write_text(found.to_json())
    again = verify(tmp_path / "few.json")
    assert (again.differences, again.certificate.mark) == ((), "undecided")
    broken = replace(found, links=(*found.links, Link("lines", False, "a slip")))
    assert (broken.mark, broken.links[0].mark) == ("BROKEN", "undecided")


def test_undecided_stays_so_among_many() -> None:
    found = sl.limit(0).compare({n: np.random.default_rng(n).standard_normal(8) for n in (64, 256, 1024)})
    (judged,) = judged_together([Outcome(find("dual-erf"), found, "", {}, 0.0)])
    assert (judged.certificate.mark, judged.row[-1]) == ("undecided", "undecided")


def test_a_sampled_value_with_a_large_error_is_undecided() -> None:
    """However many draws there are."""
    samples = [Samples(n, 0.0, 0.01, 10_000) for n in (64, 128, 256)]
    assert check_samples(0.0, samples, 1).mark == check_samples(0.0, samples, 1, value_error=0.1).mark == "holds"
    assert check_samples(0.0, samples, 1, value_error=3.0).mark == "undecided"

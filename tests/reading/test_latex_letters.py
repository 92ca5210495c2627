"""The letters of the page: an author's notation, variables that step aside for it, and clashes, which are refused."""

from __future__ import annotations

import pytest
import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.recursion import Recursion
from symlimits.reading.latex import align, latex
from tests.formulas_by_hand import LEFT, K_xz, L, c, chain, ntk, p, q, sigma_w, trace


def test_notation_renames_symbols_and_states() -> None:
    notation = {"p": "k(x, x)", "c": r"\rho", "sigma_w": r"\omega", "K_xz": r"\Sigma(x, z)", "unused": "x"}
    assert latex(sp.sqrt(p) * c**2, notation) == r"\rho^{2} \sqrt{k(x, x)}"
    tex = latex(ntk(L), notation)
    assert r"\Sigma^{\ell + 1}(x, z) &= \omega^{2}" in tex
    assert "sigma_{w}" not in tex
    assert "K^{1}_{xz}" not in tex


def test_squares_of_states() -> None:
    squared = Recursion((K_xz,), (c,), [((K_xz**2,), L)], K_xz)
    assert r"&= (K^{\ell}_{xz})^{2}," in latex(squared)
    assert r"&= \Sigma^{\ell}(x, z)^{2}," in latex(squared, {"K_xz": r"\Sigma(x, z)"})


@pytest.mark.parametrize(
    ("expr", "notation", "named"),
    [
        (p + c, {"p": "k", "c": "k"}, "p and c|c and p"),
        (sigma_w + c, {"c": r"\sigma_w"}, "sigma_w"),
        (c + sp.Symbol("c"), {}, r"Symbol\('c', real=True\)"),
        (c + sp.pi, {"c": r"\pi"}, "pi"),
        (ntk(L), {"p": r"\ell"}, "layer index"),
    ],
)
def test_clashes_are_refused(expr: sp.Expr, notation: dict[str, str], named: str) -> None:
    with pytest.raises(DomainError, match=named):
        latex(expr, notation)


@pytest.mark.parametrize(
    ("author", "moved"),
    [
        ({"p": "u"}, {"u": "w"}),
        ({"c": "v"}, {"v": "w"}),
        ({"p": "s"}, {"s": "t"}),
        ({"p": "u", "q": "v", "c": "s"}, {"u": "w", "v": "x", "s": "t"}),
        ({"p": "k^{u}_{v}"}, {}),  # an index is no letter
        ({"q": "k(u, t)", "c": "s"}, {"s": "w", "u": "x"}),  # t, u and v are taken
    ],
)
def test_variables_step_aside(author: dict[str, str], moved: dict[str, str]) -> None:
    """The page is that of an author who names the variables too."""
    tex = align(LEFT, trace("erf"), author)
    assert tex == align(LEFT, trace("erf"), author | moved)
    for letter in moved:
        assert rf"_{{{letter} \sim" not in tex
        assert f",d{letter}" not in tex
    assert align(LEFT, trace("erf"), {"p": "k"}) == align(LEFT, trace("erf"), {"p": "k", "u": "u", "s": "s"})


@pytest.mark.parametrize(
    ("author", "named"),
    [
        ({"u": "p"}, "u and p|p and u"),  # an author's letter for a variable stays
        ({"p": "u", "u": "u"}, "print as u"),
        ({"p": "T"}, "left-hand side"),
        ({"p": "e"}, "base of exponentials"),
        ({"p": "d"}, "differential"),
        ({"p": r"\pi"}, "pi"),
    ],
)
def test_what_cannot_step_aside_is_refused(author: dict[str, str], named: str) -> None:
    with pytest.raises(DomainError, match=named):
        align(LEFT, trace("gelu"), author)


def test_inputs_of_a_kernel_are_no_symbols() -> None:
    with pytest.raises(DomainError, match="an argument of"):
        align(r"\Theta(x, z)", chain(ntk(L)), {"p": "x"})
    assert "T(x, q, c)" in align("T(x, q, c)", trace("relu"), {"p": "x"})


def test_letters_of_parts_are_not_the_authors() -> None:
    long = sum((p + k * q) ** k * sp.exp(-sp.sqrt(p * q + c**2 + 1) * k) for k in range(1, 9))
    assert r"A = " in align("f", chain(long))
    assert r"A = " not in align("f", chain(long), {"p": "A"})
    assert r"B = " in align("f", chain(long), {"p": "A"})


def test_a_clash_between_two_lines_is_refused() -> None:
    with pytest.raises(DomainError, match="print as c"):
        align("T", chain(c, sp.Symbol("c")))

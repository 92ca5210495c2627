"""Expressions put into heads: what a head binds is renamed, and never captures."""

from __future__ import annotations

import sympy as sp

from symlimits.language.expectation import GaussianExpectation
from symlimits.language.recursion import Recursion
from symlimits.language.substitution import substituted
from symlimits.language.tree import from_tree, to_tree
from symlimits.reading.reference import reference

u, v, s = sp.symbols("u v s", real=True)
a, b, p = sp.symbols("a b p", positive=True)


def test_every_head_renames_what_it_binds() -> None:
    values = {a: sp.Integer(3), p: sp.Integer(2)}
    for head, name in (
        (GaussianExpectation(a * u**2, (u,), [[p]]), "u"),
        (sp.Integral(a * s**2, (s, 0, p)), "s"),
        (Recursion((v,), (p,), [((a * v + 1,), 3)], v), "v"),
        (sp.Integral(GaussianExpectation(a * s * u**2, (u,), [[p]]), (s, 0, 1)), "u"),
    ):
        new = sp.Symbol(name, positive=True)
        inside = substituted(head, {a: new})
        assert inside.free_symbols == {new, p}
        assert reference(inside, {new: values[a], p: values[p]}, 15) == reference(head, values, 15)
        assert from_tree(to_tree(inside)) == inside, "new names are names that can be stored"


def test_all_at_once() -> None:
    assert substituted(a - b, {a: b, b: a}) == b - a
    swapped = substituted(GaussianExpectation(a * u, (u,), [[b]]), {a: b, b: a})
    assert swapped == GaussianExpectation(b * u, (u,), [[a]])
    assert substituted(a, {b: p}) == a

"""Recursions as systems of equations: which belong together, and what an equation may take from another."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp
from sympy.core.sorting import default_sort_key

from symlimits.errors import DomainError
from symlimits.language.recursion import Recursion


def systems(expr: sp.Expr) -> list[Recursion]:
    """The recursions in an expression, one of those that differ in nothing but their output."""
    systems: dict[sp.Symbol, Recursion] = {}
    for recursion in sorted(expr.atoms(Recursion), key=default_sort_key):
        for state in recursion.states:
            other = systems.setdefault(state, recursion)
            if other.args[:3] != recursion.args[:3]:
                raise DomainError(
                    f"two recursions with a state called {state}",
                    "states of its own for every recursion in a formula",
                    f"another symbol for {state} in one of them",
                )
    return list(dict.fromkeys(systems.values()))


def alike(maps: Mapping[sp.Symbol, sp.Expr]) -> list[tuple[sp.Expr, list[sp.Symbol]]]:
    """The maps, each with its state and the states whose maps differ from it in the state's name only."""
    groups: list[tuple[sp.Expr, list[sp.Symbol]]] = []
    for state, expr in maps.items():
        for other, group in groups:
            alone = not other.free_symbols & (maps.keys() - {group[0]})
            renamed = other.xreplace({group[0]: state})
            if alone and (renamed == expr or renamed.as_dummy() == expr.as_dummy()):
                group.append(state)
                break
        else:
            groups.append((expr, [state]))
    return groups


def through(expr: sp.Expr, done: Mapping[sp.Expr, sp.Symbol]) -> sp.Expr:
    """A sum that holds all terms of an earlier equation, written with the left-hand side of that one."""
    terms = sp.Add.make_args(expr)
    for earlier, name in done.items():
        parts = sp.Add.make_args(earlier)
        if len(terms) > len(parts) and set(parts) <= set(terms):
            return sp.Add(name, *(term for term in terms if term not in parts))
    return expr

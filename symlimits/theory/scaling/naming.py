"""Names of the cells: those of the scalings in the literature, for the vertices, and which of them a cell touches."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from symlimits.derivation.affine import Affine
from symlimits.derivation.polyhedra import Constraint, feasible

# (q_sigma, q) of scalings that have a name: Mei, Montanari and Nguyen 2018; Jacot, Gabriel and Hongler 2018; the
# default initialisation of PyTorch with equal rates (Golikov 2020, arXiv 2006.06574)
NAMED = {
    "MF": (Fraction(-1), Fraction(1)),
    "NTK": (Fraction(-1, 2), Fraction(0)),
    "sym-default": (Fraction(-1, 2), Fraction(1, 2)),
}


def name(constraints: Sequence[Constraint]) -> str | None:
    """The named points in the closure of a cell; "post-" or "pre-" if it goes on to small or large q_sigma.

    None where no named point is touched.

    >>> s, q = Affine.variables(2)
    >>> name([Constraint(s + q, "="), Constraint(s + 1, "<")])
    'post-MF'
    """
    touched = [known for known, point in NAMED.items() if _touches(constraints, point)]
    sides = [prefix for prefix, sign in (("post-", 1), ("pre-", -1)) if _is_unbounded(constraints, sign)]
    return "".join(sides) + "-".join(touched) if touched else None


def _touches(constraints: Sequence[Constraint], point: Sequence[Fraction]) -> bool:
    closed = (Constraint(c.form, "=" if c.relation == "=" else "<=") for c in constraints)
    return all(constraint.holds(point) for constraint in closed)


def _is_unbounded(constraints: Sequence[Constraint], sign: int) -> bool:
    """Whether a direction of the cell leads to q_sigma of minus this sign, without end."""
    directions = [Constraint(Affine(c.form.coefficients), "=" if c.relation == "=" else "<=") for c in constraints]
    dimension = constraints[0].form.dimension
    first = Affine.variables(dimension)[0]
    return feasible([*directions, Constraint(first * sign, "<")], dimension)


def full(base: str, dominant: str, growing: str) -> str:
    """The name with separate rates: the model of equal rates, the larger kernel, the layer that outgrows its start.

    >>> full("NTK", "w", ""), full("sym-default", "both", "a")
    ('NTK (kernel w)', 'sym-default (a grows)')
    """
    words = [f"{growing} grows"] * bool(growing) + [f"kernel {dominant}"] * (dominant != "both")
    return f"{base} ({', '.join(words)})" if words else base

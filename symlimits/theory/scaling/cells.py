"""What is said of a point of the plane: the cell of a limit model, or a verdict that training has no such limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import sympy as sp

from symlimits.derivation.polyhedra import Constraint
from symlimits.theory.scaling.models import LimitModel

SIZES = {-1: "vanish", 0: "finite", 1: "diverge"}  # what becomes of a quantity, by the sign of its exponent


@dataclass(frozen=True, eq=False, repr=False)
class Cell:
    r"""The exponents of $\sigma$ and of the rates at which one limit model holds: a relatively open polyhedron.

    `inequalities` are SymPy relations between the exponents, `witness` is a point inside. `exponents` maps f_init, f_a,
    f_w, f_aw, delta_a, delta_w, kernel and kernel_increment to formulas of the exponents; kernel_increment_trained is
    that of the kernel at inputs of the training data, kernel_a and kernel_w are the two parts of the trained kernel.
    `properties` says it in words, `dominant` which kernel is the larger one ("a", "w" or "both"), `settling` from which
    step on the exponents stay. `limit_model` runs it; None where a weight outgrows its start. `notes` are remarks.
    """

    name: str
    dimension: int
    inequalities: tuple[sp.Basic, ...]
    witness: Mapping[str, sp.Rational]
    properties: Mapping[str, str]
    exponents: Mapping[str, sp.Expr]
    settling: int
    dominant: str
    limit_model: LimitModel | None
    constraints: tuple[Constraint, ...]
    signature: tuple[object, ...]
    notes: tuple[str, ...] = ()
    stable: ClassVar[bool] = True

    @property
    def values(self) -> dict[str, sp.Rational]:
        """The exponents at the witness, numbers."""
        return {
            name: formula.subs({symbol: self.witness[symbol.name] for symbol in formula.free_symbols})
            for name, formula in self.exponents.items()
        }

    def __repr__(self) -> str:
        where = ", ".join(written(relation) for relation in self.inequalities)
        words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.properties.items())
        return "\n".join([f"{self.name}: {where}", f"  {words}", *(f"  {note}" for note in self.notes)])


@dataclass(frozen=True, eq=False, repr=False)
class Verdict:
    """Why a point has no limit model: `kind` is "divergent" or "stagnant", `failing` the inequality that it breaks.

    `all_failing` lists every one of them, `reason` says what happens there.
    """

    kind: str
    failing: sp.Basic
    reason: str
    point: Mapping[str, sp.Rational]
    all_failing: tuple[sp.Basic, ...] = ()
    notes: tuple[str, ...] = ()
    stable: ClassVar[bool] = field(default=False)

    def __repr__(self) -> str:
        where = ", ".join(f"{name} = {value}" for name, value in self.point.items())
        text = [f"{self.kind} at {where}: {self.reason}", f"  it breaks {written(self.failing)}"]
        return "\n".join([*text, *(f"  {note}" for note in self.notes)])


def written(relation: sp.Basic) -> str:
    """A relation as it is typed, an equation with one sign of equality."""
    sign = "=" if isinstance(relation, sp.Equality) else relation.rel_op
    return f"{relation.lhs} {sign} {relation.rhs}"


def readable(constraint: Constraint, symbols: tuple[sp.Symbol, ...]) -> sp.Basic:
    """The constraint with the constant on the right, and a positive coefficient first.

    >>> from symlimits.derivation.affine import Affine
    >>> x, y = Affine.variables(2)
    >>> readable(Constraint(1 - 2 * x - 2 * y, "<"), sp.symbols("x y"))
    x + y > 1/2
    """
    form = constraint.form.primitive()
    linear = form - form.constant
    scale = linear.primitive()
    factor = next(a / b for a, b in zip(linear.coefficients, scale.coefficients, strict=True) if b)
    sign = 1 if next(c for c in scale.coefficients if c) > 0 else -1
    left = (scale * sign).expr(symbols)
    bound = -form.constant / factor * sign
    right = sp.Rational(bound.numerator, bound.denominator)
    relations = {("<", 1): sp.Lt, ("<=", 1): sp.Le, ("<", -1): sp.Gt, ("<=", -1): sp.Ge}
    head = sp.Eq if constraint.relation == "=" else relations[constraint.relation, sign]
    return head(left, right, evaluate=False)

r"""abc-parameterisations: how multipliers, initial weights and learning rates of deep networks scale with width.

$W^l = n^{-a_l} w^l$, $w^l \sim n^{-b_l}$, learning rate $n^{-c_l}$ for $l = 1, ..., L + 1$, the last the readout. What
is stable, trivial, or learns features follows from the exponents of `passes.py`. Yang & Hu, arXiv 2011.14522.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import sympy as sp

from symlimits.derivation.maxplus import MaxPlus
from symlimits.derivation.polyhedra import Constraint, feasible
from symlimits.errors import DomainError
from symlimits.language.names import shown
from symlimits.limits import Limit
from symlimits.theory.scaling import abc_lines
from symlimits.theory.scaling.abc_point import Point
from symlimits.theory.scaling.exact_numbers import rationals
from symlimits.theory.scaling.passes import GAUGE_POWERS, MOVES, Exponents, exponents
from symlimits.theory.scaling.regimes import Regime, regimes

MAX_DEPTH = 12  # hidden layers: the exact derivation takes seconds there


@dataclass(frozen=True)
class Parameterisations:
    r"""All abc-parameterisations of networks with `depth` hidden layers under one optimizer.

    >>> family = abc(depth=2)
    >>> family.r_layers[1], family.readout
    (2*a_2 + c_2 + Min(a_3 + b_3, 2*a_3 + c_3) - 1, 2*a_3 + c_3)
    >>> family.at(a=[0, "1/2", "1/2"], b=0, c=0)
    abc-parameterisation, 2 hidden layers, sgd: stable, nontrivial, kernel regime
      a = (0, 1/2, 1/2), b = (0, 0, 0), c = (0, 0, 0); r = 1/2 from layers (1/2, 1/2)
    """

    depth: int
    optimizer: str

    @cached_property
    def exponents(self) -> Exponents:
        """The forward and the backward pass in max-plus numbers."""
        return exponents(self.depth, MOVES[self.optimizer])

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """$a_1, ..., a_{L+1}, b_1, ..., c_{L+1}$."""
        return self.exponents.names.symbols

    @property
    def stable(self) -> tuple[sp.Basic, ...]:
        """The conditions of stability: equations and inequalities of which none is implied by the others."""
        return tuple(constraint.expr(self.symbols) for constraint in self.exponents.stable)

    @property
    def r_layers(self) -> tuple[sp.Expr, ...]:
        r"""$r_l$ of each hidden layer: its update changes its preactivations by $n^{-r_l}$."""
        return tuple(self._minus(line.pruned) for line in self.exponents.updates)

    @property
    def r(self) -> sp.Expr:
        r"""The features change by $n^{-r}$."""
        return self._minus(self.exponents.changes[-1].pruned)

    @property
    def readout(self) -> sp.Expr:
        """t: the update of the readout changes the logits by $n^{1-t}$."""
        return 1 + self._minus(self.exponents.readout.pruned)

    def _minus(self, number: MaxPlus) -> sp.Expr:
        return abc_lines.minimum(number, self.symbols)

    def limits(self, name: str | None = None) -> Mapping[str, Limit] | Limit:
        r"""The derived exponents as chains of lines: f, r_1, ..., r_L, r, df_readout, df_inherited; or one, by name.

        >>> print(abc(depth=1).limits("r_1").explain())  # doctest: +ELLIPSIS
        r_1 is defined by
            -Max(...
        """
        found = abc_lines.limits(self.exponents)
        if name is None:
            return found
        if name not in found:
            raise DomainError(f"the exponent {shown(name)}", f"one of {', '.join(found)}", "limits('r_1')")
        return found[name]

    def at(self, a: object = None, b: object = None, c: object = 0, **others: object) -> Point:
        """One parameterisation, by the exponents of its L + 1 layers; a number is that of every layer.

        Integers, fractions, exact strings; a float is taken as its decimal, and the point's `notes` say so. Raises
        `DataError` for another number of layers, `DomainError` for what is no rational number, for names other than a,
        b and c, and without a or b.

        >>> abc(depth=1).at(a=0, b=[0, "1/2"], c=1).verdict
        'stable, nontrivial, kernel regime'
        """
        missing = [name for name, value in (("a", a), ("b", b)) if value is None]
        if others or missing:
            given = f"exponents {', '.join(others)}" if others else f"no exponents {' and '.join(missing)}"
            raise DomainError(given, "a, b and c: multipliers, initial weights, rates", "at(a=0, b=[0, '1/2'], c=1)")
        read = [rationals(values, name, self.depth + 1) for values, name in zip((a, b, c), "abc", strict=True)]
        (known_a, known_b, known_c), notes = (tuple(column) for column in zip(*read, strict=True))
        return Point(self.exponents, self.optimizer, known_a, known_b, known_c, sum(notes, ()))

    # ---------------------------------------------------------------- regimes

    def regimes(self, a: object = None, b: object = None, c: object = None) -> tuple[Regime, ...]:
        """The faces of the stable region, told apart by the signs of all exponents; `a`, `b`, `c` fix some.

        Each is one exponent, one for each layer, or None: free. The signs are those of the logits at initialisation,
        of the updates of each hidden layer, of the change of the features, and of the two parts of the change of the
        logits. Raises `DomainError` where no stable parameterisation has these exponents.

        >>> found = abc(depth=1).regimes(c=0)
        >>> len(found), len({regime.maximal[1:] for regime in found})
        (18, 8)
        """
        region, known = self._region(a, b, c), self.exponents
        if not feasible(region, known.names.dimension):
            given = f"a = {shown(a)}, b = {shown(b)}, c = {shown(c)}"
            raise DomainError(given, "exponents of some stable parameterisation", "None in place of one of them")
        numbers = [known.logits, *known.updates, known.changes[-1], known.readout, known.inherited]
        return regimes([line.pruned for line in numbers], region, known.names.dimension)

    def maximal_update(self, a: object = None, b: object = None, c: object = None) -> Point:
        r"""muP, found: the parameterisation at which every layer is updated as far as stability allows.

        All $r_l = 0$, and both parts of the change of the logits are of order one. The faces of the stable region are
        searched for it, and it is the only one; its dimension is that of the gauge group (`gauges`), so that it is one
        parameterisation up to the gauge. Of its points one with small denominators is returned. `a`, `b` and `c` fix
        exponents as for `regimes`. Raises `DomainError` where they admit none.

        >>> abc(depth=2).maximal_update(c=0)
        abc-parameterisation, 2 hidden layers, sgd: stable, nontrivial, feature learning
          a = (-1/2, 0, 1/2), b = (1/2, 1/2, 1/2), c = (0, 0, 0); r = 0 from layers (0, 0)
        """
        found = [regime for regime in self.regimes(a, b, c) if all(regime.maximal[1:])]
        if len(found) != 1:
            given = f"a = {shown(a)}, b = {shown(b)}, c = {shown(c)}"
            raise DomainError(given, "exponents at which every layer can be updated maximally", "c=None")
        count = self.depth + 1
        values = [sp.Rational(x.numerator, x.denominator) for x in found[0].face.witness]
        return Point(self.exponents, self.optimizer, *(tuple(values[i : i + count]) for i in (0, count, 2 * count)))

    @property
    def gauges(self) -> tuple[tuple[Fraction, ...], ...]:
        r"""The directions $(a_l, b_l, c_l) \to (1, -1, -2)$ (SGD) or $(1, -1, -1)$ along which no exponent changes."""
        found = (self._gauge(layer) for layer in self.exponents.names.layers)
        return tuple(direction for direction in found if self._is_invariant(direction))

    def _gauge(self, layer: int) -> tuple[Fraction, ...]:
        names, power = self.exponents.names, gauge_power(self.optimizer)
        hits = {layer - 1: 1, names.depth + layer: -1, 2 * names.depth + 1 + layer: -power}
        return tuple(Fraction(hits.get(i, 0)) for i in range(names.dimension))

    def _is_invariant(self, direction: Sequence[Fraction]) -> bool:
        lines = (self.exponents.logits, *self.exponents.updates, self.exponents.readout, self.exponents.inherited)
        forms = [form for line in lines for form in line.written.forms]
        forms += [constraint.form for constraint in self.exponents.equalities]
        return all(form(direction) == form.constant for form in forms)

    def _region(self, *exponents: object) -> tuple[Constraint, ...]:
        names, found = self.exponents.names, list(self.exponents.stable)
        for letter, unknown, given in zip("abc", (names.a, names.b, names.c), exponents, strict=True):
            if given is not None:
                values, _ = rationals(given, letter, self.depth + 1)
                pairs = zip(names.layers, values, strict=True)
                found += [Constraint(unknown(layer) - value, "=") for layer, value in pairs]
        return tuple(found)

    def __repr__(self) -> str:
        return f"abc-parameterisations, {self.depth} hidden layers, {self.optimizer}"


def abc(depth: int, optimizer: str = "sgd") -> Parameterisations:
    """The abc-parameterisations of networks with `depth` hidden layers (1 to 12).

    `optimizer` is "sgd", "adam" or "sign": an update by the sign of the gradient, which Adam is in exponents. Raises
    `DomainError` for anything else.

    >>> abc(depth=3, optimizer="adam").at(a=[0, 0, 0, 1], b=[0, "1/2", "1/2", 0], c=[0, 1, 1, 0]).feature_learning
    True
    """
    if isinstance(depth, bool) or not isinstance(depth, int | np.integer) or not 1 <= depth <= MAX_DEPTH:
        raise DomainError(f"depth = {shown(depth)}", f"a number of hidden layers from 1 to {MAX_DEPTH}", "depth=3")
    if not isinstance(optimizer, str) or optimizer not in MOVES:
        raise DomainError(f"optimizer = {shown(optimizer)}", f"one of {', '.join(MOVES)}", "optimizer='sgd'")
    return Parameterisations(int(depth), optimizer)


def gauge_power(optimizer: str) -> int:
    """How many powers of a multiplier the rate of a weight takes that absorbs it."""
    return GAUGE_POWERS[MOVES[optimizer]]

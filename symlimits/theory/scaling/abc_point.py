"""One abc-parameterisation: what its exponents are, and what stability makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import sympy as sp

from symlimits.derivation.affine import as_fraction
from symlimits.derivation.maxplus import MaxPlus
from symlimits.errors import DomainError
from symlimits.language.names import shown
from symlimits.limits import Limit
from symlimits.theory.scaling.alignment import course
from symlimits.theory.scaling.cells import written
from symlimits.theory.scaling.coordinate_check import (
    ALLOWANCE,
    ALPHA,
    SAMPLES_ALPHA,
    WIDTHS,
    CoordinateCheck,
    Samples,
    compare,
    coordinate_check,
)
from symlimits.theory.scaling.exact_numbers import Factor, rationals
from symlimits.theory.scaling.passes import GAUGE_POWERS, MOVES, Exponents, Line
from symlimits.theory.scaling.transfer import Transfer, transfer

Rationals = tuple[sp.Rational, ...]
SETTLED = 3  # steps after which the exponents of a stable network are the final ones: the readout's update is met


@dataclass(frozen=True, repr=False)
class Point:
    r"""The parameterisation with exponents `a`, `b`, `c` of its L + 1 layers, exact.

    `stable`, `nontrivial` and `feature_learning` are verdicts, `failing` the conditions of stability that do not hold,
    `notes` remarks on floats. `r`, `r_layers` and `readout` (t) are the values of the formulas that hold where the
    initialisation is stable; `update_exponents` follow the network step by step, wherever it goes.
    """

    exponents: Exponents
    optimizer: str
    a: Rationals
    b: Rationals
    c: Rationals
    notes: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        """The number of hidden layers."""
        return len(self.a) - 1

    @cached_property
    def coordinates(self) -> tuple[Fraction, ...]:
        """All 3(L + 1) exponents, in the order of the derivation's unknowns."""
        return tuple(as_fraction(x) for x in (*self.a, *self.b, *self.c))

    # --------------------------------------------------------------- verdicts

    @cached_property
    def failing(self) -> tuple[sp.Basic, ...]:
        """The conditions of stability that fail, as relations."""
        known = self.exponents
        broken = (constraint for constraint in known.stable if not constraint.holds(self.coordinates))
        return tuple(constraint.expr(known.names.symbols) for constraint in broken)

    @property
    def stable(self) -> bool:
        """Whether preactivations start at order one, and nothing diverges at initialisation or in training."""
        return not self.failing

    @property
    def nontrivial(self) -> bool:
        """Whether the network is stable and its logits change by order one."""
        parts = (self.exponents.readout, self.exponents.inherited)
        return self.stable and max(self._at(line) for line in parts) == 0

    @property
    def feature_learning(self) -> bool:
        """Whether the features of the last hidden layer change by order one, and the network is nontrivial."""
        return self.nontrivial and self.r == 0

    @property
    def kernel_regime(self) -> bool:
        """Whether the network is nontrivial and its features stay: training is that of a fixed kernel."""
        return self.nontrivial and self.r > 0

    @property
    def maximal(self) -> bool:
        """Whether every layer is updated as far as stability allows, and the readout starts as large: muP."""
        parts = (self.exponents.readout, self.exponents.inherited)
        return self.stable and not any(self.r_layers) and all(self._at(line) == 0 for line in parts)

    # -------------------------------------------------------------- exponents

    @property
    def r_layers(self) -> Rationals:
        r"""$r_l$ of the hidden layers: $\Delta W^l x^{l-1} \sim n^{-r_l}$."""
        return tuple(-self._at(line) for line in self.exponents.updates)

    @property
    def r(self) -> sp.Rational:
        r"""$\Delta x^L \sim n^{-r}$."""
        return -self._at(self.exponents.changes[-1])

    @property
    def readout(self) -> sp.Rational:
        r"""t: $\Delta W^{L+1} x^L \sim n^{1-t}$."""
        return 1 - self._at(self.exponents.readout)

    @cached_property
    def update_exponents(self) -> Mapping[str, sp.Rational]:
        """h1, ..., hL, f at initialisation and their changes dh1, ..., dhL, df after three steps."""
        return self.after(SETTLED)

    def after(self, steps: int) -> Mapping[str, sp.Rational]:
        """Exponents at initialisation, and of the changes since then after `steps` steps, by the rule of alignment.

        >>> from symlimits.theory.scaling.abc import abc
        >>> abc(2).at(a=[0, 0, 0], b=[0, "1/2", "1/2"], c=1).after(1)  # standard, rates 1/n
        {'h1': 0, 'h2': 0, 'f': 0, 'dh1': -3/2, 'dh2': -1/2, 'df': 0}
        """
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise DomainError(f"steps = {shown(steps)}", "a number of steps from 1 on", "steps=3")
        move = MOVES[self.optimizer]
        a, b, c = (tuple(map(as_fraction, values)) for values in (self.a, self.b, self.c))
        told = course(a, b, c, move, steps)
        start = told[0]
        changes = {name: told[-1][name] for name in told[-1] if name not in start}
        return {name: _sympy(value) for name, value in {**start, **changes}.items()}

    def limit(self, quantity: str, steps: int = SETTLED) -> Limit:
        """The exponent of h1, ..., hL, f or dh1, ..., dhL, df after `steps` steps as a claim about finite networks.

        `certify(sizes=...)` trains networks of tanh with frozen gradients. Raises `DomainError` for another quantity.

        >>> from symlimits.theory.scaling.named import named
        >>> named("muP", depth=2).limit("f").expr
        -1/2
        """
        from symlimits.theory.scaling.abc_experiment import exponent_limit  # which asks for a point

        return exponent_limit(self, quantity, steps)

    def gauged(self, *shifts: object) -> Point:
        r"""The same training with $\theta_l$ powers of the width moved from each layer's weights to its multiplier.

        One rational for each of the L + 1 layers: $(a_l + \theta_l, b_l - \theta_l, c_l - 2\theta_l)$ for SGD,
        $c_l - \theta_l$ for Adam.
        """
        thetas, notes = rationals(shifts, "shifts", self.depth + 1)
        power = GAUGE_POWERS[MOVES[self.optimizer]]
        a, b, c = (
            tuple(x + scale * theta for x, theta in zip(values, thetas, strict=True))
            for values, scale in ((self.a, 1), (self.b, -1), (self.c, -power))
        )
        return Point(self.exponents, self.optimizer, a, b, c, self.notes + notes)

    def transfer(
        self, base_width: int, width: int, rate: Factor | Sequence[Factor] = 1.0, inputs: int | None = None,
        outputs: int | None = None, stds: Sequence[Factor] | None = None,
    ) -> Transfer:  # fmt: skip
        """Multiplier, deviation and rate of every layer at `width`, for a network that was tuned at `base_width`.

        Arguments and errors are those of `transfer.transfer`.

        >>> from symlimits.theory.scaling.named import named
        >>> table = named("muP", depth=2, optimizer="adam").transfer(256, 4096, rate="1/1000")
        >>> [row.rate for row in table.layers]
        [0.001, 6.25e-05, 0.001]
        """
        return transfer(self, base_width, width, rate, inputs, outputs, stds)

    def coordinate_check(
        self, widths: Sequence[int] = WIDTHS, seed: int = 0, steps: int = SETTLED,
        gradients: str = "frozen", parameterised_as: Point | None = None,
        alpha: float = ALPHA, allowance: float = ALLOWANCE,
    ) -> CoordinateCheck:  # fmt: skip
        """Networks simulated at `widths`: the slopes of h1, ..., f, dh1, ..., df against the predicted exponents.

        Three or more widths; the changes are those after `steps` steps. `gradients` in the logits stay the same
        ("frozen") or are those of the logistic loss ("loss"); `parameterised_as` is how the networks are made in truth:
        a check that has to fail. `alpha` bounds false alarms of the whole table, `allowance` is what finite width may
        do to a slope. Raises `DomainError` for fewer widths, unknown gradients, and levels that are none.

        >>> from symlimits.theory.scaling.named import named
        >>> check = named("muP", depth=1).coordinate_check(widths=(32, 64, 128, 256))
        >>> check.ok, [row.name for row in check.rows]
        (True, ['h1', 'f', 'dh1', 'df'])
        """
        return coordinate_check(self, widths, seed, steps, gradients, parameterised_as, alpha, allowance)

    def compare(
        self, samples: Samples, alpha: float = SAMPLES_ALPHA, allowance: float = ALLOWANCE, steps: int = SETTLED
    ) -> CoordinateCheck:
        """Sizes in networks of one's own, `samples` {width: {"h1": [...], ...}}, against the exponents.

        A list holds one number a network, the root mean square over units and batch; changes dh1, ... are those after
        `steps` steps. Raises `DataError` for rows that are unknown or missing at a width, fewer than three widths or
        two networks, and numbers that are not positive.

        >>> from symlimits.theory.scaling.named import named
        >>> nets = {n: {"f": [n**-0.5, 1.02 * n**-0.5, 0.98 * n**-0.5]} for n in (64, 256, 1024)}
        >>> named("muP", depth=2).compare(nets).ok, named("NTK", depth=2).compare(nets).failing
        (True, ('f',))
        """
        return compare(self, samples, alpha, allowance, steps)

    def _at(self, line: Line) -> sp.Rational:
        return _value(line.pruned, self.coordinates)

    @property
    def verdict(self) -> str:
        """One line: unstable, trivial, kernel regime or feature learning."""
        if not self.stable:
            return "unstable"
        if not self.nontrivial:
            return "stable, trivial"
        return f"stable, nontrivial, {'feature learning' if self.feature_learning else 'kernel regime'}"

    def __repr__(self) -> str:
        layers = "layer" if self.depth == 1 else "layers"
        numbers = ", ".join(f"{name} = {getattr(self, name)}" for name in "abc")
        rows = [f"abc-parameterisation, {self.depth} hidden {layers}, {self.optimizer}: {self.verdict}"]
        rows.append(f"  {numbers}; r = {self.r} from layers {self.r_layers}")
        rows += [f"  it breaks {written(relation)}" for relation in self.failing]
        return "\n".join([*rows, *(f"  {note}" for note in self.notes)])


def _value(number: MaxPlus, point: tuple[Fraction, ...]) -> sp.Rational:
    value = number.at(point)
    assert value is not None
    return _sympy(value)


def _sympy(value: Fraction) -> sp.Rational:
    return sp.Rational(value.numerator, value.denominator)

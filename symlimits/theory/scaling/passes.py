r"""Exponents of a deep network near its stable initialisation: a forward and a backward pass in max-plus numbers.

The network is $h^l = W^l x^{l-1}$, $x^l = \phi(h^l)$, $f = W^{L+1} x^L$ with $W^l = n^{-a_l} w^l$, entries of
$w^l$ of size $n^{-b_l}$, learning rate $n^{-c_l}$. The rules, each a line below:

* initial weights meet vectors that they do not depend on: a sum over n units obeys the central limit theorem,
  $n^{1/2}$; the input has a fixed number of coordinates, $n^0$;
* an update is rank one, $\Delta w^l = n^{-c_l}\,n^{-a_l}\, dh^l \otimes x^{l-1}$ (SGD), or has entries $\pm n^{-c_l}$
  with these signs (sign-like); on the vectors that made it, it acts coherently: the law of large numbers, $n^1$;
* the changes of $x^L$ contain $W^{L+1}_0$ through the backward pass, so that $W^{L+1}_0$ meets them coherently.

Where a condition of stability is met on the way it is a premise of the lines that follow. Yang & Hu, arXiv 2011.14522,
section 3 and appendix H; Yang & Littwin, arXiv 2308.01814, for Adam; derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import sympy as sp

from symlimits.derivation.affine import Affine
from symlimits.derivation.maxplus import MaxPlus
from symlimits.derivation.polyhedra import Constraint, minimal
from symlimits.finite.optimizers import DIRECTIONS

HALF = Fraction(1, 2)
# What a move of the weights is in exponents, by the optimizer's name: a gradient, or of order one whatever that is
MOVES = {name: "sgd" if direction.degree else "sign" for name, direction in DIRECTIONS.items()}
GAUGE_POWERS = {"sgd": 2, "sign": 1}  # of a multiplier, in the rate of the weight that absorbs it


@dataclass(frozen=True)
class Hyperparameters:
    """The 3(L + 1) unknowns $a_l, b_l, c_l$ as affine forms and as SymPy symbols, and the sums that they enter."""

    depth: int
    move: str

    @cached_property
    def _forms(self) -> tuple[Affine, ...]:
        return Affine.variables(self.dimension)

    @property
    def layers(self) -> range:
        """The numbers of the layers, 1 to L + 1."""
        return range(1, self.depth + 2)

    @property
    def dimension(self) -> int:
        """The number of unknowns."""
        return 3 * (self.depth + 1)

    def a(self, layer: int) -> Affine:
        """The exponent of the multiplier $n^{-a_l}$."""
        return self._forms[layer - 1]

    def b(self, layer: int) -> Affine:
        """The exponent of the initial weights $n^{-b_l}$."""
        return self._forms[self.depth + layer]

    def c(self, layer: int) -> Affine:
        """The exponent of the learning rate $n^{-c_l}$."""
        return self._forms[2 * self.depth + 1 + layer]

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """$a_1, ..., a_{L+1}, b_1, ..., c_{L+1}$."""
        return tuple(sp.Symbol(f"{letter}_{layer}", real=True) for letter in "abc" for layer in self.layers)

    def initial(self, layer: int) -> Affine:
        """What one sum over the initial weights multiplies a vector by."""
        return (HALF if layer > 1 else Fraction(0)) - self.a(layer) - self.b(layer)

    def moved(self, layer: int, x: MaxPlus, dh: MaxPlus) -> MaxPlus:
        """The entries of the update of W, in units of the width, for vectors x below and gradients dh above."""
        if self.move == "sign":
            return MaxPlus.of(-self.a(layer) - self.c(layer))
        return (x * dh).shifted(-2 * self.a(layer) - self.c(layer))

    def settled(self, number: MaxPlus) -> MaxPlus:
        """The number where the initialisation is stable: $b_l$ is eliminated from all hidden layers."""
        return MaxPlus.of(*(self._without_b(form) for form in number.forms))

    def _without_b(self, form: Affine) -> Affine:
        for layer in self.layers[:-1]:
            form = form + form.coefficients[self.depth + layer] * self.initial(layer)
        return form


@dataclass(frozen=True)
class Line:
    """One exponent: as a rule wrote it, and what is left of it under the premises so far."""

    written: MaxPlus
    settled: MaxPlus
    pruned: MaxPlus
    premises: tuple[Constraint, ...]


@dataclass(frozen=True)
class Exponents:
    r"""What the passes give. Layers are counted from 1; index 0 of a tuple is the first of them.

    `logits` is $f$ at initialisation; `updates` are $\delta h^l = \Delta W^l x^{l-1} \sim n^{-r_l}$, `changes` the
    whole changes $\Delta h^l$; of the change of the logits `readout` is due to the last layer, `inherited` to $x^L$,
    `both` to both. `equalities` say that hidden layers start at order one, `stable` is all of stability, minimal.
    """

    names: Hyperparameters
    equalities: tuple[Constraint, ...]
    logits: Line
    updates: tuple[Line, ...]
    changes: tuple[Line, ...]
    readout: Line
    inherited: Line
    both: Line
    stable: tuple[Constraint, ...]


class _Pass:
    """The premises that have been met so far, and the lines that are read under them."""

    def __init__(self, names: Hyperparameters) -> None:
        self.names = names
        self.premises: tuple[Constraint, ...] = ()

    def line(self, written: MaxPlus) -> Line:
        settled = self.names.settled(written)
        return Line(written, settled, settled.pruned(self.premises), self.premises)

    def bounded(self, written: MaxPlus) -> Line:
        """A line that stability asks to be at most zero, which is a premise from now on."""
        line = self.line(written)
        self.premises += tuple(Constraint(form, "<=") for form in sorted(line.pruned.forms))
        return line


@lru_cache(maxsize=32)
def exponents(depth: int, move: str) -> Exponents:
    """The exponents of a network with `depth` hidden layers, for `move` "sgd" or "sign".

    >>> exponents(1, "sgd").readout.pruned  # one minus 2 a_2 + c_2
    MaxPlus(forms=frozenset({-2*x2 - x6 + 1}))
    """
    names = Hyperparameters(depth, move)
    one, state = MaxPlus.of(Affine.const(0, names.dimension)), _Pass(names)
    equalities = tuple(Constraint(names.initial(layer), "=") for layer in names.layers[:-1])
    state.premises = equalities
    last = depth + 1
    logits = state.bounded(one.shifted(names.initial(last)))
    readout = state.bounded(names.moved(last, one, one).shifted(one_unit(names)))
    updates, moves = _backward(names, state, one)
    changes = _forward(names, state, updates, moves)
    moved = changes[-1].pruned
    inherited = state.bounded(moved.shifted(HALF + names.initial(last)))
    both = state.bounded(readout.pruned * moved)
    stable = minimal(dict.fromkeys(state.premises))
    return Exponents(names, equalities, logits, updates, changes, readout, inherited, both, stable)


def one_unit(names: Hyperparameters) -> Affine:
    """A coherent sum over the width."""
    return Affine.const(1, names.dimension)


def _backward(names: Hyperparameters, state: _Pass, one: MaxPlus) -> tuple[tuple[Line, ...], tuple[MaxPlus, ...]]:
    """Updates of the hidden layers, from the last to the first: each meets the gradient that came through."""
    last, unit = names.depth + 1, one_unit(names)
    dx = MaxPlus.of(names.initial(last) - HALF) + names.moved(last, one, one)  # one logit: no sum
    updates, moves = [], []
    for layer in reversed(names.layers[:-1]):
        gradient = state.line(dx)  # phi' is of order one
        dh = gradient.pruned
        updates.append(state.bounded(names.moved(layer, one, gradient.written).shifted(unit * int(layer > 1))))
        moves.append(move := names.moved(layer, one, dh))
        dx = dh.shifted(names.initial(layer)) + (move * dh).shifted(unit)
    return tuple(reversed(updates)), tuple(reversed(moves))


def _forward(
    names: Hyperparameters, state: _Pass, updates: tuple[Line, ...], moves: tuple[MaxPlus, ...]
) -> tuple[Line, ...]:
    """Changes of the preactivations: the update itself, and what comes from the layer below."""
    found: list[Line] = [state.line(updates[0].pruned)]
    for layer in names.layers[1:-1]:
        below = found[-1].pruned
        through = below.shifted(names.initial(layer)) + (moves[layer - 1] * below).shifted(one_unit(names))
        found.append(state.bounded(updates[layer - 1].pruned + through))
    return tuple(found)

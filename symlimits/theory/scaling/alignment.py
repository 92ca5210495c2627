r"""Exponents of any deep network, stable or not, step after step: the rule of alignment.

At each layer every vector, of values or of gradients, at any step, is followed by two parts: one along the initial
values $x_0$ of the layer, one along its initial gradients $g_0$. A sum over n units of the product of two vectors is
$n^1$ times what their equal parts make (the law of large numbers), $n^{1/2}$ times what different parts make (the
central limit theorem). With this product one rule serves the forward pass, and with its transpose the backward pass:

* the update of step s is $g_s x_s^\top$; of a later $x_t$ it makes $\langle x_s, x_t\rangle$ times $g_s$; on the way
  back, of a later gradient $\langle g_s, g_t\rangle$ times $x_s$. That of a sign is made of the signs of the two;
* initial weights take what lies along $x_0$ to what lies along the $x_0$ above, which they made. What lies along
  $g_0 = W_0^\top g_0'$ they take to $W_0W_0^\top g_0'$: a part along the $g_0'$ above, and one that is independent of
  all else and no larger, so that no exponent sees it. The transpose does the same on the way back;
* the initial readout is the initial gradient of the last layer, up to a factor.

Derived here for linear networks. Simulation refutes two other rules: that all sums with an update in them are
coherent, and that a later change is coherent with $x_s$ in the share of its gradient that is as old as $x_s$, which
misses what its other parts have along the same direction; both are off by 1/2 at points where networks explode.

Finite networks cross over late where small powers add up. Deep mean field with L = 5 under sign descent: the change of
the logits has exponents -3/2, 0, 0 at steps 1, 2, 3. At widths from 2^6 to 2^18, by factors of 4, the slopes of its
root mean square at step 2 are -0.39, -0.17, -0.12, -0.04, 0.01, -0.07, and -0.22, -0.17, -0.15, -0.07, -0.01, -0.04 at
step 3 (errors 0.05 at first, 0.2 at last).

Exponents hold for odd activations with $\phi(h) \sim h$ as $h \to 0$ where a layer vanishes, and with
$\phi(h) \sim h$ as $|h| \to \infty$ where one explodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf

HALF = Fraction(1, 2)
Numbers = Sequence[Fraction]
Exponent = Fraction | float  # a float is minus infinity, the exponent of zero


@dataclass(frozen=True)
class Vector:
    """The exponents of what a vector has along the initial values of its layer, and along the initial gradients.

    >>> x = Vector(value=Fraction(0)) + Vector(gradient=Fraction(-1, 4))  # moved by an update
    >>> x.size, x.times(HALF).gradient
    (Fraction(0, 1), Fraction(1, 4))
    """

    value: Exponent = -inf
    gradient: Exponent = -inf

    @property
    def size(self) -> Exponent:
        """The exponent of an entry."""
        return max(self.value, self.gradient)

    def __add__(self, other: Vector) -> Vector:
        return Vector(max(self.value, other.value), max(self.gradient, other.gradient))

    def times(self, power: Exponent) -> Vector:
        """The vector times a power of the width."""
        return Vector(self.value + power, self.gradient + power)


def product(u: Vector, v: Vector, different: Fraction = HALF) -> Exponent:
    """The exponent of the sum over n units: n for equal parts, `different` for what is along different ones.

    >>> product(Vector(value=Fraction(0)), Vector(Fraction(-1), Fraction(0)))  # max(1 - 1, 1/2 + 0)
    Fraction(1, 2)
    """
    equal = max(u.value + v.value, u.gradient + v.gradient)
    return max(1 + equal, different + max(u.value + v.gradient, u.gradient + v.value))


def course(
    a: Numbers, b: Numbers, c: Numbers, move: str, steps: int, *, coherent: bool = False
) -> tuple[dict[str, Fraction], ...]:
    r"""The exponents after each of the steps 0, 1, ..., `steps` of $h^l$, f, and of their changes since the start.

    Keys are h1, ..., hL, f, and from step 1 on dh1, ..., dhL, df. `move` is "sgd" or "sign". `coherent=True` counts
    every sum over units with an update in it as coherent: wrong, for comparison.

    >>> half = Fraction(1, 2)
    >>> course([0, half, half], [0, 0, 0], [0, 0, 0], "sgd", steps=1)[1]["dh2"]  # the tangent kernel regime
    Fraction(-1, 2)
    """
    run = _Course(tuple(map(Fraction, a)), tuple(map(Fraction, b)), tuple(map(Fraction, c)), move, coherent)
    return (run.start(), *(run.step() for _ in range(steps)))


class _Course:
    """Forward and backward passes in turn; layers count from 1, `values[0]` is the input, the last gradient the loss.

    These two have a fixed number of coordinates, and do not change. Weights l stand between the layers l - 1 and l,
    `wide` says that what they act on has n coordinates.
    """

    def __init__(self, a: Numbers, b: Numbers, c: Numbers, move: str, coherent: bool) -> None:
        self.weights = [-x - y for x, y in zip(a, b, strict=True)]
        self.rates = [-(1 if move == "sign" else 2) * x - y for x, y in zip(a, c, strict=True)]
        self.sign, self.different = move == "sign", Fraction(1) if coherent else HALF
        self.last = len(a)
        self.values: list[list[Vector]] = [[] for _ in range(self.last + 1)]  # of each layer, step after step
        self.gradients: list[list[Vector]] = [[] for _ in range(self.last + 1)]

    def start(self) -> dict[str, Fraction]:
        """Sizes at initialisation, by name."""
        self.values[0].append(Vector(value=Fraction(0)))
        self.gradients[-1].append(Vector(gradient=Fraction(0)))
        for layer in range(1, self.last + 1):
            self.values[layer].append(self._through(layer, self.values[layer - 1][0], wide=layer > 1))
        for layer in range(self.last, 1, -1):
            self.gradients[layer - 1].append(self._through(layer, self.gradients[layer][0], wide=layer < self.last))
        return self._named("", [history[0] for history in self.values[1:]])

    def step(self) -> dict[str, Fraction]:
        """Sizes of the values after one more update, and of their changes; then the gradients of the next one."""
        self.values[0] += self.values[0][:1]
        self.gradients[-1] += self.gradients[-1][:1]
        changes, back = [Vector()], Vector()
        for layer in range(1, self.last + 1):
            before, along = self.values[layer - 1], self.gradients[layer]
            changes.append(self._change(layer, before, changes[-1], along, wide=layer > 1))
            self.values[layer].append(self.values[layer][0] + changes[-1])
        for layer in range(self.last, 1, -1):
            before, along = self.gradients[layer], self.values[layer - 1]
            back = self._change(layer, before, back, along, wide=layer < self.last)
            self.gradients[layer - 1].append(self.gradients[layer - 1][0] + back)
        return self._named("", [history[-1] for history in self.values[1:]]) | self._named("d", changes[1:])

    def _change(self, layer: int, before: list[Vector], change: Vector, along: list[Vector], *, wide: bool) -> Vector:
        """What a layer makes of the vector that is last in `before`, less what it made of it at the start.

        Initial weights act on its `change`; each update is `along` one vector, and meets with what it had `before`.
        """
        found = self._through(layer, change, wide)
        for meets, moves in zip(before[:-1], along, strict=False):  # on the way back, of this step there is more
            moved = self._moving(moves).times(self.rates[layer - 1])
            found += moved.times(self._sum(self._moving(meets), before[-1], wide))
        return found

    def _through(self, layer: int, vector: Vector, wide: bool) -> Vector:
        """Initial weights on a vector, or on the way back their transpose."""
        weights = self.weights[layer - 1]
        if layer == self.last and wide:  # forward: the readout is along the initial gradient
            return Vector(value=self._sum(Vector(gradient=weights), vector, wide))
        return vector.times(weights + (HALF if wide else 0))

    def _moving(self, vector: Vector) -> Vector:
        """What of a vector is in an update."""
        return vector.times(-vector.size) if self.sign else vector

    def _sum(self, u: Vector, v: Vector, wide: bool) -> Exponent:
        return product(u, v, self.different) if wide else u.size + v.size

    def _named(self, prefix: str, vectors: Sequence[Vector]) -> dict[str, Fraction]:
        names = [*(f"h{layer}" for layer in range(1, self.last)), "f"]
        return {f"{prefix}{name}": Fraction(vector.size) for name, vector in zip(names, vectors, strict=True)}

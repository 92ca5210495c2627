r"""Exponents of any deep network, stable or not, step after step: the rule of alignment.

A vector at step t is its initial value plus what every step added, $x_t = x_0 + \Delta x_1 + \dots + \Delta x_t$.
The update of step s is made of $x_s$; at a later step t it meets

* $x_s$ coherently: a sum over n units is $n^1$ times what is summed;
* $\Delta x_{s+1}, ..., \Delta x_t$, which came later, incoherently, $n^{1/2}$, as far as $x_s$ is that of the start.
  What updates made of $x_s$ lies along the gradients $dh_0, ..., dh_{s-1}$, and $\Delta x_t$ along $dh_{t-1}$: they are
  coherent in the share of $dh_{t-1}$ that is of steps before s;
* besides, the part of $dh_{t-1}$ that came back through the update of step s, $\Delta W_s^\top dh \propto x_s$, is
  coherent with all of $x_s$.

On the way back gradients $dh_t$ obey the first rule, and are coherent with what updates made before. The initial
readout is part of every gradient, so that it meets the changes of the last layer coherently, as far as it still
dominates that gradient. Derived here; counting all of it as coherent is refuted by simulation. Exponents hold for
activations with $\phi(h) \sim h$ as $h \to 0$ where a layer vanishes, and for $\phi(h) \sim h$ as $|h| \to \infty$
where one explodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

HALF = Fraction(1, 2)
Numbers = Sequence[Fraction]


@dataclass
class _Vector:
    """The exponents of a vector's parts: of its start, then of what each step added; None where nothing was."""

    parts: list[Fraction | None]

    def size(self, step: int) -> Fraction:
        """The exponent of the whole after `step` steps."""
        return max(part for part in self.parts[: step + 1] if part is not None)

    def aligned(self, made: int, step: int, units: bool) -> Fraction:
        """A sum over units of what `made` had with what is there at `step`: coherent, then incoherent."""
        later = [part + self.meeting(made, units) for part in self.parts[made + 1 : step + 1] if part is not None]
        return max([self.size(made) + units, *later])

    def meeting(self, made: int, units: bool, share: Fraction = Fraction(0)) -> Fraction:
        """What the sum over units of `made`, in units of its size, and of what came later is multiplied by.

        `share` is how much of what came later lies where earlier updates put theirs.
        """
        added = [part for part in self.parts[1 : made + 1] if part is not None]
        coherent = [1 + max(added) - self.size(made) + share] if added else []
        return max([HALF, *coherent]) if units else Fraction(0)


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
    run.start()
    for step in range(1, steps + 1):
        run.step(step)
    return tuple(run.told(step) for step in range(steps + 1))


class _Course:
    """Forward and backward passes in turn; layers count from 1, `h[0]` is the input."""

    def __init__(self, a: Numbers, b: Numbers, c: Numbers, move: str, coherent: bool) -> None:
        self.a, self.b, self.c, self.move, self.coherent = a, b, c, move, coherent
        self.last = len(a)
        self.h = [_Vector([Fraction(0)])]
        self.dh: dict[int, _Vector] = {self.last: _Vector([Fraction(0)])}  # the loss: one number, of order one
        self.readout: list[Fraction] = []  # how much of the last layer's gradient the initial readout is

    def start(self) -> None:
        """The forward pass at initialisation, and the first backward pass."""
        for layer in range(1, self.last + 1):
            self.h.append(_Vector([self._initial(layer) + self.h[-1].size(0)]))
        for layer in reversed(range(1, self.last)):
            through = self._weights(layer + 1) + (HALF if layer + 1 < self.last else 0)
            self.dh[layer] = _Vector([through + self.dh[layer + 1].size(0)])
        self.readout.append(Fraction(0))

    def step(self, step: int) -> None:
        """Every layer's change by the update of the step before, and by that of the layer below; then backward."""
        self.h[0].parts.append(None)
        for layer in range(1, self.last + 1):
            self.h[layer].parts.append(self._forward(layer, step))
        self.dh[self.last].parts.append(None)
        for layer in reversed(range(1, self.last)):
            self.dh[layer].parts.append(self._backward(layer, step))
        gradient = self.dh[self.last - 1]
        whole, initial = gradient.size(step), gradient.parts[0]
        assert initial is not None
        self.readout.append(min(Fraction(0), initial - whole))

    def told(self, step: int) -> dict[str, Fraction]:
        """The sizes after a step, by name."""
        names = [*(f"h{layer}" for layer in range(1, self.last)), "f"]
        found = {name: vector.size(step) for name, vector in zip(names, self.h[1:], strict=True)}
        for name, vector in zip(names, self.h[1:], strict=True) if step else ():
            found[f"d{name}"] = max(part for part in vector.parts[1 : step + 1] if part is not None)
        return found

    def _weights(self, layer: int) -> Fraction:
        return -self.a[layer - 1] - self.b[layer - 1]

    def _initial(self, layer: int) -> Fraction:
        return self._weights(layer) + (HALF if layer > 1 else 0)

    def _update(self, layer: int, step: int) -> tuple[Fraction, Fraction, Fraction]:
        """The entries of one update without its vectors, and the sizes of those: gradient above, value below."""
        a, c = self.a[layer - 1], self.c[layer - 1]
        if self.move == "sign":  # the vectors are signs, of order one
            return -a - c, Fraction(0), Fraction(0)
        return -2 * a - c, self.dh[layer].size(step), self.h[layer - 1].size(step)

    def _forward(self, layer: int, step: int) -> Fraction:
        """The part of h at this layer that the step adds."""
        x, units = self.h[layer - 1], layer > 1
        change = x.parts[step]
        latest = sum(self._update(layer, step - 1), Fraction(0))
        terms = [latest + x.size(step - 1) + units]
        if change is not None:
            terms.append(change + self._through(layer, step))
            for s in range(step):
                scale, above, below = self._update(layer, s)
                terms.append(scale + above + below + change + self._meets(layer, s, step))
        return max(terms)

    def _meets(self, layer: int, made: int, step: int) -> Fraction:
        """What the sum over units of x after `made` steps, in units of its size, and of a later step's part gains."""
        units = layer > 1
        if self.coherent or not units:
            return Fraction(int(self.coherent or units))
        gradient = self.dh[layer - 1]
        whole = gradient.size(step - 1)
        before = [part for part in gradient.parts[:made] if part is not None]
        share = min(Fraction(0), max(before) - whole) if before else Fraction(0)
        back = 1 + min(Fraction(0), self._returned(layer, made, step - 1) - whole) if made < step - 1 else HALF
        return max(self.h[layer - 1].meeting(made, units, share), back)

    def _returned(self, layer: int, made: int, step: int) -> Fraction:
        """The part of the gradient below a layer that came through the layer's update of the step `made`."""
        scale, above, below = self._update(layer, made)
        return scale + above + below + self._met(self.dh[layer], made, step, layer < self.last)

    def _met(self, vector: _Vector, made: int, step: int, units: bool) -> Fraction:
        return vector.size(step) + units if self.coherent else vector.aligned(made, step, units)

    def _through(self, layer: int, step: int) -> Fraction:
        """The initial weights on a change of the layer below: coherent for the readout."""
        if layer < self.last:
            return self._initial(layer)
        return self._weights(layer) + max(1 + self.readout[step - 1], HALF)

    def _backward(self, layer: int, step: int) -> Fraction:
        """The part of dh at this layer that the step adds; phi' is of order one."""
        above, units = self.dh[layer + 1], layer + 1 < self.last
        scale, gradient, below = self._update(layer + 1, step - 1)
        terms = [scale + gradient + below + self._met(above, step - 1, step, units)]
        change = above.parts[step]
        if change is not None:
            terms.append(change + self._weights(layer + 1) + HALF * units)
            for s in range(step - 1):
                terms.append(
                    sum(self._update(layer + 1, s), change) + (units if self.coherent else above.meeting(s, units))
                )
        return max(terms)

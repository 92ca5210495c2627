r"""Sizes of what training moves in networks with one hidden layer, with gradients that are the same at every width.

The width's power of the loss's own gradients is a matter of the limit; with given gradients the exponents of
logits, increments and kernels are seen without crossover from one gradient rule to another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from symlimits.errors import DomainError
from symlimits.finite.one_hidden import (
    Function,
    OneHidden,
    State,
    Weights,
    WidthPowers,
    draw,
    frozen,
    neuron_sums,
    train,
)

Array = npt.NDArray[np.float64]
POINTS = 32  # data, in as many dimensions: mean squares over them fluctuate little
REFERENCE = 2**8  # the width at which sigma is one
MOVE = 3.0  # of the rates: output weights move by half their size in a step at the reference width
# The few neurons that cross a kink change kernels by the root of the rate, all the others by the rate itself: with
# this one the first are seen (relu in NTK scaling: slopes -0.67, -0.77, -0.74 at widths 2^6 to 2^12, for -3/4; with
# MOVE the others' -1). With a tenth of it there are networks in which no neuron crosses.
KINK_MOVE = 0.1
STEPS = 3
LARGEST = 2**22  # numbers of hidden features held at once
DRAWS, FEWEST, MOST = 2**18, 128, 512  # networks times width, and networks, of one size in a certificate
OBSERVED = {  # the exponents of which are derived, in words
    "f_init": "the logit at the start",
    "f_a": "the part of the logit that increments of $a$ give",
    "f_w": "the part of the logit that increments of $w$ give",
    "f_aw": "the part of the logit that both increments give",
    "delta_a": "the increment of an output weight $a$",
    "delta_w": "the increment of an input weight $w$",
    "kernel": "the tangent kernel at the start, times rates",
    "kernel_a": "the kernel of the output weights, times its rate",
    "kernel_w": "the kernel of the input weights, times its rate",
    "kernel_increment": "the increment of the tangent kernel over the kernel, at inputs that were not trained on",
    "kernel_increment_trained": "the increment of the tangent kernel over the kernel, at inputs of the training data",
}
QUANTITIES = (
    "f_init", "f", "f_change", "f_a", "f_w", "f_aw", "delta_a", "delta_w", "kernel", "kernel_increment",
)  # fmt: skip
UNSEEN = "kernel_increment_unseen"  # at as many points that are not trained on


@dataclass(frozen=True)
class FrozenTraining:
    r"""Networks of any width trained with random signs as gradients, scaled by `powers` of $d/d_0$, $d_0$ = REFERENCE.

    A call is an experiment: it draws `quantity`, one of QUANTITIES or UNSEEN, of `nets` networks. `move` is the factor
    of the rates, `points` are the data, in as many dimensions.
    """

    phi: Function
    slope: Function
    powers: WidthPowers
    quantity: str = "f_change"
    nets: int = 16
    move: float = MOVE
    points: int = POINTS

    def __post_init__(self) -> None:
        if self.quantity not in (*QUANTITIES, UNSEEN):
            known = ", ".join((*QUANTITIES, UNSEEN))
            raise DomainError(f"quantity = {self.quantity!r}", f"one of {known}", "'f_change'")

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        return self.measure(size, rng)[self.quantity]

    def wanted(self, size: int) -> int:
        """How many networks of a size a certificate draws: no crowd of small ones, which would see terms past 1/d."""
        return max(FEWEST, min(MOST, DRAWS // size))

    def required_bytes(self, size: int) -> int:
        """Of the arrays that are held at once: weights at the start and now, features and slopes."""
        return 8 * 8 * max(LARGEST, size * self.points) * (2 if self.quantity == UNSEEN else 1)

    def net(self, width: int) -> OneHidden:
        """The network of a width, without its weights."""
        return self.powers.net(self.phi, self.slope, width / REFERENCE, 1.0, (self.move, self.move))

    def measure(self, width: int, rng: np.random.Generator) -> dict[str, Array]:
        """All quantities, or the unseen one, of `nets` networks after STEPS steps, arrays (nets,)."""
        most = max(1, LARGEST // (width * self.points))
        counts = [min(most, self.nets - done) for done in range(0, self.nets, most)]
        parts = [self._measure(width, count, rng) for count in counts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _measure(self, width: int, nets: int, rng: np.random.Generator) -> dict[str, Array]:
        X, g = problem(self.points)
        net, first = self.net(width), draw(nets, width, X.shape[1], rng)
        unseen = self.quantity == UNSEEN
        Z = elsewhere(self.points) if unseen else X
        states = train(net, first, X, STEPS, frozen(g), at=Z if unseen else None)
        begin = next(states)
        *_, end = states
        if unseen:
            first_seen, last_seen = (_at(state, slice(len(X), None)) for state in (begin, end))
            return {UNSEEN: sizes(net, first_seen, last_seen, Z)["kernel_increment"]}
        return sizes(net, begin, end, X)


def _at(state: State, points: slice) -> State:
    """The state with what is seen of it at some points only."""
    return State(state.weights, state.features[..., points], state.logits[:, points])


def problem(points: int = POINTS) -> tuple[Array, Array]:
    """Unit vectors, and a random sign for each at every step."""
    rng = np.random.default_rng(0)
    return _unit_vectors(rng, points), rng.choice([-1.0, 1.0], (STEPS, points))


def elsewhere(points: int = POINTS) -> Array:
    """Unit vectors that are not trained on."""
    return _unit_vectors(np.random.default_rng(1), points)


def _unit_vectors(rng: np.random.Generator, points: int) -> Array:
    X = rng.standard_normal((points, points))
    return np.asarray(X / np.linalg.norm(X, axis=1, keepdims=True))


def sizes(net: OneHidden, begin: State, end: State, X: Array) -> dict[str, Array]:
    r"""Root mean squares of each network over points, neurons or pairs of points.

    $f = f_\emptyset + f_a + f_w + f_{aw}$ by what moved: nothing, a, w, both. The kernel is
    $\eta_a K_a + \eta_w K_w$ at the start, its increment is divided by it.
    """
    a, features = begin.weights.a, begin.features
    moved_a, moved_w = end.weights.a - a, end.weights.w - begin.weights.w
    moved_features = end.features - features
    before, after = (kernel(net, state.weights, state.features, X) for state in (begin, end))
    parts = {
        "f_a": net.sigma * neuron_sums(moved_a, features),
        "f_w": net.sigma * neuron_sums(a, moved_features),
        "f_aw": net.sigma * neuron_sums(moved_a, moved_features),
    }
    return {
        "f_init": _rms(begin.logits),
        "f": _rms(end.logits),
        "f_change": _rms(sum(parts.values(), np.zeros(1))),
        **{name: _rms(part) for name, part in parts.items()},
        "delta_a": _rms(moved_a),
        "delta_w": _rms(moved_w),
        "kernel": _rms(before),
        "kernel_increment": _rms(after - before) / _rms(before),
    }


def kernel(net: OneHidden, weights: Weights, features: Array, X: Array) -> Array:
    r"""$\sigma^2\sum_r(\eta_a\phi\phi' + \eta_w a_r^2\dot\phi\dot\phi'\,x\cdot x')$, (nets, n, n)."""
    slopes = net.slope(weights.w @ X.T) * weights.a[..., None]
    eta_a, eta_w = net.rates
    return net.sigma**2 * (eta_a * _gram(features) + eta_w * _gram(slopes) * (X @ X.T))


def _gram(features: Array) -> Array:
    return features.transpose(0, 2, 1) @ features


def _rms(values: Array) -> Array:
    return np.sqrt((values**2).reshape(len(values), -1).mean(axis=1))

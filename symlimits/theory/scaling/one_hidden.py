r"""One hidden layer and its step of gradient descent, in exponents of the width.

$$f(x) = \sigma\sum_{r=1}^d a_r\,\phi(w_r\cdot x),\qquad
\Delta a_r = -\eta_a\sigma\,\mathbb E\,g\,\phi(w_r\cdot x),\qquad
\Delta w_r = -\eta_w\sigma\,\mathbb E\,g\,a_r\phi'(w_r\cdot x)\,x,$$
with $\sigma\propto d^{q_\sigma}$, $\eta_a\propto d^{q_a}$, $\eta_w\propto d^{q_w}$, weights of order one at the start,
and $|g|\le 1$ (Golikov 2020, arXiv 2006.06574). Exponents are those of generic activations and data: coefficients that
do not vanish by themselves are taken not to cancel.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp

from symlimits.derivation.affine import Affine
from symlimits.derivation.maxplus import HALF, Graded, MaxPlus
from symlimits.theory.scaling.traits import Traits

q_sigma, q, q_a, q_w = (sp.Symbol(name, real=True) for name in ("q_sigma", "q", "q_a", "q_w"))


@dataclass(frozen=True)
class Plane:
    """The hyperparameters' exponents: `symbols` are the coordinates, the others affine forms of them."""

    symbols: tuple[sp.Symbol, ...]
    sigma: Affine
    rate_a: Affine
    rate_w: Affine

    @property
    def dimension(self) -> int:
        """How many exponents are free."""
        return len(self.symbols)

    @property
    def one(self) -> Affine:
        """The exponent of a constant."""
        return Affine.const(0, self.dimension)


_shared, _separate = Affine.variables(2), Affine.variables(3)
PLANES = {
    "shared": Plane((q_sigma, q), _shared[0], _shared[1], _shared[1]),
    "separate": Plane((q_sigma, q_a, q_w), *_separate),
}


@dataclass(frozen=True)
class State:
    """Increments of the weights of a neuron since the start."""

    delta_a: Graded = field(default_factory=Graded)
    delta_w: Graded = field(default_factory=Graded)


@dataclass(frozen=True)
class Network:
    """A plane of hyperparameters and an activation.

    Without `parity` every sum over neurons is taken for coherent, as if output weights had a mean: not the network
    that is meant, but what the theory is held against.
    """

    plane: Plane
    traits: Traits
    parity: bool = True

    @property
    def start(self) -> Graded:
        """The output weight at the start: symmetric, of order one."""
        one = MaxPlus.of(self.plane.one)
        return Graded(odd=one) if self.parity else Graded(even=one)

    @property
    def unit(self) -> Graded:
        """A function of the input weights at the start, which know nothing of the output weight."""
        return Graded(even=MaxPlus.of(self.plane.one))


def stepped(net: Network, state: State, large: bool) -> State:
    r"""One step: $\eta_a\sigma\phi$ is added to the increment of a, $\eta_w\sigma a\phi'$ to that of w."""
    features = net.unit + increment(net, state.delta_w, large)
    slopes = net.unit + slope_increment(net, state.delta_w, large)
    weight = net.start + state.delta_a
    return State(
        state.delta_a + features.shifted(net.plane.sigma + net.plane.rate_a),
        state.delta_w + (weight * slopes).shifted(net.plane.sigma + net.plane.rate_w),
    )


def increment(net: Network, delta: Graded, large: bool) -> Graded:
    r"""The increment $\phi(w + \delta w) - \phi(w)$.

    Small $\delta w$: Taylor's first two orders; a kink adds what it does to the few neurons that cross it. Large ones,
    of a homogeneous function: as large as $\delta w$, and of both parities where $\delta w$ is odd.
    """
    if large:
        return Graded(delta.even + delta.odd, delta.odd)
    return _taylor(delta, net.traits.degree) + (_crossings(delta, size=1) if net.traits.jumps else Graded())


def slope_increment(net: Network, delta: Graded, large: bool) -> Graded:
    r"""The increment $\phi'(w + \delta w) - \phi'(w)$."""
    if large:
        return net.unit + Graded(odd=net.unit.even)
    degree = net.traits.degree
    return _taylor(delta, None if degree is None else degree - 1) + (
        _crossings(delta, size=0) if net.traits.jumps else Graded()
    )


def slopes_increment(net: Network, delta: Graded, large: bool, trained: bool) -> Graded:
    r"""The increment of $\psi(w) = \phi'(w\cdot x)\phi'(w\cdot x')$.

    A jump is crossed by a share $d^{|\delta|}$ of the neurons, and each of them changes by a constant. The mean over
    $w$ is as smooth as the density of $w$, so that Taylor's rule holds for it; what is left has mean zero and second
    moment $d^{|\delta|}$. At an input of the training data $\delta w$ jumps at the same place as $\psi$: a neuron is
    pushed over the edge with another force than back, and the mean has the order of $|\delta|$ itself; not so where
    the slope has one size on both sides of its jump, as that of |x|.
    """
    if large:
        return slope_increment(net, delta, large)
    if not net.traits.jumps:
        single = slope_increment(net, delta, large)
        return single + single * single
    jump = _taylor(delta, None) + _crossings(delta, size=0)
    return jump + Graded(even=delta.size) if trained and net.traits.lopsided else jump


def _taylor(delta: Graded, degree: int | None) -> Graded:
    """The orders up to two: while the increment is bounded, higher ones have one of these parities, and are smaller."""
    orders = 2 if degree is None else min(2, degree)
    return (Graded(), delta, delta + delta * delta)[orders]


def _crossings(delta: Graded, size: int) -> Graded:
    r"""Changes $|\delta|^{size}$ in a share $|\delta|$ of neurons: mean zero, mean square $|\delta|^{2 size + 1}$."""
    return Graded(scattered=(delta.even + delta.odd).power(size + HALF))


def observables(net: Network, state: State, large: bool) -> dict[str, MaxPlus]:
    """The exponents of what is seen of a state: parts of the logit, increments, kernels times rates.

    `kernel_a` and `kernel_w` are those of the trained weights, `change` and `change_trained` what the sum of both has
    gained since the start, at other inputs than those of training and at these.
    """
    start, unit, plane = net.start, net.unit, net.plane
    moved = increment(net, state.delta_w, large)
    weight, features = start + state.delta_a, unit + moved
    slopes = unit + slopes_increment(net, state.delta_w, large, trained=False)
    gained = state.delta_a * start + state.delta_a * state.delta_a
    gained_a = kernel(plane.rate_a, plane, moved + moved * moved)
    parts = {
        "f_init": (start * unit).summed().shifted(plane.sigma),
        "f_a": (state.delta_a * unit).summed().shifted(plane.sigma),
        "f_w": (start * moved).summed().shifted(plane.sigma),
        "f_aw": (state.delta_a * moved).summed().shifted(plane.sigma),
        "delta_a": state.delta_a.size,
        "delta_w": state.delta_w.size,
        "kernel_a": kernel(plane.rate_a, plane, features * features),
        "kernel_w": kernel(plane.rate_w, plane, weight * weight * slopes),
        "kernel": kernel(plane.rate_a, plane, unit * unit) + kernel(plane.rate_w, plane, start * start * unit),
    }
    for name, trained in (("change", False), ("change_trained", True)):
        turned = slopes_increment(net, state.delta_w, large, trained)
        parts[name] = gained_a + kernel(plane.rate_w, plane, gained * slopes + weight * weight * turned)
    parts["f_change"] = parts["f_a"] + parts["f_w"] + parts["f_aw"]
    parts["f"] = parts["f_init"] + parts["f_change"]
    return parts


def kernel(rate: Affine, plane: Plane, neuron: Graded) -> MaxPlus:
    r"""A kernel times its rate, $\eta\sigma^2\sum_r$ of what a neuron gives."""
    return neuron.summed().shifted(rate + plane.sigma * 2)

r"""The exponents of the gaps between a network, its linearisation and the infinitely wide one, as limits.

| gap | smooth $\phi$ | $\phi$ with kinks |
|---|---|---|
| (a) $f_t - f_t^{lin}$, of the same start | -1 | -1/2 |
| $\hat\Theta_t - \hat\Theta_0$ | -1 | -1/2 |
| (b) $f_t^{lin}$ of $\hat\Theta_0$, of $\Theta$ | -1/2 | -1/2 |
| (c) $\mathbb E f_t$ and the law's mean | -1 | -1/2 |
| $\theta_t - \theta_0$ | 0 | 0 |

The bounds of Lee et al. (arXiv 1902.06720, theorem 2.1, recalled) are $n^{-1/2}$ for the first two, for smooth
activations; kinks lie outside its hypotheses.
"""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from symlimits.derivation.affine import as_fraction
from symlimits.derivation.clusters import drift_lines, ensemble_lines, gap_lines, movement_lines
from symlimits.derivation.maxplus import deviation_lines
from symlimits.derivation.trace import Trace
from symlimits.errors import NoRule
from symlimits.finite.gaps import NetworkGaps
from symlimits.language.activation import Activation
from symlimits.language.architecture import Dense, Serial
from symlimits.language.domain import Domain
from symlimits.limits import Limit
from symlimits.theory.linearization.link import LinearizationProgram, program_exponent

SOURCE = "Lee et al. 2019, arXiv 1902.06720; Dyer and Gur-Ari 2019, arXiv 1909.11304; derived here"
NAMES = {
    "linearized": r"e_{f-f^{lin}}",
    "kernel_drift": r"e_{\Delta\Theta}",
    "kernel": r"e_{\hat\Theta-\Theta}",
    "ensemble_mean": r"e_{\mathbb{E}f-\mu}",
    "movement": r"e_{\Delta\theta}",
}
WORDS = {
    "linearized": "largest distance over time between a network's outputs and those of its linearisation",
    "kernel_drift": "distance between the tangent kernel after and before training",
    "kernel": "largest distance over time between linear models of the network's kernel and of the limit's",
    "ensemble_mean": "distance of the mean over trained networks, four times as many as the width, from the law's mean",
    "movement": "distance of the parameters from their start",
}
KINK_ORDER = 0.5  # what no neuron that crosses a kink adds is smaller by the root of the width


def exponent_claim(experiment: NetworkGaps) -> Limit:
    """The exponent of the quantity that an experiment draws, with its lines."""
    quantity, net = experiment.quantity, experiment.network
    kinked = bool(jumps_of_slope(net))
    order = KINK_ORDER if kinked and quantity in ("linearized", "kernel_drift", "ensemble_mean") else 1
    general = None
    if quantity in ("linearized", "kernel_drift", "movement"):
        general = LinearizationProgram(quantity, hidden_layers(net), smooth=not kinked)
    regime = f"width to infinity, {experiment.descent.steps} steps of a fixed rate"
    return Limit(
        lines(quantity, net, len(experiment.X)), Domain({}), (), NAMES[quantity], SOURCE, experiment, WORDS[quantity],
        regime, "exponent", order, general,
    )  # fmt: skip


def lines(quantity: str, net: Serial, data: int) -> Trace:
    """How an exponent follows."""
    jumps = jumps_of_slope(net)
    moved = as_fraction(program_exponent("preactivation", 1)) if jumps else None
    match quantity:
        case "linearized":
            return gap_lines(moved)
        case "kernel_drift":
            if data == 1 and all(below**2 == above**2 for below, above in jumps) and jumps:
                given = "the drift of the kernel of one datum, for a kink where the slope changes its sign alone"
                wanted = "two data, or a kink where its square jumps: neurons that cross keep their terms"
                raise NoRule(given, wanted, "linearization(...).slopes(widths)")
            return drift_lines(moved)
        case "kernel":
            return deviation_lines()
        case "ensemble_mean":
            gap = as_fraction(gap_lines(moved)[-1].expr)
            return ensemble_lines(Fraction(gap))
    return movement_lines()


def jumps_of_slope(net: Serial) -> list[tuple[sp.Expr, sp.Expr]]:
    """The slopes on both sides of every kink of its activations."""
    return [
        pair for phi in {layer for layer in net.flat() if isinstance(layer, Activation)} for pair in phi.slope_jumps
    ]


def hidden_layers(net: Serial) -> int:
    """The number of hidden layers."""
    return sum(isinstance(layer, Dense) for layer in net.flat()) - 1

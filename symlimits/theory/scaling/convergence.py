r"""Limit models against the networks that they are the limits of, trained with the true logistic loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from symlimits.finite.one_hidden import WidthPowers, draw, logistic, train
from symlimits.language.activation import activation
from symlimits.theory.scaling.models import LimitModel
from symlimits.theory.scaling.problem import Functions, labels

Array = npt.NDArray[np.float64]
MEDIAN_ERROR = 0.93  # of a median, in quartile ranges over the root of the count, for a normal law
LARGEST = 2**22  # numbers of hidden features held at once


@dataclass(frozen=True)
class Wide:
    r"""A family of networks: powers of the width, their factors $\sigma_*$ and $\eta_*$, exponents of the logits.

    `start` and `later` are $e_0$ and $e_k$ of $F^{(k)} = \lim d^{-e_k}f^{(k)}$.
    """

    powers: WidthPowers
    start: float
    later: float
    sigma: float = 1.0
    eta: float = 1.0
    phi: object = "x/(1+exp(-x))"


@dataclass(frozen=True)
class Convergence:
    """Relative errors (widths,) of a limit model after the last step: medians over networks, with standard errors.

    Medians, since a saturated gradient jumps: a network whose logit is near zero may take the other branch.
    """

    widths: tuple[int, ...]
    errors: Array
    standard_errors: Array

    @property
    def falls(self) -> bool:
        """Whether the error at every width is below that at the width before."""
        return all(later < before for before, later in pairwise(self.errors))

    @property
    def slope(self) -> float:
        """The power of the width that the error falls by, by least squares of logarithms."""
        return float(np.polyfit(np.log(self.widths), np.log(self.errors), 1)[0])


def convergence(
    model: LimitModel, wide: Wide, X: Array, y: Array, steps: int, widths: Sequence[int], nets: int = 12, seed: int = 0
) -> Convergence:
    r"""The error $\|d^{-e_k}f^{(k)} - F^{(k)}\|/\|F^{(k)}\|$ at k = `steps`, networks with the logistic gradient.

    F starts from the logits of the network it is held against. Norms are over the data.

    >>> MF = LimitModel("measure", ("zero", "logit"))
    >>> wide = Wide(WidthPowers(-1, 1, 1), start=-0.5, later=0, phi="erf(x)")
    >>> convergence(MF, wide, np.eye(2), np.array([1.0, -1.0]), 2, (64, 1024), nets=4).falls
    True
    """
    y = labels(y, len(X))
    rows = [_error(model, wide, X, y, steps, width, nets, np.random.default_rng([seed, width])) for width in widths]
    errors, deviations = zip(*rows, strict=True)
    return Convergence(tuple(widths), np.array(errors), np.array(deviations))


def _error(
    model: LimitModel, wide: Wide, X: Array, y: Array, steps: int, width: int, nets: int, rng: np.random.Generator
) -> tuple[float, float]:
    most = max(1, LARGEST // (width * len(X)))
    counts = [min(most, nets - done) for done in range(0, nets, most)]
    pairs = [_ends(wide, X, y, steps, width, count, rng) for count in counts]
    starts, ends = (np.concatenate(side) for side in zip(*pairs, strict=True))
    options = {"activation": wide.phi, "sigma": wide.sigma, "eta": wide.eta}
    limits = np.array([model.run(X, y, steps, start=start, **options)[-1] for start in starts])
    relative = np.sqrt(((ends - limits) ** 2).mean(axis=1) / (limits**2).mean(axis=1))
    low, median, high = np.quantile(relative, [0.25, 0.5, 0.75])
    return float(median), float((high - low) * MEDIAN_ERROR / np.sqrt(nets))


def _ends(
    wide: Wide, X: Array, y: Array, steps: int, width: int, nets: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Logits at the start and at the end, over their powers of the width."""
    functions = Functions.of(activation(wide.phi))
    net = wide.powers.net(functions.phi, functions.slope, width, wide.sigma, (wide.eta, wide.eta))
    states = train(net, draw(nets, width, X.shape[1], rng), X, steps, logistic(y))
    first = next(states).logits
    *_, last = states
    return first / width**wide.start, last.logits / width**wide.later

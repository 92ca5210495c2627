r"""Limit models against the networks that they are the limits of, trained with the true logistic loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DomainError
from symlimits.finite.one_hidden import WidthPowers, draw, logistic, train
from symlimits.language.names import shown
from symlimits.theory.scaling.models import LimitModel
from symlimits.theory.scaling.problem import Functions, count, problem
from symlimits.theory.scaling.traits import named

Array = npt.NDArray[np.float64]
MEDIAN_ERROR = 0.93  # of a median, in quartile ranges over the root of the count, for a normal law
LARGEST = 2**22  # numbers of hidden features held at once


@dataclass(frozen=True)
class Wide:
    r"""A family of networks: powers of the width, their factors $\sigma_*$ and $\eta_*$, exponents of the logits.

    `fan.networks` makes those of a point of the plane. `start` and `later` are $e_0$ and $e_k$ of
    $F^{(k)} = \lim d^{-e_k}f^{(k)}$.
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
    model: LimitModel, wide: Wide, X: Any, y: Any, steps: int, widths: Sequence[int], nets: int = 12, seed: int = 0
) -> Convergence:
    r"""The error $\|d^{-e_k}f^{(k)} - F^{(k)}\|/\|F^{(k)}\|$ at k = `steps`, networks with the logistic gradient.

    `wide` are the networks, such as `fan.networks(...)`; `X` (n, p) the data, `y` (n,) labels of 1 and -1; two or more
    `widths`, each with `nets` networks. F starts from the logits of the network it is held against. Norms are over the
    data. Raises `DataError` for data of other shapes, `DomainError` for counts that are none and for another model.

    >>> from symlimits.theory.scaling.fan import one_hidden_layer
    >>> fan, place = one_hidden_layer(activation="erf"), {"q_sigma": -1, "q": 1}
    >>> model, wide = fan.at(**place).limit_model, fan.networks(**place)
    >>> convergence(model, wide, np.eye(2), [1, -1], 2, (64, 1024), nets=4).falls
    True
    """
    for value, kind in ((model, LimitModel), (wide, Wide)):
        if not isinstance(value, kind):
            raise DomainError(
                shown(value), f"a {kind.__name__}", "fan['MF'].limit_model, fan.networks(q_sigma=-1, q=1)"
            )
    asked = problem(X, y, steps, wide.phi, wide.sigma, wide.eta, 1, seed, None, None)
    X, y, steps, nets = asked.X, asked.y, asked.steps, count(nets, "nets")
    widths = _widths(widths)
    rows = [_error(model, wide, X, y, steps, width, nets, np.random.default_rng([seed, width])) for width in widths]
    errors, deviations = zip(*rows, strict=True)
    return Convergence(tuple(widths), np.array(errors), np.array(deviations))


def _widths(widths: object) -> list[int]:
    found = [count(width, "widths") for width in widths] if isinstance(widths, Sequence | np.ndarray) else []
    if len(set(found)) < 2 or isinstance(widths, str):
        raise DomainError(f"widths = {shown(widths)}", "two or more widths", "widths=(256, 1024, 4096)")
    return found


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
    functions = Functions.of(named(wide.phi))
    net = wide.powers.net(functions.phi, functions.slope, width, wide.sigma, (wide.eta, wide.eta))
    states = train(net, draw(nets, width, X.shape[1], rng), X, steps, logistic(y))
    first = next(states).logits
    *_, last = states
    return first / width**wide.start, last.logits / width**wide.later

r"""Predictions of a trained law as limits, with the finite networks that certify them.

The mean over networks of width N, and the covariance, differ from the prediction by O(1/N): the kernel of a network
fluctuates by $N^{-1/2}$, with a bias of 1/N. Statement: Lee et al. 2019, arXiv 1902.06720. Preactivations move by
$N^{-1/2}$; of a kinked activation a share of $N^{-1/2}$ of the neurons crosses the kink, each changing by as much as it
moves, so that the bias is of the order $N^{-1/2}$ where hidden layers are trained (`theory/linearization/`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.derivation.trace import Step
from symlimits.errors import DataError, DomainError, NoRule
from symlimits.finite.deep_linear_experiments import frozen
from symlimits.finite.trained_networks import Recipe, TrainedOutputs
from symlimits.language.activation import Activation
from symlimits.language.architecture import Serial
from symlimits.language.domain import Domain
from symlimits.language.formula import exact
from symlimits.limits import Limit
from symlimits.reading.real import as_real
from symlimits.theory.training.cross_entropy import CrossEntropyLaw
from symlimits.theory.training.data import duration
from symlimits.theory.training.law import TrainedLaw
from symlimits.theory.training.law_link import LawProgram
from symlimits.theory.training.statements import SOURCE

Array = npt.NDArray[np.float64]
MEMBERS = 2**14  # starts of a mean on the cross-entropy
DIGITS = 15  # of the numbers of a law: what is left of floats


def mean_limit(law: TrainedLaw | CrossEntropyLaw, net: Serial, Z: Any, steps: int, weights: Any) -> Limit:
    r"""The mean of $u\cdot f(Z)$, of the first output after some steps; `weights` is u (m,), Z is (m, d).

    On the cross-entropy the mean over the starts is taken at MEMBERS scrambled Sobol points: what they miss, some
    1e-4 of the spread, is far below what a certificate detects.

    >>> import symlimits as sl
    >>> from symlimits import activations as act
    >>> net = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
    >>> law = sl.trained_law(net, [[1.0]], [[2.0]], lr=0.25)  # Theta = 4: one step is enough
    >>> mean_limit(law, net, [[1.0]], 1, [1.0]).expr
    2
    """
    u = _weights(weights, Z)
    mean = law.mean(Z, steps=steps) if isinstance(law, TrainedLaw) else law.mean(Z, steps=steps, members=MEMBERS)
    value = float(u @ mean[:, 0])
    experiment = TrainedOutputs(
        _network(law, net), *_data(law, Z), recipe(law, steps), tuple(map(float, u)), pairs=True
    )
    return _limit(value, experiment, r"\mathbb{E} u \cdot f(Z)", f"a sum of trained outputs, after {steps} steps")


def variance_limit(
    law: TrainedLaw, net: Serial, Z: Any, steps: int, weights: Any, covariance: Array | None = None
) -> Limit:
    r"""The variance of $u\cdot f(Z)$ after some steps, $u^\top\Sigma u$: `weights` is u (m,).

    Two rows of Z in u show their covariance, rows of X that with what is left there. With `covariance` (m, m) that
    matrix is claimed in place of the law's: a wrong one has to be rejected.

    >>> import symlimits as sl
    >>> from symlimits import activations as act
    >>> net = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
    >>> law = sl.trained_law(net, [[1.0]], [[2.0]], lr=0.125)  # half of the start is left: K/4
    >>> variance_limit(law, net, [[1.0]], 1, [1.0]).expr
    1/2
    """
    u = _weights(weights, Z)
    claimed = law.covariance(Z, steps=steps) if covariance is None else covariance
    centre = float(u @ law.mean(Z, steps=steps)[:, 0])
    experiment = TrainedOutputs(
        _network(law, net), *_data(law, Z), recipe(law, steps), tuple(map(float, u)), centre, square=True
    )
    words = f"the square of a sum of trained outputs less its mean, after {steps} steps"
    return _limit(float(u @ claimed @ u), experiment, r"\operatorname{Var}(u \cdot f(Z))", words)


def recipe(law: TrainedLaw | CrossEntropyLaw, steps: int) -> Recipe:
    """How finite networks are trained for a law."""
    training, loss = law.training, "mse" if isinstance(law, TrainedLaw) else "xent"
    moved = int(duration(None, steps)), training.momentum, training.weight_decay, law.kernels.tangent is None
    return Recipe(training.lr, *moved, loss)


def _weights(values: Any, Z: Any) -> Array:
    weights: Array = as_real(values, "weights")
    if weights.shape != (len(Z),):
        raise DataError(f"weights of shape {weights.shape}", f"({len(Z)},): one for each row of Z", "[1.0, 0.0]")
    return weights


def _network(law: TrainedLaw | CrossEntropyLaw, net: Serial) -> Serial:
    if net != law.network:
        raise DomainError("another network than that of the law", "the network of the law", "law.network")
    if law.X.ndim > 2:
        raise NoRule("networks of images trained for real", "dense layers and activations", "sl.ntk(net).certify()")
    return net


def _data(law: TrainedLaw | CrossEntropyLaw, Z: Any) -> tuple[Any, Any, Any]:
    return frozen(law.X.tolist()), frozen(law.Y.tolist()), frozen(np.asarray(Z, dtype=np.float64).tolist())


def _limit(value: float, experiment: TrainedOutputs, name: str, observable: str) -> Limit:
    line = Step(exact(float(f"{value:.{DIGITS}g}")), "definition", SOURCE)
    found = Limit((line,), Domain({}), (), name, SOURCE, experiment, observable, general=LawProgram(experiment))
    return replace(found, order=_order(experiment))


def _order(experiment: TrainedOutputs) -> float:
    """The power of 1/N by which means over networks differ: a half where moving neurons cross kinks."""
    if experiment.recipe.last_layer:
        return 1
    activations = (layer for layer in experiment.network.flat() if isinstance(layer, Activation))
    return 0.5 if any(phi.slope_jumps for phi in activations) else 1

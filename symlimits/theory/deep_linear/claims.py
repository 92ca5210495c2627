r"""Statements about training at infinite width as limits, with the finite networks that certify them.

The limit is deterministic: predictors, Grams of neurons and singular values of increments of one network of width m
tend to it, at distances of $m^{-1/2}$, and their means with a bias of 1/m; the entries of one neuron tend to a
Gaussian. The statement is that of Chizat et al., arXiv 2211.16980; values, rate and law: derived here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.derivation.trace import Step
from symlimits.errors import DomainError
from symlimits.finite.deep_linear_experiments import DISTANCES, TrainedNetworks, frozen
from symlimits.language.domain import Domain, natural_domain
from symlimits.limits import Limit
from symlimits.theory.deep_linear.lazy import gradient_descent
from symlimits.theory.deep_linear.path import Path

SOURCE = "Chizat, Colombo, Fernandez-Real and Figalli, arXiv 2211.16980; derived here"
t = sp.Symbol("t", positive=True)
EXPONENTS = {"path": "e_{{A}}", "forward gram": r"e_{{\Phi_{{{}}}}}", "backward gram": "e_{{G_{{{}}}}}"}
DIGITS = 15  # of the numbers of a path: what is left of floats


def predictor_limit(
    depth: int, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, lr: float, steps: int, entry: tuple[int, int] = (0, 0)
) -> Limit:
    r"""$(A_T)_{ij}$ of the predictor after T steps: the mean over networks tends to it with a bias of 1/m.

    >>> predictor_limit(1, [[1.0]], [[2.0]], 0.1, 1).expr
    2/5
    """
    path, data = _path(depth, Sxx, Syx, lr, steps)
    networks = TrainedNetworks(depth, *data, lr, steps, "predictor", entry=entry)  # which refuses entries out of range
    value = float(path.predictors[-1][entry])
    return _limit(value, networks, rf"E (A_{{{steps}}})_{{{entry[0] + 1}{entry[1] + 1}}}", "an entry of the predictor")


def increment_limit(depth: int, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, lr: float, steps: int, layer: int = 2) -> Limit:
    """The largest singular value of the increment of a hidden matrix after some steps.

    >>> increment_limit(2, [[1.0]], [[2.0]], 0.1, 1).expr  # eta s |b_2| |h_1|
    1/5
    """
    path, data = _path(depth, Sxx, Syx, lr, steps)
    networks = TrainedNetworks(depth, *data, lr, steps, "increment", layer)
    name = rf"E \|M_{{{layer}}}({steps}) - M_{{{layer}}}(0)\|"
    return _limit(float(path.singular_values(layer)[0]), networks, name, "the norm of the increment of a matrix")


def neuron_limit(depth: int, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, lr: float, steps: int, layer: int = 1) -> Limit:
    r"""The characteristic function of $\sum_ih_l(T)_i + \sum_jb_l(T)_j$ of one neuron: that of a Gaussian.

    Its variance is the sum of the entries of $\Phi_l(T, T)$ and $G_l(T, T)$, and twice those of $A_T$.

    >>> neuron_limit(1, [[1.0]], [[2.0]], 0.1, 1).expr
    exp(-36*t**2/25)
    """
    path, data = _path(depth, Sxx, Syx, lr, steps)
    forward, backward = path.grams_at(-1)
    networks = TrainedNetworks(depth, *data, lr, steps, "neuron", layer)
    variance = forward[layer].sum() + backward[layer - 1].sum() + 2 * path.predictors[-1].sum()
    value = sp.exp(-_number(float(variance) / 2) * t**2)
    return Limit(
        (Step(value, "definition", SOURCE),),
        natural_domain(value),
        (t,),
        rf"E \cos(t\, n_{{{layer}}})",
        SOURCE,
        networks,
        f"the sum of the entries of one neuron of layer {layer}, after {steps} steps",
        kind="cf",
    )


def rate_limit(
    depth: int,
    Sxx: npt.ArrayLike,
    Syx: npt.ArrayLike,
    lr: float,
    steps: int,
    quantity: str = "path",
    layer: int = 1,
    path: Path | None = None,
) -> Limit:
    r"""The power of the width by which "path", "forward gram" or "backward gram" differ from their limits: -1/2.

    `path` is what they are held against, by default the limit: against another the distance does not vanish, and the
    certificate fails. Raises `DomainError` for another quantity.

    >>> rate_limit(2, [[1.0]], [[2.0]], 0.1, 3).expr
    -1/2
    """
    if quantity not in DISTANCES:
        raise DomainError(f"quantity = {quantity!r}", f"one of {', '.join(DISTANCES)}", "quantity='path'")
    derived, data = _path(depth, Sxx, Syx, lr, steps)
    path = derived if path is None else path
    limit = {"path": lambda: path.predictors, "forward gram": lambda: path.forward_gram(layer)}.get(
        quantity, lambda: path.backward_gram(layer)
    )()
    networks = TrainedNetworks(depth, *data, lr, steps, quantity, layer, limit=_rows(limit))
    lines = (Step(-sp.Rational(1, 2), "definition", SOURCE),)  # of means over m neurons, independent in the limit
    words = f"root mean square of what the {quantity} of a network differs from the limit by, over {steps} steps"
    return Limit(lines, Domain({}), (), EXPONENTS[quantity].format(layer), SOURCE, networks, words, kind="exponent")


def _limit(value: float, networks: TrainedNetworks, name: str, observable: str) -> Limit:
    words = f"{observable}, after {networks.steps} steps"
    return Limit((Step(_number(value), "definition", SOURCE),), Domain({}), (), name, SOURCE, networks, words)


def _path(
    depth: int, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, lr: float, steps: int
) -> tuple[Path, tuple[tuple[tuple[float, ...], ...], tuple[tuple[float, ...], ...]]]:
    """The limit, and the data as tuples."""
    path = gradient_descent(depth, Sxx, Syx, lr, steps)
    return path, (_rows(Sxx), _rows(Syx))


def _number(value: float) -> sp.Rational:
    """An exact decimal, which files keep."""
    return sp.Rational(f"{value:.{DIGITS}g}")


def _rows(array: npt.ArrayLike) -> tuple:
    rows: tuple = frozen(np.asarray(array, dtype=np.float64).tolist())
    return rows

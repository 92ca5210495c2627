r"""How far a trained network is from its linearisation, and that from the infinitely wide one: draws for exponents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import count
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError, FormulaError
from symlimits.finite.descent import LOSSES, OPTIMIZERS, Descent
from symlimits.finite.linearized import (
    in_outputs,
    kernel,
    required_bytes,
    tangents,
    trained_beside,
    weights,
)
from symlimits.finite.network import checked_data
from symlimits.finite.trained_networks import Recipe, drawn, trained_outputs
from symlimits.language.architecture import Serial
from symlimits.language.names import shown
from symlimits.language.network_tree import network_from_tree, network_to_tree

Array = npt.NDArray[np.float64]
Rows = tuple[tuple[float, ...], ...]
NETS = 256  # networks of a call
BYTES = 2**26  # of a call
DRAWS, FEWEST, MOST = 2**26, 512, 2048  # weights of all networks, and networks, of one size in a certificate
CROWD = 4  # networks of a mean, over the width: what is left of noise of the order n^(-1/2) is then of the order 1/n
MEANS, FEWEST_MEANS, MOST_MEANS = 2**12, 32, 128  # means times width, and means, of one size


@dataclass(frozen=True)
class NetworkGaps:
    r"""One of the QUANTITIES of trained networks, one number each; a call is an experiment, of at most `nets`.

    - "linearized": $\sup_t\|f_t - f_t^{lin}\|$, over steps 0 to T, with the network's own kernel;
    - "kernel_drift": $\|\hat\Theta_T - \hat\Theta_0\|_F$; "movement": $\|\theta_T - \theta_0\|$;
    - "kernel": $\sup_t\|f_t^{lin}(\hat\Theta_0) - f_t^{lin}(\Theta)\|$, with `target` $\Theta$ (n, n), of each output;
    - "ensemble_mean": $\|\frac1M\sum f_T - \mu_T\|$ over M = CROWD N networks of width N, in pairs that start with
      opposite readouts, with `target` $\mu_T$ (n, k).

    Norms are over data and outputs.

    >>> from symlimits import activations as act, mlp
    >>> net, descent = mlp(1, act.erf, 1, 0), Descent(lr=0.2, steps=5)
    >>> NetworkGaps(net, ((1.0,), (0.5,)), ((1.0,), (0.0,)), descent, "linearized")(64, np.random.default_rng(0)).shape
    (256,)
    """

    network: Serial
    X: Rows
    Y: Rows
    descent: Descent
    quantity: str
    target: Rows = ()
    nets: int = NETS

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES:
            raise DomainError(f"quantity = {shown(self.quantity)}", f"one of {', '.join(QUANTITIES)}", "'linearized'")
        if len(checked_data(self.X)) != len(checked_data(self.Y)):
            raise DataError(f"{len(self.X)} inputs and {len(self.Y)} targets", "as many of both", "a row of Y for each")
        if self.quantity == "ensemble_mean" and (self.descent.optimizer == "adam" or self.descent.loss != "mse"):
            given = f"the mean of networks trained by {self.descent.optimizer} on {self.descent.loss}"
            raise DomainError(given, "'sgd' or 'momentum' and 'mse'", "optimizer='sgd', loss='mse'")
        shape = {"kernel": (len(self.X), len(self.X)), "ensemble_mean": np.shape(self.Y)}.get(self.quantity, (0,))
        if np.shape(self.target) != shape:
            raise DataError(f"a target of shape {np.shape(self.target)}", f"shape {shape}", "target=")

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        X, Y = (np.asarray(rows, dtype=np.float64) for rows in (self.X, self.Y))
        return QUANTITIES[self.quantity](self, X, Y, size, rng)

    def wanted(self, size: int) -> int:
        """How many draws of a size a certificate makes."""
        if self.quantity == "ensemble_mean":
            return max(FEWEST_MEANS, min(MOST_MEANS, MEANS // size))
        return max(FEWEST, min(MOST, DRAWS // weights(self.network, len(self.X[0]), len(self.Y[0]), size)))

    def work(self, size: int, _rounds: int | None = None) -> float:
        """Weights that are moved in a certificate at one size, one by one."""
        networks = float(self.wanted(size)) * (CROWD * size if self.quantity == "ensemble_mean" else 1)
        return networks * self.descent.steps * weights(self.network, len(self.X[0]), len(self.Y[0]), size)

    def required_bytes(self, size: int) -> int:
        """Memory for a call, estimated."""
        return self._bytes(size, self._batch(size))

    def record(self) -> dict[str, Any]:
        """The networks as JSON, for a certificate; `from_record` reads it."""
        parts = {name: getattr(self, name) for name in ("X", "Y", "quantity", "target")}
        return {"kind": KIND, "network": network_to_tree(self.network), "descent": asdict(self.descent)} | parts

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> NetworkGaps:
        """The experiment of a record; `FormulaError` for what is none."""
        try:
            descent = _descent(record["descent"])
            X, Y, target = (tuple(tuple(map(float, row)) for row in record[name]) for name in ("X", "Y", "target"))
            network = network_from_tree(record["network"])
        except (KeyError, TypeError, ValueError):
            raise _foreign("networks with parts missing") from None
        return cls(network, X, Y, descent, str(record["quantity"]), target)

    def _bytes(self, size: int, batch: int) -> int:
        return required_bytes(
            self.network, len(self.X[0]), len(self.X), len(self.Y[0]), size, batch, self.descent.steps
        )

    def _batch(self, size: int) -> int:
        """Networks held at once."""
        return max(1, min(self.nets, BYTES // self._bytes(size, 1)))


def _linearized(asked: NetworkGaps, X: Array, Y: Array, size: int, rng: np.random.Generator) -> Array:
    found = trained_beside(asked.network, X, Y, asked.descent, size, asked._batch(size), rng)
    return _sizes(found.f - found.f_lin, (2, 3)).max(axis=1)


def _drift(asked: NetworkGaps, X: Array, Y: Array, size: int, rng: np.random.Generator) -> Array:
    times = (0, asked.descent.steps)
    Theta = trained_beside(asked.network, X, Y, asked.descent, size, asked._batch(size), rng, times).kernels
    return _sizes(Theta[:, -1] - Theta[:, 0], (1, 2, 3, 4))


def _movement(asked: NetworkGaps, X: Array, Y: Array, size: int, rng: np.random.Generator) -> Array:
    return trained_beside(asked.network, X, Y, asked.descent, size, asked._batch(size), rng).movement[:, -1]


def _kernel(asked: NetworkGaps, X: Array, Y: Array, size: int, rng: np.random.Generator) -> Array:
    layers = drawn(asked.network, X.shape[1], Y.shape[1], size, asked._batch(size), rng)
    f, model = tangents(layers, X, Y.shape[1])
    own, limit = kernel(model, Y.shape[1]), np.asarray(asked.target)
    pairs = zip(*(in_outputs(asked.descent, f, Theta, Y.T) for Theta in (own, limit)), strict=True)
    return np.max([_sizes(one - other, (1, 2)) for one, other in pairs], axis=0)


def _ensemble(asked: NetworkGaps, X: Array, Y: Array, size: int, rng: np.random.Generator) -> Array:
    crowd, descent = CROWD * size, asked.descent
    momentum = descent.momentum if descent.optimizer == "momentum" else 0.0
    recipe, total = Recipe(descent.lr, descent.steps, momentum), np.zeros(Y.shape)
    most = 2 * max(1, min(crowd, BYTES // asked._bytes(size, 1)) // 2)
    for start in count(step=most):
        if start >= crowd:
            break
        some = min(most, crowd - start)
        total += trained_outputs(asked.network, X, Y, X, recipe, size, some, rng, pairs=True).sum(axis=0)
    return _sizes(total[None] / crowd - np.asarray(asked.target), (1, 2))


def _descent(record: dict[str, Any]) -> Descent:
    """A description of training that `linearization` could have made; `FormulaError` for another."""
    found = Descent(float(record["lr"]), int(record["steps"]), str(record["optimizer"]), float(record["momentum"]))
    found = replace(found, loss=str(record["loss"]))
    known = found.optimizer in OPTIMIZERS and found.loss in LOSSES
    if not (known and 0 < found.lr < inf and 0 < found.steps <= MOST_STEPS and 0 <= found.momentum < 1):
        raise _foreign(f"networks trained by {found!r:.120}")
    return found


def _foreign(given: str) -> FormulaError:
    return FormulaError(given, "what NetworkGaps.record writes", "a certificate of this version")


def _sizes(values: Array, axes: tuple[int, ...]) -> Array:
    return np.sqrt((values**2).sum(axis=axes))


KIND = "networks beside their linearisations"
MOST_STEPS = 10**6
Quantity = Callable[[NetworkGaps, Array, Array, int, np.random.Generator], Array]
QUANTITIES: dict[str, Quantity] = {
    "linearized": _linearized,
    "kernel_drift": _drift,
    "kernel": _kernel,
    "ensemble_mean": _ensemble,
    "movement": _movement,
}

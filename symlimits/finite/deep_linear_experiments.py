r"""Trained deep linear networks as experiments: what a certificate draws beside the limit of infinite width.

A network of width m is drawn entry by entry ("naive"), or in the coordinates that training meets ("exact", the same law
at a cost that does not depend on m: `finite.revealed`). Neurons are exchangeable: in those coordinates, one neuron of a
layer is $\sqrt m$ times the first coordinates of a uniform point of the unit sphere of dimension m.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from symlimits.errors import DataError, DomainError, FormulaError
from symlimits.finite.deep_linear_training import (
    Array,
    Network,
    State,
    draw,
    fitted,
    minibatches,
    positive_integer,
    train,
    transposed,
)
from symlimits.finite.revealed import GENERIC, Revealed, gaussian
from symlimits.finite.rows import check_sampler
from symlimits.language.names import shown

NETS = 256  # networks of a call
BATCH_ENTRIES = 2**22  # weights of a layer held at a time by the naive sampler: 32 MB
DRAWS, FEWEST, MOST = 2**18, 256, 2**12  # networks times width, and networks, of one size in a certificate
MOST_WORK = 10_000  # layers times steps of networks that a file asks for
LAW = 2**15  # networks of one size where a law is asked for, drawn exactly

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class TrainedNetworks:
    r"""Gradient descent on networks of any width, from data Sxx (d, d), Syx (k, d), looked at in one number.

    `quantity` is "predictor", the entry `entry` of $A_T$ after `steps` steps; "path", the root mean square over times
    and entries of what the predictors differ from `limit` (T + 1, k, d) by; "forward gram", "backward gram", the same
    for the empirical Grams of neurons of `layer`, (T + 1, T + 1, d, d) or (.., k, k); "neuron", the sum of the entries
    of $h_l(T)$ and $b_l(T)$ of one neuron; "increment", the largest singular value of $M_l(T) - M_l(0)$, or "increment
    power", the sum of the powers 2 `power` of them all.

    >>> nets = TrainedNetworks(1, ((1.0,),), ((2.0,),), 0.1, 3)
    >>> nets.draws(64, 5, np.random.default_rng(0)).shape
    (5,)
    """

    depth: int
    Sxx: Rows
    Syx: Rows
    lr: float
    steps: int
    quantity: str = "predictor"
    layer: int = 1
    entry: tuple[int, int] = (0, 0)
    limit: Any = None
    sampler: str = "exact"
    power: int = 1

    def __post_init__(self) -> None:
        check_sampler(self.sampler)
        for name in ("depth", "steps", "layer", "power"):  # as integers of Python, which files hold
            object.__setattr__(self, name, positive_integer(getattr(self, name), name))
        if self.quantity not in QUANTITIES:
            raise DomainError(f"quantity = {self.quantity!r}", f"one of {', '.join(QUANTITIES)}", "'predictor'")
        xx, yx = (_numbers(name, getattr(self, name)) for name in ("Sxx", "Syx"))
        minibatches(xx, yx)
        _numbers("lr", self.lr)
        object.__setattr__(self, "entry", _place(self.entry, yx.shape[-2:]))
        hidden = self.quantity in INCREMENTS
        if not (2 if hidden else 1) <= self.layer <= self.depth and self.quantity in LAYERED:
            raise DomainError(f"layer = {self.layer}", f"a layer of {self.depth}, an increment's from 2 on", "layer=2")
        if (self.limit is None) == (self.quantity in DISTANCES):
            raise DataError(
                f"quantity {self.quantity!r}, limit {self.limit is not None}",
                "a limit for a distance, none else",
                "limit=path.predictors",
            )

    def __call__(self, size: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        return self.draws(size, self._batch(size), rng)

    def wanted(self, size: int) -> int:
        """The networks of one size: as many at each where they are drawn exactly, since these cost the same."""
        if self.sampler == "exact":
            return LAW if self.quantity == "neuron" else MOST
        return max(FEWEST, min(MOST, DRAWS // size))

    def required_bytes(self, size: int) -> int:
        """Memory for a call, estimated: weights, increments and velocities of the hidden layers."""
        wide = size if self.sampler == "naive" else min(size, (self.steps + 1) * (len(self.Sxx) + len(self.Syx)))
        return 8 * 6 * self._batch(size) * (self.depth + 1) * max(wide**2, 1024)

    def draws(self, size: int, nets: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """`nets` independent networks: an array (nets,)."""
        states = list(
            train(self._network(size, nets, rng), np.array(self.Sxx), np.array(self.Syx), self.lr, self.steps)
        )
        return np.asarray(QUANTITIES[self.quantity](self, states, size, rng), dtype=np.float64)

    def record(self) -> dict[str, Any]:
        """The networks as JSON, for a certificate."""
        names = ("depth", "Sxx", "Syx", "lr", "steps", "quantity", "layer", "entry", "sampler", "power")
        limit = None if self.limit is None else np.asarray(self.limit).tolist()
        return {"kind": "trained deep linear networks", **{name: getattr(self, name) for name in names}, "limit": limit}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> TrainedNetworks:
        """The networks of a record; `FormulaError` for what is none."""
        try:
            given = {name: value for name, value in record.items() if name != "kind"}
            if given["depth"] * given["steps"] > MOST_WORK:
                raise ValueError
            return cls(**given | {name: frozen(given[name]) for name in ("Sxx", "Syx", "entry", "limit")})
        except (KeyError, TypeError, ValueError):
            wanted = "what TrainedNetworks.record writes"
            raise FormulaError("networks with parts missing", wanted, "a certificate of this version") from None

    def _batch(self, size: int) -> int:
        return NETS if self.sampler == "exact" else max(1, min(NETS, BATCH_ENTRIES // size**2))

    def _network(self, size: int, nets: int, rng: np.random.Generator) -> Network:
        k, d = np.shape(self.Syx)
        if self.sampler == "naive":
            return draw(size, self.depth, d, k, nets, rng)
        return Revealed(self.depth, d, k, gaussian(size, nets, rng), GENERIC)


def frozen(rows: Any) -> Any:
    """Nested lists as nested tuples, which can be hashed.

    >>> frozen([[1.0], [2.0]])
    ((1.0,), (2.0,))
    """
    return tuple(map(frozen, rows)) if isinstance(rows, list | tuple) else rows


def _place(entry: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A row and a column, or `DataError`."""
    pair = isinstance(entry, tuple | list) and len(entry) == 2
    whole = pair and all(isinstance(i, int | np.integer) and not isinstance(i, bool) for i in entry)
    if not (whole and all(0 <= i < n for i, n in zip(entry, shape, strict=True))):
        raise DataError(f"entry = {shown(entry)}", f"a row and a column of {shape}", "entry=(0, 0)")
    return tuple(map(int, entry))


def _numbers(name: str, value: Any) -> Array:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} = {value!r:.80}", "numbers", f"{name} as nested tuples of floats") from None
    if not np.isfinite(array).all():
        raise DataError(f"{name} with numbers that are not finite", "finite numbers", f"other {name}")
    return array


def _predictor(asked: TrainedNetworks, states: list[State], size: int, rng: np.random.Generator) -> Array:
    i, j = asked.entry
    return np.asarray(states[-1].predictor[:, i, j])


def _path(asked: TrainedNetworks, states: list[State], size: int, rng: np.random.Generator) -> Array:
    seen = np.stack([state.predictor for state in states], axis=1)
    return _distance(seen, asked.limit)


def _forward(asked: TrainedNetworks, states: list[State], size: int, rng: np.random.Generator) -> Array:
    return _distance(empirical_gram([s.features[asked.layer - 1] for s in states]), asked.limit)


def _backward(asked: TrainedNetworks, states: list[State], size: int, rng: np.random.Generator) -> Array:
    return _distance(empirical_gram([s.derivatives[asked.layer - 1] for s in states]), asked.limit)


def _neuron(asked: TrainedNetworks, states: list[State], size: int, rng: np.random.Generator) -> Array:
    last = states[-1]
    whole = sum(vectors[asked.layer - 1].sum(axis=-1) for vectors in (last.features, last.derivatives))
    if asked.sampler == "naive":
        return np.asarray(sqrt(size) * whole[:, 0])
    g = rng.standard_normal(whole.shape)
    rest = rng.chisquare(np.full(len(whole), max(size - whole.shape[1], 1e-9)))
    return np.asarray(sqrt(size) * (whole * g).sum(axis=1) / np.sqrt((g**2).sum(axis=1) + rest))


def _increment(asked: TrainedNetworks, states: list[State], size: int, rng: np.random.Generator) -> Array:
    return np.asarray(_singular_values(asked, states)[:, 0])


def _increment_power(asked: TrainedNetworks, states: list[State], size: int, rng: np.random.Generator) -> Array:
    return np.asarray((_singular_values(asked, states) ** (2 * asked.power)).sum(axis=1))


def _singular_values(asked: TrainedNetworks, states: list[State]) -> Array:
    """Through the factors of the increment, which has a rank of steps times min(k, d) at most."""
    before = states[:-1]
    left = _side_by_side([_moves(state, asked) for state in before])
    right = _side_by_side([state.features[asked.layer - 2] for state in before])
    R, S = (np.asarray(np.linalg.qr(x, mode="r")) for x in (left, right))
    return np.asarray(np.linalg.svd(R @ transposed(S), compute_uv=False))


def _moves(state: State, asked: TrainedNetworks) -> Array:
    E = np.array(asked.Syx) - state.predictor @ np.array(asked.Sxx)
    return np.asarray(asked.lr * state.derivatives[asked.layer - 1] @ E)


def _side_by_side(vectors: list[Array]) -> Array:
    """Vectors of several times in one array (nets, w, T columns), earlier ones continued by zeros."""
    wide, columns = vectors[-1].shape[-2:]
    return np.concatenate([fitted(v, wide, columns) for v in vectors], axis=-1)


def empirical_gram(vectors: list[Array]) -> Array:
    r"""$\frac1m\sum_i h_i(t)h_i(s)^\top$ (nets, T, T, d, d) of vectors (nets, w, d) at T times, later ones longer.

    >>> empirical_gram([np.ones((5, 2, 1)), np.ones((5, 4, 1))])[0, :, :, 0, 0]
    array([[2., 2.],
           [2., 4.]])
    """
    flat, columns = _side_by_side(vectors), vectors[-1].shape[-1]
    grams = (transposed(flat) @ flat).reshape(-1, len(vectors), columns, len(vectors), columns)
    return grams.transpose(0, 1, 3, 2, 4)


def _distance(seen: Array, limit: Any) -> Array:
    """Root mean square of the difference, a number a network."""
    difference = (seen - np.asarray(limit)).reshape(len(seen), -1)
    return np.asarray(np.sqrt((difference**2).mean(axis=1)))


QUANTITIES: dict[str, Callable[[TrainedNetworks, list[State], int, np.random.Generator], Array]] = {
    "predictor": _predictor,
    "path": _path,
    "forward gram": _forward,
    "backward gram": _backward,
    "neuron": _neuron,
    "increment": _increment,
    "increment power": _increment_power,
}
DISTANCES = ("path", "forward gram", "backward gram")
INCREMENTS = ("increment", "increment power")
LAYERED = ("forward gram", "backward gram", "neuron", *INCREMENTS)

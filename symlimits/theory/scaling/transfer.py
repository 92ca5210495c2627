r"""Width transfer: from a network tuned at a base width to one of another width, layer by layer.

At width $n$ the multiplier, the standard deviation of the weights and the learning rate of layer l are those at the
base width $n_0$ times $(n/n_0)^{-a_l}$, $(n/n_0)^{-b_l}$ and $(n/n_0)^{-c_l}$: at the base width nothing changes.
Definition 1.1 of Yang & Hu, arXiv 2011.14522; transfer of tuned rates: Yang et al., arXiv 2203.03466.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import sympy as sp

from symlimits.errors import DataError, DomainError
from symlimits.finite.deep_training import Layers
from symlimits.language.names import shown
from symlimits.theory.scaling import transfer_text as text
from symlimits.theory.scaling.exact_numbers import Factor, positive
from symlimits.theory.scaling.passes import GAUGE_POWERS, MOVES
from symlimits.theory.scaling.report import Report, Writer


class Parameterisation(Protocol):
    """What a table asks of a parameterisation: exponents of the layers, first to last, and the optimizer."""

    @property
    def a(self) -> tuple[Any, ...]: ...
    @property
    def b(self) -> tuple[Any, ...]: ...
    @property
    def c(self) -> tuple[Any, ...]: ...
    @property
    def optimizer(self) -> str: ...


@dataclass(frozen=True)
class LayerTransfer:
    """One layer: exact factors from the base width to the target, and numbers at the target.

    `fan_in` is None for the first layer where the inputs were not counted; `std` is None there too.
    """

    name: str
    fan_in: int | None
    fan_out: int | None
    multiplier_factor: sp.Expr
    std_factor: sp.Expr
    rate_factor: sp.Expr
    base_std: float | None
    base_rate: float

    @property
    def multiplier(self) -> float:
        """What the layer's product is multiplied by in the forward pass; one at the base width."""
        return float(self.multiplier_factor)

    @property
    def std(self) -> float | None:
        """The standard deviation of the initial weights."""
        return None if self.base_std is None else self.base_std * float(self.std_factor)

    @property
    def rate(self) -> float:
        """The learning rate of the weights."""
        return self.base_rate * float(self.rate_factor)


@dataclass(frozen=True, repr=False)
class Transfer(Report):
    """The table of a width transfer: `layers` with multipliers, `absorbed` for an ordinary network without them.

    `str`, `csv`, `as_dict()` and `latex()` hold both forms.
    """

    writer: ClassVar[Writer] = text

    optimizer: str
    base_width: int
    width: int
    layers: tuple[LayerTransfer, ...]

    @property
    def absorbed(self) -> Transfer:
        r"""The same training with multipliers one: std times m, rate times $m^2$ (SGD) or $m$ (Adam).

        The gauge $(a_l, b_l, c_l) \to (a_l+\theta, b_l-\theta, c_l-2\theta)$ for SGD, $c_l-\theta$ for Adam, at
        $\theta = -a_l$: Yang & Hu, arXiv 2011.14522, section 3.2; for Adam derived here.
        """
        power = GAUGE_POWERS[MOVES[self.optimizer]]
        rows = [
            LayerTransfer(
                row.name,
                row.fan_in,
                row.fan_out,
                sp.Integer(1),
                row.std_factor * row.multiplier_factor,
                row.rate_factor * row.multiplier_factor**power,
                row.base_std,
                row.base_rate,
            )
            for row in self.layers
        ]
        return Transfer(self.optimizer, self.base_width, self.width, tuple(rows))

    def pytorch(self, multipliers: bool = False) -> str:
        """Code to paste: `nn.init.normal_` and the optimizer's groups for `layers`, a list of `nn.Linear`.

        Without multipliers for an ordinary network; with them the forward pass is written out too.
        """
        return text.pytorch(self if multipliers else self.absorbed, multipliers)

    def finite(self, inputs: int) -> Layers:
        """The numbers of `finite.deep_training` for such a network with so many inputs."""
        stds = [(inputs**-0.5 if row.base_std is None else row.base_std) * float(row.std_factor) for row in self.layers]
        rates, multipliers = [row.rate for row in self.layers], [row.multiplier for row in self.layers]
        return Layers(self.width, tuple(multipliers), tuple(stds), tuple(rates))


def transfer(
    point: Parameterisation,
    base_width: int,
    width: int,
    rate: Factor | Sequence[Factor] = 1.0,
    inputs: int | None = None,
    outputs: int | None = None,
    stds: Sequence[Factor] | None = None,
) -> Transfer:
    """The table from `base_width` to `width`, for a network that was tuned at the base width.

    `rate` is the learning rate there, one number or one a layer; `stds` the standard deviations of the initial weights
    there (default: one over the root of the fan-in); numbers, or exact strings such as "1/10". `inputs` and `outputs`
    are for the table's shapes. Raises `DomainError` for widths that are not positive integers, rates or deviations that
    are not positive, `DataError` for another number of them than layers.

    >>> from types import SimpleNamespace
    >>> half = sp.Rational(1, 2)
    >>> mup = SimpleNamespace(a=(-half, 0, half), b=(half,) * 3, c=(0, 0, 0), optimizer="sgd")
    >>> table = transfer(mup, base_width=256, width=1024, rate=0.1)
    >>> [(row.multiplier, row.std_factor, row.rate) for row in table.layers]
    [(2.0, 1/2, 0.1), (1.0, 1/2, 0.1), (0.5, 1/2, 0.1)]
    >>> [(row.multiplier, row.std_factor, row.rate) for row in table.absorbed.layers]
    [(1.0, 1, 0.4), (1.0, 1/2, 0.1), (1.0, 1/4, 0.025)]
    """
    for name, value in (("base_width", base_width), ("width", width)):
        _count(value, name)
    for name, number in (("inputs", inputs), ("outputs", outputs)):
        if number is not None:
            _count(number, name)
    count = len(point.a)
    rates = _positive(rate, count, "rate")
    deviations = _deviations(stds, inputs, base_width, count)
    ratio = sp.Rational(int(width), int(base_width))
    fans = [inputs, *[int(width)] * (count - 1), outputs]
    names = [*(str(layer) for layer in range(1, count)), "readout"]
    factors = [[ratio ** -sp.Rational(power) for power in powers] for powers in (point.a, point.b, point.c)]
    columns = (names, fans[:-1], fans[1:], *factors, deviations, rates)
    rows = [LayerTransfer(*cells) for cells in zip(*columns, strict=True)]
    return Transfer(point.optimizer, int(base_width), int(width), tuple(rows))


def _deviations(stds: Sequence[Factor] | None, inputs: int | None, base_width: int, count: int) -> list[float | None]:
    if stds is not None:
        return [*_positive(stds, count, "stds")]
    return [None if inputs is None else inputs**-0.5, *[base_width**-0.5] * (count - 1)]


def _positive(values: object, count: int, name: str) -> list[float]:
    several = isinstance(values, list | tuple) or (isinstance(values, np.ndarray) and values.ndim == 1)
    numbers: list[Any] = list(values) if several else [values] * count  # type: ignore[call-overload]
    if len(numbers) != count:
        given = f"{name} = {shown(values)}"
        raise DataError(given, f"a number, or {count}, one for each layer", f"{name}=[{', '.join(['0.1'] * count)}]")
    return [positive(number, name) for number in numbers]


def _count(value: object, name: str) -> None:
    if not hasattr(value, "__index__") or isinstance(value, bool) or value < 1:  # type: ignore[operator]
        raise DomainError(f"{name} = {shown(value)}", "a positive integer", f"{name}=256")

r"""What stands around the stages of a Gram loop: LayerNorm, and branches that begin, turn and join.

A branch keeps a copy of the pair that it begins with on a stack, with the number of the layer whose variances it has.
LayerNorm leaves the signed gap as it is and sets the variances to one; of a product the gaps combine without
cancellation, 1 - |rho_1 rho_2| = g_1 + g_2 - g_1 g_2; of a sum see `add_branches`. Each has a layer of its own in the
tables of `gram_loop`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from numba import njit

from symlimits.reading.gram_input import Floats
from symlimits.reading.special import copysign


@dataclass(frozen=True)
class Join:
    """How a branch ends: "sum" and "product" take what the stack holds, "turn" exchanges it with the branch's end.

    After a turn the next branch goes on from the trunk. `first` and `second` are the shares, in a sum, of what the
    stack holds and of what has just ended; both are 1 for a residual block.
    """

    kind: Literal["sum", "product", "turn"]
    first: float = 1.0
    second: float = 1.0

    @property
    def pops(self) -> bool:
        """Whether the stack is one shorter afterwards."""
        return self.kind != "turn"

    def of_pairs(self, k: int) -> list[str]:
        """Statements for a row of pairs, k the place on the stack."""
        held = f"gaps, tangents, gaps_{k}, tangents_{k}"
        if self.kind == "turn":
            return ["layer += 1", f"exchange({held})", f"trunk_{k} = layer - 1"]
        shares = f", {self.first!r}, {self.second!r}" if self.kind == "sum" else ""
        name = "add_branches" if self.kind == "sum" else "multiply_branches"
        return ["layer += 1", f"{name}({held}, trunk_{k}, rows, columns, layer, i, j{shares})"]

    def of_points(self, k: int) -> list[str]:
        """Statements for the variance of a point."""
        held, ended = f"points[trunk_{k}, 0, k]", "points[layer - 1, 0, k]"
        variance = {
            "sum": f"{self.first!r} * {held} + {self.second!r} * {ended}",
            "product": f"{held} * {ended}",
            "turn": held,
        }[self.kind]
        entered = ["layer += 1", f"enter(points, layer, k, {variance}, weights)"]
        return entered if self.pops else [*entered, f"trunk_{k} = layer - 1"]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What stands around an activation and its Dense layer: branches begin, then LayerNorm; branches end after it.

    `unit` says that there is a LayerNorm; `opened` how many branches begin; `after` how others end.
    """

    unit: bool = False
    opened: int = 0
    after: tuple[Join, ...] = ()

    @property
    def rows(self) -> int:
        """How many layers a repetition has in the tables of points."""
        return self.unit + 1 + len(self.after)


@njit(error_model="numpy", fastmath={"contract"})
def add_branches(
    gaps: Floats,
    tangents: Floats,
    other_gaps: Floats,
    other_tangents: Floats,
    other_layer: int,
    rows: Floats,
    columns: Floats,
    layer: int,
    i: int,
    j: int,
    first_share: float,
    second_share: float,
) -> None:
    """The sum, at `layer`, of a branch, the layer before, and another one or the trunk, at `other_layer`.

    With r = sqrt(p q) of each of the two, shares included, a sum without cancellation:
    p' q' - c'^2 = r_1^2 (1 - rho_1^2) + r_2^2 (1 - rho_2^2) + (sqrt(p_1 q_2) - sqrt(p_2 q_1))^2
    + 2 r_1 r_2 (1 - rho_1 rho_2).
    """
    end = j + gaps.size
    first_root, second_root = math.sqrt(first_share), math.sqrt(second_share)
    first_p, first_q = first_root * rows[other_layer, 1, i], columns[other_layer, 1, j:end]
    second_p, second_q = second_root * rows[layer - 1, 1, i], columns[layer - 1, 1, j:end]
    inverse, inverses = rows[layer, 4, i], columns[layer, 4, j:end]
    for k in range(gaps.size):
        q_1, q_2 = first_root * first_q[k], second_root * second_q[k]
        scale = inverse * inverses[k]
        first, second = scale * (first_p * q_1), scale * (second_p * q_2)
        difference = first_p * q_2 - second_p * q_1
        gap, other = abs(other_gaps[k]), abs(gaps[k])
        side, other_side = copysign(1.0, other_gaps[k]), copysign(1.0, gaps[k])
        along, against = gap + other - gap * other, 1.0 + (1.0 - gap) * (1.0 - other)
        between = along if side == other_side else against
        square = first * first * (gap * (2.0 - gap)) + second * second * (other * (2.0 - other))
        square += (scale * difference) * (scale * difference) + 2.0 * first * second * between
        rho = side * (1.0 - gap) * first + other_side * (1.0 - other) * second
        gaps[k] = copysign(square / (1.0 + abs(rho)) if scale > 0.0 else 1.0, rho)
        tangents[k] = second_share * tangents[k] + first_share * other_tangents[k]


@njit(error_model="numpy", fastmath={"contract"})
def multiply_branches(
    gaps: Floats,
    tangents: Floats,
    other_gaps: Floats,
    other_tangents: Floats,
    other_layer: int,
    rows: Floats,
    columns: Floats,
    layer: int,
    i: int,
    j: int,
) -> None:
    """The product, at `layer`, of a branch, the layer before, and another one, at `other_layer`."""
    end = j + gaps.size
    first_p, first_q = rows[other_layer, 1, i], columns[other_layer, 1, j:end]
    second_p, second_q = rows[layer - 1, 1, i], columns[layer - 1, 1, j:end]
    for k in range(gaps.size):
        gap, other = abs(other_gaps[k]), abs(gaps[k])
        side, other_side = copysign(1.0, other_gaps[k]), copysign(1.0, gaps[k])
        first = side * (1.0 - gap) * (first_p * first_q[k])
        second = other_side * (1.0 - other) * (second_p * second_q[k])
        gaps[k] = copysign(gap + other - gap * other, side * other_side)
        tangents[k] = other_tangents[k] * second + first * tangents[k]


@njit(error_model="numpy")
def exchange(gaps: Floats, tangents: Floats, other_gaps: Floats, other_tangents: Floats) -> None:
    """What a branch ended with goes to the stack, and the trunk comes back."""
    for k in range(gaps.size):
        gap, tangent = gaps[k], tangents[k]
        gaps[k], tangents[k] = other_gaps[k], other_tangents[k]
        other_gaps[k], other_tangents[k] = gap, tangent

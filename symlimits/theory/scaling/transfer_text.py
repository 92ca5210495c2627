"""A width transfer as its readers want it: an aligned table, CSV, a dictionary, LaTeX, PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symlimits.theory.scaling.passes import MOVES
from symlimits.theory.scaling.report import aligned, separated

if TYPE_CHECKING:
    from symlimits.theory.scaling.transfer import LayerTransfer, Transfer

HEADER = ("layer", "shape", "multiplier", "init std", "learning rate")
TITLES = {"sgd": "SGD", "adam": "Adam", "sign": "sign descent"}
TORCH_CLASSES = {"sgd": "SGD", "sign": "Adam"}  # of torch.optim, by the move
SIGN_NOTE = "# Sign descent is Adam without memory: betas 0, and an eps that is there for gradients of zero alone."
SIGN_OPTIONS = ", betas=(0.0, 0.0), eps=1e-20"  # eps=0 divides zero by zero; below 1e-23 squares vanish in float32
WITH, WITHOUT = "with multipliers", "without multipliers (an ordinary nn.Linear network)"


def table(found: Transfer) -> str:
    """Both forms, one below the other; in one where they are the same."""
    title = f"{TITLES[found.optimizer]}, width {found.base_width} -> {found.width}"
    if all(row.multiplier_factor == 1 for row in found.layers):
        return f"{title}\n\n{aligned(HEADER, rows(found))}"
    forms = ((WITH, found), (WITHOUT, found.absorbed))
    return "\n\n".join([title, *(f"{name}\n{aligned(HEADER, rows(form))}" for name, form in forms)])


def rows(table: Transfer) -> list[tuple[str, ...]]:
    """The cells of one form."""
    return [
        (row.name, f"{_fan(row.fan_in, 'd')} -> {_fan(row.fan_out, 'k')}", number(row.multiplier), std(row), rate(row))
        for row in table.layers
    ]


def std(row: LayerTransfer) -> str:
    """The deviation, with what it is of the one at the base width."""
    if row.std is None:
        return "1/sqrt(d)" if row.std_factor == 1 else f"{number(float(row.std_factor))}/sqrt(d)"
    return f"{number(row.std)}{_times(row.std_factor)}"


def rate(row: LayerTransfer) -> str:
    """The rate, with what it is of the one at the base width."""
    return f"{number(row.rate)}{_times(row.rate_factor)}"


def number(value: float) -> str:
    """Six digits are more than a reader needs."""
    return f"{value:.6g}"


def _times(factor: Any) -> str:
    return "" if factor == 1 else f" ({number(float(factor))} x base)"


def _fan(fan: int | None, letter: str) -> str:
    return letter if fan is None else str(fan)


def csv(table: Transfer) -> str:
    """A line a layer and form."""
    header = (
        "form",
        "layer",
        "fan_in",
        "fan_out",
        "multiplier",
        "std_factor",
        "init_std",
        "lr_factor",
        "learning_rate",
    )
    lines: list[tuple[object, ...]] = [header]
    for form, found in (("multipliers", table), ("absorbed", table.absorbed)):
        for row in found.layers:
            factors = [float(row.std_factor), row.std, float(row.rate_factor), row.rate]
            lines.append((form, row.name, row.fan_in, row.fan_out, row.multiplier, *factors))
    return separated(lines)


def as_dict(table: Transfer) -> dict[str, Any]:
    """Plain numbers."""
    head = {"optimizer": table.optimizer, "base_width": table.base_width, "width": table.width}
    return head | {"layers": _plain(table), "absorbed": _plain(table.absorbed)}


def _plain(table: Transfer) -> list[dict[str, Any]]:
    return [
        {
            "layer": row.name,
            "multiplier": row.multiplier,
            "init_std": row.std,
            "init_std_factor": float(row.std_factor),
            "lr": row.rate,
            "lr_factor": float(row.rate_factor),
        }
        for row in table.layers
    ]


def latex(table: Transfer) -> str:
    """Exact factors, as powers of the ratio of widths in their simplest form, in a tabular."""
    from sympy import latex as printed

    lines = []
    for row, plain in zip(table.layers, table.absorbed.layers, strict=True):
        cells = (row.multiplier_factor, row.std_factor, row.rate_factor, plain.std_factor, plain.rate_factor)
        lines.append(" & ".join([row.name, *(f"${printed(cell)}$" for cell in cells)]) + r" \\")
    head = r"layer & multiplier & init std & rate & init std, no multiplier & rate, no multiplier \\"
    caption = f"% factors from width {table.base_width} to {table.width}, {TITLES[table.optimizer]}"
    body = [r"\begin{tabular}{lrrrrr}", r"\hline", head, r"\hline", *lines, r"\hline", r"\end{tabular}"]
    return "\n".join([caption, *body])


def pytorch(table: Transfer, multipliers: bool) -> str:
    """Code for a list `layers` of nn.Linear, first to last."""
    rows, form = table.layers, WITH if multipliers else WITHOUT
    lines = [
        f"# Tuned at width {table.base_width}, for width {table.width}: {form}.",
        f"# `layers`: the network's {len(rows)} nn.Linear(..., bias=False), first to last; `torch` and `nn` as usual.",
    ]
    if len({row.base_rate for row in rows}) == 1:
        lines.append(f"lr = {rows[0].base_rate!r}  # of the network of width {table.base_width}")
    lines += [f"nn.init.normal_(layers[{i}].weight, std={_init(row, i)})" for i, row in enumerate(rows)]
    sign = table.optimizer == "sign"
    lines += [SIGN_NOTE] * sign
    lines += [f"optimizer = torch.optim.{TORCH_CLASSES[MOVES[table.optimizer]]}(["]
    one = len({row.base_rate for row in rows}) == 1
    for i, row in enumerate(rows):
        value = f"lr * {float(row.rate_factor)!r}" if one else repr(row.rate)
        lines.append(f'    {{"params": [layers[{i}].weight], "lr": {value}}},')
    lines += [f"], lr={'lr' if one else repr(rows[0].base_rate)}{SIGN_OPTIONS * sign})"]
    return "\n".join(lines + (_forward(rows) if multipliers else [])) + "\n"


def _init(row: LayerTransfer, index: int) -> str:
    return f"layers[{index}].in_features ** -0.5 * {float(row.std_factor)!r}" if row.std is None else repr(row.std)


def _forward(rows: Sequence[LayerTransfer]) -> list[str]:
    return [
        f"multipliers = [{', '.join(repr(row.multiplier) for row in rows)}]",
        "",
        "def forward(x, phi=torch.tanh):  # your activation",
        "    for layer, multiplier in zip(layers[:-1], multipliers[:-1]):",
        "        x = phi(multiplier * layer(x))",
        "    return multipliers[-1] * layers[-1](x)",
    ]

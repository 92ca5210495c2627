"""A coordinate check in words, as a table, CSV, LaTeX and data."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING, Any

from symlimits.theory.scaling.report import aligned, separated

if TYPE_CHECKING:
    from symlimits.theory.scaling.coordinate_check import CoordinateCheck, Row

COLUMNS = ("row", "predicted", "slope", "standard_error", "low", "high", "detectable", "verdict")
POINT_COLUMNS = ("width", "size", "relative_error")
HEADER = ("row", "what", "predicted", "measured", "interval", "verdict")


def what(name: str) -> str:
    """A row's quantity in words.

    >>> what("h2"), what("df")
    ('layer 2 at init', 'change of the logits')
    """
    quantity = name.removeprefix("d")
    place = "logits" if quantity == "f" else f"layer {quantity[1:]}"
    if name == quantity:
        return f"{place} at init"
    return f"change of {'the ' if quantity == 'f' else ''}{place}"


def law(exponent: float, digits: str = "") -> str:
    """How a quantity with that exponent behaves.

    >>> law(0), law(-0.5), law(0.48)
    ('stays the same', 'shrinks like n^-0.50', 'grows like n^0.48')
    """
    text = digits or f"{exponent:.2f}"
    return "stays the same" if exponent == 0 else f"{'grows' if exponent > 0 else 'shrinks'} like n^{text}"


def predicted_law(row: Row) -> str:
    """The predicted behaviour, its exponent exact."""
    exact = str(row.predicted)
    return law(float(row.predicted), f"({exact})" if "/" in exact or exact.startswith("-") else exact)


def answer(check: CoordinateCheck) -> str:
    """Yes, no, or what is missing."""
    count, failed = len(check.rows), [row for row in check.rows if row.verdict == "fail"]
    if failed:
        first = failed[0]
        lines = [f"No: {len(failed)} of {count} rows do not scale as this parameterisation predicts."]
        lines += [
            f"  {row.name}, {what(row.name)}: predicted that it {predicted_law(row)}; measured n^{spread(row)}."
            for row in failed
        ]
        return "\n".join([*lines, f"Look first at {culprit(first.name, len(check.rows))}."])
    open_rows = [row.name for row in check.rows if row.verdict == "undecided"]
    if open_rows:
        return (
            f"Not decided: nothing contradicts the parameterisation, but {', '.join(open_rows)} would look the same "
            f"if the exponent were wrong by 1/2. Train more networks of each width, or more widths."
        )
    return (
        f"Yes: this coordinate check is right. All {count} rows scale as this parameterisation predicts, within "
        f"{check.rows[0].allowance:g}, and in each of them an exponent wrong by 1/2 is excluded.\n"
        f"The parameterisation itself is {check.verdict}."
    )


def culprit(name: str, rows: int) -> str:
    """What sets the size of a row: the cause that lies nearest."""
    quantity = name.removeprefix("d")
    layer = "the readout" if quantity == "f" else f"layer {quantity[1:]}"
    if name == quantity:
        return f"the initialisation and the multiplier of {layer}"
    behind = " (for SGD also at the readout, whose size the gradient carries)" if quantity == "h1" else ""
    return f"the learning rate of {layer}{behind}"


def spread(row: Row) -> str:
    """The measured exponent with half its interval."""
    half = (row.interval[1] - row.interval[0]) / 2
    return f"{row.measured.exponent:.2f} ± {half:.2f}"


def cells(check: CoordinateCheck) -> list[tuple[str, ...]]:
    """The cells of the table."""
    return [
        (
            row.name,
            what(row.name),
            str(row.predicted),
            f"{row.measured.exponent:.3f} ± {row.measured.standard_error:.3f}",
            f"[{row.interval[0]:.2f}, {row.interval[1]:.2f}]",
            row.verdict,
        )
        for row in check.rows
    ]


def table(check: CoordinateCheck) -> str:
    """The table and the answer."""
    widths = ", ".join(str(size) for size, _, _ in check.rows[0].measured.points)
    head = f"coordinate check: {check.origin}; widths {widths}; false alarms {check.alpha:g} for the table"
    return "\n".join([head, aligned(HEADER, cells(check)), answer(check)])


def csv(check: CoordinateCheck) -> str:
    """A line a row and width: the slope's columns are repeated."""
    lines: list[tuple[object, ...]] = [(*COLUMNS, *POINT_COLUMNS)]
    for row in check.rows:
        fit = (row.measured.exponent, row.measured.standard_error, *row.interval, row.detectable, row.verdict)
        lines += [
            (row.name, row.predicted, *fit, width, exp(mean), error) for width, mean, error in row.measured.points
        ]
    return separated(lines)


def as_dict(check: CoordinateCheck) -> dict[str, Any]:
    """Plain numbers."""
    rows = [
        {
            "row": row.name,
            "what": what(row.name),
            "predicted": str(row.predicted),
            "slope": row.measured.exponent,
            "standard_error": row.measured.standard_error,
            "degrees_of_freedom": row.measured.dof,
            "interval": list(row.interval),
            "allowance": row.allowance,
            "detectable": row.detectable,
            "verdict": row.verdict,
            "sizes": {str(width): [exp(mean), error] for width, mean, error in row.measured.points},
        }
        for row in check.rows
    ]
    return {
        "ok": check.ok,
        "answer": answer(check),
        "parameterisation": check.verdict,
        "alpha": check.alpha,
        "origin": check.origin,
        "rows": rows,
    }


def latex(check: CoordinateCheck) -> str:
    """The table as a tabular."""
    lines = [" & ".join(HEADER) + r" \\", r"\hline"]
    for name, quantity, predicted, measured, interval, verdict in cells(check):
        slope = measured.replace("±", r"\pm")
        lines.append(f"{name} & {quantity} & ${predicted}$ & ${slope}$ & ${interval}$ & {verdict} \\\\")
    return "\n".join([r"\begin{tabular}{llrrrl}", r"\hline", *lines, r"\hline", r"\end{tabular}"])

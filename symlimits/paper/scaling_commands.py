"""The command `symlimits derive scaling`: limit models, parameterisations, width transfer, coordinate checks."""

from __future__ import annotations

import csv
import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symlimits.errors import DataError, DomainError
from symlimits.paper.documents import columns, tabular
from symlimits.paper.files import check_folder
from symlimits.paper.statements import named_activation
from symlimits.theory.scaling.abc import abc
from symlimits.theory.scaling.abc_point import Point
from symlimits.theory.scaling.cells import Cell, written
from symlimits.theory.scaling.coordinate_check import WIDTHS, compare, coordinate_check
from symlimits.theory.scaling.coordinate_text import what
from symlimits.theory.scaling.fan import one_hidden_layer
from symlimits.theory.scaling.named import named
from symlimits.theory.scaling.report import Report
from symlimits.theory.scaling.transfer import transfer

OK, BROKEN = 0, 1
PLANE = ("q_sigma", "q", "q_a", "q_w")
COLUMNS = ["width", "row", "value"]


def scaling(arguments: Namespace) -> int:
    """A fan of limit models or a cell of it; a parameterisation, its table for a width, its coordinate check."""
    return TOPICS[arguments.topic](arguments)


def _one_hidden_layer(arguments: Namespace) -> int:
    options = {} if arguments.activation is None else {"activation": named_activation(arguments.activation)}
    fan = one_hidden_layer(rates=arguments.rates, **options)
    place = {name: getattr(arguments, name) for name in PLANE if getattr(arguments, name) is not None}
    if arguments.csv:
        raise DomainError("--csv of limit models", "--latex or --json", "--json")
    if arguments.latex and place:
        raise DomainError("--latex of one cell", "the whole fan, or --json", "--latex without --q-sigma")
    if arguments.latex:
        print(fan.latex())
        return OK
    found = [fan.at(**place)] if place else list(fan.cells)
    if arguments.json:
        print(json.dumps([_plain(cell) for cell in found] if not place else _plain(found[0]), indent=2))
    else:
        print("\n".join(map(repr, found)))
    return OK


def _plain(cell: Any) -> dict[str, Any]:
    """A cell, or the verdict that there is none, as JSON holds it."""
    if not isinstance(cell, Cell):
        names = ("kind", "reason")
        return {"stable": False, **{n: getattr(cell, n) for n in names}, "failing": written(cell.failing)}
    return {
        "stable": True,
        "name": cell.name,
        "dimension": cell.dimension,
        "inequalities": [written(relation) for relation in cell.inequalities],
        "witness": _texts(cell.witness),
        "properties": dict(cell.properties),
        "exponents": _texts(cell.exponents),
    }


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in values.items()}


def _abc(arguments: Namespace) -> int:
    point = _point(arguments)
    for asked, name in ((arguments.picture, "--picture"), (arguments.widths, "--widths")):
        if asked and not (arguments.coordinate_check or arguments.samples):
            raise DomainError(f"{name} without a check", "--coordinate-check or --samples", "--coordinate-check")
    if arguments.coordinate_check and arguments.samples:
        raise DomainError("--samples with --coordinate-check", "networks of yours, or simulated ones", "one of the two")
    if arguments.coordinate_check or arguments.samples:
        return _checked(point, arguments)
    if arguments.width is not None or arguments.base_width is not None or arguments.pytorch:
        return _transferred(point, arguments)
    for name in ("rate", "inputs", "outputs", "multipliers"):
        if getattr(arguments, name) not in (None, False):
            raise DomainError(f"--{name} without widths", "a table for a width", "--base-width 256 --width 4096")
    if arguments.csv:
        raise DomainError("--csv of a parameterisation", "a table or a check", "--base-width 256 --width 4096")
    _print_point(point, arguments)
    return OK


def _point(arguments: Namespace) -> Point:
    """The parameterisation by its name or by its exponents."""
    given = {name: getattr(arguments, name) for name in "abc" if getattr(arguments, name) is not None}
    if (arguments.named is None) == (not given):
        raise DomainError("both, or neither, of a name and exponents", "one of them", "--named mup, or --a --b --c")
    if arguments.named is not None:
        return named(arguments.named, arguments.depth, arguments.optimizer)
    if len(given) < 3:
        missing = next(name for name in "abc" if name not in given)
        raise DomainError(f"no exponents --{missing}", "--a, --b and --c", f"--{missing} 0")
    powers = {name: value[0] if len(value) == 1 else value for name, value in given.items()}
    return abc(arguments.depth, arguments.optimizer).at(**powers)


def _print_point(point: Point, arguments: Namespace) -> None:
    rows = [(name, what(name), str(power)) for name, power in point.update_exponents.items()]
    header = ("row", "what", "exponent of the width")
    if arguments.json:
        names = ("a", "b", "c", "r_layers", "failing")
        plain: dict[str, Any] = {name: list(map(str, getattr(point, name))) for name in names}
        verdicts = {name: bool(getattr(point, name)) for name in ("stable", "nontrivial", "feature_learning")}
        plain |= {"r": str(point.r), "exponents": _texts(point.update_exponents)}
        print(json.dumps({"depth": point.depth, "optimizer": point.optimizer} | verdicts | plain, indent=2))
    elif arguments.latex:
        print(tabular(header, rows))
    else:
        print(f"{point!r}\n\n{columns(header, rows)}")


def _transferred(point: Point, arguments: Namespace) -> int:
    for name in ("base_width", "width"):
        if getattr(arguments, name) is None:
            option = name.replace("_", "-")
            raise DomainError(f"no --{option}", "both widths", f"--{option} {256 if name == 'base_width' else 4096}")
    given = {name: getattr(arguments, name) for name in ("rate", "inputs", "outputs")}
    options = {name: value for name, value in given.items() if value is not None}
    table = transfer(point, arguments.base_width, arguments.width, **options)
    if arguments.pytorch and not (arguments.latex or arguments.json or arguments.csv):
        print(table.pytorch(arguments.multipliers), end="")
    else:
        _show(table, arguments)
    return OK


def _checked(point: Point, arguments: Namespace) -> int:
    if arguments.picture:
        check_folder(arguments.picture.parent)
    if arguments.samples:
        check = compare(point, read_coordinates(arguments.samples), steps=arguments.steps)
    else:
        widths = WIDTHS if arguments.widths is None else _integers(arguments.widths)
        check = coordinate_check(point, widths, arguments.seed, arguments.steps, arguments.gradients)
    if arguments.picture:
        check.picture(arguments.picture)
    _show(check, arguments)
    return OK if check.ok else BROKEN


def _show(result: Report, arguments: Namespace) -> None:
    if arguments.json:
        print(json.dumps(result.as_dict(), indent=2))
    elif arguments.latex:
        print(result.latex())
    elif arguments.csv:
        print(result.csv, end="")
    else:
        print(result)


def _integers(texts: list[str]) -> list[int]:
    try:
        return [int(text) for text in texts]
    except ValueError:
        raise DomainError(f"widths {','.join(texts)}", "integers", "--widths 64,128,256,512") from None


def read_coordinates(path: Path) -> dict[int, dict[str, list[float]]]:
    """Samples of one's own networks from a CSV of width, row and value, one line a network and row.

    Raises `DataError` for a file that is missing or has other lines.
    """
    found: dict[int, dict[str, list[float]]] = {}
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
        for number, line in enumerate(lines, start=1):
            if [cell.strip() for cell in line] == COLUMNS and number == 1:
                continue
            width, row, value = line
            found.setdefault(int(width), {}).setdefault(row.strip(), []).append(float(value))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: {error}", "a CSV file of width,row,value", "256,dh1,0.73") from None
    except ValueError:
        raise DataError(f"{path}, line {number}: {','.join(line)}", "width,row,value", "256,dh1,0.73") from None
    return found


TOPICS = {"one-hidden-layer": _one_hidden_layer, "abc": _abc}

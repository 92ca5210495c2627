"""Parameterisations that have names, as data, and their table for a paper."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from symlimits.errors import DomainError
from symlimits.finite.deep_training import check_optimizer
from symlimits.language.names import shown
from symlimits.theory.scaling.abc import abc
from symlimits.theory.scaling.abc_point import Point

HALF = Fraction(1, 2)
ADAM = "-adam"
Layers = tuple[Fraction | int, Fraction | int, Fraction | int]  # the first layer, each further hidden one, the readout


@dataclass(frozen=True)
class Name:
    """Exponents of the first layer, of the other hidden layers and of the readout, and where they come from."""

    optimizer: str
    a: Layers
    b: Layers
    c: Layers
    title: str
    source: str


YANG_HU, TENSOR_PROGRAMS_5 = "Yang and Hu 2021, table 1", "Yang et al. 2022, table 3"
PYTORCH = "torch.nn.Linear, one learning rate at every width"
NAMES = {
    "SP": Name("sgd", (0, 0, 0), (0, HALF, HALF), (1, 1, 1), "standard, rates $1/n$", YANG_HU),
    "NTK": Name("sgd", (0, HALF, HALF), (0, 0, 0), (0, 0, 0), "neural tangent kernel", YANG_HU),
    "muP": Name("sgd", (-HALF, 0, HALF), (HALF, HALF, HALF), (0, 0, 0), "maximal update", YANG_HU),
    "MFP": Name("sgd", (0, HALF, 1), (0, 0, 0), (-1, -1, -1), "mean field, deep by $n^{-1/2}$", YANG_HU),
    "SP-adam": Name("adam", (0, 0, 0), (0, HALF, HALF), (1, 1, 1), "standard, rates $1/n$", "derived here"),
    "NTK-adam": Name("adam", (0, HALF, HALF), (0, 0, 0), (HALF, 1, HALF), "neural tangent kernel", "derived here"),
    "muP-adam": Name("adam", (0, 0, 1), (0, HALF, 0), (0, 1, 0), "maximal update", TENSOR_PROGRAMS_5),
    "MFP-adam": Name("adam", (0, HALF, 1), (0, 0, 0), (0, HALF, 0), "mean field, deep by $n^{-1/2}$", "derived here"),
    "PyTorch": Name("sgd", (0, 0, 0), (0, HALF, HALF), (0, 0, 0), "standard, one rate", PYTORCH),
    "PyTorch-adam": Name("adam", (0, 0, 0), (0, HALF, HALF), (0, 0, 0), "standard, one rate", PYTORCH),
    "deep-MF": Name("sgd", (0, 1, 1), (0, 0, 0), (-1, -2, -1), "mean field, all sums by $1/n$", "Golikov 2020"),
    "deep-MF-adam": Name("adam", (0, 1, 1), (0, 0, 0), (0, 0, 0), "mean field, all sums by $1/n$", "Golikov 2020"),
}


def named(name: str, depth: int, optimizer: str | None = None) -> Point:
    """A parameterisation by its name: SP, NTK, muP, MFP, PyTorch, deep-MF, in any case; for Adam SP-adam and so on.

    `optimizer` is another way to say "-adam": "adam" or "sign"; "sgd" is the name as it stands. Raises `DomainError`
    for an unknown name, or one that is not of that optimizer.

    >>> named("muP", depth=2)
    abc-parameterisation, 2 hidden layers, sgd: stable, nontrivial, feature learning
      a = (-1/2, 0, 1/2), b = (1/2, 1/2, 1/2), c = (0, 0, 0); r = 0 from layers (0, 0)
    >>> named("mup", depth=2, optimizer="adam") == named("muP-adam", depth=2)
    True
    """
    row = _row(name, optimizer)
    family = abc(depth, row.optimizer if optimizer is None else optimizer)
    a, b, c = ([first, *[hidden] * (depth - 1), last] for first, hidden, last in (row.a, row.b, row.c))
    return family.at(a=a, b=b, c=c)


def _row(name: object, optimizer: object) -> Name:
    known = {key.lower(): row for key, row in NAMES.items()}
    key = name.lower() if isinstance(name, str) else ""
    if optimizer is not None:
        check_optimizer(optimizer)
        key += "" if optimizer == "sgd" or key.endswith(ADAM) else ADAM
    if key not in known or (optimizer == "sgd" and key.endswith(ADAM)):
        given = f"the parameterisation {shown(name)}" + (f" with {optimizer}" if optimizer else "")
        raise DomainError(given, f"one of {', '.join(NAMES)}", "named('muP', depth=3)")
    return known[key]


COLUMNS: tuple[tuple[str, Callable[[Name, Point], str]], ...] = (
    ("parameterisation", lambda row, _: row.title),
    ("optimizer", lambda row, _: {"sgd": "SGD", "adam": "Adam"}[row.optimizer]),
    ("$a$", lambda row, _: _layers(row.a)),
    ("$b$", lambda row, _: _layers(row.b)),
    ("$c$", lambda row, _: _layers(row.c)),
    ("$r$", lambda _, point: f"${point.r}$" if _starts(point) else "--"),
    ("verdict", lambda _, point: point.verdict.removeprefix("stable, nontrivial, ")),
)


def table(depth: int = 3, names: Iterable[str] = tuple(NAMES)) -> str:
    r"""A booktabs table of named parameterisations; r and the verdict are derived for this depth.

    Exponents are those of the first layer, of each further hidden layer, and of the readout. It needs booktabs.

    >>> print(table(depth=2, names=["muP"]).splitlines()[4])
    maximal update & SGD & $-1/2;\, 0;\, 1/2$ & $1/2;\, 1/2;\, 1/2$ & $0;\, 0;\, 0$ & $0$ & feature learning \\
    """
    points = {name: named(name, depth) for name in names}
    rows = [" & ".join(cell(NAMES[name], point) for _, cell in COLUMNS) for name, point in points.items()]
    head = " & ".join(title for title, _ in COLUMNS)
    lines = [rf"\begin{{tabular}}{{{'l' * len(COLUMNS)}}}", r"\toprule", rf"{head} \\", r"\midrule"]
    return "\n".join([*lines, *(rf"{row} \\" for row in rows), r"\bottomrule", r"\end{tabular}"])


def _starts(point: Point) -> bool:
    """Whether the hidden layers start at order one, where r has its meaning."""
    return all(constraint.holds(point.coordinates) for constraint in point.exponents.equalities)


def _layers(values: Layers) -> str:
    return "$" + r";\, ".join(str(value) for value in values) + "$"

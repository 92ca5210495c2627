"""Parameterisations of the literature by their names: definitions, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symlimits.errors import DomainError
from symlimits.language.names import shown
from symlimits.theory.scaling.abc import abc
from symlimits.theory.scaling.abc_point import Point


@dataclass(frozen=True)
class Definition:
    """Exponents a, b, c of the first layer, of each hidden one after it, and of the readout; where they come from."""

    a: tuple[str, str, str]
    b: tuple[str, str, str]
    c: tuple[str, str, str]
    source: str


STANDARD, ZERO, HALF, ONE = ("0", "1/2", "1/2"), ("0", "0", "0"), ("1/2", "1/2", "1/2"), ("1", "1", "1")
FEATURES = "Yang & Hu, arXiv 2011.14522, table 1"
FIFTH = "Yang et al., arXiv 2203.03466, table 3"
MEAN_FIELD = "Mei et al., arXiv 1804.06561; all multipliers 1/n"

DEFINITIONS: dict[str, dict[str, Definition]] = {
    "sgd": {
        "pytorch": Definition(ZERO, STANDARD, ZERO, "torch.nn.Linear with one learning rate at every width"),
        "standard": Definition(ZERO, STANDARD, ONE, FEATURES),
        "ntk": Definition(STANDARD, ZERO, ZERO, FEATURES),
        "mup": Definition(("-1/2", "0", "1/2"), HALF, ZERO, FEATURES),
        "mfp": Definition(("0", "1/2", "1"), ZERO, ("-1", "-1", "-1"), FEATURES),
        "mean-field": Definition(("0", "1", "1"), ZERO, ("-1", "-2", "-1"), MEAN_FIELD),
    },
    "adam": {
        "pytorch": Definition(ZERO, STANDARD, ZERO, "torch.nn.Linear with one learning rate at every width"),
        "standard": Definition(ZERO, STANDARD, ONE, "rates 1/n, as for SGD"),
        "ntk": Definition(STANDARD, ZERO, ("1/2", "1", "1/2"), "derived here"),
        "mup": Definition(("0", "0", "1"), ("0", "1/2", "0"), ("0", "1", "0"), FIFTH),
        "mean-field": Definition(("0", "1", "1"), ZERO, ZERO, MEAN_FIELD),
    },
}
DEFINITIONS["sign"] = DEFINITIONS["adam"]


def named(name: str, depth: int, optimizer: str = "sgd") -> Point:
    """A parameterisation of the literature, for `depth` hidden layers.

    The names are pytorch, standard, ntk, mup, mfp (SGD alone) and mean-field. Raises `DomainError` for another one.

    >>> named("mup", depth=2)
    abc-parameterisation, 2 hidden layers, sgd: stable, nontrivial, feature learning
      a = (-1/2, 0, 1/2), b = (1/2, 1/2, 1/2), c = (0, 0, 0); r = 0 from layers (0, 0)
    """
    family = abc(depth, optimizer)
    table = DEFINITIONS[optimizer]
    if not isinstance(name, str) or name not in table:
        wanted = f"one of {', '.join(table)}"
        raise DomainError(f"the parameterisation {shown(name)} with {optimizer}", wanted, "'mup', or exponents a, b, c")
    found = table[name]
    return family.at(*(_of_depth(powers, depth) for powers in (found.a, found.b, found.c)))


def _of_depth(powers: Sequence[str], depth: int) -> list[str]:
    first, hidden, readout = powers
    return [first, *[hidden] * (depth - 1), readout]

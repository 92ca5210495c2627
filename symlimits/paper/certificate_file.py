"""A stored certificate on its way in: whatever is no certificate, or asks for too much work, is refused at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, prod
from pathlib import Path
from typing import Any

import sympy as sp

from symlimits import storing
from symlimits.certify import MOST_ROUNDS
from symlimits.certify.certificate import FORMAT
from symlimits.errors import DataError, FormulaError
from symlimits.finite.gaps import NetworkGaps
from symlimits.finite.kernel_experiment import CHUNK, wanted
from symlimits.finite.linear_pairs import LinearPairs
from symlimits.finite.trained_networks import TrainedOutputs
from symlimits.finite.width_networks import WidthNetworks
from symlimits.language.architecture import Layer, Repeat, branches_of
from symlimits.language.domain import Domain
from symlimits.language.names import brief, shown
from symlimits.language.recursion import Recursion
from symlimits.theory.mixtures.matrix_networks import PlaneExperiment
from symlimits.theory.mixtures.networks import LimitNetworks, Networks
from symlimits.theory.mixtures.rate import Gaps
from symlimits.theory.twin import Twin

MOST_CHARACTERS = 2_000_000  # honest files have some ten thousand
MOST_DEPTH = 450  # of brackets: trees of formulas have 200 levels of two brackets
MOST_DIGITS = 100  # of a JSON integer: a seed
MOST_SIZES = 100
MOST_LAYERS = 1000  # of a network, and steps of a recursion
MOST_CORNERS = 10_000  # of a domain
MOST_WORK = 2.0**32  # random numbers of a simulation: minutes


def read_certificate(text_or_path: str | Path) -> dict[str, Any]:
    """The content of a certificate, of the right shape; `DataError` for too much, `FormulaError` for what is none."""
    if not isinstance(text_or_path, str | Path):
        raise DataError(shown(text_or_path), "JSON text, or the path of a file", "sl.verify('a.certificate.json')")
    content = _parsed(_text(text_or_path))
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise foreign("JSON of another format")
    shapes = {"claim": dict, "links": list, "versions": dict, "seed": int}
    for name, shape in shapes.items():
        if not isinstance(content.get(name), shape):
            raise foreign(f"a certificate whose {name} is {brief(content.get(name))}")
    if not all(isinstance(link, dict) and isinstance(link.get("name"), str) for link in content["links"]):
        raise foreign("a certificate with links that have no name")
    names = [link["name"] for link in content["links"]]
    if len(set(names)) < len(names) or not all(isinstance(link.get("details", {}), dict) for link in content["links"]):
        raise foreign("a certificate with a link twice, or with details of another shape")
    for link in content["links"]:
        sizes = link.get("details", {}).get("sizes", ())
        _at_most(len(sizes) if isinstance(sizes, dict | list) else 0, MOST_SIZES, "sizes")
    return content


def _text(text_or_path: str | Path) -> str:
    text = str(text_or_path)
    if text.lstrip()[:1] != "{":
        path = Path(text_or_path)
        try:
            length = path.stat().st_size
        except (OSError, ValueError):
            length = 0  # no such file: `file_text` says so
        _at_most(length, MOST_CHARACTERS, "bytes")
        text = storing.file_text(path)
    _at_most(len(text), MOST_CHARACTERS, "characters")
    return text


def _parsed(text: str) -> Any:
    try:
        content = json.loads(
            text, parse_int=_integer, parse_float=_number, parse_constant=_number, object_pairs_hook=_object
        )
    except (ValueError, RecursionError):
        raise foreign("text that is not JSON") from None
    level, depth = [content], 0
    while level := [child for value in level for child in _children(value)]:
        depth += 1
        _at_most(depth, MOST_DEPTH, "brackets inside each other")
    return content


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield from value.values() if isinstance(value, dict) else value


def _integer(text: str) -> int:
    _at_most(len(text), MOST_DIGITS, "digits of an integer")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise DataError(f"the number {brief(text)}", "finite numbers", "a certificate as it was written")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise DataError("an object with a name twice", "each name once", "a certificate as it was written")
    return found


def check_lines(exprs: Sequence[sp.Expr], domain: Domain) -> None:
    """Raise `DataError` for recursions too long, and for domains with too many corners, to be looked at."""
    for recursion in set().union(*(expr.atoms(Recursion) for expr in exprs)):
        _at_most(max((_count(count) for _, count in recursion.blocks), default=0), MOST_LAYERS, "steps of a recursion")
    for symbol, interval in domain.ranges.items():
        if symbol.is_integer:
            least = [interval.low, *interval.special]
            _at_most(max((_count(value) for value in least), default=0), MOST_LAYERS, f"as a least {symbol}")
    _at_most(
        prod(2 + len(interval.special) for interval in domain.ranges.values()), MOST_CORNERS, "corners of a domain"
    )


def checked_rounds(details: Mapping[str, Any]) -> int:
    """The rounds that a run until decided took: no more are drawn again. `SymlimitsError` for what no run has."""
    rounds = details.get("rounds")
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise foreign(f"a run until decided of {brief(rounds)} rounds")
    _at_most(rounds, MOST_ROUNDS, "rounds")
    return rounds


def check_network(twin: Twin, sizes: Sequence[int], rounds: int | None = None) -> None:
    """Raise `DataError` for a network, or for draws of it, that would take hours.

    With `rounds` the draws are those of a run until decided: a chunk a round at each size, and one before.
    """
    counts = dict(twin.values)
    depth = sum(_layers(layer, counts) for layer in twin.network.layers)
    _at_most(depth, MOST_LAYERS, "layers of a network")
    power = 2 if twin.sampler == "naive" else 1
    draws = [CHUNK * (rounds + 1) if rounds else wanted(size, twin.sampler) for size in sizes]
    _at_most(depth * sum(n * size**power for n, size in zip(draws, sizes, strict=True) if size > 0), MOST_WORK, "draws")


def check_draws(
    networks: Networks
    | LimitNetworks
    | PlaneExperiment
    | Gaps
    | WidthNetworks
    | LinearPairs
    | NetworkGaps
    | TrainedOutputs,
    sizes: Sequence[int],
    rounds: int | None = None,
) -> None:
    """The same for networks that tell their work themselves."""
    _at_most(sum(networks.work(size, rounds) for size in sizes if size > 0), MOST_WORK, "random numbers")


def _layers(layer: Layer, counts: Mapping[sp.Symbol, sp.Expr]) -> float:
    if not isinstance(layer, Repeat):
        return 1.0 + sum(_layers(inner, counts) for branch in branches_of(layer) for inner in branch)
    return _count(layer.count.subs(counts)) * sum(_layers(inner, counts) for inner in layer.layers)


def _count(value: sp.Expr) -> float:
    """A number of repetitions; a symbol counts once, since a point of a checked domain gives it its value."""
    return float(value) if value.is_Integer else 1.0


def _at_most(given: float, most: float, of: str) -> None:
    if given > most:
        raise DataError(f"a certificate with {given:.10g} {of}", f"at most {most:.10g}", "certify in your own program")


def foreign(given: str) -> FormulaError:
    """The error for a file that is no certificate of this version."""
    return FormulaError(given, f"a file of the format '{FORMAT}'", "symlimits certify ... --out DIR writes one")


def named(links: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    """The link of a name, if there is one."""
    return next((link for link in links if link["name"] == name), None)

"""What a certificate says in words: held against the statement that its networks have, or listed as not checked.

Numbers are computed again from the lines and the networks of a file. Its words are not: a regime, an observable,
the name of a rule. Where the first line is the one that is derived for these very networks, the statement is built
anew, and says what the words must be, and the domain with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from symlimits import storing
from symlimits.errors import SymlimitsError
from symlimits.language.activation import Activation
from symlimits.language.expectation import GaussianExpectation
from symlimits.limits import Limit
from symlimits.paper.certificate_file import named
from symlimits.theory.kernels import dual, nngp, ntk
from symlimits.theory.mixtures.lines import characteristic
from symlimits.theory.mixtures.matrix_lines import characteristic as matrix_characteristic
from symlimits.theory.mixtures.matrix_networks import PlaneExperiment
from symlimits.theory.mixtures.networks import LimitNetworks, Networks
from symlimits.theory.mixtures.rate import Gaps, rate
from symlimits.theory.twin import Twin

WORDS = ("observable", "regime", "kind", "order")
FRAME = ("name", "source", "arguments", "domain")  # of a derivation, beside its lines
DERIVATIVE = r"\dot"


def vouched(content: dict[str, Any], limit: Limit, stored: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The content of a certificate computed again, with the words that its networks imply; what is left unchecked."""
    claim = dict(content["claim"])
    built = rebuilt(limit)
    if built is not None:
        claim["derivation"] = _derivation(claim["derivation"], json.loads(storing.written(built._parts)))
        claim |= {name: getattr(built, name) for name in WORDS}
        if built.general is not None and "general" in claim:
            claim["general"] = built.general.record()
        if isinstance(limit.experiment, Twin):
            claim["experiment"] = replace(built.experiment, sampler=limit.experiment.sampler).record()
    return content | {"claim": claim}, tuple(_unchecked(limit, built, stored))


def rebuilt(limit: Limit) -> Limit | None:
    """The statement that the networks of a limit have; None for another first line, and for an author's experiment."""
    try:
        found = _derived(limit)
    except SymlimitsError:
        return None
    return found if found is not None and found.definition == limit.definition else None


def _derived(limit: Limit) -> Limit | None:
    match limit.experiment:
        case Twin() as twin:
            base = _base(limit, twin)
            values = {symbol.name: value for symbol, value in twin.values}
            return base.bind(**values) if values else base
        case Networks() | LimitNetworks() as networks:
            return characteristic(networks.mixing, networks.K)
        case PlaneExperiment() as networks:
            return matrix_characteristic(networks.mixing, networks.directions.outputs, networks.directions.covariance)
        case Gaps() as gaps:
            return rate(gaps.mixing, gaps.kept)
    return None


def _base(limit: Limit, twin: Twin) -> Limit:
    if not isinstance(limit.definition, GaussianExpectation):
        return (ntk if twin.observable == "ntk" else nngp)(twin.network)
    (phi,) = (layer for layer in twin.network.flat() if isinstance(layer, Activation))
    found = dual(phi)
    if not limit.name.startswith(DERIVATIVE):
        return found
    return replace(found, name=rf"{DERIVATIVE}{{T}}(p, q, c)", observable=f"{found.observable}, for the derivatives")


def _derivation(mine: Mapping[str, Any], derived: Mapping[str, Any]) -> dict[str, Any]:
    """The lines of the file, with the words of the lines that are derived; and the frame of the derived one."""
    lines = list(mine["trace"])
    for k in range(_shared(mine["trace"], derived["trace"])):
        lines[k] = derived["trace"][k]
    return dict(mine) | {name: derived[name] for name in FRAME} | {"trace": lines}


def _shared(mine: list[dict[str, Any]], derived: list[dict[str, Any]]) -> int:
    """How many lines, from the first, are those that are derived; the others are an author's."""
    same = [a["expr"] == b["expr"] for a, b in zip(mine, derived, strict=False)]
    return same.index(False) if False in same else len(same)


def _unchecked(limit: Limit, built: Limit | None, stored: Mapping[str, Any]) -> Iterator[str]:
    """The places whose words, or numbers, nothing vouches for."""
    if built is None:
        yield from ("claim.derivation: name, source, domain", "rules and sources of the lines")
        yield from ("claim.observable", "claim.regime") if "experiment" in stored["claim"] else ()
    elif len(built.trace) < len(limit.trace) or any(
        a.expr != b.expr for a, b in zip(built.trace, limit.trace, strict=False)
    ):
        yield "rules and sources of the author's lines"
    if isinstance(limit.experiment, Twin):
        yield "the names of activations"
    if isinstance(limit.experiment, Twin | Networks | LimitNetworks | PlaneExperiment | Gaps):
        return
    simulation = named(stored["links"], "simulation") or {}
    details = simulation.get("details", {})
    if "experiment" in stored["claim"] and stored["claim"]["experiment"] is not None:
        yield "claim.experiment.name"
    if limit.experiment is None and details.get("drawn") == "here":
        yield from ("simulation.details.plan", "simulation.details.residuals")

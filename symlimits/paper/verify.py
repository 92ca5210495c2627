"""A stored certificate computed again, link by link, and held against what the file says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sympy as sp

from symlimits import certify as links
from symlimits import storing
from symlimits.errors import DataError
from symlimits.finite.deep_linear_experiments import TrainedNetworks
from symlimits.finite.gaps import NetworkGaps
from symlimits.finite.linear_pairs import LinearPairs
from symlimits.finite.program_deviations import ProgramDeviations
from symlimits.finite.program_experiment import ProgramNetworks
from symlimits.finite.trained_networks import TrainedOutputs
from symlimits.finite.width_networks import WidthNetworks
from symlimits.language.names import brief
from symlimits.language.pixels import is_of_images
from symlimits.limits import SCALES, SIZES, Limit, point_in_words
from symlimits.loading import is_of_matrices
from symlimits.matrices import MatrixDerivation
from symlimits.paper.certificate_file import (
    check_draws,
    check_lines,
    check_network,
    checked_rounds,
    foreign,
    named,
    read_certificate,
)
from symlimits.paper.vouched import vouched
from symlimits.surroundings import surroundings
from symlimits.theory.deep_linear.path_limit import WhiteNetworks
from symlimits.theory.images.limit import ImageLimit
from symlimits.theory.images.twin import ImageTwin
from symlimits.theory.linearization.link import LinearizationProgram
from symlimits.theory.mixtures.matrix_networks import PlaneExperiment
from symlimits.theory.mixtures.networks import LimitNetworks, Networks
from symlimits.theory.mixtures.rate import Gaps
from symlimits.theory.programs.abc_link import AbcProgram
from symlimits.theory.programs.exponent_link import ExponentProgram
from symlimits.theory.programs.kernel_link import KernelProgram
from symlimits.theory.programs.path_link import PathProgram
from symlimits.theory.programs.predictor_link import PredictorProgram
from symlimits.theory.scaling.abc_experiment import DeepTraining
from symlimits.theory.scaling.claims import FrozenTwin
from symlimits.theory.training.law_link import LawProgram
from symlimits.theory.twin import DeepTwin, Twin

COUNTED = Networks | LimitNetworks | PlaneExperiment | Gaps | WidthNetworks | LinearPairs | NetworkGaps | TrainedOutputs
EXPERIMENTS: dict[str, Callable[[Any], Any]] = {
    "network": Twin.from_record,
    "deep network": DeepTwin.from_record,
    "deep training": DeepTraining.from_record,
    "network of images": ImageTwin.from_record,
    "frozen training": FrozenTwin.from_record,
    "gaps of an output law": Gaps.from_record,
    "output networks": Networks.from_record,
    "output networks in the limit": LimitNetworks.from_record,
    "networks of several outputs": PlaneExperiment.from_record,
    "trained deep linear networks": TrainedNetworks.from_record,
    "trained networks": TrainedOutputs.from_record,
    "tensor program": ProgramNetworks.from_record,
    "deviations of a tensor program": ProgramDeviations.from_record,
    "linear networks at two inputs": LinearPairs.from_record,
    "networks of fixed widths": WidthNetworks.from_record,
    "networks on one white input": WhiteNetworks.from_record,
    "networks beside their linearisations": NetworkGaps.from_record,
}
GENERALS: dict[str, Callable[[Any], Any]] = {
    "kernel by backpropagation": KernelProgram.from_record,
    "path by its program": PathProgram.from_record,
    "exponent by its program": ExponentProgram.from_record,
    "abc-exponent by its program": AbcProgram.from_record,
    "predictor by its program": PredictorProgram.from_record,
    "linearisation by its program": LinearizationProgram.from_record,
    "trained law by engine kernels": LawProgram.from_record,
}


@dataclass(frozen=True)
class Verification:
    """What came of it: the certificate computed again, and where the stored one differs.

    `edited` when the file is no longer what was written; `versions` names what differs between the machine that wrote
    it and this one, where numbers are compared within rounding; `note` says what could not be drawn again, `unchecked`
    the places that nothing here vouches for.
    """

    certificate: links.Certificate
    differences: tuple[links.Difference, ...]
    versions: tuple[str, ...]
    edited: bool
    note: str = ""
    unchecked: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the file says what was found, and every link holds."""
        return not self.differences and not self.edited and self.certificate.ok

    def __str__(self) -> str:
        parts = dict.fromkeys(["claim", *(link.name for link in self.certificate.links)])
        differing = [difference.part for difference in self.differences]
        lines = [f"{part:<11} {'DIFFERS' if part in differing else 'as stored'}" for part in parts]
        lines += map(str, self.differences[:MOST])
        if len(self.differences) > MOST:
            lines.append(f"and {len(self.differences) - MOST} more")
        if self.edited:
            lines.append("the file was edited after it was written: its digest is wrong")
        if self.versions:
            lines.append(f"other versions, numbers compared to {links.ROUNDING:.0e}: {', '.join(self.versions)}")
        if self.note:
            lines.append(self.note)
        if self.unchecked:
            lines.append(f"not checked: {', '.join(self.unchecked)}")
        verdict = ("verified, within rounding" if self.versions else "verified") if self.ok else "NOT VERIFIED"
        return "\n".join([self.certificate.statement, *(f"  {line}" for line in lines), verdict])


MOST = 12  # differences that are shown


def verify(
    text_or_path: str | Path, experiment: Any = None, executor: Any = None, progress: Any = None
) -> Verification:
    """Compute a certificate again, from its JSON or from a file, and say which link differs.

    Nothing in the file is executed: formulas and networks are rebuilt from whitelists. An author's own experiment is
    no part of the file: with `experiment=draw` it is drawn again, without it the test is done again on the stored
    means. `executor` is as for `certify`. Raises `FormulaError` for what is no certificate of this version.

    >>> from symlimits import activations as act, dual
    >>> text = dual(act.linear).check().to_json()
    >>> verify(text).ok, verify(text.replace('"seed": 0', '"seed": 1')).ok
    (True, False)
    """
    stored = read_certificate(text_or_path)
    with _foreign_parts_in_words(experiment):
        limit = _limit(stored, experiment)
        found, note = _again(limit, stored, executor, progress)
        content, unchecked = vouched(found.content(), limit, stored)
        different = _versions(stored["versions"])
        edited = stored.get("digest") != links.digest(stored)
        differing = links.differences(stored, content, same_machine=not different)
    return Verification(found, differing, different, edited, note, unchecked)


def _versions(stored: Mapping[str, Any]) -> tuple[str, ...]:
    """What differs between the surroundings of a file and those here."""
    here = surroundings()
    names = [name for name in dict.fromkeys([*here, *stored]) if stored.get(name) != here.get(name)]
    return tuple(f"{brief(name)} {brief(stored.get(name))} (here {here.get(name)})" for name in names)


@contextmanager
def _foreign_parts_in_words(experiment: Any) -> Iterator[None]:
    """A file may hold anything in any place; what an author's own experiment raises comes through."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        if experiment is not None:
            raise
        raise foreign(f"a certificate with a part of the wrong kind ({type(error).__name__})") from None


def _limit(stored: Mapping[str, Any], experiment: Any) -> Limit:
    """The statement, from the lines and the experiment of the file."""
    claim = stored["claim"]
    if not isinstance(claim.get("derivation"), dict):
        given = "a certificate without its lines (a function of the author's own stands in them)"
        raise DataError(given, "a derivation that is stored", "limit.certify(...), in the author's program")
    parts = storing.read(json.dumps(claim["derivation"]))
    limit = _kind(parts.trace[0].expr)(**parts._asdict())
    check_lines([step.expr for step in limit.trace], limit.domain)
    if "experiment" not in claim:
        return limit
    words = {name: claim.get(name) for name in ("observable", "regime", "kind", "order")}
    if isinstance(words["order"], bool) or not isinstance(words["order"], int | float):
        raise foreign(f"the order {brief(words['order'])}")
    general = _known(claim.get("general"), GENERALS)
    return replace(limit, **words, experiment=experiment or _known(claim["experiment"], EXPERIMENTS), general=general)


def _kind(definition: sp.Expr) -> type[Limit]:
    """Which limit begins with this line."""
    if is_of_images(definition):
        return ImageLimit
    return MatrixDerivation if is_of_matrices(definition) else Limit


def _known(record: Any, kinds: Mapping[str, Callable[[Any], Any]]) -> Any:
    if not isinstance(record, dict) or record.get("kind") not in kinds:
        return None
    return kinds[record["kind"]](record)


def _again(limit: Limit, stored: Mapping[str, Any], executor: Any, progress: Any) -> tuple[links.Certificate, str]:
    """The certificate computed as it was: by drawing, from samples that are not there any more, or without any."""
    seed = stored["seed"]
    simulation = named(stored["links"], "simulation")
    if simulation is None:
        return limit.check(seed), ""
    details = simulation.get("details") or {}
    rounds = checked_rounds(details) if details.get("kind") == "decided" else None
    _check_work(limit, details.get("sizes", SIZES), rounds)
    if "drawn" not in details:
        return limit.certify(seed=seed, executor=executor, progress=progress), ""
    alpha = details.get("alpha", links.ALPHA)
    if rounds is not None:
        if limit.experiment is None:
            raise DataError("a run until decided of an author's own experiment", "the experiment", "experiment=draw")
        fixed = details.get("resolution"), alpha, rounds
        return limit.certify(details["sizes"], seed, executor, progress, None, *fixed), ""
    samples = _samples(details)
    if details.get("drawn") == "here" and limit.experiment is not None:
        return limit.certify([s.size for s in samples[0]], seed, executor, progress, alpha=alpha), ""
    note = "the samples are the author's: the test is done again on their stored means, nothing was drawn"
    return _with_what_was_drawn(limit.judge(samples, seed, alpha), limit, stored, details), note


def _check_work(limit: Limit, sizes: Iterable[Any], rounds: int | None) -> None:
    widths = [int(size) for size in sizes]
    if isinstance(limit.experiment, Twin):
        check_network(limit.experiment, widths, rounds)
    elif isinstance(limit.experiment, COUNTED):
        check_draws(limit.experiment, widths, rounds)


def _with_what_was_drawn(
    found: links.Certificate, limit: Limit, stored: Mapping[str, Any], details: Mapping[str, Any]
) -> links.Certificate:
    """What only the author's program knows is taken from the file: it is not what was computed again."""
    first, *rest = found.links
    known: dict[str, Any] = {}
    if details["drawn"] == "here":
        known = {name: details[name] for name in ("drawn", "plan", "residuals") if name in details}
        known["point"] = _point(limit, stored["seed"], details.get("point"))
    claim = found.claim | {"experiment": stored["claim"].get("experiment")}
    return replace(found, links=(replace(first, details=first.details | known), *rest), claim=claim)


def _point(limit: Limit, seed: int, stored: Any) -> dict[str, str]:
    """The point of a simulation, which the seed fixes but for the scale of its variances."""
    (point,) = limit.domain.mixed_points(seed, corners=0, interior=1)
    points = [point_in_words(limit.domain.shrunk(point, scale)) for scale in SCALES]
    return stored if stored in points else points[0]


def _samples(details: Mapping[str, Any]) -> list[list[links.Samples]]:
    """The stored samples of every functional."""
    try:
        if "points" in details:  # a law: the means of its functionals in a row for each size
            rows = sorted((int(size), row) for size, row in details["sizes"].items())
            return [[_of_law(size, row, k) for size, row in rows] for k in range(len(details["points"]))]
        return [_at_sizes(details["sizes"])]
    except (IndexError, KeyError, TypeError, ValueError):
        raise foreign("samples that are no means with errors and counts") from None


def _of_law(size: int, row: Mapping[str, Any], k: int) -> links.Samples:
    return links.Samples(size, float(row["means"][k]), float(row["standard errors"][k]), int(row["count"]))


def _at_sizes(sizes: Mapping[str, Any]) -> list[links.Samples]:
    return [
        links.Samples(size, float(mean), float(error), int(count), float(skewness), float(kurtosis))
        for size, (mean, error, count, skewness, kurtosis) in sorted((int(size), row) for size, row in sizes.items())
    ]

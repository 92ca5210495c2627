"""A stored certificate computed again, link by link, and held against what the file says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from symlimits import certify as links
from symlimits import storing
from symlimits.certify.certificate import FORMAT
from symlimits.errors import DataError, FormulaError
from symlimits.language.names import shown
from symlimits.limits import Limit
from symlimits.surroundings import surroundings
from symlimits.theory.scaling.claims import FrozenTwin
from symlimits.theory.twin import Twin

EXPERIMENTS: dict[str, Callable[[Any], Any]] = {
    "network": Twin.from_record,
    "frozen training": FrozenTwin.from_record,
}


@dataclass(frozen=True)
class Verification:
    """What came of it: the certificate computed again, and where the stored one differs.

    `edited` when the file is no longer what was written; `versions` names what differs between the machine that wrote
    it and this one, where floats are compared within rounding; `note` says what could not be drawn again.
    """

    certificate: links.Certificate
    differences: tuple[links.Difference, ...]
    versions: tuple[str, ...]
    edited: bool
    note: str = ""

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
            lines.append(f"other versions, floats compared to {links.ROUNDING:.0e}: {', '.join(self.versions)}")
        if self.note:
            lines.append(self.note)
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
    stored = _read(text_or_path)
    same = stored["versions"] == surroundings()
    with _foreign_parts_in_words(experiment):
        limit = _limit(stored, experiment)
        found, note = _again(limit, stored, executor, progress)
    different = tuple(
        f"{name} {stored['versions'].get(name)} (here {here})"
        for name, here in surroundings().items()
        if stored["versions"].get(name) != here
    )
    edited = stored.get("digest") != links.digest(stored)
    return Verification(found, links.differences(stored, found.content(), same), different, edited, note)


@contextmanager
def _foreign_parts_in_words(experiment: Any) -> Iterator[None]:
    """A file may hold anything in any place; what an author's own experiment raises comes through."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, np.linalg.LinAlgError) as error:
        if experiment is not None:
            raise
        raise _foreign(f"a certificate with a part of the wrong kind ({type(error).__name__})") from None


def _read(text_or_path: str | Path) -> dict[str, Any]:
    if not isinstance(text_or_path, str | Path):
        raise DataError(shown(text_or_path), "JSON text, or the path of a file", "sl.verify('a.certificate.json')")
    text = str(text_or_path)
    if not text.lstrip().startswith("{"):
        text = storing.file_text(Path(text_or_path))
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise _foreign("text that is not JSON") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _foreign("JSON of another format")
    shapes = {"claim": dict, "links": list, "versions": dict, "seed": int}
    for name, shape in shapes.items():
        if not isinstance(content.get(name), shape):
            raise _foreign(f"a certificate whose {name} is {str(content.get(name))[:40]}")
    if not all(isinstance(link, dict) and isinstance(link.get("name"), str) for link in content["links"]):
        raise _foreign("a certificate with links that have no name")
    names = [link["name"] for link in content["links"]]
    if len(set(names)) < len(names) or not all(isinstance(link.get("details", {}), dict) for link in content["links"]):
        raise _foreign("a certificate with a link twice, or with details of another shape")
    return content


def _limit(stored: Mapping[str, Any], experiment: Any) -> Limit:
    """The statement, from the lines and the experiment of the file."""
    claim = stored["claim"]
    if not isinstance(claim.get("derivation"), dict):
        given = "a certificate without its lines (a function of the author's own stands in them)"
        raise DataError(given, "a derivation that is stored", "limit.certify(...), in the author's program")
    limit = Limit(**storing.read(json.dumps(claim["derivation"]))._asdict())
    if "experiment" not in claim:
        return limit
    words = {name: claim.get(name) for name in ("observable", "regime", "kind", "order")}
    if not isinstance(words["order"], int | float):
        raise _foreign(f"the order {str(words['order'])[:40]}")
    return replace(limit, **words, experiment=experiment or _experiment(claim["experiment"]))


def _experiment(record: Any) -> Any:
    if not isinstance(record, dict) or record.get("kind") not in EXPERIMENTS:
        return None
    return EXPERIMENTS[record["kind"]](record)


def _again(limit: Limit, stored: Mapping[str, Any], executor: Any, progress: Any) -> tuple[links.Certificate, str]:
    """The certificate computed as it was: by drawing, from samples that are not there any more, or without any."""
    seed = stored["seed"]
    simulation = next((link for link in stored["links"] if link["name"] == "simulation"), None)
    if simulation is None:
        return limit.check(seed), ""
    details = simulation.get("details") or {}
    if "drawn" not in details:
        return limit.certify(seed=seed, executor=executor, progress=progress), ""
    if details.get("kind") == "decided":
        if limit.experiment is None:
            raise DataError("a run until decided of an author's own experiment", "the experiment", "experiment=draw")
        return limit.certify(details["sizes"], seed, executor, progress, resolution=details.get("resolution")), ""
    samples = _samples(details)
    if details.get("drawn") == "here" and limit.experiment is not None:
        return limit.certify([s.size for s in samples[0]], seed, executor, progress), ""
    note = "the samples are the author's: the test is done again on their stored means, nothing was drawn"
    return _with_what_was_drawn(limit.judge(samples, seed), stored, details), note


def _with_what_was_drawn(
    found: links.Certificate, stored: Mapping[str, Any], details: Mapping[str, Any]
) -> links.Certificate:
    """What only the author's program knows is taken from the file: it is not what was computed again."""
    first, *rest = found.links
    known = {name: details[name] for name in ("drawn", "plan", "point", "residuals") if name in details}
    claim = found.claim | {"experiment": stored["claim"].get("experiment")}
    return replace(found, links=(replace(first, details=first.details | known), *rest), claim=claim)


def _samples(details: Mapping[str, Any]) -> list[list[links.Samples]]:
    """The stored samples of every functional."""
    try:
        if "points" in details:  # a law: the means of its functionals in a row for each size
            rows = sorted((int(size), row) for size, row in details["sizes"].items())
            return [
                [links.Samples(size, float(row["means"][k]), 0.0, int(row["count"])) for size, row in rows]
                for k in range(len(details["points"]))
            ]
        return [_at_sizes(details["sizes"])]
    except (IndexError, KeyError, TypeError, ValueError):
        raise _foreign("samples that are no means with errors and counts") from None


def _at_sizes(sizes: Mapping[str, Any]) -> list[links.Samples]:
    return [
        links.Samples(size, float(mean), float(error), int(count), float(skewness), float(kurtosis))
        for size, (mean, error, count, skewness, kurtosis) in sorted((int(size), row) for size, row in sizes.items())
    ]


def _foreign(given: str) -> FormulaError:
    return FormulaError(given, f"a file of the format '{FORMAT}'", "symlimits certify ... --out DIR writes one")

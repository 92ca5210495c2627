"""The commands of the command line: each takes its arguments, prints, and returns an exit code."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from symlimits.canvas import figure
from symlimits.certify import Certificate
from symlimits.disk import cache_folder, clear_cache
from symlimits.errors import DataError, DomainError, UnboundSymbol
from symlimits.finite.journal import journal as opened
from symlimits.language.formula import exact
from symlimits.limits import SIZES, Limit, journals
from symlimits.memory import available_bytes
from symlimits.paper import reproduce as reproduction
from symlimits.paper import verify as verification
from symlimits.paper.claims import claims, find
from symlimits.paper.documents import columns, standalone
from symlimits.paper.files import array_file, check_empty, check_folder, write_files
from symlimits.paper.notation import Notation, check_distinct, check_legend
from symlimits.paper.progress import Progress, progress
from symlimits.paper.prose import in_words
from symlimits.paper.resuming import resumable
from symlimits.paper.statements import TOPICS, pairs, statement, statement_name
from symlimits.paper.swap import restore
from symlimits.paper.tables import read_rows, read_samples
from symlimits.paper.workers import Pool, workers
from symlimits.paper.written import write
from symlimits.reading.latex import latex
from symlimits.tiled import TILE, tiled_gram

OK, BROKEN = 0, 1
NETWORK = ("depth", "w_var", "b_var", "parameterization", "widths")


def list_claims(arguments: Namespace) -> int:
    """The table of claims."""
    print(columns(("claim", "statement", "source"), [(c.name, in_words(c.title), c.source) for c in claims().values()]))
    return OK


def derive(arguments: Namespace) -> int:
    """A derivation, printed as LaTeX or written as .tex and .json."""
    folder = arguments.out and check_folder(arguments.out)
    letters = Notation(dict(pairs(arguments.notation))) if arguments.notation else None
    check_distinct(letters or {})
    name, limit = _named(arguments)
    if folder is None:
        print(limit.latex(letters))
        return OK
    tex = standalone(limit, name, letters)
    write_files(folder, {f"{name}.tex": tex, f"{name}.json": limit.to_json() + "\n"})
    print(f"{limit.name} = {latex(limit.expr, letters)}")
    return OK


def certify(arguments: Namespace) -> int:
    """A certificate, printed and written."""
    folder = arguments.out and check_folder(arguments.out)
    name, limit = _named(arguments)
    if arguments.picture and folder is None:
        raise DataError("--picture without --out", "a folder for the picture", "--out out")
    if arguments.picture:
        figure(1, 1)  # without matplotlib this is said now, and not when all is drawn
    resolution = None if arguments.resolution is None else float(exact(arguments.resolution, "resolution"))
    journal = arguments.journal or (folder / f"{name}.journal" if folder else None)
    with resumable(journal, arguments.resume), _team(arguments) as (report, executor):
        certificate = limit.certify(arguments.sizes, arguments.seed, executor, report, journal, resolution)
    code = _verdict(certificate, name, folder)
    if arguments.picture and folder:
        certificate.picture(folder / f"{name}.certificate.pdf")
    if journal is not None and arguments.journal is None:
        for path in journals(journal):
            path.unlink(missing_ok=True)
    return code


def compare(arguments: Namespace) -> int:
    """The user's own samples against a limit."""
    folder = arguments.out and check_folder(arguments.out)
    samples = read_samples(arguments.samples)
    name, limit = _named(arguments)
    point = {letter: getattr(arguments, letter) for letter in "pqc" if getattr(arguments, letter) is not None}
    return _verdict(limit.compare(samples, seed=arguments.seed, **point), name, folder)


def verify(arguments: Namespace) -> int:
    """A stored certificate, computed again."""
    with progress(arguments.progress) as report, workers(arguments.workers) as executor:
        found = verification.verify(arguments.certificate, executor=executor, progress=report)
    print(found)
    return OK if found.ok else BROKEN


def gram(arguments: Namespace) -> int:
    """The Gram matrix of a kernel for data in a file."""
    if arguments.out.suffix.lower() != ".npy":
        raise DataError(f"the file {arguments.out}", "a .npy file", f"--out {arguments.out.with_suffix('.npy')}")
    kernel = _kernel(arguments)
    data = [read_rows(path) for path in (arguments.data, arguments.other) if path is not None]
    shape = len(data[0]), len(data[-1])
    if arguments.workers != 1 or arguments.tile is not None or arguments.resume or not _fits(shape):
        journal = Path(f"{check_folder(arguments.out.parent) / arguments.out.name}.journal")
        with resumable(journal, arguments.resume), _team(arguments) as (report, executor):
            tile = TILE if arguments.tile is None else arguments.tile
            tiled_gram(kernel, *data, out=arguments.out, tile=tile, executor=executor, progress=report)
    else:
        with array_file(arguments.out) as file:
            np.save(file, kernel(*data))
    print(f"{arguments.out}: {shape[0]} x {shape[1]}")
    return OK


def _fits(shape: tuple[int, int]) -> bool:
    """Whether a matrix leaves half of the free memory free."""
    free = available_bytes()
    return free is None or 8 * shape[0] * shape[1] < free / 2


def reproduce(arguments: Namespace) -> int:
    """The claims of a paper, or of all: derived, certified, written, and summed up in a table."""
    journal = arguments.out / "reproduce.journal"
    table = list(claims(arguments.paper).values())
    restore(arguments.out)
    folder = check_empty(arguments.out, arguments.force, journal.name)
    letters = Notation(dict(pairs(arguments.notation)) if arguments.notation else {})
    for paper in {claim.paper: None for claim in table}:
        check_legend(paper, letters)
    sizes, seed = reproduction.QUICK_SIZES if arguments.quick else SIZES, arguments.seed
    log = opened(journal, reproduction.subject(table, sizes, seed, letters))
    with resumable(journal, arguments.resume), log as found, _team(arguments) as (report, executor):
        outcomes = reproduction.reproduce(table, sizes, seed, executor, report, found, letters)
        said = write(folder, outcomes, letters, report, [journal.name])
    journal.unlink(missing_ok=True)
    print(reproduction.table(outcomes))
    print("\n".join(said))
    return OK if all(outcome.certificate.ok for outcome in outcomes) else BROKEN


def scaling(arguments: Namespace) -> int:
    """How hyperparameters scale with width."""
    from symlimits.paper.scaling_commands import scaling as command  # imports what no other command has to wait for

    return command(arguments)


def doctor(arguments: Namespace) -> int:
    """Versions, cache, threads, LaTeX, and a self-check; or an empty cache."""
    if arguments.clear_cache:
        count, size = clear_cache()
        print(f"{count} files, {size / 1e6:.1f} MB removed from {cache_folder()}")
        return OK
    from symlimits.paper.doctor import examination  # imports numba, which no other command has to wait for

    rows, passed = examination()
    print(columns(("what", "finding"), rows))
    return OK if passed else BROKEN


COMMANDS: dict[str, Callable[[Namespace], int]] = {
    "list": list_claims,
    "derive": derive,
    "derive scaling": scaling,
    "certify": certify,
    "compare": compare,
    "verify": verify,
    "gram": gram,
    "reproduce": reproduce,
    "doctor": doctor,
}


@contextmanager
def _team(arguments: Namespace) -> Iterator[tuple[Progress | None, Pool | None]]:
    """Who is told of the progress, and who does the work."""
    with progress(arguments.progress) as report, workers(arguments.workers) as executor:
        yield report, executor


def _named(arguments: Namespace) -> tuple[str, Limit]:
    """The statement that the arguments describe, a topic with options or a claim, and a file name for it."""
    topic, phi = arguments.statement, arguments.activation
    options = {name: getattr(arguments, name) for name in NETWORK if getattr(arguments, name) is not None}
    if topic in TOPICS:
        name, limit = statement_name(topic, phi or ""), statement(topic, phi, **options)
    elif phi is None and not options:
        name, limit = topic, find(topic).build()
    else:
        given = f"{topic!r} with an activation or a network"
        raise DomainError(given, f"one of {', '.join(TOPICS)}, or a claim without options", "--set name=value")
    return name, limit.bind(**dict(pairs(arguments.set))) if arguments.set else limit


def _kernel(arguments: Namespace) -> Limit:
    """A kernel with numbers for everything but the data and their dimension d."""
    _, limit = _named(arguments)
    missing = limit.recursion.free_symbols - set(limit.arguments)
    names = sorted({symbol.name for symbol in missing} - {"d"})
    if names:
        advice = "--depth 3 --w-var 2 --b-var 0, or --set name=value"
        raise UnboundSymbol(f"{names[0]} without a value", "numbers for depth and variances", advice)
    return limit


def _verdict(certificate: Certificate, name: str, folder: Path | None) -> int:
    if folder is not None:
        base = f"{name}.certificate"
        write_files(folder, {f"{base}.json": certificate.to_json() + "\n", f"{base}.tex": certificate.latex() + "\n"})
    print(certificate)
    return OK if certificate.ok else BROKEN

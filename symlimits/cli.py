"""The command line: it reads arguments and prints; the work is done in `paper` and below.

Nothing heavy is imported before a command needs it, so that `symlimits --help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symlimits import __version__
from symlimits.errors import DataError, DomainError, SymlimitsError

if TYPE_CHECKING:
    from symlimits.certify import Certificate
    from symlimits.limit import Limit

OK, BROKEN, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
NETWORK = ("depth", "w_var", "b_var", "parameterization", "widths")

EPILOG = """examples:
  symlimits derive ntk --activation "x*(1+erf(x/sqrt(2)))/2" --depth 3 --out out
  symlimits certify nngp-relu --sizes 32,128,512
  symlimits compare ntk --activation relu --depth 1 --w-var 2 --b-var 0 --p 1 --q 1 --c=-1/2 --samples nets.npz
  symlimits gram ntk --activation relu --depth 3 --w-var 2 --b-var 0 --data X.npy --out K.npy
  symlimits reproduce --quick --out out

exit codes: 0, all is well; 1, a link of a certificate broke; 2, bad input; 130, interrupted."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 when all is well, 1 when a link breaks, 2 for bad input, 130 when interrupted."""
    arguments = parser().parse_args(argv)
    try:
        code: int = arguments.command(arguments)
        sys.stdout.flush()
        return code
    except SymlimitsError as error:
        print(f"symlimits: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        print("symlimits: interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED


# ------------------------------------------------------------------------------------------ commands


def list_claims(arguments: argparse.Namespace) -> int:
    """The table of claims."""
    from symlimits.paper.claims import claims
    from symlimits.paper.documents import columns

    print(columns(("claim", "statement", "source"), [(c.name, c.title, c.source) for c in claims().values()]))
    return OK


def derive(arguments: argparse.Namespace) -> int:
    """Print a derivation, or write it as .tex and .json."""
    from symlimits.paper.documents import standalone
    from symlimits.paper.files import check_folder, write_files
    from symlimits.paper.statements import notation
    from symlimits.reading.latex import latex

    folder = arguments.out and check_folder(arguments.out)
    name, limit = _limit(arguments)
    letters = notation(arguments.notation) if arguments.notation else None
    if folder is None:
        print(limit.latex(letters))
        return OK
    tex = standalone(limit, f"{limit.source}", letters)
    _wrote(write_files(folder, {f"{name}.tex": tex, f"{name}.json": limit.to_json() + "\n"}))
    print(f"{limit.name} = {latex(limit.expr, letters)}")
    return OK


def certify(arguments: argparse.Namespace) -> int:
    """Certify a statement at several widths."""
    from symlimits.paper.files import check_folder
    from symlimits.paper.progress import progress
    from symlimits.paper.workers import workers

    folder = arguments.out and check_folder(arguments.out)
    name, limit = _limit(arguments)
    with progress(arguments.progress) as report, workers(arguments.workers) as executor:
        certificate = limit.certify(arguments.sizes, arguments.seed, executor, report)
    return _verdict(certificate, name, folder)


def compare(arguments: argparse.Namespace) -> int:
    """Hold the user's own samples against a limit."""
    from symlimits.paper.files import check_folder
    from symlimits.paper.tables import read_samples

    folder = arguments.out and check_folder(arguments.out)
    samples = read_samples(arguments.samples)
    name, limit = _limit(arguments)
    point = {letter: getattr(arguments, letter) for letter in "pqc" if getattr(arguments, letter) is not None}
    return _verdict(limit.compare(samples, seed=arguments.seed, **point), name, folder)


def gram(arguments: argparse.Namespace) -> int:
    """The Gram matrix of a kernel for data in a file."""
    import numpy as np

    from symlimits.paper.files import array_file
    from symlimits.paper.tables import read_rows

    if arguments.out.suffix.lower() != ".npy":
        raise DataError(f"--out {arguments.out}", "a .npy file", f"--out {arguments.out.with_suffix('.npy')}")
    kernel = _bound_kernel(arguments)
    data = [read_rows(path) for path in (arguments.data, arguments.other) if path is not None]
    with array_file(arguments.out) as file:
        matrix = kernel(*data)
        np.save(file, matrix)
    print(f"{arguments.out}: {matrix.shape[0]} x {matrix.shape[1]}")
    return OK


def reproduce(arguments: argparse.Namespace) -> int:
    """Every claim: derived, certified, written, and summed up in a table."""
    from symlimits.limit import SIZES
    from symlimits.paper import reproduce as reproduction
    from symlimits.paper.claims import claims
    from symlimits.paper.files import check_folder, write_files
    from symlimits.paper.progress import progress
    from symlimits.paper.workers import workers

    folder = check_folder(arguments.out)
    sizes = reproduction.QUICK_SIZES if arguments.quick else SIZES
    with progress(arguments.progress) as report, workers(arguments.workers) as executor:
        outcomes = reproduction.reproduce(list(claims().values()), sizes, arguments.seed, executor, report)
    files = write_files(folder, reproduction.texts(outcomes))
    print(reproduction.table(outcomes))
    print(f"{len(files)} files in {folder}; statements.tex holds all derivations")
    return OK if all(outcome.certificate.ok for outcome in outcomes) else BROKEN


def doctor(arguments: argparse.Namespace) -> int:
    """Versions, cache, threads, LaTeX, and a self-check."""
    from symlimits.paper.doctor import examination
    from symlimits.paper.documents import columns

    rows, passed = examination()
    print(columns(("what", "finding"), rows))
    return OK if passed else BROKEN


# ----------------------------------------------------------------------------------- what they share


def _limit(arguments: argparse.Namespace) -> tuple[str, Limit]:
    """The statement that the arguments name, with its file name: a topic with options, or a claim."""
    from symlimits.paper.claims import find
    from symlimits.paper.statements import TOPICS, pairs, statement, statement_name

    topic, phi = arguments.statement, arguments.activation
    options = {name: getattr(arguments, name) for name in NETWORK if getattr(arguments, name) is not None}
    if topic in TOPICS:
        name, limit = statement_name(topic, phi or ""), statement(topic, phi, **options)
    else:
        name, limit = topic, find(topic).build()
        if phi or options:
            given = f"the claim {topic} with --{'activation' if phi else next(iter(options)).replace('_', '-')}"
            raise DomainError(given, "the name of a claim alone", "--set sigma_w=2, or a topic such as ntk")
    return name, limit.bind(**dict(pairs(arguments.set))) if arguments.set else limit


def _bound_kernel(arguments: argparse.Namespace) -> Limit:
    """A kernel with numbers for everything but the data."""
    _, limit = _limit(arguments)
    missing = [symbol.name for symbol in limit.recursion.free_symbols - set(limit.arguments) if symbol.name != "d"]
    if missing:
        advice = "--w-var 2 --b-var 0 --depth 3, or --set name=value"
        raise DomainError(f"{min(missing)} without a value", "numbers for depth and variances", advice)
    return limit


def _verdict(certificate: Certificate, name: str, folder: Path | None) -> int:
    from symlimits.paper.files import write_files

    if folder is not None:
        _wrote(write_files(folder, {f"{name}.certificate.json": certificate.to_json() + "\n"}))
    print(certificate)
    return OK if certificate.ok else BROKEN


def _wrote(paths: list[Path]) -> None:
    for path in paths:
        print(f"wrote {path}", file=sys.stderr)


# ----------------------------------------------------------------------------------------- arguments


def parser() -> argparse.ArgumentParser:
    """The arguments of all commands."""
    layout = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser("symlimits", description=DESCRIPTION, epilog=EPILOG, formatter_class=layout)
    top.add_argument("--version", action="version", version=f"symlimits {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for command, summary, options in COMMANDS:
        name = command.__name__.partition("_")[0]
        sub = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        sub.set_defaults(command=command)
        for names, settings in options:
            sub.add_argument(*names, **settings)
    return top


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: integers separated by commas, such as 32,128,512") from None


def _variance(text: str) -> str | None:
    return None if text == "none" else text


def _option(*names: str, **settings: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    return names, settings


DESCRIPTION = "Derive, print, compile and certify the infinite-width limits of neural networks."
STATEMENT = (
    _option("statement", metavar="STATEMENT", help="dual, nngp, ntk, or the name of a claim (symlimits list)"),
    _option("--activation", metavar="NAME|FORMULA", help='relu, gelu, leaky_relu(1/10), ... or a formula in x: "x*tanh(x)"'),
    _option("--depth", help="hidden layers: an integer, or a symbol (default: L)"),
    _option("--w-var", help="weight variance, a number or formula (default: sigma_w**2)"),
    _option("--b-var", help="bias variance (default: sigma_b**2)"),
    _option("--parameterization", help="ntk (default) or standard, which needs --widths"),
    _option("--widths", type=lambda text: tuple(text.split(",")), help="hidden widths, separated by commas"),
    _option("--set", metavar="NAME=VALUE,...", help="values for symbols"),
)
SEED = _option("--seed", type=int, default=0, help="of the random networks and test points (default: 0)")
WORKERS = _option("--workers", type=int, default=1, help="processes (default: 1)")
PROGRESS = _option("--progress", action="store_true", help="report on stderr even where it is not a terminal")
OUT = _option("--out", type=Path, metavar="DIR", help="write files here; each appears whole or not at all")
SIZES = _option("--sizes", type=_sizes, default=(32, 128, 512), help="widths of the networks (default: 32,128,512)")

COMMANDS = (
    (list_claims, "list the claims that reproduce derives", ()),
    (
        derive,
        "derive a statement, line by line",
        (*STATEMENT, OUT, _option("--notation", metavar="SYMBOL=LATEX,...", help="letters of your own, such as p=k")),
    ),
    (certify, "test a statement against finite networks, and its lines", (*STATEMENT, SIZES, SEED, WORKERS, PROGRESS, OUT)),
    (
        compare,
        "hold your own samples against a statement",
        (
            *STATEMENT,
            *(_option(f"--{letter}", help=f"input {word}") for letter, word in zip("pqc", ("variance of x", "variance of z", "covariance"), strict=True)),  # noqa: E501
            _option("--samples", nargs="+", required=True, metavar="FILE", help=".npz, .csv of size,value, or 64=a.npy 256=b.npy"),
            SEED,
            OUT,
        ),
    ),
    (
        gram,
        "compute the Gram matrix of a kernel",
        (
            *STATEMENT,
            _option("--data", type=Path, required=True, metavar="FILE", help=".npy or .csv, a point a row"),
            _option("--other", type=Path, metavar="FILE", help="other points, for the columns"),
            _option("--out", type=Path, required=True, metavar="FILE.npy", help="the matrix"),
        ),
    ),
    (
        reproduce,
        "derive and certify every claim",
        (
            _option("--quick", action="store_true", help="smaller networks"),
            _option("--out", type=Path, required=True, metavar="DIR", help="where the documents and certificates go"),
            SEED,
            _option("--workers", type=int, default=min(2, os.cpu_count() or 1), help="processes (default: 2)"),
            PROGRESS,
        ),
    ),
    (doctor, "look at this installation, and check it", ()),
)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())

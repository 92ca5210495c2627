"""The command line: the arguments of each command, and what its end means to a shell.

The commands themselves are in `paper/commands.py`, which is imported when one is run, so that
`symlimits --help` answers at once.
"""

from __future__ import annotations

import argparse
import atexit
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from symlimits import __version__
from symlimits.errors import SymlimitsError
from symlimits.paper import scaling_arguments

BAD_INPUT, INTERRUPTED = 2, 130

DESCRIPTION = "Derive, print, compile and certify the infinite-width limits of neural networks."
EPILOG = """examples:
  symlimits derive ntk --activation "x*(1+erf(x/sqrt(2)))/2" --depth 3 --out out
  symlimits derive scaling abc --depth 3 --named mup --base-width 256 --width 4096
  symlimits certify nngp-relu --sizes 32,128,512 --out out
  symlimits verify out/nngp-relu.certificate.json
  symlimits compare ntk --activation relu --depth 1 --w-var 2 --b-var 0 --p 1 --q 1 --c=-1/2 --samples nets.npz
  symlimits gram ntk --activation relu --depth 3 --w-var 2 --b-var 0 --data X.npy --out K.npy
  symlimits reproduce --quick --out out

exit codes: 0, all is well; 1, a link of a certificate broke; 2, bad input; 130, interrupted."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 when all is well, 1 when a link breaks, 2 for bad input, 130 when interrupted."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:2] == scaling_arguments.COMMAND.split():
        arguments = scaling_arguments.parser().parse_args(scaling_arguments.joined(words[2:]))
    else:
        arguments = parser().parse_args(words)
    if [] in vars(arguments).values():  # argparse takes the text "--" of an option for the end of all options
        parser().error("an option has the value '--'")
    try:
        return run(arguments)
    except SymlimitsError as error:
        print(f"symlimits: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:  # the reader of our output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as interrupt:
        print(f"symlimits: interrupted; {str(interrupt) or 'nothing was written'}", file=sys.stderr)
        return INTERRUPTED


def program() -> NoReturn:
    """The process: after Ctrl-C it cleans up and ends, and does not wait for threads that speak to killed workers."""
    code = main()
    if code == INTERRUPTED:
        sys.stderr.flush()
        atexit._run_exitfuncs()  # semaphores are given back
        os._exit(code)
    sys.exit(code)


def run(arguments: argparse.Namespace) -> int:
    """The command that was asked for, and its exit code."""
    from symlimits.paper.commands import COMMANDS  # imports sympy

    code = COMMANDS[arguments.command](arguments)
    sys.stdout.flush()
    return code


def parser() -> argparse.ArgumentParser:
    """The arguments of all commands."""
    layout = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser("symlimits", description=DESCRIPTION, epilog=EPILOG, formatter_class=layout)
    top.add_argument("--version", action="version", version=f"symlimits {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, (summary, groups) in ARGUMENTS.items():
        command = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        for group in groups:
            group(command)
    return top


def _statement(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("statement", metavar="STATEMENT", help="dual, nngp, ntk, scaling, or a claim (symlimits list)")
    add("--activation", metavar="PHI", help='relu, gelu, leaky_relu(1/10), ... or a formula in x: "x*tanh(x)"')
    add("--depth", help="hidden layers: an integer, or a symbol (default: L)")
    add("--w-var", help="weight variance, a number or formula (default: sigma_w**2)")
    add("--b-var", help="bias variance (default: sigma_b**2)")
    add("--parameterization", help="ntk (default), or standard, which needs --widths")
    add("--widths", type=lambda text: tuple(text.split(",")), help="hidden widths, such as 512,512,512")
    add("--set", metavar="NAME=VALUE,...", help="values for symbols, such as sigma_w=1,L=3")


def _notation(command: argparse.ArgumentParser) -> None:
    command.add_argument("--notation", metavar="NAME=LATEX,...", help="letters of your own for symbols, such as p=k")


def _sizes(command: argparse.ArgumentParser) -> None:
    help = "widths of the networks (default: 32,128,512)"
    command.add_argument("--sizes", type=_integers, default=(32, 128, 512), help=help)


def _seed(command: argparse.ArgumentParser) -> None:
    command.add_argument("--seed", type=int, default=0, help="of the networks and of the test points (default: 0)")


def _work(command: argparse.ArgumentParser) -> None:
    command.add_argument("--workers", type=int, default=1, help="processes (default: %(default)s)")
    command.add_argument("--progress", action="store_true", help="say what is done, even where stderr is no terminal")


def _pool(command: argparse.ArgumentParser) -> None:
    command.set_defaults(workers=os.cpu_count() or 1)


def _certification(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--resolution", metavar="R", help="draw until a limit that is off by R is excluded, or the claim rejected")
    add("--picture", action="store_true", help="draw the samples too, as a PDF in DIR (needs --out and matplotlib)")


def _resumption(command: argparse.ArgumentParser) -> None:
    command.add_argument("--resume", action="store_true", help="go on with what an interrupted run has left")


def _journal(command: argparse.ArgumentParser) -> None:
    help = "keep what is drawn here (default: in DIR, until the certificate is written)"
    command.add_argument("--journal", type=Path, metavar="FILE", help=help)


def _folder(command: argparse.ArgumentParser) -> None:
    help = "write files here; each of them appears whole or not at all"
    command.add_argument("--out", type=Path, metavar="DIR", help=help)


def _samples(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    for name, meaning in (("p", "variance at x"), ("q", "variance at z"), ("c", "covariance")):
        add(f"--{name}", help=f"input {meaning} at which the samples were made")
    formats = "an .npz with an array for each size, a .csv of size and value, or 64=a.npy 256=b.npy ..."
    add("--samples", nargs="+", required=True, metavar="FILE", help=formats)


def _certificate(command: argparse.ArgumentParser) -> None:
    command.add_argument("certificate", type=Path, metavar="FILE.json", help="written by certify, compare or reproduce")


def _data(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--data", type=Path, required=True, metavar="FILE", help=".npy or .csv, a point a row")
    add("--other", type=Path, metavar="FILE", help="the points of the columns (default: those of the rows)")
    add("--out", type=Path, required=True, metavar="FILE.npy", help="the matrix")


def _tiles(command: argparse.ArgumentParser) -> None:
    help = "tile by tile, so many rows and columns each (default: where memory or --workers ask for it)"
    command.add_argument("--tile", type=int, metavar="ROWS", help=help)


def _reproduction(command: argparse.ArgumentParser) -> None:
    command.set_defaults(workers=2)
    add = command.add_argument
    papers = "golikov2020, lee2019, bassetti2024, chizat2022, or all (default)"
    add("paper", nargs="?", default="all", metavar="PAPER", help=papers)
    add("--quick", action="store_true", help="smaller networks")
    add("--out", type=Path, required=True, metavar="DIR", help="where everything is written: a new folder")
    add("--force", action="store_true", help="replace a folder that is not empty; other files in it are kept")


def _cache(command: argparse.ArgumentParser) -> None:
    help = "remove the derivations and compiled kernels that are kept on disk, and do nothing else"
    command.add_argument("--clear-cache", action="store_true", help=help)


def _integers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of integers such as 32,128,512") from None


Group = Callable[[argparse.ArgumentParser], None]

ARGUMENTS: dict[str, tuple[str, tuple[Group, ...]]] = {
    "list": ("list the claims that reproduce derives", ()),
    "derive": ("derive a statement, line by line", (_statement, _notation, _folder)),
    "certify": (
        "test a statement: networks, lines, compiled code",
        (_statement, _sizes, _seed, _work, _pool, _folder, _journal, _resumption, _certification),
    ),
    "compare": ("hold samples of your own against a statement", (_statement, _samples, _seed, _folder)),
    "verify": ("compute a stored certificate again, and say which link differs", (_certificate, _work, _pool)),
    "gram": ("compute the Gram matrix of a kernel", (_statement, _data, _work, _tiles, _resumption)),
    "reproduce": ("derive, certify and print every claim", (_seed, _work, _reproduction, _notation, _resumption)),
    "doctor": ("look at this installation, and check it", (_cache,)),
}


if __name__ == "__main__":
    program()

"""The arguments of `symlimits derive scaling`, apart from the commands: they import nothing heavy."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

COMMAND = "derive scaling"
DESCRIPTION = "How hyperparameters scale with width: limit models, parameterisations, tables for a target width."
EPILOG = """examples:
  symlimits derive scaling one-hidden-layer --q-sigma -1/2 --q 0
  symlimits derive scaling abc --depth 3 --a 0,1/2,1/2,1/2 --b 0 --c 0
  symlimits derive scaling abc --depth 3 --optimizer adam --named mup --base-width 256 --width 4096 --pytorch
  symlimits derive scaling abc --depth 2 --named mup --coordinate-check --widths 64,128,256,512
  symlimits derive scaling abc --depth 2 --named mup --samples mine.csv --picture mine.pdf

exit codes: 0, all is well; 1, a coordinate check does not pass; 2, bad input."""
_NEGATIVE = re.compile(r"-[\d.]")


def parser() -> argparse.ArgumentParser:
    """The arguments of the two topics."""
    layout = argparse.RawDescriptionHelpFormatter
    name = f"symlimits {COMMAND}"
    top = argparse.ArgumentParser(name, description=DESCRIPTION, epilog=EPILOG, formatter_class=layout)
    top.set_defaults(command=COMMAND)
    topics = top.add_subparsers(required=True, metavar="TOPIC", dest="topic")
    hidden = topics.add_parser("one-hidden-layer", help="the limit models of one hidden layer", allow_abbrev=False)
    _one_hidden_layer(hidden)
    deep = topics.add_parser("abc", help="a parameterisation of a deep network", allow_abbrev=False)
    _exponents(deep)
    _transfer(deep)
    _check(deep)
    for topic in (hidden, deep):
        _form(topic)
    return top


def joined(argv: Sequence[str]) -> list[str]:
    """`--q-sigma -1/2` as `--q-sigma=-1/2`, which argparse does not take for another option.

    >>> joined(["--q-sigma", "-1/2", "--q", "0"])
    ['--q-sigma=-1/2', '--q', '0']
    """
    words: list[str] = []
    for word in argv:
        if _NEGATIVE.match(word) and words and words[-1].startswith("--") and "=" not in words[-1]:
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


def _one_hidden_layer(topic: argparse.ArgumentParser) -> None:
    add = topic.add_argument
    add("--rates", default="shared", help="shared (default), or separate for the two layers")
    add("--activation", metavar="PHI", help="the activation (default: the fan's own)")
    add("--q-sigma", metavar="Q", help="exponent of sigma; with it, the cell of one scaling")
    add("--q", metavar="Q", help="exponent of the shared rate")
    add("--q-a", metavar="Q", help="exponent of the rate of the outer layer (--rates separate)")
    add("--q-w", metavar="Q", help="exponent of the rate of the inner layer (--rates separate)")


def _exponents(topic: argparse.ArgumentParser) -> None:
    add = topic.add_argument
    add("--depth", type=int, required=True, help="hidden layers")
    add("--optimizer", default="sgd", help="sgd (default), adam or sign")
    add("--named", metavar="NAME", help="PyTorch, SP, NTK, muP, MFP or deep-MF")
    for name, meaning in (("a", "multipliers"), ("b", "initial weights"), ("c", "learning rates")):
        help = f"exponents of the {meaning}, first layer to readout, such as 0,1/2,1/2; or one for all"
        add(f"--{name}", type=lambda text: text.split(","), metavar="E,...", help=help)


def _transfer(topic: argparse.ArgumentParser) -> None:
    add = topic.add_argument
    add("--base-width", type=int, metavar="N", help="width at which the network was tuned")
    add("--width", type=int, metavar="N", help="the target width: with it, a table of rates and initialisations")
    add("--rate", help="learning rate at the base width, such as 0.001 or 1/8 (default: 1)")
    add("--inputs", type=int, metavar="D", help="number of inputs, for the first layer")
    add("--outputs", type=int, metavar="K", help="number of outputs")
    add("--pytorch", action="store_true", help="the table as PyTorch code")
    add("--multipliers", action="store_true", help="the code with multipliers in the forward pass")


def _check(topic: argparse.ArgumentParser) -> None:
    add = topic.add_argument
    add("--coordinate-check", action="store_true", help="simulate networks, and hold their sizes against the exponents")
    add("--widths", type=lambda text: text.split(","), metavar="N,...", help="of the simulated networks")
    add("--steps", type=int, default=3, help="of training (default: 3)")
    add("--gradients", default="frozen", help="frozen (default) or loss")
    add("--seed", type=int, default=0, help="of the simulated networks (default: 0)")
    add("--samples", type=Path, metavar="FILE.csv", help="check networks of your own: lines of width,row,value")
    add("--picture", type=Path, metavar="FILE", help="draw the check, log-log (.pdf, .png, .svg)")


def _form(topic: argparse.ArgumentParser) -> None:
    form = topic.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="print LaTeX")
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV (a table for a width, or a check)")

r"""Which letter stands for what: the symbols of each paper's statements, and an author's own letters for them.

A `Notation` is a mapping from names of symbols to LaTeX, taken wherever `notation=` is; a document prints the table of
the letters that it uses, so that no letter means two things unseen.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import sympy as sp

from symlimits.chain import Derivation
from symlimits.errors import DomainError
from symlimits.language.names import shown
from symlimits.reading.latex import latex
from symlimits.reading.latex_author import check_letters

KERNELS = {
    "p": "variance of the first Gaussian; of a kernel, $x\\cdot x/d$",
    "q": "variance of the second Gaussian; of a kernel, $z\\cdot z/d$",
    "c": "their covariance; of a kernel, $x\\cdot z/d$",
    "rho": "their correlation",
    "sigma_w": "standard deviation of weights times the root of the inputs",
    "sigma_b": "standard deviation of biases",
    "L": "number of hidden layers",
    "alpha": "slope of a leaky relu below zero; of trained outputs, coefficients of the gradients",
}
TRAINING = {
    "eta": "learning rate",
    "mu": "momentum",
    "m": "number of entries of the targets, $n k$",
    "n": "number of training inputs; in a standard parameterisation, width",
    "d": "dimension of the inputs",
    "k": "number of outputs",
    "P": "number of parameters",
    "r": "number of test inputs $z$",
    "s": "number of test inputs $w$",
    "t": "step of training",
    "Y": "targets",
    "J_x": "gradients of the outputs at the training inputs, a row an input; $J_z$, $J_w$ at test inputs",
    "f_x": "outputs at the start at the training inputs; $f_z$, $f_w$ at test inputs",
    "Theta_xx": "tangent kernel between training inputs; $\\Theta_{zx}$, $\\Theta_{wx}$ to test inputs",
    "K_xx": "Gaussian process kernel: of data as $\\Theta_{xx}$, of layers between inputs $x$, $z$",
    "delta": "of training, parameters less their start; of correlations, $1 - \\rho$",
    "lamda": "eigenvalue of a kernel; $[g]_{\\lambda = A}$ is the function $g$ of the matrix $A$",
    "epsilon_x": "noise of the targets",
    "sigma": "its standard deviation",
    "A": "coefficient of the next order of a map of correlations at one",
}
MEANINGS: Mapping[str, Mapping[str, str]] = {
    "lee2019": KERNELS | TRAINING,
    "golikov2020": {
        "q": "exponent of the width in the learning rates",
        "q_sigma": "exponent of the width in the initial output weights",
        "q_start": "of a corrected network, that in the factor of the logit that is there at the start",
    },
    "bassetti2024": {
        "t": "argument of the characteristic function; of several outputs, its largest singular value",
        "r": "of several outputs, the ratio of its singular values; of a posterior, $y^\\top K^{-1} y$",
        "s": "output",
        "q": "mixing variable; of several outputs, the determinant of the mixing matrix",
    },
    "chizat2022": {
        "eta": "learning rate",
        "s": "slope of the target",
        "t": "step of training; time of a flow; argument of a characteristic function",
        "tau": "time of a flow in its series; of a neuron, step of training",
        "sigma_xx": "second moment of the input",
        "sigma_yx": "its moment with the target",
    },
}
# What the statements of a paper print beside these symbols: functions, states, inputs, constants. None of them may be
# an author's letter for a symbol. Variables of means and integrals are not here: they step aside.
TAKEN: Mapping[str, tuple[str, ...]] = {
    "lee2019": (
        *"TRKCgxzde",
        *(f"{letter}_{{{place}}}" for letter in ("J", "f") for place in "zw"),
        *(f"K_{{{a}{b}}}" for a in "xzw" for b in "xzw"),
        r"\Theta",
        r"\Theta_{zx}",
        r"\Theta_{wx}",
        r"\beta",
        r"\pi",
        r"\ell",
    ),
    "golikov2020": ("e", r"\pi"),
    "bassetti2024": (r"\varphi", "d", "e", r"\pi"),
    "chizat2022": (
        *"aABCDEGHPQRSUVXYcjnru",
        r"\Phi",
        r"\Sigma_{xx}",
        r"\Sigma_{xx,11}",
        r"\Sigma_{yx}",
        r"\Sigma_{yx,11}",
        r"\ell",
        r"\rho",
        r"\theta",
        "t'",
    ),
}


@dataclass(frozen=True, init=False)
class Notation(Mapping[str, str]):
    r"""An author's letters: LaTeX by the names of symbols, `Notation({"p": "k(x, x)"}, rho=r"\varrho")`.

    A mapping, for every `notation=` of symlimits; `first | second` takes what the second says where both speak.
    Raises `DomainError` for what is no LaTeX of a symbol.

    >>> from symlimits import activations as act, dual
    >>> house = Notation(p="k", c="k'")
    >>> print(dual(act.linear).latex(house).splitlines()[-2])
    &= k' && \text{(Gaussian integrals)}
    >>> (house | {"p": "K"})["p"]
    'K'
    """

    letters: tuple[tuple[str, str], ...]

    def __init__(self, letters: Mapping[str, str] | None = None, **more: str) -> None:
        if not isinstance(letters, Mapping | None):
            raise DomainError(f"notation = {shown(letters)}", "a dictionary from names to LaTeX", 'Notation(p="k")')
        given = {**(letters or {}), **more}
        for name, tex in given.items():
            check_letters(tex, f"notation for {name}", 'Notation(p="k")')
        object.__setattr__(self, "letters", tuple(given.items()))

    def __getitem__(self, name: str) -> str:
        return dict(self.letters)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.letters))

    def __len__(self) -> int:
        return len(self.letters)

    def __or__(self, other: Mapping[str, str]) -> Notation:
        return Notation({**self, **other})

    def within(self, derivation: Derivation) -> Notation:
        """The letters for symbols that a derivation has."""
        known = names(derivation)
        return Notation({name: tex for name, tex in self.letters if name in known})


def legend(paper: str, notation: Notation, used: Collection[str] | None = None) -> list[tuple[str, str]]:
    """The letters of a paper's statements in LaTeX, with what they mean; of the names in `used`, if they are given.

    >>> legend("golikov2020", Notation(q="r"), {"q"})
    [('r', 'exponent of the width in the learning rates')]
    """
    meanings = {name: words for name, words in MEANINGS[paper].items() if used is None or name in used}
    return [(notation.get(name) or latex(sp.Symbol(name)), words) for name, words in meanings.items()]


def check_distinct(letters: Mapping[str, str]) -> None:
    """Raise `DomainError` if two names have the same letter.

    >>> check_distinct({"p": "k", "q": "{k}"})
    Traceback (most recent call last):
    ...
    symlimits.errors.DomainError: p and q, which both print as {k}; wanted: a letter each; try: --notation p=...
    """
    taken: dict[str, str] = {}
    for name, letter in letters.items():
        other = taken.setdefault(_plain(letter), name)
        if other != name:
            raise DomainError(
                f"{other} and {name}, which both print as {letter}", "a letter each", f"--notation {other}=..."
            )


def check_legend(paper: str, notation: Notation) -> None:
    """Raise `DomainError` if two letters of a paper's statements would print alike.

    >>> check_legend("lee2019", Notation(c="p"))
    Traceback (most recent call last):
    ...
    symlimits.errors.DomainError: p and c, which both print as p; wanted: a letter each; try: --notation p=...
    """
    letters = dict(zip(MEANINGS[paper], (letter for letter, _ in legend(paper, notation)), strict=True))
    check_distinct(letters)
    for name in letters.keys() & notation.keys():
        if _plain(letters[name]) in map(_plain, TAKEN[paper]):
            given = f"{name} = {letters[name]}, a letter that the statements of {paper} use themselves"
            wanted = f"none of {', '.join(TAKEN[paper])}"
            raise DomainError(given, wanted, f"another letter for {name}")


def _plain(letter: str) -> str:
    return re.sub(r"[{}\s]", "", letter)


def names(derivation: Derivation) -> set[str]:
    """The names of the symbols that a derivation has, its domain included."""
    lines = (*(step.expr for step in derivation.trace), *derivation.domain.dependent.values())
    symbols = set(derivation.arguments) | set(derivation.domain.ranges)
    return {str(symbol) for symbol in symbols.union(*(line.atoms(sp.Symbol) for line in lines))}

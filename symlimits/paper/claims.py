"""The table of claims: every statement that `symlimits reproduce` derives, certifies and prints.

A new result adds an entry here, or a row to `claim_rows.py`, and nothing elsewhere. An entry holds the line of code
that makes its statement, as a user would type it, so that the table costs nothing to read, a claim can be sent to
another process, and a reader of the report can make it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module

from symlimits.chain import Derivation
from symlimits.errors import DomainError
from symlimits.finite.frozen_training import OBSERVED
from symlimits.language.names import brief
from symlimits.limits import Limit
from symlimits.paper.claim_rows import ROWS, TRAINED
from symlimits.paper.sources import CHIZAT, DEPTH, GOLIKOV, HANIN, JACOT, LEE, LIMIT, MIXTURE, PRICE, SPHERE

PAPERS = {
    "golikov2020": "E. A. Golikov, Dynamically stable infinite-width limits of neural classifiers, arXiv 2006.06574",
    "lee2019": "J. Lee et al., Wide neural networks of any depth evolve as linear models under gradient descent, "
    "arXiv 1902.06720",
    "bassetti2024": "F. Bassetti, L. Ladelli and P. Rotondo, Proportional infinite-width infinite-depth limit for deep "
    "linear neural networks, arXiv 2411.15267",
    "chizat2022": "L. Chizat, M. Colombo, X. Fernandez-Real and A. Figalli, Infinite-width limit of deep linear neural "
    "networks, arXiv 2211.16980",
}
ALL = "all"
MODULES = {  # of what a line of code may begin with, beside `sl` and `act`
    "laws": "symlimits.theory.training.claims",
    "layers": "symlimits.language.architecture",
    "mixtures": "symlimits.theory.mixtures.posterior_lines",
}

DUALS = {
    "linear": "act.linear",
    "cubic": 'act.polynomial([1/2, -1, "1/3", 1/4])',
    "step": "act.step",
    "sign": "act.sign",
    "relu": "act.relu",
    "leaky-relu": 'act.leaky_relu("alpha")',
    "absolute": "act.absolute",
    "exp": "act.exp",
    "sin": "act.sin",
    "cos": "act.cos",
    "gaussian": "act.gaussian",
    "erf": "act.erf",
    "normal-cdf": "act.normal_cdf",
    "gelu": "act.gelu",
    "x-erf": 'sl.activation("x*erf(x)")',
    "relu-squared": "act.relu_power(2)",
    "rbf": "act.rbf",
    "hermite-3": "act.hermite(3)",
    "gabor": "act.gabor",
    "erf-and-line": 'sl.activation("erf(x) + x/10")',
    "tanh": "act.tanh",
}
PHI = {  # in words, where the name does not say it
    "cubic": "a cubic polynomial",
    "leaky-relu": r"leaky relu, of slope $\alpha$ below zero",
    "absolute": "the absolute value",
    "normal-cdf": "the normal distribution function",
    "x-erf": r"$x \operatorname{erf}(x)$",
    "relu-squared": "relu squared",
    "hermite-3": "the third Hermite polynomial",
    "erf-and-line": r"$\operatorname{erf}(x) + x/10$",
}
NETWORKS = ("relu", "erf", "gelu")
QUANTITIES = ("f_init", "f_a", "f_w", "f_aw", "delta_a", "delta_w", "kernel", "kernel_increment")
MODELS = {"MF": "mean-field", "NTK": "NTK", "sym-default": "sym-default"}


@dataclass(frozen=True)
class Claim:
    """A statement to be reproduced: `name` is a file name, `title` says it in words, `code` is the line that makes it.

    `paper` is a key of `PAPERS`, the result that it belongs to; `source` names whose it is. A title may hold formulas
    between dollars. Neighbours of one `group`, with which their titles begin, stand under one heading.
    """

    name: str
    title: str
    source: str
    paper: str
    code: str
    group: str = ""

    def build(self) -> Limit:
        """The statement: its line of code, run with `import symlimits as sl`, its activations as `act`, and `MODULES`.

        What is no limit, an identity, is one without an experiment.
        """
        import symlimits as sl

        names = {"sl": sl, "act": sl.activations}
        for name, module in MODULES.items():
            if re.search(rf"(?<![\w.]){name}\.", self.code):
                names[name] = import_module(module)
        made = eval(self.code, names)  # a line of this table, nobody else's
        assert isinstance(made, Derivation)
        return (
            made if isinstance(made, Limit) else Limit(made.trace, made.domain, made.arguments, made.name, made.source)
        )


def claims(paper: str = ALL) -> Mapping[str, Claim]:
    """The claims of a paper, or of all, by name; `DomainError` for another paper.

    >>> list(claims("bassetti2024"))[0]
    'output-finite'
    """
    if paper not in (ALL, *PAPERS):
        raise DomainError(f"the paper {brief(repr(paper))}", ", ".join((*PAPERS, ALL)), "symlimits reproduce lee2019")
    return {claim.name: claim for claim in TABLE if paper in (ALL, claim.paper)}


def find(name: str) -> Claim:
    """The claim of a name; `DomainError` with the names there are."""
    found = claims().get(name)
    if found is None:
        near = get_close_matches(name, claims(), n=1)
        advice = f"{near[0]}, or symlimits list" if near else "symlimits list"
        raise DomainError(f"the statement {brief(repr(name))}", "dual, nngp, ntk or the name of a claim", advice)
    return found


def _duals() -> Iterator[Claim]:
    for name, phi in DUALS.items():
        yield Claim(f"dual-{name}", f"dual activation of {PHI.get(name, name)}", PRICE, "lee2019", f"sl.dual({phi})")


def _kernels() -> Iterator[Claim]:
    for kernel, title, source in (("nngp", "Gaussian process kernel", LEE), ("ntk", "tangent kernel", JACOT)):
        for phi in NETWORKS:
            title_of = f"{title} of {phi} networks of any depth $L$"
            yield Claim(f"{kernel}-{phi}", title_of, source, "lee2019", f'sl.{kernel}(sl.mlp("L", act.{phi}))')
        sphere = f'sl.{kernel}(sl.mlp("L", act.relu, w_var=2, b_var=0)).on_sphere(1)'
        name, words = ("sphere-relu", "correlation map") if kernel == "nngp" else ("sphere-slope-relu", "slope map")
        yield Claim(name, f"{words} of a relu layer, {kernel.upper()}", SPHERE, "lee2019", sphere)


def _wide() -> Iterator[Claim]:
    """Of training, depth and finite width."""
    law = "sl.trained_law(NET, [[1.0, 0.5], [-0.5, 1.0]], [[1.0], [-1.0]], lr=0.3{})"
    net = 'sl.mlp(1, act.erf, 2, "1/10")'
    at = f"{net}, [[0.5, 1.0], [1.0, 0.5]], 4, [1.0, 1.0]"
    for name, words, momentum in (("mean", "mean", ""), ("variance", "variance", ', momentum="1/2"')):
        code = f"laws.{name}_limit({law.format(momentum).replace('NET', net)}, {at})"
        title = f"{words} of a sum of outputs of wide erf networks after 4 steps{' with momentum' * bool(momentum)}"
        yield Claim(f"law-{name}", title, LEE, "lee2019", code)
    decay = "sl.phase_diagram(act.erf).critical_line().decay"
    yield Claim("critical-decay", r"decay of $1 - \rho$ with depth on erf's critical line", DEPTH, "lee2019", decay)
    for name, words, call in (
        ("finite-kurtosis", "kurtosis of the output", "output_kurtosis"),
        ("finite-ntk", "variance of the tangent kernel over its squared mean", "ntk_variance"),
    ):
        code = f"sl.finite_width.{call}(act.relu, (24, 24))"
        yield Claim(name, f"{words}, relu networks of widths $24, 24$", HANIN, "lee2019", code)


def _exponents() -> Iterator[Claim]:
    fan = 'sl.scaling.one_hidden_layer(activation="erf")'
    for cell, model in MODELS.items():
        for quantity in QUANTITIES:
            name = f"exponent-{cell}-{quantity}".lower().replace("_", "-")
            code = f'sl.scaling.exponent_limit({fan}, "{cell}", "{quantity}")'
            group = f"power of the width in the {model} limit"
            yield Claim(name, f"{group}: {OBSERVED[quantity]}", GOLIKOV, "golikov2020", code, group)


def _trained() -> Iterator[Claim]:
    linear = "deep linear networks, $L = 2$"
    yield Claim(
        "trained-path", f"predictor of {linear}, after 2 steps", CHIZAT, "chizat2022", "sl.deep_linear(2).path_limit(2)"
    )
    for name, words, call in (
        ("trained-predictor", "an entry of the predictor", "predictor((0, 0))"),
        (
            "trained-increment",
            "sum of fourth powers of the singular values of an increment",
            "increment(layer=2, power=2)",
        ),
    ):
        yield Claim(name, f"{words} of {linear}, after 3 steps", CHIZAT, "chizat2022", f"{TRAINED}.{call}")


def _outputs() -> Iterator[Claim]:
    for name, words, source, law in (
        ("output-finite", "linear networks of widths $5, 3, 4$", MIXTURE, "widths=(5, 3, 4)"),
        ("output-relu", "relu networks of widths $3, 4$", MIXTURE, "widths=(3, 4), activation=act.relu"),
        ("output-limit", "linear networks of depth half the width", LIMIT, 'ratio="1/2"'),
    ):
        code = f"sl.output_law({law}).characteristic"
        yield Claim(name, f"characteristic function of the output of {words}", source, "bassetti2024", code)


def _corrected() -> Iterator[Claim]:
    group = "power of the width in the initialisation-corrected mean-field limit"
    for quantity in QUANTITIES:
        name = f"exponent-ic-mf-{quantity}".replace("_", "-")
        code = f'sl.scaling.corrected_limit(sl.scaling.initialisation_corrected("erf"), "{quantity}")'
        yield Claim(name, f"{group}: {OBSERVED[quantity]}", GOLIKOV, "golikov2020", code, group)


def _rows(paper: str) -> Iterator[Claim]:
    for name, title, source, code in ROWS[paper]:
        yield Claim(name, title, source, paper, code)


def _all() -> Iterable[Claim]:
    yield from _duals()
    yield from _exponents()
    yield from _corrected()
    yield from _rows("golikov2020")
    yield from _kernels()
    yield from _wide()
    yield from _rows("lee2019")
    yield from _outputs()
    yield from _rows("bassetti2024")
    yield from _trained()
    yield from _rows("chizat2022")


TABLE: tuple[Claim, ...] = tuple(_all())

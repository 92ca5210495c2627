"""The table of claims: every statement that `symlimits reproduce` derives, certifies and prints.

A new result adds an entry here and nothing elsewhere. The entries are functions with their arguments
rather than limits, so that the table costs nothing to read and a claim can be sent to another process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

from symlimits.errors import DomainError
from symlimits.language.architecture import mlp
from symlimits.language.names import brief
from symlimits.limits import Limit
from symlimits.paper.statements import FAMILIES, NAMED, named_activation, statement
from symlimits.theory.scaling import one_hidden_layer
from symlimits.theory.scaling.claims import exponent_limit

PRICE = "Price 1958; derived here"
LEE = "Lee et al. 2019, arXiv 1902.06720"
JACOT = "Jacot et al. 2018, arXiv 1806.07572"
SPHERE = "derived here"
DEPTH = "Schoenholz et al. 2017, arXiv 1611.01232; derived here"
GOLIKOV = "Golikov 2020, arXiv 2006.06574; derived here"
MIXTURE = "Bassetti et al., arXiv 2406.03260"
CHIZAT = "Chizat et al., arXiv 2211.16980; derived here"
HANIN = "Hanin and Nica 2020, arXiv 1909.05989; derived here"
LIMIT = "Bassetti, Ladelli and Rotondo 2024, arXiv 2411.15267"

DUALS = {
    "linear": "linear",
    "cubic": "polynomial(1/2,-1,1/3,1/4)",
    "step": "step",
    "sign": "sign",
    "relu": "relu",
    "leaky-relu": "leaky_relu(alpha)",
    "absolute": "absolute",
    "exp": "exp",
    "sin": "sin",
    "cos": "cos",
    "gaussian": "gaussian",
    "erf": "erf",
    "normal-cdf": "normal_cdf",
    "gelu": "gelu",
    "x-erf": "x*erf(x)",
    "relu-squared": "relu_power(2)",
    "rbf": "rbf",
    "hermite-3": "hermite(3)",
    "gabor": "gabor",
    "erf-and-line": "erf(x) + x/10",
    "tanh": "tanh",
}
NETWORKS = ("relu", "erf", "gelu")


@dataclass(frozen=True)
class Claim:
    """A statement to be reproduced: `name` is a file name, `title` says it in words, `build` derives it."""

    name: str
    title: str
    source: str
    build: Callable[[], Limit]


def sphere_map(kernel: str, phi: str) -> Limit:
    """The layer map of a kernel at equal input variances q = 1, an identity: weight variance 2 and no bias."""
    network = statement(kernel, phi, w_var=2, b_var=0)
    found = network.on_sphere(1)
    return Limit(found.trace, found.domain, found.arguments, found.name, found.source)


def critical_decay(phi: str) -> Limit:
    """The constant of the algebraic decay of 1 - rho along the critical line of a phase diagram, an identity."""
    from symlimits.theory.depth import phase_diagram  # with SciPy, which the table does without

    found = phase_diagram(named_activation(phi)).critical_line().decay
    return Limit(found.trace, found.domain, found.arguments, found.name, found.source)


def exponent(cell: str, quantity: str) -> Limit:
    """The power of the width that a quantity of one hidden layer grows like, in a cell of hyperparameters."""
    return exponent_limit(one_hidden_layer(activation="erf"), cell, quantity)


def output(phi: str = "linear", **law: object) -> Limit:
    """The characteristic function of an output law."""
    from symlimits.theory.mixtures import OutputLaw, output_law  # with numba, which the table does without

    found = output_law(**law, activation=named_activation(phi))  # type: ignore[arg-type]
    return cast(OutputLaw, found).characteristic


def trained(depth: int, steps: int, quantity: str | None = None, **asked: object) -> Limit:
    """What deep linear networks tend to after some steps: the polynomial path, or a limit at data of two inputs."""
    from symlimits.theory.deep_linear import deep_linear  # with numba, which the table does without

    if quantity is None:
        return deep_linear(depth).path_limit(steps)
    limits = deep_linear(depth).limits([["1", "1/5"], ["1/5", "1/2"]], [["1", "-1/2"]], lr="1/10", steps=steps)
    return cast(Limit, getattr(limits, quantity)(**asked))


def wide(quantity: str, momentum: str = "0") -> Limit:
    """The mean or the variance of a sum of outputs, at a test and a training input, of wide networks trained on two."""
    from symlimits.theory.training import claims as of_laws  # with numba, which the table does without
    from symlimits.theory.training import trained_law

    net = mlp(1, named_activation("erf"), 2, "1/10")
    X, Y, Z = [[1.0, 0.5], [-0.5, 1.0]], [[1.0], [-1.0]], [[0.5, 1.0], [1.0, 0.5]]
    law = trained_law(net, X, Y, lr=0.3, momentum=momentum)
    build = of_laws.mean_limit if quantity == "mean" else of_laws.variance_limit
    return build(law, net, Z, 4, [1.0, 1.0])


def finite(quantity: str, phi: str, *widths: int) -> Limit:
    """The kurtosis of the output, or the variance of the tangent kernel, of networks of fixed widths."""
    from symlimits.theory import finite_width

    return cast(Limit, getattr(finite_width, quantity)(named_activation(phi), widths))


def claims() -> Mapping[str, Claim]:
    """The claims by name, the longest to certify at the end."""
    return {claim.name: claim for claim in TABLE}


def find(name: str) -> Claim:
    """The claim of a name; `DomainError` with the names there are."""
    found = claims().get(name)
    if found is None:
        raise DomainError(
            f"the statement {brief(repr(name))}", "dual, nngp, ntk or the name of a claim", "symlimits list"
        )
    return found


def _words(phi: str) -> str:
    return phi if phi in NAMED or phi.partition("(")[0] in FAMILIES else f"x -> {named_activation(phi).expr}"


TABLE: tuple[Claim, ...] = (
    *(
        Claim(f"dual-{name}", f"dual activation of {_words(phi)}", PRICE, partial(statement, "dual", phi))
        for name, phi in DUALS.items()
    ),
    Claim("sphere-relu", "correlation map of a relu layer, NNGP", SPHERE, partial(sphere_map, "nngp", "relu")),
    Claim(
        "exponent-ntk", "growth of the logit's part from both layers, NTK", GOLIKOV, partial(exponent, "NTK", "f_aw")
    ),
    Claim(
        "critical-decay", "decay of 1 - rho with depth on erf's critical line", DEPTH, partial(critical_decay, "erf")
    ),
    Claim("sphere-slope-relu", "slope map of a relu layer, NTK", SPHERE, partial(sphere_map, "ntk", "relu")),
    Claim("trained-path", "predictor of deep linear networks after 2 steps, L = 2", CHIZAT, partial(trained, 2, 2)),
    Claim(
        "trained-increment",
        "singular values of an increment, deep linear networks, L = 2",
        CHIZAT,
        partial(trained, 2, 3, "increment", power=2),
    ),
    Claim("law-mean", "mean outputs of wide erf networks after 4 steps", LEE, partial(wide, "mean")),
    Claim(
        "law-variance",
        "variance of outputs of wide erf networks after 4 steps with momentum",
        LEE,
        partial(wide, "variance", momentum="1/2"),
    ),
    *(
        Claim(f"{kernel}-{phi}", f"{title} of {phi} networks of any depth L", source, partial(statement, kernel, phi))
        for kernel, title, source in (("nngp", "Gaussian process kernel", LEE), ("ntk", "tangent kernel", JACOT))
        for phi in NETWORKS
    ),
    Claim(
        "finite-kurtosis",
        "kurtosis of the output of relu networks of widths 24, 24",
        HANIN,
        partial(finite, "output_kurtosis", "relu", 24, 24),
    ),
    Claim(
        "finite-ntk",
        "variance of the tangent kernel of relu networks of widths 24, 24",
        HANIN,
        partial(finite, "ntk_variance", "relu", 24, 24),
    ),
    Claim(
        "output-finite", "output law of a linear network of widths 5, 3, 4", MIXTURE, partial(output, widths=(5, 3, 4))
    ),
    Claim("output-limit", "output law of linear networks of depth half the width", LIMIT, partial(output, ratio="1/2")),
    Claim(
        "output-relu", "output law of a relu network of widths 3, 4", MIXTURE, partial(output, "relu", widths=(3, 4))
    ),
)

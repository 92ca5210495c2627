"""Statements named in words: an activation, and a limit of the theory, from the texts of a command line."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from symlimits import activations
from symlimits.activations import FORMULAS
from symlimits.errors import DomainError, FormulaError
from symlimits.language.activation import Activation, activation
from symlimits.language.architecture import mlp
from symlimits.language.names import brief
from symlimits.limits import Limit
from symlimits.theory.kernels import dual, nngp, ntk

KERNELS = {"nngp": nngp, "ntk": ntk}
TOPICS = ("dual", *KERNELS)
NAMED = (*FORMULAS, "elu")


def _integer(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):
        raise DomainError(f"degree {brief(repr(text))}", "a small integer in digits", "hermite(3)")
    return int(digits)


FAMILIES: dict[str, Callable[[str], Activation]] = {
    "leaky_relu": activations.leaky_relu,
    "relu_power": lambda k: activations.relu_power(_integer(k)),
    "monomial": lambda k: activations.monomial(_integer(k)),
    "hermite": lambda k: activations.hermite(_integer(k)),
    "polynomial": lambda coefficients: activations.polynomial(coefficients.split(",")),
}


def named_activation(text: str) -> Activation:
    """An activation by its name (`gelu`, `leaky_relu(1/10)`) or by a formula in x, which is never evaluated as code.

    >>> named_activation("leaky_relu(1/10)").degree, named_activation("x*tanh(x)")
    (1, activation('x*tanh(x)'))
    """
    if text in NAMED:
        found: Activation = getattr(activations, text)
        return found
    family, bracket, argument = text.partition("(")
    if family in FAMILIES and bracket and argument.endswith(")"):
        return FAMILIES[family](argument[:-1])
    if text.isidentifier() and text != "x":  # the parser would take it for a symbol, and that for the identity
        near = get_close_matches(text, (*NAMED, *FAMILIES), n=3, cutoff=0)
        raise FormulaError(
            f"the activation {brief(text)}",
            "a known name, or a formula in x",
            ", ".join(f"{name}(2)" if name in FAMILIES else name for name in near),
        )
    return activation(text)


def statement(topic: str, phi: str | None, **network: object) -> Limit:
    """The limit of a topic: `dual` of an activation, or a kernel of an `mlp`, whose arguments `network` holds."""
    if phi is None:
        raise DomainError(f"{topic} without an activation", "--activation", "--activation relu")
    if topic in KERNELS:
        return KERNELS[topic](mlp(**{"depth": "L", **network}, activation=named_activation(phi)))  # type: ignore[arg-type]
    if network:
        raise DomainError(f"dual with {next(iter(network))}", "an activation alone", "nngp or ntk for a network")
    return dual(named_activation(phi))


def statement_name(topic: str, phi: str) -> str:
    """A file name for a statement: the topic, and the activation where a name was given.

    >>> statement_name("ntk", "relu"), statement_name("ntk", "x*tanh(x)")
    ('ntk-relu', 'ntk')
    """
    return f"{topic}-{phi.replace('_', '-')}" if phi in NAMED else topic


def pairs(text: str) -> list[tuple[str, str]]:
    """Names and values from a text.

    >>> pairs("sigma_w=2, L=3")
    [('sigma_w', '2'), ('L', '3')]
    """
    found = [part.partition("=") for part in text.split(",")]
    if not text.isprintable() or len({name.strip() for name, _, _ in found}) < len(found):
        raise FormulaError(f"{brief(repr(text))}", "every name once, and printable characters", "p=k,q=m")
    for name, equals, value in found:
        if not (name.strip().isidentifier() and equals and value.strip()):
            raise FormulaError(f"{brief(repr(text))}", "name=value, separated by commas", "p=k,q=m")
    return [(name.strip(), value.strip()) for name, _, value in found]

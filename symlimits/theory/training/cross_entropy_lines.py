r"""Training on the cross-entropy in the kernel regime, as lines.

The loss is the mean over the n points of $-\sum_kY_k\log\mathrm{softmax}(f)_k$, whose gradient on the linear model is
$$\nabla = \frac1nJ_x^\top(\mathrm{softmax}(f_x + J_x\delta) - Y) + \omega\delta.$$
Parameters stay in the span of the gradients, so that outputs obey an equation of the kernel; what the softmax does to
it has no closed form. Sums over the classes do not move: the softmax and rows of Y sum to one. Derived here; the
setting is that of Lee et al. 2019, arXiv 1902.06720.
"""

from __future__ import annotations

from functools import lru_cache

from symlimits.derivation.probabilities import at_rest, sums_of_rows
from symlimits.derivation.trace import Rule
from symlimits.errors import DomainError
from symlimits.language.block import Block, Transposed
from symlimits.language.names import shown
from symlimits.language.softmax import RowSoftmax
from symlimits.matrices import MatrixDerivation, derived
from symlimits.matrix_letters import Y, at, k, n, ones
from symlimits.theory.training.statements import (
    SOURCE,
    TIMES,
    alpha,
    beta,
    delta,
    in_kernels,
    in_rated_kernels,
    outputs,
    parameters,
)

QUANTITIES = ("outputs", "sums")
gradient = Transposed(at("J", "x")) * (RowSoftmax(at("f", "x") + at("J", "x") * delta) - Y) / n
sums = {alpha: Block("a", (), (n, 1)), beta: Block("b", (), (n, 1))}
one_in_all = sums_of_rows(ones[k], Y, ones[n], sums)


@lru_cache(maxsize=32)
def cross_entropy_statement(
    quantity: str = "outputs",
    time_kind: str = "flow",
    momentum: bool = False,
    weight_decay: bool = False,
    rated: bool = False,
) -> MatrixDerivation:
    r"""The "outputs" at test inputs z for given outputs at the start, or their "sums" over the classes.

    `time_kind` is "flow", "steps", or "end", the rest point of the steps, which is there with weight decay only.
    Raises `DomainError` for other words, and for the end without decay.

    >>> cross_entropy_statement("outputs", "flow").expr
    Theta_zx*alpha(t) from alpha' = eta*Y/n - eta*softmax(Theta_xx*alpha + f_x)/n, alpha(0) = 0 + f_z
    >>> cross_entropy_statement("sums", "steps", weight_decay=True).expr
    f_z*e_k
    >>> cross_entropy_statement("outputs", "steps").check().ok
    True
    """
    if quantity not in QUANTITIES or time_kind not in TIMES:
        wanted = f"one of {', '.join(QUANTITIES)}, and one of {', '.join(TIMES)}"
        raise DomainError(
            f"{shown(quantity)}, {shown(time_kind)}", wanted, "cross_entropy_statement('outputs', 'flow')"
        )
    if time_kind == "end" and not weight_decay:
        raise DomainError("the end of the cross-entropy without weight decay", "weight_decay=True", "a finite time")
    line = outputs("z", parameters(time_kind, momentum, weight_decay, rated, gradient))
    rules: list[Rule] = [in_rated_kernels if rated else in_kernels]
    name = "f(z)"
    if quantity == "sums":
        line, name = line * ones[k], "f(z) e_k"
        rules += [one_in_all, at_rest]
    return derived(line, "gradient descent on the linear model", rules, name, SOURCE)

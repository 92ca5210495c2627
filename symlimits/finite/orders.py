r"""The order of a bias, from means at several sizes.

It asks whether they need a term that the claim has not: a contrast of them, a sum with weights
that no claimed term moves, is zero if they do not. The corrections of a claimed order k are powers of $N^{-s}$ with
s = min(k, 1): of 1/N, or, where k < 1, of the $N^{-k}$ that the limit is extrapolated with. It is one sum of
independent means, so that Student's law with the degrees of freedom of its standard error is its own, as it is of a
limit; chi-square would take errors for known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt

from symlimits.errors import DomainError
from symlimits.finite.fits import at_least_rounding, check_means, least_squares
from symlimits.finite.statistics import Test, degrees_of_freedom, mean_test, negative_control

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class OrderTest:
    """`test` is about the claimed order, `control` its negative control; `alternatives` are other orders, p values.

    `verdict`: "refuted" when the claimed order does not fit; "confirmed" when it fits and no alternative does;
    "undecided" when both fit: the draws are too few to tell them apart. `shares` are those of the means in the
    standard error, with signs, for `tails.trusted_sum`.
    """

    order: float
    test: Test
    control: Test
    alternatives: tuple[tuple[float, float], ...]
    verdict: str
    shares: tuple[float, ...]


def order_test(
    sizes: Sequence[int],
    means: npt.ArrayLike,
    standard_errors: npt.ArrayLike,
    value: float,
    order: float,
    alpha: float,
    alternatives: Sequence[float] = (),
    corrections: int = 1,
    counts: Sequence[int] = (),
) -> OrderTest:
    r"""Whether means at sizes N differ from the limit `value` by $N^{-order}(c_0 + c_1N^{-s} + \dots)$, c free.

    Here s = min(order, 1). The test asks for an additional bias $b N^{-a}$, a the first alternative (by default half
    the order and twice the order), beyond `corrections` terms after the first: $b = 0$ if the claim is true.
    `detectable` is the least b that is found with probability 0.95. An alternative order fits if nothing of the
    claimed one is needed beside it.
    With `counts`, the numbers of draws, they alone decide the weights, and the test is Student's; without them the
    errors are taken for known.

    >>> sizes = [16, 32, 64, 128]
    >>> means = [1 + 3 / n for n in sizes]
    >>> order_test(sizes, means, [1e-3] * 4, value=1, order=1, alpha=1e-6).verdict
    'confirmed'
    >>> order_test(sizes, means, [1e-3] * 4, value=1, order=2, alpha=1e-6).verdict
    'refuted'
    >>> order_test(sizes, means, [0.1] * 4, value=1, order=1, alpha=1e-6).verdict
    'undecided'
    """
    y, errors = np.asarray(means, dtype=np.float64), np.asarray(standard_errors, dtype=np.float64)
    check_means(sizes, y, errors)
    others, step = tuple(map(float, alternatives)) or (order / 2, 2 * order), min(order, 1.0)
    if not (min(order, *others) > 0 and 0 < alpha < 1 and 0 <= corrections < len(set(sizes)) - 1):
        raise DomainError(
            f"orders {(order, *others)}, alpha {alpha}, {corrections} corrections at {len(set(sizes))} sizes",
            "positive orders, alpha between 0 and 1, two sizes more than corrections",
            "sizes=(16, 32, 64, 128), corrections=1",
        )
    scales = np.asarray(counts, dtype=np.float64) ** -0.5 if len(counts) else at_least_rounding(y, errors)
    means_of = Means(y - value, at_least_rounding(y, errors), scales, tuple(counts))

    def needed(claimed: float, beside: float) -> tuple[Test, Test, Array]:
        """Whether the order `beside` is needed where `claimed` is claimed."""
        weights = order_contrast(sizes, scales, claimed, beside, corrections, step)
        return _is_zero(means_of, weights * float(min(sizes)) ** beside, alpha)

    test, control, shares = needed(order, others[0])
    # an order with the claimed one among its corrections needs nothing beside
    within = [any(order == other + k * step for k in range(corrections + 1)) for other in others]
    p_values = [1.0 if i else needed(o, order)[0].p_value for o, i in zip(others, within, strict=True)]
    verdict = "refuted" if test.rejected else "confirmed" if all(p < alpha for p in p_values) else "undecided"
    return OrderTest(order, test, control, tuple(zip(others, p_values, strict=True)), verdict, tuple(shares.tolist()))


def order_contrast(
    sizes: Sequence[int],
    scales: npt.ArrayLike,
    order: float,
    beside: float,
    corrections: int = 1,
    step: float = 1.0,
) -> Array:
    r"""Weights of means for the b of a bias $b (N/N_{min})^{-beside}$ beside $N^{-order}(c_0 + c_1N^{-step} + \dots)$.

    The best ones for errors in proportion to `scales`; b is the additional bias at the smallest size.

    >>> weights = order_contrast([1, 4, 16], [1, 1, 1], order=1, beside=0.5, corrections=0)
    >>> bool(abs(weights @ [1, 1 / 4, 1 / 16]) < 1e-15), round(float(weights @ [1, 1 / 2, 1 / 4]), 12)
    (True, 1.0)
    """
    n = np.asarray(sizes, dtype=np.float64) / min(sizes)
    claimed = n[:, None] ** -(order + step * np.arange(corrections + 1))
    return contrast(claimed, n**-beside, np.asarray(scales, dtype=np.float64))


def contrast(claimed: Array, term: Array, scales: Array) -> Array:
    """Weights for the coefficient of one more `term` beside the `claimed` ones, columns, by least squares."""
    return least_squares(np.column_stack([term, claimed]), term, scales).weights[0]


@dataclass(frozen=True)
class Means:
    """What a contrast is taken of: values and their errors, what weights went by, and numbers of draws if known."""

    values: Array
    errors: Array
    scales: Array
    counts: tuple[int, ...]


def _is_zero(means: Means, weights: Array, alpha: float) -> tuple[Test, Test, Array]:
    """The test that a sum of means is zero, its control, and the shares of the means in its error."""
    error, dof, shares = error_of_sum(means, weights)
    estimate = float(weights @ means.values)
    return mean_test(estimate, error, 0.0, alpha, dof), negative_control(estimate, error, 0.0, alpha, dof), shares


def error_of_sum(means: Means, weights: Array) -> tuple[float, float, Array]:
    """The standard error of a sum of means, its degrees of freedom, and the shares of the means in it."""
    parts = weights * means.errors
    error = float(np.linalg.norm(parts))
    dof = degrees_of_freedom(means.counts, (parts / error).tolist()) if means.counts else inf
    return error, dof, parts / error

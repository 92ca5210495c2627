"""Whether means approach the limit at the claimed order: a part of the first link, and of its false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from symlimits.finite.orders import OrderTest, order_test
from symlimits.finite.tails import Shape, trusted_sum

FITTED = 3  # sizes that the order of a bias is fitted to


class Means(NamedTuple):
    """Sizes with the means there, their errors, and the numbers of draws."""

    sizes: Sequence[int]
    means: Sequence[float]
    errors: Sequence[float]
    counts: Sequence[int]


def bias_test(value: float, means: Means, shapes: Sequence[Shape], order: float, alpha: float) -> OrderTest | None:
    """The test of the order, or None where none is claimed, sizes are too few, or tails too heavy to tell.

    Whether there is a test is decided by the spread of the draws alone, before the claim is looked at.
    """
    if not order or len(set(means.sizes)) < FITTED:
        return None
    found = order_test(means.sizes, means.means, means.errors, value, order, alpha, counts=means.counts)
    return found if trusted_sum(shapes, found.shares, alpha).light else None


def bias_details(found: OrderTest | None, order: float) -> dict[str, Any] | None:
    """For the certificate: the verdict, p values, whether a bias of the order is seen, and what would be found."""
    if found is None:
        return None
    (lower, slower), (_, faster) = found.alternatives
    return {
        "order": order,
        "verdict": found.verdict,
        "p value": found.test.p_value,
        "seen": faster < found.test.alpha,
        "alternative": lower,
        "alternative p value": slower,
        "detectable": found.test.detectable,  # of the coefficient of a bias of the alternative order
        "control rejected": found.control.rejected,
    }


def bias_words(details: dict[str, Any] | None, alpha: float) -> str:
    """The same in a few words, which follow a colon or a semicolon."""
    if details is None:
        return ""
    if details["verdict"] == "refuted":
        fits = details["alternative p value"] > alpha
        other = f", one of order {details['alternative']:g} does" if fits else ""
        return f"; a bias of order {details['order']:g} DOES NOT FIT{other}"
    return f"; a bias of order {details['order']:g} is {'seen' if details['seen'] else 'not seen'}"

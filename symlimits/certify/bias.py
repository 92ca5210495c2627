"""Whether means approach the limit at the claimed order: a part of the first link, and of its false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def bias_test(value: float, means: Means, shapes: Sequence[Shape], order: float, alpha: float) -> OrderTest | str:
    """The test of the order, or why there is none: sizes are too few, or tails too heavy to tell ("": none is claimed).

    Whether there is a test is decided by the spread of the draws alone, before the claim is looked at.
    """
    if not order:
        return ""
    count = len(set(means.sizes))
    if count < FITTED:
        return f"{count} sizes, {FITTED} are needed"
    found = order_test(means.sizes, means.means, means.errors, value, order, alpha, counts=means.counts)
    tails = trusted_sum(shapes, found.shares, alpha)
    return found if tails.light else tails.reason


def bias_details(found: OrderTest | str, order: float, slower_fits: bool) -> dict[str, Any] | None:
    """For the certificate: p value of the order, whether a bias of it is seen, and what would be found.

    `slower_fits`: the draws agree with the limit if the bias is of half the order.
    """
    if isinstance(found, str):
        return {"order": order, "not tested": found} if found else None
    return {
        "order": order,
        "verdict": found.verdict,
        "p value": found.test.p_value,
        "seen": found.alternatives[1][1] < found.test.alpha,  # twice the order leaves a bias of the order over
        "half the order fits": slower_fits,
        "detectable": found.test.detectable,  # of the coefficient of a bias of half the order
        "control rejected": found.control.rejected,
    }


def bias_words(details: Mapping[str, Any] | None, rejected: bool) -> str:
    """The same in a few words, to stand at the end of a summary; `rejected` is the limit, the order, or both."""
    if details is None:
        return ""
    if "not tested" in details:
        return f"; order not tested: {details['not tested']}"
    order = details["order"]
    if rejected:
        fits = details["half the order fits"]
        return f"; REFUTED with a bias of order {order:g}" + (f", fits with order {order / 2:g}" if fits else "")
    return f"; a bias of order {order:g} is {'seen' if details['seen'] else 'not seen'}"

"""Whether draws are enough to decide a claim about their mean, and what came of it in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, Protocol

from symlimits.certify.bias import bias_words
from symlimits.certify.certificate import UNDECIDED
from symlimits.finite.statistics import mean_test

LIMITS = {"mean": "limit", "log": "limit of E log|X|"}  # what a mean tends to, by the kind of the claim


class Counted(Protocol):
    """Draws at one size, as far as their number and spread."""

    @property
    def count(self) -> int: ...

    @property
    def standard_error(self) -> float: ...


def too_few(value: float, value_error: float, detectable: float, samples: Sequence[Counted], alpha: float) -> bool:
    """Whether draws see neither an error of the value's size, nor a shift by their own spread.

    That shift is the one at a single size: extrapolated to infinite width every error grows, however many draws there
    are, and a claim of zero has no size of its own to be compared with.
    """
    fewest = min(s.count for s in samples)
    spread = max(s.standard_error * sqrt(s.count) for s in samples)
    if detectable <= max(abs(value), spread):
        return False
    shift = mean_test(0.0, 1 / sqrt(fewest), 0.0, alpha, max(fewest - 1, 1)).detectable  # of draws of spread one
    return shift > 1 or value_error > (1 - shift) * spread


def in_words(details: Mapping[str, Any], statistic: float) -> str:
    """The finding of a link about means, from its details; `statistic` is that of the test of the limit."""
    what = LIMITS.get(details["kind"], "limit")  # a file may claim any kind: it is reported
    error = f" +- {details['value error']:.1g}" if "value error" in details else ""
    words = f"{what} {details['value']:.6g}{error}, nets give {details['estimate']:.6g} "
    words += f"+- {details['standard error']:.2g} (z = {statistic:.2f}); "
    words += "would detect" if details["value"] else "would not see less than"  # of zero there is no part to be off by
    words += f" {details['detectable']:.2g}; control {'rejected' if details['control rejected'] else 'NOT REJECTED'}"
    words += "; UNDECIDED: too few draws" if details.get("verdict") == UNDECIDED else ""
    return words + bias_words(details["bias"], details["p value"] <= details["alpha"])

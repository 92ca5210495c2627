"""The picture of a run until decided: the evidence against rounds, and what is known of the claimed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

import numpy as np

MEANS = {"mean": "mean", "log": "mean of log|X|"}  # on an axis, by the kind of the claim


def draw_decision(left: Any, right: Any, details: Mapping[str, Any]) -> None:
    """Left: the logarithm of the e-value after each look, and the line above which the claim is rejected.

    Right: the estimate of a mean with its confidence sequence against rounds, or those of a law's functionals at the
    end, each less its claimed value; values off by less than the resolution lie in the grey band.
    """
    _evidence(left, details)
    band = details["resolution"]
    right.axhspan(-band, band, color="0.92", label="resolution")
    right.axhline(0.0, color="0.4", linewidth=0.8)
    if "tests" in details:
        _functionals(right, details["tests"])
    else:
        _sequence(right, details["looks"], details["value"], MEANS[details["claim kind"]])
    right.legend(fontsize="small", frameon=False)


def _evidence(axes: Any, details: Mapping[str, Any]) -> None:
    rounds, evidence = np.array([look[:2] for look in details["looks"]]).T
    axes.plot(rounds, evidence, color="C0", marker="o", markersize=2.5)
    axes.axhline(-log(details["alpha"]), color="C3", linestyle="--", label="rejected above")
    axes.set(xlabel="rounds", ylabel="log e-value", title=f"evidence: {details['verdict']}")
    axes.legend(fontsize="small", frameon=False)


def _sequence(axes: Any, looks: Sequence[Sequence[float]], value: float, what: str) -> None:
    rounds, _, means, low, high = np.array(looks).T
    axes.fill_between(rounds, low - value, high - value, color="C0", alpha=0.25, label="95 % at any time")
    axes.plot(rounds, means - value, color="C0", label="networks")
    axes.set(xlabel="rounds", ylabel=f"{what} less limit", title="confidence sequence")


def _functionals(axes: Any, tests: Sequence[Mapping[str, Any]]) -> None:
    """Side by side at their points: one colour for each functional and size."""
    names = list(dict.fromkeys((test["functional"], test["size"]) for test in tests))
    for k, (functional, size) in enumerate(names):
        rows = sorted(
            (t["point"], t["estimate"] - t["value"], *t["interval 95 %"], t["value"])
            for t in tests
            if (t["functional"], t["size"]) == (functional, size)
        )
        points, gaps, low, high, values = np.array(rows).T
        errors = np.maximum(
            [values + gaps - low, high - values - gaps], 0.0
        )  # the mean may lie outside of what bets leave
        axes.errorbar(
            points, gaps, yerr=errors, fmt="o", color=f"C{k}", markersize=3, capsize=2, label=f"{functional}, {size}"
        )
    axes.set(xlabel="point", ylabel="mean less claimed value", title="intervals, 95 % together, at any time")

"""Pictures of certificates of laws and exponents: what was seen, what is claimed, and the band between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

BARS = {"fmt": "o", "color": "C3", "capsize": 3, "markersize": 4}


def draw_law(left: Any, right: Any, details: Mapping[str, Any]) -> None:
    """Left: the claimed function at its points, and the draws'. Right: the differences, with what would be found."""
    test = next((t for t in details["tests"] if t["size"] == "limit"), details["tests"][0])
    even = len(details["points"]) // (2 if details["kind"] == "cf" else 1)  # sines stand behind cosines
    at = np.array(details["points"][:even])
    rows = np.argsort(at)
    name = "t" if details["kind"] == "cf" else "s"
    values = np.array(details["values"][:even])
    where = "in the limit" if test["size"] == "limit" else f"at size {test['size']}"
    _differences(right, at, test, details, even)
    gaps, ends = np.array(test["differences"][:even]), np.array(test["intervals 95 %"][:even])
    reach = np.array(test["detectable at points"][:even])[rows]
    left.fill_between(at[rows], values[rows] - reach, values[rows] + reach, color="0.92", label="less than is detected")
    left.plot(at[rows], values[rows], color="C0", marker="s", markersize=3, label="claimed")
    left.errorbar(at, values + gaps, yerr=_bars(gaps, ends), label=f"networks {where}, 95 %", **BARS)
    left.set(xlabel=name, ylabel="E cos(tX)" if name == "t" else "P(X <= s)", title="law")
    left.legend(fontsize="small", frameon=False)


def _differences(axes: Any, at: Any, test: Mapping[str, Any], details: Mapping[str, Any], even: int) -> None:
    gaps, ends = np.array(test["differences"]), np.array(test["intervals 95 %"])
    reach, rows = np.array(test["detectable at points"][:even]), np.argsort(at)
    axes.fill_between(at[rows], -reach[rows], reach[rows], color="0.92", label="less than is detected")
    axes.axhline(0.0, color="0.4", linewidth=0.8)
    axes.errorbar(at, gaps[:even], yerr=_bars(gaps[:even], ends[:even]), label="real part" * (even < gaps.size), **BARS)
    if even < gaps.size:
        odd = BARS | {"color": "C0", "fmt": "^"}
        axes.errorbar(at, gaps[even:], yerr=_bars(gaps[even:], ends[even:]), label="imaginary part", **odd)
    p_value, alpha = details["p value"], details["alpha"]
    axes.set(xlabel="t" if even < gaps.size else "s", ylabel="networks less claim")
    axes.set_title(f"p value {p_value:.2g}, alpha {alpha:.0e}")
    axes.legend(fontsize="small", frameon=False)


def _bars(gaps: Any, ends: Any) -> Any:
    return np.maximum(np.stack([gaps - ends[:, 0], ends[:, 1] - gaps]), 0.0)


def draw_exponent(left: Any, right: Any, details: Mapping[str, Any]) -> None:
    """Left: means against sizes, log-log, with the fit and the claimed slope. Right: the exponent's interval."""
    rows = sorted((int(size), *numbers[:2]) for size, numbers in details["sizes"].items())
    sizes, means, errors = (np.array(column) for column in zip(*rows, strict=True))
    reach = np.geomspace(sizes.min() / 1.2, sizes.max() * 1.2, 100)
    scaled = reach / sizes.min()
    intercept, slope, correction = details["line"]
    fitted = np.exp(intercept + slope * np.log(scaled) + correction * scaled ** -float(details["order"] or 1))
    left.plot(reach, fitted, color="C0", label=f"fitted, slope {slope:.4g}")
    claimed = np.exp(np.log(np.abs(means[-1])) + details["value"] * np.log(reach / sizes.max()))
    left.plot(reach, claimed, "--", color="0.4", label=f"claimed slope {details['value']:.4g}")
    left.errorbar(sizes, np.abs(means), yerr=2 * errors, label="networks, 2 s.e.", **BARS)
    left.set(xscale="log", yscale="log", xlabel="size", ylabel="mean of |X|", title="power of the size")
    left.set_xticks(sizes, labels=sizes)
    left.minorticks_off()
    left.legend(fontsize="small", frameon=False)
    low, high = details["interval 95 %"]
    right.axhspan(
        details["value"] - details["detectable"],
        details["value"] + details["detectable"],
        color="0.92",
        label="less than is detected",
    )
    right.axhline(details["value"], linestyle="--", color="0.4", label="claimed")
    middle = details["estimate"]
    right.errorbar([0], [middle], yerr=[[middle - low], [high - middle]], label="networks, 95 %", **BARS)
    right.set(xticks=[], ylabel="exponent", title=f"p value {details['p value']:.2g}, alpha {details['alpha']:.0e}")
    right.legend(fontsize="small", frameon=False)

"""The picture of a certificate: the bias against the size with its bands, and the quantiles of what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

from symlimits import canvas
from symlimits.certify.certificate import Certificate
from symlimits.certify.law_picture import draw_exponent, draw_law
from symlimits.certify.picture_decided import MEANS, draw_decision
from symlimits.errors import DataError

INCHES = (9.0, 3.6)
POINTS = 200  # of a curve


def picture(certificate: Certificate, path: str | Path | None = None) -> Any:
    """A matplotlib figure of the first link; written to `path` (.pdf, .png, .svg), if it is given.

    Left: the mean at each size less the limit, in standard errors of one mean, the fitted bias, and the band inside
    which the extrapolated limit agrees (`alpha`) or would be found wrong (`detectable`). Right: the means of the
    chunks, standardised, against normal quantiles. Of a law: the claimed function and the draws', and their
    differences; of an exponent: means against sizes in logarithms, with the fit and the claimed slope;
    of a run until decided see `draw_decision`.

    Raises `DataError` for a certificate without samples and `NoRule` without matplotlib (the extra `plot`).
    """
    link = next((link for link in certificate.links if link.name == "simulation"), None)
    draw = DRAWN.get("" if link is None else link.details.get("kind", ""))
    if link is None or draw is None:
        raise DataError(
            "a certificate without means at several sizes", "one of a mean, law or exponent", "limit.certify(...)"
        )
    figure = canvas.figure(*INCHES)
    left, right = figure.subplots(1, 2)
    draw(left, right, link.details)
    if path is not None:
        canvas.save(figure, path)
    return figure


def _mean(left: Any, right: Any, details: Mapping[str, Any]) -> None:
    _bias(left, details)
    _quantiles(right, details.get("residuals", []))


DRAWN = {
    "mean": _mean,
    "log": _mean,
    "cdf": draw_law,
    "cf": draw_law,
    "exponent": draw_exponent,
    "decided": draw_decision,
}


def _bias(axes: Any, details: Mapping[str, Any]) -> None:
    rows = sorted((int(size), *numbers[:2]) for size, numbers in details["sizes"].items())
    sizes, means, errors = (np.array(column) for column in zip(*rows, strict=True))
    value = details["value"]
    reach = np.geomspace(sizes.min() / 1.2, sizes.max() * 1.5, POINTS)
    powers = np.power.outer(reach ** -float(details["order"]), np.arange(len(details["coefficients"])))
    detectable = details["detectable"]
    axes.axhspan(-detectable, detectable, color="0.92", label="less than is detected")
    axes.axhline(0.0, color="0.4", linewidth=0.8)
    axes.plot(reach, powers @ np.array(details["coefficients"]) - value, color="C0", label="fitted bias")
    axes.errorbar(sizes, means - value, yerr=2 * errors, fmt="o", color="C3", capsize=3, label="networks, 2 s.e.")
    limit, error = details["estimate"] - value, details["standard error"]
    axes.errorbar([reach[-1]], [limit], yerr=[2 * error], fmt="s", color="C0", capsize=3, label="extrapolated")
    axes.set(xscale="log", xlabel="size", ylabel=f"{MEANS[details['kind']]} less limit", title="bias against size")
    axes.set_xticks(sizes, labels=sizes)
    axes.minorticks_off()
    axes.legend(fontsize="small", frameon=False)


def _quantiles(axes: Any, residuals: Sequence[float]) -> None:
    axes.set(xlabel="normal quantiles", ylabel="standardised means of chunks", title="what is left")
    if len(residuals) < 2:
        axes.text(0.5, 0.5, "one chunk a size:\nnothing to compare", ha="center", transform=axes.transAxes)
        return
    sample = np.sort(residuals)
    normal = ndtri((np.arange(1, sample.size + 1) - 0.5) / sample.size)
    ends = np.array([min(normal[0], sample[0]), max(normal[-1], sample[-1])])
    axes.plot(ends, ends, color="0.4", linewidth=0.8)
    axes.plot(normal, sample, "o", markersize=3, color="C3")

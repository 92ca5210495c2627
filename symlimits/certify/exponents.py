r"""The test of an exponent: the slope of the logarithm of the mean size of the draws.

A logarithm of a mean m with the relative error r is $\log m + rZ - r^2Z^2/2$, so that its ratio to the error that the
draws give is that of the mean times $1 + rZ/2$: its tails lean by $x^3(r/2 - g/3)$ where those of the mean lean by
$-x^3g/3$. Student's law with Welch's degrees of freedom is trusted as it is for a mean of the skewness $g - 3r/2$.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from symlimits.certify.certificate import STATISTICAL, Link
from symlimits.certify.samples import Samples, stored
from symlimits.errors import DomainError
from symlimits.finite.exponents import BOUND, ExponentFit, exponent_fit
from symlimits.finite.statistics import CONTROL, POWER, Test
from symlimits.finite.tails import refuse_heavy, trusted_sum


def judge_exponent(claimed: float, samples: Sequence[Samples], order: float, alpha: float) -> Link:
    r"""Whether means grow like $AN^s(1 + bN^{-order})$; without b where the order is 0.

    Second-order terms, up to half the square of the first, are allowed for. One size more than there are terms tells
    whether that law fits at all, and each test has half of `alpha`.
    """
    sizes, means, errors, counts = zip(*((s.size, s.mean, s.standard_error, s.count) for s in samples), strict=True)
    if order and len(samples) < 3:
        raise DomainError(f"{len(samples)} sizes, a correction of order {order:g}", "3 sizes or more", "order=0")
    fit = exponent_fit(sizes, means, errors, correction=order or None, counts=counts)
    shapes = [_of_logarithm(sample) for sample in samples]
    refuse_heavy(trusted_sum(shapes, fit.slope.shares, alpha))
    told = fit.further is not None and trusted_sum(shapes, fit.further.shares, alpha).light
    share = alpha / 2 if told else alpha
    test, control = fit.test(claimed, share), fit.control(claimed, share)
    lack = fit.lack(share) if told else None
    low, high = fit.interval(1 - POWER)
    details = _details(claimed, fit, test, control, lack) | {
        "order": order,
        "alpha": alpha,
        "neglected": fit.neglected(BOUND * share),  # of second order, at the smallest size: allowed for
        "interval 95 %": [low, high],
        "sizes": stored(samples),
    }
    passed = details["p value"] > alpha and control.rejected
    summary = f"exponent {claimed:.4g}, nets give {fit.exponent:.4g} in [{low:.4g}, {high:.4g}]; "
    summary += f"would detect {test.detectable:.2g}; control {'rejected' if control.rejected else 'NOT REJECTED'}"
    summary += "; a power law with this correction DOES NOT FIT" if lack and lack.rejected else ""
    return Link("simulation", bool(passed), summary, details, STATISTICAL)


def _details(claimed: float, fit: ExponentFit, test: Test, control: Test, lack: Test | None) -> dict[str, Any]:
    """What was found; `lack` is the test of the power law itself."""
    return {
        "kind": "exponent",
        "value": claimed,
        "estimate": fit.exponent,
        "standard error": fit.standard_error,
        "test": "Student, of logarithms of means",
        "degrees of freedom": fit.slope.dof if isfinite(fit.slope.dof) else None,
        "p value": min(1.0, 2 * min(test.p_value, lack.p_value)) if lack else test.p_value,
        "power": POWER,
        "detectable": test.detectable,
        "control rejected": control.rejected,
        "control size": CONTROL * test.detectable,
        "power law p value": lack.p_value if lack else None,
        "line": list(fit.line),  # log A, the slope, the coefficient of (N/N_min)^-order
    }


def _of_logarithm(sample: Samples) -> Samples:
    """A sample with the skewness that counts for the logarithm of its mean."""
    relative = sample.standard_error / abs(sample.mean) if sample.mean else 0.0
    return replace(sample, skewness=sample.skewness - 1.5 * relative * sample.count**0.5)

"""The fourth link: what a special algorithm says is what the engine of tensor programs says, which knows no topic."""

from __future__ import annotations

from symlimits.certify.certificate import PRECISE, STATISTICAL, Link

NAME = "general"


def unreached(reason: str) -> Link:
    """The link where the engine does not reach the statement."""
    return Link(NAME, None, f"special = general does not apply: {reason}")


def check_general(special: float, general: float, allowed: float, what: str, sampled: bool = False) -> Link:
    """Whether the value of a special algorithm is that of the engine, but for `allowed`; `what` says of what.

    >>> check_general(1.0, 1.25, 1e-12, "K").summary
    'special = general: K differs by 0.25, allowed 1e-12'
    """
    difference = abs(special - general)
    passed = difference <= allowed  # false for NaN
    said = f"the same to {allowed:.1e}" if passed else f"differs by {difference:.3g}, allowed {allowed:.3g}"
    details = {"special": _rounded(special), "general": _rounded(general), "allowed": float(f"{allowed:.2g}")}
    summary = f"special = general: {what} {said if not passed else 'is ' + said}"
    return Link(NAME, passed, summary, details, STATISTICAL if sampled else PRECISE)


def _rounded(value: float) -> float:
    """To ten digits: the engine adds in an order that another process may not have, and a certificate is the same."""
    return float(f"{value:.10g}")

"""The rungs that means in the limit of a program climb: each gives a line, in which all means have reached it."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

Versions = tuple[sp.Expr, ...]  # an expectation after each of the rungs


@dataclass(frozen=True)
class Rung:
    """What is done to all expectations of a straight line to reach the next line."""

    name: str
    source: str
    explanation: str


RUNGS = (
    Rung(
        "what vanishes left out",
        "independence and parity",
        "Terms with a factor that is zero, by independence or parity, are left out, and rational values put in.",
    ),
    Rung(
        "independence and parity",
        "linearity of the expectation",
        "Means of independent factors multiply, and the mean of an odd factor is zero.",
    ),
    Rung(
        "Gaussian moments",
        "Isserlis 1918",
        "A product of Gaussians is a sum over pairings; an exponential of a quadratic form changes the covariance.",
    ),
    Rung(
        "functions of two Gaussians",
        "linear forms of Gaussians",
        "A mean of functions of two linear forms is one over their joint law.",
    ),
    Rung(
        "Price's theorem",
        "Price 1958",
        "The mean of f(u) g(v) is integrated from its derivative in the covariance.",
    ),
)
START, SPLIT, WICK, PAIRS, PRICE = range(len(RUNGS))
OPEN = len(RUNGS)  # beyond the last: no rung reaches it

"""Rates of the first link for laws and exponents, by its `judge`: `python benchmarks/error_rates_laws.py`.

2,000 true claims at alpha = 0.05 and 500 false ones for a cdf, a characteristic function and an exponent, and for the
order of a bias; false ones are wrong by what the certificate itself calls detectable. With Clopper-Pearson intervals.
Prints a table and writes it to benchmarks/results/error_rates_laws.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from symlimits.certify import Question, check_samples, judge, summarize, wave_questions
from symlimits.finite.bounded import binomial_interval
from symlimits.finite.functional import Functional
from symlimits.finite.statistics import seed

ALPHA, POWER = 0.05, 0.95
SIZES = (4, 8, 16, 32)
DRAWS = 400  # of each size
POINTS = (-1.0, 0.0, 0.7)
WAVES = (0.5, 1.0, 2.0)
Details = dict[str, Any]
Draw = Callable[[int, np.random.Generator], np.ndarray]


def mixture(size: int, rng: np.random.Generator) -> np.ndarray:
    """Uniform numbers on (-2, 2), a share 1/(2N) of them put to 0: the distance from the limit is of order 1/N."""
    values = rng.uniform(-2, 2, DRAWS)
    return np.where(rng.random(DRAWS) < 0.5 / size, 0.0, values)


def uniform(size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(-2, 2, DRAWS)


def growth(size: int, rng: np.random.Generator) -> np.ndarray:
    """Means that grow like the root of N, with a correction of order 1/N."""
    return size**0.5 * np.exp(0.5 / size) * (1 + 0.1 * rng.standard_normal(DRAWS))


def biased(size: int, rng: np.random.Generator) -> np.ndarray:
    return 1 + 1 / size**2 + 0.1 * rng.standard_normal(DRAWS)


def cdf_questions(shift: float = 0.0) -> list[Question]:
    return [Question(Functional("cdf", s), (s + 2) / 4 + shift) for s in POINTS]


def cf_questions(shift: float = 0.0) -> list[Question]:
    values = [float(np.sinc(2 * t / np.pi)) + shift for t in WAVES]
    return wave_questions(WAVES, values, [float(np.sinc(4 * t / np.pi)) for t in WAVES])


def exponent_questions(shift: float = 0.0) -> list[Question]:
    return [Question(Functional("exponent"), 0.5 + shift)]


CLAIMS: dict[str, tuple[Callable[..., list[Question]], Draw, float]] = {
    "cdf at every size": (cdf_questions, uniform, 0),
    "cdf in the limit": (cdf_questions, mixture, 1),
    "cf at every size": (cf_questions, uniform, 0),
    "cf in the limit": (cf_questions, mixture, 1),
    "exponent": (exponent_questions, growth, 1),
}


def outcomes(name: str, true: bool, runs: int) -> Iterator[bool]:
    """Whether certificates reject: true claims, or ones wrong by what the true one's certificate calls detectable."""
    questions, draw, order = CLAIMS[name]
    for k in range(runs):
        rng = seed(name, int(true), k, root=0)
        drawn = {size: draw(size, rng) for size in SIZES}
        asked = questions()
        samples = summarize(drawn, [question.functional for question in asked])
        details = judge(asked, samples, order, ALPHA).details
        if not true:
            details = judge(questions(details["detectable"]), samples, order, ALPHA).details
        yield details["p value"] <= ALPHA


def orders(true: bool, runs: int) -> Iterator[bool]:
    """Certificates of a mean with a bias of order 2, or with a detectable one of order 1 beside."""
    for k in range(runs):
        rng = seed("order", int(true), k, root=0)
        drawn = {size: biased(size, rng) for size in SIZES}
        details = check_samples(1.0, summarize(drawn)[0], 2, ALPHA).details
        if not true:
            slower = details["bias"]["detectable"]
            drawn = {size: values + slower / size for size, values in drawn.items()}
            details = check_samples(1.0, summarize(drawn)[0], 2, ALPHA).details
            yield details["bias"]["p value"] <= ALPHA / 2
        else:
            yield details["p value"] <= ALPHA


def rate(name: str, events: Iterator[bool], promised: str) -> Details:
    """The share of events, with its Clopper-Pearson interval at 95 %."""
    found = [bool(event) for event in events]
    low, high = binomial_interval(sum(found), len(found), 0.05)
    share = sum(found) / len(found)
    row = {"what": name, "claims": len(found), "events": sum(found), "rate": share}
    return row | {"interval": [low, high], "promised": promised}


def certificates(true_claims: int, false_claims: int) -> list[Details]:
    """False alarms and power, a row each."""
    rows = []
    for name in CLAIMS:
        rows.append(rate(f"{name}: false alarms", outcomes(name, True, true_claims), f"at most {ALPHA}"))
        rows.append(rate(f"{name}: false claims found", outcomes(name, False, false_claims), f"at least {POWER}"))
    rows.append(rate("order 2: false alarms", orders(True, true_claims), f"at most {ALPHA}"))
    rows.append(rate("order 2: bias of order 1 found", orders(False, false_claims), f"at least {POWER}"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--true", type=int, default=2000)
    parser.add_argument("--false", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "error_rates_laws.json")
    arguments = parser.parse_args()
    rows = certificates(arguments.true, arguments.false)
    for row in rows:
        low, high = row["interval"]
        print(f"{row['what']:<40}{row['claims']:>6}{row['rate']:>9.4f}  [{low:.4f}, {high:.4f}]  {row['promised']}")
    arguments.out.parent.mkdir(exist_ok=True)
    arguments.out.write_text(
        json.dumps({"alpha": ALPHA, "sizes": SIZES, "draws": DRAWS, "rows": rows}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()

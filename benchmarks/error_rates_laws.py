"""Rates of certificates of laws and exponents, each made by `Limit.certify`: `python benchmarks/error_rates_laws.py`.

2,000 true claims at alpha = 0.05 and 500 false ones for a cdf, a characteristic function and an exponent, and for the
order of a bias. A false claim is a limit of its own, certified on draws of its own; it is wrong by what the certificate
of the true claim calls detectable. With Clopper-Pearson intervals.
Prints a table and writes it to benchmarks/results/error_rates_laws.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits.finite.bounded import binomial_interval

ALPHA, POWER = 0.05, 0.95
SIZES = (4, 8, 16, 32)
DRAWS = 1000  # of each size
FRESH = 10**6  # seeds from here on are those of false claims
PILOTS = 10  # certificates of true claims that say what is detectable
Details = dict[str, Any]
s, t = sp.symbols("s t", real=True)


class Few(NamedTuple):
    """An experiment that makes all draws of a size in one call; a parameter of its law."""

    law: Callable[[int, np.random.Generator, float], np.ndarray]
    parameter: float = 0.0

    def __call__(self, size: int, rng: np.random.Generator) -> np.ndarray:
        return self.law(size, rng, self.parameter)

    def wanted(self, size: int) -> int:
        return DRAWS


def normal(size: int, rng: np.random.Generator, share: float) -> np.ndarray:
    """Normal numbers, a share of them, over N, put to 0: with one the distance from the limit is of order 1/N."""
    values = rng.standard_normal(DRAWS)
    return np.where(rng.random(DRAWS) < share / size, 0.0, values)


def growth(size: int, rng: np.random.Generator, linear: float) -> np.ndarray:
    """Means that grow like the root of N, with a correction of order 1/N, linear or exponential."""
    correction = 1 + 0.5 / size if linear else np.exp(0.5 / size)
    return np.asarray(size**0.5 * correction * (1 + 0.1 * rng.standard_normal(DRAWS)))


def biased(size: int, rng: np.random.Generator, slower: float) -> np.ndarray:
    """A mean of 1 with a bias of order 2, and one of order 1 beside."""
    return 1 + 1 / size**2 + slower / size + 0.1 * rng.standard_normal(DRAWS)


def cdf(off: float) -> sp.Expr:
    return (1 + sp.erf(s / sp.sqrt(2))) / 2 - sp.Rational(off) * sp.sign(s)  # inwards: values lie between 0 and 1


def cf(off: float) -> sp.Expr:
    return sp.exp(-(t**2) / 2) - sp.Rational(off)


def exponent(off: float) -> sp.Expr:
    return sp.Rational(1, 2) + sp.Rational(off)


CLAIMS: dict[str, tuple[Callable[[float], sp.Expr], Few, float]] = {
    "cdf at every size": (cdf, Few(normal), 0),
    "cdf in the limit": (cdf, Few(normal, 0.5), 1),
    "cf at every size": (cf, Few(normal), 0),
    "cf in the limit": (cf, Few(normal, 0.5), 1),
    "exponent, exp(1/2N)": (exponent, Few(growth), 1),
    "exponent, 1 + 1/2N": (exponent, Few(growth, 1.0), 1),
}


def certified(limit: sl.Limit, root: int) -> Details:
    """What the first link says."""
    return limit.certify(SIZES, root, alpha=ALPHA).links[0].details


def claimed(name: str, off: float = 0.0) -> sl.Limit:
    claim, draw, order = CLAIMS[name]
    return sl.limit(claim(off), experiment=draw, kind=name.split()[0].rstrip(","), order=order)


def with_bias(slower: float) -> sl.Limit:
    return sl.limit(sp.Integer(1), experiment=Few(biased, slower), order=2)


@cache
def detectable(name: str, root: int) -> float:
    """What the certificate of a true claim calls detectable: one of a few certificates."""
    if name == "order":
        return float(certified(with_bias(0.0), root)["bias"]["detectable"])
    return round(certified(claimed(name), root)["detectable"], 6)


def rejected(name: str, true: bool, root: int) -> bool:
    """Whether `certify` rejects a claim; a false one is wrong by what is detectable, on either side in turn."""
    if true:
        return bool(certified(claimed(name), root)["p value"] <= ALPHA)
    side = -1 if name.startswith("exponent") and root % 2 else 1
    return bool(certified(claimed(name, side * detectable(name, root % PILOTS)), FRESH + root)["p value"] <= ALPHA)


def order_rejected(true: bool, root: int) -> bool:
    """The claim of a bias of order 2, which is one, or with a detectable one of order 1 beside."""
    if true:
        return bool(certified(with_bias(0.0), root)["p value"] <= ALPHA)
    found = certified(with_bias(detectable("order", root % PILOTS)), FRESH + root)
    return bool(found["bias"]["p value"] <= ALPHA / 2)


def rate(name: str, found: list[bool], promised: str) -> Details:
    """The share of events, with its Clopper-Pearson interval at 95 %."""
    low, high = binomial_interval(sum(found), len(found), 0.05)
    share = sum(found) / len(found)
    row = {"what": name, "claims": len(found), "events": sum(found), "rate": share}
    return row | {"interval": [low, high], "promised": promised}


def certificates(
    true_claims: int, false_claims: int, executor: Callable[[], Executor] = ProcessPoolExecutor
) -> list[Details]:
    """False alarms and power, a row each."""
    rows: list[Details] = []
    with executor() as pool:

        def add(what: str, one: Callable[[int], bool], count: int, promised: str) -> None:
            rows.append(rate(what, list(pool.map(one, range(count), chunksize=10)), promised))
            print(row_in_words(rows[-1]), flush=True)

        for name in CLAIMS:
            add(f"{name}: false alarms", partial(rejected, name, True), true_claims, f"at most {ALPHA}")
            add(f"{name}: false claims found", partial(rejected, name, False), false_claims, f"at least {POWER}")
        add("order 2: false alarms", partial(order_rejected, True), true_claims, f"at most {ALPHA}")
        add("order 2: bias of order 1 found", partial(order_rejected, False), false_claims, f"at least {POWER}")
    return rows


def row_in_words(row: Details) -> str:
    low, high = row["interval"]
    return f"{row['what']:<40}{row['claims']:>6}{row['rate']:>9.4f}  [{low:.4f}, {high:.4f}]  {row['promised']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--true", type=int, default=2000)
    parser.add_argument("--false", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "error_rates_laws.json")
    arguments = parser.parse_args()
    rows = certificates(arguments.true, arguments.false, partial(ProcessPoolExecutor, arguments.workers))
    arguments.out.parent.mkdir(exist_ok=True)
    arguments.out.write_text(
        json.dumps({"alpha": ALPHA, "sizes": SIZES, "draws": DRAWS, "rows": rows}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()

"""Output laws: digits against independent methods, and times, and mpmath.meijerg beside.

`python benchmarks/output_laws.py` prints them.

Digits: log-density and characteristic function by the compiled contour, against (1) mpmath's Gamma functions on the
line through the saddle with 30 digits, and (2) a method of another kind: Meijer's G function for up to five layers, the
Gaussian expectation over log q in the limit, a straight line beside the saddle with even steps for many layers.
Times are the fastest of some runs on one core, after warm-up. A value asked for alone pays for its saddle, a line of
some fifty nodes and the doors; among many it is read from a table, which costs as much as some hundreds of them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

import symlimits as sl
from symlimits.errors import SymlimitsError
from symlimits.reading.reference import reference

DIGITS = 25
WIDTHS = [(1,), (2,), (2, 3), (5, 3, 4), (1,) * 5, (10,) * 5, (50,) * 25, (100,) * 100, (400,) * 400]
RATIOS = ["1/1000", "1/100", "1/10", "1/2", "1", "2", "5"]
POINTS = ["1/1000000", "1/100", "1/5", "7/10", "2", "10", "30", "100"]
MEIJER_LAYERS, MEIJER_BITS = 5, 1000


def laws() -> Iterator[tuple[str, Any]]:
    for widths in WIDTHS:
        yield f"widths ({widths[0]},...) x {len(widths)}", sl.output_law(widths=widths)
    for ratio in RATIOS:
        yield f"ratio {ratio}", sl.output_law(ratio=ratio)


def meijer(law: Any, kind: str, at: mp.mpf) -> mp.mpf:
    """Density or characteristic function by mpmath.meijerg (K = 1)."""
    N = [mp.mpf(width) / 2 for width in law.mixing.widths]
    c, front = mp.fprod(1 / x for x in N), mp.fprod(1 / mp.gamma(x) for x in N)
    if kind == "cf":
        return front * mp.meijerg([[1 - x for x in N], []], [[0], []], c * at**2 / 2, maxprec=MEIJER_BITS)
    value = mp.meijerg([[], []], [[0, *(x - mp.mpf(1) / 2 for x in N)], []], at**2 / (2 * c), maxprec=MEIJER_BITS)
    return value * front * c ** (-mp.mpf(1) / 2) / mp.sqrt(2 * mp.pi)


def straight(law: Any, kind: str, at: mp.mpf) -> mp.mpf:
    """Even steps on a straight line beside the saddle, with differences of mpmath's loggamma at 40 digits."""
    widths, sign = law.mixing.widths, (-1 if kind == "cf" else 1)
    shift = mp.mpf(0) if kind == "cf" else mp.mpf(-1) / 2
    logarithm = mp.log(at**2 / 2)
    counts = [(mp.mpf(N) / 2, widths.count(N)) for N in set(widths)]

    def exponent(z: Any) -> Any:
        u = sign * z + shift
        ratios = (n * (mp.loggamma(x + u) - mp.loggamma(x) - u * mp.log(x)) for x, n in counts)
        return mp.loggamma(z) - z * logarithm + sum(ratios)

    top = mp.mpf(min(widths)) / 2 if kind == "cf" else mp.inf
    grid = [min(mp.mpf(2) ** k, top * (1 - mp.mpf(2) ** -(k + 9))) for k in range(-8, 16)]
    c = min(grid, key=lambda real: mp.re(exponent(real)))
    width = 1 / mp.sqrt(abs(mp.diff(lambda r: mp.re(exponent(r)), c, 2)))
    step, total, k = width / 12, mp.mpf(0), 0
    while True:
        term = mp.re(mp.exp(exponent(mp.mpc(c, k * step)) - exponent(c)))
        total += term / (1 if k else 2)
        if k > 30 and abs(mp.exp(exponent(mp.mpc(c, k * step)) - exponent(c))) < mp.mpf(10) ** -22:
            break
        k += 1
    value = step * total * mp.exp(exponent(c)) / mp.pi
    return value if kind == "cf" else value / mp.sqrt(2 * mp.pi)


def truths(law: Any, kind: str, point: sp.Rational) -> list[mp.mpf]:
    derivation = law.characteristic if kind == "cf" else law.density
    argument = derivation.arguments[0]
    found = [reference(derivation.expr, {argument: point}, DIGITS)]
    with mp.workdps(40):
        at = mp.mpf(point.p) / point.q
        if law.mixing.widths is None:
            found.append(reference(derivation.definition, {argument: point}, 18))
        elif len(law.mixing.widths) <= MEIJER_LAYERS:
            try:
                found.append(meijer(law, kind, at))
            except ValueError:  # equal parameters, where it gives no answer
                found.append(straight(law, kind, at))
        else:
            found.append(straight(law, kind, at))
    return found


def digits() -> dict[str, dict[str, Any]]:
    """The largest errors of log p (relative to max(1, |log p|)) and cf (absolute), by method."""
    rows: dict[str, dict[str, Any]] = {}
    for name, law in laws():
        row: dict[str, Any] = {"log p": [0.0, 0.0], "cf": [0.0, 0.0], "cf relative": 0.0, "no second value at": []}
        for point in map(sp.Rational, POINTS):
            for kind in ("log p", "cf"):
                value = law.log_pdf(float(point)) if kind == "log p" else law.cf(float(point))
                exactly = sp.Rational(float(point))
                try:
                    both = truths(law, kind, exactly)
                except (SymlimitsError, ValueError, ZeroDivisionError) as reason:
                    row["no second value at"].append([kind, str(point), str(reason)[:60]])
                    continue
                for k, truth in enumerate(both):
                    exact = mp.log(truth) if kind == "log p" else truth
                    error = float(abs(value - exact) / max(1, abs(exact)))
                    row[kind][k] = max(row[kind][k], error)
                if kind == "cf":
                    row["cf relative"] = max(row["cf relative"], float(abs(value / both[0] - 1)))
        rows[name] = row
        print(f"{name:>26}: log p {row['log p'][0]:.1e} {row['log p'][1]:.1e}, cf {row['cf'][0]:.1e} {row['cf'][1]:.1e}"
              f" (relative {row['cf relative']:.1e}) {row['no second value at'] or ''}", flush=True)  # fmt: skip
    return rows


def fastest(function: Callable[[], Any], repeats: int = 5) -> float:
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def times() -> dict[str, float]:
    limit, deep, few = sl.output_law(ratio=1), sl.output_law(widths=(400,) * 400), sl.output_law(widths=(5, 3, 4))
    million = 3 * np.abs(np.random.default_rng(0).standard_normal(10**6))
    table = limit.pdf(million)[:2000]
    difference = max(abs(table[i] / limit.pdf(million[i]) - 1) for i in range(2000))
    rows = {
        "pdf of 10^6 points of the limit, s": fastest(lambda: limit.pdf(million), 3),
        "its largest relative error against single points": float(difference),
        "one pdf at N = L = 400, ms": 1e3 * fastest(lambda: deep.pdf(2.0)),
        "one cf at N = L = 400, ms": 1e3 * fastest(lambda: deep.cf(2.0)),
        "one pdf, widths (5, 3, 4), ms": 1e3 * fastest(lambda: few.pdf(2.0)),
        "the same by mpmath.meijerg with 15 digits, ms": 1e3 * fastest(lambda: meijer(few, "pdf", mp.mpf(2)), 3),
    }  # fmt: skip
    many = np.linspace(0.1, 10, 10_000)
    rows["one of 10^4 pdfs, widths (5, 3, 4), ms"] = 1e3 * fastest(lambda: few.pdf(many), 3) / len(many)
    meijerg = rows["the same by mpmath.meijerg with 15 digits, ms"]
    rows["meijerg over one pdf, asked for alone"] = meijerg / rows["one pdf, widths (5, 3, 4), ms"]
    rows["meijerg over one of 10^4 pdfs"] = meijerg / rows["one of 10^4 pdfs, widths (5, 3, 4), ms"]
    for name, value in rows.items():
        print(f"{name:>50}: {value:.3g}")
    return rows


def main() -> None:
    rows = {"digits": digits(), "times": times()}
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    (results / "output_laws.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""How often certificates of true claims alarm, and false ones are found: `python benchmarks/error_rates.py`.

2,000 true claims at alpha = 0.05 and 500 false ones, each wrong by the discrepancy that its own test calls detectable,
with Clopper-Pearson intervals; then the trap of heavy tails and that of looking too often, at alpha = 0.01.
Prints a table and writes it to benchmarks/results/error_rates.json.

With `--decided`, the same rates of certificates that are drawn until they are decided, each made by `Limit.certify`;
false claims are wrong by the resolution, and claims about laws are a quarter as many. Written to
benchmarks/results/decided_rates.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from math import log
from pathlib import Path

import numpy as np
import sympy as sp
from scipy.special import betaincinv

import symlimits as sl
from symlimits import activations as act
from symlimits.certify import check_samples, summarize
from symlimits.finite.kernel_experiment import KernelExperiment
from symlimits.finite.sequential import MeanProcess
from symlimits.finite.statistics import mean_test, moments, seed
from symlimits.finite.tails import trusted

ALPHA, TRAP_ALPHA, POWER = 0.05, 0.01, 0.95
WIDTHS, DRAWS = (16, 32, 64), (2000, 1000, 500)
RESOLUTIONS = {"mean": "1/10", "cf": "1/2", "cdf": "1/3"}  # coarse: runs of at most 300 rounds
FEWER = 4  # times as few claims about laws: their runs cost more
INPUTS = ((1.0, 0.5), (-0.3, 1.0))
Claim = Callable[[np.random.Generator, bool], bool]  # a generator, whether the claim is true: whether it is rejected


def mean_claim() -> Claim:
    """The kernel of a relu network with two hidden layers, extrapolated from three widths."""
    net = sl.mlp(depth=2, activation=act.relu, w_var=2, b_var=0)
    limit = float(sl.nngp(net)(np.array(INPUTS))[0, 1])
    experiment = KernelExperiment(net, INPUTS)

    def test(rng: np.random.Generator, true: bool) -> bool:
        drawn = {n: experiment.draws(n, count, rng) for n, count in zip(WIDTHS, DRAWS, strict=True)}
        (samples,) = summarize(drawn)
        honest = check_samples(limit, samples, order=1, alpha=ALPHA).details
        wrong = check_samples(limit + honest["detectable"], samples, order=1, alpha=ALPHA).details
        return bool((honest if true else wrong)["p value"] < ALPHA)

    return test


def rate(name: str, events: Iterable[bool], promised: str) -> dict[str, object]:
    """The share of events, with its Clopper-Pearson interval at 95 %."""
    outcomes = [bool(event) for event in events]
    n, k = len(outcomes), sum(outcomes)
    low = float(betaincinv(k, n - k + 1, 0.025)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 0.975)) if k < n else 1.0
    return {"what": name, "claims": n, "events": k, "rate": k / n, "interval": [low, high], "promised": promised}


def certificates(true_claims: int, false_claims: int) -> list[dict[str, object]]:
    """False alarms and power of the test of a mean; those of laws: `error_rates_laws.py`."""
    claim = mean_claim()
    alarms = (claim(seed("mean", 0, k, root=0), True) for k in range(true_claims))
    found = (claim(seed("mean", 1, k, root=0), False) for k in range(false_claims))
    return [
        rate("mean: false alarms", alarms, f"at most {ALPHA}"),
        rate("mean: false claims found", found, f"at least {POWER}"),
    ]


def traps(runs: int) -> list[dict[str, object]]:
    """Six Gaussians and a hundred looks: the z-test, and what stands in its place."""
    samples = [np.prod(seed("product", 6, k, root=0).standard_normal((6, 2000)), axis=0) for k in range(runs)]
    parts = [moments(s**2) for s in samples]
    alarms = [mean_test(part.mean, part.standard_error, 1.0, TRAP_ALPHA).rejected for part in parts]
    light = [trusted(part, TRAP_ALPHA).light for part in parts]
    logs = [log_moment_rejected(s) for s in samples]
    looks = [hundred_looks(seed("looks", 100, k, root=0)) for k in range(runs)]
    return [
        rate("six Gaussians, z-test of E s^2: false alarms", alarms, f"{TRAP_ALPHA} in name"),
        rate("six Gaussians: refused", [not each for each in light], "always"),
        rate(
            "six Gaussians: alarms not refused", [a and b for a, b in zip(alarms, light, strict=True)], f"{TRAP_ALPHA}"
        ),
        rate("six Gaussians, test of E log|s|: false alarms", logs, f"{TRAP_ALPHA}"),
        rate("100 looks, z-test: false alarms", [look[0] for look in looks], f"{TRAP_ALPHA} in name"),
        rate("100 looks, e-process: false alarms", [look[1] for look in looks], f"at most {TRAP_ALPHA}"),
    ]


def log_moment_rejected(sample: np.ndarray) -> bool:
    """Whether Student's test rejects that E log|s| is 6 times that of a Gaussian, which it is."""
    part = moments(np.log(np.abs(sample)))
    value = -3 * (np.euler_gamma + log(2))
    return mean_test(part.mean, part.standard_error, value, TRAP_ALPHA, part.count - 1).rejected


def hundred_looks(rng: np.random.Generator) -> tuple[bool, bool]:
    """Whether a z-test ever rejects a true mean, and whether the e-process does."""
    process, tempted = MeanProcess(0.0, resolution=0.1), False
    for draws in rng.standard_normal((100, 20)):
        process = process.update(draws)
        part = process.moments
        tempted |= mean_test(part.mean, part.standard_error, 0.0, TRAP_ALPHA).rejected
    return tempted, process.test(TRAP_ALPHA).rejected


def biased(size: int, rng: np.random.Generator) -> np.ndarray:
    """Skewed draws of mean 1 + 1/size."""
    return 1 / size + rng.standard_exponential(64)


def normal(size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws of a law that is exact at every size."""
    return rng.standard_normal(16)


def decided_claim(kind: str, off: sp.Rational) -> sp.Expr:
    """A claim that is wrong by `off` everywhere: a mean, or the function of a law."""
    t, s = sp.symbols("t s", real=True)
    match kind:
        case "mean":
            return 1 + off
        case "cf":
            return sp.exp(-(t**2) / 2) - off
    return (1 + sp.erf(s / sp.sqrt(2))) / 2 - off * sp.sign(s)  # inwards: all values lie between 0 and 1


def verdict(kind: str, true: bool, root: int) -> str:
    """What `certify` says of one claim: "accepted", "rejected" or "undecided"."""
    resolution = sp.Rational(RESOLUTIONS[kind])
    draw, order = (biased, 1) if kind == "mean" else (normal, 0)
    claim = sp.sympify(decided_claim(kind, sp.Rational(0) if true else resolution))
    limit = sl.limit(claim, experiment=draw, kind=kind, order=order)
    link = limit.certify((8, 16, 32), root, resolution=float(resolution), alpha=ALPHA).links[0]
    return str(link.details["verdict"])


def decided(
    true_claims: int, false_claims: int, executor: Callable[[], Executor] = ProcessPoolExecutor
) -> list[dict[str, object]]:
    """False alarms and power of certificates that are drawn until they are decided."""
    rows = []
    with executor() as pool:
        for kind, resolution in RESOLUTIONS.items():
            counts = [n if kind == "mean" else n // FEWER for n in (true_claims, false_claims)]
            right = list(pool.map(partial(verdict, kind, True), range(counts[0]), chunksize=10))
            wrong = list(pool.map(partial(verdict, kind, False), range(counts[1]), chunksize=10))
            name = f"decided {kind}, resolution {resolution}"
            rows.append(rate(f"{name}: false alarms", [v == "rejected" for v in right], f"at most {ALPHA}"))
            rows.append(rate(f"{name}: true claims accepted", [v == "accepted" for v in right], "the others"))
            rows.append(rate(f"{name}: false claims found", [v == "rejected" for v in wrong], f"at least {POWER}"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--true", type=int, default=2000)
    parser.add_argument("--false", type=int, default=500)
    parser.add_argument("--decided", action="store_true")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    name, asked = "error_rates", (arguments.true, arguments.false)
    if arguments.decided:
        name, rows = "decided_rates", decided(*asked)
    else:
        rows = certificates(*asked) + traps(arguments.true)
    out = arguments.out or Path(__file__).parent / "results" / f"{name}.json"
    for row in rows:
        low, high = row["interval"]  # type: ignore[misc]
        print(f"{row['what']:<48}{row['claims']:>6}{row['rate']:>9.4f}  [{low:.4f}, {high:.4f}]  {row['promised']}")
    out.parent.mkdir(exist_ok=True)
    settings = {"alpha": ALPHA} if arguments.decided else {"alpha": ALPHA, "widths": WIDTHS, "draws": DRAWS}
    out.write_text(json.dumps({**settings, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()

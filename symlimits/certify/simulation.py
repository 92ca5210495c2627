"""The first link: the experiment agrees with the first line, statistically."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import sympy as sp
from threadpoolctl import threadpool_limits

from symlimits.certify.certificate import Link
from symlimits.errors import DataError, DomainError
from symlimits.finite.statistics import Moments, extrapolate, mean_test, merge, moments, negative_control, seed
from symlimits.language.names import shown

ALPHA = 1e-6  # false alarms of one statistical link
LARGEST = 2**53  # of a size: a float holds it
DRAWS = 2**17  # numbers of draws times width, for each size

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Samples:
    """Draws of an observable at one size, as moments."""

    size: int
    mean: float
    standard_error: float
    count: int


def simulate(
    experiment: Callable[[int, np.random.Generator], Any],
    sizes: Sequence[int],
    claim: str,
    root: int,
    executor: Any = None,
    progress: Progress | None = None,
) -> list[Samples]:
    """Draw at every size: the same numbers whatever the executor.

    Each chunk has its own seed, chunks are merged in their order, and BLAS works with one thread,
    since it may add in another order with more.
    """
    found = []
    for size in sizes:
        if progress is not None:
            progress(f"{claim}: size {size}")
        wanted = max(64, min(4096, DRAWS // size))
        with threadpool_limits(1):
            total = _chunk(experiment, size, claim, 0, root)
            chunks = range(1, -(-wanted // total.count))
            tasks = [[what] * len(chunks) for what in (experiment, size, claim, root, os.getpid())]
            for part in (map if executor is None else executor.map)(_chunk, *tasks[:3], chunks, *tasks[3:]):
                total = merge(total, part)
        found.append(Samples(size, total.mean, total.standard_error, total.count))
    return found


def _chunk(
    experiment: Callable[..., Any], size: int, claim: str, chunk: int, root: int, caller: int | None = None
) -> Moments:
    """One call of the experiment; in a worker process of its own, `caller` has not limited BLAS yet."""
    elsewhere = caller is not None and caller != os.getpid()
    with threadpool_limits(1) if elsewhere else nullcontext():
        draws = np.atleast_1d(np.asarray(experiment(size, seed(claim, size, chunk, root)), dtype=np.float64))
    if not (draws.size and np.isfinite(draws).all()):
        raise DataError(
            f"an experiment of size {size} with NaN, infinite or no draws", "finite numbers", "a smaller input"
        )
    return moments(draws)


def summarize(samples: Mapping[int, Any]) -> list[Samples]:
    """The user's own draws, an array for each size, as moments."""
    if not isinstance(samples, Mapping):
        raise DataError(f"samples of type {type(samples).__name__}", "a dictionary", "{64: draws, 256: draws}")
    found = []
    for size, draws in samples.items():
        try:
            number, array = int(size), np.asarray(draws, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            raise DataError(f"samples at size {shown(size)}", "an integer size and numbers", "{64: draws}") from None
        if number != size or not 1 <= number < LARGEST:
            raise DataError(f"samples at size {shown(size)}", "a positive integer size", "{64: draws}")
        if array.ndim != 1 or array.size < 8:
            raise DataError(f"samples of shape {array.shape} at size {size}", "8 or more numbers", "one draw a net")
        if not np.isfinite(array).all():
            given = f"samples at size {size} of which {np.count_nonzero(~np.isfinite(array))} are NaN or infinite"
            raise DataError(given, "finite numbers", "np.isfinite to find them")
        part = moments(array)
        found.append(Samples(number, part.mean, part.standard_error, part.count))
    return sorted(found, key=lambda sample: sample.size)


def check_samples(value: float, samples: Sequence[Samples], order: int, alpha: float = ALPHA) -> Link:
    """Means at several sizes, extrapolated with c0 + c1/N^order + c2/N^(2 order), against the limit."""
    if len(samples) < 2:
        raise DomainError(f"samples at {len(samples)} sizes", "at least 2 (3 are better)", "sizes=(32, 128, 512)")
    fit = extrapolate([s.size for s in samples], [s.mean for s in samples], [s.standard_error for s in samples], order)
    test = mean_test(fit.limit, fit.standard_error, value, alpha)
    control = negative_control(fit.limit, fit.standard_error, value, alpha)
    details = {
        "value": value,
        "estimate": fit.limit,
        "standard error": fit.standard_error,
        "order": order,
        "alpha": alpha,
        "p value": test.p_value,
        "detectable": test.detectable,
        "control rejected": control.rejected,
        "control size": 1.5 * test.detectable,
        "sizes": {str(s.size): [s.mean, s.standard_error, s.count] for s in samples},
    }
    passed = not test.rejected and control.rejected
    summary = f"limit {value:.6g}, nets give {fit.limit:.6g} +- {fit.standard_error:.2g} (z = {test.z:.2f}); "
    summary += f"would detect {test.detectable:.2g}; control {'rejected' if control.rejected else 'NOT REJECTED'}"
    return Link("simulation", passed, summary, details)


def claim_hash(expr: sp.Expr) -> str:
    """A short name for a statement that two different statements do not share."""
    return sha256(sp.srepr(expr).encode()).hexdigest()[:16]

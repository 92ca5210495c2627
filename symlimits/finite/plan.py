"""The plan of a simulation: which chunks of draws make it, and what must be the same for them to be the same.

The first chunk of a size says how many draws a call of the experiment makes, hence how many chunks the size takes:
no clock and no number of workers enters.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from symlimits.errors import DataError, DomainError
from symlimits.finite.digest import digest
from symlimits.finite.functional import WIDTHS, Functional
from symlimits.finite.statistics import Moments, moments, seed
from symlimits.memory import check_memory
from symlimits.surroundings import surroundings

DRAWS = 2**17  # numbers of draws times width, for each size
FEWEST, MOST = 64, 4096  # draws of one size
LAW_DRAWS, LAW_MOST = 2**23, 2**15  # for a law, whose bounds ask for more; draws of the largest size decide its power

Experiment = Callable[[int, np.random.Generator], Any]


@dataclass(frozen=True, order=True)
class Chunk:
    """One call of the experiment; with claim and root it fixes the random numbers."""

    size: int
    number: int

    def __str__(self) -> str:
        return f"size {self.size}, chunk {self.number}"

    @property
    def key(self) -> str:
        """Its name in a journal."""
        return f"{self.size}/{self.number}"


@dataclass(frozen=True)
class Plan:
    """An experiment to be drawn at several sizes.

    Called with a `Chunk`, it gives the moments of each functional of its draws.

    >>> plan = Plan(lambda size, rng: rng.normal(size=3), "a claim", 0, (8, 16))
    >>> plan(Chunk(8, 0)) == plan(Chunk(8, 0)), plan(Chunk(8, 0)) == plan(Chunk(8, 1))
    (True, False)
    """

    experiment: Experiment
    claim: str
    root: int
    sizes: tuple[int, ...]
    functionals: tuple[Functional, ...] = (Functional(),)

    def __post_init__(self) -> None:
        if isinstance(self.root, bool) or not isinstance(self.root, int | np.integer) or self.root < 0:
            raise DomainError(f"seed = {self.root!r}", "an integer, 0 or larger", "seed=0")

    def __call__(self, chunk: Chunk) -> tuple[Moments, ...]:
        rng = seed(self.claim, chunk.size, chunk.number, self.root)
        made = np.asarray(self.experiment(chunk.size, rng))
        if np.iscomplexobj(made):
            raise DataError(f"an experiment of size {chunk.size} with complex draws", "real numbers", "the real part")
        draws = np.atleast_1d(np.asarray(made, dtype=np.float64))
        if not (draws.size and np.isfinite(draws).all()):
            given = f"an experiment of size {chunk.size} with NaN, infinite or no draws"
            raise DataError(given, "finite numbers", "a smaller input")
        return tuple(moments(functional(draws)) for functional in self.functionals)

    def further(self, first: Chunk, count: int) -> list[Chunk]:
        """The chunks after the first of a size, which made `count` draws."""
        return [Chunk(first.size, number) for number in range(1, -(-self.wanted(first.size) // count))]

    def wanted(self, size: int) -> int:
        """How many draws of a size are made, or a few more: an experiment whose draws are cheap tells by `wanted`."""
        asked = getattr(self.experiment, "wanted", None)
        if asked:
            return int(asked(size))
        draws, most = (LAW_DRAWS, LAW_MOST) if self.functionals[0].kind in WIDTHS else (DRAWS, MOST)
        return max(FEWEST, min(most, draws // size))

    def check_memory(self, workers: int = 1) -> None:
        """Refuse, before anything is drawn, what would not fit: an experiment tells by `required_bytes(size)`.

        Raises `ResourceError`.
        """
        required = getattr(self.experiment, "required_bytes", None)
        if required is None:
            return
        needed, size = max((int(required(size)), size) for size in self.sizes)
        advice = "smaller sizes" if workers == 1 else "smaller sizes, or fewer workers"
        check_memory(workers * needed, f"a simulation at size {size} with {workers} at work", advice)

    def subject(self) -> dict[str, Any]:
        """What two runs have in common if their chunks are equal to the bit: the header of a journal.

        The claim (a hash of its definition), seed, sizes and rule for the number of draws; versions and processor, on
        which rounding depends; and a digest of the experiment, which sees a change of its code and parameters but not
        of functions that it calls.
        """
        return {
            "claim": self.claim,
            "seed": int(self.root),
            "sizes": list(map(int, self.sizes)),
            "draws": [self.wanted(size) for size in self.sizes],
            "experiment": digest(self.experiment),
            "functionals": [[functional.kind, functional.at] for functional in self.functionals],
            **surroundings(),
        }

    @property
    def hash(self) -> str:
        """A short name of `subject`, for a certificate."""
        return sha256(json.dumps(self.subject(), sort_keys=True).encode()).hexdigest()[:16]

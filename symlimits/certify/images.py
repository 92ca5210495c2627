"""The third link for kernels of images: compiled code against the last line at the same floating-point images."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from symlimits.certify.certificate import Link
from symlimits.certify.compiled import TOLERANCE
from symlimits.errors import SymlimitsError
from symlimits.language.domain import Domain, Point, relevant
from symlimits.language.pixels import needs_pairs
from symlimits.language.recursion import Recursion
from symlimits.language.substitution import substituted
from symlimits.reading.image_program import image_program
from symlimits.reading.image_reference import exact_image, image_reference

DIGITS = 25
NEAR = 2.0**-20  # of an image, by which another is moved: gaps of 1e-12
Images = np.ndarray[Any, np.dtype[np.float64]]


def random_images(shape: tuple[int, ...], seed: int) -> Images:
    """Two images of the shape, correlated, of a few digits: an array (2, *shape)."""
    rng = random.Random(seed)
    first, other = (np.array([rng.gauss(0, 1) for _ in range(int(np.prod(shape)))]).reshape(shape) for _ in range(2))
    return np.round(np.stack([first, 0.6 * first + 0.8 * other]), 3)


def check_images(
    last: Recursion, compile_at: Callable[[Point], Any], domain: Domain, shape: tuple[int, ...], seed: int
) -> Link:
    """The compiled kernel of images (their `shape` without a number) against the last line, at two parameter points.

    Pairs are random, equal, parallel and opposite images, and nearly equal ones where no mean over windows comes
    before an activation: there the angle of pixels so near keeps half its digits (see `image_loop`).
    """
    worst, worst_at, count = 0.0, "", 0
    try:
        for value, truth, size, where in _rows(last, compile_at, domain, shape, seed):
            error = abs(value - truth) / max(size, abs(truth))
            count += 1
            if not error <= worst:
                worst, worst_at = error, where
    except SymlimitsError as failure:
        return Link("compiled", False, str(failure))
    passed = worst <= TOLERANCE
    summary = f"largest error {worst:.1e} of the kernel's size at {count} pairs of images (allowed {TOLERANCE:.0e})"
    summary = summary if passed else f"{summary}, at {worst_at}"
    return Link("compiled", passed, summary, {"error": worst, "points": count, "against proved balls": 0})


def _rows(
    last: Recursion, compile_at: Callable[[Point], Any], domain: Domain, shape: tuple[int, ...], seed: int
) -> Iterator[tuple[float, float, float, str]]:
    points = domain.mixed_points(seed, corners=1, interior=1) if domain.ranges else [{}]
    for k, point in enumerate(points):
        parameters = relevant(point, last)
        bound = substituted(last, parameters) if parameters else last
        x, z = random_images(shape, seed + k)
        images = np.stack([x, z, 2.0 * x, -z, *([x + NEAR * z] if _is_exact(bound) else [])])
        values = compile_at(parameters)(images)
        exact = [exact_image(image) for image in images]
        truth = {
            (i, j): float(image_reference(bound, exact[i], exact[j], DIGITS))
            for i in range(len(images))
            for j in range(i, len(images))
        }
        for (i, j), number in truth.items():
            size = float(np.sqrt(abs(truth[i, i] * truth[j, j])))
            yield float(values[i, j]), number, size, f"images {i} and {j} of {dict(parameters)}"


def _is_exact(recursion: Recursion) -> bool:
    """Whether defects are nowhere subtracted: no pool, or none before an activation."""
    layers = image_program(recursion).layers
    kinds = [getattr(layer, "kind", "activation" if hasattr(layer, "stage") else "") for layer in layers]
    pools = [k for k, kind in enumerate(kinds) if kind in ("window", "global")]
    return not needs_pairs(recursion) or "activation" not in kinds[min(pools) :]

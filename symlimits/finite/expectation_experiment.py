r"""E f(u) g(v) as an experiment: one hidden layer of finite width, whose units come in fours of sign images.

A draw of size N is the mean of f(u) g(v) over N units, the sign images of N/4 independent ones (`expectations`), less
control variates: its mean is the expectation at every width, as it is for units drawn one by one, and its variance a
fraction. The coefficients of the controls come from a pilot of its own seed and are a part of the experiment, fixed
before anything is drawn and the same in every chunk: given them the draws are independent, alike and unbiased,
whatever the coefficients are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symlimits.finite.expectations import (
    BATCH,
    CONTROLS,
    IMAGES,
    check_law,
    images,
    known_means,
    regression,
)
from symlimits.finite.kernel_experiment import CHUNK, wanted
from symlimits.finite.network import numpy_function
from symlimits.finite.rows import Array
from symlimits.finite.statistics import seed
from symlimits.finite.threads import one_thread
from symlimits.language.activation import Activation, x

ANTITHETIC = "antithetic"  # the name of the sampler, beside those of `rows`
PILOT = 2**12  # groups of images: the error of the coefficients adds 3/PILOT to the relative variance
NOISE = 1e-9  # of the size of the terms: controls that leave less would leave rounding, which is no chance
ARRAYS = 16  # held at a time for each group of images, about


@dataclass(frozen=True)
class ExpectationExperiment:
    """Means of f(u) g(v) over a layer, less control variates: `experiment(size, rng)` is an array of draws.

    (u, v) is centred and Gaussian with variances p, q and covariance c; `with_controls` finds the `coefficients`.
    """

    f: Activation
    g: Activation
    law: tuple[float, float, float]
    coefficients: tuple[float, ...] = (0.0,) * CONTROLS

    def __call__(self, size: int, rng: np.random.Generator) -> Array:
        """A chunk of draws: as many as of networks, fewer where a draw is large."""
        return self.draws(size, max(1, min(CHUNK, BATCH // groups(size))), rng)

    def wanted(self, size: int) -> int:
        """The draws of a certificate at a size: twice the units of the networks of `KernelExperiment`, or some more."""
        return wanted(size, ANTITHETIC)

    def required_bytes(self, size: int) -> int:
        """Memory for a call, estimated."""
        return 8 * ARRAYS * max(BATCH, groups(size))

    def draws(self, size: int, count: int, rng: np.random.Generator) -> Array:
        """`count` independent layers: an array (count,)."""
        values, controls = self._groups(count * groups(size), rng)
        known = known_means(self.law)
        return (values - (controls - known) @ np.array(self.coefficients)).reshape(count, -1).mean(axis=1)

    def _groups(self, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
        f, g = (numpy_function(function.expr, x) for function in (self.f, self.g))
        return images(f, g, self.law, count, rng)[:2]


def groups(size: int) -> int:
    """Of sign images, in a layer of `size` units or a few more."""
    return -(-size // IMAGES)


def with_controls(f: Activation, g: Activation, p: float, q: float, c: float) -> ExpectationExperiment:
    """The experiment, with the coefficients of a pilot: a function of its arguments, the same on every run.

    Controls are left out where next to nothing remains, as for u v: draws without chance could be held against a claim
    by their rounding alone, of a size that the claim does not know.

    >>> linear = Activation(x)
    >>> with_controls(linear, linear, 1.0, 1.0, 0.5).coefficients
    (0.0, 0.0, 0.0)
    """
    check_law(p, q, c)
    plain = ExpectationExperiment(f, g, (p, q, c))
    with one_thread():  # so that the sums of the regression are added in one order
        values, controls = plain._groups(PILOT, seed("the controls of a Gaussian expectation", 0, 0, 0))
        coefficients = regression(values, controls)
        fitted = controls @ coefficients
    terms = float(np.abs(values).mean() + np.abs(controls * coefficients).mean(axis=0).sum())
    if (values - fitted).std() <= NOISE * terms:
        return plain
    return ExpectationExperiment(f, g, (p, q, c), tuple(coefficients.tolist()))

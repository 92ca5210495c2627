"""The kernel of the parameters that are trained, in its eigenbasis: the one decomposition that all laws share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

from symlimits.errors import DomainError
from symlimits.memory import check_memory
from symlimits.theory.training.filters import growth, growth_in_steps

Array = npt.NDArray[np.float64]
ROUNDING = 8 * float(np.finfo(np.float64).eps)  # times n and the largest: smaller eigenvalues are rounding
LOST = 1e-6  # of the targets: what rounding may make of a mode that stands still, by the time that is asked for
COPIES = 6  # matrices (n, n) that are held at once


@dataclass(frozen=True, eq=False)
class Training:
    r"""How the parameters move: $\eta$, $\mu$, $\omega$, and m, the entries that the loss is the mean of."""

    lr: float
    momentum: float
    weight_decay: float
    entries: int

    def critical_lr(self, largest: float) -> float:
        r"""$2(1 + \mu)/(\lambda_{\max}/m + \omega)$; infinite for a kernel of zeros."""
        steepest = largest / self.entries + self.weight_decay
        return 2 * (1 + self.momentum) / steepest if steepest else float("inf")


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues (n,) in rising order, those that are negative by rounding as zeros, and eigenvectors (n, n).

    What is below `cutoff` counts as zero at infinite time; `truncated` says that the user wanted it so.
    """

    values: Array
    vectors: Array
    cutoff: float
    truncated: bool

    def filter(self, training: Training, duration: float) -> Array:
        r"""$g(\lambda)$ of every mode (n,): outputs are $f_z + \Theta_{zx}\,g(\Theta)(Y - f_x)$.

        `duration` is a number of steps if it is an integer, else a time. Raises `DomainError` for a singular kernel at
        infinite time, and as late as its rounding is seen, unless it was asked for its pseudoinverse.
        """
        if duration == np.inf:
            return self._inverse(training.entries * training.weight_decay)
        x = training.lr * (self.values / training.entries + training.weight_decay)
        steps = isinstance(duration, int)
        grown = (
            growth_in_steps(x, int(duration), training.momentum) if steps else growth(x, duration, training.momentum)
        )
        return self._known(np.asarray(training.lr / training.entries * grown))

    def _known(self, grown: Array) -> Array:
        """The same, where no mode has grown so far that it is made of the rounding of its eigenvalue."""
        rounding = ROUNDING * len(self.values) * float(self.values.max())
        lost = (self.values <= rounding) & (rounding * grown > LOST)
        if lost.any() and not self.truncated:
            given = f"so long a time, for a kernel with {lost.sum()} of {len(lost)} eigenvalues zero within rounding"
            wanted = "a time at which they have not moved what is trained"
            raise DomainError(given, wanted, "a shorter time, weight_decay > 0, or rcond=1e-12, which leaves them out")
        return np.where(lost, 0.0, grown)

    def _inverse(self, ridge: float) -> Array:
        shifted = self.values + ridge
        zero = shifted <= self.cutoff
        if zero.any() and not self.truncated:
            given = f"infinite time and a kernel with {zero.sum()} of {len(zero)} eigenvalues zero within rounding"
            wanted = "a kernel of full rank: training inputs that differ"
            raise DomainError(given, wanted, "weight_decay > 0, a finite time, or rcond=1e-12 for the pseudoinverse")
        return np.where(zero, 0.0, 1.0 / np.where(zero, 1.0, shifted))


def spectrum(kernel: Array, rcond: float | None) -> Spectrum:
    """The decomposition of a symmetric kernel (n, n); eigenvalues up to `rcond` times the largest count as zero.

    >>> spectrum(np.eye(2), None).values
    array([1., 1.])
    """
    size = len(kernel)
    check_memory(8 * COPIES * size**2, f"the kernel of {size} inputs", "fewer training inputs")
    values, vectors = eigh(kernel, driver="evd", check_finite=False)
    values = np.maximum(values, 0.0)
    share = ROUNDING * size if rcond is None else rcond
    return Spectrum(values, vectors, share * float(values.max()), rcond is not None)

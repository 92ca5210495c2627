r"""Powers of the width in what training does to a network in NTK parameterisation, by counting clusters.

Taylor's formula in the parameters writes what training changes as sums of products of derivatives of the outputs f at
the start, contracted over parameters: $\partial_\mu f\,\partial_\mu f$ is the tangent kernel. Functions that a
contraction joins are a cluster. The mean over networks of a product of m functions in clusters of which $n_e$ have an
even and $n_o$ an odd number of functions is
$$O(n^s),\qquad s = n_e + \frac{n_o - m}{2}$$
for smooth activations (Dyer and Gur-Ari 2019, arXiv 1909.11304, conjecture 1, recalled: shown there for one hidden
layer and for deep linear networks). At a kink, a share of the neurons as large as preactivations move crosses it, which
Taylor's formula does not see. What a datum's own gradient does to them has one sign, that of its slope of the loss, so
that they add up: n times the share times $n^{-1}$ each (derived here).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from symlimits.derivation.affine import Affine
from symlimits.derivation.maxplus import HALF, LARGEST, Graded, MaxPlus
from symlimits.derivation.trace import Step, Trace

FURTHER = 3  # terms of Taylor's formula that are written out: later ones are smaller
CLUSTERS = ("counting clusters of contracted derivatives", "Dyer and Gur-Ari 2019, arXiv 1909.11304, recalled")
CROSSING = ("counting clusters, and neurons across a kink", "derived here; arXiv 1909.11304, recalled")
MEANS = ("means over networks", "derived here; law of large numbers and parity in the readout")
EXPLANATIONS = {
    CLUSTERS[0]: "m functions in one cluster are of the size n^((1-m)/2) if m is odd, n^(1-m/2) if it is even.",
    CROSSING[0]: "A share of the neurons as large as preactivations move crosses a kink, all of them in one direction.",
    MEANS[0]: "What is odd in the readout, or deviates from its mean by chance, vanishes; squares of it stay.",
}


def mean_exponent(even: int, odd: int, functions: int) -> Fraction:
    """s of a product of so many functions in `even` and `odd` clusters.

    >>> mean_exponent(1, 0, 2), mean_exponent(0, 2, 6)  # a kernel; the square of a cluster of three
    (Fraction(0, 1), Fraction(-2, 1))
    """
    return even + Fraction(odd - functions, 2)


def cluster_exponent(functions: int) -> Fraction:
    """The exponent of the root mean square of one cluster: half of that of two of them.

    >>> [str(cluster_exponent(m)) for m in (1, 2, 3, 4, 5)]
    ['0', '0', '-1', '-1', '-2']
    """
    odd = functions % 2
    return mean_exponent(2 * (1 - odd), 2 * odd, 2 * functions) / 2


def gap_lines(moved: Fraction | None = None) -> Trace:
    r"""$f_t - f_t^{lin}$: Taylor's terms from the second on, $\partial^kf\,(\partial f)^k$, clusters of k + 1.

    `moved` is the exponent of the change of preactivations, for an activation with kinks.
    """
    return _lines([cluster_exponent(k + 1) for k in range(2, 2 + FURTHER)], moved)


def drift_lines(moved: Fraction | None = None) -> Trace:
    r"""$\hat\Theta_t - \hat\Theta_0$: derivatives of a cluster of two, clusters of 2 + k. `moved` as in `gap_lines`."""
    return _lines([cluster_exponent(2 + k) for k in range(1, 1 + FURTHER)], moved)


def movement_lines() -> Trace:
    r"""$\|\theta_t - \theta_0\|$, whose square is a sum of kernels between two times: the root of clusters of 2 + k."""
    return _lines([cluster_exponent(2 + k) / 2 for k in range(1 + FURTHER)], None)


def ensemble_lines(gap: Fraction) -> Trace:
    r"""$\mathbb E f_t$ less the law's mean: what a kernel $\Theta + \delta$ makes of $f_0 - Y$, and the gap to it.

    $\delta$ deviates by $n^{-1/2}$, with a bias of 1/n, and is even in the readout, in which $f_0$ is odd.
    """
    delta, start = Graded(even=_of(-1), scattered=_of(-HALF)), Graded(even=_of(0), odd=_of(0))
    means = ((delta + delta * delta) * start).even + _of(gap)
    return _steps(means, MEANS)


def _lines(exponents: Iterable[Fraction], moved: Fraction | None) -> Trace:
    forms = _of(*exponents)
    return _steps(forms, CLUSTERS) if moved is None else _steps(forms + _of(moved), CROSSING)


def _steps(forms: MaxPlus, rule: tuple[str, str]) -> Trace:
    return Step(forms.expr(()), *rule), Step(forms.pruned(()).expr(()), *LARGEST)


def _of(*exponents: Fraction | int) -> MaxPlus:
    return MaxPlus.of(*(Affine((), Fraction(exponent)) for exponent in exponents))

r"""Output laws of random deep linear networks, at finite width and in the proportional limit.

$f(x) = N_L^{-1/2}V\,N_{L-1}^{-1/2}W_L\cdots N_0^{-1/2}W_1x$ with weights from N(0, 1). The outputs are Gaussians whose
covariance is random: a product over the layers (Bassetti et al., arXiv 2406.03260), which with the depth in proportion
to the width has a limit that is not Gaussian (Bassetti, Ladelli and Rotondo, arXiv 2411.15267).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import sympy as sp

from symlimits.activations import linear, relu
from symlimits.errors import DataError, DomainError, NoRule
from symlimits.finite.deep_linear import input_root
from symlimits.language.activation import Activation, activation
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.theory.mixtures.matrix import MatrixLaw
from symlimits.theory.mixtures.mixing import MixingLaw
from symlimits.theory.mixtures.scalar import OutputLaw

__all__ = ["MatrixLaw", "OutputLaw", "output_law"]


def output_law(
    widths: Iterable[int] | None = None,
    ratio: Any = None,
    outputs: int = 1,
    covariance: Any = 1,
    variances: Any = 1,
    activation: Any = linear,
) -> OutputLaw | MatrixLaw:
    r"""The law of the outputs of a random deep linear network, of hidden `widths` (N_1, ..., N_L) or in the limit.

    Either `widths`, or the `ratio` $a = \lim\sum_l 1/N_l > 0$ (a formula may stay symbolic: moments then are formulas).
    `outputs` is D, `covariance` the input kernel $K_0 = XX^\top/N_0$: a number, or (P, P). `variances` of the weights:
    one for each of the L + 1 matrices, from the input on, or one number, their product (in the limit, what that tends
    to). With `activation` relu (one input only) the weights behind a ReLU have variance 2 beside. Raises `DomainError`
    for widths, ratios and outputs out of range and a covariance that is none, `DataError` for one that is not square,
    `NoRule` for ReLU on several inputs. Several outputs of several inputs are a `MatrixLaw`.

    >>> law = output_law(widths=(5, 3, 4))
    >>> law.moment(2), round(law.cf(1.0), 6)
    (1, 0.706564)
    >>> round(output_law(ratio=1).quantile(0.975), 6)
    2.021396
    """
    mixing = _mixing(widths, ratio, _rectified(activation))
    if isinstance(outputs, bool) or not isinstance(outputs, int | np.integer) or outputs < 1:
        raise DomainError(f"outputs = {shown(outputs)}", "a positive integer", "outputs=1")
    matrix = _covariance(covariance)
    if mixing.rectified and matrix.shape[0] > 1:
        reason = f"ReLU networks on {matrix.shape[0]} inputs, whose hidden layers keep other angles than the inputs"
        raise NoRule(reason, "one input: there the law depends on norms alone", "covariance=1")
    law = OutputLaw if outputs == 1 or matrix.shape[0] == 1 else MatrixLaw
    return law(mixing, int(outputs), matrix, _variance(variances, mixing))


def _rectified(phi: Any) -> bool:
    phi = phi if isinstance(phi, Activation) else activation(phi)
    if phi not in (linear, relu):
        raise NoRule(f"the output law of {phi}", "linear or relu layers", "activation=act.relu")
    return bool(phi == relu)


def _mixing(widths: Any, ratio: Any, rectified: bool) -> MixingLaw:
    if (widths is None) == (ratio is None):
        raise DomainError(f"widths = {shown(widths)}, ratio = {shown(ratio)}", "one of them", "widths=(100, 100)")
    if ratio is not None:
        a = exact(ratio, "ratio")
        if a.is_number and not (a.is_real and a > 0 and a.is_finite):
            raise DomainError(f"ratio = {a}", "a number larger than zero", "ratio=1, or the NNGP for depth << width")
        return MixingLaw(None, a, rectified)
    known = tuple(widths) if isinstance(widths, Iterable) and not isinstance(widths, str) else (None,)
    if not all(isinstance(N, int | np.integer) and not isinstance(N, bool) and N >= 1 for N in known):
        raise DomainError(f"widths = {shown(widths)}", "a sequence of positive integers", "widths=(100, 100)")
    return MixingLaw(tuple(map(int, known)), None, rectified)


def _covariance(covariance: Any) -> sp.ImmutableDenseMatrix:
    if np.ndim(covariance) == 0 or isinstance(covariance, str):
        K = exact(covariance, "covariance")
        if K.is_number and not K > 0:
            raise DomainError(f"covariance = {K}", "a number larger than zero", "covariance=1")
        return sp.ImmutableDenseMatrix([[K]])
    array = np.asarray(covariance, dtype=object)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not array.size:
        raise DataError(f"a covariance of shape {array.shape}", "a number or (P, P)", "X @ X.T / X.shape[1]")
    exact_entries = [[exact(entry, "covariance") for entry in row] for row in array.tolist()]
    matrix = sp.ImmutableDenseMatrix(exact_entries)
    if not matrix.free_symbols:
        input_root(np.array([[float(entry) for entry in row] for row in exact_entries]))
    elif matrix != matrix.T:
        raise DataError("a covariance that is not symmetric", "one formula for both entries", "[[1, 'c'], ['c', 1]]")
    return matrix


def _variance(variances: Any, mixing: MixingLaw) -> sp.Expr:
    """The product of the variances of all weight matrices."""
    several = isinstance(variances, Iterable) and not isinstance(variances, str | sp.Basic)
    given = [exact(value, "variance") for value in (variances if several else [variances])]
    if several and (mixing.widths is None or len(given) != len(mixing.widths) + 1):
        wanted = "one variance for each of the L + 1 weight matrices; in the limit a number, of their product"
        raise DataError(f"{len(given)} variances", wanted, "variances=1")
    if not all(value.is_positive for value in given):
        raise DomainError(f"variances = {shown(variances)}", "numbers larger than zero", "variances=1")
    return sp.Mul(*given)

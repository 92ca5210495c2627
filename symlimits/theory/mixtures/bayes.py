"""Which posterior a network has: of one output, of two, or none in closed form."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symlimits.errors import NoRule
from symlimits.theory.mixtures.mixing import MixingLaw, needs_numbers
from symlimits.theory.mixtures.observed import observed
from symlimits.theory.mixtures.posterior import MixingPosterior, Posterior
from symlimits.theory.mixtures.posterior_two import MatrixPosterior, TwoOutputPosterior


def posterior(
    mixing: MixingLaw, outputs: int, variance: sp.Expr, K_train: Any, y: Any, noise_var: Any
) -> Posterior | TwoOutputPosterior:
    """The posterior of `outputs` behind layers of a mixing law; see `NetworkLaw.posterior`."""
    if mixing.rectified:
        reason = "the posterior of ReLU networks: a prediction is about several inputs, and their angles change"
        raise NoRule(
            reason, "linear layers, whose law depends on the kernel of the inputs alone", "activation=act.linear"
        )
    needs_numbers("a posterior", variance.free_symbols | (set() if mixing.ratio is None else mixing.ratio.free_symbols))
    data = observed(K_train, y, noise_var, outputs, float(variance))
    if outputs == 1:
        return Posterior(MixingPosterior(mixing, data))
    if outputs == 2:
        return TwoOutputPosterior(MatrixPosterior(mixing, data))
    given = f"the posterior of {outputs} outputs, which mixes over matrices of that size"
    advice = "noise-free: the mean of output_law(widths=()), and for two points output_law(...).log_pdf as evidence"
    raise NoRule(given, "one output, or two", advice)

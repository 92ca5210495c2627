"""Importance sampling over small networks drawn in full: the prior weighed by the likelihood, and an exact bound."""

from __future__ import annotations

import numpy as np

from symlimits.finite.deep_linear import input_root, multiply_weights
from tests.finite.two_samples import generator

ALPHA = 1e-6  # of false alarms, each statement
COUNT = 400_000


def networks(widths, outputs, kernel, seed):
    """Outputs (COUNT, D, P + M) of networks of which every weight is drawn."""
    return multiply_weights(widths, outputs, input_root(kernel), COUNT, generator(seed))


def likelihood_weights(drawn, targets, noise):
    """exp(-|y - f|^2 / 2 noise), inside (0, 1], of draws (COUNT, D, P) and targets (P, D)."""
    return np.exp(-0.5 * np.square(drawn - targets.T).sum(axis=(1, 2)) / noise)


def effective(weights):
    """The effective sample size."""
    return weights.sum() ** 2 / np.square(weights).sum()


def agrees(terms, length=2.0):
    """Whether numbers of an interval of that length may have mean zero: Maurer and Pontil (2009), Bernstein's bound."""
    log = np.log(4 / ALPHA)
    reach = np.sqrt(2 * terms.var() * log / len(terms)) + 7 * length * log / (3 * (len(terms) - 1))
    return abs(terms.mean()) <= reach

"""Whether a count of random events agrees with the probability that was promised."""

from __future__ import annotations

from scipy.special import bdtr, bdtrc

ALPHA = 1e-6  # false alarms of each random test that counts; seeds are fixed


def binomial_agrees(successes: int, trials: int, probability: float) -> bool:
    """Whether the count lies inside its two-sided binomial interval at level ALPHA."""
    return not (more_than(successes, trials, probability) or fewer_than(successes, trials, probability))


def more_than(successes: int, trials: int, probability: float) -> bool:
    """Whether the events are significantly more frequent than promised."""
    return bool(bdtrc(successes - 1, trials, probability) <= ALPHA / 2)


def fewer_than(successes: int, trials: int, probability: float) -> bool:
    """Whether the events are significantly rarer than promised."""
    return bool(bdtr(successes, trials, probability) <= ALPHA / 2)

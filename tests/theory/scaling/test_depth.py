"""Exponents of depth, derived and simulated."""

from fractions import Fraction

import numpy as np
import pytest

from symlimits.errors import DomainError
from symlimits.theory.scaling.depth import ALPHA, GAMMA, depth_exponents

DEPTHS, WIDTH, SEEDS = (16, 32, 64, 128), 48, 6
DEVIATION = 0.12  # six networks of width 48, depths over three octaves: crossover at the shallow end


@pytest.mark.parametrize(("optimizer", "power"), [("sgd", 2), ("adam", 1), ("sign", 1)])
def test_formulas(optimizer, power):
    found = depth_exponents(optimizer)
    assert found.update == 1 - power * ALPHA - GAMMA
    assert found.stable[0].subs(ALPHA, Fraction(1, 2)) == True  # noqa: E712
    assert found.stable[0].subs(ALPHA, Fraction(2, 5)) == False  # noqa: E712
    for alpha in (Fraction(1, 2), Fraction(3, 4), 1):
        assert found.rate(alpha) == 1 - power * Fraction(alpha)
        assert found.update.subs({ALPHA: alpha, GAMMA: found.rate(alpha)}) == 0


def test_streams_that_diverge_and_unknown_optimizers_are_refused():
    with pytest.raises(DomainError, match="does not diverge"):
        depth_exponents().rate("1/3")
    with pytest.raises(DomainError, match="one of sgd"):
        depth_exponents("momentum")


def simulated(optimizer, alpha, gamma, blocks, rng):
    """RMS over units of the stream at the end, and of its change by one step on a linear readout."""
    x = np.tile(rng.standard_normal(WIDTH), (SEEDS, 1))
    weights = rng.standard_normal((blocks, SEEDS, WIDTH, WIDTH)) / WIDTH**0.5
    gradient = rng.standard_normal((SEEDS, WIDTH))

    def forward(w):
        stream = [x]
        for layer in w:
            stream.append(stream[-1] + blocks**-alpha * np.tanh((layer @ stream[-1][..., None])[..., 0]))
        return stream

    before = forward(weights)
    moved = weights.copy()
    for l in reversed(range(blocks)):
        slope = 1 - np.tanh((weights[l] @ before[l][..., None])[..., 0]) ** 2
        back = blocks**-alpha * gradient * slope
        outer = back[..., :, None] * before[l][..., None, :]
        step = np.sign(outer) if optimizer == "adam" else outer
        moved[l] -= 0.02 / WIDTH * blocks**-gamma * step
        gradient = gradient + (weights[l].swapaxes(1, 2) @ back[..., None])[..., 0]
    after = forward(moved)[-1]
    return np.sqrt(np.mean(before[-1] ** 2)), np.sqrt(np.mean((after - before[-1]) ** 2))


@pytest.mark.parametrize(
    ("optimizer", "alpha", "gamma"), [("sgd", 0.5, 0.0), ("sgd", 1.0, 0.0), ("adam", 0.5, 0.0), ("adam", 1.0, 0.0)]
)
def test_residual_networks_follow(optimizer, alpha, gamma):
    rng = np.random.default_rng(1)
    sizes = np.log([simulated(optimizer, alpha, gamma, blocks, rng) for blocks in DEPTHS])
    init, update = np.polyfit(np.log(DEPTHS), sizes, 1)[0]
    power = {"sgd": 2, "adam": 1}[optimizer]
    assert abs(init) < DEVIATION
    assert abs(update - (1 - power * alpha - gamma)) < DEVIATION
    assert abs(update - (1 - (3 - power) * alpha - gamma)) > DEVIATION  # the other optimizer's exponent is refuted

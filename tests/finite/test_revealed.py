"""Networks that are revealed where they are looked at: in law those that are drawn weight by weight, at every width."""

from __future__ import annotations

import numpy as np
import pytest
from two_samples import agree, generator

from symlimits.errors import DomainError
from symlimits.finite.deep_linear_experiments import TrainedNetworks, empirical_gram
from symlimits.finite.deep_linear_training import Network, draw, train
from symlimits.finite.revealed import GENERIC, Fresh, Revealed, gaussian, new_directions, unit

SXX = np.array([[1.0, 0.2], [0.2, 0.5]])
SYX = np.array([[1.0, -0.5]])
NETS = 3000
STEPS = 2


def functionals(network: Network) -> dict[str, np.ndarray]:
    """Predictors, Grams between times, and norms of increments."""
    states = list(train(network, SXX, SYX, 0.2, STEPS))
    found = {f"A{t}{i}": states[t].predictor[:, 0, i] for t in range(STEPS + 1) for i in range(2)}
    for name, of in (("h", "features"), ("b", "derivatives")):
        for layer in range(len(states[0].features)):
            gram = empirical_gram([getattr(state, of)[layer] for state in states])
            found |= {f"{name}{layer} {t}": gram[:, 0, t, 0, 0] for t in range(STEPS + 1)}
    for layer, delta in enumerate(states[-1].increments[1:-1]):
        found[f"increment {layer}"] = np.linalg.norm(delta, axis=(1, 2))
    return found


def revealed(depth: int, width: int, number: int, fresh: Fresh | None = None) -> dict[str, np.ndarray]:
    fresh = gaussian(width, NETS, generator(number)) if fresh is None else fresh
    return functionals(Revealed(depth, 2, 1, fresh, GENERIC))


@pytest.mark.parametrize(("depth", "width"), [(1, 3), (1, 8), (2, 8), (3, 12)])
def test_in_law_the_networks_drawn_in_full(depth: int, width: int) -> None:
    full = functionals(draw(width, depth, 2, 1, NETS, generator(1)))
    assert agree(revealed(depth, width, 2), full)


def without_fluctuations(width: int) -> Fresh:
    """A wrong sampler: Gaussian on known coordinates, but of length one on new ones."""
    right = gaussian(width, NETS, generator(3))

    def fresh(coordinates: int, count: int) -> np.ndarray:
        F = right(coordinates, count)
        F[:, coordinates:] = unit(0, count)
        return F

    return fresh


def without_the_past(width: int) -> Fresh:
    """A wrong sampler: orthogonal to all coordinates that there are, as at infinite width."""
    right = gaussian(width, NETS, generator(4))

    def fresh(coordinates: int, count: int) -> np.ndarray:
        F = right(coordinates, count)
        F[:, :coordinates] = 0.0
        return F

    return fresh


@pytest.mark.parametrize("wrong", [without_fluctuations, without_the_past])
def test_wrong_samplers_are_told_apart(wrong) -> None:
    full = functionals(draw(12, 2, 2, 1, NETS, generator(1)))
    assert not agree(revealed(2, 12, 2, wrong(12)), full)


@pytest.mark.parametrize("quantity", ["neuron", "increment"])
def test_what_is_asked_of_both_samplers(quantity: str) -> None:
    draws = []
    for number, sampler in enumerate(("exact", "naive")):
        asked = TrainedNetworks(2, ((1.0, 0.2), (0.2, 0.5)), ((1.0, -0.5),), 0.2, 3, quantity, 2, sampler=sampler)
        draws.append({quantity: asked.draws(16, NETS, generator(number))})
    assert agree(*draws)


def test_a_neuron_of_the_initial_layer_is_standard_normal_at_every_width() -> None:
    """Without training to speak of, at the least width: kurtosis three needs the sphere, not a Gaussian vector."""
    asked = TrainedNetworks(1, ((1.0,),), ((1.0,),), 1e-9, 1, "neuron")
    draws = asked.draws(2, 100_000, generator(9))
    assert abs((draws**2).mean() / 2 - 1) < 0.03  # seven standard errors
    assert abs((draws**4).mean() / 12 - 1) < 0.08  # h + b has variance two; eight standard errors


def test_the_record_goes_there_and_back() -> None:
    asked = TrainedNetworks(2, ((1.0, 0.2), (0.2, 0.5)), ((1.0, -0.5),), 0.2, 3, "increment", 2)
    assert TrainedNetworks.from_record(asked.record()) == asked


def test_known_directions_are_not_met_again() -> None:
    rng = np.random.default_rng(0)
    seen = np.linalg.qr(rng.standard_normal((9, 4)))[0]
    h = seen @ rng.standard_normal((4, 3)) + 1e-9 * rng.standard_normal((9, 3))
    z = new_directions(seen, h, 1e-15)
    assert z.shape == (9, 3)
    both = np.concatenate([seen, z], axis=1)
    np.testing.assert_allclose(both.T @ both, np.eye(7), atol=1e-14)
    assert new_directions(seen, h, 1e-7).shape == (9, 0)


def test_the_matrix_is_one_matrix() -> None:
    """What was met forwards is met backwards: b'(M h) = (M'b)'h, at infinite width and at a finite one."""
    for fresh in (unit, gaussian(50, 3, generator(0))):
        network = Revealed(2, 2, 1, fresh, GENERIC)
        states = list(train(network, SXX, SYX, 0.2, 4))
        for state in states:
            one = state.derivatives[1].swapaxes(-1, -2) @ state.features[1]
            other = state.derivatives[0].swapaxes(-1, -2) @ state.features[0]
            np.testing.assert_allclose(one, other, atol=1e-13)


def test_doors() -> None:
    with pytest.raises(DomainError, match="width"):
        TrainedNetworks(3, ((1.0,),), ((1.0,),), 0.1, 8).draws(4, 5, generator(0))
    for wrong in ({"quantity": "weight"}, {"quantity": "increment", "layer": 1}, {"sampler": "fast"}, {"steps": 0}):
        with pytest.raises(DomainError):
            TrainedNetworks(**{"depth": 2, "Sxx": ((1.0,),), "Syx": ((1.0,),), "lr": 0.1, "steps": 1} | wrong)

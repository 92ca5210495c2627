"""Learning rates of layers: the kernel as a sum of the layers' parts, and networks trained with them."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import DomainError, NoRule
from symlimits.finite.trained_networks import Recipe, trained_outputs
from symlimits.language.architecture import Repeat
from symlimits.language.network_tree import network_from_tree, network_to_tree
from symlimits.theory.training.claims import mean_limit, variance_limit
from symlimits.theory.training.statements import statement

NET = sl.mlp(depth=2, activation=act.erf, w_var=2, b_var="1/10")
ONE = sl.mlp(depth=1, activation=act.erf, w_var=2, b_var="1/10")
RNG = np.random.default_rng(2)
X, Y, Z = RNG.standard_normal((4, 3)), RNG.standard_normal((4, 1)), RNG.standard_normal((2, 3))
WIDTHS = (16, 32, 64)
EXACT = 1e-27  # of sums of four numbers of 30 digits, of order one


def test_the_kernel_is_the_sum_of_the_parts_of_layers() -> None:
    """By one statement with rates as symbols: it is linear in them, and the readout's part is the NNGP kernel."""
    rates = sp.symbols("eta_1:5", positive=True)
    symbolic = sl.ntk(NET.with_rates(rates[0], rates[1:3], rates[3]))
    at = (1, 2, "1/2")

    def value(*given: object) -> sp.Float:
        return symbolic.bind(**{r.name: w for r, w in zip(rates, given, strict=True)}).reference(*at)

    parts = [value(*(int(i == j) for i in range(4))) for j in range(4)]
    weights = ["1/2", 2, 0, "3/4"]
    assert abs(value(*weights) - sum(sp.Rational(w) * part for w, part in zip(weights, parts, strict=True))) < EXACT
    assert abs(sum(parts) - sl.ntk(NET).reference(*at)) < EXACT
    assert abs(parts[3] - sl.nngp(NET).reference(*at)) < EXACT
    assert min(parts) > 0.01  # every part is seen


def test_rates_of_layers_that_are_repeated() -> None:
    slow = sl.Dense(2, "1/10", w_rate="1/2", b_rate="eta")
    repeated = sl.serial(sl.Dense(2, "1/10"), Repeat((act.erf, slow), 2))
    assert list(repeated.denses()) == list(NET.with_rates(1, ("1/2", "eta"), ("1/2", "eta")).denses())
    with pytest.raises(DomainError, match="one rate for all layers"):
        sl.linearization(repeated, X, Y, lr=0.1, steps=1)


@pytest.mark.slow
def test_the_engine_says_the_same() -> None:
    """The fourth link, by backpropagation; and a kernel that forgets the rates is found."""
    from dataclasses import replace

    rated = sl.ntk(ONE.with_rates((2, "1/2"), "1/3"))
    links = {link.name: link for link in rated.check(seed=1).links}
    assert links["general"].passed
    forgetful = replace(rated, trace=sl.ntk(ONE).trace)
    assert forgetful.check(seed=1).failed == ("general",)


def test_lines_with_rates() -> None:
    lines = statement("outputs", "flow", weight_decay=True, rated=True)
    assert lines.check(5).ok
    assert lines.expr == statement("outputs", "flow", weight_decay=True).expr  # of another kernel
    told = [str(sl.trained_law(net, X, Y).derivation().definition) for net in (ONE.with_rates(1, 2), ONE)]
    assert ["R*J_x'" in text for text in told] == [True, False]


def test_one_rate_of_all_layers_is_another_rate_of_training() -> None:
    """In the law and in networks, of the same weights."""
    twice, faster = ONE.with_rates(2, 2), sl.trained_law(ONE, X, Y, lr=0.4, momentum=0.3)
    law = sl.trained_law(twice, X, Y, lr=0.2, momentum=0.3)
    assert np.allclose(law.mean(Z, steps=7), faster.mean(Z, steps=7), atol=1e-12)
    runs = [
        trained_outputs(net, X, Y, Z, Recipe(lr, 5, momentum=0.3), 8, 3, np.random.default_rng(0))
        for net, lr in ((twice, 0.2), (ONE, 0.4))
    ]
    assert np.allclose(*runs, atol=1e-12)


@pytest.mark.slow
def test_networks_trained_with_rates() -> None:
    """Mean and variance at a test and a training input; the law of equal rates is rejected."""
    given: dict[str, float] = {"momentum": 0.5, "weight_decay": 0.2}
    net, at = ONE.with_rates(("1/2", 2), 1), np.concatenate([Z[:1], X[:1]])
    law = sl.trained_law(net, X, Y, lr=0.3, **given)
    claim = mean_limit(law, net, at, 6, [1.0, 0.5])
    assert claim.certify(sizes=WIDTHS, seed=1).ok
    assert variance_limit(law, net, at, 6, [1.0, 1.0]).certify(sizes=WIDTHS, seed=1).ok
    equal = mean_limit(sl.trained_law(ONE, X, Y, lr=0.3, **given), ONE, at, 6, [1.0, 0.5])
    assert not sl.limit(equal.expr, experiment=claim.experiment, order=1).certify(sizes=WIDTHS, seed=1).ok


def test_rates_at_the_door() -> None:
    for wrong in ((1, 1), (1, 1, 1, 1), (1, 1, (1, 2, 3))):
        with pytest.raises(DomainError, match="one for each of 3 Dense layers"):
            NET.with_rates(*wrong)
    with pytest.raises(DomainError, match="a factor of the learning rate"):
        NET.with_rates(1, -1, 1)
    with pytest.raises(DomainError, match="integer depth"):
        sl.mlp("L", act.erf, 2, 0).with_rates(1, 1)
    rated = ONE.with_rates(1, 2)
    with pytest.raises(DomainError, match="a rate of zero"):
        sl.trained_law(rated, X, Y, kernel="nngp")
    with pytest.raises(NoRule, match="learning rates of layers"):
        sl.training_program(rated, [[1]], [1], steps=1)
    with pytest.raises(DomainError, match=r"law\.network"):
        mean_limit(sl.trained_law(rated, X, Y), ONE, Z, 1, [1.0, 0.0])


def test_rates_are_kept_in_files() -> None:
    rated = ONE.with_rates((2, "1/2"), (1, "eta"))
    assert network_from_tree(network_to_tree(rated)) == rated
    assert "rate" not in str(network_to_tree(ONE))

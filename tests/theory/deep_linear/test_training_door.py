"""Training at the door: data and moments, minibatches, momentum and decay against the forest, one kind of path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symlimits as sl
from symlimits.finite.deep_linear_training import Rule
from symlimits.theory.deep_linear.forest import Forest
from symlimits.theory.deep_linear.lazy import gradient_descent
from symlimits.theory.deep_linear.minibatches import places
from symlimits.theory.deep_linear.path import Path
from symlimits.theory.deep_linear.problem import problem_of_data
from symlimits.theory.deep_linear.weights import GaussianWeights, Increment

ROUNDING = 1e-12  # some thousand roundings of numbers up to 10
ROOTS = 1e-7  # of singular values by roots of Grams, whose eigenvalues have errors of 1e-15
SMALL_STEPS = 5e-3  # how far 400 steps are from the flow of the same time: an error of first order
RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(9, 3)), RNG.normal(size=(9, 2))
DATA = problem_of_data(X, Y)
ORDER = [[0, 3, 7], [1, 1, 4, 8], [2, 5, 6]]  # one datum twice
RULES: list[dict[str, Any]] = [
    {"momentum": 0.5},
    {"weight_decay": 0.3},
    {"weight_decay": 0.3, "towards_start": True},
    {"momentum": 0.5, "weight_decay": 0.3},
    {"batches": ORDER},
    {"batches": 2},
    {"batches": ORDER, "momentum": 0.4, "weight_decay": 0.2, "towards_start": True},
]


def assert_close(found: Any, wanted: Any, tolerance: float = ROUNDING) -> None:
    assert np.shape(found) == np.shape(wanted)
    size = max(1.0, float(np.abs(wanted).max(initial=0.0)))
    assert np.abs(np.asarray(found) - wanted).max(initial=0.0) <= tolerance * size


def grams(path: Path) -> list[np.ndarray]:
    """All that a path says of its neurons."""
    layers = range(1, path.depth + 1)
    found = [path.forward_gram(l - 1) for l in layers] + [path.backward_gram(l + 1) for l in layers]
    return found + [path.neuron_law(l) for l in layers] + [path.mixed_gram(l) for l in layers]


# ------------------------------------------------------------------------------------------------- against the forest


@pytest.mark.parametrize("options", RULES, ids=str)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_every_rule_on_the_forest(options: dict[str, Any], depth: int) -> None:
    """The network of zeros and ones that is exact for these steps, trained by the same rule on the same batches."""
    steps, rule = 3, {name: value for name, value in options.items() if name != "batches"}
    batches = options.get("batches")
    parts = [range(9)] if batches is None else [range(5), range(5, 9)] if batches == 2 else batches
    each = [problem_of_data(X[list(part)], Y[list(part)]) for part in parts]
    moments = np.stack([part.Sxx for part in each]), np.stack([part.Syx for part in each])
    forest = Forest(depth, (steps + 1) * (depth - 1), 3, 2)  # a step more than predictors ask for: Grams see further
    states = list(forest.train(*moments, 0.1, steps, Rule(**rule)))
    path = sl.deep_linear(depth).train(X, Y, lr=0.1, steps=steps, **options)
    assert_close(path.predictors, [state.predictor for state in states])
    for t, state in enumerate(states):
        forward, backward = path.grams_at(t)
        assert_close(forward[-1], state.features[-1].T @ state.features[-1])
        assert_close(backward[0], state.derivatives[0].T @ state.derivatives[0])
        assert_close(path.mixed_gram(1)[t, 1], state.derivatives[0].T @ states[1].features[0])
        for layer in range(2, depth + 1):
            law = path.weight_law(layer)
            assert isinstance(law, Increment)
            values = law.singular_values(t)
            truth = np.linalg.svd(state.increments[layer - 1], compute_uv=False)
            assert len(values) <= 2 * t
            assert_close(values, truth[: len(values)])
            assert np.abs(truth[len(values) :]).max(initial=0.0) < ROUNDING
    assert_close(path.errors, DATA.Syx - path.predictors @ DATA.Sxx)  # of all data, whatever the batches


def test_a_path_says_how_it_was_trained() -> None:
    path = sl.deep_linear(2).train(X, Y, lr=0.1, steps=4, batches=ORDER, momentum=0.4, weight_decay=0.2)
    words = "lr 0.1, momentum 0.4, weight decay 0.2, 3 minibatches in turn, 4 steps"
    assert repr(path) == f"Path(depth 2, 3 inputs, 2 outputs, {words})"
    assert (path.lr, path.rule, path.batches) == (0.1, Rule(0.4, 0.2), 3)


def test_rules_differ() -> None:
    """The control: each rule has a path of its own."""
    ends = [sl.deep_linear(2).train(X, Y, lr=0.1, steps=4, **options).predictors[-1] for options in [{}, *RULES]]
    gaps = [np.abs(a - b).max() for i, a in enumerate(ends) for b in ends[:i]]
    assert min(gaps) > 1e-3


# ------------------------------------------------------------------------------------------------ one kind of path


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_data_are_their_moments(depth: int) -> None:
    """Exactly, by the recursion; and to rounding by the network in coordinates, which one batch of all asks for."""
    net = sl.deep_linear(depth)
    moments = net.gradient_descent(DATA.Sxx, DATA.Syx, lr=0.1, steps=12)
    assert np.array_equal(net.train(X, Y, lr=0.1, steps=12).predictors, moments.predictors)
    coordinates = net.train(X, Y, lr=0.1, steps=12, batches=1)
    assert type(coordinates.grams) is not type(moments.grams)
    assert repr(coordinates) == repr(moments)
    for found, wanted in zip(grams(coordinates), grams(moments), strict=True):
        assert_close(found, wanted)
    for name in ("times", "predictors", "errors", "risks", "kernel_operator", "critical_rate"):
        assert_close(getattr(coordinates, name), getattr(moments, name))
    for layer in (1, depth + 1):
        first, second = coordinates.weight_law(layer), moments.weight_law(layer)
        assert isinstance(first, GaussianWeights)
        assert isinstance(second, GaussianWeights)
        assert_close(first.covariance, second.covariance)
    for layer in range(2, depth + 1):
        for t in (0, 9, 12):
            found, wanted = (path.weight_law(layer).singular_values(t) for path in (coordinates, moments))  # type: ignore[union-attr]
            assert len(found) <= len(wanted) == 2 * t
            assert_close(found, wanted[: len(found)], ROOTS)  # the network drops what is below rounding
        assert np.array_equal(coordinates.singular_values(layer), found)


def test_moments_with_a_rule_are_data_with_it() -> None:
    net = sl.deep_linear(2)
    for rule in RULES[:4]:
        found = net.gradient_descent(DATA.Sxx, DATA.Syx, lr=0.1, steps=6, **rule)
        assert np.array_equal(found.predictors, net.train(X, Y, lr=0.1, steps=6, **rule).predictors)


def test_a_flow_is_such_a_path_too() -> None:
    """Laws of neurons and weights along the flow are those of many small steps."""
    net, lr = sl.deep_linear(2), 1 / 400
    flow = net.gradient_flow(DATA.Sxx, DATA.Syx, [0.0, 0.5, 1.0])
    steps = net.train(X, Y, lr=lr, steps=400, batches=1)
    assert repr(flow) == "Path(depth 2, 3 inputs, 2 outputs, flow to time 1)"
    assert flow.error < 1e-8
    at = np.ix_([0, 200, 400], [0, 200, 400])
    for found, wanted in zip(grams(flow), grams(steps), strict=True):
        assert_close(found, wanted[at], SMALL_STEPS)
    moved = flow.weight_law(2)
    assert isinstance(moved, Increment)
    assert_close(moved.singular_values()[:4], steps.singular_values(2)[:4], SMALL_STEPS)
    assert np.abs(moved.singular_values(1)[0] - moved.singular_values(2)[0]) > 4 * SMALL_STEPS  # of half the time
    assert not moved.singular_values(0).any()
    assert_close(flow.risks, steps.risks[[0, 200, 400]], SMALL_STEPS)
    assert_close(flow.kernel_operator, steps.kernel_operator, SMALL_STEPS)


def test_risks_are_those_of_the_data() -> None:
    path = sl.deep_linear(2).train(X, Y, lr=0.1, steps=20)
    for t in (0, 3, 20):
        risk = 0.5 * ((Y - X @ path.predictors[t].T) ** 2).sum() / 9
        assert path.risks[t] == pytest.approx(risk - 0.5 * (Y**2).sum() / 9, abs=ROUNDING)
    assert (np.diff(path.risks) < 0).all()


def test_the_note_is_on_the_path() -> None:
    flat = np.diag([1.0, 0.0])
    net, words = sl.deep_linear(2), "0.6 of Syx lies outside the range of Sxx"
    steps = net.gradient_descent(flat, [[4.0, 3.0]], lr=0.01, steps=3)
    momentum = net.gradient_descent(flat, [[4.0, 3.0]], lr=0.01, steps=3, momentum=0.5)
    for path in (steps, momentum, net.gradient_flow(flat, [[4.0, 3.0]], [0.01])):
        assert path.note.startswith(words)
        assert words in repr(path)
    assert net.gradient_descent(flat, [[4.0, 0.0]], lr=0.01, steps=3).note == ""


# ------------------------------------------------------------------------------------------------------ minibatches


def test_batches_are_taken_in_turn() -> None:
    net = sl.deep_linear(1)
    path = net.train(X, Y, lr=0.05, steps=7, batches=ORDER)
    again = net.train(X, Y, lr=0.05, steps=7, batches=[np.array(ORDER[t % 3]) for t in range(7)])
    assert np.array_equal(path.predictors, again.predictors)
    first = problem_of_data(X[ORDER[0]], Y[ORDER[0]])
    assert_close(path.predictors[1], 0.1 * first.Syx)  # (L + 1) lr Syx of the first batch
    turned = net.train(X, Y, lr=0.05, steps=7, batches=ORDER[::-1])
    assert np.abs(turned.predictors[-1] - path.predictors[-1]).max() > 1e-3


def test_consecutive_parts() -> None:
    assert [at.tolist() for at in places(3, 8)] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert [at.tolist() for at in places(np.int64(2), 2)] == [[0], [1]]
    assert [at.tolist() for at in places(np.array([[0, 2], [1, 3]]), 4)] == [[0, 2], [1, 3]]


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        (10, "10 batches of 9 data"),
        (0, "batches = 0"),
        ("ab", "batches = "),
        ([], "no batch"),
        ([[0], []], "batch 1 of shape"),
        ([[0, 9]], "places from 0 to 9"),
        ([[-1]], "places from -1 to -1"),
        ([[0.0]], "entries of type float64"),
        ([[True, False]], "entries of type bool"),
        ([["a"]], "entries of type"),
        ([0, 1], "batch 0 of shape"),
        ([[[0], [1, 2]]], "batch 0, "),
    ],
)
def test_batches_that_are_none(batches: Any, words: str) -> None:
    with pytest.raises((sl.errors.DataError, sl.errors.DomainError), match=words):
        sl.deep_linear(2).train(X, Y, batches=batches)


# ----------------------------------------------------------------------------------------------------------- memory


def test_a_network_that_grows_beyond_memory_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for at the start fits; what the network would grow to does not."""
    monkeypatch.setattr("symlimits.memory.available_bytes", lambda: 4 * 10**6)
    with pytest.raises(sl.errors.ResourceError, match=r"a network of .* coordinates a layer needs"):
        gradient_descent(4, DATA.Sxx, DATA.Syx, 0.05, 60, tolerance=0.0)
    assert gradient_descent(4, DATA.Sxx, DATA.Syx, 0.05, 3, tolerance=0.0).steps == 3


def test_a_long_path_is_refused_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symlimits.memory.available_bytes", lambda: 10**6)
    with pytest.raises(sl.errors.ResourceError, match="a path of 10000 steps needs"):
        sl.deep_linear(2).train(X, Y, steps=10_000, momentum=0.5, forced=True)


def test_grams_of_many_times_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    path = sl.deep_linear(2).train(X, Y, lr=0.05, steps=200, momentum=0.5)
    monkeypatch.setattr("symlimits.memory.available_bytes", lambda: 10**6)
    for ask in (path.forward_gram, path.mixed_gram, path.neuron_law):
        with pytest.raises(sl.errors.ResourceError, match="201 times needs"):
            ask(1)
    assert path.grams_at(-1)[0][1].shape == (3, 3)  # one time asks for nothing


def test_a_large_kernel_operator_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symlimits.memory.available_bytes", lambda: 1000)
    with pytest.raises(sl.errors.ResourceError, match=r"2 outputs and 3 directions needs .* try: forced=True"):
        sl.deep_linear(2).gradient_descent(DATA.Sxx, DATA.Syx, lr=0.1, steps=1)

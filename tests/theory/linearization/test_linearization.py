"""The gaps between networks, linearisations and the law: exponents by two calculi, certificates, and the door."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.clusters import cluster_exponent, drift_lines, ensemble_lines, gap_lines, movement_lines
from symlimits.errors import DataError, DomainError, NoRule, ResourceError, SymlimitsError
from symlimits.finite.descent import Descent
from symlimits.finite.gaps import NetworkGaps
from symlimits.finite.linearized import trained_beside
from symlimits.finite.slopes import slope
from symlimits.language.architecture import Serial
from symlimits.theory.linearization.claims import NAMES, jumps_of_slope, lines
from symlimits.theory.linearization.figure import gaps_figure
from symlimits.theory.linearization.link import LinearizationProgram, program_exponent
from symlimits.theory.scaling.one_hidden import q, q_sigma

X = [[1.0, 0.2, -0.3], [-0.4, 1.1, 0.5], [0.3, -0.6, 0.9]]
Y = [[1.0], [-0.5], [0.3]]
CLASSES = np.eye(2)[[0, 1, 0]]
HALF = sp.Rational(1, 2)
SMALL = (16, 64, 256)
WIDE = (256, 1024, 4096)  # kinks: what crosses none is smaller by the root of the width alone
SEEN = 15  # standard errors of a mean whose logarithm is looked at: a fifteenth of itself, five of them a third
LINES = {"linearized": gap_lines, "kernel_drift": drift_lines, "movement": movement_lines}


def problem(phi: object = act.erf, depth: int = 1, lr: float = 0.5, steps: int = 8, **how: object) -> object:
    targets = CLASSES if how.get("loss") == "xent" else Y
    return sl.linearization(sl.mlp(depth, phi, w_var=1.5, b_var=0.1), X, targets, lr=lr, steps=steps, **how)


@pytest.mark.parametrize("depth", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("quantity", LINES)
def test_clusters_and_the_engine_agree(quantity: str, depth: int) -> None:
    """One counts functions that contractions join, the other reads a program in series of powers of the width."""
    claimed = LINES[quantity]()[-1].expr
    assert claimed == {"linearized": -1, "kernel_drift": -1, "movement": 0}[quantity]
    assert program_exponent(quantity, depth) == claimed


def test_the_engine_rejects_another_exponent() -> None:
    limit = problem().linearized
    link = LinearizationProgram("linearized", 1)
    assert link.link(limit, {}).passed
    wrong = replace(limit, trace=(replace(limit.trace[0], expr=-HALF),))
    assert link.link(wrong, {}).passed is False
    assert link.link(wrong, {}).details == {"special": "-1/2", "general": "-1"}


def test_clusters() -> None:
    """Kernels are of order one, their derivatives along the gradient of order 1/n; four derivatives make it 1/n^2."""
    assert [cluster_exponent(m) for m in range(1, 7)] == [0, 0, -1, -1, -2, -2]
    assert gap_lines(Fraction(-1, 2))[0].expr == sp.Max(-2, -1, -HALF, evaluate=False)
    assert [ensemble_lines(Fraction(gap))[-1].expr for gap in (-1, Fraction(-1, 2))] == [-1, -HALF]


@pytest.mark.parametrize(("phi", "exponent"), [(act.erf, -1), (act.relu, -HALF), (act.leaky_relu("1/3"), -HALF)])
def test_the_drift_is_that_of_the_fan_of_one_hidden_layer(phi: object, exponent: object) -> None:
    cell = sl.scaling.one_hidden_layer("shared", phi)["NTK"]
    assert cell.exponents["kernel_increment_trained"].subs({q_sigma: -HALF, q: 0}) == exponent
    assert lines("kernel_drift", sl.mlp(1, phi, 1, 0), data=2)[-1].expr == exponent


def test_kinks_and_their_exponents() -> None:
    def jumps(phi: object) -> object:
        return jumps_of_slope(sl.mlp(2, phi, 1, 0))

    assert jumps(act.relu) == [(0, 1)]
    assert jumps(act.absolute) == [(-1, 1)]
    assert jumps(act.relu_power(2)) == jumps(act.erf) == jumps(act.elu) == []

    def found(phi: object, data: int = 2) -> list[object]:
        return [lines(name, sl.mlp(2, phi, 1, 0), data)[-1].expr for name in NAMES]

    assert found(act.relu) == found(act.absolute) == [-HALF, -HALF, -HALF, -HALF, 0]
    assert found(act.relu_power(2)) == found(act.erf) == [-1, -1, -HALF, -1, 0]
    assert found(act.relu, data=1)[1] == -HALF
    with pytest.raises(NoRule, match="one datum"):
        found(act.absolute, data=1)
    kinked = problem(act.relu)
    assert kinked.linearized.general.link(kinked.linearized, {}).passed is None
    assert [getattr(kinked, name).expr for name in NAMES] == found(act.relu)


def test_a_run() -> None:
    lin = problem(depth=2, loss="xent", optimizer="momentum")
    run = lin.run(64, seed=3, times=(0, 1, 8))
    assert run.f.shape == run.f_lin.shape == (9, 3, 2)
    assert run.kernels.shape == (3, 3, 2, 3, 2)
    assert np.array_equal(run.f[0], run.f_lin[0])
    assert run.movement[0] == run.kernel_drift[0] == 0
    slope = (np.exp(run.f[0]) / np.exp(run.f[0]).sum(1, keepdims=True) - CLASSES) / 3
    first = run.f[0] - 0.5 * np.einsum("akbl,bl->ak", run.kernels[0], slope)
    assert np.allclose(run.f_lin[1], first, rtol=0, atol=1e-12)  # one step by the kernel, to rounding
    assert 0 < run.gap[1] < run.gap.max()
    again, other = lin.run(64, seed=3), lin.run(64, seed=4)
    assert np.array_equal(again.f, run.f)
    assert not np.array_equal(other.f, run.f)
    assert again.times == tuple(range(9))


def test_kernels_tend_to_the_limit() -> None:
    """Gap (b), and the rate of gap (a) in its place, which is refused."""
    limit = problem().kernel
    found = limit.certify(sizes=SMALL, seed=0)
    assert found.ok
    wrong = replace(limit, trace=(replace(limit.trace[0], expr=sp.Integer(-1)),)).certify(sizes=SMALL, seed=0)
    assert wrong.links[0].passed is False
    assert wrong.links[0].details["control rejected"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("quantity", "sizes", "how"),
    [
        ("linearized", SMALL, {}),
        ("linearized", SMALL, {"loss": "xent", "optimizer": "momentum"}),
        ("linearized", (16, 32, 128), {"depth": 2, "steps": 4}),
        ("kernel_drift", SMALL, {"optimizer": "momentum", "lr": 0.2}),
        ("movement", SMALL, {}),
        ("ensemble_mean", (8, 32, 128), {"steps": 4}),
        ("linearized", WIDE, {"phi": act.relu, "steps": 4}),
        ("kernel_drift", WIDE, {"phi": act.relu, "steps": 4, "loss": "xent", "lr": 2.0}),
    ],
)
def test_networks_certify_the_exponents(quantity: str, sizes: tuple[int, ...], how: dict[str, object]) -> None:
    found = getattr(problem(**how), quantity).certify(sizes=sizes, seed=0)
    assert found.ok, str(found)
    assert found.links[0].details["control rejected"]


@pytest.mark.slow
@pytest.mark.parametrize(("quantity", "wrong"), [("kernel_drift", -HALF), ("movement", -HALF)])
def test_the_other_rates_are_refused(quantity: str, wrong: sp.Expr) -> None:
    """The bound of the theorem, and the rate of kinks, in place of the smooth activation's."""
    limit = getattr(problem(steps=4), quantity)
    false = replace(limit, trace=(replace(limit.trace[0], expr=wrong),))
    assert false.certify(sizes=SMALL, seed=0).links[0].passed is False


@pytest.mark.slow
def test_kinks_leave_a_bias_in_the_mean() -> None:
    """E(f - f_lin), with its sign: of n^(-1/2) for relu, of 1/n for erf, whose f_lin has a bias of 1/n as well."""
    widths, data, found = (64, 1024), (np.array(X), 2 * np.array(Y), Descent(0.5, 4)), {}
    for name, phi in (("relu", act.relu), ("erf", act.erf)):
        net, means = sl.mlp(1, phi, 1.5, 0.1), []
        for width in widths:
            rng = np.random.default_rng(width)
            runs = [trained_beside(net, *data, width, 250, rng) for _ in range(8)]
            gap = np.concatenate([(run.f - run.f_lin)[:, -1, 0, 0] for run in runs])
            means.append(gap.mean())
            assert abs(gap.mean()) > SEEN * gap.std() / len(gap) ** 0.5
        found[name] = np.log(means[1] / means[0]) / np.log(widths[1] / widths[0])
    # means within a third of themselves (five standard errors): a slope within 2 log(4/3)/log(16) = 0.21 of its own
    assert abs(found["relu"] + 0.5) < 0.21
    assert abs(found["erf"] + 1.0) < 0.21


@pytest.mark.slow
def test_a_certificate_is_drawn_again() -> None:
    from symlimits.paper.verify import verify

    found = problem(optimizer="momentum").kernel_drift.certify(sizes=(8, 16, 32), seed=1)
    assert [link.name for link in found.links] == ["simulation", "lines", "compiled", "general"]
    assert verify(found.to_json()).differences == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": "gap"},
        {"target": [[1.0]]},
        {"Y": [[1.0]]},
        {"descent": {"lr": 0.1, "steps": 10**9, "optimizer": "sgd", "momentum": 0.9, "loss": "mse"}},
        {"descent": {"lr": 0.1, "steps": 5, "optimizer": "lbfgs", "momentum": 0.9, "loss": "mse"}},
        {"descent": {"lr": "x"}},
        {"network": {}},
    ],
)
def test_records_are_read_back_or_refused(wrong: dict[str, object]) -> None:
    experiment = problem().experiment("kernel")
    record = json.loads(json.dumps(experiment.record()))
    assert NetworkGaps.from_record(record) == experiment
    assert 0 < experiment.work(64) < experiment.work(128)
    with pytest.raises(SymlimitsError):
        NetworkGaps.from_record(record | wrong)


def test_measured_slopes_of_adam() -> None:
    lin = problem(optimizer="adam", lr=0.05)
    found = lin.slopes((16, 64, 256), nets=32)
    assert set(found) == {"linearized", "kernel_drift", "movement"}
    assert found["linearized"].interval(1e-3)[1] < -0.5  # the gap closes; its rate is a figure, no claim
    for name in ("linearized", "kernel", "ensemble_mean"):
        with pytest.raises(NoRule, match="adam"):
            getattr(lin, name)


def test_the_picture(tmp_path: Path) -> None:
    found = slope({n: [2 / n, 3 / n] for n in (32, 64, 128)}, "linearized")
    path = tmp_path / "gaps.png"
    (panel,) = gaps_figure({"erf": {"linearized": (found, -1.0)}}, path).axes
    assert path.stat().st_size > 0
    assert "-1.00" in panel.get_legend().get_texts()[0].get_text()
    drawn = panel.lines[-1].get_ydata()
    assert np.allclose(drawn, np.sqrt(6) / np.array([32, 64, 128]))  # geometric means, on the derived line
    with pytest.raises(DataError, match="no measured gaps"):
        gaps_figure({})


@pytest.mark.parametrize(
    ("how", "error", "match"),
    [
        ({"lr": 50.0}, DomainError, "critical rate"),
        ({"lr": 500.0, "loss": "xent", "optimizer": "momentum", "Y": CLASSES}, DomainError, "critical rate"),
        ({"lr": 0.0}, DomainError, "lr = 0"),
        ({"optimizer": "lbfgs"}, DomainError, "optimizer = 'lbfgs'"),
        ({"loss": "hinge"}, DomainError, "loss = 'hinge'"),
        ({"steps": 0}, DomainError, "steps = 0"),
        ({"momentum": 1}, DomainError, "momentum = 1"),
        ({"Y": [1.0, 2.0, 3.0]}, DataError, "a row of k outputs"),
        ({"Y": [[1.0], [2.0]]}, DataError, "a row of Y for each"),
        ({"loss": "xent"}, DataError, "probabilities"),
        ({"net": sl.mlp(1, act.step, 1, 0)}, DomainError, "continuous activation"),
        ({"net": sl.mlp(1, act.erf, 1, 0, parameterization="standard", widths=(8,))}, DomainError, "ntk"),
        ({"net": "relu"}, DomainError, "network"),
        ({"net": sl.serial(sl.Dense(1, 0))}, DomainError, "hidden layer"),
        ({"net": sl.mlp(1, act.erf, 1, 0).with_rates(2, 0)}, DomainError, "one rate for all layers"),
    ],
)
def test_the_door(how: dict[str, object], error: type[Exception], match: str) -> None:
    given = {"net": sl.mlp(1, act.erf, 1, 0), "X": X, "Y": Y, "lr": 0.1, "steps": 5} | how
    with pytest.raises(error, match=match):
        sl.linearization(**given)


def test_the_door_of_a_run() -> None:
    lin = problem(depth=2)
    with pytest.raises(ResourceError, match="a network of width 10000000"):
        lin.run(10**7)
    for wrong in ({"width": 0}, {"width": 8.0}, {"width": 8, "seed": -1}, {"width": 8, "times": (3, 99)}):
        with pytest.raises(DomainError):
            lin.run(**wrong)
    with pytest.raises(NoRule, match="no closed form"):
        _ = problem(loss="xent").ensemble_mean
    with pytest.raises(DataError, match="sizes"):
        lin.slopes((8, 16), nets=2)


STILL: dict[str, tuple[Serial, list[list[float]], tuple[str, ...]]] = {
    "inputs of zero": (sl.mlp(2, act.erf, 2, 0), [[0.0]], ("linearized", "kernel", "movement")),
    "inputs of zero that are seen": (sl.mlp(1, "cos(x)", 2, 0), [[0.0], [0.0]], ("linearized", "ensemble_mean")),
    "a constant": (sl.mlp(1, "1", 2, 0), [[1.0]], ("kernel_drift", "kernel")),
    "no last weights": (sl.serial(sl.Dense(1, 0), act.erf, sl.Dense(0, 1)), [[1.0], [2.0]], ("linearized",)),
}


@pytest.mark.parametrize("name", STILL)
def test_no_power_of_the_width_is_claimed_of_zero(name: str) -> None:
    net, X, quantities = STILL[name]
    lin = sl.linearization(net, X, [[1.0]] * len(X), lr=0.1, steps=3)
    for quantity in quantities:
        assert max(lin.draws(quantity, (64,), nets=4)[64]) < 1e-14  # of one: rounding
        with pytest.raises(DomainError, match="the quantity is zero"):
            getattr(lin, quantity)
    near = sl.linearization(sl.mlp(1, "cos(x)", 2, 0), [[0.0], [0.5]], [[1.0]] * 2, lr=0.1, steps=3)
    assert near.linearized.expr == -1
    assert max(near.draws("linearized", (64,), nets=4)[64]) > 1e-6

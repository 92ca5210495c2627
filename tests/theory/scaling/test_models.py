"""Limit models: against networks of growing width, against the wrong model, and by identities."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from symlimits import activations as act
from symlimits.derivation.polyhedra import Constraint
from symlimits.errors import DataError, DomainError
from symlimits.theory.scaling import Cell, LimitModel, convergence, one_hidden_layer
from symlimits.theory.scaling.dynamics import covariance
from symlimits.theory.scaling.initialisation_corrected import initialisation_corrected

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
ROUNDING = 1e-12
SAMPLING = 5  # standard errors: one false alarm in a million
# Of the error at 2^8 at 2^12: an error that falls like width^(-1/4), the slowest of them, is halved; one that stays has
# a median over 8 networks that fluctuates by a tenth.
FALLEN, STAYS = 0.65, 0.75
CLOSE = 0.05  # a relative error at width 2^12, of fluctuations of order 1/64
PHI = "erf(x)"

X = np.array([[1.0, 0.5], [0.8, -0.3], [-0.6, 1.0], [-1.0, 0.4]])
Y = np.array([1.0, -1.0, 1.0, -1.0])
NTK = LimitModel("kernel", ("logit", "logit"))
MF = LimitModel("measure", ("zero", "logit"))
WIDTHS = (2**6, 2**9, 2**12)


def test_the_tangent_kernel_of_a_linear_network_by_hand() -> None:
    F = NTK.run(X, Y, 1, activation="x", start=np.zeros(4), eta=(0.5, 0.25), sigma=2.0)
    assert np.abs(F[1] - 4 * 0.75 * (X @ X.T) @ Y / 8).max() < ROUNDING


def test_covariances_are_those_of_features() -> None:
    rng = np.random.default_rng(0)
    phi = sp.lambdify(act.erf.expr.free_symbols.pop(), act.erf.expr, ["scipy", "numpy"])(
        rng.standard_normal((200_000, 2)) @ X.T
    )
    products = phi[:, :, None] * phi[:, None, :]
    error = products.std(axis=0) / len(phi) ** 0.5
    assert (np.abs(products.mean(axis=0) - covariance(act.erf, X, X)) < SAMPLING * error).all()


def test_particles_know_their_error() -> None:
    few, many = (MF.trajectory(X, Y, 3, activation=PHI, sigma=4.0, particles=n) for n in (2**9, 2**17))
    assert many.error.max() < few.error.max() / 8
    error = np.hypot(few.error, many.error)[1:]
    assert (np.abs(few.F - many.F)[1:] < 10 * error).all(), "Student's t with 7 degrees of freedom"
    assert np.abs(many.F[1:]).max() > 0.1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"model": "MF"}, "a LimitModel"),
        ({"wide": None}, "a Wide"),
        ({"widths": (64,)}, "two or more widths"),
        ({"widths": "64"}, "two or more|integer"),
        ({"widths": (64, 1.5)}, "an integer"),
        ({"nets": 0}, "nets = 0"),
        ({"y": [1, 2]}, "1 or -1"),
        ({"seed": -1}, "seed"),
    ],
)
def test_doors_of_convergence(changed: dict[str, object], words: str) -> None:
    wide = one_hidden_layer(activation=PHI).networks(q_sigma=-1, q=1)
    arguments = {"model": MF, "wide": wide, "X": X, "y": Y, "steps": 1, "widths": (16, 32)} | changed
    with pytest.raises((DataError, DomainError), match=words):
        convergence(**arguments)


def test_points_are_followed_and_starts_are_kept() -> None:
    Z = X + 0.25
    for model in (NTK, MF):
        F = model.run(X, Y, 2, activation=PHI, points=np.concatenate([X, Z]), seed=3)
        start = np.concatenate([F[0, :4], F[0]])
        again = model.run(X, Y, 2, activation=PHI, points=np.concatenate([X, Z]), start=start)
        assert again.shape == (3, 8)
        assert np.abs(again[:, :4] - model.run(X, Y, 2, activation=PHI, start=F[0, :4])).max() < 1e-10
    kept = LimitModel("measure, start kept", ("zero", "zero")).run(X, Y, 2, activation=PHI, start=Y)
    forgotten = LimitModel("measure", ("zero", "zero")).run(X, Y, 2, activation=PHI, start=Y)
    assert np.abs(kept[1:] - forgotten[1:] - Y).max() < ROUNDING


@pytest.mark.parametrize("name", ["MF", *(pytest.param(name, marks=pytest.mark.slow) for name in ("NTK", "post-MF"))])
def test_errors_fall_with_width(name: str) -> None:
    q_sigma, q = {"MF": (-1, 1), "NTK": ("-1/2", 0), "post-MF": ("-3/2", "3/2")}[name]
    fan = one_hidden_layer(activation=PHI)
    cell = fan.at(q_sigma=q_sigma, q=q)
    assert cell.name == name
    wide = fan.networks(q_sigma=q_sigma, q=q, eta=4)
    found = convergence(cell.limit_model, wide, X, Y, 3, WIDTHS, nets=8)
    assert found.falls, found
    assert found.errors[-1] < CLOSE
    wrong = LimitModel(
        "measure" if cell.limit_model.is_kernel else "kernel, start forgotten", cell.limit_model.gradients
    )
    control = convergence(wrong, wide, X, Y, 3, WIDTHS[1:], nets=8)
    assert control.errors[-1] > 2 * CLOSE, "the dynamics of another model"
    for rule in ("zero", "logit", "saturated"):
        if rule != cell.limit_model.gradients[1]:
            other = LimitModel(cell.limit_model.dynamics, (cell.limit_model.gradients[0], rule))
            control = convergence(other, wide, X, Y, 3, WIDTHS[1:], nets=8)
            assert control.errors[-1] > 2 * CLOSE, f"the gradients {rule}"


# A neighbour of each cell that is another limit at the benchmark's place: there it has other gradients while its logits
# are large, or another motion. (MF and MF-sym-default, say, agree where logits are large from the first step on.)
NEIGHBOURS = {
    "MF": "MF-NTK",
    "NTK": "NTK-sym-default",
    "sym-default": "MF-sym-default",
    "MF-NTK": "MF",
    "MF-sym-default": "MF-NTK-sym-default",
    "NTK-sym-default": "sym-default",
    "post-MF": "post-MF-NTK",
    "post-NTK": "NTK",
    "pre-NTK": "NTK",
    "pre-sym-default": "pre-NTK-sym-default",
    "MF-NTK-sym-default": "MF-NTK",
    "post-MF-NTK": "post-MF",
    "pre-NTK-sym-default": "pre-NTK",
}


def touches(cell: Cell, other: Cell) -> bool:
    """Whether a point inside one of the cells lies in the closure of the other."""
    pairs = ((cell, other), (other, cell))
    return any(
        all(
            Constraint(c.form, "=" if c.relation == "=" else "<=").holds(tuple(one.witness.values()))
            for c in two.constraints
        )
        for one, two in pairs
    )


@pytest.mark.slow
def test_errors_of_all_thirteen_fall(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the places of the benchmark, at fewer widths; those of a neighbour's limit stay what they are."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    script = runpy.run_path(str(BENCHMARKS / "limit_models.py"))
    fan, (data, labels) = one_hidden_layer(), script["problem"]()
    assert set(script["PLACES"]) == {cell.name for cell in fan.cells}
    for name in script["PLACES"]:
        cell, wide = script["family"](fan, name)
        found = convergence(cell.limit_model, wide, data, labels, 3, (2**8, 2**12), nets=8)
        assert found.errors[1] < found.errors[0] - 2 * found.standard_errors[1], f"{name}: {found}"
        assert found.errors[1] < FALLEN * found.errors[0], f"{name}: {found}"
        other = fan[NEIGHBOURS[name]]
        assert touches(cell, other)
        control = convergence(other.limit_model, wide, data, labels, 3, (2**8, 2**12), nets=8)
        assert control.errors[1] > STAYS * control.errors[0], f"{name} by the limit of {other.name}: {control}"


@pytest.mark.slow
def test_the_corrected_mean_field_has_all_four_properties() -> None:
    corrected = initialisation_corrected(PHI)
    wanted = {"logits_at_init": "finite", "kernels_at_init": "finite", "kernels": "evolve", "init": "kept"}
    assert corrected.properties == wanted
    assert all(cell.properties != wanted for cell in one_hidden_layer(activation=PHI).cells)
    assert corrected.limit_model == LimitModel("measure, start kept", ("logit", "logit"))
    found = convergence(corrected.limit_model, corrected.wide(1, 4), X, Y, 3, WIDTHS, nets=8)
    assert found.falls, found
    assert found.errors[-1] < CLOSE
    plain = convergence(MF, corrected.wide(1, 4), X, Y, 3, WIDTHS[1:], nets=8)
    assert plain.errors[-1] > 2 * CLOSE, "the mean field without its correction"


def test_equations_say_what_runs() -> None:
    for rules, texts in {
        ("zero", "logit"): ("-y[i]/2", "exp"),
        ("logit", "saturated"): ("exp", "Piecewise"),
    }.items():
        first, later = LimitModel("measure", rules).equations[-2:]
        assert texts[0] in str(first.rhs)
        assert texts[1] in str(later.rhs)
    lengths = [len(LimitModel(d, ("zero", "zero")).equations) for d in ("kernel", "kernel, start forgotten", "measure")]
    assert lengths == [5, 6, 6]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y": [1, 0, 1, 1]}, "1 or -1"),
        ({"y": [1, -1]}, "each of 4 rows"),
        ({"X": X * np.array([[0.0], [1], [1], [1]])}, "norm zero"),
        ({"X": [[1.0, np.nan]] * 4}, "finite|NaN"),
        ({"points": [[1.0, 2.0, 3.0]]}, "3 coordinates"),
        ({"start": [1.0]}, "4 finite numbers"),
        ({"sigma": -1}, "positive"),
        ({"eta": "-1"}, "positive"),
        ({"eta": "x"}, "positive"),
        ({"sigma": "1/0"}, "."),
        ({"steps": 0}, "integer"),
        ({"particles": 1.5}, "integer"),
        ({"activation": "abs(x)/x"}, "."),
    ],
)
def test_refusals(changed: dict[str, object], message: str) -> None:
    arguments = {"X": X, "y": Y, "steps": 1, "activation": PHI} | changed
    with pytest.raises((DataError, DomainError), match=message):
        MF.run(**arguments)


def test_one_layer_may_stand_still() -> None:
    """Separate rates whose larger kernel is that of a: the rate of w is zero in the limit."""
    cell = one_hidden_layer("separate")["NTK (kernel a)"]
    assert "the rate of w is zero" in cell.notes[0]
    F = cell.limit_model.run(X, Y, 1, activation="x", start=np.zeros(4), eta=(0.5, 0.0), sigma=2.0)
    assert np.abs(F[1] - 4 * 0.5 * (X @ X.T) @ Y / 8).max() < ROUNDING
    for eta in ((0.0, 0), (1.0, False), (1.0, -1.0), (1.0, float("nan"))):
        with pytest.raises(DomainError, match="eta"):
            NTK.run(X, Y, 1, activation="x", eta=eta)


def test_activations_go_by_name() -> None:
    start = np.zeros(4)
    assert (NTK.run(X, Y, 2, activation="erf", start=start) == NTK.run(X, Y, 2, activation=PHI, start=start)).all()
    with pytest.raises(DomainError, match="formula in x, or one of"):
        NTK.run(X, Y, 2, activation="swish")


def test_factors_may_be_exact_strings() -> None:
    start = np.zeros(4)
    floats = NTK.run(X, Y, 2, activation=PHI, start=start, sigma=0.5, eta=(0.1, 0.0))
    assert (NTK.run(X, Y, 2, activation=PHI, start=start, sigma="1/2", eta=("0.1", "0")) == floats).all()


def test_signs_and_particles_are_checked() -> None:
    for signs in ((2, 0), (0, "1"), (True, 0), (0, [1])):
        with pytest.raises(DomainError, match="the sign of an exponent"):
            LimitModel.of(*signs, True, True)  # type: ignore[arg-type]
    with pytest.raises(DomainError, match="or fewer"):
        MF.run(X, Y, 1, activation=PHI, particles=10**13)


def test_names_are_known() -> None:
    with pytest.raises(DomainError, match="measure"):
        LimitModel("mean field", ("zero", "logit"))
    with pytest.raises(DomainError, match="saturated"):
        LimitModel("measure", ("zero", "relu"))

"""Width exponents of programs that no special calculus knows, against their finite twins."""

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.orders import exponents
from symlimits.errors import DomainError, NoRule
from symlimits.finite.program_twin import run
from symlimits.finite.slopes import slope
from symlimits.language.tensor_program import n
from symlimits.theory.scaling.named import named

WIDTHS, NETS = (32, 64, 128, 256, 512), 256
ALPHA = 1e-6  # of each quantity: that a true exponent is refuted
ALLOWANCE = 0.1  # what smaller powers do to a slope at these widths: they are behind by n^(-1/2) at least
GROUP = 8  # nets of one root mean square: that of one net may be near zero
WRONG = 0.5  # the control: a law of large numbers in place of a central limit theorem, or the other way
H = sp.Rational(1, 2)


def recurrent():
    """One matrix used twice, f of order one at the start, and a step that changes f by as much: a tangent kernel."""
    tp = sl.TensorProgram()
    W, x, v = tp.matrix("W"), tp.gaussian("x"), tp.gaussian("v")

    def passed(matrix):
        h = [tp.map(act.erf, matrix @ x)]
        h.append(tp.map(act.erf, matrix @ h[0]))
        return h, tp.mean(v * h[1]) * sp.sqrt(n)

    h, f = passed(W)
    later, f_later = passed(W - tp.gradient(f, W) * (1 / n))
    parts = {"f": f, "df": f_later - f, "overlap": tp.mean(h[0] * h[1])}
    changes = {f"dh{i}": after - before for i, (before, after) in enumerate(zip(h, later, strict=True), 1)}
    return tp, parts | changes, {"f": 0, "df": 0, "overlap": -H, "dh1": -H, "dh2": -H}


def tied():
    """An autoencoder with tied weights, and a step of gradient descent that moves what is hidden by n^0."""
    tp = sl.TensorProgram()
    W, x = tp.matrix("W"), tp.gaussian("x")

    def passed(matrix):
        h = tp.map(act.erf, matrix @ x)
        return h, tp.map(lambda a, b: a - b, matrix.T @ h, x)

    h, gap = passed(W)
    loss = tp.mean(gap * gap)
    later, gap_later = passed(W - tp.gradient(loss, W) * H)
    found = {"loss": loss, "dloss": tp.mean(gap_later * gap_later) - loss, "dh": later - h, "odd": tp.mean(x * h)}
    return tp, found, {"loss": 0, "dloss": 0, "dh": 0, "odd": -H}


def measured(tp, values):
    """The slopes of the root mean squares of scalars and vectors over nets, at five widths."""
    samples = {name: {} for name in values}
    for width in WIDTHS:
        places = [value.place for value in values.values()]
        found = run(tp.program, places, width, NETS, np.random.default_rng(width))
        for name, value in values.items():
            draws = found[value.place].reshape(NETS // GROUP, -1)
            samples[name][width] = np.sqrt((draws**2).mean(axis=1))
    return {name: slope(sample, name) for name, sample in samples.items()}


@pytest.mark.parametrize("written", [recurrent, tied])
def test_exponents_are_derived(written):
    tp, values, expected = written()
    found = exponents(tp.program, [value.place for value in values.values()])
    assert {name: said.value for name, said in zip(values, found, strict=True)} == expected
    assert all(tp.exponent(value) == expected[name] for name, value in values.items())


@pytest.mark.slow
@pytest.mark.parametrize("written", [recurrent, tied])
def test_exponents_are_those_of_the_networks(written):
    tp, values, _ = written()
    for name, found in measured(tp, values).items():
        claim = float(tp.exponent(values[name]))
        print(f"{written.__name__} {name}: {found.exponent:.3f} +- {found.standard_error:.3f}, derived {claim}")
        assert not found.test(claim - ALLOWANCE, claim + ALLOWANCE, ALPHA).rejected
        for wrong in (claim - WRONG, claim + WRONG):
            assert found.test(wrong - ALLOWANCE, wrong + ALLOWANCE, ALPHA).rejected


@pytest.mark.parametrize("name", ["SP", "NTK", "muP", "MFP", "deep-MF"])
@pytest.mark.parametrize("depth", [2, pytest.param(1, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_training_on_the_squared_loss_by_reverse_mode(name, depth):
    """The builder of training programs, two data and the loss's own gradients: exponents as with given gradients."""
    point = named(name, depth)
    net = sl.mlp(depth, act.erf, w_var=1, b_var=0)
    prog = sl.training_program(net, X=[[1, 0], ["3/5", "4/5"]], Y=[1, "-1/2"], steps=1, scaling=point)
    claimed = point.after(1)
    start, end = ((*prog.hidden[t][0], prog.outputs[t][0]) for t in (0, 1))
    layers = [*(f"h{layer}" for layer in range(1, depth + 1)), "f"]
    for layer, before, after in zip(layers, start, end, strict=True):
        assert prog.tp.exponent(before) == claimed[layer]
        assert prog.tp.exponent(after - before) == claimed[f"d{layer}"]


def test_doors():
    tp, other = sl.TensorProgram(), sl.TensorProgram()
    x, y = tp.gaussian("x"), other.gaussian("y")
    for wrong in (y, tp.matrix("W"), 1, "x"):
        with pytest.raises(DomainError, match="the exponent of"):
            tp.exponent(wrong)
    with pytest.raises(NoRule, match="kinks"):
        tp.exponent(tp.map(act.relu, x + tp.gaussian("u") * (1 / n)))

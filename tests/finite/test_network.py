"""The finite network against an oracle that shares nothing with it but the random numbers."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
import sympy as sp

from symlimits.errors import DataError, DomainError, FormulaError, NoRule, ResourceError, UnboundSymbol
from symlimits.finite.fits import extrapolate
from symlimits.finite.kernel_experiment import KernelExperiment, inputs_with_gram
from symlimits.finite.network import (
    Draw,
    _chain,
    _derivative,
    _observe,
    empirical_kernels,
    empirical_nngp,
    empirical_ntk,
    numpy_function,
    realize,
    shapes,
    supported_layers,
    whole_weights,
)
from symlimits.finite.statistics import mean_test, moments
from symlimits.language.activation import Activation, x
from symlimits.language.architecture import (
    Concat,
    Dense,
    LayerNorm,
    Product,
    Repeat,
    Residual,
    Serial,
    mlp,
    serial,
)
from symlimits.language.image_layers import AvgPool, Conv, Flatten, GlobalAvgPool

ALPHA = 1e-6  # false alarms of each random test; seeds are fixed, so that a failure is a change of the code
RELU = Activation(sp.Max(x, 0))
ERF = Activation(sp.erf(x))
TANH = Activation(sp.tanh(x))
STEP = Activation(sp.Heaviside(x, sp.Rational(1, 2)))
NUMPY = {
    RELU: lambda z: z * (z > 0),
    ERF: np.vectorize(lambda z: float(sp.erf(sp.Float(z, 25))), otypes=[float]),
    TANH: np.tanh,
}
X = np.array([[1.0, 0.3], [-0.4, 0.8], [0.5, -1.2]])


def generator(number: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(number))


class Recorder:
    """A generator that remembers what it gave out, or gives out what it is told."""

    def __init__(self, number: int = 0, replay: list[np.ndarray] | None = None) -> None:
        self.rng, self.given, self.replay = generator(number), [], list(replay or [])

    def standard_normal(self, shape: tuple[int, ...]) -> np.ndarray:
        values = self.replay.pop(0) if self.replay else self.rng.standard_normal(shape)
        assert values.shape == shape
        self.given.append(values)
        return values


class Oracle:
    """A dense network with two hidden layers, datum by datum; its Jacobian by central differences."""

    def __init__(self, net: Serial, size: int, given: list[np.ndarray]) -> None:
        self.standard, self.s = net.parameterization == "standard", size
        self.phi = NUMPY[net.layers[1].layers[0]]
        self.relative = [int(n) for n in net.widths] if net.widths else [1, 1]
        self.w_var, self.b_var = float(net.layers[0].w_var), net.layers[0].b_var
        given = [values[0] for values in given]
        self.parameters = []
        for fan_in in (X.shape[1], *self.relative):
            weights = given.pop(0)
            self.parameters.append(weights * np.sqrt(self.w_var / fan_in) if self.standard else weights)
            if self.b_var is not None:
                bias = given.pop(0)[:, 0] if self.b_var > 0 else np.zeros(len(weights))
                self.parameters.append(bias * np.sqrt(float(self.b_var)) if self.standard else bias)

    def layer(self, parameters: list[np.ndarray], h: np.ndarray, first: bool) -> np.ndarray:
        z = parameters.pop(0) @ h
        if self.standard:
            z = z if first else z / np.sqrt(self.s)
        else:
            z = z * np.sqrt(self.w_var / len(h))
        if self.b_var is None:
            return z
        return z + parameters.pop(0) * (1 if self.standard else np.sqrt(float(self.b_var)))

    def last_hidden(self, parameters: list[np.ndarray], datum: np.ndarray) -> np.ndarray:
        first = self.layer(parameters, datum, True)
        return self.phi(self.layer(parameters, self.phi(first), False))

    def output(self, flat: np.ndarray, datum: np.ndarray) -> float:
        ends = np.cumsum([p.size for p in self.parameters])[:-1]
        parameters = [part.reshape(p.shape) for part, p in zip(np.split(flat, ends), self.parameters, strict=True)]
        return self.layer(parameters, self.last_hidden(parameters, datum), False)[0]

    def ntk(self, step: float = 1e-5) -> np.ndarray:
        flat = np.concatenate([p.ravel() for p in self.parameters])
        moves = step * np.eye(flat.size)
        jacobian = [[(self.output(flat + e, d) - self.output(flat - e, d)) / (2 * step) for e in moves] for d in X]
        return np.array(jacobian) @ np.transpose(jacobian)

    def nngp(self) -> np.ndarray:
        h = np.array([self.last_hidden(list(self.parameters), datum) for datum in X])
        return self.w_var * h @ h.T / h.shape[1] + (0 if self.b_var is None else float(self.b_var))


@pytest.mark.parametrize("phi", [RELU, ERF, TANH], ids=["relu", "erf", "tanh"])
@pytest.mark.parametrize("b_var", [None, 0, sp.Rational(3, 10)])
@pytest.mark.parametrize(("parameterization", "widths", "size"), [("ntk", None, 4), ("standard", (2, 1), 3)])
def test_kernels_match_finite_differences(phi, b_var, parameterization, widths, size):
    dense = Dense(sp.Rational(17, 10), b_var)
    net = serial(dense, Repeat((phi, dense), sp.Integer(2)), parameterization=parameterization, widths=widths)
    recorder = Recorder(3)
    K, theta = empirical_kernels(net, X, size, recorder)
    oracle = Oracle(net, size, recorder.given)
    np.testing.assert_allclose(K, oracle.nngp(), rtol=1e-13, atol=1e-13)  # both round at 1e-16
    np.testing.assert_allclose(theta, oracle.ntk(), rtol=1e-7, atol=1e-7)  # differences: step^2 + 1e-16/step
    assert np.ptp(theta) > 0.1, "a comparison of zeros would prove nothing"


def test_finite_differences_reject_a_wrong_rate():
    """Negative control of the oracle: the tangent kernel of the other parameterisation is not accepted."""
    recorder = Recorder(3)
    theta = empirical_kernels(mlp(2, TANH, 2, 1), X, 4, recorder)[1]
    oracle = Oracle(mlp(2, TANH, 2, 1, "standard", widths=(1, 1)), 4, recorder.given)
    assert np.abs(theta - oracle.ntk()).max() > 0.1


@pytest.mark.parametrize("net", [mlp(2, RELU, 2, 1), mlp(2, ERF, 2, 1, "standard", widths=(2, 1))])
def test_a_batch_is_its_networks_one_by_one(net):
    batch, size = 5, 6
    recorder = Recorder(1)

    def observe(count, source):
        draw = Draw(source, count, net.parameterization, iter(shapes(net, 2, size)), whole_weights)
        return _observe(_chain(net.layers, X.T[None], draw), count, ("nngp", "ntk"))

    together = observe(batch, recorder)
    for i in range(batch):
        alone = observe(1, Recorder(replay=[values[i : i + 1] for values in recorder.given]))
        for many, one in zip(together, alone, strict=True):
            np.testing.assert_allclose(many[i], one[0], rtol=1e-12)  # matrix products may sum in another order


def relu_dual(p: float, q: float, c: float) -> tuple[float, float]:
    """E relu(u) relu(v) and E relu'(u) relu'(v): the arc-cosine kernels (Cho and Saul 2009)."""
    angle = np.arccos(c / np.sqrt(p * q))
    value = np.sqrt(p * q) * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)
    return value, (np.pi - angle) / (2 * np.pi)


def erf_dual(p: float, q: float, c: float) -> tuple[float, float]:
    """E erf(u) erf(v) and E erf'(u) erf'(v) (Williams 1997)."""
    d = np.sqrt((1 + 2 * p) * (1 + 2 * q) - 4 * c**2)
    return 2 / np.pi * np.arcsin(2 * c / np.sqrt((1 + 2 * p) * (1 + 2 * q))), 4 / np.pi / d


W_VAR, B_VAR = 2.0, 0.25


@pytest.mark.parametrize(("phi", "dual"), [(RELU, relu_dual), (ERF, erf_dual)], ids=["relu", "erf"])
@pytest.mark.parametrize("parameterization", ["ntk", "standard"])
@pytest.mark.parametrize("observable", ["nngp", "ntk"])
@pytest.mark.parametrize("sampler", ["naive", "exact"])
def test_one_hidden_layer_has_the_exact_mean(phi, dual, parameterization, observable, sampler):
    inputs = inputs_with_gram(1.0, 0.6, 0.4)
    gram = inputs @ inputs.T / 2
    first = W_VAR * gram + B_VAR
    value, slope = dual(first[0, 0], first[1, 1], first[0, 1])
    expected = W_VAR * value + B_VAR
    if observable == "ntk" and parameterization == "ntk":
        expected += W_VAR * slope * first[0, 1]
    elif observable == "ntk":
        expected = 3 * value + 1 + W_VAR * slope * (2 * gram[0, 1] + 1)
    net = mlp(1, phi, 2, "1/4", parameterization, widths=(3,))
    size = 48 if parameterization == "ntk" else 16
    result = moments(KernelExperiment(net, inputs, observable, sampler=sampler).draws(size, 30_000, generator(5)))
    honest = mean_test(result.mean, result.standard_error, expected, ALPHA)
    wrong = mean_test(result.mean, result.standard_error, 1.05 * expected, ALPHA)
    assert not honest.rejected, honest
    assert wrong.rejected, wrong
    assert honest.detectable < 0.05 * expected


def test_depth_two_tends_to_the_recursion():
    p = q = 1.0
    c = 0.3
    for _ in range(2):
        p, q, c = 2 * relu_dual(p, p, p)[0], 2 * relu_dual(q, q, q)[0], 2 * relu_dual(p, q, c)[0]
    net, sizes = mlp(2, RELU, 2, 0), (8, 32, 128)
    experiment = KernelExperiment(net, inputs_with_gram(0.5, 0.5, 0.15))
    results = [moments(experiment.draws(n, 200_000 // n, generator(n))) for n in sizes]
    fit = extrapolate(sizes, [r.mean for r in results], [r.standard_error for r in results], order=1)
    assert not mean_test(fit.limit, fit.standard_error, c, ALPHA).rejected, fit
    assert mean_test(fit.limit, fit.standard_error, 1.1 * c, ALPHA).rejected, fit


def test_no_hidden_layer_is_exact():
    K, theta = empirical_kernels(serial(Dense(2, "1/4")), X, 7, generator(0))
    np.testing.assert_allclose(K, X @ X.T + 0.25)
    np.testing.assert_allclose(theta, K)
    theta = empirical_ntk(serial(Dense(2, 0), parameterization="standard", widths=()), X, 7, generator(0))
    np.testing.assert_allclose(theta, X @ X.T + 1)


def test_single_kernels_agree_with_the_pair():
    net = mlp(2, TANH, 2, 1)
    K, theta = empirical_kernels(net, X, 8, generator(2))
    np.testing.assert_array_equal(K, empirical_nngp(net, X, 8, generator(2)))
    np.testing.assert_array_equal(theta, empirical_ntk(net, X, 8, generator(2)))


@pytest.mark.parametrize("parameterization", ["ntk", "standard"])
def test_shapes_follow_the_parameterization(parameterization):
    plan = shapes(mlp(2, RELU, 1, 0, parameterization, widths=(2, 3)), 5, 10)
    hidden = (10, 10) if parameterization == "ntk" else (20, 30)
    assert [(shape.inputs, shape.outputs) for shape in plan] == [(5, hidden[0]), hidden, (hidden[1], 1)]
    assert [shape.scale for shape in plan] == [1, 10, 10]


def test_experiment_is_hashable_and_pickles():
    experiment = KernelExperiment(mlp(2, RELU, 2, 0), X, "ntk", pair=(1, 2))
    again = pickle.loads(pickle.dumps(experiment))
    assert hash(again) == hash(experiment)
    assert again == experiment
    draws = again(8, generator(0))
    assert draws.ndim == 1
    np.testing.assert_array_equal(draws, experiment.draws(8, len(draws), generator(0)))


def test_draws_are_independent_of_the_other_inputs():
    few, many = (KernelExperiment(mlp(2, RELU, 2, 0), data) for data in (X[:2], X))
    np.testing.assert_array_equal(few.draws(8, 3, generator(0)), many.draws(8, 3, generator(0)))


def test_large_draws_come_in_batches():
    experiment = KernelExperiment(mlp(1, RELU, 2, 0), X)
    draws = experiment.draws(4096, 400, generator(0))
    assert len(experiment(4096, generator(0))) < 400 == len(set(draws.tolist()))


@pytest.mark.parametrize(
    ("p", "q", "c"), [(1, 1, 0.5), (2, 3, -(6**0.5)), (2, 3, 6**0.5), (0, 2, 0), (2, 0, 0), (0, 0, 0), (1e-8, 1e8, 1)]
)
def test_inputs_with_gram(p, q, c):
    inputs = inputs_with_gram(p, q, c)
    np.testing.assert_allclose(inputs @ inputs.T / 2, [[p, c], [c, q]], rtol=4e-16 * 4, atol=0)


@pytest.mark.parametrize(("p", "q", "c"), [(1, 1, 1.001), (0, 1, 0.1), (-1, 1, 0), (1, 1, float("nan"))])
def test_inputs_with_impossible_gram(p, q, c):
    with pytest.raises(DomainError, match="c\\^2 <= p q"):
        inputs_with_gram(p, q, c)


GELU = x * (1 + sp.erf(x / sp.sqrt(2))) / 2
ELU = sp.Piecewise((x, x > 0), (sp.exp(x) - 1, True))
FUNCTIONS = [
    sp.Integer(3), x, sp.Max(x, 0), sp.Max(x, x / 10), sp.Min(1, sp.Max(x, -1)), sp.Abs(x), x * sp.Heaviside(x),
    sp.Max(0, x) ** 2, GELU, ELU, sp.erf(x), sp.tanh(x), sp.sin(x) + sp.cos(x), sp.exp(-(x**2)), sp.log(1 + sp.exp(x)),
]  # fmt: skip


@pytest.mark.parametrize("expr", FUNCTIONS, ids=str)
def test_functions_and_derivatives(expr):
    """Against SymPy at 30 digits: values at points, and slopes by a difference there."""
    points = np.array([[-2.5, -0.75, 0.3], [0.6, 1.4, 3.2]])
    exact, step = np.vectorize(lambda z: sp.N(expr.subs(x, z), 30)), sp.Float("1e-10", 30)
    rationals = np.vectorize(lambda z: sp.Rational(float(z)))(points)
    slopes = (exact(rationals + step) - exact(rationals - step)) / (2 * step)
    np.testing.assert_allclose(numpy_function(expr, x)(points), exact(rationals).astype(float), rtol=1e-14, atol=1e-16)
    slope = numpy_function(_derivative(Activation(expr)), x)(points)
    np.testing.assert_allclose(slope, slopes.astype(float), rtol=1e-12, atol=1e-12)
    assert numpy_function(expr, x)(points[:0]).shape == (0, 3)


@pytest.mark.parametrize("expr", [sp.Max(x, 0), sp.erf(x), sp.tanh(x), GELU, ELU, sp.Abs(x)], ids=str)
def test_large_arguments_and_kinks_stay_quiet(expr):
    points = np.array([-1e300, -1e4, -800.0, -40.0, 0.0, 40.0, 800.0, 1e4, 1e300])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for function in (expr, _derivative(Activation(expr))):
            assert np.isfinite(numpy_function(function, x)(points)).all()


def test_discontinuous_activation_has_nngp_but_no_ntk():
    net = mlp(1, STEP, 2, 0)
    assert np.isfinite(empirical_nngp(net, X, 8, generator(0))).all()
    for act in (STEP, Activation(sp.sign(x)), Activation(sp.Piecewise((1, x > 0), (0, True)))):
        with pytest.raises(DomainError, match="NTK of a discontinuous activation"):
            empirical_ntk(mlp(1, act, 2, 0), X, 8, generator(0))


def test_open_symbols_are_named():
    a = sp.Symbol("a", positive=True)
    with pytest.raises(UnboundSymbol, match="sigma_w"):
        empirical_nngp(mlp(1, RELU, "sigma_w**2", 0), X, 8, generator(0))
    with pytest.raises(UnboundSymbol, match="a without a value"):
        empirical_nngp(mlp(1, Activation(sp.erf(a * x)), 1, 0), X, 8, generator(0))
    with pytest.raises(UnboundSymbol, match="L without a value"):
        empirical_nngp(mlp("L", RELU, 1, 0), X, 8, generator(0))


@pytest.mark.parametrize(
    "expr", [sp.Function("f()+g")(x), sp.Integral(sp.Symbol("t*x", real=True), (sp.Symbol("t*x", real=True), 0, x))]
)
def test_a_name_that_is_code_is_refused(expr):
    with pytest.raises(FormulaError, match="in a function"):
        numpy_function(expr, x)


def test_every_layer_has_a_rule():
    dense, images = {Dense, Activation, Repeat, Residual, LayerNorm, Concat, Product}, {AvgPool, GlobalAvgPool, Flatten}
    assert supported_layers() == {*dense, Conv, *images}
    with pytest.raises(NoRule, match=r"Activation, .*Dense, .*Repeat, Residual"):
        realize("Pool", X, None)


def test_what_is_refused():
    net = mlp(1, RELU, 2, 0)
    with pytest.raises(DomainError, match="does not end in Dense"):
        empirical_nngp(serial(Dense(1), RELU), X, 8, generator(0))
    with pytest.raises(DomainError, match="positive integer"):
        empirical_nngp(net, X, 0, generator(0))
    with pytest.raises(DomainError, match="one width for each"):
        empirical_nngp(serial(Dense(1), RELU, Dense(1), parameterization="standard", widths=()), X, 8, generator(0))
    with pytest.raises(ResourceError, match="smaller size"):
        empirical_nngp(mlp(2, RELU, 2, 0), X, 10**6, generator(0))
    with pytest.raises(DomainError, match="overflows"):
        empirical_nngp(mlp(1, Activation(sp.exp(x)), 10**6, 0), X, 8, generator(0))
    for data in (X[0], X[:0], [[np.nan]]):
        with pytest.raises(DataError, match="inputs of shape"):
            empirical_nngp(net, data, 8, generator(0))
    with pytest.raises(DomainError, match="observable"):
        KernelExperiment(net, X, "gram")
    with pytest.raises(DataError, match="pair"):
        KernelExperiment(net, X, "nngp", (0, 3))

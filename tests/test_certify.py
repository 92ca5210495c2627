"""Certificates hold where a claim is true, and break at the right link where it is made wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits import certify
from symlimits.derivation.trace import Step
from symlimits.language.domain import Domain
from symlimits.language.recursion import Recursion
from symlimits.reading import lower_recursion, scalar_source

SIZES = (8, 16, 32)  # small networks: what breaks here breaks at every size
EPSILON = sp.Rational(1, 10**6)


def relu_net(depth: int = 3) -> object:
    return sl.mlp(depth, act.relu, w_var=2, b_var="1/10")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "phi", "b_var"),
    [
        (sl.ntk, act.relu, "1/10"),
        pytest.param(sl.nngp, act.erf, 0, marks=pytest.mark.slow),
        pytest.param(sl.nngp, act.relu, 0, marks=pytest.mark.slow),
        pytest.param(sl.ntk, act.erf, "1/10", marks=pytest.mark.slow),
        pytest.param(sl.ntk, act.gelu, "1/10", marks=pytest.mark.slow),
        pytest.param(sl.nngp, act.step, "1/10", marks=pytest.mark.slow),
    ],
)
def test_kernels_at_three_widths(kernel: Callable[[object], sl.Limit], phi: object, b_var: object) -> None:
    cert = kernel(sl.mlp(depth=3, activation=phi, w_var=2, b_var=b_var)).certify(sizes=(32, 128, 512), seed=0)
    assert cert.ok, str(cert)
    assert all(link.passed for link in cert.links)
    details = cert.links[0].details
    assert details["control rejected"]
    assert details["control size"] == pytest.approx(1.5 * details["detectable"])
    assert details["detectable"] < abs(details["value"])
    assert set(details["sizes"]) == {"32", "128", "512"}
    stored = json.loads(cert.to_json())
    assert stored["ok"] is True
    assert stored["versions"]["sympy"] == sp.__version__
    assert "holds" in str(cert)


@pytest.mark.parametrize("name", ["erf", "step", "gaussian"])
def test_duals(name: str) -> None:
    cert = sl.dual(getattr(act, name)).certify(sizes=SIZES, seed=1)
    assert cert.ok, str(cert)
    assert all(link.passed for link in cert.links)


def test_derivatives_are_compared_with_networks_of_derivatives() -> None:
    cert = sl.dual(act.erf).dot().certify(sizes=SIZES)
    assert cert.ok, str(cert)
    assert cert.links[0].passed


@pytest.mark.slow
def test_free_parameters() -> None:
    """Variances, a depth and a slope without values: each certificate sets them at a point of the domain."""
    leaky = sl.dual(act.leaky_relu("alpha")).certify(sizes=SIZES)
    assert leaky.ok, str(leaky)
    assert "alpha" in leaky.links[0].details["point"]


@pytest.mark.slow
def test_free_variances_and_depth() -> None:
    for seed in (0, 1):
        deep = sl.ntk(sl.mlp("L", act.relu)).certify(sizes=(32, 64, 128), seed=seed)
        assert deep.ok, str(deep)
        assert set(deep.links[0].details["point"]) >= {"L", "sigma_w", "sigma_b", "p", "q", "c"}


@pytest.mark.slow
def test_bound_limits_take_their_networks_along() -> None:
    T = sl.dual(act.leaky_relu("alpha")).bind(alpha="1/3", p=2)
    cert = T.certify(sizes=SIZES)
    assert cert.ok, str(cert)
    assert all(link.passed for link in cert.links)
    point = T.bind(q="3/2", c="-1/2").certify(sizes=SIZES)
    assert point.ok
    assert [link.passed for link in point.links] == [True, True, None, True], "a number is not compiled"


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["exact", pytest.param("naive", marks=pytest.mark.slow)])
def test_networks_drawn_either_way(sampler: str) -> None:
    K = sl.nngp(relu_net(2))
    cert = replace(K, experiment=replace(K.experiment, sampler=sampler)).certify(sizes=SIZES)
    assert cert.ok, str(cert)
    assert cert.links[0].details["sizes"]["32"][1] > 0


def test_sphere_map_is_an_identity() -> None:
    cert = sl.Limit(**vars_of(sl.nngp(relu_net()).on_sphere(1))).certify(sizes=SIZES)
    assert cert.ok
    assert [link.passed for link in cert.links] == [None, True, True]


def vars_of(derivation: sl.Derivation) -> dict[str, object]:
    names = ("trace", "domain", "arguments", "name", "source")
    return {name: getattr(derivation, name) for name in names}


# ------------------------------------------------------------------- one thing made wrong at a time


def wrong_coefficient(expr: sp.Expr, by: sp.Expr = EPSILON) -> sp.Expr:
    """One coefficient of an expression, times 1 + by."""
    heads = sorted((e for e in expr.atoms(sl.GaussianExpectation) if len(e.variables) == 2), key=str)
    if heads:
        return expr.xreplace({heads[0]: (1 + by) * heads[0]})
    first, *others = sp.Add.make_args(expr)
    return sp.Add((1 + by) * first, *others)


def with_line(limit: sl.Limit, index: int, expr: sp.Expr) -> sl.Limit:
    trace = list(limit.trace)
    trace[index] = replace(trace[index], expr=expr)
    return replace(limit, trace=tuple(trace))


@pytest.mark.parametrize("name", [pytest.param("relu", marks=pytest.mark.slow), "erf"])
def test_wrong_last_line(name: str) -> None:
    T = sl.dual(getattr(act, name))
    cert = with_line(T, -1, wrong_coefficient(T.expr)).certify(sizes=SIZES)
    assert cert.failed == ("lines", "general")
    assert cert.links[1].details["line"] == len(T.trace) - 1
    assert not cert.ok


@pytest.mark.parametrize("name", [pytest.param("relu", marks=pytest.mark.slow), "erf", "sin"])
def test_wrong_middle_line(name: str) -> None:
    T = replace(sl.dual(getattr(act, name)), experiment=None)
    for index in range(1, len(T.trace) - 1):
        cert = with_line(T, index, wrong_coefficient(T.trace[index].expr)).certify(sizes=SIZES)
        assert cert.failed == ("lines",), index
        assert cert.links[1].details["line"] == index
        assert T.trace[index].rule in cert.links[1].summary


@pytest.mark.slow
def test_wrong_definition() -> None:
    T = sl.dual(act.relu)
    true = T.certify(sizes=SIZES)
    details = true.links[0].details
    by = sp.Rational(2 * details["detectable"] / abs(details["value"]))
    cert = with_line(T, 0, (1 + by) * T.definition).certify(sizes=SIZES)
    assert cert.failed == ("simulation", "lines")
    assert cert.links[1].details["line"] == 1
    assert cert.links[2].passed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relu", "erf"])
def test_wrong_source(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    T = sl.dual(getattr(act, name))
    monkeypatch.setattr(scalar_source, "statements", falsified(scalar_source.statements))
    cert = T.certify(sizes=SIZES)
    assert cert.failed == ("compiled",)
    assert "at {" in cert.links[2].summary, "the point is named"


def falsified(statements: Callable[..., str]) -> Callable[..., str]:
    """The same source with every result wrong by 1e-11 of itself."""

    def wrong(results: dict[str, sp.Expr], names: dict[sp.Symbol, str]) -> str:
        text = statements(results, names)
        name = "T" if "T" in results else next(iter(results))
        return f"{text}\n{name} = {name}*(1.0 + 1e-11)"

    return wrong


def scaled_maps(recursion: Recursion) -> Recursion:
    """Every last layer of a block larger by 1e-6: a kernel still, and not the same."""
    blocks = [
        ((*layers[:-1], tuple((1 + EPSILON) * line for line in layers[-1])), count)
        for layers, count in recursion.blocks
    ]
    return Recursion(recursion.states, recursion.start, blocks, recursion.output)


@pytest.mark.slow
def test_wrong_line_of_a_network() -> None:
    K = replace(sl.nngp(relu_net()), experiment=None)
    for index in (1, -1):
        cert = with_line(K, index, scaled_maps(K.trace[index].expr)).certify()
        assert cert.failed in (("lines",), ("lines", "general")), str(cert)  # the engine is asked for the last line
        assert (index == -1) == ("general" in cert.failed)
        assert cert.links[1].details["line"] == index % len(K.trace)


@pytest.mark.slow
def test_wrong_source_of_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    K = replace(sl.nngp(relu_net()))  # without the compiled reading that it may have already
    lower_recursion.gram_kernel.cache_clear()
    lower_recursion.stage_of.cache_clear()
    monkeypatch.setattr(lower_recursion, "statements", falsified(lower_recursion.statements))
    try:
        cert = K.certify(sizes=SIZES)
    finally:
        lower_recursion.gram_kernel.cache_clear()
        lower_recursion.stage_of.cache_clear()
    assert cert.failed == ("compiled", "general"), "the engine finds what is compiled wrong as well"
    assert "gap=" in cert.links[2].summary


def test_nan_of_a_kernel_is_an_error() -> None:
    """One NaN among good values must not be forgotten."""
    x = sp.Symbol("x", positive=True)
    domain = sl.limit(x**2).domain

    class Kernel:
        calls = 0

        def __call__(self, value: float) -> float:
            self.calls += 1
            return math.nan if self.calls == 2 else value**2

    link = certify.check_compiled(x**2, lambda _: Kernel(), domain, (x,))
    assert link.passed is False
    json.dumps(link.details, allow_nan=False)


def test_a_kernel_that_overflows_at_large_variance_is_seen() -> None:
    """Factors apart, as a formula is printed: right at moderate variances, NaN far out."""
    T = sl.dual("sin(3*x+1)")

    def apart(p: float, q: float, c: float) -> float:
        with np.errstate(all="ignore"):
            waves = (1 + np.cos(2)) * np.sinh(9 * c) + (1 - np.cos(2)) * np.cosh(9 * c)
            return float(waves * np.exp(-9 * (p + q) / 2) / 2)

    assert certify.check_compiled(T.expr, T._compiled_at, T.domain, T.arguments).passed
    link = certify.check_compiled(T.expr, lambda _: apart, T.domain, T.arguments)
    assert link.passed is False
    assert link.details["error"] == "nan"


def test_a_kernel_that_loses_digits_at_small_variance_is_seen() -> None:
    T = sl.dual("x**2*erf(x)")
    alone = T.compile().ufunc
    links = [
        certify.check_compiled(T.expr, lambda _, kernel=kernel: kernel, T.domain, T.arguments, seed=1)
        for kernel in (T.compile(), alone)
    ]
    assert [link.passed for link in links] == [True, False]


def test_growing_kernels_are_compared_where_they_have_a_value() -> None:
    T = sl.dual(act.exp)
    assert certify.check_compiled(T.expr, T._compiled_at, T.domain, T.arguments).passed


# -------------------------------------------------------------------------------------- executors


@pytest.mark.slow
def test_the_result_does_not_depend_on_the_executor() -> None:
    T = sl.dual(act.linear)
    alone = T.certify(sizes=SIZES, seed=7).to_json()

    def on(executor: Executor) -> str:
        with executor:
            return T.certify(sizes=SIZES, seed=7, executor=executor).to_json()

    assert on(ThreadPoolExecutor(2)) == alone
    assert on(ProcessPoolExecutor(2, mp_context=get_context("spawn"))) == alone
    assert T.certify(sizes=SIZES, seed=8).to_json() != alone


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of dask's own
def test_the_certificate_from_dask_and_from_a_function_that_makes_pools() -> None:
    distributed = pytest.importorskip("distributed")
    T = sl.dual(act.relu)
    alone = T.certify(sizes=SIZES, seed=7).to_json()
    pools = partial(ProcessPoolExecutor, 2, get_context("spawn"))
    assert T.certify(sizes=SIZES, seed=7, executor=pools).to_json() == alone
    options = {"n_workers": 2, "threads_per_worker": 2, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as local, distributed.Client(local) as client:
        assert T.certify(sizes=SIZES, seed=7, executor=client.get_executor()).to_json() == alone


def test_progress_is_reported() -> None:
    said: list[str] = []
    sl.dual(act.linear).certify(sizes=SIZES, progress=said.append)
    assert len(said) >= len(SIZES) + 2
    assert any("size 16" in line for line in said)


# ------------------------------------------------------------------------------ the user's own claims


def test_identity_without_experiment() -> None:
    a = sp.Symbol("a", real=True)
    claim = sl.limit((1 + a) ** 2).then(1 + 2 * a + a**2, because="expanding")
    cert = claim.certify()
    assert [link.passed for link in cert.links] == [None, True, True]
    assert "identity" in cert.links[0].summary
    assert cert.ok


def squares(size: int, rng: np.random.Generator) -> np.ndarray:
    """Mean squares of `size` uniform numbers: 1/3 at every size."""
    return np.square(rng.uniform(size=(50, size))).mean(axis=1)


def test_experiment_of_ones_own() -> None:
    assert sl.limit(sp.Rational(1, 3), experiment=squares).certify(sizes=SIZES).ok
    wrong = sl.limit(sp.Rational(1, 2), experiment=squares).certify(sizes=SIZES)
    assert wrong.failed == ("simulation",)
    with pytest.raises(sl.errors.UnboundSymbol, match="a without a value"):
        sl.limit("a/3", experiment=squares).certify(sizes=SIZES)
    assert sl.limit("a/3", experiment=squares).bind(a=1).certify(sizes=SIZES).ok


def test_experiments_that_go_wrong() -> None:
    for draw in (lambda n, rng: np.nan, lambda n, rng: np.empty(0)):
        with pytest.raises(sl.errors.DataError, match="an experiment of size 8"):
            sl.limit(sp.S.One, experiment=draw).certify(sizes=SIZES)


def test_heavy_tails_are_refused() -> None:
    """The mean of squares of products of six Gaussians is 1, and a z-test alarms in 18 % of samples."""

    def draw(size: int, rng: np.random.Generator) -> np.ndarray:
        return np.prod(rng.standard_normal((6, 2000)), axis=0) ** 2

    claim = sl.limit(sp.S.One, experiment=draw)
    with pytest.raises(sl.errors.DomainError, match=r"heavy tails.*kind='cf'.*kind='log'"):
        claim.certify(sizes=SIZES)
    rng = np.random.default_rng(0)
    with pytest.raises(sl.errors.DomainError, match="heavy tails"):
        claim.compare({n: draw(n, rng) for n in SIZES})
    details = sl.limit(sp.Rational(1, 3), experiment=squares).certify(sizes=SIZES).links[0].details
    assert "false alarms at most 1.00 times alpha" in details["tails"]
    assert details["power"] == 0.95
    assert details["control p value"] < details["alpha"]


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ((32,), "three or more"),
        ((32, 64), "three or more"),
        ((32, 32, 64), "three or more different"),
        ((), "three or more"),
        (8, "a sequence"),
        ((0, 1, 2), "positive integers"),
        ((8.5, 16, 32), "positive integers"),
    ],
)
def test_wrong_sizes(sizes: tuple[int, ...], words: str) -> None:
    with pytest.raises(sl.errors.DomainError, match=words):
        sl.dual(act.relu).certify(sizes=sizes)


# ----------------------------------------------------------------------------------------- the parts


def test_lines_without_a_value_are_false() -> None:
    a = sp.Symbol("a", positive=True)
    trace = (Step(a, "definition", ""), Step(a / (a - 1) * (a - 1) + 0 / (a - 1), "algebra", ""))
    assert certify.check_lines(trace, sl.limit(a).domain).passed
    trace = (Step(a, "definition", ""), Step(sp.log(-a), "a slip", ""))
    link = certify.check_lines(trace, sl.limit(a).domain)
    assert link.passed is False
    assert "no value" in link.summary


def test_one_line_proves_nothing() -> None:
    assert certify.check_lines((Step(sp.pi, "definition", ""),), Domain()).passed is None


def test_too_few_sizes() -> None:
    with pytest.raises(sl.errors.DomainError, match="1 sizes"):
        certify.check_samples(1.0, [certify.Samples(8, 1.0, 0.1, 10)], order=1)

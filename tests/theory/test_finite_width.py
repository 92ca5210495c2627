"""Exact statements at finite width: against polynomials multiplied out, width one by hand, and networks drawn."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits import finite_width
from symlimits.errors import DomainError, FormulaError, NoRule, UnboundSymbol
from symlimits.finite.linear_pairs import LinearPairs
from symlimits.finite.network import sample
from symlimits.finite.width_networks import WidthNetworks
from symlimits.theory.finite_width import first_order, linear_squares, ntk_variance, output_kurtosis

SLOW = pytest.mark.slow
MISSED = 4.9  # standard errors: two-sided, 1e-6
CONTROL = 9.65  # standard errors of a wrong formula that is missed with probability 1e-6
NETWORKS = 2**17
RELU, LINEAR = (0.0, 1.0), (1.0, 1.0)
n, k = sp.symbols("n k", integer=True, positive=True)


def moment(polynomial: sp.Expr, weights: list[sp.Symbol]) -> sp.Expr:
    """The mean over standard normal weights, monomial by monomial: E g^(2a) = (2a - 1)!!."""
    total = sp.S.Zero
    for powers, coefficient in sp.Poly(polynomial, *weights).terms():
        if not any(a % 2 for a in powers):
            total += coefficient * sp.Mul(*(sp.factorial2(a - 1) for a in powers if a))
    return total


def of_a_linear_network(widths: tuple[int, ...]) -> tuple[sp.Expr, sp.Expr]:
    """E f^4/(E f^2)^2 and Var Theta/(E Theta)^2, the network and its gradient multiplied out."""
    sizes = (1, *widths, 1)
    matrices = [
        sp.Matrix(b, a, lambda i, j, at=at: sp.Symbol(f"w_{at}_{i}_{j}"))
        for at, (a, b) in enumerate(itertools.pairwise(sizes))
    ]
    product = sp.eye(1)
    for matrix in matrices:
        product = matrix * product
    f, weights = sp.expand(product[0]), [w for matrix in matrices for w in matrix]
    Theta = sp.expand(sum(f.diff(w) ** 2 for w in weights))
    first, second = (moment(sp.expand(Theta**a), weights) for a in (1, 2))
    return moment(sp.expand(f**4), weights) / moment(sp.expand(f**2), weights) ** 2, second / first**2 - 1


@pytest.mark.parametrize(
    "widths", [(2,), (1, 2), pytest.param((2, 2), marks=SLOW), pytest.param((3, 2), marks=SLOW)], ids=str
)
def test_linear_networks_multiplied_out(widths: tuple[int, ...]) -> None:
    kurtosis, variance = of_a_linear_network(widths)
    assert output_kurtosis(act.linear, widths).expr == kurtosis
    assert ntk_variance(act.linear, widths).expr == variance


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_width_one_by_hand(depth: int) -> None:
    """f is a product of depth + 1 normals, alive with probability 2^-depth where a unit is a relu."""
    L = depth
    squared = (L + 1) * 3**L + (L + 1) * L * 3 ** (L - 1)  # E Theta^2 of a linear network
    for phi, alive in ((act.linear, 1), (act.relu, 2**L), (act.absolute, 1)):
        assert output_kurtosis(phi, (1,) * L).expr == alive * 3 ** (L + 1)
        assert ntk_variance(phi, (1,) * L).expr == sp.Rational(alive * squared, (L + 1) ** 2) - 1


def test_known_products() -> None:
    """3 prod (1 + 2/n) for linear networks, 3 prod (1 + 5/n) for relu (Hanin and Nica 2020)."""
    for phi, a in ((act.linear, 2), (act.relu, 5), (act.absolute, 2)):
        assert sp.simplify(output_kurtosis(phi, ("n", "k")).expr - 3 * (1 + a / n) * (1 + a / k)) == 0
    assert first_order(output_kurtosis(act.relu, ("n",) * 3)) == 3 + 45 / n
    assert (
        sp.limit(ntk_variance(act.relu, ("n",) * 4).expr * n, n, sp.oo)
        == first_order(ntk_variance(act.relu, ("n",) * 4)) * n
    )
    slope = sp.Symbol("a", positive=True)
    leaky = ntk_variance(act.leaky_relu(slope), ("n",)).expr
    assert sp.simplify(leaky.subs(slope, 0) - 3 / n) == sp.simplify(leaky.subs(slope, 1) - 1 / n) == 0


def drawn(slopes: tuple[float, float], widths: tuple[int, ...], observable: str, sampler: str) -> tuple[float, float]:
    """The mean over networks and its standard error."""
    rng = np.random.default_rng(len(widths) * 100 + widths[0])
    networks = WidthNetworks(slopes, widths, observable, sampler)
    parts = [networks.networks(3, 2**13, rng) for _ in range(NETWORKS // 2**13)]
    values = np.concatenate(parts)
    return float(values.mean()), float(values.std() / np.sqrt(values.size))


CASES = [
    (act.relu, RELU, (5,), "naive"),
    pytest.param(act.relu, RELU, (2,), "naive", marks=SLOW),
    pytest.param(act.relu, RELU, (10, 10, 10), "naive", marks=SLOW),
    pytest.param(act.relu, RELU, (10,) * 4, "exact", marks=SLOW),
    pytest.param(act.linear, LINEAR, (5, 10), "exact", marks=SLOW),
    pytest.param(act.leaky_relu("1/5"), (0.2, 1.0), (10, 5), "naive", marks=SLOW),
]


@pytest.mark.parametrize(("phi", "slopes", "widths", "sampler"), CASES)
def test_networks(phi: object, slopes: tuple[float, float], widths: tuple[int, ...], sampler: str) -> None:
    for statement, observable in ((output_kurtosis, "output"), (ntk_variance, "ntk")):
        claim = float(statement(phi, widths).expr)
        mean, error = drawn(slopes, widths, observable, sampler)
        print(f"{observable} {widths}: {claim:.5f}, nets give {mean:.5f} +- {error:.5f}")
        assert abs(mean - claim) < MISSED * error
        gaussian = 3.0 if observable == "output" else 0.0  # what the limit of infinite width says
        assert abs(mean - gaussian) > CONTROL * error
        wrong = gaussian + (claim - gaussian) * (1 + 1 / sum(widths))  # n - 1 in place of n, about
        assert abs(mean - wrong) > MISSED * error or abs(wrong - claim) < CONTROL * error


@SLOW
def test_networks_are_those_of_the_package() -> None:
    """Relu networks of equal widths, from `finite.network`, which shares no code with the pass that is drawn here."""
    net = sl.mlp(depth=2, activation=act.relu, w_var=2, b_var=0)
    rng = np.random.default_rng(5)
    Theta = sample(net, [[1.0, 1.0, 1.0]], 6, 2**16, rng, ("ntk",), "naive")[0][:, 0, 0]
    values = (Theta / 6.0) ** 2 - 1  # w_var (L + 1)
    claim, error = float(ntk_variance(act.relu, (6, 6)).expr), float(values.std() / 2**8)
    assert abs(values.mean() - claim) < MISSED * error
    assert abs(values.mean() - float(ntk_variance(act.relu, (9, 9)).expr)) > CONTROL * error


@SLOW
@pytest.mark.parametrize("statement", [output_kurtosis, ntk_variance])
def test_certificates(statement: Callable[..., sl.Limit]) -> None:
    claim = statement(act.linear, ("n", 12)).bind(n=10)
    certificate = claim.certify(sizes=(2, 4, 8), seed=0)
    assert certificate.ok
    assert sl.verify(certificate.to_json()).ok
    expr = claim.expr * sp.Rational(11, 10)
    wrong = sl.limit(expr, experiment=claim.experiment, order=0)
    assert not wrong.certify(sizes=(2, 4, 8), seed=0).ok


def test_lines_and_readings() -> None:
    claim = ntk_variance(act.relu, ("n", "k"))
    assert [step.rule for step in claim.trace][1:] == [
        "Gaussian integrals", "the layers, one after the other", "one fraction",
    ]  # fmt: skip
    value = claim.bind(n=10, k=20).expr
    assert claim(20, 10) == pytest.approx(float(value), rel=1e-14)  # arguments by name: k, n
    assert claim.reference(20, 10, digits=30) == value.evalf(30)
    assert sl.load(claim.to_json()).expr == claim.expr
    assert finite_width.ntk_variance is ntk_variance


def test_two_inputs_of_linear_networks() -> None:
    """Against weights multiplied naively; equal inputs are one; at infinite width outputs are Gaussian."""
    claim = linear_squares(("n", "n"))
    rho = sp.Symbol("rho", real=True)
    assert sp.simplify(claim.expr.subs(rho, 1) - output_kurtosis(act.linear, ("n", "n")).expr) == 0
    assert sp.limit(claim.expr, n, sp.oo) == 1 + 2 * rho**2
    values = LinearPairs((8, 8), 0.5, "naive").networks(NETWORKS, np.random.default_rng(1))
    error = values.std() / np.sqrt(values.size)
    found = claim.bind(n=8, rho="1/2")
    assert abs(values.mean() - float(found.expr)) < MISSED * error
    assert abs(values.mean() - 1.5) > CONTROL * error
    assert isinstance(found.experiment, LinearPairs)


@SLOW
def test_certificate_of_two_inputs() -> None:
    certificate = linear_squares((20, 20)).bind(rho="-1/2").certify(sizes=(2, 4, 8), seed=0)
    assert certificate.ok
    assert sl.verify(certificate.to_json()).ok


@SLOW
def test_lines_hold() -> None:
    for claim in (ntk_variance(act.relu, ("n", "k")), output_kurtosis(act.leaky_relu("1/5"), ("n", "n"))):
        assert claim.check().ok


def test_refused() -> None:
    with pytest.raises(NoRule, match=r"leaky_relu\(slope\)"):
        output_kurtosis(act.tanh, ("n",))
    with pytest.raises(NoRule, match="phi"):
        ntk_variance(act.relu_power(2), ("n",))
    for widths in ((), "n", 5, (0,), ("1/2",), (5,) * 51):
        with pytest.raises(DomainError):
            output_kurtosis(act.relu, widths)
    with pytest.raises(DomainError, match="one symbol"):
        first_order(output_kurtosis(act.relu, ("n", "k")))
    with pytest.raises(UnboundSymbol):
        output_kurtosis(act.relu, ("n",)).certify()
    with pytest.raises(DomainError, match="width 3/2"):
        output_kurtosis(act.relu, ("n/2",)).bind(n=3)
    record = json.loads(json.dumps(WidthNetworks(RELU, (3,)).record()))
    assert WidthNetworks.from_record(record) == WidthNetworks(RELU, (3,))
    for wrong in ({"widths": []}, {"widths": [0]}, {"slopes": [0, 0]}, {"slopes": "ab"}):
        with pytest.raises(FormulaError):
            WidthNetworks.from_record(record | wrong)

"""The fourth link, special = general: kernels and polynomial paths against the engine, and wrong ones refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.certify import Link, digest
from symlimits.certify.certificate import PRECISE, STATISTICAL
from symlimits.certify.general import NAME
from symlimits.errors import FormulaError
from symlimits.paper.certificate_file import named
from symlimits.paper.verify import GENERALS
from symlimits.theory.deep_linear.polynomial import path_polynomial
from symlimits.theory.programs.kernel_link import KernelProgram
from symlimits.theory.programs.path_link import PathProgram, eta, program_polynomial, s
from symlimits.theory.programs.predictor_link import predictor_value
from symlimits.theory.scaling.named import named as named_point

SEED = 3
CLOSED = 1e-11  # of a kernel of size 1 to 10: 1e-12 of it, and the rounding of the engine's line


def linked(limit: sl.Limit, seed: int = SEED) -> Link:
    (point,) = limit.domain.mixed_points(seed, corners=0, interior=1)
    found: Link = limit.general.link(limit, point)
    return found


@pytest.mark.parametrize("depth", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("phi", [act.relu, act.erf], ids=["relu", "erf"])
@pytest.mark.parametrize("kernel", [sl.nngp, sl.ntk])
def test_kernels_are_those_of_backpropagation(kernel: object, phi: sl.Activation, depth: int) -> None:
    link = linked(kernel(sl.mlp(depth, phi, 2, "1/10")))  # type: ignore[operator]
    assert link.passed, link.summary
    assert link.level == PRECISE
    assert link.details["allowed"] < CLOSED


@pytest.mark.slow
def test_without_closed_forms_expectations_are_computed() -> None:
    link = linked(sl.ntk(sl.mlp(2, act.tanh, "3/2", "1/10")))
    assert link.passed, link.summary
    assert link.level == STATISTICAL
    assert link.details["allowed"] < CLOSED


@pytest.mark.slow
def test_symbols_of_a_network_and_an_open_depth() -> None:
    for limit in (sl.ntk(sl.mlp("L", act.sin)), sl.nngp(sl.mlp("L", act.sin)).bind(sigma_b=0)):
        link = linked(limit)
        assert link.passed, link.summary
        assert "2 hidden layers" in link.summary


@pytest.mark.slow
def test_layers_of_several_kinds() -> None:
    net = sl.serial(sl.Dense(2, "1/3"), act.relu, sl.Dense(1), act.cos, sl.Dense("3/2", 1))
    for limit in (sl.nngp(net), sl.ntk(net)):
        link = linked(limit)
        assert link.passed, link.summary


WRONG = [
    sl.mlp(2, act.relu, "2001/1000", "1/10"),
    sl.mlp(2, act.leaky_relu("1/1000"), 2, "1/10"),
    sl.mlp(1, act.relu, 2, "1/10"),
]


@pytest.mark.parametrize("observable", ["nngp", "ntk"])
@pytest.mark.parametrize("net", WRONG)
def test_another_network_is_refused(net: sl.Serial, observable: str) -> None:
    limit = getattr(sl, observable)(sl.mlp(2, act.relu, 2, "1/10"))
    assert linked(replace(limit, general=KernelProgram(net, observable))).passed is False


def test_an_input_kernel_that_is_bound() -> None:
    link = linked(sl.nngp(sl.mlp(2, act.relu, 2, 0)).bind(p=1, q="1/2"))
    assert link.passed, link.summary


def test_a_tangent_kernel_is_not_the_other_kernel() -> None:
    net = sl.mlp(2, act.erf, 2, "1/10")
    assert linked(replace(sl.ntk(net), general=KernelProgram(net, "nngp"))).passed is False


UNREACHED = [
    (sl.ntk(sl.mlp(4, act.relu)), "4 hidden layers"),
    (sl.ntk(sl.mlp(1, act.relu, 2, 0, "standard", widths=(64,))), "grows with the width"),
]


@pytest.mark.parametrize(("limit", "reason"), UNREACHED)
def test_where_the_engine_does_not_reach(limit: sl.Limit, reason: str) -> None:
    link = linked(limit)
    assert link.passed is None
    assert reason in link.summary


@pytest.mark.parametrize(("depth", "steps"), [(1, 4), (2, 3), (3, 3)])
def test_polynomial_paths_are_those_of_the_program(depth: int, steps: int) -> None:
    """Without the transpose's corrections they are others, for two hidden layers or more: one layer has no matrix."""
    special = path_polynomial(depth, steps).expr
    assert (program_polynomial(depth, steps).as_expr() - special).expand() == 0
    without = program_polynomial(depth, steps, transpose_correction=False)
    assert ((without.as_expr() - special).expand() == 0) is (depth == 1)


@pytest.mark.slow
def test_paths_have_the_link() -> None:
    limit = sl.deep_linear(2).path_limit(2)
    assert linked(limit).passed
    assert linked(limit.bind(eta="1/10")).passed
    assert linked(replace(limit, general=PathProgram(2, 3))).passed is False
    assert linked(sl.deep_linear(2).path_limit(4)).passed is None
    assert {eta, s} == limit.free_symbols


FOUR = [
    pytest.param(sl.dual(act.sign), marks=pytest.mark.slow, id="dual"),
    pytest.param(sl.deep_linear(2).limits([[1]], [[2]], lr="1/10", steps=2).predictor(), id="predictor"),
    pytest.param(named_point("muP", depth=2).limit("dh2", 2), id="abc"),
    pytest.param(sl.nngp(sl.mlp(1, act.erf)), marks=pytest.mark.slow, id="nngp"),
    pytest.param(sl.deep_linear(2).path_limit(2), id="path"),
]


@pytest.mark.parametrize("limit", FOUR)
def test_certificates_hold_four_links(limit: sl.Limit) -> None:
    found = limit.check(SEED)
    assert found.ok
    assert found.links[-1].name == NAME
    assert "  general    holds  special = general: " in str(found)
    assert "special = general" in found.latex()
    text = found.to_json()
    verified = sl.verify(text)
    assert verified.ok, str(verified)
    edited = json.loads(text)
    named(edited["links"], NAME)["passed"] = None  # type: ignore[index]
    assert not sl.verify(json.dumps(edited | {"digest": digest(edited)})).ok


def test_certificates_of_three_links_stay_valid() -> None:
    old = json.loads(replace(sl.deep_linear(2).path_limit(2), general=None).check(SEED).to_json())
    assert [link["name"] for link in old["links"]] == ["lines", "compiled"]
    assert sl.verify(json.dumps(old)).ok


@pytest.mark.slow
def test_a_network_of_another_name_in_a_file_is_seen() -> None:
    """What is certified against another program is no certificate of this kernel, even where the values agree."""
    content = json.loads(sl.nngp(sl.mlp(1, act.erf)).check(SEED).to_json())
    content["claim"]["general"] = KernelProgram(sl.mlp(1, act.relu), "nngp").record()
    found = sl.verify(json.dumps(content | {"digest": digest(content)}))
    assert not found.ok


def test_duals_have_the_link_and_so_have_their_derivatives() -> None:
    """The engine beside another activation, and beside the dual itself in place of its derivatives, is refused."""
    T = sl.dual(act.relu)
    for limit in (T, T.dot(), T.bind(q=1)):
        link = linked(limit)
        assert link.passed, link.summary
        assert link.level == PRECISE
    wrong = KernelProgram(sl.mlp(1, act.leaky_relu("1/1000"), 1, 0), "nngp")
    assert linked(replace(T, general=wrong)).passed is False
    assert linked(replace(T.dot(), general=T.general)).passed is False


@pytest.mark.parametrize("steps", [1, 2])
def test_predictors_of_networks_trained_on_data(steps: int) -> None:
    """Two inputs that correlate, two outputs; without the transposes' terms, and for other data, it is another."""
    data = {"Sxx": [[1, "1/2"], ["1/2", 2]], "Syx": [[2, 1], ["1/3", -1]]}
    limit = sl.deep_linear(2).limits(**data, lr="1/10", steps=steps).predictor((1, 0))
    assert linked(limit).passed, linked(limit).summary
    assert abs(predictor_value(limit.general, transpose_correction=False) - limit.expr) > 1e-4
    moved = replace(limit.general, lr=limit.general.lr * sp.Rational(1001, 1000))
    assert linked(replace(limit, general=moved)).passed is False


def test_predictors_that_the_engine_is_not_asked_for() -> None:
    limit = sl.deep_linear(2).limits([[1]], [[2]], lr="1/10", steps=4).predictor()
    assert linked(limit).passed is None


@pytest.mark.parametrize(("name", "optimizer", "steps"), [("muP", "sgd", 3), ("NTK", "sgd", 2), ("SP", "adam", 1)])
def test_exponents_of_parameterisations(name: str, optimizer: str, steps: int) -> None:
    point, other = (named_point(of, depth=2, optimizer=optimizer) for of in (name, "deep-MF"))
    for quantity in ("f", "dh2", "df"):
        limit = point.limit(quantity, steps)
        assert linked(limit).passed, linked(limit).summary
    different = [q for q, value in other.after(steps).items() if value != point.after(steps)[q]]
    wrong = other.limit(different[0], steps).general
    assert linked(replace(point.limit(different[0], steps), general=wrong)).passed is False
    assert linked(point.limit("f", 13)).passed is None


def test_records_of_engines() -> None:
    """Each comes back from a certificate; with a part missing or out of range it does not."""
    limits = (
        sl.dual(act.relu),
        sl.deep_linear(2).limits([[1]], [[2]], lr="1/10", steps=2).predictor(),
        named_point("muP", depth=2).limit("dh2", 2),
    )
    for limit in limits:
        record = json.loads(json.dumps(limit.general.record()))
        assert GENERALS[record["kind"]](record) == limit.general
        for part in record.keys() - {"kind", "values"}:
            for wrong in (None, "none", -1):
                with pytest.raises(FormulaError):
                    GENERALS[record["kind"]](record | {part: wrong})

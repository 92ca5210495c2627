"""The fourth link of kernels of images: fields over pixel pairs against a program with a vector a pixel."""

from __future__ import annotations

from dataclasses import replace

import pytest

import symlimits as sl
from symlimits import activations as act
from symlimits.certify import Link
from symlimits.certify.certificate import PRECISE
from symlimits.theory.programs.kernel_link import KernelProgram

CLOSED = 1e-11  # of kernels of size 0.1 to 10: 1e-12 of them, and the rounding of the engine's line


def linked(limit: sl.Limit) -> Link:
    (point,) = limit.domain.mixed_points(3, corners=0, interior=1)
    link: Link = limit.general.link(limit, point)
    return link


def sequence(*body: object, end: object = None) -> sl.Serial:
    return sl.serial(sl.Conv((3,), 2, "1/10"), act.relu, *body, end or sl.Flatten(), sl.Dense(1, "1/5"))


NETS = {
    "same": sequence(),
    "even": sequence(sl.Conv((2,), 1, "1/4"), act.erf),
    "circular": sequence(sl.Conv((2,), 1, padding="circular"), act.erf, end=sl.GlobalAvgPool()),
    "strides": sequence(sl.Conv((2,), 1, strides=2), act.erf),
    "residual": sequence(sl.Residual(sl.Conv((2,), 1))),
    "dense": sl.serial(sl.Conv((2,), 2, 1), act.relu, sl.Flatten(), sl.Dense(2, "1/7"), act.erf, sl.Dense("3/2")),
    "pool": sl.serial(
        sl.Conv((2, 2), 2), act.relu, sl.AvgPool((2, 2)), sl.Conv((1, 1), 1), act.erf, sl.Flatten(), sl.Dense(1)
    ),
    "valid": sl.serial(sl.Conv((2, 2), 2, "1/2", padding="valid"), act.relu, sl.Flatten(), sl.Dense(1)),
}


SHORT = ("same", "circular", "valid", "dense")
CASES = [(name, sl.nngp) for name in SHORT] + [("residual", sl.ntk)]
LONG = [(name, kernel) for name in NETS for kernel in (sl.nngp, sl.ntk) if (name, kernel) not in CASES]


@pytest.mark.parametrize(("name", "kernel"), [*CASES, *(pytest.param(*case, marks=pytest.mark.slow) for case in LONG)])
def test_fields_are_those_of_the_program(name: str, kernel: object) -> None:
    link = linked(kernel(NETS[name]))  # type: ignore[operator]
    assert link.passed, link.summary
    assert link.level == PRECISE
    assert link.details["allowed"] < CLOSED


WRONG = {
    "same": sequence(end=sl.GlobalAvgPool()),
    "even": sequence(sl.Conv((2,), 1, "1/4", padding="circular"), act.erf),
    "strides": sequence(sl.Conv((2,), 1), act.erf),
    "circular": sequence(sl.Conv((2,), "1001/1000", padding="circular"), act.erf, end=sl.GlobalAvgPool()),
}


@pytest.mark.parametrize("name", WRONG)
def test_another_network_is_refused(name: str) -> None:
    limit = sl.nngp(NETS[name])
    assert linked(replace(limit, general=KernelProgram(WRONG[name], "nngp"))).passed is False


@pytest.mark.slow
def test_a_tangent_kernel_is_not_the_other_kernel() -> None:
    net = NETS["same"]
    assert linked(sl.ntk(net)).passed
    assert linked(replace(sl.ntk(net), general=KernelProgram(net, "nngp"))).passed is False


def test_long_programs_are_not_reached() -> None:
    layers = [layer for _ in range(3) for layer in (sl.Conv((3, 3), 2, 0), act.relu)]
    link = linked(sl.ntk(sl.serial(*layers, sl.Flatten(), sl.Dense(1))))
    assert link.passed is None
    assert "instructions" in link.summary

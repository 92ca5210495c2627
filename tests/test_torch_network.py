"""A PyTorch network as an author's experiment; skipped where PyTorch is not installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import symlimits as sl

torch = pytest.importorskip("torch")
FILE = Path(__file__).parents[1] / "benchmarks" / "torch_network.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("torch_network", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_its_tangent_kernel_is_that_of_autograd_and_of_differences(example: ModuleType) -> None:
    net = example.Mlp(5, 4, torch.Generator().manual_seed(0))
    x, z = torch.from_numpy(example.INPUTS)
    step, total = 1e-6, 0.0
    with torch.no_grad():
        for parameter in net.parameters():
            for entry in range(parameter.numel()):
                slopes = []
                for point in (x, z):
                    flat = parameter.view(-1)
                    flat[entry] += step
                    above = net(point)
                    flat[entry] -= 2 * step
                    slopes.append((above - net(point)) / (2 * step))
                    flat[entry] += step
                total += float(slopes[0] * slopes[1])
    assert example.tangent(net, x, z) == pytest.approx(total, rel=1e-6)  # central differences: step^2, roundings / step


def test_it_agrees_with_the_limit_and_a_wrong_one_does_not(example: ModuleType) -> None:
    sizes = (8, 16, 32)  # a bias of order 1/N is extrapolated
    honest = example.claim().certify(sizes=sizes, seed=0)
    assert honest.ok, str(honest)
    assert honest.links[0].details["detectable"] < 0.25 * honest.links[0].details["value"], "what the control needs"
    rng = np.random.default_rng(2)
    samples = {size: example.draw(size, rng, 300) for size in sizes}
    right = sl.ntk(example.NETWORK).compare(samples, **example.POINT)
    assert right.ok, str(right)
    wrong = {size: 2 * draws for size, draws in samples.items()}  # one factor sqrt(2) forgotten
    assert sl.ntk(example.NETWORK).compare(wrong, **example.POINT).failed == ("simulation",)

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


DRAWS = 300  # of each size: a kernel twice as large is 4 times what is detected


class Few:
    """The example's experiment with fewer draws, each times a factor."""

    def __init__(self, example: ModuleType, factor: float) -> None:
        self.example, self.factor = example, factor

    def __call__(self, size: int, rng: np.random.Generator) -> np.ndarray:
        return self.factor * self.example.draw(size, rng)

    def wanted(self, size: int) -> int:
        return DRAWS


@pytest.mark.parametrize(("factor", "failed"), [(1.0, ()), (2.0, ("simulation",))])
def test_as_an_experiment(example: ModuleType, factor: float, failed: tuple[str, ...]) -> None:
    """The control: one factor sqrt(2) forgotten."""
    found = example.claim(Few(example, factor)).certify(sizes=example.SIZES, seed=0)
    assert found.failed == failed, str(found)
    assert found.links[0].details["detectable"] < 0.5 * found.links[0].details["value"]


@pytest.mark.slow
def test_by_its_samples(example: ModuleType) -> None:
    rng = np.random.default_rng(2)
    samples = {size: example.draw(size, rng, DRAWS) for size in example.SIZES}
    kernel = sl.ntk(example.NETWORK)
    assert kernel.compare(samples, **example.POINT).ok
    wrong = {size: 2 * draws for size, draws in samples.items()}
    assert kernel.compare(wrong, **example.POINT).failed == ("simulation",)

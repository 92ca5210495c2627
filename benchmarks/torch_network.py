"""A PyTorch network against the tangent kernel of its limit: as an experiment, and by samples of its own.

    pip install torch
    python benchmarks/torch_network.py

Nothing of PyTorch is used by symlimits: `draw(size, rng)` is an author's experiment like any other. The network is an
MLP of torch.nn.Linear layers in NTK parameterisation: weights from N(0, 1), each layer times sqrt(w_var/n). Its
empirical tangent kernel is the product of the gradients that autograd gives at two inputs.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

import symlimits as sl
from symlimits import activations as act
from symlimits.certify import Certificate

SIZES, NETWORKS = (16, 64, 256), 400
DEPTH, W_VAR = 2, 2.0
INPUTS = np.array([[1.0, 0.5, -0.5, 0.0], [-0.5, 1.0, 1.0, 0.5]])
NETWORK = sl.mlp(depth=DEPTH, activation=act.relu, w_var=W_VAR, b_var=0)
GRAM = INPUTS @ INPUTS.T / INPUTS.shape[1]
POINT = {"p": GRAM[0, 0], "q": GRAM[1, 1], "c": GRAM[0, 1]}


class Mlp(torch.nn.Module):
    """Hidden layers of one width, and one output; what is trained are the weights, N(0, 1) each."""

    def __init__(self, width: int, inputs: int, generator: torch.Generator) -> None:
        super().__init__()
        widths = [inputs, *[width] * DEPTH, 1]
        self.layers = torch.nn.ModuleList(
            torch.nn.Linear(n, m, bias=False, dtype=torch.float64) for n, m in pairwise(widths)
        )
        for layer in self.layers:
            torch.nn.init.normal_(layer.weight, generator=generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x) * (W_VAR / layer.in_features) ** 0.5)
        last = self.layers[-1]
        return (last(x) * (W_VAR / last.in_features) ** 0.5)[0]


def tangent(net: Mlp, x: torch.Tensor, z: torch.Tensor) -> float:
    """The empirical tangent kernel: the inner product of the gradients of the output."""
    rows = [torch.autograd.grad(net(point), list(net.parameters())) for point in (x, z)]
    return float(sum((a * b).sum() for a, b in zip(*rows, strict=True)))


def draw(size: int, rng: np.random.Generator, networks: int = 20) -> np.ndarray:
    """The tangent kernel between the two inputs, of networks of one width."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    x, z = torch.from_numpy(INPUTS)
    return np.array([tangent(Mlp(size, x.numel(), generator), x, z) for _ in range(networks)])


def claim(experiment: object = draw) -> sl.Limit:
    """The limit at these inputs: the derivation of symlimits, about the networks of PyTorch."""
    theta = sl.ntk(NETWORK).bind(**POINT)
    claimed = sl.limit(theta.definition, experiment=experiment, name=theta.name, source="a network of PyTorch")
    return claimed.then(theta.expr, because="Price's theorem, layer by layer")


def compared(networks: int = NETWORKS) -> Certificate:
    """The same networks as an array for each width, held against the kernel itself."""
    rng = np.random.default_rng(1)
    samples = {size: np.concatenate([draw(size, rng) for _ in range(networks // 20)]) for size in SIZES}
    return sl.ntk(NETWORK).compare(samples, **POINT)


def wrong(size: int, rng: np.random.Generator) -> np.ndarray:
    """The control: a kernel 25 % too large, as one forgotten factor would make it."""
    return 1.25 * draw(size, rng)


def outcome(certificate: Certificate) -> str:
    """Its links; the statement is long, and the same each time."""
    return "\n".join(str(certificate).splitlines()[1:])


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = [claim().certify(sizes=SIZES, seed=0), compared(), claim(wrong).certify(sizes=SIZES, seed=0)]
    titles = ("experiment=draw", ".compare(samples)", "the control, 25 % too large")
    text = "\n\n".join(f"{title}\n{outcome(certificate)}" for title, certificate in zip(titles, found, strict=True))
    text = f"torch {torch.__version__}, relu, depth {DEPTH}, widths {SIZES}\n\n{text}\n"
    print(text, end="")
    Path(__file__).with_name("results").joinpath("torch_network.txt").write_text(text)
    sys.exit(0 if [certificate.ok for certificate in found] == [True, True, False] else 1)

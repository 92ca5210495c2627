"""Every capability beside its peers, in one run: `python benchmarks/peers.py [--quick] [--peer neural-tangents]`.

A capability is timed at several sizes together with a peer that does the same work, or with a floor that no program
goes below: mpmath for values, networks drawn weight by weight for samplers, the product X X' for Gram matrices, the
eigendecomposition for laws of training, the random numbers themselves for finite networks. Ours and the peer's are
measured in turn, the least of several, on one thread. Prints ratios (peer over ours: larger is better; ours over a
floor: 1 is the best there is), writes benchmarks/results/peers.json and benchmarks/results/peers.png, a panel a
capability of cost against size. neural-tangents is asked for in an environment of its own, with the versions it needs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath as mp
import numba
import numpy as np
import sympy as sp
from gram import machine, seconds
from scipy.linalg import eigh
from threadpoolctl import threadpool_limits

import symlimits as sl
from symlimits import activations as act
from symlimits.canvas import figure, save
from symlimits.finite.deep_linear_training import draw, train

RESULTS = Path(__file__).parent / "results"
SAME = 1e-9  # relative; their kernels lose digits where inputs are near each other, Gaussian ones are not
NET = sl.mlp(depth=3, activation=act.relu, w_var=2, b_var=0)
IMAGES = 40
PINS = ("neural-tangents==0.6.5", "jax<0.4.31", "jaxlib<0.4.31", "scipy<1.14")
THEIRS = """
import json, os, sys, time
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one thread, as ours
import numpy as np
import jax
jax.config.update("jax_enable_x64", True)
from neural_tangents import stax
_, _, kernel = stax.serial(*[stax.Dense(1, W_std=2**0.5), stax.Relu()] * 3, stax.Dense(1, W_std=2**0.5))
both = jax.jit(lambda x: kernel(x, None, ("nngp", "ntk")))
found = {}
for n in json.loads(sys.argv[1]):
    x = np.random.default_rng(0).normal(size=(n, 100))
    jax.block_until_ready(tuple(both(x)))
    times = []
    for _ in range(3):
        start = time.perf_counter()
        jax.block_until_ready(tuple(both(x)))
        times.append(time.perf_counter() - start)
    found[n] = {"seconds": min(times), "nngp": float(both(x).nngp[0, 1]), "ntk": float(both(x).ntk[0, 1])}
print(json.dumps(found))
"""

Pair = tuple[Callable[[], object], Callable[[], object]]


@dataclass(frozen=True)
class Capability:
    """Work of some size, ours and another's; `floor` where the other is a part that nobody can do without."""

    name: str
    peer: str
    unit: str
    sizes: tuple[int, ...]
    make: Callable[[int], Pair]
    floor: bool = False


def gram(n: int) -> Pair:
    X, loop = np.random.default_rng(0).normal(size=(n, 100)), sl.ntk(NET).compile().loop
    return lambda: loop.both(X), lambda: X @ X.T


def dual(n: int) -> Pair:
    T, c = sl.dual(act.gelu), np.linspace(-0.9, 0.9, n)
    theirs = sp.lambdify(T.arguments, T.expr, "mpmath")  # the same closed form
    return lambda: T(1.0, 1.0, c), lambda: [theirs(mp.mpf(1), mp.mpf(1), mp.mpf(x)) for x in c]


def density(n: int) -> Pair:
    law, s = sl.output_law(widths=(5, 3, 4)), np.linspace(0.1, 5, n)
    N = [mp.mpf(width) / 2 for width in (5, 3, 4)]

    def theirs() -> None:
        for x in s[:: max(1, n // 4)]:
            mp.meijerg([[], []], [[0, *(k - mp.mpf(1) / 2 for k in N)], []], x**2 * mp.fprod(N) / 2)

    return lambda: law.pdf(s), theirs


def sampler(n: int) -> Pair:
    law, rng, width, depth = sl.output_law(widths=(50,) * 10), np.random.default_rng(0), 50, 10

    def naive() -> None:
        for _ in range(max(1, n // 50)):
            h = rng.normal(size=width)
            for _ in range(depth - 1):
                h = rng.normal(size=(width, width)) @ h / np.sqrt(width)
            rng.normal(size=width) @ h / np.sqrt(width)

    return lambda: law.sample(n, seed=0), naive


def linear_path(steps: int) -> Pair:
    Sxx, Syx = np.diag([1.0, 0.5]), np.array([[1.0, -0.5], [0.2, 0.3]])
    nets = draw(256, 2, 2, 2, 1, np.random.default_rng(0))
    path = sl.deep_linear(2)
    return lambda: path.gradient_descent(Sxx, Syx, lr=0.05, steps=steps), lambda: list(
        train(nets, Sxx, Syx, 0.05, steps)
    )


def law(n: int) -> Pair:
    rng = np.random.default_rng(0)
    X, Z, Y = rng.normal(size=(n, 50)), rng.normal(size=(n // 4, 50)), rng.normal(size=(n, 1))
    kernel = sl.ntk(NET)(X)
    return lambda: sl.trained_law(NET, X, Y, lr=0.1).covariance(Z, time=10.0), lambda: eigh(kernel, driver="evd")


def images(side: int) -> Pair:
    """As many pairs of pixels, and activations, as the dense loop has pairs of points."""
    rng = np.random.default_rng(0)
    X, points = rng.normal(size=(IMAGES, side, side, 1)), rng.normal(size=(IMAGES * side, 8))
    layers = [layer for _ in range(3) for layer in (sl.Conv((3, 3), 2), act.relu)]
    kernel = sl.ntk(sl.serial(*layers, sl.Flatten(), sl.Dense(1))).compile()
    loop = sl.ntk(NET).compile().loop
    return lambda: kernel.both(X), lambda: loop.both(points)


def twin(n: int) -> Pair:
    prog = sl.training_program(sl.mlp(2, act.erf, 1, 0), [[1.0], [-0.5]], [1.0, 0.0], steps=2, lr=1.0)
    rng = np.random.default_rng(0)
    return lambda: prog.run(n, seed=0)[prog.outputs[2]], lambda: rng.normal(size=(n, n))


CAPABILITIES = (
    Capability("NNGP and NTK Gram matrices", "the product X X'", "points", (250, 500, 1000, 2000), gram, floor=True),
    Capability("values of a dual activation", "mpmath", "values", (100, 1000, 10_000), dual),
    Capability("density of an output law", "mpmath.meijerg", "values", (100, 1000, 10_000), density),
    Capability("draws of an output law", "naive networks", "draws", (1000, 10_000, 100_000), sampler),
    Capability("path of a deep linear network", "training at width 256", "steps", (50, 200, 800), linear_path),
    Capability("law of trained networks", "eigendecomposition", "points", (250, 500, 1000), law, floor=True),
    Capability("NNGP and NTK of images", "dense networks", "pixels a side", (7, 14, 28), images, floor=True),
    Capability("finite network, two steps", "its random numbers", "width", (256, 1024, 4096), twin, floor=True),
)


def measured(capability: Capability, repeats: int) -> Iterator[dict[str, Any]]:
    for size in capability.sizes:
        ours, theirs = capability.make(size)
        ours()  # compile
        times = [(seconds(ours), seconds(theirs)) for _ in range(repeats)]
        mine, other = (min(column) for column in zip(*times, strict=True))
        scaled = other * scale(capability.peer, size)
        ratio = mine / scaled if capability.floor else scaled / mine
        print(f"{capability.name:<34}{size:>8} {capability.unit:<14}{mine:>10.4f} s {ratio:>10.1f} x {capability.peer}")
        yield {"size": size, "seconds": mine, "peer_seconds": scaled, "ratio": ratio}


def scale(peer: str, size: int) -> float:
    """A slow peer does a part of the work; its time is scaled to the whole."""
    if peer == "mpmath.meijerg":
        return size / len(range(0, size, max(1, size // 4)))
    return size / max(1, size // 50) if peer == "naive networks" else 1.0


def neural_tangents(sizes: tuple[int, ...]) -> dict[int, float]:
    """Their seconds for the same kernels, in an environment of their own; that they are the same is checked."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = str(Path(folder) / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PINS], check=True)
        said = subprocess.run([python, "-c", THEIRS, json.dumps(sizes)], check=True, capture_output=True, text=True)
    found = {int(n): values for n, values in json.loads(said.stdout.splitlines()[-1]).items()}
    for n, theirs in found.items():
        X = np.random.default_rng(0).normal(size=(n, 100))[:2]
        for name, kernel in (("nngp", sl.nngp(NET)), ("ntk", sl.ntk(NET))):
            assert np.isclose(theirs[name], kernel(X)[0, 1], rtol=SAME), (name, n, theirs[name], kernel(X)[0, 1])
    return {n: float(theirs["seconds"]) for n, theirs in found.items()}


def picture(found: dict[str, Any]) -> None:
    drawn = figure(12.0, 6.0)
    for axes, capability in zip(drawn.subplots(2, 4).flat, CAPABILITIES, strict=True):
        rows = found[capability.name]["rows"]
        sizes = [row["size"] for row in rows]
        axes.loglog(sizes, [row["seconds"] for row in rows], "o-", label="symlimits")
        axes.loglog(sizes, [row["peer_seconds"] for row in rows], "s--", color="0.5", label=capability.peer)
        if "neural-tangents" in found[capability.name]:
            theirs = found[capability.name]["neural-tangents"]
            axes.loglog(list(theirs), list(theirs.values()), "^:", color="C3", label="neural-tangents")
        axes.set_title(capability.name, fontsize=9)
        axes.set_xticks(sizes, [f"{size:g}" for size in sizes], fontsize=8)
        axes.set_xticks([], minor=True)
        axes.set_xlabel(capability.unit, fontsize=8)
        axes.set_ylabel("seconds", fontsize=8)
        axes.legend(frameon=False, fontsize=7)
    save(drawn, RESULTS / "peers.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the two smallest sizes, once")
    parser.add_argument("--peer", choices=("neural-tangents",), help="another library, installed apart (minutes)")
    arguments = parser.parse_args()
    found: dict[str, Any] = {}
    numba.set_num_threads(1)
    with threadpool_limits(1):
        for capability in CAPABILITIES:
            chosen = (
                capability if not arguments.quick else Capability(**{**vars(capability), "sizes": capability.sizes[:2]})
            )
            rows = list(measured(chosen, 1 if arguments.quick else 3))
            found[capability.name] = {"peer": capability.peer, "floor": capability.floor, "rows": rows}
    if arguments.peer:
        theirs = neural_tangents(CAPABILITIES[0].sizes)
        found[CAPABILITIES[0].name]["neural-tangents"] = theirs
        for row in found[CAPABILITIES[0].name]["rows"]:
            print(f"neural-tangents, {row['size']} points: {theirs[row['size']] / row['seconds']:.1f} times our time")
    if not arguments.quick:
        (RESULTS / "peers.json").write_text(json.dumps({"machine": machine(), "capabilities": found}, indent=1) + "\n")
        picture(found)


if __name__ == "__main__":
    main()

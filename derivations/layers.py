"""Layers beyond dense ones: the maps of their kernels, from lines to finite networks.

LayerNorm divides both kernels by the deviations (Ba et al. 2016, arXiv 1607.06450); that its projections drop out of
the tangent kernel is derived from backpropagation by the Master theorem. Products of branches multiply kernels,
concatenations take their mean by width. Residual blocks with steps of 1/L become a differential equation in depth. Run
it: it prints the lines and stops with an error if a check fails.
"""

import math
import sys

import numpy as np

import symlimits as sl
from symlimits import activations as act
from symlimits.canvas import figure, save
from symlimits.language.architecture import Repeat
from symlimits.theory.programs.kernel_program import kernel_lines

WIDTHS = (16, 32, 64)
FIRST, LAST = sl.Dense(2, "1/10"), sl.Dense(1, 0)
NETWORKS = {
    "LayerNorm": sl.serial(FIRST, sl.LayerNorm(), act.relu, LAST),
    "Product": sl.serial(FIRST, sl.Product((LAST,), (LAST, act.relu)), LAST),
    "Concat": sl.serial(FIRST, sl.Concat((), (act.relu, LAST)), LAST),
}


def holds(claim: str, truth: bool) -> None:
    print(f"  {claim:<86} {'holds' if truth else 'BROKEN'}")
    if not truth:
        raise SystemExit(1)


def picture(path: str) -> None:
    """The kernel of residual blocks against their number, and the differential equation that they become."""
    net = sl.serial(LAST, Repeat((sl.Residual(act.relu, sl.Dense("2/L", "1/(3*L)")),), "L"), LAST)
    kernel, deep = sl.nngp(net), sl.nngp(net).depth_limit()
    depths, drawn = (1, 2, 4, 8, 16, 32, 64, 128), figure(7.4, 3.0)
    left, right = drawn.subplots(1, 2)
    rho = np.linspace(-1, 1, 21)
    for number, depth in enumerate((1, 2, 8)):
        values = kernel.bind(L=depth).compile().pairs(1.0, 1.0, rho)
        left.plot(rho, values, color=f"C{number}", linewidth=1.0, label=f"{depth} block{'s' * (depth > 1)}")
    left.plot(rho, [deep.evaluate(1, 1, c).value for c in rho], color="black", linewidth=1.6, label="limit")
    left.set(xlabel="correlation of the inputs", ylabel="NNGP kernel")
    left.legend(frameon=False, fontsize=8)
    gaps = [abs(kernel.bind(L=L).compile().pairs(1.0, 2.0, 0.5) - deep.evaluate(1, 2, 0.5).value) for L in depths]
    right.loglog(depths, gaps, "o", markersize=4, label="p = 1, q = 2, c = 1/2")
    right.loglog(depths, gaps[-1] * depths[-1] / np.array(depths), color="0.4", linewidth=0.8, label="slope -1")
    right.set(xlabel="number of blocks L", ylabel="distance from the limit")
    right.legend(frameon=False, fontsize=8)
    save(drawn, path)


def main() -> None:
    for name, net in NETWORKS.items():
        print(f"The tangent kernel of a network with {name}:\n\n{sl.ntk(net).latex()}\n")
    certificate = sl.ntk(NETWORKS["LayerNorm"]).certify(sizes=WIDTHS, seed=0)
    print(f"{certificate}\n")
    holds("networks with LayerNorm", certificate.ok)

    print("\nWhat backpropagation through LayerNorm adds vanishes, by the Master theorem:")
    lines = kernel_lines(sl.serial(sl.Dense(1, 0), sl.LayerNorm(), act.linear, LAST), tangent=True)
    counts = [len(line.expr.statements) for line in lines[:2]]
    print(f"  {counts[0]} definitions, the means of LayerNorm among them; {counts[1]} do not vanish")
    holds("the projections are among those that do", counts[1] < counts[0])

    print("\nResidual blocks h + L^(-1/2) Dense(relu(h)), L of them:")
    net = sl.serial(LAST, Repeat((sl.Residual(act.relu, sl.Dense("w/L", "b/L")),), "L"), LAST)
    deep, diagonal = sl.nngp(net).depth_limit(), sl.nngp(net).depth_limit(diagonal=True)
    for limit in (deep, diagonal):
        print(f"\n{limit.latex()}\n")
    values = {"w": 2, "b": "1/3"}
    known = float(deep.bind(**values).reference(1, 2, "1/2", digits=12))
    loop = {L: sl.nngp(net).bind(L=L, **values).compile().pairs(1.0, 2.0, 0.5) for L in (100, 1000, 10_000)}
    scaled = [L * (value - known) for L, value in loop.items()]
    errors = ", ".join(f"{error:.4f}" for error in scaled)
    print(f"  {known:.10f} in the limit; L times the error of L = {', '.join(map(str, loop))} layers: {errors}")
    holds("layers differ from the equation by one over their number", abs(scaled[1] / scaled[2] - 1) < 0.01)
    exponential = 3 * math.exp(1) + (math.exp(1) - 1) / 3
    value = diagonal.bind(**values)(3.0)
    holds("the diagonal is an exponential", abs(value / exponential - 1) < 1e-14)
    certificate = sl.nngp(net).depth_limit(diagonal=True).certify(sizes=(8, 16, 32), seed=0)
    print(f"\nNetworks as deep as wide:\n{certificate}")
    holds("networks as deep as wide tend to it", certificate.ok)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

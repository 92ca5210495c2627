"""Networks of finite width, exactly: the kurtosis of the output, and the variance of the tangent kernel.

For positively homogeneous activations without biases a layer acts linearly on second moments of its features and of the
kernel between its units; Isserlis' formula gives the map. What comes of it holds at every width, and its first order in
1/n is the correction to the limit of infinite width (Hanin and Nica 2020, arXiv 1909.05989). Run it: it prints the
lines and stops with an error if a check fails.
"""

import sys

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.canvas import figure, save
from symlimits.errors import NoRule
from symlimits.finite.network import empirical_outputs, sample
from symlimits.paper.prose import in_words
from symlimits.theory.finite_width import first_order, ntk_variance, output_kurtosis

DEPTH, NETS = 3, 100_000
n = sp.Symbol("n", integer=True, positive=True)


def holds(claim: str, truth: object) -> None:
    print(f"  {claim:<96} {'holds' if truth else 'BROKEN'}")
    if not truth:
        raise SystemExit(1)


def picture(path: str) -> None:
    """Exact values against the width, and networks drawn."""
    drawn, widths = figure(7.4, 3.2), (4, 8, 16, 32, 64)
    panels, rng = drawn.subplots(1, 2), np.random.default_rng(0)
    grid = np.geomspace(widths[0], widths[-1], 40)
    for number, (word, phi) in enumerate((("linear", act.linear), ("relu", act.relu))):
        net = sl.mlp(2, phi, w_var=2 if phi is act.relu else 1, b_var=0)
        for axes, of in zip(panels, (output_kurtosis, ntk_variance), strict=True):
            axes.plot(grid, sp.lambdify(n, of(phi, ("n", "n")).expr)(grid), color=f"C{number}", label=word)
        for width in widths:
            outputs, (kernels,) = (
                empirical_outputs(net, [[1.0]], width, NETS, rng),
                sample(net, [[1.0]], width, NETS, rng, ("ntk",), "exact"),
            )
            found = (outputs**4).mean() / (outputs**2).mean() ** 2, kernels.var() / kernels.mean() ** 2
            for axes, value in zip(panels, found, strict=True):
                axes.plot(width, value, "o", color=f"C{number}", markersize=3.5)
    for axes, name in zip(panels, ("kurtosis of the output", "NTK: variance over squared mean"), strict=True):
        axes.set(xlabel="width n of both hidden layers", ylabel=name, xscale="log")
        axes.set_xticks(widths, labels=widths)
        axes.minorticks_off()
        axes.legend(frameon=False, fontsize=8, title=f"points: {NETS:,} networks", title_fontsize=8)
    save(drawn, path)


def main() -> None:
    for statement in (output_kurtosis(act.relu, ("n", "n")), ntk_variance(act.relu, ("n", "n"))):
        print(statement.latex(), end="\n\n")
        holds("every line equals the next, and the compiled last line", statement.check().ok)

    print("Networks with hidden layers of one width n, by depth: the first order of the variance of the tangent kernel")
    for name, phi in (("linear", act.linear), ("relu", act.relu)):
        orders = [first_order(ntk_variance(phi, ("n",) * depth)) for depth in range(1, DEPTH + 1)]
        print(f"  {name}: {', '.join(map(str, orders))}")
    for phi, excess in ((act.linear, 2), (act.relu, 5)):
        known = 3 * (1 + excess / n) ** DEPTH
        found = output_kurtosis(phi, ("n",) * DEPTH).expr
        holds(f"the kurtosis of depth {DEPTH} is 3 (1 + {excess}/n)^{DEPTH}", sp.simplify(found - known) == 0)
    limits = [sp.limit(f(act.relu, ("n", "n")).expr, n, sp.oo) for f in (output_kurtosis, ntk_variance)]
    holds("at infinite width the output is Gaussian, and the kernel is a number", limits == [3, 0])

    print("Networks drawn:")
    for statement in (output_kurtosis(act.relu, (16,)), ntk_variance(act.linear, (16, 16))):
        found = statement.certify(sizes=(2, 4, 8), seed=0)
        print(f"  {found.links[0].summary}")
        holds(f"{in_words(statement.observable)}, of networks of fixed widths", found.ok)
    try:
        output_kurtosis(act.tanh, ("n",))
    except NoRule as refusal:
        print(f"Not for tanh: {refusal}")


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

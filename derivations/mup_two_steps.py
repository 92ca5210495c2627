"""Two steps of maximal-update training of a network of two hidden layers, at infinite width.

Forward, backward and update are one tensor program. Its lines are printed, its expectations sampled at scrambled Sobol
points with an error, and the networks themselves, at four widths, tend to the values at the rate n^(-1/2): a claim of
its own. The limit without the transposes' terms (Yang, arXiv 2006.14548) keeps a distance from the networks, and both
claims about it are refused.
"""

import sys
from dataclasses import replace

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.canvas import figure, save
from symlimits.derivation.master import limit_lines

X, Y = [[1, "1/2"], ["-1/3", 1]], [1, "-1/2"]
SIZES = (64, 128, 256, 512)


def picture(path: str) -> None:
    """Outputs over the steps: the limit, and networks by their width."""
    net = sl.mlp(depth=2, activation=act.erf, w_var=1, b_var=0)
    prog = sl.training_program(net, X, Y, steps=2, lr=1, scaling="mup")
    drawn, steps = figure(5.6, 3.4), range(prog.steps + 1)
    axes = drawn.subplots()
    for datum in range(len(X)):
        limit = [prog.limit(step, datum).evaluate().value for step in steps]
        axes.plot(steps, limit, color=f"C{datum}", linewidth=1.6, label=f"limit, datum {datum + 1}")
        axes.axhline(float(sp.Rational(Y[datum])), color=f"C{datum}", linestyle=":", linewidth=1.0)
    for width, shift in ((64, -0.06), (512, 0.06)):
        runs = [prog.tp.run(width, seed) for seed in range(50)]
        for datum in range(len(X)):
            found = np.array([[run[prog.outputs[step][datum]] for step in steps] for run in runs])
            low, middle, high = np.quantile(found, (0.05, 0.5, 0.95), axis=0)
            at, bars = np.array(steps) + shift, [middle - low, high - middle]
            style = {"fmt": "o" if width == 512 else "s", "markersize": 3, "capsize": 2, "color": f"C{datum}"}
            axes.errorbar(at, middle, yerr=bars, label=None if datum else f"90 % of networks, width {width}", **style)
    axes.set(xlabel="step", ylabel="output; dotted, the target")
    axes.set(ylim=(-1.3, 1.1))
    axes.set_xticks(steps)
    axes.legend(frameon=False, fontsize=8, loc="lower left", ncols=2)
    save(drawn, path)


def main() -> None:
    net = sl.mlp(depth=2, activation=act.erf, w_var=1, b_var=0)
    prog = sl.training_program(net, X, Y, steps=2, lr=1, scaling="mup")
    print(prog, end="\n\n")
    print(prog.limit(1).latex(), end="\n\n")
    for step in range(prog.steps + 1):
        values = [prog.limit(step, datum).evaluate() for datum in range(len(X))]
        print(f"step {step}:", ", ".join(f"{value.value:+.5f} +- {value.error:.0e}" for value in values))

    limit, rate = prog.limit(2, datum=1), prog.rate(2, datum=1)
    certificates = limit.certify(sizes=SIZES), rate.certify(sizes=SIZES)
    for certificate in certificates:
        print(f"\n{certificate}")

    place = prog.outputs[2][1].place
    without = replace(limit, trace=limit_lines(prog.tp.program, place, transpose_correction=False))
    distance = replace(rate.experiment, limit=without.evaluate().value)
    refused = without.certify(sizes=SIZES), replace(rate, experiment=distance).certify(sizes=SIZES)
    print(f"\nwithout the transposes' terms: {without.evaluate()}")
    for certificate in refused:
        print(f"refused: {certificate.links[0].summary}")
    if not all(c.ok for c in certificates) or any(c.links[0].passed is not False for c in refused):
        raise SystemExit(1)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

"""How far a wide network is from its linearisation: powers of the width, counted, read off a program, and measured.

Training is Taylor's formula in the parameters (Lee et al. 2019, arXiv 1902.06720): clusters of derivatives that are
contracted have powers of the width (Dyer and Gur-Ari 2019, arXiv 1909.11304); kinks add the neurons that cross them.
The engine of tensor programs finds the same exponents from the network, its gradient descent and its linear model, and
knows no cluster. Run it: it prints the lines and stops with an error if a check fails.
"""

import sys

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.canvas import save
from symlimits.paper.prose import in_words
from symlimits.theory.linearization.figure import gaps_figure
from symlimits.theory.linearization.link import program_exponent
from symlimits.theory.linearization.program import linearized_program

X = np.array([[1.0, 0.2, -0.3], [-0.4, 1.1, 0.5], [0.3, -0.6, 0.9]])
Y = np.array([[1.0], [-0.5], [0.3]])
GAPS = ("linearized", "kernel_drift", "kernel", "ensemble_mean", "movement")
HALF = sp.Rational(1, 2)
SIZES = (32, 64, 128, 256, 512)
CLOSE = 1e-9  # of two routes through twenty steps, rounding


def holds(claim: str, truth: object) -> None:
    print(f"  {claim:<100} {'holds' if truth else 'BROKEN'}")
    if not truth:
        raise SystemExit(1)


def picture(path: str) -> None:
    """Distances between networks, linear models and the law, against the width."""
    panels = {}
    for name, phi in (("erf", act.erf), ("relu", act.relu)):
        lin = sl.linearization(sl.mlp(1, phi, 1.5, 0.1), X, Y, lr=0.5, steps=10)
        found = lin.slopes(SIZES, nets=24)
        panels[name] = {gap: (slope, float(getattr(lin, gap).expr)) for gap, slope in found.items()}
    drawn = gaps_figure(panels)
    drawn.set_size_inches(7.6, 4.2)
    save(drawn, path)


def main() -> None:
    smooth, kinked = (sl.linearization(sl.mlp(1, phi, 1.5, 0.1), X, Y, lr=0.5, steps=10) for phi in (act.erf, act.relu))
    for name in GAPS:
        limit = getattr(kinked, name)
        print(f"{in_words(limit.observable)}, relu:\n\n{limit.latex()}\n")
        holds(f"every line equals the next; erf has {getattr(smooth, name).expr}", limit.check().ok)
    rates = [[getattr(lin, name).expr for name in GAPS] for lin in (smooth, kinked)]
    holds("three gaps and three rates, for a smooth activation", rates[0] == [-1, -1, -HALF, -1, 0])
    holds("neurons that cross a kink: a share of n^(-1/2)", rates[1] == [-HALF, -HALF, -HALF, -HALF, 0])

    print("A network, its steps and its linear model as one program:")
    for depth in (1, 2):
        found = {name: program_exponent(name, depth) for name in ("linearized", "kernel_drift", "movement")}
        print(f"  {depth} hidden: " + ", ".join(f"{name} ~ n^({value})" for name, value in found.items()))
        holds("the engine finds what clusters count", list(found.values()) == [-1, -1, 0])
    program = linearized_program(1, data=1, steps=1)
    first = program.targets["linearized"][0]
    holds("one step is off by 1/n, and not by less", program.tp.exponent(first) == -1)

    print("Networks:")
    run = smooth.run(width=512, seed=0)
    theta = run.kernels[0].reshape(3, 3)
    f = run.f[0]
    for _ in range(10):
        f = f - 0.5 / 3 * theta @ (f - Y)
    holds("the linear model moves by the network's own kernel", np.abs(f - run.f_lin[-1]).max() < CLOSE)
    certificate = smooth.kernel.certify(sizes=(16, 64, 256), seed=0)
    print(f"  {certificate.links[0].summary}")
    holds("gap (b), of the kernels at the start", certificate.ok)
    found = smooth.slopes((32, 128, 512), nets=32)["linearized"]
    print("  gap (a), erf: slope {:.2f} in [{:.2f}, {:.2f}]".format(found.exponent, *found.interval(0.05)))


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

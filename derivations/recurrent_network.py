"""A recurrent network: one matrix, used twice forward and trained through time.

h_1 = phi(W x_1), h_2 = phi(W h_1 + x_2), f = (1/n) v . h_2, and one step of gradient descent on W and v.
Backpropagation through time adds up the uses of W, so that its transpose meets vectors that W has met before: the
second term of Z^{Wx} (Yang, arXiv 2006.14548) is not zero, and a limit without it is another number, which the networks
refuse.
"""

import sys
from dataclasses import replace

import numpy as np

import symlimits as sl
from symlimits import activations as act
from symlimits.canvas import figure, save
from symlimits.derivation.master import limit_lines

SIZES = (64, 128, 256, 512)


def program():  # type: ignore[no-untyped-def]
    """The program, the output after a step, and the gradient by W."""
    tp = sl.TensorProgram()
    W, v, x, z = tp.matrix("W"), tp.gaussian("v"), tp.gaussian("x_1"), tp.gaussian("x_2")

    def output(W, v):  # type: ignore[no-untyped-def]
        h = tp.map(act.erf, W @ x)
        return tp.mean(v * tp.map(act.erf, W @ h + z))

    f = output(W, v)
    by_matrix, by_readout = tp.gradient((f - 1) ** 2 / 2, W, v)
    return tp, output(W - by_matrix, v - by_readout), by_matrix


def picture(path: str) -> None:
    """The output after a step by the width: networks, the limit, and the limit without the transpose's term."""
    tp, g, _ = program()
    limit = tp.limit(g, name="f^{(1)}")
    wrong = replace(limit, trace=limit_lines(tp.program, g.place, transpose_correction=False))
    drawn = figure(4.8, 3.2)
    axes = drawn.subplots()
    for width in SIZES:
        found = np.array([tp.run(width, seed)[g] for seed in range(100)])
        bar = 2 * found.std(ddof=1) / np.sqrt(found.size)
        axes.errorbar(width, found.mean(), yerr=bar, fmt="o", color="C0", capsize=3)
    axes.errorbar([], [], yerr=[], fmt="o", color="C0", label="100 networks, mean and 2 s.e.")
    axes.axhline(limit.evaluate().value, color="black", label="limit")
    axes.axhline(wrong.evaluate().value, color="C3", linestyle="--", label="without the transpose's term")
    axes.set(xlabel="width", ylabel="output after one step", xscale="log")
    axes.set_xticks(SIZES, labels=SIZES)
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=8)
    save(drawn, path)


def main() -> None:
    tp, g, by_matrix = program()
    print("the gradient by W:", by_matrix)  # two uses, two terms
    limit = tp.limit(g, name="f^{(1)}")
    print(limit.latex(), end="\n\n")
    print("value:", limit.evaluate(), end="\n\n")

    certificate = limit.certify(sizes=SIZES)
    print(certificate, end="\n\n")
    wrong = replace(limit, trace=limit_lines(tp.program, g.place, transpose_correction=False))
    print("without the transpose's term:", wrong.evaluate(), end="\n\n")
    refused = wrong.certify(sizes=SIZES)
    first = refused.links[0]
    print(f"it is refused: {first.summary}")
    if not certificate.ok or first.passed is not False:
        raise SystemExit(1)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

"""A recurrent network: one matrix, used twice forward and trained through time.

h_1 = phi(W x_1), h_2 = phi(W h_1 + x_2), f = (1/n) v . h_2, and one step of gradient descent on W and v.
Backpropagation through time adds up the uses of W, so that its transpose meets vectors that W has met before: the
second term of Z^{Wx} (Yang, arXiv 2006.14548) is not zero, and a limit without it is another number, which the networks
refuse.
"""

from dataclasses import replace

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.master import limit_lines

SIZES = (64, 128, 256, 512)


def main() -> None:
    tp = sl.TensorProgram()
    W, v, x, z = tp.matrix("W"), tp.gaussian("v"), tp.gaussian("x_1"), tp.gaussian("x_2")

    def output(W, v):  # type: ignore[no-untyped-def]
        h = tp.map(act.erf, W @ x)
        return tp.mean(v * tp.map(act.erf, W @ h + z))

    f = output(W, v)
    by_matrix, by_readout = tp.gradient((f - 1) ** 2 / 2, W, v)
    print("the gradient by W:", by_matrix)  # two uses, two terms
    g = output(W - by_matrix, v - by_readout)
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
    main()

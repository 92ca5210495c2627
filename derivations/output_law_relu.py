"""ReLU networks on one input: an exact law with an atom at zero, and the limit with 5a/2 in place of a.

A layer of N units of which k are positive, k binomial (N, 1/2), multiplies q by 2 chi^2_k/N (He weights): a mixture
(Zavatone-Veth and Pehlevan, arXiv 2104.11734). The factor sums over k alone: no sum over configurations of layers.
"""

import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.theory.mixtures.expansion import layer_series


def main() -> None:
    law = sl.output_law(widths=(3, 4), activation=act.relu)
    print(law.characteristic.latex(), end="\n\n")
    print("P(s = 0) =", law.mixing.atom, "  E q^2 =", law.mixing.moment(2), end="\n\n")

    (first,) = layer_series(1, rectified=True)
    print("log E q^u of a layer =", sp.factor(first), "/N + ...: the linear law with a -> 5a/2", end="\n\n")
    try:
        sl.output_law(widths=(3, 4), covariance=[[1, 0], [0, 1]], activation=act.relu)
    except sl.errors.NoRule as refusal:
        print(refusal, end="\n\n")

    certificate = law.characteristic.certify(sizes=(2, 8, 32), seed=0)
    print(certificate)
    if not certificate.ok:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

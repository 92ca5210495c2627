"""Two steps of maximal-update training of a network of two hidden layers, at infinite width.

Forward, backward and update are one tensor program. Its lines are printed, its expectations sampled at scrambled Sobol
points with an error, and the networks themselves, at four widths, tend to the values at the rate n^(-1/2): a claim of
its own. The limit without the transposes' terms (Yang, arXiv 2006.14548) keeps a distance from the networks, and both
claims about it are refused.
"""

from dataclasses import replace

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.master import limit_lines

X, Y = [[1, "1/2"], ["-1/3", 1]], [1, "-1/2"]
SIZES = (64, 128, 256, 512)


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
    main()

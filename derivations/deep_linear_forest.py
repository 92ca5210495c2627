"""The infinitely wide deep linear network as a forest of zeros and ones (Chizat et al., arXiv 2211.16980).

Its shape, the number of steps of training for which it is exact when it is cut (shown modulo a prime: no rounding), how
fast the error falls past that, and networks of finite width that certify predictors, Grams and their rate of m^(-1/2).
"""

import sys
from fractions import Fraction

import numpy as np

from symlimits import deep_linear
from symlimits.finite.deep_linear_training import Rule
from symlimits.paper.deep_linear_pictures import forest
from symlimits.theory.deep_linear.forest import Forest
from symlimits.theory.deep_linear.lazy import gradient_descent

PRIME = 2**31 - 1
SXX, SYX = [[1.0, 0.2], [0.2, 0.5]], [[1.0, 0.25], [-0.5, 0.5]]


def modulo(depth: int, tree_depth: int, steps: int) -> list[int]:
    """The predictors of d = k = 1 modulo a prime, at data and a rate drawn at random."""
    xx, yx, lr = (int(n) for n in np.random.default_rng(0).integers(1, PRIME, 3))
    one = np.array([[1]], dtype=object)
    states = Forest(depth, tree_depth, 1, 1).train(xx * one, yx * one, lr, steps, Rule(modulus=PRIME))
    return [int(state.predictor[0, 0]) for state in states]


def horizons() -> bool:
    """For every tree depth D, the steps up to which the cut forest is exact, beside D/(L - 1)."""
    print("  L   D   widths of the layers        exact up to step   D // (L - 1)")
    right = True
    for depth, steps in ((2, 4), (3, 3), (4, 2), (5, 2)):
        truth = modulo(depth, steps * (depth - 1) + 1, steps)
        for D in range(steps * (depth - 1)):
            forest = Forest(depth, D, 1, 1)
            same = [a == b for a, b in zip(modulo(depth, D, steps), truth, strict=True)]
            exact = same.index(False) - 1
            print(f"{depth:>3}{D:>4}   {forest.widths!s:<28}{exact:>10}{forest.horizon:>17}")
            right &= exact == forest.horizon and not any(same[exact + 1 :])
    return right


def said(what: str, right: bool) -> bool:
    print(f"{what}: {'holds' if right else 'BROKEN'}", end="\n\n")
    return right


def picture(path: str) -> None:
    """The trees of three hidden layers, one input and one output, cut at depth 3."""
    forest(3, 3, path=path)


def main() -> None:
    M = Forest(2, 3, 1, 1).network().start[1].astype(int)
    print("M_2(0) for one input and one output, L = 2, cut at tree depth 3:", M, sep="\n", end="\n\n")
    results = [said("exact iff D >= t (L - 1)", horizons())]

    eta, s, one = Fraction(1, 10), Fraction(2), np.array([[Fraction(1)]])
    first = [
        [state.predictor[0, 0] for state in Forest(L, L - 1, 1, 1).train(one, s * one, eta, 1)][1] for L in (1, 2, 3)
    ]
    results.append(said("A_1 = (L + 1) eta s, in rationals", first == [(L + 1) * eta * s for L in (1, 2, 3)]))

    truth = gradient_descent(2, SXX, SYX, 0.05, 150).predictors
    errors = []
    for D in range(1, 12, 2):
        path = [state.predictor for state in Forest(2, D, 2, 2).train(np.array(SXX), np.array(SYX), 0.05, 150)]
        errors.append(float(np.abs(np.array(path) - truth).max()))
        print(f"L = 2, 150 steps, cut at D = {D:>2}, width {Forest(2, D, 2, 2).widths[0]:>2}: error {errors[-1]:.1e}")
    ratios = np.divide(errors[1:4], errors[:3])
    results.append(said("faster than exponentially past the horizon", bool((np.diff(ratios) < 0).all())))

    two, three = (deep_linear(depth).limits(SXX, SYX, lr=0.1, steps=3) for depth in (2, 3))
    for claim, sizes in (
        (two.predictor(), (64, 512, 4096)),
        (two.rate(), (64, 128, 256, 512)),
        (three.rate("forward gram", layer=2), (64, 128, 256, 512)),
    ):
        certificate = claim.certify(sizes=sizes, seed=0)
        print(certificate, end="\n\n")
        results.append(certificate.ok)
    print(two.rate().latex())
    if not all(results):
        raise SystemExit(1)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

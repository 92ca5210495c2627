"""The posterior of deep linear networks: a mixture over q, and how it departs from that of the NNGP.

Given q the outputs are Gaussian with covariance qK, so that the evidence of P points is E (2 pi q)^(-P/2) e^(-r/2q)
over |K|^(1/2), with r = y' K^-1 y: a line integral of Gamma functions (Bassetti et al., arXiv 2406.03260; Hanin and
Zlokapa, arXiv 2212.14457). In the limit, with depth over width to a (Bassetti, Ladelli and Rotondo, arXiv 2411.15267),
its value and slope at a = 0 are derived: the NNGP, and polynomials in r. Run it: it prints the lines and stops with an
error if a check fails.
"""

import sys

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits.canvas import figure, save
from symlimits.theory.mixtures.mixing import MixingLaw
from symlimits.theory.mixtures.posterior_lines import at_zero, evidence, first_order, scale

POINTS = 3
K = np.array([[1.0, 0.3, -0.2], [0.3, 0.8, 0.1], [-0.2, 0.1, 1.2]])
Y = np.array([1.5, -0.7, 0.4])
CROSS, TEST = np.array([[0.4, 0.2, 0.3]]), np.array([[1.0]])
DIGITS = 1e-10  # of two routes
RATIOS = (4e-3, 2e-3, 1e-3)


def holds(statement: str, truth: object) -> None:
    print(f"  {statement:<96} {'holds' if truth else 'BROKEN'}")
    if not truth:
        raise SystemExit(1)


def picture(path: str) -> None:
    """The log evidence and E[q|y] against depth over width, with the slopes derived at zero."""
    r = float(Y @ np.linalg.solve(K, Y))
    ratios, start = np.linspace(0, 1, 21), sl.output_law(widths=()).posterior(K, Y).log_evidence
    posts = [sl.output_law(ratio=str(round(a, 3))).posterior(K, Y) for a in ratios[1:]]
    values = [0.0, *(post.log_evidence - start for post in posts)], [1.0, *(post.mixing.mean for post in posts)]
    drawn = figure(7.4, 3.0)
    names = "log evidence less that of the NNGP", "E[q|y]"
    for axes, name, line, slope in zip(drawn.subplots(1, 2), names, values, first_order(POINTS), strict=True):
        tilt = float(slope.subs(dict.fromkeys(slope.free_symbols, r)))
        axes.plot(ratios, line, color="black", label="limit")
        axes.plot(ratios[:9], line[0] + tilt * ratios[:9], "--", color="C3", label=f"derived slope {tilt:.3f}")
        axes.set(xlabel="depth over width a", ylabel=name)
        axes.legend(frameon=False, fontsize=8)
    save(drawn, path)


def main() -> None:
    r = float(Y @ np.linalg.solve(K, Y))
    volume = np.linalg.det(K) ** -0.5
    left = float(TEST[0, 0] - CROSS[0] @ np.linalg.solve(K, CROSS[0]))
    nngp = sl.output_law(widths=()).posterior(K, Y)

    print("The evidence and the scale of the covariance without noise, behind three layers and in the limit:")
    for mixing, law in (
        (MixingLaw((5, 3, 4), None), sl.output_law(widths=(5, 3, 4))),
        (MixingLaw(None, sp.Integer(1)), sl.output_law(ratio=1)),
    ):
        derived, scaled, post = evidence(mixing, POINTS), scale(mixing, POINTS), law.posterior(K, Y)
        print(derived.latex(), scaled.latex(), sep="\n\n", end="\n\n")
        holds("every line equals the next, and the compiled one", derived.check().ok and scaled.check().ok)
        holds(
            "the evidence is that of the mixture over q",
            abs(volume * derived(r) / np.exp(post.log_evidence) - 1) < DIGITS,
        )
        holds("so is E[q|y]", abs(scaled(r) / post.mixing.mean - 1) < DIGITS)
        holds("the mean is that of the NNGP", abs(post.mean(CROSS) - nngp.mean(CROSS)).max() < DIGITS)
        variance = post.covariance(CROSS, TEST)[0, 0]
        holds("the variance is E[q|y] times that of the NNGP", abs(variance / (scaled(r) * left) - 1) < DIGITS)

    print("In the limit, at a = 0 and its slope there:")
    for line in (at_zero(POINTS), at_zero(POINTS, 1)):
        print(line.latex(), end="\n\n")
        holds("every line equals the next", line.check().ok)
    level, tilt = first_order(POINTS)
    print(f"  log evidence: a ({level}),  E[q|y]: 1 + a ({tilt})")
    at = dict.fromkeys(level.free_symbols, r)
    posts = [sl.output_law(ratio=str(a)).posterior(K, Y) for a in RATIOS]
    for name, slope, values in (
        ("the log evidence", float(level.subs(at)), [post.log_evidence - nngp.log_evidence for post in posts]),
        ("E[q|y]", float(tilt.subs(at)), [post.mixing.mean - 1 for post in posts]),
    ):
        left_over = [value / a - slope for value, a in zip(values, RATIOS, strict=True)]
        halves = np.divide(left_over[1:], left_over[:-1])
        print("  what is left over a^2:", [round(x / a, 4) for x, a in zip(left_over, RATIOS, strict=True)])
        holds(
            f"{name} departs from the NNGP by {slope:.6f} a, what is left halves with a",
            (abs(halves - 0.5) < 0.02).all(),
        )


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

"""The phase diagram of deep random networks, and how signals decay where it is critical.

Variances and correlations move from layer to layer by maps of one number (Poole et al. 2016, arXiv 1606.05340;
Schoenholz et al. 2017, arXiv 1611.01232). Line 0 of each statement is an expectation, or an iterated map; expansion at
the fixed point and the balance of its leading terms lead to the rates, which maps iterated to ten thousand layers
confirm. Run it: it prints the lines and stops with an error if a check fails.
"""

import sys

import sympy as sp

import symlimits as sl
from symlimits import activations as act


def holds(claim: str, truth: object) -> None:
    print(f"  {claim:<96} {'holds' if truth else 'BROKEN'}")
    if not truth:
        raise SystemExit(1)


def picture(path: str) -> None:
    """Phases of erf networks, the critical line and the depth that correlations reach."""
    sl.phase_diagram(act.erf).picture(path)


def main() -> None:
    erf, relu = sl.phase_diagram(act.erf), sl.phase_diagram(act.relu)
    line, point = erf.critical_line(), relu.critical_line()
    for name, lines in (
        ("the slope of the correlation map at equal inputs", erf.chi),
        ("the critical line of erf: weights", line.w_var),
        ("the critical line of erf: biases", line.b_var),
        ("the critical point of relu: weights", point.w_var),
        ("the decay of 1 - rho along the critical line of erf, times the depth", line.decay),
        ("the decay of 1 - rho for relu, times the square of the depth", point.decay),
        ("the tangent kernel over that of equal inputs, smooth activations", line.ntk_ratio),
        ("the tangent kernel over that of equal inputs, kinks", point.ntk_ratio),
    ):
        print(f"{name}:\n\n{lines.latex()}\n")
        link = lines.check().links[0]
        print(f"  {link.summary}")
        holds("every line equals the next", link.passed)

    print("At ten thousand layers:")
    for decay in (erf.decay(*(float(value) for value in line.points(1.0))), relu.decay(2), erf.decay(sp.pi / 4)):
        print(f"  {decay}")
        found = decay.check().links[-1]
        print(f"  {found.summary}")
        holds("constant, exponent and ratio, as derived", found.passed)
    print("  without biases the variance decays, and correlations stop where their start sends them:")
    stopped = [erf.decay(sp.pi / 4).iterate(rho, depth=1200) for rho in (0.5, 0.1)]
    ends = [found.end(found.gap) for found in stopped]
    print(f"  1 - rho ends at {ends[0]:.4f} from rho = 0.5, at {ends[1]:.4f} from 0.1")
    holds("two starts, two ends", abs(ends[0] - ends[1]) > 0.1)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

"""Width exponents read off a network written as a tensor program, against the calculus of scaling (one hidden layer,
abc-parameterisations), and of a network that no calculus knows: a recurrent one, its matrix used twice.

A program knows neither parities nor cells: coordinates are series in powers of n, means follow the law of large numbers
and the central limit theorem, and what was left out is bounded at every instruction.
"""

import sys

import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.canvas import save
from symlimits.certify import MARKS
from symlimits.language.tensor_program import n
from symlimits.theory.programs.scaling_link import parameterisation_equals_general, special_equals_general
from symlimits.theory.scaling.exponents_figure import exponents_figure
from symlimits.theory.scaling.measured import measurements

NAMES = ("SP", "NTK", "muP", "MFP", "deep-MF", "muP-adam")
DEPTHS = (2, 3)
MEASURED = ("f", "delta_a", "delta_w", "kernel_increment")


def recurrent() -> dict[str, sp.Expr]:
    """Exponents of f, and of what one step of rate 1/n changes, in a network with one matrix."""
    tp = sl.TensorProgram()
    W, x, v = tp.matrix("W"), tp.gaussian("x"), tp.gaussian("v")

    def passed(matrix):
        first = tp.map(act.tanh, matrix @ x)
        second = tp.map(act.tanh, matrix @ first)
        return first, second, tp.mean(v * second) * sp.sqrt(n)

    before = passed(W)
    after = passed(W - tp.gradient(before[-1], W) * (1 / n))
    changes = {f"d{name}": tp.exponent(y - x) for name, x, y in zip(("h1", "h2", "f"), before, after, strict=True)}
    return {"f": tp.exponent(before[-1]), **changes}


def picture(path: str) -> None:
    """Derived exponents of one hidden layer beside those of networks, for each limit model."""
    measured = measurements(sl.scaling.one_hidden_layer(), (512, 1024, 2048, 4096), nets=6, quantities=MEASURED)
    drawn = exponents_figure(measured)
    drawn.set_size_inches(8.4, 3.8)
    save(drawn, path)


def main() -> None:
    links = {cell.name: special_equals_general(cell) for cell in sl.scaling.one_hidden_layer().cells}
    for name in NAMES:
        for depth in DEPTHS:
            links[f"{name}, {depth} hidden"] = parameterisation_equals_general(sl.scaling.named(name, depth))
    for name, link in links.items():
        print(f"  {name:<20} {link.name} {MARKS[link.passed]:<6} {link.summary}")
    found = recurrent()
    print("a recurrent network:", ", ".join(f"{name} ~ n^({value})" for name, value in found.items()))
    half = sp.Rational(1, 2)
    if not all(link.passed for link in links.values()) or found != {"f": 0, "dh1": -half, "dh2": -half, "df": 0}:
        raise SystemExit(1)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

"""The Master theorem as lines: tangent kernels, deep linear paths and one step of muP training, from one set of rules.

Line 0 is the straight line of expectations as the theorem writes it, with the terms of transposes; independence,
parity, Gaussian moments and Price's theorem lead on from it (Yang, arXiv 2006.14548, 2009.10685 and 2011.14522).
"""

from __future__ import annotations

import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.master import limit_lines
from symlimits.language.activation import Activation
from symlimits.limits import Limit
from symlimits.reading.program_sampled import sampled
from symlimits.theory.programs.limits import program_notation

X, Z = ("1", "1/2"), ("-1/3", "3/4")  # two inputs
ROUNDING = 1e-12


def held(what: str, found: bool) -> None:
    print(f"  {what:<88} {'holds' if found else 'BROKEN'}")
    if not found:
        raise SystemExit(1)


def tangent_kernel(phi: Activation) -> Limit:
    """Two hidden layers, w_var = 2, b_var = 0: means of what goes forward times means of what goes back."""
    tp = sl.TensorProgram()
    U, W, v = [tp.gaussian(name) for name in ("U_1", "U_2")], tp.matrix("W", 2), tp.gaussian("v", 2)
    passes = []
    for x in (X, Z):
        h = U[0] * x[0] + U[1] * x[1]
        f = tp.map(phi, h)
        k = W @ f
        back = tp.map(phi.derivative(), k) * v
        passes.append((f, tp.map(phi, k), back, tp.map(phi.derivative(), h) * (W.T @ back)))
    grams = [tp.mean(a * b) for a, b in zip(*passes, strict=True)]
    return tp.limit(2 * grams[1] + 2 * grams[0] * grams[2] + inner(X, Z) * grams[3], name=r"\Theta")


def inner(x: tuple[str, ...], z: tuple[str, ...]) -> sp.Expr:
    """The inner product of two inputs."""
    return sp.Add(*(sp.Rational(a) * sp.Rational(b) for a, b in zip(x, z, strict=True)))


def main() -> None:
    for phi in (act.relu, act.erf, act.tanh):
        limit = tangent_kernel(phi)
        kernel = sl.ntk(sl.mlp(depth=2, activation=phi, w_var=2, b_var=0))
        known = kernel.reference(inner(X, X) / 2, inner(Z, Z) / 2, inner(X, Z) / 2, digits=15)
        found = limit.evaluate()
        print(f"tangent kernel of {phi}: {found.value:.12f}, {found.method}")
        held("the engine and the recursion of kernels agree", abs(found.value - known) < ROUNDING)
        held("every line equals the next", bool(limit.check().ok))
    print(tangent_kernel(act.relu).explain(), end="\n\n")

    for depth in (1, 2, 3):
        prog = sl.training_program(sl.mlp(depth, act.linear, 1, 0), [[1]], ["s"], steps=2, lr="eta")
        path = sl.deep_linear(depth).polynomial(2)
        eta, s = sp.symbols("eta s")
        names = {symbol: sp.Symbol(symbol.name) for symbol in path.expr.free_symbols}
        point = {eta: sp.Rational(1, 7), s: sp.Rational(3, 2)}
        wanted = float(path.expr.xreplace(names).subs(point))
        place = prog.outputs[2][0].place
        values = {symbol: point[sp.Symbol(symbol.name)] for symbol in prog.limit(2).arguments}
        lines = [limit_lines(prog.tp.program, place, corrected)[-1].expr for corrected in (True, False)]
        with_term, without = (sampled(line, values).value for line in lines)
        held(f"deep linear, {depth} hidden: the dedicated recursion's path", abs(with_term - wanted) < ROUNDING)
        wrong = abs(without - wanted) > 1e-3
        held(f"without the term of the transpose it is {'wrong' if depth > 1 else 'right'}", wrong == (depth > 1))

    prog = sl.training_program(sl.mlp(2, act.erf, 1, 0), [[1, "1/2"]], ["y"], steps=1, lr="eta")
    limit = prog.limit(1)
    print(f"\n{limit.latex(notation=program_notation(limit, prog.tp.program))}")


if __name__ == "__main__":
    main()

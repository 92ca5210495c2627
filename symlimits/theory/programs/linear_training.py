r"""The training of a deep linear network as a tensor program, and the straight lines that the Master theorem gives.

$f(x) = m^{-1}VM_L\cdots M_2Ux = Ax$ is trained on
$$R = \tfrac12\operatorname{tr}A\Sigma_{xx}A^\top - \operatorname{tr}A\Sigma_{yx}^\top,$$
which is $\frac12E|y - Ax|^2$ up to a constant; columns of A are outputs at unit vectors. Steps are by reverse mode at
the rate $\eta m$; means of products of Gaussians are paired by Wick's theorem, so that lines hold sums and products
only. Data stay symbols: a line is derived once for each number of layers, steps, inputs and outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce

import sympy as sp

from symlimits.activations import linear
from symlimits.derivation.master import last_line
from symlimits.errors import NoRule
from symlimits.language.architecture import mlp
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.program_handles import Matrix, Scalar, Vector
from symlimits.language.straight_line import Definition, StraightLine
from symlimits.language.tensor_program import Formula, Term, Updated
from symlimits.theory.programs.drawing import checked_layers, drawn_parameters
from symlimits.theory.programs.forward import Passed, passed
from symlimits.theory.programs.parameterisation import parameterisation
from symlimits.theory.programs.parameters import Layers, stepped
from symlimits.theory.programs.tensor_program import TensorProgram

MOST_LAYERS, MOST_ENTRIES = 3, 4  # of the predictor
MOST_STEPS, MOST_ALONE = 2, 3  # and with one entry: a tenth of a second, and some fifty definitions
LIMIT = "Master theorem and Gaussian moments"  # how a limit comes from the training
RECURSION = "causal recursion"  # which is the line after it
eta = sp.Symbol("eta", positive=True)
Rows = Sequence[Sequence[sp.Expr]]


@dataclass(frozen=True)
class LinearTraining:
    r"""T steps with L hidden layers, d inputs and k outputs. Raises `NoRule` for more than the limits of this module.

    >>> two = LinearTraining(depth=1, inputs=1, outputs=1, steps=2)
    >>> two.predictor((0, 0), [[1]], [[2]], sp.Rational(1, 10)).free_symbols
    set()
    """

    depth: int
    inputs: int
    outputs: int
    steps: int

    def predictor(self, entry: tuple[int, int], Sxx: Rows, Syx: Rows, rate: sp.Expr) -> StraightLine:
        """$(A_T)_{ij}$."""
        return self._line("predictor", entry, Sxx, Syx, rate)

    def increment(self, layer: int, power: int, Sxx: Rows, Syx: Rows, rate: sp.Expr) -> StraightLine:
        r"""$\sum_i\sigma_i^{2p}$ of $M_l(T) - M_l(0)$: the trace of a power of Grams of what it is made of."""
        return self._line("increment", (layer, power), Sxx, Syx, rate)

    def _line(self, what: str, which: tuple[int, int], Sxx: Rows, Syx: Rows, rate: sp.Expr) -> StraightLine:
        line = _derived(self, what, which)
        symbols, values = [*_inputs(self), *_targets(self), [eta]], [*Sxx, *Syx, [rate]]
        data = {s: e for rows in zip(symbols, values, strict=True) for s, e in zip(*rows, strict=True) if s != e}
        given = [Definition(symbol, sp.sympify(value)) for symbol, value in data.items()]
        return StraightLine([*given, *line.statements], line.output)


@lru_cache(maxsize=64)
def _derived(asked: LinearTraining, what: str, which: tuple[int, int]) -> StraightLine:
    entries = asked.inputs * asked.outputs
    if asked.depth > MOST_LAYERS or entries > MOST_ENTRIES or asked.steps > (MOST_STEPS if entries > 1 else MOST_ALONE):
        given = f"{asked.steps} steps of {asked.depth} layers and {entries} entries"
        reached = f"{MOST_STEPS} steps with up to {MOST_ENTRIES} entries, {MOST_ALONE} with one"
        wanted = f"at most {MOST_LAYERS} layers, {reached}"
        raise NoRule(given, wanted, "the causal recursion")
    trained = _trained(asked)
    scalar: Scalar = getattr(trained, what)(*which)
    line = last_line(scalar.program, scalar.place)
    if line.has(GaussianExpectation):
        raise NoRule("means of polynomials of too many terms", "Gaussian moments alone", "the causal recursion")
    return line


@dataclass(frozen=True)
class _Trained:
    tp: TensorProgram
    columns: tuple[Passed, ...]
    layers: Layers

    def predictor(self, i: int, j: int) -> Scalar:
        return self.columns[j].outputs[i]

    def increment(self, layer: int, power: int) -> Scalar:
        """By what training added to a hidden matrix."""
        (weights,) = self.layers[layer - 1].weights
        assert isinstance(weights.handle, Matrix)
        what = self.tp.program.matrices[weights.handle.place]
        return _trace_of_power(self.tp, what.terms if isinstance(what, Updated) else (), power)


def _trained(asked: LinearTraining) -> _Trained:
    tp, net = TensorProgram(), mlp(asked.depth, linear, 1, 0)
    rule, layers = parameterisation("mup", asked.depth, "sgd", tp.program.named(eta)), checked_layers(net)
    state = drawn_parameters(tp, net, rule, asked.inputs, asked.outputs, {})
    units = sp.eye(asked.inputs) * sp.sqrt(asked.inputs)  # layers divide by the root of the number of inputs
    columns: tuple[Passed, ...] = ()
    for step in range(asked.steps + 1):
        if step:
            state = stepped(tp, state, _loss(tp, asked, columns), sign=False, step=step, named=())
        columns = tuple(passed(tp, layers, state, units.row(j), _naming(step, j)) for j in range(asked.inputs))
    return _Trained(tp, columns, state)


def _loss(tp: TensorProgram, asked: LinearTraining, columns: Sequence[Passed]) -> Scalar:
    A = sp.Matrix([[output.symbol for output in column.outputs] for column in columns]).T
    S, Y = sp.Matrix(_inputs(asked)), sp.Matrix(_targets(asked))
    return Scalar(tp.program, tp.program.append(Formula((A * S * A.T).trace() / 2 - (A * Y.T).trace())))


def _naming(step: int, column: int) -> Callable[[str], str]:
    return lambda name: f"{name}^{{({step})}}(e_{{{column + 1}}})"


def _inputs(asked: LinearTraining) -> list[list[sp.Symbol]]:
    d = range(1, asked.inputs + 1)
    return [[sp.Symbol(f"Sigma_xx_{min(i, j)}{max(i, j)}", real=True) for j in d] for i in d]


def _targets(asked: LinearTraining) -> list[list[sp.Symbol]]:
    d, k = range(1, asked.inputs + 1), range(1, asked.outputs + 1)
    return [[sp.Symbol(f"Sigma_yx_{i}{j}", real=True) for j in d] for i in k]


def _trace_of_power(tp: TensorProgram, terms: Sequence[Term], power: int) -> Scalar:
    r"""$\operatorname{tr}(\Delta\Delta^\top)^p$ of $\Delta = \sum_k\frac{c_k}nu_kv_k^\top$.

    It is that of the power p of $(c_kV_{km}c_mU_{ml})_{kl}$ with $U_{kl} = \frac1n\,u_k\cdot u_l$ and V likewise.
    """
    program = tp.program

    def named(matrix: sp.Matrix) -> sp.Matrix:
        return matrix.applyfunc(lambda entry: program.symbols[program.append(Formula(entry))])

    def gram(places: Sequence[int]) -> sp.Matrix:
        vectors = [Vector(program, place) for place in places]
        return sp.Matrix([[tp.mean(x * y).symbol for y in vectors] for x in vectors])

    U, V = gram([term.left for term in terms]), gram([term.right for term in terms])
    C = sp.diag(*(term.coefficient for term in terms))
    once = named(named(C * V * C) * U)
    whole = reduce(lambda first, second: named(first * second), [once] * power)
    return Scalar(program, program.append(Formula(whole.trace())))

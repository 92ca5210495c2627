r"""The kernels of a network from its tensor program: the forward pass, and backpropagation for the tangent kernel.

With the output $f = n^{1/2} m$ and $m = \frac1n v\cdot\phi(h_L)$, and $\bar x = n\,\partial m/\partial x$, weights
$W = \sqrt{s}\,w$ with $w$ from N(0, 1) give
$$\sum_w\partial_wf(x)\,\partial_wf(z) = s\,\tfrac1n\,\bar x\cdot\bar z\ \text{(vectors)},\qquad
  s\,\tfrac1n\,\bar y\cdot\bar y'\;\tfrac1n\,x\cdot x'\ \text{(matrices)}$$
(derived here from reverse mode). The readout's part alone is the NNGP kernel. There is no induction over layers: the
whole network is one program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import sympy as sp

from symlimits.derivation.master import limit_lines
from symlimits.derivation.trace import Trace
from symlimits.ladder import is_closed
from symlimits.language.architecture import Serial
from symlimits.language.domain import Point
from symlimits.language.program_handles import LowRank, Matrix, Scalar, Vector
from symlimits.language.tensor_program import Gaussian, Initial, Program
from symlimits.reading.program_sampled import Sampled, sampled
from symlimits.theory.programs.tensor_program import TensorProgram
from symlimits.theory.programs.training import TrainingProgram, training_program

CLOSED = "closed form"
READOUT, OUTPUT_BIAS = "v", "b_out"
A = sp.Symbol("x", positive=True)  # two inputs in the plane: (A, A) and (B, C), whose laws have no axis of their own
B, C = sp.symbols("y_1 y_2", real=True)


def inputs(p: sp.Expr, q: sp.Expr, c: sp.Expr) -> Point:
    """Coordinates of two inputs whose input kernel x.z/2 has the values p, q and c.

    >>> at = inputs(sp.Integer(2), sp.Integer(2), sp.Integer(0))
    >>> at[A], at[B], at[C]
    (sqrt(2), sqrt(2), -sqrt(2))
    """
    along, across = c / sp.sqrt(p), sp.sqrt(q - c**2 / p)
    return {A: sp.sqrt(p), B: along + across, C: along - across}


@lru_cache(maxsize=64)
def kernel_lines(net: Serial, tangent: bool) -> Trace:
    """The engine's lines for the kernel of a network, from the Master theorem on."""
    scalar = kernel_program(net, tangent)
    return limit_lines(scalar.program, scalar.place)


def kernel_program(net: Serial, tangent: bool) -> Scalar:
    """A scalar whose limit is the kernel of a network between two inputs, which stay symbols.

    Raises as `training_program` does.

    >>> from symlimits import activations as act, mlp
    >>> from symlimits.theory.programs.limits import program_limit
    >>> limit = program_limit(kernel_program(mlp(1, act.linear, w_var=3, b_var=0), tangent=True))
    >>> limit.evaluate(x=1, y_1=2, y_2=0).value  # 2 w^2 x.z/d, where x = (1, 1) and z = (2, 0)
    18.0
    """
    prog = training_program(net, [[A, A], [B, C]], [0, 0], steps=0, scaling="mup")
    *_, last = net.denses()
    total: Any = last.bias_variance * (last.b_rate if tangent else 1)
    for name, handle, left, right in _gradients(prog, tangent):
        total = (_rate(net, name) if tangent else 1) * parameter_overlap(prog.tp, handle, left, right) + total
    assert isinstance(total, Scalar)
    return total


def line_value(line: sp.Expr, values: Point) -> Sampled:
    """The value of the engine's line, exact or by quasi-Monte Carlo: its method says which."""
    found = sampled(line, {symbol: values[symbol] for symbol in line.free_symbols})
    return found._replace(method=CLOSED) if is_closed(line) else found


def _gradients(prog: TrainingProgram, tangent: bool) -> Sequence[tuple[str, Any, Any, Any]]:
    """Each parameter with the derivatives of both outputs; of the readout alone for the NNGP kernel."""
    known: Mapping[str, Any] = prog.parameters[0]
    names = [name for name in known if name == READOUT or (tangent and not name.startswith(OUTPUT_BIAS))]
    wanted = [known[name] for name in names]
    first, second = (gradients(prog.tp, f, wanted) for f in prog.outputs[0])
    return list(zip(names, wanted, first, second, strict=True))


def _rate(net: Serial, name: str) -> sp.Expr:
    """What the learning rate of a parameter is times: v, U_i of the first layer, W_l and b_l of layer l."""
    denses = list(net.denses())
    letter, _, number = name.partition("_")
    if letter == READOUT:
        return denses[-1].w_rate
    layer = denses[0 if letter == "U" else int(number) - 1]
    return layer.b_rate if letter == "b" else layer.w_rate


def gradients(tp: TensorProgram, f: Scalar, wanted: Sequence[Any]) -> tuple[Any, ...]:
    """The derivatives of a scalar by one parameter or several."""
    found = tp.gradient(f, *wanted)
    return found if len(wanted) > 1 else (found,)


def parameter_overlap(tp: TensorProgram, handle: Any, left: Any, right: Any) -> Scalar:
    """The sum over the entries of a parameter of products of derivatives by weights from N(0, 1)."""
    if isinstance(handle, Matrix):
        return _variance(tp.program, handle) * overlap(tp, left, right)
    return _variance(tp.program, handle) * tp.mean(left * right)


def overlap(tp: TensorProgram, left: LowRank, right: LowRank) -> Scalar:
    r"""The inner product of two matrices of low rank: $\sum cc'\,\frac1n\,u\cdot u'\;\frac1n\,v\cdot v'$."""
    total: Any = 0
    for s in left.terms:
        for t in right.terms:
            rows, columns = _mean(tp, s.left, t.left), _mean(tp, s.right, t.right)
            total = s.coefficient * t.coefficient * (rows * columns) + total
    assert isinstance(total, Scalar)
    return total


def _mean(tp: TensorProgram, first: int, second: int) -> Scalar:
    return tp.mean(Vector(tp.program, first) * Vector(tp.program, second))


def _variance(program: Program, handle: Matrix | Vector) -> sp.Expr:
    what = program.matrices[handle.place] if isinstance(handle, Matrix) else program.instructions[handle.place]
    assert isinstance(what, Initial | Gaussian)
    return what.variance

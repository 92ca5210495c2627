r"""A network and its training as one tensor program: forward, backward and update, for a few steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from symlimits.errors import DataError, DomainError, NoRule
from symlimits.language.architecture import Serial
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.language.program_handles import Scalar, Vector
from symlimits.language.tensor_program import Formula, Mean
from symlimits.limits import Limit
from symlimits.theory.programs.drawing import checked_layers, drawn_parameters, shared_layers
from symlimits.theory.programs.forward import Passed, passed
from symlimits.theory.programs.parameterisation import parameterisation
from symlimits.theory.programs.parameters import Handle, stepped
from symlimits.theory.programs.rate import convergence_rate
from symlimits.theory.programs.running import Run
from symlimits.theory.programs.tensor_program import TensorProgram

Row = tuple[sp.Expr, ...]
MOST_STEPS = 100  # instructions grow like the square of the steps


@dataclass(frozen=True, eq=False)
class TrainingProgram:
    """A network trained for T steps, at a width that is left open.

    `outputs[t][a]` is f after t steps at datum a, for t = 0, ..., T: a scalar, or a tuple of k scalars; `losses[t]` is
    the loss, `hidden[t][a][l]` the preactivation of hidden layer l + 1, a vector. `parameters[t]` are columns U_1, ...,
    U_d, matrices W_2, ..., W_L (their multipliers included), the readout v (or v_1, ..., v_k), biases b_1, ..., b_L and
    b_out (or b_out_1, ...). `tp` is the tensor program, to which more may be added: the mean of a map of what is
    hidden, say.
    """

    tp: TensorProgram
    outputs: tuple[tuple[Any, ...], ...]
    hidden: tuple[tuple[tuple[Vector, ...], ...], ...]
    losses: tuple[Scalar, ...]
    parameters: tuple[Mapping[str, Handle], ...]

    @property
    def steps(self) -> int:
        """The number of steps, T."""
        return len(self.outputs) - 1

    def limit(self, step: int, datum: int = 0, output: int = 0) -> Limit:
        """What an output after some steps tends to as the width grows, as `TensorProgram.limit`.

        Other scalars, of all that is hidden, are asked of the program itself: `prog.tp.limit(prog.losses[t])`.
        Raises `DomainError` for a step, datum or output that is none.
        """
        value: Any = self.outputs
        for name, index in (("step", step), ("datum", datum), ("output", output)):
            if not isinstance(value, tuple):
                value = (value,)
            if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(value):
                raise DomainError(f"{name} = {shown(index)}", f"a number from 0 to {len(value) - 1}", f"{name}=0")
            value = value[index]
        _check_output_bias(self)
        words = f"an output of a network, after {step} step{'s' * (step != 1)} of training"
        return replace(self.tp.limit(value), observable=words)

    def rate(self, step: int, datum: int = 0, output: int = 0) -> Limit:
        r"""The power of n by which an output after some steps differs from its limit: -1/2, to be certified.

        As `limit`, and `UnboundSymbol` while the rate, a datum or another symbol has no value.
        """
        return convergence_rate(self.limit(step, datum, output))

    def notation(self, limit: Limit) -> dict[str, str]:
        """Which symbol of a limit is which weight, feature or output, as `TensorProgram.notation`."""
        return self.tp.notation(limit)

    def run(self, width: int, seed: int = 0, nets: int | None = None, **values: object) -> Run:
        """The training at a finite width, as `TensorProgram.run`: `run[prog.outputs[t]]` is (m,), or (m, k)."""
        return self.tp.run(width, seed, nets, **values)

    def __repr__(self) -> str:
        data, layers = len(self.outputs[0]), len(self.hidden[0][0])
        return f"TrainingProgram(hidden layers: {layers}, data: {data}, steps: {self.steps}, {self.tp!r})"


def training_program(
    net: Serial,
    X: Any,
    Y: Any,
    steps: int = 2,
    lr: Any = 1.0,
    scaling: Any = "mup",
    optimizer: str = "sgd",
    tied: Sequence[Sequence[int]] = (),
) -> TrainingProgram:
    r"""A network of width n and its training on all data, `steps` steps at rate `lr`, as a tensor program.

    $$h_1 = m_1 d^{-1/2}Ux,\quad h_{l+1} = m_l W\phi(h_l),\quad f = m_{L+1}v\cdot\phi(h_L),\qquad
    \theta \mathrel{-}= r\,\partial_\theta\frac1{2mk}\sum(f - y)^2$$
    with entries from N(0, w_var), and multipliers and rates of the first layer, the further hidden ones and the readout
    by the scaling:

    - "mup": multipliers $1, n^{-1/2}, n^{-1}$, every rate lr n;
    - "ntk": $1, n^{-1/2}, n^{-1/2}$, every rate lr; entries $\sqrt{w_{var}}$ times those from N(0, 1), as in `sl.ntk`;
    - "standard": entries from N(0, w_var/n) as they are, every rate lr/n, the largest that is stable;
    - "mean_field": $1, n^{-1}, n^{-1}$ and lr n, lr $n^2$, lr n (all sums are means);
    - a point of `sl.scaling.abc(depth)`: $n^{-a_l}$, entries from N(0, w_var $n^{-2b_l}$), rates lr $n^{-c_l}$.

    `optimizer` "sign" is Adam with epsilon and both betas zero; rates of its scalings are those of Adam in
    `sl.scaling.named`. Biases of hidden layers start from N(0, b_var), with the multiplier and the rate of the first
    layer (in "ntk" they are $\sqrt{b_{var}}$ times those from N(0, 1)); that of the output moves at the rate lr at
    most, and leaves the output random where it starts at random. A variance of zero is no bias, except in a network of
    standard parameterisation, where it is trained.

    Layers are Dense layers, activations, LayerNorm, products and `sl.Residual` blocks; a Dense layer of a branch is a
    hidden layer like others. `tied` are groups of hidden layers, counted from 1, that share one matrix and one bias,
    trained as one: `((2, 3),)`. Parameters have the number of the first of them.

    `X` is (m, d) and `Y` (m,) or (m, k): numbers (floats are exact decimals), exact strings, symbols; `lr` may be a
    symbol. Raises `DataError` for data of other shapes, `DomainError` for other arguments, `NoRule` for other layers,
    unequal widths, and signs of hidden matrices with several data, which are of no low rank.

    >>> from symlimits import activations as act, mlp
    >>> prog = training_program(mlp(2, act.erf, w_var=1, b_var=0), X=[[1, 0], [0, 1]], Y=[1, -1], steps=1)
    >>> prog
    TrainingProgram(hidden layers: 2, data: 2, steps: 1, TensorProgram(1 matrix, 49 instructions))
    >>> run = prog.run(width=500, seed=0, nets=10)
    >>> run[prog.outputs].shape, bool((run[prog.losses[1]] < run[prog.losses[0]]).all())
    ((10, 2, 2), True)
    """
    layers, tp = checked_layers(net), TensorProgram()
    if net.rated and steps:
        raise NoRule("learning rates of layers in a training program", "those of a scaling", "scaling=a point of abc")
    inputs, labels = _checked_data(X, Y)
    depth = sum(1 for _ in net.denses()) - 1
    rule = parameterisation(scaling, depth, optimizer, tp.program.named(_rate(lr)))
    shared = shared_layers(tied, net, rule)
    state = drawn_parameters(tp, net, rule, len(inputs[0]), len(labels[0]), shared)
    tp.program.formula(rule.lr, "lr")
    inputs, labels = (
        [tuple(tp.program.formula(value, "a datum") for value in row) for row in Z] for Z in (inputs, labels)
    )
    passes: list[list[Passed]] = []
    losses: list[Scalar] = []
    states: list[Mapping[str, Handle]] = []
    before = 0
    for step in range(_steps(steps) + 1):
        if step:
            state = stepped(tp, state, losses[-1], rule.sign, step, _new(passes[-1], before))
        before = len(tp.program.instructions)
        passes.append([passed(tp, layers, state, x, _naming(step, a)) for a, x in enumerate(inputs)])
        losses.append(_loss(tp, passes[-1], labels, step))
        states.append({parameter.name: parameter.handle for layer in state for parameter in layer})
    outputs = tuple(tuple(p.outputs[0] if len(p.outputs) == 1 else p.outputs for p in row) for row in passes)
    hidden = tuple(tuple(p.hidden for p in row) for row in passes)
    return TrainingProgram(tp, outputs, hidden, tuple(losses), tuple(states))


def _check_output_bias(prog: TrainingProgram) -> None:
    for name, handle in prog.parameters[0].items():
        if name.startswith("b_out") and not isinstance(prog.tp.program.instructions[handle.place], Mean):
            given = f"the output's bias {name}, which starts at random: so does the output, and no number is its limit"
            raise NoRule(given, "a bias that starts at zero, or none", "Dense(w_var=1, b_var=0) as the last layer")


def _naming(step: int, datum: int) -> Callable[[str], str]:
    return lambda name: f"{name}^{{({step})}}(x_{{{datum + 1}}})"


def _new(row: Sequence[Passed], before: int) -> list[Vector | Scalar]:
    """What came up in the last step: data that are zero have the same preactivations in every step."""
    found: list[Vector | Scalar] = []
    for p in row:
        found += [*p.hidden, *p.outputs]
    return [value for value in found if value.place >= before]


def _loss(tp: TensorProgram, row: Sequence[Passed], labels: Sequence[Row], step: int) -> Scalar:
    """Half the mean of squared errors over data and outputs."""
    pairs = [pair for p, y in zip(row, labels, strict=True) for pair in zip(p.outputs, y, strict=True)]
    total = sp.Add(*((f.symbol - y) ** 2 for f, y in pairs)) / (2 * len(pairs))
    return Scalar(tp.program, tp.program.append(Formula(total), rf"\mathcal{{L}}^{{({step})}}"))


def _checked_data(X: Any, Y: Any) -> tuple[list[Row], list[Row]]:
    inputs, labels = _rows(X, "X"), _rows(Y, "Y")
    if len(inputs) != len(labels):
        given = f"{len(inputs)} inputs and {len(labels)} labels"
        raise DataError(given, "one row of Y for each row of X", "X of shape (m, d), Y of shape (m, k)")
    return inputs, labels


def _rows(data: Any, name: str) -> list[Row]:
    """Rows of exact values; of labels alone, (m,), rows of one."""
    wanted = "rows of numbers, exact strings or symbols, all of one length"
    values = data.tolist() if isinstance(data, np.ndarray | sp.MatrixBase) else data
    if not isinstance(values, list | tuple) or not values:
        raise DataError(f"{name} = {shown(data)}", wanted, "X=[[1, 0], [0, 1]], Y=[1, -1]")
    rows = [list(row) if isinstance(row, list | tuple | np.ndarray) else [row] for row in values]
    flat = name == "X" and not isinstance(values[0], list | tuple | np.ndarray)
    if flat or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        raise DataError(f"{name} = {shown(data)}", wanted, "X=[[1, 0], [0, 1]], Y=[1, -1]")
    return [tuple(exact(value, name) for value in row) for row in rows]


def _rate(lr: Any) -> sp.Expr:
    rate = exact(lr, "lr")
    if rate.is_number and not rate.is_positive:
        raise DomainError(f"lr = {rate}", "a positive rate", "lr=1")
    return rate


def _steps(steps: Any) -> int:
    if isinstance(steps, bool) or not isinstance(steps, int) or not 0 <= steps <= MOST_STEPS:
        raise DomainError(f"steps = {shown(steps)}", f"a number of steps from 0 to {MOST_STEPS}", "steps=2")
    return steps

r"""Statements about training at infinite width as limits, with the finite networks that certify them.

The limit is deterministic: predictors, Grams of neurons and singular values of increments of one network of width m
tend to it, at distances of $m^{-1/2}$, and their means with a bias of 1/m; the entries of one neuron tend to a
Gaussian. The statement is that of Chizat et al., arXiv 2211.16980; values, rate and law: derived here.

Of predictors and increments line 0 is what the Master theorem makes of the training itself as a tensor program, where
that has a page or two of definitions (`programs/linear_training.py`: up to three layers, two steps with up to four
entries of the predictor, three steps with one); the causal recursion is the next line. Elsewhere, and of neurons, line
0 is the recursion with the data in it. What follows is its sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.derivation.master import SOURCE as MASTER
from symlimits.derivation.maxplus import deviation_lines
from symlimits.derivation.price import derive_lines
from symlimits.derivation.trace import Step, Trace
from symlimits.errors import DomainError, NoRule
from symlimits.finite.deep_linear_experiments import DISTANCES, TrainedNetworks, frozen
from symlimits.language.domain import Domain, natural_domain
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.names import shown
from symlimits.language.straight_line import StraightLine
from symlimits.limits import Limit
from symlimits.theory.deep_linear.lazy import gradient_descent
from symlimits.theory.deep_linear.path import Path
from symlimits.theory.deep_linear.polynomial import rational
from symlimits.theory.deep_linear.problem import learning_rate, positive_integer, problem
from symlimits.theory.deep_linear.programs import BoundRecursion, swept
from symlimits.theory.programs.linear_training import LIMIT, RECURSION, LinearTraining
from symlimits.theory.programs.predictor_link import PredictorProgram

SOURCE = "Chizat, Colombo, Fernandez-Real and Figalli, arXiv 2211.16980; derived here"
EXPONENTS = {"path": "e_{{A}}", "forward gram": r"e_{{\Phi_{{{}}}}}", "backward gram": "e_{{G_{{{}}}}}"}
t = sp.Symbol("t", positive=True)  # of characteristic functions
z = sp.Symbol("z", real=True)  # the sum of the entries of a neuron


@dataclass(frozen=True)
class TrainingLimits:
    r"""What a network tends to after T steps of gradient descent on given data, one limit a question.

    >>> from symlimits import deep_linear
    >>> limits = deep_linear(2).limits([[1]], [[2]], lr="1/10", steps=2)
    >>> limits.predictor(), limits.rate()
    (Limit((A^{\infty}_{2})_{1,1} = 3553187/3125000, 3 lines), Limit(e_{A} = -1/2, 2 lines))
    """

    program: BoundRecursion

    def predictor(self, entry: tuple[int, int] = (0, 0)) -> Limit:
        r"""$(A_T)_{ij}$ of the predictor after T steps: the mean over networks tends to it with a bias of 1/m.

        Raises `DataError` for an entry out of range.

        >>> from symlimits import deep_linear
        >>> deep_linear(1).limits([[1]], [[2]], lr="1/10", steps=1).predictor().expr
        2/5
        """
        networks = self._networks("predictor", entry=entry)  # which refuses entries out of range
        i, j = networks.entry
        lines = self._lines(self.program.predictor((i, j)), lambda training, *data: training.predictor((i, j), *data))
        name = rf"(A^{{\infty}}_{{{self.program.steps}}})_{{{i + 1},{j + 1}}}"
        words, asked = self._words("an entry of the predictor"), self.program
        general = PredictorProgram(asked.depth, asked.Sxx, asked.Syx, asked.lr, asked.steps, (i, j))
        return Limit(lines, Domain({}), (), name, SOURCE, networks, words, general=general)

    def increment(self, layer: int = 2, power: int = 1) -> Limit:
        r"""The sum of the powers 2p of the singular values of $M_l(T) - M_l(0)$, for l = 2 to L and p = `power`.

        Those for p up to the rank, T times min(d, k), determine all singular values. Raises `DomainError` for another
        layer or power.

        >>> from symlimits import deep_linear
        >>> deep_linear(2).limits([[1]], [[2]], lr="1/10", steps=1).increment().expr  # (eta s)^2 |b_2|^2 |h_1|^2
        1/25
        """
        networks = self._networks("increment power", layer, power=power)
        recursion = self.program.increment(layer, power)
        lines = self._lines(recursion, lambda training, *data: training.increment(layer, power, *data))
        words = self._words(f"the sum of the powers {2 * power} of the singular values of $M_{layer}$ minus its start")
        return Limit(lines, Domain({}), (), rf"\sum_i \sigma_i^{{{2 * power}}}", SOURCE, networks, words)

    def neuron(self, layer: int = 1) -> Limit:
        r"""The characteristic function of $\sum_ih_l(T)_i + \sum_jb_l(T)_j$ of one neuron: that of a Gaussian.

        Its variance is the sum of the entries of $\Phi_l(T, T)$ and $G_l(T, T)$, and twice those of $A_T$. Raises
        `DomainError` for a layer that is not 1 to L.

        >>> from symlimits import deep_linear
        >>> deep_linear(1).limits([[1]], [[2]], lr="1/10", steps=1).neuron().expr
        exp(-36*t**2/25)
        """
        networks = self._networks("neuron", layer)
        mean = GaussianExpectation(sp.cos(t * z), (z,), [[self.program.neuron(layer)]])
        lines = derive_lines(mean)
        lines = _swept(Step(mean, "definition", SOURCE), *lines[1:])
        words = self._words(f"the sum of the entries of one neuron of layer {layer}")
        domain, name = natural_domain(t), rf"\varphi_{{{layer}}}(t)"
        return Limit(lines, domain, (t,), name, SOURCE, networks, words, kind="cf")

    def rate(self, quantity: str = "path", layer: int = 1) -> Limit:
        r"""The power of the width by which "path", "forward gram" or "backward gram" differ from their limits: -1/2.

        A mean over m neurons: of each the deviation is of order one with mean zero, up to a bias of 1/m. Raises
        `DomainError` for another quantity.

        >>> from symlimits import deep_linear
        >>> deep_linear(2).limits([[1]], [[2]], lr="1/10", steps=3).rate("forward gram", layer=2).trace[0].expr
        Max(-1, -1/2)
        """
        if quantity not in DISTANCES:
            raise DomainError(f"quantity = {shown(quantity)}", f"one of {', '.join(DISTANCES)}", "quantity='path'")
        path = self._path
        limit = path.predictors if quantity == "path" else getattr(path, quantity.replace(" ", "_"))(layer)
        networks = self._networks(quantity, layer, limit=_rows(limit))
        words = f"root mean square of what the {quantity} of a network differs from the limit by"
        name = EXPONENTS[quantity].format(layer)
        return Limit(deviation_lines(), Domain({}), (), name, SOURCE, networks, self._words(words), kind="exponent")

    def _lines(self, recursion: StraightLine, general: Callable[..., StraightLine]) -> Trace:
        """From the training as a program where that is short, by the recursion, to a number."""
        asked = self.program
        training = LinearTraining(asked.depth, len(asked.Sxx), len(asked.Syx), asked.steps)
        try:
            line = general(training, asked.Sxx, asked.Syx, asked.lr)
        except NoRule:
            return _swept(Step(recursion, "definition", SOURCE))
        return _swept(Step(line, LIMIT, MASTER), Step(recursion, RECURSION, SOURCE))

    @property
    def _path(self) -> Path:
        asked = self.program
        Sxx, Syx = np.array(asked.Sxx, dtype=float), np.array(asked.Syx, dtype=float)
        return gradient_descent(asked.depth, Sxx, Syx, float(asked.lr), asked.steps)

    def _networks(self, quantity: str, layer: int = 1, **others: Any) -> TrainedNetworks:
        asked = self.program
        data = (_rows(asked.Sxx), _rows(asked.Syx), float(asked.lr))
        return TrainedNetworks(asked.depth, *data, asked.steps, quantity, layer, **others)

    def _words(self, observable: str) -> str:
        return f"{observable}, after {self.program.steps} steps"


def training_limits(depth: int, Sxx: npt.ArrayLike, Syx: npt.ArrayLike, lr: Any, steps: int) -> TrainingLimits:
    """The limits of training on data that are rational numbers: floats count as the decimals that they print as.

    Raises as `gradient_descent` of `deep_linear` does, and `NoRule` for numbers that are no rationals.
    """
    inputs, targets = rational(Sxx, "Sxx"), rational(Syx, "Syx")
    problem(np.array(inputs, dtype=float), np.array(targets, dtype=float))
    learning_rate(lr)
    ((rate,),) = rational([[lr]], "lr")
    return TrainingLimits(
        BoundRecursion(depth, frozen(inputs), frozen(targets), rate, positive_integer(steps, "steps"))
    )


def _swept(*lines: Step) -> Trace:
    return (*lines, swept.step(lines[-1].expr))


def _rows(array: Any) -> tuple:
    rows: tuple = frozen(np.asarray(array, dtype=np.float64).tolist())
    return rows

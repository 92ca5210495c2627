r"""A finite network, its linearisation and its kernel over training: how far apart they are, and at which rates.

Near its start a network is linear in its parameters, $f^{lin} = f_0 + J_0(\theta - \theta_0)$ (Lee et al. 2019, arXiv
1902.06720). Three gaps lie between a trained network and the law of infinitely wide ones: (a) that to its own
linearisation, (b) that between linear models of its own kernel and of the limit's, (c) that between the mean over
networks and the law's mean. Each has its exponent of the width, a claim that finite networks certify.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symlimits.errors import DomainError
from symlimits.finite.descent import LINEAR, LOSSES, OPTIMIZERS, Descent
from symlimits.finite.trained_networks import drawn
from symlimits.language.architecture import Serial
from symlimits.language.names import shown
from symlimits.theory.linearization.networks import Linearization, LinearizedRun
from symlimits.theory.training import trained_law
from symlimits.theory.training.data import number, word

__all__ = ["Linearization", "LinearizedRun", "linearization"]

MOST_STEPS = 10**6


def linearization(
    net: Serial,
    X: Any,
    Y: Any,
    lr: Any,
    steps: Any,
    loss: str = "mse",
    optimizer: str = "sgd",
    momentum: Any = 0.9,
) -> Linearization:
    r"""Networks of any width trained on X (n, d), Y (n, k), beside their linearisations $f_0 + J_0(\theta - \theta_0)$.

    `loss` is "mse", half the mean over all n k entries of $(f - Y)^2$, or "xent", the mean cross-entropy over the n
    points; `optimizer` is "sgd", "momentum" (the heavy ball; `momentum` from 0 to below 1) or "adam", whose rate for a
    parameter is $\eta n^{-r/2}$, r the number of its axes that have the width n. `steps` of the rate `lr` are taken, on
    all data. The result has `run(width, seed)`, one network over training, the exponents of the gaps, each a `Limit`
    with networks that certify it: `linearized`, `kernel_drift`, `kernel`, `ensemble_mean`, `movement`, and
    `slopes(widths)`, what is measured. Exponents hold for kernels of full rank and are those of generic data; that of
    what is zero at every width, at inputs of zero without a bias, is refused.

    Raises `DataError` for data of other shapes, `DomainError` for numbers out of range, a rate above the critical one
    of `trained_law`, learning rates of layers, an optimiser or a loss that is not known, discontinuous activations,
    and networks that are no chains of Dense layers and activations in the NTK parameterisation. Source: Lee et al.
    2019, arXiv 1902.06720; exponents: Dyer and Gur-Ari 2019, arXiv 1909.11304, and derived here.

    >>> import symlimits as sl
    >>> from symlimits import activations as act
    >>> net = sl.mlp(depth=1, activation=act.erf, w_var=2, b_var=0)
    >>> lin = sl.linearization(net, [[1.0, 0.0], [0.0, 1.0]], [[1.0], [-1.0]], lr=0.5, steps=20)
    >>> run = lin.run(width=256, seed=0)
    >>> run.f.shape, bool(run.gap.max() < 0.05)
    ((21, 2, 1), True)
    >>> lin.linearized, lin.kernel
    (Limit(e_{f-f^{lin}} = -1, 2 lines), Limit(e_{\hat\Theta-\Theta} = -1/2, 2 lines))
    """
    word(loss, "loss", LOSSES)
    word(optimizer, "optimizer", OPTIMIZERS)
    rate = number(lr, "lr", "a learning rate larger than zero", "lr=0.1", least=5e-324)
    ball = number(momentum, "momentum", "a number from 0 to below 1", "momentum=0.9", below=1.0)
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MOST_STEPS:
        raise DomainError(f"steps = {shown(steps)}", f"a number of steps from 1 to {MOST_STEPS}", "steps=100")
    if isinstance(net, Serial) and net.rated:
        given = "a linearization of a network whose layers have learning rates of their own"
        raise DomainError(given, "one rate for all layers", "lr=; sl.trained_law knows the rates of layers")
    law = trained_law(net, X, Y, lr=rate, momentum=ball if optimizer == "momentum" else 0, loss=loss)
    layers = drawn(net, 1, 1, 1, 1, np.random.default_rng(0))  # refuses other layers and parameterisations
    if len(layers) == 1:
        given = "a network without hidden layers, which is its own linearisation"
        raise DomainError(given, "a hidden layer or more", "sl.mlp(depth=1, ...)")
    if optimizer in LINEAR and rate > law.critical_lr:
        given = f"lr = {rate:.6g}, above the critical rate {law.critical_lr:.6g}"
        raise DomainError(given, f"lr below {law.critical_lr:.6g}: beyond it the steps diverge", "a smaller lr")
    return Linearization(net, law, Descent(rate, steps, optimizer, ball, loss))

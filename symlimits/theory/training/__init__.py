r"""Wide networks trained in the kernel regime: the law of their outputs at any time, and the Bayesian posterior.

A module an idea: `statements` derives the laws from gradient descent on the linear model, `filters` is what they say in
floats, `spectrum` the decomposition of the kernel, `law` and `network_posterior` the objects, `cross_entropy` what has
no closed form, `claims` what finite networks certify, `data` the door.
"""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np

from symlimits.errors import DomainError
from symlimits.language.architecture import Serial
from symlimits.matrices import MatrixDerivation
from symlimits.theory.kernels import nngp, ntk
from symlimits.theory.mixtures.observed import observed
from symlimits.theory.training.cross_entropy import CrossEntropyLaw, check_targets
from symlimits.theory.training.data import number, training_data, word
from symlimits.theory.training.grams import Kernels
from symlimits.theory.training.law import TrainedLaw
from symlimits.theory.training.network_posterior import NetworkPosterior
from symlimits.theory.training.spectrum import Training, spectrum
from symlimits.theory.training.statements import statement

__all__ = [
    "CrossEntropyLaw",
    "MatrixDerivation",
    "NetworkPosterior",
    "TrainedLaw",
    "posterior",
    "statement",
    "trained_law",
]


@overload
def trained_law(
    net: Serial,
    X: Any,
    Y: Any,
    kernel: str = "ntk",
    lr: Any = 0.1,
    momentum: Any = 0.0,
    loss: Literal["mse"] = "mse",
    weight_decay: Any = 0.0,
    rcond: Any = None,
    forced: bool = False,
) -> TrainedLaw: ...
@overload
def trained_law(
    net: Serial,
    X: Any,
    Y: Any,
    kernel: str = "ntk",
    lr: Any = 0.1,
    momentum: Any = 0.0,
    *,
    loss: Literal["xent"],
    weight_decay: Any = 0.0,
    rcond: Any = None,
    forced: bool = False,
) -> CrossEntropyLaw: ...
@overload
def trained_law(
    net: Serial,
    X: Any,
    Y: Any,
    kernel: str = "ntk",
    lr: Any = 0.1,
    momentum: Any = 0.0,
    loss: str = "mse",
    weight_decay: Any = 0.0,
    rcond: Any = None,
    forced: bool = False,
) -> TrainedLaw | CrossEntropyLaw: ...
def trained_law(
    net: Serial,
    X: Any,
    Y: Any,
    kernel: str = "ntk",
    lr: Any = 0.1,
    momentum: Any = 0.0,
    loss: str = "mse",
    weight_decay: Any = 0.0,
    rcond: Any = None,
    forced: bool = False,
) -> TrainedLaw | CrossEntropyLaw:
    r"""The law of the outputs of infinitely wide networks trained by gradient descent from random parameters.

    The loss is $\frac12$ of the mean over all n k entries of $(f - Y)^2$; in outputs, the flow is
    $$\dot f = -\frac{\eta}{nk}\Theta(f - Y) - \eta\,\omega(f - f_0),$$
    and descent takes steps of it. `X` is (n, d), or images (n, H, W, C) for a network of images, `Y` (n, k). `kernel`
    is "ntk", all parameters are trained, or "nngp", the last layer only. `lr` is $\eta$, `momentum` that of the heavy
    ball, 0 to below 1, `weight_decay` $\omega$ acts on $\theta - \theta_0$. Layers may have learning rates of their
    own, `Dense(w_rate=, b_rate=)` or `net.with_rates(...)`, factors of $\eta$ that the decay does not know. At
    infinite time, and late enough that its rounding is seen, a singular kernel is refused, unless `rcond` says which
    eigenvalues count as zero, relative to the largest: the pseudoinverse is taken. Steps of a rate above
    `law.critical_lr` are refused unless `forced`.

    Returns a `TrainedLaw` with `mean(Z, time=... | steps=...)`, `covariance(Z, ...)`, `critical_lr`, `derivation(...)`;
    with the `loss` "xent", the mean cross-entropy over the n points, a `CrossEntropyLaw` with `mean(Z, ...)` over drawn
    starts and `outputs(Z, ...)` of one network, by integration.
    Raises `DataError` for data of other shapes and NaN, `DomainError` for numbers out of range, a discontinuous
    activation with the NTK, and a loss that is not known. Source: Lee et al. 2019, arXiv 1902.06720; derived here.

    >>> import symlimits as sl
    >>> from symlimits import activations as act
    >>> net = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
    >>> law = sl.trained_law(net, [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], [[1.0], [0.0], [-1.0]])
    >>> law.mean([[1.0, 0.5]], steps=100).round(3).tolist(), law.mean([[1.0, 0.5]]).round(3).tolist()
    ([[0.859]], [[0.86]])
    """
    if not isinstance(forced, bool):
        raise DomainError(f"forced = {forced!r:.40}", "True or False", "forced=False")
    word(kernel, "kernel", ("ntk", "nngp"))
    word(loss, "loss", ("mse", "xent"))
    prior = nngp(net)
    inputs, targets = training_data(X, Y, net.of_images)
    rate = number(lr, "lr", "a learning rate larger than zero", "lr=0.1", least=5e-324)
    ball = number(momentum, "momentum", "a number from 0 to below 1", "momentum=0.9", below=1.0)
    decay = number(weight_decay, "weight_decay", "a number, zero or more", "weight_decay=0.01")
    zero = None if rcond is None else number(rcond, "rcond", "a number from 0 to below 1", "rcond=1e-12", below=1.0)
    if kernel == "nngp" and net.parameterization == "standard":
        wanted = "the NTK parameterisation, where the last layer's tangent kernel is the NNGP kernel"
        raise DomainError("kernel = 'nngp' in the standard parameterisation", wanted, "parameterization='ntk'")
    if kernel == "nngp" and net.rated:
        given = "kernel = 'nngp', and learning rates of layers"
        raise DomainError(given, "one of the two: a rate of zero leaves a layer as it is", "kernel='ntk'")
    kernels = Kernels(prior, None if kernel == "nngp" else ntk(net))
    at_start, moving = kernels(inputs)
    if loss == "xent":
        check_targets(targets)
        largest = float(np.linalg.eigvalsh(moving)[-1])
        training = Training(rate, ball, decay, len(inputs))
        return CrossEntropyLaw(net, inputs, targets, kernels, at_start, moving, training, largest, forced)
    training = Training(rate, ball, decay, targets.size)
    return TrainedLaw(net, inputs, targets, kernels, at_start, training, spectrum(moving, zero), forced)


def posterior(net: Serial, X: Any, Y: Any, noise_var: Any = 0.1) -> NetworkPosterior:
    r"""The posterior of the infinitely wide network, a Gaussian process with the NNGP kernel K, given Y.

    $$\mathbb E f(z) = K_{zx}(K_{xx} + \sigma^2)^{-1}Y, \qquad
      \mathrm{Cov} = K_{zz} - K_{zx}(K_{xx} + \sigma^2)^{-1}K_{xz}$$
    `X` is (n, d), or images (n, H, W, C) for a network of images, `Y` (n, k), of independent outputs; `noise_var` is
    $\sigma^2$, zero or more. Returns a posterior with `mean(Z)` (m, k), `covariance(Z)` (m, m) and `log_evidence`.
    Raises `DataError` for data of other shapes and NaN, `DomainError` for a negative noise, and for Y that no network
    has, without noise. Source: Lee et al. 2018, arXiv 1711.00165.

    >>> import symlimits as sl
    >>> from symlimits import activations as act
    >>> post = sl.posterior(sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0), [[1.0]], [[3.0]], noise_var=1)
    >>> post.mean([[1.0], [-1.0]])
    array([[2.],
           [0.]])
    """
    prior = nngp(net)
    inputs, targets = training_data(X, Y, net.of_images)
    outputs = targets.shape[1]
    data = observed(prior(inputs), targets[:, 0] if outputs == 1 else targets, noise_var, outputs, 1.0)
    return NetworkPosterior(inputs, prior, data)

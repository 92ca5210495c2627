r"""Training in the kernel regime as statements: from gradient descent on a linear model to functions of its kernel.

Near its initial parameters a wide network is $f(z) = f_z + J_z\delta$, $\delta = \theta - \theta_0$ (Lee et al. 2019,
arXiv 1902.06720). With the loss $\frac1{2m}\|f - Y\|^2$ (m entries) and $\frac\omega2\|\delta\|^2$, of the gradient
$$\nabla = \frac1mJ_x^\top(f_x + J_x\delta - Y) + \omega\delta,$$
line 0 is the flow $\dot\delta = -\eta\nabla$, the descent $\delta_{t+1} = \delta_t - \eta\nabla$, or either of them
with momentum, $\delta_{t+1} = \delta_t + \mu(\delta_t - \delta_{t-1}) - \eta\nabla$ and
$\ddot\delta = -(1 - \mu)\dot\delta - \eta\nabla$ (time counts steps: small $\eta$ at fixed $(1 - \mu)^2/\eta$). What is
random at the start are $f_x$ and $f_z$, of covariance K. The kernel $\Theta = JJ^\top$ is that of the parameters that
are trained: the NTK, or K for the last layer alone. With learning rates of their own, R times that of training, the
gradient of the squared error is multiplied by R and $\Theta = JRJ^\top$. Derived here.
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from symlimits.derivation.linear_motion import affine, bilinear, centred, coefficients, eigenbasis, solution
from symlimits.derivation.trace import Rule
from symlimits.errors import DomainError
from symlimits.language.block import Block, Transposed
from symlimits.language.ensemble import MatrixCovariance, MatrixMean
from symlimits.language.motion import Motion
from symlimits.language.names import shown
from symlimits.matrices import MatrixDerivation, derived
from symlimits.matrix_letters import SIZES, P, Y, at, eta, k, kernel, mass, mu, n, omega, rates, steps, time

SOURCE = "Lee et al. 2019, arXiv 1902.06720; derived here"
QUANTITIES = ("outputs", "mean", "covariance")
TIMES = ("flow", "steps", "end")

delta, velocity = (Block(name, (), (P, k)) for name in ("delta", "epsilon"))
alpha, beta = (Block(name, (), (n, k)) for name in ("alpha", "beta"))
Jx = at("J", "x")
AT_START = [(at("f", a), at("f", b), kernel("K", a, b)) for a in "zx" for b in "wx"]  # covariances
gradient = Transposed(Jx) * (at("f", "x") + Jx * delta - Y) / mass
in_kernels, in_rated_kernels = (
    coefficients(back, alpha, beta, {at("J", place) * back: kernel("Theta", place, "x") for place in SIZES})
    for back in (Transposed(Jx), rates * Transposed(Jx))
)


def parameters(
    time_kind: str, momentum: bool, weight_decay: bool, rated: bool = False, gradient: sp.Expr = gradient
) -> Motion:
    r"""The motion of $\delta$: `time_kind` is "flow", "steps" or "end", of steps at infinite time.

    If `rated`, parameters have learning rates of their own, which do not change how they decay.

    >>> parameters("steps", momentum=False, weight_decay=True).time
    t
    """
    push = -eta * ((rates if rated else 1) * gradient + (omega * delta if weight_decay else 0))
    if time_kind == "flow":
        law = push + (-(1 - mu) * velocity if momentum else 0)
        return Motion(delta, velocity, law, 0, time, 1 + momentum)
    law = delta + (mu * (delta - velocity) if momentum else 0) + push
    return Motion(delta, velocity, law, 0, sp.oo if time_kind == "end" else steps, 1 + momentum, steps=True)


def outputs(place: str, motion: Motion) -> sp.Expr:
    r"""$f_z + J_z\delta$."""
    return at("f", place) + at("J", place) * motion


@lru_cache(maxsize=64)
def statement(
    quantity: str = "outputs",
    time_kind: str = "flow",
    momentum: bool = False,
    weight_decay: bool = False,
    rated: bool = False,
) -> MatrixDerivation:
    r"""The "outputs" at test inputs z for given outputs at the start, their "mean", or "covariance" with those at w.

    `time_kind` is "flow", "steps", or "end" for infinitely many steps, of a learning rate below the critical one
    (the flow ends there too). If `rated`, parameters have learning rates of their own, the diagonal of R, and
    $\Theta = JRJ^\top$, the sum of the layers' kernels, each times its rate. Raises `DomainError` for other words.

    >>> statement("mean", "flow").expr
    Theta_zx*[(1 - exp(-eta*lamda*t/m))/lamda at lamda = Theta_xx]*Y
    >>> statement("mean", "end").expr
    Theta_zx*[1/lamda at lamda = Theta_xx]*Y
    >>> statement("outputs", "steps", momentum=True).check().ok
    True
    """
    if quantity not in QUANTITIES or time_kind not in TIMES:
        wanted = f"one of {', '.join(QUANTITIES)}, and one of {', '.join(TIMES)}"
        raise DomainError(f"{shown(quantity)}, {shown(time_kind)}", wanted, "statement('mean', 'flow')")
    motion = parameters(time_kind, momentum, weight_decay, rated)
    rules: list[Rule] = [in_rated_kernels if rated else in_kernels, eigenbasis, solution]
    line, name = outputs("z", motion), r"f(z)"
    if quantity == "mean":
        line, name = MatrixMean(line, [at("f", "x"), at("f", "z")]), r"\mathbb{E} f(z)"
        rules.append(centred)
    elif quantity == "covariance":
        line, name = MatrixCovariance(line, outputs("w", motion), AT_START), r"\operatorname{Cov}(f(z), f(w))"
        rules.append(bilinear)
    return derived(line, "gradient descent on the linear model", rules, name, SOURCE)


def critical_rate(momentum: bool = False, weight_decay: bool = False) -> sp.Expr:
    r"""The learning rate at which a mode of eigenvalue $\lambda$ stops converging: a root of its equation reaches -1.

    The roots of $z^2 = c_1z + c_2$ leave the unit circle there and nowhere else, for $-c_2 = \mu < 1$ is their product
    and at 1 they would need $\eta = 0$.

    >>> critical_rate(momentum=True)
    2*m*(mu + 1)/lamda
    """
    lines = statement("outputs", "steps", momentum, weight_decay)
    (mode,) = (motion for motion in lines.trace[2].expr.atoms(Motion))
    _, c1, c2 = affine(mode)
    return sp.factor(sp.solve(1 + c1 - c2, eta)[0])

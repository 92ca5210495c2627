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

import random
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, Self

import sympy as sp
from mpmath import mp

from symlimits.certify import Certificate, Link, certificate
from symlimits.chain import Derivation
from symlimits.derivation.linear_motion import affine, bilinear, centred, coefficients, eigenbasis, solution
from symlimits.derivation.trace import Rule, Step
from symlimits.errors import DomainError, FalseLine, NoRule
from symlimits.language.block import Block, Transposed, shape
from symlimits.language.domain import natural_domain
from symlimits.language.ensemble import MatrixCovariance, MatrixMean
from symlimits.language.motion import Motion
from symlimits.language.names import shown
from symlimits.points import check_seed, check_text
from symlimits.reading.matrix_value import matrix_value

SOURCE = "Lee et al. 2019, arXiv 1902.06720; derived here"
QUANTITIES = ("outputs", "mean", "covariance")
TIMES = ("flow", "steps", "end")

eta, mass, omega, mu, time = sp.symbols("eta m omega mu t", positive=True)
steps = sp.Symbol("t", integer=True, nonnegative=True)
n, P, k, r, s = sp.symbols("n P k r s", integer=True, positive=True)  # data, parameters, outputs, test points twice
SIZES = {"x": n, "z": r, "w": s}
DIGITS, TOLERANCE = 30, 1e-28  # of lines that are compared, and of their difference: two digits are left to rounding


def at(name: str, place: str) -> Block:
    """Outputs at the start f, gradients J, at training inputs x or at test inputs z or w.

    >>> at("J", "x").shape
    (n, P)
    """
    return Block(f"{name}_{place}", (), (SIZES[place], {"f": k, "J": P}[name]))


def kernel(name: str, place: str, other: str) -> Block:
    """A kernel between two sets of inputs, K or Theta."""
    return Block(f"{name}_{place}{other}", (), (SIZES[place], SIZES[other]))


Y = Block("Y", (), (n, k))
delta, velocity = (Block(name, (), (P, k)) for name in ("delta", "epsilon"))
alpha, beta = (Block(name, (), (n, k)) for name in ("alpha", "beta"))
Jx = at("J", "x")
AT_START = [(at("f", a), at("f", b), kernel("K", a, b)) for a in "zx" for b in "wx"]  # covariances
gradient = Transposed(Jx) * (at("f", "x") + Jx * delta - Y) / mass
rates = Block("R", (), (P, P))  # the diagonal matrix of what the learning rate of each parameter is times
in_kernels, in_rated_kernels = (
    coefficients(back, alpha, beta, {at("J", place) * back: kernel("Theta", place, "x") for place in SIZES})
    for back in (Transposed(Jx), rates * Transposed(Jx))
)


def parameters(time_kind: str, momentum: bool, weight_decay: bool, rated: bool = False) -> Motion:
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


@dataclass(frozen=True, repr=False)
class MatrixDerivation(Derivation):
    """Lines of matrices: they print, and are checked at random matrices; they are compiled by hand, in `filters`."""

    sizes: dict[str, int] = field(default_factory=lambda: {"n": 3, "P": 5, "k": 2, "r": 2, "s": 1})

    def check(self, seed: int = 0) -> Certificate:
        """Every line equals the one before at random matrices, to 30 digits."""
        check_seed(seed)
        blocks, numbers = self._random(seed)
        values = [matrix_value(step.expr, blocks, numbers, DIGITS) for step in self.trace]
        with mp.workdps(2 * DIGITS):
            size = max(mp.mnorm(value) for value in values)
            worst = [float(mp.mnorm(b - a) / size) for a, b in pairwise(values)]
        false = [i for i, error in enumerate(worst) if not error <= TOLERANCE]
        if false:
            summary = f"line {false[0]} = line {false[0] + 1} ('{self.trace[false[0] + 1].rule}') is false"
        else:
            summary = f"{len(values)} lines equal at random matrices, {DIGITS} digits"
        link = Link("lines", not false, summary, {"lines": len(values), "errors": worst})
        return certificate(f"{self.name} = {self.expr}", (link,), seed)

    def then(self, expr: object, because: str) -> Self:
        """One more line of one's own, an expression of blocks, checked at once at random matrices."""
        check_text(because, "because")
        if not isinstance(expr, sp.Expr) or shape(expr) != shape(self.expr):
            raise DomainError(f"the line {shown(expr)}", f"a matrix of shape {shape(self.expr)}", "blocks of the lines")
        longer = replace(self, trace=(self.trace[-1], Step(expr, because, "the author")))
        link = longer.check().links[0]
        if link.passed is False:
            raise FalseLine(f"{expr} ({link.summary})", f"a line equal to {self.expr}", "the step once more")
        return self._extend(longer.trace[-1])

    def reference(self, *values: object, digits: int = 30, **parameters: object) -> Any:
        """Not for matrices: `NoRule`."""
        raise _no_values(self.name)

    def evaluate(self, *values: object, **parameters: object) -> Any:
        """Not for matrices: `NoRule`."""
        raise _no_values(self.name)

    def compile(self) -> Any:
        """Not for matrices: `NoRule`."""
        raise _no_values(self.name)

    def __call__(self, *values: Any, **options: Any) -> Any:
        raise _no_values(self.name)

    def _random(self, seed: int) -> tuple[dict[str, Any], dict[sp.Symbol, sp.Expr]]:
        return random_values(seed, self.sizes, rated=any(step.expr.has(rates) for step in self.trace))


def _no_values(name: str) -> NoRule:
    return NoRule(f"one number of the matrix {name}", "data", "sl.trained_law(net, X, Y).mean(Z), or .covariance(Z)")


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
    trace = [Step(line, "gradient descent on the linear model", SOURCE)]
    for rule in rules:
        trace.append(rule.step(trace[-1].expr))
    symbols = sp.Add(*set().union(*(step.expr.free_symbols for step in trace)))
    return MatrixDerivation(tuple(trace), natural_domain(symbols), (), name, SOURCE)


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


def random_values(
    seed: int, sizes: dict[str, int], rated: bool = False
) -> tuple[dict[str, Any], dict[sp.Symbol, sp.Expr]]:
    """Gradients, targets and a root of the covariance at the start; numbers at which descent converges."""
    rng = random.Random(seed)

    def matrix(rows: int, columns: int) -> Any:
        entries = [[mp.mpf(rng.randint(-999, 999)) / 1000 for _ in range(columns)] for _ in range(rows)]
        return mp.matrix(entries)

    with mp.workdps(2 * DIGITS):
        rows = {place: sizes[str(SIZES[place])] for place in SIZES}
        J, f = ({place: matrix(rows[place], sizes["P"]) for place in SIZES} for _ in range(2))
        blocks = {f"J_{a}": J[a] for a in SIZES} | {f"f_{a}": f[a] for a in SIZES}
        blocks["R"] = mp.diag([mp.mpf(rng.randint(0, 999)) / 1000 if rated else mp.mpf(1) for _ in range(sizes["P"])])
        blocks |= {f"Theta_{a}{b}": J[a] * blocks["R"] * J[b].T for a in SIZES for b in SIZES}
        blocks |= {f"K_{a}{b}": f[a] * f[b].T for a in SIZES for b in SIZES}
        blocks |= {"Y": matrix(rows["x"], sizes["P"])}
        trace = sum(blocks["Theta_xx"][i, i] for i in range(rows["x"]))
    values = [rng.randint(100, 900) for _ in range(4)]
    numbers = {eta: sp.Rational(values[0], 1000), mu: sp.Rational(values[1], 1000), omega: sp.Rational(values[2], 1000)}
    numbers |= {
        mass: sp.Integer(int(trace) + 1),
        time: sp.Rational(values[3], 100),
        steps: sp.Integer(values[3] // 100),
    }
    return blocks, numbers

r"""One hidden layer and its training with given gradients, as a program of coordinatewise maps and means.

$$f(x) = \sigma\sum_{r=1}^n a_r\,\phi(w_r\cdot x),\qquad
\Delta a_r = -\eta_a\sigma\,g\,\phi(w_r\cdot x_1),\qquad
\Delta w_r = -\eta_w\sigma\,g\,a_r\phi'(w_r\cdot x_1)\,x_1,$$
$\sigma = n^{q_\sigma}$, $\eta_a = n^{q_a}$, $\eta_w = n^{q_w}$, on one datum $x_1$ of two coordinates, $x_1 = (1, 0)$,
with gradients $g_1, g_2, \dots$ that are parameters. Logits and kernels are looked at at $x_1$, or at another input
(Golikov 2020, arXiv 2006.06574).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.names import shown
from symlimits.language.program_handles import Scalar, Vector, mapped, mean
from symlimits.language.tensor_program import Gaussian, Program, n
from symlimits.theory.programs.tensor_program import TensorProgram

Function = Callable[[Any], Any]  # an activation, or an undefined SymPy function
GENERIC = sp.Function("phi")
UNSEEN = (sp.Rational(3, 5), sp.Rational(4, 5))  # another unit vector
QUANTITIES = ("f_init", "f_a", "f_w", "f_aw", "delta_a", "delta_w", "kernel", "kernel_increment")


@dataclass(frozen=True)
class OneHiddenProgram:
    """A program, and the places of the eight quantities in it."""

    program: Program
    targets: Mapping[str, int]


@dataclass(frozen=True)
class _Network:
    """What does not move: the activation, the factors, and where one looks."""

    program: Program
    phi: Function
    sigma: sp.Expr
    rate_a: sp.Expr
    rate_w: sp.Expr
    start: tuple[Vector, Vector]  # a, and the coordinate of w that moves
    across: Vector | None  # what the other coordinate of w gives there
    along: sp.Rational  # the factor of the first one

    def inner(self, w: Vector) -> Vector:
        """$w\\cdot x$ where one looks."""
        return w if self.across is None else w * self.along + self.across

    def bent(self, h: Vector) -> Vector:
        """$\\phi(h)$."""
        return self.vector(lambda z: self.phi(z), h)

    def gradients(self, a: Vector, h: Vector) -> tuple[Vector, Vector]:
        r"""$\phi(h)$ and $a\,\phi'(h)$, the derivatives of $a\cdot\phi(h)$ by reverse mode."""
        of_a, of_h = TensorProgram(self.program).gradient(mean(self.program, a * self.bent(h)), a, h)
        return of_a, of_h

    def pushes(self, a: Vector, w: Vector, step: int) -> tuple[Vector, Vector]:
        r"""$\Delta a$ and $\Delta w$ of one step."""
        g = sp.Symbol(f"g_{step}", positive=True)
        of_a, of_w = self.gradients(a, w)
        return of_a * (-self.rate_a * self.sigma * g), of_w * (-self.rate_w * self.sigma * g)

    def vector(self, function: Callable[..., sp.Expr], *values: Vector) -> Vector:
        """A map of vectors."""
        found = mapped(self.program, function, *values)
        assert isinstance(found, Vector)
        return found

    def summed(self, value: Vector) -> Scalar:
        """$\\sigma\\sum_r$ of a vector."""
        found: Scalar = mean(self.program, value) * (n * self.sigma)
        return found

    def kernel(self, a: Vector, w: Vector) -> Scalar:
        r"""$\sigma^2\sum_r(\eta_a\phi^2 + \eta_wa_r^2\phi'^2)$."""
        by_a, by_h = self.gradients(a, self.inner(w))
        of_a, of_w = mean(self.program, by_a**2), mean(self.program, by_h**2)
        found: Scalar = of_a * (n * self.sigma**2 * self.rate_a) + of_w * (n * self.sigma**2 * self.rate_w)
        return found


def one_hidden_program(
    q_sigma: object, q_a: object, q_w: object, steps: int, phi: Function = GENERIC, unseen: bool = False
) -> OneHiddenProgram:
    """The program at exact exponents after `steps` steps, with logits and kernels at the datum or at an unseen input.

    `phi` is a smooth activation or an undefined SymPy function, a generic one. The targets are f_init, f_a, f_w, f_aw,
    delta_a, delta_w (vectors), kernel and kernel_increment, as in `cell.exponents`. Raises `DomainError` for steps that
    are no positive integer.

    >>> from symlimits.derivation.orders import exponent
    >>> ntk = one_hidden_program("-1/2", 0, 0, steps=1)
    >>> exponent(ntk.program, ntk.targets["f_aw"]).value
    -1
    """
    check_steps(steps)
    net = _network(q_sigma, q_a, q_w, phi, unseen)
    delta_a, delta_w = net.pushes(*net.start, step=1)
    for step in range(2, steps + 1):
        a, w = net.start
        push_a, push_w = net.pushes(a + delta_a, w + delta_w, step)
        delta_a, delta_w = delta_a + push_a, delta_w + push_w
    return OneHiddenProgram(net.program, _places(net, delta_a, delta_w))


def _network(q_sigma: object, q_a: object, q_w: object, phi: Function, unseen: bool) -> _Network:
    program = Program()
    sigma, rate_a, rate_w = (n ** program.formula(q, "an exponent") for q in (q_sigma, q_a, q_w))
    a, w, other = (Vector(program, program.append(Gaussian(name, sp.S.One), name)) for name in ("a", "w", "u"))
    along, across = UNSEEN
    return _Network(program, phi, sigma, rate_a, rate_w, (a, w), other * across if unseen else None, along)


def _places(net: _Network, delta_a: Vector, delta_w: Vector) -> dict[str, int]:
    a, w = net.start
    before, after = net.bent(net.inner(w)), net.bent(net.inner(w + delta_w))
    kernel = net.kernel(a, w)
    found = {
        "f_init": net.summed(a * before),
        "f_a": net.summed(delta_a * before),
        "f_w": net.summed(a * (after - before)),
        "f_aw": net.summed(delta_a * (after - before)),
        "delta_a": delta_a,
        "delta_w": delta_w,
        "kernel": kernel,
        "kernel_increment": (net.kernel(a + delta_a, w + delta_w) - kernel) / kernel,
    }
    return {name: value.place for name, value in found.items()}


def check_steps(steps: object) -> None:
    """Raise `DomainError` for what is no number of steps."""
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise DomainError(f"steps = {shown(steps)}", "a number of steps from 1 on", "steps=2")

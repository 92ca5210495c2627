r"""One layer of a network as a tensor program: the step of the induction that gives the recursions of kernels.

Hypothesis: the entries of what two inputs have become are independent pairs with second moments
$(K_{xx}, K_{zz}, K_{xz})$, Gaussian where an activation meets them, and the derivatives by all parameters below have
inner products $\Theta\,\delta_{ij}$. With y the layer's values at x and y' those at z, $\bar x$ and $\bar z$ the
derivatives of $\frac1n\,v\cdot y$ and $\frac1n\,v\cdot y'$ by reverse mode, and v drawn from N(0, 1) by itself,
$$K' = \lim\tfrac1n\,y\cdot y',\qquad
  \Theta' = \lim\bigl(\text{own parameters} + \Theta\,\tfrac1n\,\bar x\cdot\bar z\bigr)$$
by the Master theorem, its expectations led as far as means over the joint law of u and v. Weights whose derivative is
$\frac{c}{n}\bar y x^\top$ have $\sum_{ij}\partial_{ij}\partial_{ij}' = c\,c'\,\frac1n\,\bar y\cdot\bar y'\;
\frac1n\,x\cdot z$ if their entries are from N(0, 1) and 1/sqrt(n) stands before them, and n times that if the entries
themselves are from N(0, w/n). Derived here; Yang, arXiv 2006.14548.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import sympy as sp

from symlimits.derivation.inline import inline
from symlimits.derivation.master import last_line, limit_lines
from symlimits.derivation.trace import Trace
from symlimits.language.program_handles import Scalar, Vector
from symlimits.theory.programs.kernel_program import overlap
from symlimits.theory.programs.tensor_program import TensorProgram

K_xx, K_zz = sp.symbols("K_xx K_zz", positive=True)
K_xz, Theta = sp.symbols("K_xz Theta", real=True)
w, b, N = sp.symbols("w b N", positive=True)  # variances of weights and biases; the number of inputs
w_rate, b_rate = sp.symbols("eta_w eta_b", nonnegative=True)  # what the learning rate of weights and biases is times
Map = tuple[sp.Expr, ...]


class phi(sp.Function):
    """Any activation: steps are derived once, for all of them."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The slope."""
        return slope(*self.args)


class slope(sp.Function):
    """The derivative of `phi`, which is asked for in tangent kernels only: those of continuous activations."""


GRANTED = (phi, slope)  # with all moments: whoever puts an activation in their place sees to that


@dataclass(frozen=True, eq=False)
class LayerStep:
    """Scalars that tend to the kernel and to the tangent kernel between x and z after a layer."""

    kernel: Scalar
    tangent: Scalar

    @cached_property
    def kernel_map(self) -> sp.Expr:
        """$K'$ in $K_{xx}, K_{zz}, K_{xz}$."""
        return _map(self.kernel)

    @cached_property
    def tangent_map(self) -> sp.Expr:
        r"""$\Theta'$ in these and $\Theta$."""
        return _map(self.tangent)

    def maps(self, states: Sequence[sp.Symbol]) -> Map:
        """The new values of $K_{xx}, K_{zz}, K_{xz}$, the first the last where z is x, and of Theta if asked."""
        found = self.kernel_map
        maps = found.xreplace({K_zz: K_xx, K_xz: K_xx}), found.xreplace({K_xx: K_zz, K_xz: K_zz}), found
        return (*maps, self.tangent_map) if Theta in states else maps

    def lines(self, tangent: bool) -> Trace:
        """The lines from the Master theorem to a map, each with its rule."""
        scalar = self.tangent if tangent else self.kernel
        lines = limit_lines(scalar.program, scalar.place, granted=GRANTED)
        return (*lines, inline.step(lines[-1].expr))


def put_in(expr: sp.Expr, functions: Mapping[type[sp.Function], Callable[[sp.Expr], sp.Expr]]) -> sp.Expr:
    """A map with known functions in place of `phi` and its slope."""
    found = expr.atoms(*functions)
    return expr.xreplace({called: functions[called.func](*called.args) for called in found})


@lru_cache(maxsize=1)
def activation_step() -> LayerStep:
    r"""The step of any activation, $y = \phi(h)$.

    >>> step = activation_step()
    >>> print(step.kernel_map)
    E[phi(u)*phi(v); var u = K_xx, var v = K_zz, cov = K_xz]
    >>> print(step.tangent_map)
    Theta*E[slope(u)*slope(v); var u = K_xx, var v = K_zz, cov = K_xz]
    """
    tp = TensorProgram()
    inputs, probe = _inputs(tp), tp.gaussian("v")
    y, y_prime = (tp.map(lambda h: phi(h), h) for h in inputs)
    backward = [tp.gradient(tp.mean(probe * out), h) for out, h in zip((y, y_prime), inputs, strict=True)]
    return LayerStep(tp.mean(y * y_prime), _passed_on(tp, *backward))


@lru_cache(maxsize=8)
def dense_step(standard: bool, bias: bool, rated: bool = False) -> LayerStep:
    r"""The step of a Dense layer, with w and b the variances of its weights and biases.

    $y = \sqrt w\,Wx + \sqrt b\,\beta$, with $n^{-1/2}$ before entries of W from N(0, 1), and $\beta$ from N(0, 1); in
    the standard parameterisation $y = Wx + \beta$ with entries from N(0, w/N) and N(0, b), N the number of inputs. If
    `rated`, what training makes of the layer's own parameters is taken $\eta_w$ and $\eta_b$ times.

    >>> dense_step(standard=False, bias=True, rated=True).tangent_map
    K_xz*eta_w*w + Theta*w + b*eta_b
    >>> dense_step(standard=False, bias=True).tangent_map, dense_step(standard=True, bias=True).tangent_map
    (K_xz*w + Theta*w + b, K_xz*N + Theta*w + 1)
    """
    tp = TensorProgram()
    inputs, probe = _inputs(tp), tp.gaussian("v")
    (inside, outside), inputs_counted = (((w, b), (1, 1)), N) if standard else (((1, 1), (sp.sqrt(w), sp.sqrt(b))), 1)
    weights, biases = tp.matrix("W", inside[0]), tp.gaussian("beta", inside[1])
    y, y_prime = (outside[0] * (weights @ x) + (outside[1] * biases if bias else 0) for x in inputs)
    (dW, db, dx), (dW_prime, db_prime, dz) = (
        tp.gradient(tp.mean(probe * out), weights, biases, x) for out, x in zip((y, y_prime), inputs, strict=True)
    )
    rates = (w_rate, b_rate) if rated else (1, 1)
    own = rates[0] * inputs_counted * overlap(tp, dW, dW_prime) + rates[1] * tp.mean(db * db_prime)
    return LayerStep(tp.mean(y * y_prime), own + _passed_on(tp, dx, dz))


@lru_cache(maxsize=1)
def residual_step() -> tuple[LayerStep, LayerStep]:
    r"""The step of a residual block, $y = h + W\phi(h)$, and that of its branch alone, $W\phi(h)$.

    What they differ by is what the block adds to the kernels of its branch. Products of both parts vanish in the limit,
    since W is drawn independently of h and of v.

    >>> whole, branch = residual_step()
    >>> whole.kernel_map - branch.kernel_map, sp.expand(whole.tangent_map - branch.tangent_map)
    (K_xz, Theta)
    """
    tp = TensorProgram()
    inputs, probe, weights = _inputs(tp), tp.gaussian("v"), tp.matrix("W")
    branch = [weights @ tp.map(lambda z: phi(z), h) for h in inputs]
    whole = [h + f for h, f in zip(inputs, branch, strict=True)]

    def step(y: Vector, y_prime: Vector) -> LayerStep:
        (dW, dx), (dW_prime, dz) = (
            tp.gradient(tp.mean(probe * out), weights, h) for out, h in zip((y, y_prime), inputs, strict=True)
        )
        return LayerStep(tp.mean(y * y_prime), overlap(tp, dW, dW_prime) + _passed_on(tp, dx, dz))

    return step(*whole), step(*branch)


def _inputs(tp: TensorProgram) -> tuple[Vector, Vector]:
    """What x and z have become, of the hypothesis."""
    z, rest = tp.gaussian("z", K_zz), tp.gaussian("r", K_xx - K_xz**2 / K_zz)
    return tp.map(lambda first, second: K_xz / K_zz * first + second, z, rest, label="x"), z


def _passed_on(tp: TensorProgram, dx: Vector, dz: Vector) -> Scalar:
    """What the parameters below add to the tangent kernel."""
    found: Scalar = Theta * tp.mean(dx * dz)
    return found


def _map(scalar: Scalar) -> sp.Expr:
    return inline(last_line(scalar.program, scalar.place, GRANTED))

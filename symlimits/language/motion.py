"""What moves by a law: in time or in steps, a number or a matrix; and functions of symmetric matrices."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.block import Block, Shape, shape
from symlimits.language.tree import register


@register
class Motion(sp.Expr):
    r"""The value at `time` of what starts at `start`, at rest, and moves by `law`.

    As a flow the law gives $\dot f$ (order 1) or $\ddot f$ (order 2, `before` is the velocity $\dot f$, 0 at the
    start). In `steps` it gives $f_{t+1}$ (`before` is $f_{t-1}$, at the start $f_{-1} = f_0$). `state` and `before` are
    two symbols or two blocks, and bound; the law may hold them and whatever does not move. `time` may be infinite.

    >>> g, v, r, t = sp.symbols("g v r t")
    >>> Motion(g, v, 1 - r * g, 0, t)
    g(t) from g' = -g*r + 1, g(0) = 0
    """

    def __new__(
        cls, state: Any, before: Any, law: Any, start: Any, time: Any, order: Any = 1, steps: Any = False
    ) -> Motion:
        law, start, time, order = map(sp.sympify, (law, start, time, order))
        if type(state) is not type(before) or not isinstance(state, sp.Symbol | Block) or order not in (1, 2):
            raise DomainError(
                f"{state}, {before}, order {order}", "two symbols or two blocks, 1 or 2", "Motion(g, v, ...)"
            )
        if isinstance(state, Block) and any(e != 0 and shape(e) != state.shape for e in (law, start)):
            raise DomainError(f"the law {law} of {state}", f"a matrix of shape {state.shape}", "a law that fits")
        return sp.Expr.__new__(cls, state, before, law, start, time, order, sp.sympify(bool(steps)))

    state = property(lambda self: self.args[0], doc="What moves.")
    before = property(lambda self: self.args[1], doc="The velocity, or the value one step before.")
    law = property(lambda self: self.args[2], doc="The derivative of the highest order, or the next value.")
    start = property(lambda self: self.args[3], doc="The value at time 0.")
    time = property(lambda self: self.args[4], doc="The time, or the number of steps, that is asked for.")
    order = property(lambda self: int(self.args[5]), doc="How many values of the past, or derivatives, there are.")
    steps = property(lambda self: bool(self.args[6]), doc="Whether time is counted in steps.")

    def _eval_is_commutative(self) -> bool:
        return isinstance(self.state, sp.Symbol)

    def _eval_is_real(self) -> bool:
        return True

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """The symbols of the law that do not move, and those of start and time."""
        return (self.law.free_symbols - set(self.bound_symbols)) | self.start.free_symbols | self.time.free_symbols

    @property
    def bound_symbols(self) -> list[sp.Symbol]:
        """State and velocity, where they are symbols."""
        return [place for place in (self.state, self.before) if isinstance(place, sp.Symbol)]

    def _sympystr(self, printer: Any) -> str:
        state, law, start, time = map(printer.doprint, (self.state, self.law, self.start, self.time))
        next_value = f"{state}(+1)" if self.steps else f"{state}{chr(39) * self.order}"
        return f"{state}({time}) from {next_value} = {law}, {state}(0) = {start}"


@register
class Spectral(sp.Expr):
    r"""A function of a symmetric matrix, $g(A) = U g(\Lambda) U^\top$ for $A = U\Lambda U^\top$.

    >>> lam = sp.Symbol("lamda", nonnegative=True)
    >>> Spectral(sp.exp(-lam), lam, Block("Theta", (), (3, 3)))
    [exp(-lamda) at lamda = Theta]
    """

    is_commutative = False

    def __new__(cls, function: Any, variable: sp.Symbol, matrix: sp.Expr) -> Spectral:
        function, size = sp.sympify(function), shape(matrix)
        if size is None or size[0] != size[1] or not function.is_commutative:
            raise DomainError(f"{function} of {matrix}", "a scalar function of a square matrix", "Spectral(f, lam, A)")
        return sp.Expr.__new__(cls, function, variable, matrix)

    function = property(lambda self: self.args[0], doc="The function, an expression in `variable`.")
    variable = property(lambda self: self.args[1], doc="What stands for the eigenvalues.")
    matrix = property(lambda self: self.args[2], doc="The symmetric matrix.")

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """The symbols of the function and of the matrix, without the variable."""
        return (self.function.free_symbols - {self.variable}) | self.matrix.free_symbols

    @property
    def bound_symbols(self) -> list[sp.Symbol]:
        """The variable."""
        return [self.variable]

    def _sympystr(self, printer: Any) -> str:
        function, variable, matrix = map(printer.doprint, self.args)
        return f"[{function} at {variable} = {matrix}]"


@shape.register
def _(expr: Motion) -> Shape | None:
    return expr.state.shape if isinstance(expr.state, Block) else None


@shape.register
def _(expr: Spectral) -> Shape | None:
    return shape(expr.matrix)

r"""A tensor program of the author's own: vectors of one width n, random matrices, maps, means and gradients.

Operations and rules: Yang, arXiv 2006.14548 and 2011.14522; reverse mode: derived in `derivation/reverse.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from symlimits.derivation.orders import exponent
from symlimits.derivation.reverse import Gradient, MatrixPlace, Wanted, gradients
from symlimits.errors import DomainError
from symlimits.language.names import shown
from symlimits.language.program_handles import LowRank, Matrix, Scalar, Vector, mapped, mean
from symlimits.language.tensor_program import Gaussian, Initial, Program
from symlimits.limits import Limit
from symlimits.points import check_text
from symlimits.theory.programs.limits import is_of, program_limit, program_notation
from symlimits.theory.programs.rate import convergence_rate
from symlimits.theory.programs.running import Run, checked_run

Value = Vector | Scalar


@dataclass(frozen=True, eq=False)
class TensorProgram:
    r"""A network, its training, or any other computation with random matrices, at a width n that is left open.

    Matrices have entries from N(0, variance/n), Gaussian vectors from N(0, variance). `W @ x`, `W.T @ y`, sums,
    products, quotients and integer powers of vectors and scalars are instructions of the program, as are `map`, `mean`
    and `gradient`; `W - lr * gradient` is a trained matrix. Numbers are exact (0.1 is 1/10), and may be symbols.

    >>> from symlimits import activations as act
    >>> tp = TensorProgram()
    >>> W, x = tp.matrix("W"), tp.gaussian("x")
    >>> h = W @ x
    >>> m = tp.mean(tp.map(act.tanh, h) * h)
    >>> tp.gradient(m, W)
    LowRank(1 term)
    >>> abs(tp.run(width=2000, seed=0)[m] - 0.6057) < 0.1  # E tanh(g) g
    True
    """

    program: Program = field(default_factory=Program)

    def matrix(self, name: str, variance: object = 1) -> Matrix:
        """A square matrix with independent entries from N(0, variance/n). Raises `DomainError` for a name in use."""
        value = _variance(self.program, variance)
        return Matrix(self.program, self.program.add_matrix(Initial(self._new(name, value), value)))

    def gaussian(self, name: str, variance: object = 1) -> Vector:
        """A vector with independent entries from N(0, variance). Raises `DomainError` for a name in use."""
        value = _variance(self.program, variance)
        return Vector(self.program, self.program.append(Gaussian(self._new(name, value), value), _letters(name)))

    def map(self, function: Any, *values: Any, label: str | None = None) -> Any:
        r"""$\phi(x^1, \dots, x^k)$ entry by entry: a vector, or a scalar where no vector is among the values.

        `function` is an activation, a formula in x, or a Python function of SymPy expressions; `values` are vectors,
        scalars and numbers; `label` is LaTeX for the result. Raises `DomainError` for values of another program.

        >>> tp = TensorProgram()
        >>> x = tp.gaussian("x")
        >>> tp.map(lambda a, b: a * sp.exp(-b), x, tp.mean(x * x), label="y")
        Vector(y)
        """
        return mapped(self.program, function, *values, label=_label(label))

    def mean(self, value: Vector, label: str | None = None) -> Scalar:
        r"""$\frac1n\sum_i x_i$. Raises `DomainError` for what is no vector of this program."""
        return mean(self.program, value, _label(label))

    def gradient(self, scalar: Scalar, *wanted: Matrix | Value) -> Any:
        r"""The derivatives of a scalar: of a matrix a `LowRank`, of a vector $n\,\partial f/\partial x$, of a scalar.

        One for each of `wanted`; a tuple if there are several. At a kink the slope is the mean of both sides, a jump
        has none. Raises `DomainError` for values of another program, `NoRule` for a derivative through the updates of
        a trained matrix.

        >>> tp = TensorProgram()
        >>> W, x = tp.matrix("W"), tp.gaussian("x")
        >>> h = W @ (W @ x)  # one matrix, used twice
        >>> tp.gradient(tp.mean(h * h), W, x)
        (LowRank(2 terms), Vector(z_7))
        """
        if not isinstance(scalar, Scalar) or scalar.program is not self.program:
            raise DomainError(f"the gradient of {shown(scalar)}", "a scalar of this program", "tp.mean(x)")
        if not wanted:
            raise DomainError("a gradient by nothing", "a matrix, vector or scalar", "tp.gradient(m, W)")
        found = gradients(self.program, scalar.place, [self._wanted(value) for value in wanted])
        handles = tuple(self._handle(value, result) for value, result in zip(wanted, found, strict=True))
        return handles if len(handles) > 1 else handles[0]

    def limit(self, scalar: Scalar, name: str | None = None) -> Limit:
        r"""What a scalar tends to as the width grows, by the Master theorem; `name` is LaTeX for the scalar.

        The mean over networks has a bias of 1/n, which a certificate holds the program's own networks against. Symbols
        of the program stay symbols. Raises `DomainError` for what is no scalar of this program, `NoRule` where powers
        of the width do not cancel.

        >>> from symlimits import activations as act
        >>> tp = TensorProgram()
        >>> W, x = tp.matrix("W"), tp.gaussian("x", "s**2")
        >>> tp.limit(tp.mean(tp.map(act.relu, W @ x) ** 2)).evaluate(s=2).value
        2.0
        """
        if not isinstance(scalar, Scalar) or scalar.program is not self.program:
            raise DomainError(f"the limit of {shown(scalar)}", "a scalar of this program", "tp.mean(x)")
        return program_limit(scalar, _label(name))

    def rate(self, scalar: Scalar, name: str | None = None) -> Limit:
        r"""The power of n by which a scalar differs from its limit: -1/2, to be certified on the program's networks.

        As `limit`, and `UnboundSymbol` while a symbol of the program has no value.

        >>> tp = TensorProgram()
        >>> x = tp.gaussian("x")
        >>> tp.rate(tp.mean(x * x), name="m")
        Limit(e_{m} = -1/2, 2 lines)
        """
        return convergence_rate(self.limit(scalar, name))

    def notation(self, limit: Limit) -> dict[str, str]:
        r"""Which symbol of a limit is which value: LaTeX for `limit.latex(notation=...)` and `.explain(notation=...)`.

        The limit of a vector h is $Z^{h}$, its Gaussian part $\hat Z^{h}$; a scalar's is its own label. Values without
        a label keep their symbols. Raises `DomainError` for what is no limit of this program.

        >>> from symlimits import activations as act
        >>> tp = TensorProgram()
        >>> m = tp.mean(tp.map(act.tanh, tp.gaussian("x"), label="h"), label="m")
        >>> tp.notation(tp.limit(m))
        {'zeta_0': '\\hat{Z}^{x}', 'z_1': 'Z^{h}', 'theta_2': 'm'}
        """
        if not isinstance(limit, Limit) or not is_of(limit, self.program):
            raise DomainError(f"the notation of {shown(limit)}", "a limit of this program", "tp.notation(tp.limit(m))")
        return program_notation(limit, self.program)

    def run(self, width: int, seed: int = 0, nets: int | None = None, **values: object) -> Run:
        """The program at a finite width, on drawn matrices and vectors: `run[m]` is what m is there.

        A scalar is a number, a vector an array (width,), a matrix (width, width), a tuple of scalars an array; with
        `nets` independent nets there is one axis more, the first. `values` are numbers for the symbols of the program.
        The draws depend on seed, width and nets alone. Raises `DomainError` for widths, seeds and names that are none;
        `ResourceError` where the nets do not fit in memory, and `UnboundSymbol` where a symbol has no number, when
        what rests on them is read.

        >>> tp = TensorProgram()
        >>> x = tp.gaussian("x", "s**2")
        >>> run = tp.run(width=3, seed=0, nets=5, s=2)
        >>> run[x].shape, run[tp.mean(x)].shape, run[tp.mean(x), tp.mean(x * x)].shape
        ((5, 3), (5,), (5, 2))
        """
        return checked_run(self.program, width, seed, nets, values)

    def exponent(self, value: Value) -> sp.Expr:
        r"""The power of n in a scalar, or in the entries of a vector, as the width grows: exact, and certified.

        Its leading coefficient is that of generic parameters; a zero has the exponent -oo. Raises `DomainError` for
        what is no value of this program, `NoRule` for symbolic powers of n, growing arguments of maps that are no
        polynomials, coordinates that cross a kink, and coefficients that neither cancel nor are told from zero.

        >>> from symlimits import activations as act
        >>> tp = TensorProgram()
        >>> W, x = tp.matrix("W"), tp.gaussian("x")
        >>> h = tp.map(act.tanh, W @ x)
        >>> tp.exponent(tp.mean(x * h)), tp.exponent(tp.mean(x * (W.T @ h)))
        (-1/2, 0)
        """
        if not isinstance(value, Vector | Scalar) or value.program is not self.program:
            raise DomainError(f"the exponent of {shown(value)}", "a value of this program", "tp.exponent(tp.mean(x))")
        return exponent(self.program, value.place).value

    def __repr__(self) -> str:
        matrices = sum(isinstance(matrix, Initial) for matrix in self.program.matrices)
        named = f"{matrices} {'matrix' if matrices == 1 else 'matrices'}"
        return f"TensorProgram({named}, {len(self.program.instructions)} instructions)"

    def _new(self, name: str, variance: sp.Expr) -> str:
        name = self.program.new_name(name)
        if name in {symbol.name for symbol in variance.free_symbols}:
            raise DomainError(f"{name} with the variance {variance}", "a variance without its name", f"{name}_2")
        return name

    def _wanted(self, value: Any) -> Wanted:
        if not isinstance(value, Matrix | Vector | Scalar) or value.program is not self.program:
            given = f"a gradient by {shown(value)}"
            raise DomainError(given, "a matrix, vector or scalar of this program", "tp.gradient(m, W)")
        return MatrixPlace(value.place) if isinstance(value, Matrix) else value.place

    def _handle(self, value: Any, result: Gradient) -> LowRank | Value:
        if isinstance(result, int):
            return type(value)(self.program, result)
        terms = tuple(term.transposed for term in result) if value.transposed else result
        return LowRank(self.program, terms)


def _variance(program: Program, value: object) -> sp.Expr:
    variance = program.formula(value, "variance")
    if variance.is_negative:
        raise DomainError(f"variance = {variance}", "zero or larger", f"variance={-variance}")
    return variance


def _letters(name: str) -> str:
    return sp.latex(sp.Symbol(name))


def _label(label: str | None) -> str | None:
    return None if label is None else check_text(label, "label")

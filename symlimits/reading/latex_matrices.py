"""How matrices print: indexed blocks, transposes, identities, entries; what moves, functions of matrices, means."""

from __future__ import annotations

import sympy as sp
from sympy.printing.latex import LatexPrinter

from symlimits.language.block import Block, Entry, IdentityMatrix, Numbers, Transposed
from symlimits.language.ensemble import MatrixCovariance, MatrixMean
from symlimits.language.matrix_scalars import LogDeterminant, TraceOf
from symlimits.language.motion import Motion, Spectral
from symlimits.language.softmax import RowSoftmax
from symlimits.reading.latex_motion import at_time, letter


class MatrixPrinter(LatexPrinter):
    """SymPy's printer with our matrices; `names` holds the LaTeX of every symbol."""

    names: dict[sp.Symbol, str]

    def _print_Block(self, expr: Block, exp: str | None = None) -> str:
        r"""A single index below, of several the first one: $A_t$, $\Phi_l(t, s)$; none where one is there: $M_2(t)$."""
        indices, name = [self._print(index) for index in expr.indices], self.names[expr.args[0]]
        below = 0 if "_" in name else 1
        subscript = f"_{{{indices[0]}}}" if indices[:below] else ""
        arguments = f"({', '.join(indices[below:])})" if indices[below:] else ""
        power = f"^{{{exp}}}" if exp else ""
        return f"{name}{subscript}{power}{arguments}" if not arguments else f"{name}{subscript}{arguments}{power}"

    def _print_Transposed(self, expr: Transposed) -> str:
        (matrix,) = expr.args
        tex = self._print(matrix)
        return rf"{tex}^{{\top}}" if isinstance(matrix, Block) else rf"\left({tex}\right)^{{\top}}"

    def _print_IdentityMatrix(self, expr: IdentityMatrix) -> str:
        """A matrix of one entry prints as this."""
        return "1" if expr.args[0] == 1 else f"I_{{{self._print(expr.args[0])}}}"

    def _print_Entry(self, expr: Entry) -> str:
        """The only entry of a matrix prints as the matrix."""
        matrix, row, column = expr.args
        tex = self._print(matrix)
        if isinstance(matrix, Block):
            return tex if matrix.shape == (1, 1) else rf"({tex})_{{{row + 1},{column + 1}}}"
        return rf"\left({tex}\right)_{{{row + 1},{column + 1}}}"

    def _print_Numbers(self, expr: Numbers) -> str:
        if expr.args[0].shape == (1, 1):
            return str(self._print(expr.args[0][0]))
        rows = [" & ".join(map(self._print, row)) for row in expr.args[0].tolist()]
        apart = r" \\[2pt] " if any(r"\frac" in row for row in rows) else r" \\ "  # fractions would touch
        return rf"\begin{{pmatrix}} {apart.join(rows)} \end{{pmatrix}}"

    def _print_Motion(self, expr: Motion) -> str:
        """What moves at its time; `equations` say how it moves."""
        return at_time(self.names[letter(expr.state)], expr, self._print(expr.time))

    def _print_Spectral(self, expr: Spectral) -> str:
        function, variable, matrix = map(self._print, expr.args)
        return rf"\left[{function}\right]_{{{variable} = {matrix}}}"

    def _print_RowSoftmax(self, expr: RowSoftmax) -> str:
        return rf"\operatorname{{softmax}}\left({self._print(expr.matrix)}\right)"

    def _print_TraceOf(self, expr: TraceOf) -> str:
        return rf"\operatorname{{tr}}\left({self._print(expr.matrix)}\right)"

    def _print_LogDeterminant(self, expr: LogDeterminant) -> str:
        return rf"\log\det\left({self._print(expr.matrix)}\right)"

    def _print_MatrixMean(self, expr: MatrixMean) -> str:
        return rf"\mathbb{{E}}\left[{self._print(expr.matrix)}\right]"

    def _print_MatrixCovariance(self, expr: MatrixCovariance) -> str:
        left, right = map(self._print, (expr.left, expr.right))
        return rf"\operatorname{{Cov}}\left({left}, {right}\right)"

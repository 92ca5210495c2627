r"""Formulas in rows that fit: where a line may be broken, and what is done to a piece that is still too long."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp
from sympy.core.sorting import default_sort_key

from symlimits.language.ensemble import MatrixCovariance
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.integral import LineIntegral
from symlimits.language.pixels import PixelMean
from symlimits.language.product import ProductExpectation
from symlimits.language.spherical import SphericalIntegral
from symlimits.reading.latex_lines import line_sign, spherical_pieces
from symlimits.reading.latex_matrices import MatrixPrinter
from symlimits.reading.latex_order import divides, in_order
from symlimits.reading.latex_text import TALL, enclose, open_brackets, rendered_width

INDENT, INDENTED = 2, r"\quad "  # letters; of what goes on in a row of its own
SHORT = 1 / 3  # of the room; a product of sums that are shorter is cut between its factors, not within a sum
# too large to stand above or below a fraction's bar
HEADS = (GaussianExpectation, ProductExpectation, sp.Integral, LineIntegral, SphericalIntegral, PixelMean)
EXTREMES = (sp.Max, sp.Min)


class BreakingPrinter(MatrixPrinter):
    """Rows of a formula; how sums, products and integrals print in one piece is said by the printer built on it."""

    def signed(self, expr: sp.Expr) -> list[tuple[str, sp.Expr]]:
        """The terms of a sum and their signs."""
        raise NotImplementedError

    def _product(self, factors: Sequence[sp.Expr], alone: bool = True) -> str:
        raise NotImplementedError

    def _factor(self, expr: sp.Expr, alone: bool) -> str:
        raise NotImplementedError

    def _integral_signs(self, expr: sp.Integral) -> str:
        raise NotImplementedError

    def _differentials(self, expr: sp.Integral) -> str:
        raise NotImplementedError

    def rows(self, expr: sp.Expr, room: float, after: str = "") -> list[str]:
        """The expression in rows of at most `room` letters, where it can be broken; `after` ends the last."""
        comma, _, words = after.partition(r" \quad ")
        if comma != ",":
            comma, words = after, ""
        rows: list[str] = []
        for piece in enclose("", self.pieces(expr, room), comma):
            nested = open_brackets(piece) > 0 and open_brackets("".join(rows)) > 0  # a bracket in another begins a row
            indent = INDENT * open_brackets("".join(rows[:-1]))
            if rows and not nested and rendered_width(rows[-1] + piece) <= room - indent:
                rows[-1] += f" {piece.removeprefix(INDENTED)}"
            else:
                rows.append(piece)
        if words:  # what does not fit behind the line stands below it
            together = rf"{rows[-1]} \quad {words}"
            rows[-1:] = [together] if rendered_width(together) <= room else [rows[-1], words]
        return rows

    def pieces(self, expr: sp.Expr, room: float) -> list[str]:
        """The expression cut where a line may be broken: between terms, and if need be those of a factor."""
        if expr.is_Add:
            return [piece for sign, term in self.signed(expr) for piece in enclose(sign, self._term(term, room), "")]
        whole = self._print(expr)
        if rendered_width(whole) <= room:
            return [whole]
        if isinstance(expr, sp.Integral):
            sign = self._integral_signs(expr)
            inner = self._opened(expr.function, room - rendered_width(sign))
            return enclose(sign, inner, self._differentials(expr))
        if isinstance(expr, LineIntegral):
            sign = line_sign(self._print, expr.strip, expr.variable)
            inner = self._opened(expr.integrand, room - rendered_width(sign))
            return enclose(sign, inner, rf" \,d{self._print(expr.variable)}")
        if isinstance(expr, GaussianExpectation):
            law = whole.removesuffix(rf"\left[{self._print(expr.integrand)}\right]")  # which may hold expectations too
            inside = max(room - rendered_width(law), room / 2)
            return enclose(rf"{law}\biggl[", self.pieces(expr.integrand, inside), r"\biggr]")
        if isinstance(expr, MatrixCovariance):
            left, right = (self.pieces(side, room) for side in (expr.left, expr.right))
            size = "bigg" if any(map(TALL.search, (*left, *right))) else "big"
            return enclose(rf"\operatorname{{Cov}}\{size}l(", [*enclose("", left, ","), *right], rf"\{size}r)")
        if isinstance(expr, EXTREMES):
            return self._cut_extreme(expr, room)
        if isinstance(expr, SphericalIntegral):
            return spherical_pieces(self._opened, self._print, expr, room)
        return self._cut_product(expr.as_ordered_factors(), room) if expr.is_Mul else [whole]

    def _cut_extreme(self, expr: sp.Expr, room: float) -> list[str]:
        """A maximum or minimum cut between its arguments, of which one that is too long is cut too."""
        whole = [(argument, self._print(argument)) for argument in sorted(expr.args, key=default_sort_key)]
        cut = [[tex] if rendered_width(tex) <= room else self.pieces(argument, room) for argument, tex in whole]
        pieces = [piece for argument in cut[:-1] for piece in enclose("", argument, ",")] + cut[-1]
        return enclose(rf"\{type(expr).__name__.lower()}\bigl(", pieces, r"\bigr)")

    def _cut_product(self, factors: list[sp.Expr], room: float) -> list[str]:
        """A product cut before its last expectation, or within an integral or its longest sum."""
        heads = [factor for factor in factors if isinstance(factor, HEADS)]
        sums = [factor for factor in factors if factor.is_Add or isinstance(factor, EXTREMES)]
        if not heads and all(rendered_width(self._print(factor)) < SHORT * room for factor in sums):
            return self._cut_factors(factors, room)
        inner = in_order(heads)[-1] if heads else max(sums, key=lambda factor: rendered_width(self._print(factor)))
        others = [factor for factor in factors if factor is not inner]
        outer = self._product(others, alone=False)
        if rendered_width(outer) > room:
            return [*self._cut_product(others, room), *enclose(r"\quad \times ", self._opened(inner, room), "")]
        if len(heads) > 1 or (heads and outer and rendered_width(rf"\quad \times {self._print(inner)}") <= room):
            return [outer, *enclose(r"\quad \times ", self._opened(inner, room), "")]
        return enclose(outer.rstrip() + (r" \, " if heads and outer else " "), self._opened(inner, room), "")

    def _cut_factors(self, factors: Sequence[sp.Expr], room: float) -> list[str]:
        """Factors in as many rows as they need; a denominator that is too long as a power of -1."""
        groups: list[list[sp.Expr]] = []
        for factor in factors:
            if groups and rendered_width(self._product([*groups[-1], factor])) <= room:
                groups[-1].append(factor)
            else:
                groups.append([factor])
        pieces = [self._reciprocal_or_product(group, room) for group in groups]
        return [*pieces[0], *(piece for cut in pieces[1:] for piece in enclose(r"\quad \times ", cut, ""))]

    def _reciprocal_or_product(self, group: Sequence[sp.Expr], room: float) -> list[str]:
        alone = group[0] if len(group) == 1 and divides(group[0]) and (1 / group[0]).is_Add else None
        if alone is None or rendered_width(self._print(alone)) <= room:
            return [self._product(group)]
        return enclose("", self._opened(1 / alone, room), "^{-1}")

    def _term(self, term: sp.Expr, room: float) -> list[str]:
        return [self._factor(term, alone=False)] if term.is_Add else self.pieces(term, room)

    def _opened(self, expr: sp.Expr, room: float) -> list[str]:
        r"""A factor in pieces, a sum between \bigl( and \bigr), which bear line breaks as \left and \right do not."""
        pieces = self.pieces(expr, room - INDENT if expr.is_Add else room)
        size = "bigg" if any(map(TALL.search, pieces)) else "big"
        return enclose(rf"\{size}l(", pieces, rf"\{size}r)") if expr.is_Add else pieces

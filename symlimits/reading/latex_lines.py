"""LaTeX of integrals over vertical lines of the complex plane: `LineIntegral` and `SphericalIntegral`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from symlimits.language.spherical import SphericalIntegral
from symlimits.reading.latex_text import enclose

Print = Callable[[sp.Expr], str]


def line_sign(write: Print, strip: Sequence[sp.Expr], variable: sp.Symbol, times: int = 1) -> str:
    """The strip in which the line may lie, below the sign; `times` integrals have one factor together."""
    return rf"\frac{{1}}{{{_power(times)}}} " + _sign(write, strip, variable)


def _power(times: int) -> str:
    return r"2 \pi i" if times == 1 else rf"(2 \pi i)^{{{times}}}"


def _sign(write: Print, strip: Sequence[sp.Expr], variable: sp.Symbol) -> str:
    low, high = (end if end.is_finite else None for end in strip)
    left = "" if low is None else f"{write(low)} < "
    right = "" if high is None else f" < {write(high)}"
    where = rf"{left}\operatorname{{Re}} {write(variable)}{right}" if left or right else r"i \mathbb{R}"
    return rf"\int_{{{where}}} "


def spherical_pieces(
    opened: Callable[[sp.Expr, float], list[str]], write: Print, expr: SphericalIntegral, room: float
) -> list[str]:
    """The integral signs, the function of w, that of w', and the kernel with Legendre's function."""
    w, (x, y) = expr.variable, expr.eigenvalues
    other = sp.Symbol(f"{w.name}'")
    signs = line_sign(write, expr.strip, w, 2) + _sign(write, expr.strip, other)
    first, second = opened(expr.first, room), opened(expr.second.xreplace({w: other}), room)
    scale, angle = (write(sp.simplify(f)) for f in (sp.sqrt(x * y), (x + y) / (2 * sp.sqrt(x * y))))
    a, b = write(w), write(other)
    legendre = rf"Q_{{{a} - {b} - 1/2}}\left({angle}\right)"
    kernel = rf"\times 4 \left({a} - {b}\right) {legendre} \, \left({scale}\right)^{{-{a} - {b}}} \,d{a} \,d{b}"
    return [signs, *first, *enclose(r"\times ", second, ""), kernel]

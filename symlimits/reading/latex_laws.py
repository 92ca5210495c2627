r"""Laws in LaTeX: what stands below the sign of an expectation over a product of layers."""

from __future__ import annotations

from symlimits.language.product import Layer, ProductExpectation

SHOWN = 3  # equal factors that are written out; more are a power of independent ones


def product_law(expr: ProductExpectation, variable: str) -> str:
    r"""The product of chi squares over their widths.

    >>> import sympy as sp
    >>> q = sp.Symbol("q", positive=True)
    >>> print(product_law(ProductExpectation(q, q, [(5, 1, 1)]), "q"))
    q \sim \frac{\chi^2_{5}}{5}
    """
    return rf"{variable} \sim " + " ".join(_factor(layer) for layer in expr.layers)


def _factor(layer: Layer) -> str:
    N, p, count = layer
    units, over = (f"{N}", N) if p == 1 else (rf"\mathrm{{Bin}}({N}, {p.p}/{p.q})", p * N)
    several = count > SHOWN
    square = rf"\chi^2_{{{units}{', l' if several else ''}}}"
    factor = rf"\frac{{{square if over.q == 1 else f'{over.q} {square}'}}}{{{over.p}}}"
    return rf"\prod_{{l=1}}^{{{count}}} {factor}" if several else " ".join([factor] * int(count))

"""Pictures of output laws: densities of finite widths beside the limit and the Gaussian; correlations of outputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import sympy as sp

from symlimits.errors import NoRule
from symlimits.theory.mixtures import MatrixLaw, OutputLaw, output_law

INCHES = (5.0, 3.6)
POINTS = 400  # of a curve
PAIRS = (("two outputs, one input", (0, 2), "-"), ("two outputs, orthogonal inputs", (0, 3), "--"))


def densities(widths: Sequence[Sequence[int]], path: str | Path | None = None, reach: float = 20.0) -> Any:
    """Log densities of networks with equal sums of 1/N_l, of their limit, and of the Gaussian of infinite width."""
    figure, axes = _figure()
    s = np.linspace(-reach, reach, POINTS)
    for k, chosen in enumerate(widths):
        law = output_law(widths=chosen)
        name = f"{len(chosen)} layers of {chosen[0]}" if len(set(chosen)) == 1 else f"widths {tuple(chosen)}"
        axes.semilogy(s, law.pdf(s), color=f"C{k}", linewidth=1.0, label=name)
    limit = output_law(widths=widths[-1]).limit
    axes.semilogy(s, limit.pdf(s), color="black", linewidth=1.6, label=f"limit, a = {limit.mixing.ratio}")
    axes.semilogy(s, output_law(widths=()).pdf(s), color="0.5", linestyle="--", label="Gaussian (infinite width)")
    axes.set(xlabel="output s", ylabel="density p(s)", ylim=(1e-9, 3.0))
    axes.legend(frameon=False, fontsize=7, loc="upper left")
    return _saved(figure, path)


def correlations(widths: Sequence[int], path: str | Path | None = None, largest: float = 3.0) -> Any:
    """The correlation of squared outputs against the ratio a: the limit, and networks of some widths at depth a N."""
    figure, axes = _figure()
    a = sp.Symbol("a", positive=True)
    formula = cast(OutputLaw, output_law(ratio=a, outputs=2)).correlation_of_squares[0, 1]
    grid = np.linspace(1e-3, largest, POINTS)
    axes.plot(grid, sp.lambdify(a, formula, "numpy")(grid), color="black", label="limit")
    for k, N in enumerate(widths):
        depths = np.unique(np.linspace(1, largest * N, 12).astype(int))
        laws = [cast(OutputLaw, output_law(widths=(N,) * int(L), outputs=2)) for L in depths]
        values = [float(law.correlation_of_squares[0, 1]) for law in laws]
        axes.plot(depths / N, values, "o", markersize=3, color=f"C{k}", label=f"width {N}")
    axes.axhline(1 / 3, color="0.6", linestyle=":", label="1/3")
    axes.set(xlabel="depth over width a", ylabel="corr$(s_1^2, s_2^2)$", ylim=(0.0, 0.36))
    axes.legend(frameon=False, fontsize=8)
    return _saved(figure, path)


def matrix_correlations(widths: Sequence[int], path: str | Path | None = None, largest: float = 3.0) -> Any:
    """The correlation of squared outputs against a on one input and on two orthogonal ones: limit, and some widths."""
    figure, axes = _figure()
    a = sp.Symbol("a", positive=True)
    grid = np.linspace(1e-3, largest, POINTS)
    for name, place, style in PAIRS:
        formula = _two_by_two(ratio=a).correlation_of_squares[place]
        axes.plot(grid, sp.lambdify(a, formula, "numpy")(grid), color="black", linestyle=style, label=f"limit, {name}")
    for k, N in enumerate(widths):
        depths = np.unique(np.linspace(1, largest * N, 12).astype(int))
        tables = [_two_by_two(widths=(N,) * int(L)).correlation_of_squares for L in depths]
        for _, place, _ in PAIRS:
            label = f"width {N}" if place == PAIRS[0][1] else None
            values = [float(table[place]) for table in tables]
            axes.plot(depths / N, values, "o", markersize=3, color=f"C{k}", label=label)
    axes.set(xlabel="depth over width a", ylabel="correlation of squares", ylim=(0.0, 0.36))
    axes.legend(frameon=False, fontsize=7)
    return _saved(figure, path)


def matrix_densities(widths: Sequence[Sequence[int]], path: str | Path | None = None, reach: float = 12.0) -> Any:
    """Log densities of two outputs on two inputs along diag(s, s/2), of networks with equal sums of 1/N_l."""
    figure, axes = _figure()
    s = np.linspace(-reach, reach, POINTS // 4)
    S = s[:, None, None] * np.diag([1.0, 0.5])
    for k, chosen in enumerate(widths):
        name = f"{len(chosen)} layers of {chosen[0]}" if len(set(chosen)) == 1 else f"widths {tuple(chosen)}"
        axes.semilogy(s, _two_by_two(widths=chosen).pdf(S), color=f"C{k}", linewidth=1.0, label=name)
    limit = _two_by_two(widths=widths[-1]).limit
    axes.semilogy(s, limit.pdf(S), color="black", linewidth=2.0, zorder=1, label=f"limit, a = {limit.mixing.ratio}")
    gaussian = output_law(widths=()).pdf
    independent = gaussian(s) * gaussian(0.5 * s) * gaussian(0.0) ** 2
    axes.semilogy(s, independent, color="0.5", linestyle="--", label="Gaussian (infinite width)")
    axes.set(xlabel="s", ylabel="density at diag(s, s/2)", ylim=(1e-12, 30.0))
    axes.legend(frameon=False, fontsize=7, loc="upper left")
    return _saved(figure, path)


def _two_by_two(**kind: Any) -> MatrixLaw:
    return cast(MatrixLaw, output_law(outputs=2, covariance=np.eye(2), **kind))


def _figure() -> Any:
    try:
        from matplotlib.figure import Figure  # optional; no window, no global state
    except ImportError:
        raise NoRule("a picture without matplotlib", "matplotlib", "pip install 'symlimits[plot]'") from None
    figure = Figure(figsize=INCHES, layout="constrained")
    return figure, figure.subplots()


def _saved(figure: Any, path: str | Path | None) -> Any:
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure

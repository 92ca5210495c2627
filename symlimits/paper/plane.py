"""The plane of hyperparameters in tables: exponents at the limit models, the models themselves, their equations.

All three are read off the fan, of the activation of which the claims are.
"""

from __future__ import annotations

from symlimits.finite.frozen_training import OBSERVED
from symlimits.paper.claims import MODELS, QUANTITIES
from symlimits.paper.documents import Table
from symlimits.reading.latex import latex
from symlimits.theory.scaling import one_hidden_layer
from symlimits.theory.scaling.cells import Cell
from symlimits.theory.scaling.fan import Fan
from symlimits.theory.scaling.tables import HEAD, LEGEND, READING, equations, row

ACTIVATION = "erf"
WIDTHS = r"@{}lp{0.38\textwidth}llll@{}"
NETWORK = (
    r"One hidden layer of $d$ units, $f(x) = \sigma \sum_{r=1}^{d} a_r \phi(w_r \cdot x)$, "
    r"$\sigma \propto d^{q_{\sigma}}$, learning rates of $a$ and $w$ $\propto d^{q}$, weights of order one at the "
    "start; the loss is logistic."
)


def tables() -> tuple[Table, ...]:
    """The tables of the document of one hidden layer."""
    fan = one_hidden_layer(activation=ACTIVATION)
    return exponents(fan), models(fan), motions(fan)


def exponents(fan: Fan) -> Table:
    """Every exponent where exponents settle, as a formula, and its values at the models that are points.

    >>> exponents(one_hidden_layer()).rows[0][2:]
    ('$q_{\\\\sigma} + \\\\frac{1}{2}$', '$-1/2$', '$0$', '$0$')
    """
    cells = [fan[name] for name in MODELS]
    header = "exponent", "of", "formula", *(cell.name for cell in cells)
    caption = (
        "The power of the width in each quantity, wherever training is dynamically stable, and at three limit models"
    )
    return Table(caption, header, [_exponent(fan, cells, name) for name in QUANTITIES], NETWORK, WIDTHS)


def _exponent(fan: Fan, cells: list[Cell], quantity: str) -> tuple[str, ...]:
    derived = fan.derivation(quantity)
    values = (f"${cell.values[quantity]}$" for cell in cells)
    return f"${derived.name}$", OBSERVED[quantity], f"${latex(derived.expr)}$", *values


def models(fan: Fan) -> Table:
    """Every limit model: its name, the dimension of its cell, the conditions on the exponents, what it does.

    >>> table = models(one_hidden_layer())
    >>> len(table.rows), table.rows[0][:3]
    (13, ('MF', '0', '$q_{\\\\sigma} = -1$, $q = 1$'))
    """
    name, conditions, *sizes, _, start, later = HEAD
    header = name, "dimension", conditions, *sizes, "motion", start, later
    caption = f"The {len(fan.cells)} dynamically stable limit models of one hidden layer: there are no others"
    rows = [(cell.name, str(cell.dimension), *row(cell)[1:]) for cell in fan.cells]
    return Table(caption, header, rows, " ".join(LEGEND))


def motions(fan: Fan) -> Table:
    """The equations of the models, by the letters of the table before."""
    return Table("Their equations", ("motion", "equation"), equations(fan.cells), " ".join(READING))

"""The source of the numerical rules for one expectation E f(u) g(v): f and g as scalar code, with their breakpoints."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import sympy as sp

from symlimits.errors import NoRule
from symlimits.language.piecewise import branches
from symlimits.reading.kernel import ScalarKernel
from symlimits.reading.lower import MATH, statements
from symlimits.reading.panels import Panels, panels


@lru_cache(maxsize=256)
def breakpoints(f: sp.Expr, x: sp.Symbol) -> Panels:
    """The breakpoints of a function: declared kinks, and what bisection finds."""
    if not f.has(x):
        return Panels((), ())
    try:
        kinks = [float(point) for point in branches(f, x).points]
    except NoRule:  # conditions that are no polynomials
        kinks = []
    return panels(ScalarKernel(f, (x,)).ufunc, kinks)


@lru_cache(maxsize=256)
def parity(f: sp.Expr, x: sp.Symbol) -> int:
    """1 for an even function, -1 for an odd one, 0 for others: as its compiled code computes it."""
    if not f.has(x):
        return 1
    points = np.geomspace(1e-3, 100.0, 41)
    with np.errstate(all="ignore"):
        here, mirrored = (ScalarKernel(f, (x,)).ufunc(side * points) for side in (1.0, -1.0))
        found = [sign for sign in (1, -1) if (np.abs(here - sign * mirrored) <= 1e-15 * np.abs(here)).all()]
    return found[0] if found else 0


def function_source(name: str, f: sp.Expr, x: sp.Symbol) -> str:
    """The function itself and its breakpoints, as `name`, `sharp_name`, `graded_name`; its noise, as `noise_name`."""
    found = breakpoints(f, x)
    body = "\n".join(f"    {line}" for line in statements({"result": f}, {x: "x"}).splitlines())
    return (
        f'@njit(error_model="numpy")\ndef {name}(x):\n{body}\n    return float(result)\n\n\n'
        f"sharp_{name} = np.array({[-found.radius, *found.sharp, found.radius]!r}, dtype=np.float64)\n"
        f"graded_{name} = np.array({list(found.graded)!r}, dtype=np.float64)\n"
        f"noise_{name} = np.array({[list(found.places), [0.0, *found.noise]]!r}, dtype=np.float64)\n"
    )


def pair_source(f: sp.Expr, g: sp.Expr, x: sp.Symbol) -> str:
    """A module with `planes` (the panel rule), `expand_f`, `expand_g` and `sums` (the Mehler series)."""
    same = f == g
    other = "f" if same else "g"
    functions = [function_source("f", f, x), *([] if same else [function_source("g", g, x)])]
    expansions = [_expansion("f", parity(f, x)), *([] if same else [_expansion("g", parity(g, x))])]
    rule = f"plane = plane_rule(f, {other}, (sharp_f, sharp_{other}, graded_{other}), (noise_f, noise_{other}))\n"
    alias = "expand_g = expand_f\n" if same else ""
    return "\n\n".join([_HEADER, *functions, *expansions, alias + rule, _DRIVERS])


def _expansion(name: str, sign: int) -> str:
    return f"""expansion_{name} = expansion({name}, sharp_{name}, {sign})


@njit("void(f8[::1], f8[:, ::1], f8[:, ::1])", error_model="numpy", nogil=True, cache=True)
def expand_{name}(variances, coefficients, left):
    for k in range(variances.size):
        tails(coefficients[k], expansion_{name}(variances[k], coefficients[k]), left[k])
"""


_HEADER = f"""\
{MATH}
import numpy as np
from numba import njit

from symlimits.reading.mehler import expansion, series, tails
from symlimits.reading.plane import plane_rule
from symlimits.reading.special import exp_cosh, exp_sinh
"""

_DRIVERS = """\
@njit("void(f8[::1], f8[::1], f8[::1], i8, f8[::1], f8[::1], f8[::1])", error_model="numpy", nogil=True, cache=True)
def planes(p, q, gap, detail, values, sizes, noise):
    for k in range(gap.size):
        values[k], sizes[k], noise[k] = plane(p[k], q[k], gap[k], detail)


@njit(
    "void(f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1], i8[::1], i8[::1], f8[::1], f8, f8[::1], f8[::1], i8[::1])",
    error_model="numpy", nogil=True, cache=True,
)
def sums(a, b, left, right, i, j, rho, goal, values, bounds, terms):
    for k in range(rho.size):
        values[k], bounds[k], terms[k] = series(a[i[k]], b[j[k]], left[i[k]], right[j[k]], rho[k], goal)
"""

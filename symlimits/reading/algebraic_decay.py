r"""The reference value of an `AlgebraicDecay`, without its series: differences of reciprocals, extrapolated.

By the theorem of Stolz and Cesàro $\frac1{\ell g(x_\ell)}$ tends to the limit of
$\frac1{g(x_{\ell+1})} - \frac1{g(x_\ell)}$, so that with $x \to 0$
$$\lim_{\ell\to\infty}\ell\,g(x_\ell) = \lim_{x\to0+}\Bigl(\frac1{g(F(x))} - \frac1{g(x)}\Bigr)^{-1}.$$
Maps of kinked activations are series in the root of x: with $x = t^2$ the limit is the value at t = 0 of a power
series, found from values at $t_0/2^k$ by Neville's scheme. Derived here.
"""

from __future__ import annotations

from collections.abc import Callable

from mpmath import mp, mpf

from symlimits.errors import NoRule

Map = Callable[[mpf], mpf]

POINTS = 12  # of Neville's scheme: with t below 1e-3 the last term is below 1e-30
STARTS = tuple(mpf(10) ** -k for k in (2, 3, 4, 5, 6))  # the largest t: a map may bend at smaller states
LOST = 5  # digits, over those of 1/t^2, that differences of reciprocals lose twice: x, and what F takes from it


def algebraic_decay(g: Map, image: Map, digits: int) -> mpf:
    r"""The limit to `digits` digits; `NoRule` where extrapolation from no start agrees with itself.

    >>> mp.nstr(algebraic_decay(lambda x: x, lambda x: x - x**2 + x**3 / 3, 15), 12)
    '1.0'
    """
    for start in STARTS:
        smallest = -int(mp.log10(start / 2**POINTS))
        with mp.workdps(digits + 2 * LOST * smallest):
            try:
                found, before = _extrapolated(g, image, start)
            except ZeroDivisionError:  # a map that keeps its state
                break
            if found != 0 and abs(found - before) <= abs(found) * mpf(10) ** -digits:
                return 1 / found
    raise NoRule("an algebraic decay", f"differences that settle to {digits} digits", "a map of slope one at its end")


def _extrapolated(g: Map, image: Map, start: mpf) -> tuple[mpf, mpf]:
    """The value at t = 0, with all points and without the last."""
    ts = [start / 2**k for k in range(POINTS)]
    row: list[mpf] = []
    before = mpf(0)
    for k, t in enumerate(ts):
        new = [1 / g(image(t**2)) - 1 / g(t**2)]
        for j, old in enumerate(row, 1):
            new.append(new[-1] + (new[-1] - old) * t / (ts[k - j] - t))
        before, row = (row[-1] if row else before), new
    return row[-1], before

r"""How far out an output lies: the leading term of -log p(s) as s grows, from the line integral of the density.

The line through the saddle gives $-\log p(s) \sim -\log g(w^*)$; Stirling's formula leaves $n(w\log w - w) + Aw^2 + Bw$
(`derivation/saddle.py`), which is stationary at a power of s at finite widths, at one of Lambert's W in the limit:
$-\log p(s) \sim (L + 1)(s^2/2cK)^{1/(L+1)}$, $c = \prod_l 2/N_l$: every layer makes the tail heavier. Derived here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import sympy as sp
from mpmath import mp, mpf

from symlimits.certify.certificate import PRECISE, Link
from symlimits.chain import Derivation
from symlimits.derivation.saddle import Exponent, stirling
from symlimits.derivation.trace import Step, Trace
from symlimits.errors import NoRule
from symlimits.language.integral import LineIntegral
from symlimits.reading.latex import latex
from symlimits.reading.reference import reference

DIGITS = 15
SADDLES = (20, 80, 320)  # each four times further: a gap that falls like log(w)/w or faster more than halves
SHRINKS = 0.6  # the most that a relative gap may keep from one saddle to the next
NEAR = 0.05  # the most that it may be at the last


@dataclass(frozen=True, repr=False)
class Tail:
    r"""$-\log p(s) \sim f(s)$ as s tends to infinity: the ratio of the two tends to 1.

    `expr` is f, `trace` the lines to it: the exponents in w are to be read where they are stationary. `check()`
    holds it against -log p, from the line integral of the density, at three points further and further out.
    """

    density: Derivation

    @cached_property
    def head(self) -> LineIntegral:
        """The line integral of the density; `NoRule` without one."""
        if not isinstance(self.density.expr, LineIntegral):
            raise NoRule(f"the far tail of {self.density.expr}", "a line integral", "a law with hidden layers")
        return self.density.expr

    @cached_property
    def exponent(self) -> Exponent:
        """What Stirling's formula leaves of the logarithm of the integrand."""
        return stirling(self.head)

    @property
    def trace(self) -> Trace:
        """Minus the logarithm of the density, and what has the same leading term by rules in turn."""
        return (
            Step(-sp.log(self.head), "definition", self.density.source),
            Step(-sp.log(self.head.integrand), "saddle point", "Debye 1909"),
            Step(-self.exponent.expr, "Stirling's formula", "Stirling 1730"),
            Step(self.expr, "stationary point", "derived here"),
        )

    @property
    def expr(self) -> sp.Expr:
        """The leading term, a formula in s."""
        return -self.exponent.value

    def __repr__(self) -> str:
        return f"Tail(-log {self.density.name} ~ {self.expr})"

    def latex(self) -> str:
        """The lines as an `align*` of LaTeX."""
        _, saddle, leading, last = (latex(step.expr) for step in self.trace)
        w = latex(self.head.variable)
        rows = [
            rf"-\log {self.density.name} &\sim {saddle} \quad \text{{at its stationary point }} {w}"
            r" && \text{(saddle point)}",
            rf"&\sim {leading} \quad \text{{at its stationary point }} {w} = {latex(self.exponent.stationary)}"
            r" && \text{(Stirling's formula)}",
            rf"&= {last} && \text{{(stationary point)}}",
        ]
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"

    def at_saddle(self, size: int) -> sp.Rational:
        """The s whose stationary point w is nearly of a size: the slope says it, in which s stands in one logarithm.

        The unit is the largest b of a Gamma(w + b), over A where that is larger than one.
        """
        (s,) = self.density.arguments
        n, A, B, _, offset = self.exponent
        with mp.workdps(DIGITS):
            level, A, b = (reference(sp.expand_log(x, force=True), {}, DIGITS) for x in (B.subs(s, 1), A, offset))
            w = size * max(1, b) / max(1, A)
            square = int(n) * mp.log(w) + 2 * A * w + level
            return sp.Rational(mp.nstr(mp.exp(square / 2), 6, min_fixed=-mp.inf, max_fixed=mp.inf))

    def gaps(self, saddles: Sequence[int] = SADDLES) -> list[mpf]:
        r"""$f(s)/(-\log p(s)) - 1$ at points s whose stationary points are of the given sizes.

        >>> from symlimits.theory.mixtures import output_law
        >>> [float(round(gap, 4)) for gap in output_law(widths=(1,)).tail.gaps((20, 80))]
        [-0.0647, -0.0212]
        """
        (argument,) = self.density.arguments
        found = []
        for size in saddles:
            s = self.at_saddle(size)
            density = reference(self.head, {argument: s}, DIGITS)
            found.append(reference(self.expr, {argument: s}, DIGITS) / -mp.log(density) - 1)
        return found

    def check(self) -> Link:
        """Whether the ratio tends to 1: its gap from 1 shrinks from point to point, and is small at the last."""
        sizes = [abs(gap) for gap in self.gaps()]
        shrinking = all(b < SHRINKS * a for a, b in pairwise(sizes))
        details: dict[str, Any] = {"gaps": [float(size) for size in sizes], "saddles": list(SADDLES)}
        summary = f"ratios to 1 within {', '.join(mp.nstr(size, 2) for size in sizes)}, further and further out"
        return Link("tail", bool(shrinking and sizes[-1] < NEAR), summary, details, PRECISE)

"""What a derivation says: its lines, how they go on, how symbols get values, and how all this is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import sympy as sp

from symlimits import certify as links
from symlimits import words
from symlimits.derivation.trace import Rule, Step, Trace
from symlimits.errors import DomainError, FalseLine, FormulaError
from symlimits.language.domain import Domain, Point, bindings
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.language.recursion import Recursion
from symlimits.language.substitution import substituted
from symlimits.points import check_names, check_text, restricted
from symlimits.reading.latex import NARROWEST, PAGE, align, latex
from symlimits.reading.latex_author import check_label, check_letters, check_notation


@dataclass(frozen=True, repr=False)
class Lines:
    r"""What a `Derivation` says: line 0 defines, each rule leads to the next line, the last line is of use.

    `trace` holds the lines, `domain` where they hold, `arguments` the symbols of a call in their
    order, `name` the left-hand side in LaTeX. Nothing changes in place: every method returns a new
    object.
    """

    trace: Trace
    domain: Domain = field(default_factory=Domain)
    arguments: tuple[sp.Symbol, ...] = ()
    name: str = "f"
    source: str = "derived here"

    def __post_init__(self) -> None:
        if not isinstance(self.trace, tuple) or not self.trace or not all(isinstance(s, Step) for s in self.trace):
            raise DomainError(f"trace = {shown(self.trace)}", "a tuple of steps", "sl.limit(expr)")
        check_letters(self.name, "name", r'name=r"\Theta(x, z)"')
        check_text(self.source, "source")

    def __repr__(self) -> str:
        lines = "1 line" if len(self.trace) == 1 else f"{len(self.trace)} lines"
        return f"{type(self).__name__}({self.name} = {words.plain(self.expr)}, {lines})"

    # ------------------------------------------------------------------ lines

    @property
    def expr(self) -> sp.Expr:
        """The last line."""
        return self.trace[-1].expr

    @property
    def definition(self) -> sp.Expr:
        """Line 0."""
        return self.trace[0].expr

    @property
    def free_symbols(self) -> set[sp.Symbol]:
        """Symbols that have no value yet: arguments and parameters."""
        return set(self._free_symbols)

    @cached_property
    def _free_symbols(self) -> frozenset[sp.Symbol]:
        return frozenset().union(*(step.expr.free_symbols for step in self.trace))

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """Symbols without a value that are not arguments, by name."""
        return tuple(sorted(self.free_symbols - set(self.arguments), key=str))

    def apply(self, rule: Rule) -> Self:
        r"""The derivation with one more line, the output of a rule: from $f = A$ to $f = A = \mathrm{rule}(A)$.

        `rule` is one of `sl.rules`. Raises `NoRule` where it changes nothing, `DomainError` for what is no rule.

        >>> from symlimits import activations as act, dual, limit, rules
        >>> start = limit(dual(act.sign).definition)
        >>> start.apply(rules.price).apply(rules.gaussian_integrals).apply(rules.integrate).expr
        2*asin(c/(sqrt(p)*sqrt(q)))/pi
        """
        if not isinstance(rule, Rule):
            raise DomainError(f"the rule {shown(rule)}", "a rule of sl.rules", ".apply(sl.rules.price)")
        return self._extend(rule.step(self.expr))

    def then(self, expr: object, because: str) -> Self:
        """The derivation with one more line of one's own, checked at once: in numbers, not proved.

        `expr` is a formula, a string or a SymPy expression, in the symbols of the line before; `because` says why,
        and prints as the rule. Two formulas are compared in 20 digits at some 15 points over eight decades, after a
        look at hundreds in float64; with an expectation or an integral, at a few points from 1/10 to 10. A difference
        that is narrower, or lies further out, is not seen. Raises `FalseLine` when the new line differs from the last
        one at a point of the domain, `FormulaError` for text that is no formula or has new symbols.

        >>> from symlimits import limit
        >>> limit("(1 + a)**2").then("1 + 2*a + a**2", because="expanding").expr
        a**2 + 2*a + 1
        >>> limit("(1 + a)**2").then("1 + a**2", because="a slip")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        symlimits.errors.FalseLine: a**2 + 1 (line 0 = line 1 ...
        """
        check_text(because, "because")
        by_name = {symbol.name: symbol for symbol in self.free_symbols}
        line = exact(expr, "line")
        line = Step(line.subs({s: by_name.get(s.name, s) for s in line.free_symbols}), because, "the author")
        unknown = sorted(symbol.name for symbol in line.expr.free_symbols - self.free_symbols)
        if unknown:
            raise FormulaError(f"a line with the symbol {unknown[0]}", "symbols of the line before", "no new symbols")
        link = links.check_lines((self.trace[-1], line), self.domain)
        if link.passed is False:
            raise FalseLine(f"{line.expr} ({link.summary})", f"a line equal to {self.expr}", "the step once more")
        return self._extend(line)

    def bind(self, **values: object) -> Self:
        """The derivation with values for some of its symbols: numbers, exact strings, expressions.

        What is bound is no argument of a call any more. Raises `DomainError` for a name that is not a free symbol or a
        value outside the domain.

        >>> from symlimits import activations as act, dual
        >>> dual(act.relu).bind(p=1, q=1, c="1/2").expr
        (sqrt(3)/2 + pi/3)/(2*pi)
        """
        return self._bound(bindings(values, self.free_symbols))

    def _bound(self, given: Point) -> Self:
        taken = "d" if isinstance(self.expr, Recursion) else ""  # the dimension of the data
        check_names(self.domain, given, self.arguments, self.free_symbols, taken)
        trace = tuple(replace(step, expr=substituted(step.expr, given)) for step in self.trace)
        arguments = tuple(symbol for symbol in self.arguments if symbol not in given)
        return replace(self, trace=trace, domain=restricted(self.domain, given), arguments=arguments)

    def _extend(self, step: Step) -> Self:
        return replace(self, trace=(*self.trace, step))

    # --------------------------------------------------------------- readings

    def latex(self, notation: Mapping[str, str] | None = None, label: str | None = None, width: int = PAGE) -> str:
        r"""The derivation as an `align*` environment, one line a step, the rule at its right.

        `notation` renames symbols: {"p": "k"}; with `label` (letters, digits, : _ - .) the last line is numbered and
        labelled. `width`, 30 or more, is how many letters fit across the page: 80 on a sheet of A4 with margins of
        2 cm, some 60 in a plain article; longer lines are broken. It needs amsmath and amssymb. Raises `DomainError`
        for a name without a symbol, for two symbols that would print alike, for LaTeX that would not stand alone, and
        for another width.

        >>> from symlimits import activations as act, dual
        >>> print(dual(act.linear).latex(notation={"c": "k"}).splitlines()[-2])
        &= k && \text{(Gaussian integrals)}
        """
        self._check_notation(notation)
        if label is not None:
            check_label(label)
        if isinstance(width, bool) or not isinstance(width, int) or width < NARROWEST:
            raise DomainError(f"width = {shown(width)}", f"letters across the page, {NARROWEST} or more", "width=60")
        return align(self._left(notation), self.trace, notation, label, width)

    def _left(self, notation: Mapping[str, str] | None) -> str:
        """The name, its arguments in the author's letters."""
        head, _, inside = self.name.partition("(")
        if not notation or inside != f"{', '.join(map(str, self.arguments))})":
            return self.name
        return f"{head}({', '.join(latex(symbol, notation) for symbol in self.arguments)})"

    def _check_notation(self, notation: object) -> None:
        atoms = set().union(*(step.expr.atoms(sp.Symbol, sp.NumberSymbol) for step in self.trace))
        check_notation(notation, set(map(str, atoms)))

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.name} = {latex(self.expr)}$"

    def explain(self, notation: Mapping[str, str] | None = None) -> str:
        """The derivation in words, for a terminal: every line with its rule, its source and what the rule does.

        `notation` renames symbols, as for `latex`, which raises for the same.

        >>> from symlimits import activations as act, dual
        >>> print(dual(act.linear).explain(notation={"c": "k"}))
        T(p, q, k) is defined by
            E[u*v; var u = p, var v = q, cov = k]
        By Gaussian integrals (Stein 1972; Isserlis 1918) this equals
            k
          Polynomials times exponentials and Dirac masses integrate against a Gaussian by Stein's identity.
        Source: derived here; Price 1958.
        """
        self._check_notation(notation)
        return words.explanation(self._left(notation), self.trace, self.source, notation)

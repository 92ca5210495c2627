"""The first noun: a `Derivation` is a chain of equalities, from a definition to a form that is of use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import sympy as sp
from mpmath.libmp import dps_to_prec

from symlimits import certify as links
from symlimits import claim, ladder, storing
from symlimits.derivation.price import derive_lines, differentiated
from symlimits.derivation.sphere import on_sphere, rho
from symlimits.derivation.trace import Rule, Step, Trace
from symlimits.errors import DataError, DomainError, FalseLine, FormulaError, NoRule, UnboundSymbol
from symlimits.expansion import Expansion, equal_variances, expand_at_one
from symlimits.ladder import Value
from symlimits.language.domain import CORRELATION, Domain, Point, bindings, natural_domain
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.formula import exact
from symlimits.language.recursion import Recursion
from symlimits.language.substitution import substituted
from symlimits.points import check_inside, check_names, check_seed, restricted
from symlimits.reading.closed_value import closed_value
from symlimits.reading.latex import align, latex
from symlimits.reading.real import as_real, plain
from symlimits.reading.reference import reference

EVALUATION_DIGITS, ROUGH_DIGITS = 20, 15


@dataclass(frozen=True, repr=False)
class Derivation:
    r"""A chain of equalities: line 0 defines, each rule leads to the next line, the last line is of use.

    `trace` holds the lines, `domain` where they hold, `arguments` the symbols of a call in their
    order, `name` the left-hand side in LaTeX. Nothing changes in place: every method returns a new
    object.
    """

    trace: Trace
    domain: Domain = field(default_factory=Domain)
    arguments: tuple[sp.Symbol, ...] = ()
    name: str = "f"
    source: str = "derived here"

    def __repr__(self) -> str:
        lines = "1 line" if len(self.trace) == 1 else f"{len(self.trace)} lines"
        return f"{type(self).__name__}({self.name} = {self.expr}, {lines})"

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
        return set().union(*(step.expr.free_symbols for step in self.trace))

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """Symbols without a value that are not arguments, by name."""
        return tuple(sorted(self.free_symbols - set(self.arguments), key=str))

    def apply(self, rule: Rule) -> Self:
        """The derivation with one more line, the output of a rule; `NoRule` where it does not apply."""
        if not isinstance(rule, Rule):
            raise DomainError(f"the rule {rule!r}", "a rule of sl.rules", ".apply(sl.rules.price)")
        return self._extend(rule.step(self.expr))

    def then(self, expr: object, because: str) -> Self:
        """The derivation with one more line of one's own, checked at once: in numbers, not proved.

        Two formulas are compared in 20 digits at some 15 points over eight decades, after a look at
        hundreds in float64; with an expectation or an integral, at a few points from 1/10 to 10. A
        difference that is narrower, or lies further out, is not seen. Raises `FalseLine` when the new
        line differs from the last one at a point of the domain.
        """
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

        Raises `DomainError` for a name that is not a free symbol or a value outside the domain.
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

    def latex(self, notation: Mapping[str, str] | None = None, label: str | None = None) -> str:
        r"""The derivation as an `align*` environment, one line a step, the rule at its right.

        `notation` renames symbols: {"p": "k"}; with `label` the last line is numbered and labelled.
        """
        self._check_notation(notation)
        return align(self.name, self.trace, notation, label)

    def _check_notation(self, notation: object) -> None:
        if notation is None:
            return
        if not isinstance(notation, Mapping) or not all(isinstance(s, str) for item in notation.items() for s in item):
            raise DomainError(f"notation = {notation!r}", "a dictionary from names to LaTeX", 'notation={"p": "k"}')
        known = {str(atom) for step in self.trace for atom in step.expr.atoms(sp.Symbol, sp.NumberSymbol)}
        unknown = sorted(set(notation) - known)
        if unknown:
            raise DomainError(f"notation for {unknown[0]}", f"one of {', '.join(sorted(known))}", "another name")

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.name} = {latex(self.expr)}$"

    def explain(self, notation: Mapping[str, str] | None = None) -> str:
        """The derivation in words: every line with its rule and source."""
        lines = [f"{self.name} is defined by", f"    {self.definition}"]
        for step in self.trace[1:]:
            lines += [f"By {step.rule} ({step.source}) this equals", f"    {step.expr}"]
        lines.append(f"Source: {self.source}.")
        return "\n".join(lines)

    def reference(self, *values: object, digits: int = 30, **parameters: object) -> Any:
        """The value of the last line to `digits` digits, a SymPy Float; exact input is kept exact."""
        if parameters:
            return self.bind(**parameters).reference(*values, digits=digits)
        if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 1000:
            raise DomainError(f"digits = {digits}", "a number of digits from 1 to 1000", "digits=30")
        value = reference(self.expr, self._point(values), digits)
        return sp.Float._new(value._mpf_, dps_to_prec(digits))

    def evaluate(self, *values: object, **parameters: object) -> Value:
        """The value at one point, with a bound of its error and the method.

        >>> a = sp.Symbol("a", positive=True)
        >>> Derivation((Step(a**2, "definition", "an example"),), arguments=(a,)).evaluate("1/3").error < 1e-16
        True
        """
        if parameters:
            return self.bind(**parameters).evaluate(*values)
        point = self._point(values)
        if self.has_closed_form:
            return Value(*closed_value(self.expr, point))
        sampled = self.is_compilable and not self.has_closed_form
        if sampled and not isinstance(self.expr, Recursion):
            bounded = self.compile().bounded(*(point[s] for s in self.arguments))
            if bounded is not None:
                return Value(*bounded)
        digits = ROUGH_DIGITS if sampled else EVALUATION_DIGITS
        truth = reference(self.expr, point, digits)
        if self.is_compilable and isinstance(self.expr, Recursion):
            number = self._compiled_value([float(point[s]) for s in self.arguments])
            error, method = abs(number - truth), f"series and panels, compiled; error against {digits} digits"
        else:
            number, error = float(truth), abs(truth - reference(self.expr, point, ROUGH_DIGITS))
            method = "quadrature to 20 digits; error against 15"
        return Value(number, float(error) + max(abs(number), abs(float(truth))) * 2.0**-52, method)

    @property
    def has_closed_form(self) -> bool:
        """Whether no expectation or integral is left in the last line."""
        return ladder.is_closed(self.expr)

    @property
    def is_compilable(self) -> bool:
        """Whether the last line is compiled: no integral is left, and a kernel is one of any input kernel."""
        return ladder.is_compilable(self.expr, len(self.arguments))

    @property
    def method(self) -> str:
        """How values are computed, and why: the rung of the ladder that the last line stands on.

        >>> a = sp.Symbol("a", positive=True)
        >>> Derivation((Step(a**2, "definition", "an example"),), arguments=(a,)).method
        'closed form, compiled'
        """
        return ladder.method(self.expr, len(self.arguments))

    def compile(self) -> Any:
        """The last line compiled by Numba: a ufunc of the arguments, or a Gram kernel for a recursion.

        Raises `UnboundSymbol` while a parameter has no value and `NoRule` without a closed form.
        """
        return self._compiled

    @cached_property
    def _compiled(self) -> Any:
        from symlimits.reading.compiled import compiled  # numba is slow to import

        return compiled(self.expr, self.arguments, self.definition)

    def _compiled_value(self, numbers: list[float]) -> float:
        return float(self.compile().pairs(*numbers))

    def __call__(self, *values: Any, **options: Any) -> Any:
        """The compiled reading at numbers or arrays (data, for a kernel): it broadcasts.

        A keyword that is the name of a symbol binds it.
        """
        names = {symbol.name for symbol in self.free_symbols}
        given = {name: options.pop(name) for name in sorted(names & set(options))}
        if given:
            return self.bind(**given)(*values, **options)
        if isinstance(self.expr, Recursion):
            return self.compile()(*values, **options)
        if options:
            raise DataError(f"a value for {next(iter(options))}", f"one of {', '.join(sorted(names))}", "another name")
        numbers = self._numbers(values)
        return self.compile()(*numbers) if self.is_compilable else self._by_quadrature(numbers)

    def _numbers(self, values: Sequence[Any]) -> list[Any]:
        """Float arrays, inside the closure of the domain."""
        self._check_count(values)
        numbers = [as_real(value, symbol.name) for value, symbol in zip(values, self.arguments, strict=True)]
        check_inside(self.domain, dict(zip(self.arguments, numbers, strict=True)))
        return numbers

    def _by_quadrature(self, numbers: Sequence[Any]) -> Any:
        self._check_parameters()

        def value(*point: Any) -> float:
            return float(reference(self.expr, dict(zip(self.arguments, map(exact, point), strict=True)), ROUGH_DIGITS))

        return plain(np.vectorize(value, otypes=[float])(*numbers) if numbers else value())

    def _point(self, values: Sequence[object]) -> Point:
        self._check_count(values)
        self._check_parameters()
        point = {symbol: exact(value, symbol.name) for symbol, value in zip(self.arguments, values, strict=True)}
        unbound = sorted(symbol.name for value in point.values() for symbol in value.free_symbols)
        if unbound:
            raise UnboundSymbol(f"{unbound[0]} without a value", "a number for every argument", f"{unbound[0]}=1")
        self.domain.check(point)
        check_inside(self.domain, {symbol: float(value) for symbol, value in point.items()})
        return point

    def _check_parameters(self) -> None:
        if self.parameters:
            name = self.parameters[0].name
            raise UnboundSymbol(f"{name} without a value", "a number for every symbol", f".bind({name}=...)")

    def _check_count(self, values: Sequence[object]) -> None:
        if len(values) != len(self.arguments):
            names = ", ".join(symbol.name for symbol in self.arguments)
            raise DataError(f"{len(values)} values", f"{len(self.arguments)} ({names})", f"T({names})")

    # ------------------------------------------------------- readings by head

    def dot(self) -> Self:
        """The same derivation for the derivatives: E f'(u) g'(v) of a dual activation E f(u) g(v).

        Raises `DomainError` for a discontinuous activation.
        """
        if not isinstance(self.definition, GaussianExpectation):
            raise NoRule(f"dot of {self.name}", "a dual activation E f(u) g(v)", "sl.dual(phi).dot()")
        head = differentiated(self.definition)
        name = self.name.replace("T", r"\dot{T}", 1)
        return replace(self, trace=derive_lines(head), name=name)

    @property
    def recursion(self) -> Recursion:
        """The layer map of a kernel, as the head that prints as a recursion."""
        if not isinstance(self.expr, Recursion):
            raise NoRule(f"the recursion of {self.name}", "a kernel of a network", "sl.nngp(net).recursion")
        return self.expr

    def on_sphere(self, q: object) -> Derivation:
        r"""The layer map on inputs of equal variance K(x, x) = q, as a function of the correlation rho.

        For the NNGP kernel $R(\rho) = K^{\ell+1}(x,z)/K^{\ell+1}(x,x)$, for the NTK the slope
        $\partial\Theta^{\ell+1}/\partial\Theta^{\ell}$, both at $K^\ell(x,z) = q\rho$.
        """
        variance = exact(q, "q")
        if variance.is_nonpositive or (variance.is_number and not variance > 0):
            raise DomainError(f"q = {variance}", "a variance, larger than zero", "on_sphere(1)")
        signed = sorted(s.name for s in variance.free_symbols if not s.is_positive)
        if signed:
            raise DomainError(f"q = {variance}, with {signed[0]} of either sign", "positive symbols", 'on_sphere("q")')
        traces = [
            replace(step, expr=on_sphere(step.expr, variance))
            for step in self.trace
            if isinstance(step.expr, Recursion)
        ]
        if not traces:
            raise NoRule(f"the sphere map of {self.name}", "a kernel of a network", "sl.nngp(net).on_sphere(1)")
        domain = natural_domain(sp.Add(*(step.expr for step in traces)))
        known = {symbol: self.domain.ranges.get(symbol, interval) for symbol, interval in domain.ranges.items()}
        domain = Domain({**known, rho: CORRELATION})
        return Derivation(tuple(traces), domain, (rho,), r"R(\rho)", self.source)

    def at_one(self, order: object = 2) -> Expansion:
        r"""The last line near the correlation one, in powers of the gap $\delta = 1 - \rho$ up to `order`.

        For a map of the sphere, $R(\rho)$, or a dual activation at equal variances, $T(q, q, q\rho)$. Where the
        activation has a kink or a jump, half-integer powers appear. Raises `NoRule` for other derivations.

        >>> from symlimits import activations as act, mlp, nngp
        >>> R = nngp(mlp(depth=3, activation=act.relu, w_var=2, b_var=0)).on_sphere("q")
        >>> print(R.at_one(2))
        R(\rho) = 1 - delta + 2*sqrt(2)*delta**(3/2)/(3*pi) + O(delta**(5/2)), delta = 1 - rho
        >>> R.at_one(2).derivative(1), R.at_one(2).derivative(2)
        (1, oo)
        """
        if self.arguments == (rho,) and self.domain.ranges.get(rho) == CORRELATION:
            return expand_at_one(self.expr, rho, self.domain, self.name, order)
        line, domain = equal_variances(self.definition, self.expr, self.arguments, self.domain, rho)
        return expand_at_one(line, rho, domain, r"T(q, q, q \rho)", order)

    # --------------------------------------------------------------- checking

    def check(self, seed: int = 0) -> links.Certificate:
        """Test what needs no experiment: each line against the next, the last line against its compiled code.

        So a derivation that `load` gives back is checked line by line.

        >>> a = sp.Symbol("a", positive=True)
        >>> square = Derivation((Step((1 + a)**2, "definition", ""),), natural_domain(a), (a,))
        >>> square.then(1 + 2*a + a**2, because="expansion").check().ok
        True
        """
        check_seed(seed)
        return self._certificate((), seed, None)

    def _certificate(
        self, before: tuple[links.Link, ...], seed: int, progress: Callable[[str], None] | None
    ) -> links.Certificate:
        """The links that need no experiment, after those that do."""
        report = progress or (lambda _: None)
        report(f"{self.name}: lines")
        others = natural_domain(sp.Add(*(self.free_symbols - set(self.domain.symbols)))).ranges
        domain = Domain({**self.domain.ranges, **others}, self.domain.dependent, self.domain.note)
        lines = links.check_lines(self.trace, domain, seed)
        report(f"{self.name}: compiled kernel")
        compiled = links.check_compiled(self.expr, self._compiled_at, domain, self.arguments, seed)
        found = claim.claim(self._parts, domain, seed) | self._about
        return links.certificate(f"{self.name} = {self.expr}", (*before, lines, compiled), seed, found)

    @property
    def _about(self) -> dict[str, Any]:
        """What a certificate says beside the lines; of a limit, its experiment."""
        return {}

    def _compiled_at(self, parameters: Point) -> Any:
        """The compiled last line, its parameters bound; None where there is nothing to compile."""
        bound = self._bound(parameters) if parameters else self
        return bound.compile() if bound.is_compilable and bound.arguments else None

    # ---------------------------------------------------------------- storing

    def to_json(self) -> str:
        """The derivation as JSON text, without code: `sl.load` gives it back."""
        return storing.written(self._parts)

    @property
    def _parts(self) -> storing.Parts:
        return storing.Parts(self.trace, self.domain, self.arguments, self.name, self.source)


def load(text_or_path: str | Path) -> Derivation:
    """A derivation from the JSON of `to_json`, given as text or as the path of a file.

    The formulas are rebuilt from a whitelist; nothing in the file is executed. The experiment is
    not stored: what comes back prints, evaluates, compiles, and is checked line by line by `.check()`.
    Nothing is checked on the way in: a false line is loaded as it is.
    """
    if not isinstance(text_or_path, str | Path):
        raise DataError(f"{text_or_path!r}", "JSON text, or the path of a file", "sl.load('derivation.json')")
    return Derivation(**storing.read(text_or_path)._asdict())

"""The two nouns: a `Derivation` is a chain of equalities, a `Limit` a derivation about an experiment."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import sympy as sp

from symlimits import certify as links
from symlimits.derivation.price import derive_lines, differentiated
from symlimits.derivation.sphere import on_sphere
from symlimits.derivation.trace import Rule, Step, Trace
from symlimits.errors import DataError, DomainError, FalseLine, FormulaError, NoRule, UnboundSymbol
from symlimits.language.domain import Domain, Point, bindings, natural_domain
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.formula import exact
from symlimits.language.recursion import Recursion
from symlimits.language.tree import from_tree, to_tree
from symlimits.reading.latex import align, latex
from symlimits.reading.reference import reference

FORMAT = "symlimits derivation 1"
SIZES = (32, 128, 512)
EVALUATION_DIGITS = 20


class Value(NamedTuple):
    """A number, a bound of its error, and how it was computed."""

    value: float
    error: float
    method: str


@dataclass(frozen=True)
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
        return self._extend(rule.step(self.expr))

    def then(self, expr: object, because: str) -> Self:
        """The derivation with one more line of one's own, checked at once.

        Raises `FalseLine` when the new line differs from the last one at a point of the domain.
        """
        line = Step(exact(expr, "line"), because, "the author")
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
        given = bindings(values, self.free_symbols)
        self.domain.check(given)
        trace = tuple(replace(step, expr=step.expr.subs(given)) for step in self.trace)
        arguments = tuple(symbol for symbol in self.arguments if symbol not in given)
        return replace(self, trace=trace, domain=self.domain.restrict(given), arguments=arguments)

    def _extend(self, step: Step) -> Self:
        return replace(self, trace=(*self.trace, step))

    # --------------------------------------------------------------- readings

    def latex(self, notation: Mapping[str, str] | None = None, label: str | None = None) -> str:
        r"""The derivation as an `align*` environment, one line a step, the rule at its right.

        `notation` renames symbols: {"p": "k"}; with `label` the last line is numbered and labelled.
        """
        return align(self.name, self.trace, notation, label)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.name} = {latex(self.expr)}$"

    def explain(self, notation: Mapping[str, str] | None = None) -> str:
        """The derivation in words: every line with its rule and source."""
        lines = [f"{self.name} is defined by", f"    {self.definition}"]
        for step in self.trace[1:]:
            lines += [f"By {step.rule} ({step.source}) this equals", f"    {step.expr}"]
        lines.append(f"Source: {self.source}.")
        return "\n".join(lines)

    def reference(self, *values: object, digits: int = 30) -> Any:
        """The value of the last line to `digits` digits, an mpmath number; exact input is kept exact."""
        if digits < 1 or digits > 1000:
            raise DomainError(f"digits = {digits}", "a number of digits from 1 to 1000", "digits=30")
        return reference(self.expr, self._point(values), digits)

    def evaluate(self, *values: object) -> Value:
        """The value at one point, with a bound of its error and the method."""
        point = self._point(values)
        truth = reference(self.expr, point, EVALUATION_DIGITS)
        if self.has_closed_form:
            number = self._compiled_value([float(point[s]) for s in self.arguments])
            floats = {s: sp.Rational(float(point[s])) for s in self.arguments}
            truth = truth if all(floats[s] == point[s] for s in floats) else reference(self.expr, floats, EVALUATION_DIGITS)
            method = "closed form, compiled; error against 20 digits"
        else:
            number, method = float(truth), "quadrature to 20 digits: the line has no closed form"
        return Value(number, abs(number - float(truth)) + abs(number) * 2.0**-52, method)

    @property
    def has_closed_form(self) -> bool:
        """Whether no expectation or integral is left in the last line."""
        return not self.expr.has(GaussianExpectation, sp.Integral)

    def compile(self) -> Any:
        """The last line compiled by Numba: a ufunc of the arguments, or a Gram kernel for a recursion.

        Raises `UnboundSymbol` while a parameter has no value and `NoRule` without a closed form.
        """
        return self._compiled

    @cached_property
    def _compiled(self) -> Any:
        from symlimits.reading.compiled import compiled  # numba is slow to import

        return compiled(self.expr, self.arguments)

    def _compiled_value(self, numbers: list[float]) -> float:
        kernel = self.compile()
        return float(kernel.pairs(*numbers) if isinstance(self.expr, Recursion) else kernel(*numbers))

    def __call__(self, *values: Any, **options: Any) -> Any:
        """The compiled reading at numbers or arrays (data, for a kernel): it broadcasts."""
        if not self.has_closed_form and not isinstance(self.expr, Recursion):
            return self._by_quadrature(values)
        return self.compile()(*values, **options)

    def _by_quadrature(self, values: Sequence[Any]) -> Any:
        import numpy as np

        if len(values) != len(self.arguments):
            raise self._wrong_number(values)
        value = np.vectorize(lambda *point: float(reference(self.expr, self._point(point), 15)), otypes=[float])(*values)
        return float(value) if np.ndim(value) == 0 else value

    def _point(self, values: Sequence[object]) -> Point:
        if len(values) != len(self.arguments):
            raise self._wrong_number(values)
        if self.parameters:
            name = self.parameters[0].name
            raise UnboundSymbol(f"{name} without a value", "a number for every symbol", f".bind({name}=...)")
        point = {symbol: exact(value, symbol.name) for symbol, value in zip(self.arguments, values, strict=True)}
        self.domain.check(point)
        self._check_covariance(point)
        return point

    def _check_covariance(self, point: Point) -> None:
        named = {symbol.name: value for symbol, value in point.items()}
        if not {"p", "q", "c"} <= set(named):
            return
        p, q, c = named["p"], named["q"], named["c"]
        if p < 0 or q < 0 or float(c) ** 2 > float(p * q) * (1 + 1e-12):
            raise DomainError(f"p={p}, q={q}, c={c}", "variances p, q >= 0 and c^2 <= p q", "c = rho sqrt(p q)")

    def _wrong_number(self, values: Sequence[object]) -> DataError:
        names = ", ".join(symbol.name for symbol in self.arguments)
        return DataError(f"{len(values)} values", f"{len(self.arguments)} ({names})", f"T({names})")

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
        traces = [replace(step, expr=on_sphere(step.expr, variance)) for step in self.trace if isinstance(step.expr, Recursion)]
        if not traces:
            raise NoRule(f"the sphere map of {self.name}", "a kernel of a network", "sl.nngp(net).on_sphere(1)")
        rho = sp.Symbol("rho", real=True)
        domain = natural_domain(sp.Add(*(step.expr for step in traces)))
        domain = Domain({**domain.ranges, rho: links.CORRELATION}, domain.dependent)
        return Derivation(tuple(traces), domain, (rho,), r"R(\rho)", self.source)

    # ---------------------------------------------------------------- storing

    def to_json(self) -> str:
        """The derivation as JSON text, without code: `sl.load` gives it back."""
        content = {
            "format": FORMAT,
            "name": self.name,
            "source": self.source,
            "arguments": [to_tree(symbol) for symbol in self.arguments],
            "trace": [{"expr": to_tree(s.expr), "rule": s.rule, "source": s.source} for s in self.trace],
        }
        return json.dumps(content, indent=1)


@dataclass(frozen=True)
class Limit(Derivation):
    r"""A derivation about an experiment: an observable of a random finite network and its limit.

    `experiment` draws the observable, `draw(size, rng) -> array`, or is built for a parameter point
    by its method `at(point)`; None for a pure identity. `order` is the k of the finite-size bias
    $O(1/N^k)$, `kind` what converges, `regime` and `observable` say it in words.
    """

    experiment: Any = None
    observable: str = ""
    regime: str = "width to infinity"
    kind: str = "mean"
    order: int = 1

    def __str__(self) -> str:
        return f"{self.name} = {self.expr}"

    def certify(
        self,
        sizes: Sequence[int] = SIZES,
        seed: int = 0,
        executor: Any = None,
        progress: Callable[[str], None] | None = None,
    ) -> links.Certificate:
        """Test the three links: experiment and line 0, each line and the next, last line and compiled code.

        `sizes` are three or more widths, `executor` any `concurrent.futures.Executor`; the result
        does not depend on it. Free parameters are set at a point of the domain that the seed fixes.
        """
        _check_sizes(sizes, seed)
        simulation = self._simulation(sizes, seed, executor, progress)
        return self._certificate(simulation, seed, progress)

    def compare(self, samples: Mapping[int, Any], seed: int = 0, **values: object) -> links.Certificate:
        """Hold one's own experiment against the limit: draws of the observable for each size.

        `samples` maps a size to a one-dimensional array, one number a network, from any program;
        `values` are the arguments and parameters at which they were made.
        """
        bound = self.bind(**values) if values else self
        if bound.free_symbols:
            name = sorted(symbol.name for symbol in bound.free_symbols)[0]
            raise UnboundSymbol(f"{name} without a value", "the point of the experiment", f"compare(samples, {name}=...)")
        value = float(reference(bound.expr, {}, 20))
        simulation = links.check_samples(value, links.summarize(samples), self.order)
        return self._certificate(simulation, seed, None)

    def _certificate(self, simulation: links.Link, seed: int, progress: Callable[[str], None] | None) -> links.Certificate:
        report = progress or (lambda _: None)
        report(f"{self.name}: lines")
        lines = links.check_lines(self.trace, self.domain, seed)
        report(f"{self.name}: compiled kernel")
        compiled = links.check_compiled(self.expr, self._compiled_at, self.domain, seed)
        return links.certificate(f"{self.name} = {self.expr}", (simulation, lines, compiled), seed)

    def _compiled_at(self, point: Point) -> Any:
        parameters = {symbol.name: value for symbol, value in point.items() if symbol not in self.arguments}
        return self.bind(**parameters).compile() if parameters else self.compile()

    def _simulation(self, sizes: Sequence[int], seed: int, executor: Any, progress: Any) -> links.Link:
        if self.experiment is None:
            return links.Link("simulation", None, "a pure identity: there is no experiment")
        (point,) = self.domain.mixed_points(seed, corners=0, interior=1)
        experiment = self.experiment.at(point) if hasattr(self.experiment, "at") else self.experiment
        value = float(reference(self.definition, {s: v for s, v in point.items() if s in self.definition.free_symbols}, 15))
        samples = links.simulate(experiment, sizes, links.claim_hash(self.definition), seed, executor, progress)
        link = links.check_samples(value, samples, self.order)
        where = {str(symbol): str(number) for symbol, number in point.items()}
        return replace(link, details=link.details | {"point": where})


def limit(
    expr: object,
    experiment: Any = None,
    domain: Domain | None = None,
    regime: str = "width to infinity",
    order: int = 1,
    source: str = "the author",
    name: str = "f",
    observable: str = "",
) -> Limit:
    """A claim of one's own: a definition line, to be led on by `.apply(rule)` and `.then(expr, because=...)`.

    `experiment(size, rng)` draws the observable of one or more networks of that size; None for an
    identity. The domain follows from the assumptions on the symbols unless it is given.

    >>> p = sp.Symbol("p", positive=True)
    >>> u = sp.Symbol("u", real=True)
    >>> claim = limit(GaussianExpectation(u**2, (u,), [[p]]))
    >>> claim.then(p, because="the definition of the variance").expr
    p
    """
    line = Step(exact(expr, "expr"), "definition", source)
    arguments = tuple(sorted(line.expr.free_symbols, key=str))
    return Limit((line,), domain or natural_domain(line.expr), arguments, name, source, experiment, observable, regime, "mean", order)


def load(text_or_path: str | Path) -> Derivation:
    """A derivation from the JSON of `to_json`, given as text or as the path of a file.

    The formulas are rebuilt from a whitelist; nothing in the file is executed. The experiment is
    not stored: what comes back prints, evaluates, compiles, and can be checked line by line.
    """
    text = str(text_or_path)
    if not text.lstrip().startswith("{"):
        text = _read(Path(text_or_path))
    try:
        content = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise FormulaError("text that is not JSON", f"a file of the format '{FORMAT}'", "Limit.to_json()") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FormulaError("JSON of another format", f"'format': '{FORMAT}'", "Limit.to_json()")
    try:
        trace = tuple(Step(from_tree(s["expr"]), str(s["rule"]), str(s["source"])) for s in content["trace"])
        arguments = tuple(from_tree(symbol) for symbol in content["arguments"])
        derivation = Derivation(trace, Domain(), arguments, str(content["name"]), str(content["source"]))
        return replace(derivation, domain=natural_domain(derivation.definition))
    except (KeyError, TypeError, IndexError):
        raise FormulaError("a derivation with parts missing", "trace, arguments, name, source", "Limit.to_json()") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise DataError(f"the file {path}", "a readable JSON file", "Limit.to_json()") from None


def _check_sizes(sizes: Sequence[int], seed: int) -> None:
    if len(sizes) < 2 or any(not isinstance(size, int) or size < 1 for size in sizes) or len(set(sizes)) < len(sizes):
        raise DomainError(f"sizes = {tuple(sizes)}", "two or more different widths", "sizes=(32, 128, 512)")
    if not isinstance(seed, int) or seed < 0:
        raise DomainError(f"seed = {seed!r}", "an integer, 0 or larger", "seed=0")

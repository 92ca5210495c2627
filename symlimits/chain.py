"""The first noun: a `Derivation` is a chain of equalities, from a definition to a form that is of use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import sympy as sp
from mpmath.libmp import dps_to_prec

from symlimits import certify as links
from symlimits import claim, ladder, storing, words
from symlimits.derivation.price import derive_lines, differentiated
from symlimits.derivation.sphere import rho
from symlimits.derivation.tangent import tangent_lines
from symlimits.errors import DataError, DomainError, NoRule, UnboundSymbol
from symlimits.expansion import Expansion, equal_variances, expand_at_one
from symlimits.ladder import Value
from symlimits.language.domain import CORRELATION, Domain, Point, natural_domain
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.names import shown
from symlimits.language.recursion import Recursion
from symlimits.lines import Lines
from symlimits.points import as_numbers, as_point, check_seed, named_symbol, variances
from symlimits.reading.reference import reference
from symlimits.sphere import sphere_map

MAX_DIGITS = 1000


@dataclass(frozen=True, repr=False)
class Derivation(Lines):
    r"""A chain of equalities: line 0 defines, each rule leads to the next line, the last line is of use.

    `trace` holds the lines, `domain` where they hold, `arguments` the symbols of a call in their
    order, `name` the left-hand side in LaTeX. Nothing changes in place: every method returns a new
    object.

    >>> from symlimits.derivation.trace import Step
    >>> a = sp.Symbol("a", positive=True)
    >>> Derivation((Step((1 + a)**2, "definition", "an example"),), natural_domain(a), (a,))
    Derivation(f = (a + 1)**2, 1 line)
    """

    # ----------------------------------------------------------------- values

    def reference(self, *values: object, digits: int = 30, **parameters: object) -> Any:
        r"""The value of the last line to `digits` digits (1 to 1000), a SymPy Float; exact input is kept exact.

        `values` are the arguments in their order, numbers or exact strings, `parameters` the other symbols by name.
        Quadrature and mpmath, no compiled code. At a variance of zero the definition is read, where a closed form has
        a limit only. Raises `DomainError` outside the domain, `UnboundSymbol` for a symbol without a value, `NoRule`
        where the digits are not reached.

        >>> from symlimits import activations as act, dual
        >>> dual(act.relu).reference(1, 1, "1/2", digits=20)
        0.30449889052211467904
        """
        if parameters:
            return self.bind(**parameters).reference(*values, digits=digits)
        if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= MAX_DIGITS:
            raise DomainError(f"digits = {shown(digits)}", "a number of digits from 1 to 1000", "digits=30")
        point = self._point(values)
        value = reference(self._line_at(point), point, digits)
        return sp.Float._new(value._mpf_, dps_to_prec(digits))

    def evaluate(
        self, *values: object, points: int | None = None, error: float | None = None, **parameters: object
    ) -> Value:
        r"""The value at one point as `Value(value, error, method)`: $|value - f| \le error$.

        Arguments and errors as for `reference`; the value is that of the compiled code, where there is one. Where
        expectations are sampled, as in limits of programs, `points` (a power of two) is how many Sobol points each of
        8 scrambles has, and `error` asks for as many as an error needs; six standard errors over the scrambles are the
        error that is given. Elsewhere `points` has no meaning. `NoRule` where an error that is asked for is not met.

        >>> from symlimits import limit
        >>> limit("a**2").evaluate("1/3").error < 1e-16
        True
        """
        if parameters:
            return self.bind(**parameters).evaluate(*values, points=points, error=error)
        ladder.check_accuracy(points, error)
        point, kernel = self._point(values), self.compile() if self.is_compilable else None
        return ladder.evaluated(self.expr, self._line_at(point), point, kernel, points, error)

    @property
    def has_closed_form(self) -> bool:
        """Whether no expectation or integral is left in the last line."""
        return ladder.is_closed(self.expr)

    @cached_property
    def is_compilable(self) -> bool:
        """Whether the last line is compiled: no integral is left, and a kernel is one of any input kernel."""
        return ladder.is_compilable(self.expr, len(self.arguments))

    @property
    def method(self) -> str:
        """How values are computed, and why: the rung of the ladder that the last line stands on.

        >>> from symlimits import limit
        >>> limit("a**2").method
        'closed form, compiled'
        """
        return ladder.method(self.expr, len(self.arguments))

    def compile(self) -> Any:
        """The last line compiled by Numba: it broadcasts over its arguments, or is a Gram kernel for a recursion.

        What it returns keeps `.expr`, `.args` and `.source`, prints and pickles. Raises `UnboundSymbol` while a
        parameter has no value and `NoRule` for an integral that is left.

        >>> from symlimits import activations as act, dual
        >>> dual(act.linear).compile()(1.0, 1.0, [0.5, 1.0])
        array([0.5, 1. ])
        """
        return self._compiled

    @cached_property
    def _compiled(self) -> Any:
        from symlimits.reading.compiled import compiled  # numba is slow to import

        return compiled(self.expr, self.arguments, self.definition)

    def __call__(self, *values: Any, **options: Any) -> Any:
        """The compiled reading at numbers or arrays (data, for a kernel): it broadcasts.

        Scalars give a float, arrays float64 arrays. A keyword that is the name of a symbol binds it. Raises
        `DataError` for shapes that do not broadcast, NaN and infinities, `DomainError` outside the domain.
        """
        names = {symbol.name for symbol in self.free_symbols}
        given = {name: options.pop(name) for name in sorted(names & set(options))}
        if given:
            return self.bind(**given)(*values, **options)
        if isinstance(self.expr, Recursion):
            return self.compile()(*values, **options)
        if options:
            raise DataError(f"a value for {next(iter(options))}", f"one of {', '.join(sorted(names))}", "another name")
        numbers = as_numbers(self.domain, self.arguments, values)
        if self.is_compilable:
            return self.compile()(*numbers)
        self._check_parameters()
        return ladder.by_quadrature(self.expr, self.arguments, numbers)

    def _point(self, values: tuple[object, ...]) -> Point:
        self._check_parameters()
        return as_point(self.domain, self.arguments, values, self._variances)

    def _line_at(self, point: Point) -> sp.Expr:
        """The last line, or the definition where a variance is zero: a closed form has no value there."""
        return self.definition if any(point[s] == 0 for s in self._variances) else self.expr

    @cached_property
    def _variances(self) -> set[sp.Symbol]:
        return variances(self.definition, self.arguments)

    def _check_parameters(self) -> None:
        if self.parameters:
            name = self.parameters[0].name
            raise UnboundSymbol(f"{name} without a value", "a number for every symbol", f".bind({name}=...)")

    # ------------------------------------------------------- readings by head

    def dot(self) -> Self:
        """The same derivation for the derivatives: E f'(u) g'(v) of a dual activation E f(u) g(v).

        Raises `DomainError` for a discontinuous activation, `NoRule` for what is no dual activation.

        >>> from symlimits import activations as act, dual
        >>> dual(act.relu).dot().expr
        asin(c/(sqrt(p)*sqrt(q)))/(2*pi) + 1/4
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
        $\partial\Theta^{\ell+1}/\partial\Theta^{\ell}$, both at $K^\ell(x,z) = q\rho$. `q` is a variance larger than
        zero: a number, an exact string or the name of a symbol. Raises `DomainError` for another q and `NoRule` for
        what is no kernel of a network.

        >>> from symlimits import activations as act, mlp, nngp
        >>> nngp(mlp(depth=3, activation=act.sign, w_var=1, b_var=0)).on_sphere(1).expr
        2*asin(rho)/pi
        """
        lines, domain = sphere_map(self.trace, self.domain, q)
        return Derivation(lines, domain, (rho,), r"R(\rho)", self.source)

    def derivative(self, parameter: object) -> Derivation:
        r"""The derivative of a kernel in a parameter of its layers, such as sigma_w or sigma_b, for fitting.

        Its recursion carries the states and their derivatives through the layers by the chain rule, and has the same
        arguments: called on data it gives Gram matrices of derivatives. `parameter` is the name of a symbol that the
        kernel holds. Raises `UnboundSymbol` for a symbol that it does not hold, `DomainError` for an argument, and
        `NoRule` for a depth and for what is no kernel of a network.

        >>> from symlimits import activations as act, mlp, nngp
        >>> K = nngp(mlp(depth=3, activation=act.relu, w_var="sigma_w**2", b_var=0))
        >>> K.derivative("sigma_w")([[1.0, 0.0], [0.0, 1.0]], sigma_w="sqrt(2)").diagonal().round(12)
        array([5.65685425, 5.65685425])
        """
        symbol = named_symbol(parameter, self.free_symbols, self.arguments)
        name = rf"\partial_{{{sp.latex(symbol)}}} {self.name}"
        return Derivation(tangent_lines(self.trace, symbol), self.domain, self.arguments, name, self.source)

    def at_one(self, order: object = 2) -> Expansion:
        r"""The last line near the correlation one, in powers of the gap $\delta = 1 - \rho$ up to `order`.

        For a map of the sphere, $R(\rho)$, or a dual activation at equal variances, $T(q, q, q\rho)$. Where the
        activation has a kink or a jump, half-integer powers appear. `order` is a multiple of 1/2 from 0 to 20. Raises
        `NoRule` for other derivations, `DomainError` for another order.

        >>> from symlimits import activations as act, mlp, nngp
        >>> R = nngp(mlp(depth=3, activation=act.relu, w_var=2, b_var=0)).on_sphere("q")
        >>> print(R.at_one(2))
        R(rho) = 1 - delta + 2*sqrt(2)*delta**(3/2)/(3*pi) + O(delta**(5/2)), delta = 1 - rho
        >>> R.at_one(2).derivative(1), R.at_one(2).derivative(2)
        (1, oo)
        """
        if self.arguments == (rho,) and self.domain.ranges.get(rho) == CORRELATION:
            return expand_at_one(self.expr, rho, self.domain, self.name, order)
        line, domain, written = equal_variances(self.definition, self.expr, self.arguments, self.domain, rho)
        return expand_at_one(line, rho, domain, f"{self.name.partition('(')[0]}({written})", order)

    # --------------------------------------------------------------- checking

    def check(self, seed: int = 0) -> links.Certificate:
        """Test what needs no experiment: each line against the next, the last line against its compiled code.

        So a derivation that `load` gives back is checked line by line.

        >>> from symlimits import limit
        >>> limit("(1 + a)**2").then("1 + 2*a + a**2", because="expansion").check().ok
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
        lines = self._lines_link(domain, seed)
        report(f"{self.name}: compiled kernel")
        compiled = self._compiled_link(domain, seed)
        found = self._claimed(domain, seed) | self._about
        every = (*before, lines, compiled, *self._further(domain, seed))
        return links.certificate(f"{self.name} = {words.plain(self.expr)}", every, seed, found)

    def _lines_link(self, domain: Domain, seed: int) -> links.Link:
        return links.check_lines(self.trace, domain, seed)

    def _compiled_link(self, domain: Domain, seed: int) -> links.Link:
        return links.check_compiled(self.expr, self._compiled_at, domain, self.arguments, seed, self._least_size)

    def _claimed(self, domain: Domain, seed: int) -> dict[str, Any]:
        return claim.claim(self._parts, domain, seed, self._value_at)

    def _further(self, domain: Domain, seed: int) -> tuple[links.Link, ...]:
        """Links beside the three; of a limit, the one to the engine of tensor programs."""
        return ()

    @property
    def _least_size(self) -> float:
        """What errors of compiled code are measured against where no kernel gives a scale: 1 for a law."""
        return 0.0

    @property
    def _about(self) -> dict[str, Any]:
        """What a certificate says beside the lines; of a limit, its experiment."""
        return {}

    def _compiled_at(self, parameters: Point) -> Any:
        """The compiled last line, its parameters bound; None where there is nothing to compile."""
        bound = self._bound(parameters) if parameters else self
        return bound.compile() if bound.is_compilable and bound.arguments else None

    def _value_at(self, point: Point) -> Value:
        """The last line at values of the arguments and of the parameters."""
        parameters = {symbol: number for symbol, number in point.items() if symbol not in self.arguments}
        bound = self._bound(parameters) if parameters else self
        return bound.evaluate(*(point[symbol] for symbol in bound.arguments))

    # ---------------------------------------------------------------- storing

    def to_json(self) -> str:
        """The derivation as JSON text, without code: `sl.load` gives it back.

        Raises `FormulaError` for a function of the author's own, which has no formula.

        >>> from symlimits import limit, load
        >>> load(limit("(1 + a)**2").to_json()).expr
        (a + 1)**2
        """
        return storing.written(self._parts)

    @property
    def _parts(self) -> storing.Parts:
        return storing.Parts(self.trace, self.domain, self.arguments, self.name, self.source)

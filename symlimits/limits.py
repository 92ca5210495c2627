"""The second noun: a `Limit` is a derivation about an experiment, an observable of a random finite network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

from symlimits import certify as links
from symlimits.chain import Derivation
from symlimits.derivation.trace import Step
from symlimits.errors import DomainError, UnboundSymbol
from symlimits.language.domain import Domain, Point, natural_domain
from symlimits.language.formula import exact
from symlimits.reading.reference import reference

SIZES = (32, 128, 512)


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

    def _bound(self, given: Point) -> Self:
        experiment = self.experiment.bind(given) if hasattr(self.experiment, "bind") else self.experiment
        return replace(super()._bound(given), experiment=experiment)

    def dot(self) -> Self:
        """The limit for the derivatives: E f'(u) g'(v) of a dual activation E f(u) g(v), about f' and g'.

        Raises `DomainError` for a discontinuous activation.
        """
        experiment = self.experiment.dot() if hasattr(self.experiment, "dot") else None
        return replace(super().dot(), experiment=experiment, observable=f"{self.observable}, for the derivatives")

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
            raise _unbound(bound, "the point of the experiment", "compare(samples, {}=...)")
        value = float(reference(bound.expr, {}, 20))
        simulation = links.check_samples(value, links.summarize(samples), self.order)
        return self._certificate(simulation, seed, None)

    def _certificate(
        self, simulation: links.Link, seed: int, progress: Callable[[str], None] | None
    ) -> links.Certificate:
        report = progress or (lambda _: None)
        report(f"{self.name}: lines")
        lines = links.check_lines(self.trace, self.domain, seed)
        report(f"{self.name}: compiled kernel")
        compiled = links.check_compiled(self.expr, self._compiled_at, self.domain, self.arguments, seed)
        return links.certificate(f"{self.name} = {self.expr}", (simulation, lines, compiled), seed)

    def _compiled_at(self, parameters: Point) -> Any:
        """The compiled last line, its parameters bound; None where there is nothing to compile."""
        bound = self._bound(parameters) if parameters else self
        return bound.compile() if bound.is_compilable and bound.arguments else None

    def _simulation(self, sizes: Sequence[int], seed: int, executor: Any, progress: Any) -> links.Link:
        if self.experiment is None:
            return links.Link("simulation", None, "a pure identity: there is no experiment")
        at = getattr(self.experiment, "at", None)
        if at is None and self.definition.free_symbols:
            raise _unbound(self, "an experiment is made at one point", ".bind({}=...)")
        (point,) = self.domain.mixed_points(seed, corners=0, interior=1)
        experiment = at(point) if at else self.experiment
        known = {symbol: value for symbol, value in point.items() if symbol in self.definition.free_symbols}
        value = float(reference(self.definition, known, 15))
        samples = links.simulate(experiment, sizes, links.claim_hash(self.definition), seed, executor, progress)
        link = links.check_samples(value, samples, self.order)
        where = {str(symbol): str(number) for symbol, number in point.items()}
        return replace(link, details=link.details | {"point": where})


def _unbound(limit: Limit, wanted: str, advice: str) -> UnboundSymbol:
    name = sorted(symbol.name for symbol in limit.free_symbols)[0]
    return UnboundSymbol(f"{name} without a value", wanted, advice.format(name))


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

    >>> import sympy as sp
    >>> from symlimits import GaussianExpectation
    >>> p = sp.Symbol("p", positive=True)
    >>> u = sp.Symbol("u", real=True)
    >>> claim = limit(GaussianExpectation(u**2, (u,), [[p]]))
    >>> claim.then(p, because="the definition of the variance").expr
    p
    """
    line = Step(exact(expr, "expr"), "definition", source)
    arguments = tuple(sorted(line.expr.free_symbols, key=str))
    repeated = next((a for a, b in pairwise(arguments) if a.name == b.name), None)
    if repeated is not None:
        raise DomainError(f"two symbols named {repeated}", "one symbol for each name", "the same assumptions for both")
    return Limit(
        (line,),
        domain or natural_domain(line.expr),
        arguments,
        name,
        source,
        experiment,
        observable,
        regime,
        "mean",
        order,
    )


def _check_sizes(sizes: Sequence[int], seed: int) -> None:
    if len(sizes) < 2 or any(not isinstance(size, int) or size < 1 for size in sizes) or len(set(sizes)) < len(sizes):
        raise DomainError(f"sizes = {tuple(sizes)}", "two or more different widths", "sizes=(32, 128, 512)")
    if not isinstance(seed, int) or seed < 0:
        raise DomainError(f"seed = {seed!r}", "an integer, 0 or larger", "seed=0")

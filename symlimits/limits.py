"""The second noun: a `Limit` is a derivation about an experiment, an observable of a random finite network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from itertools import pairwise
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
import sympy as sp

from symlimits import certify as links
from symlimits import ladder, words
from symlimits.chain import Derivation
from symlimits.depth_limit import depth_limit
from symlimits.derivation.trace import Step
from symlimits.errors import DomainError, UnboundSymbol
from symlimits.finite.functional import ARGUMENTS, KINDS, Functional
from symlimits.finite.plan import Plan
from symlimits.finite.tails import HeavyTails
from symlimits.language.domain import Domain, Point, natural_domain, relevant
from symlimits.language.formula import exact
from symlimits.language.names import shown
from symlimits.points import check_seed, check_text
from symlimits.reading.reference import reference

SIZES = (32, 128, 512)
SCALES = (1, 4, 16, 64)  # of variances, for means with heavy tails
LAW_POINTS = 8  # at which the function of a law is looked at
VALUE_DIGITS = 15  # of the limit that means are held against
LARGEST_ALPHA = 0.05  # of false alarms


@dataclass(frozen=True, repr=False)
class Limit(Derivation):
    r"""A derivation about an experiment: an observable of a random finite network and its limit.

    `experiment` draws the observable, `draw(size, rng) -> array`, or is built for a parameter point
    by its method `at(point)`; None for a pure identity. `order` is the k of the finite-size bias
    $O(1/N^k)$, `kind` what converges, `regime` and `observable` say it in words. `general` is what the engine of
    tensor programs has to say: `link(limit, point)` is the fourth link, `record()` goes into the certificate.
    """

    experiment: Any = None
    observable: str = ""
    regime: str = "width to infinity"
    kind: str = "mean"
    order: float = 1
    general: Any = None

    def __str__(self) -> str:
        return f"{self.name} = {words.plain(self.expr)}"

    def _bound(self, given: Point) -> Self:
        experiment = self.experiment.bind(given) if hasattr(self.experiment, "bind") else self.experiment
        general = self.general.bind(given) if self.general is not None else None
        return replace(super()._bound(given), experiment=experiment, general=general)

    def dot(self) -> Self:
        """The limit for the derivatives: E f'(u) g'(v) of a dual activation E f(u) g(v), about f' and g'.

        Raises `DomainError` for a discontinuous activation.
        """
        experiment, general = (x.dot() if hasattr(x, "dot") else None for x in (self.experiment, self.general))
        words = f"{self.observable}, for the derivatives"
        return replace(super().dot(), experiment=experiment, general=general, observable=words)

    def depth_limit(self, diagonal: bool = False) -> Self:
        r"""The limit of infinite depth of a kernel whose layers move it by 1/L: a differential equation.

        L layers with variances over L, $h \mapsto h + L^{-1/2}\,\mathrm{Dense}(\phi(h))$, lead to
        $\dot K = \sigma_w^2T_\phi(K) + \sigma_b^2$ from time 0 to 1. With `diagonal` the kernel K(x, x) of p. Finite
        networks are as deep as wide. Raises `NoRule` for other networks, `DomainError` for another `diagonal`.

        >>> from symlimits import Dense, Residual, activations as act, nngp, serial
        >>> from symlimits.language.architecture import Repeat
        >>> blocks = Repeat((Residual(act.relu, Dense("w/L")),), "L")
        >>> nngp(serial(Dense(1), blocks, Dense(1))).depth_limit(diagonal=True).expr
        p*exp(w/2)
        """
        return depth_limit(self, diagonal)

    def certify(
        self,
        sizes: Sequence[int] = SIZES,
        seed: int = 0,
        executor: Any = None,
        progress: Callable[[str], None] | None = None,
        journal: str | PathLike[str] | None = None,
        resolution: float | None = None,
        alpha: float = links.ALPHA,
        most: int = links.MOST_ROUNDS,
    ) -> links.Certificate:
        """Test the three links: experiment and line 0, each line and the next, last line and compiled code.

        A fourth, special = general, stands where the engine of tensor programs can be asked.
        `sizes` are three or more widths, `executor` any `concurrent.futures.Executor`, or a function that makes one
        and is called again when a worker was killed; the result does not depend on it. `journal` is the path of a
        file that keeps what is drawn: where it holds a part of this very run, the run goes on from there, and its
        certificate is the same (a mean with heavy tails, asked for again at smaller variances, has more files of that
        name and an ending, see `journals`). Free parameters are set at a point of the domain that the seed fixes.
        With a `resolution` networks are drawn until the claim is decided: until a limit that is off by as much is
        excluded, or the claim is rejected; the evidence (an e-process) may be looked at at any time. After
        `most` rounds of a chunk a size, 20,000 or fewer, of a mean 256 or more, a claim stays undecided.
        `alpha`, at most 0.05, bounds the false alarms of the first link. `progress` is called with a line of text
        before each part. Raises `DomainError` for sizes that are too few or no integers, `UnboundSymbol` for a
        parameter that the experiment needs.

        >>> identity = limit("(1 + a)**2").then("1 + 2*a + a**2", because="expanding")
        >>> identity.certify().ok
        True
        """
        _check_sizes(sizes)
        check_seed(seed)
        _check_workers(executor, progress)
        _check_alpha(alpha)
        _check_most(most)
        sizes = tuple(sorted(map(int, sizes)))
        draw = self._simulation if resolution is None else partial(self._decision, resolution, most)
        simulation = draw(sizes, seed, executor, progress, journal, float(alpha))
        return self._certificate((simulation,), seed, progress)

    def compare(self, samples: Mapping[int, Any], seed: int = 0, **values: object) -> links.Certificate:
        """Hold one's own experiment against the limit: draws of the observable for each size.

        `samples` maps a size to a one-dimensional array, one number a network, from any program;
        `values` are the arguments and parameters at which they were made. The samples are held against
        line 0, the definition, as a certificate holds the networks of the experiment. Raises `DataError` for samples
        of another shape, `UnboundSymbol` while a symbol has no value, `DomainError` for a single size.

        >>> import numpy as np
        >>> from symlimits import activations as act, dual
        >>> rng = np.random.default_rng(0)
        >>> draws = {n: (rng.standard_normal((500, n)) ** 2).mean(1) for n in (16, 64, 256)}
        >>> cert = dual(act.linear).compare(draws, p=1, q=1, c=1)
        >>> cert.links[0].passed
        True
        """
        check_seed(seed)
        bound = self.bind(**values) if values else self
        if bound.free_symbols - set(bound.law_argument):
            raise _unbound(bound, "the point of the experiment", "compare(samples, {}=...)")
        functionals = [question.functional for question in bound._questions({}, seed)]
        return bound.judge(links.summarize(samples, functionals), seed)

    def judge(
        self, samples: Sequence[Sequence[links.Samples]], seed: int = 0, alpha: float = links.ALPHA
    ) -> links.Certificate:
        """`compare` for samples of which only means are known, at a point where every symbol has a value."""
        _check_alpha(alpha)
        return self._certificate(
            (self._judged(self._questions({}, seed), samples, "by the author", alpha),), seed, None
        )

    def _judged(
        self, questions: Sequence[links.Question], samples: Sequence[Sequence[links.Samples]], drawn: str, alpha: float
    ) -> links.Link:
        link = links.judge(questions, samples, self.order, alpha)
        return replace(link, details=link.details | {"drawn": drawn})

    @property
    def law_argument(self) -> tuple[sp.Symbol, ...]:
        """The argument of a law's function, s of a "cdf" or t of a "cf", which is no parameter of the experiment."""
        name = ARGUMENTS.get(self.kind)
        return tuple(symbol for symbol in self.definition.free_symbols if symbol.name == name)

    def _questions(self, point: Point, seed: int) -> list[links.Question]:
        """What is asked of the draws, and what line 0 answers, at values of everything but the law's argument."""
        if self.kind not in ARGUMENTS:
            value, error = ladder.claimed(self.definition, self.expr, point, VALUE_DIGITS)
            return [links.Question(Functional(self.kind), value, None, error)]
        if len(self.law_argument) != 1:
            name = ARGUMENTS[self.kind]
            raise DomainError(f"kind = {self.kind!r} of {self.definition}", f"a function of {name}", "kind='mean'")
        (argument,) = self.law_argument
        asked = [place[argument] for place in self.domain.mixed_points(seed, corners=0, interior=LAW_POINTS)]

        def at(place: sp.Expr) -> float:
            known = relevant(point | {argument: place}, self.definition)
            return float(reference(self.definition, known, VALUE_DIGITS))

        values = [at(place) for place in asked]
        if self.kind == "cdf":
            return [links.Question(Functional("cdf", float(t)), v) for t, v in zip(asked, values, strict=True)]
        # where the claim is exact at every size it fixes the variance of cos(tX), if it holds at 2t as well
        endless = self.domain.ranges[argument].high == sp.oo
        twice = [at(2 * t) if not self.order and endless else None for t in asked]
        return links.wave_questions(list(map(float, asked)), values, twice)

    @property
    def _least_size(self) -> float:
        return 1.0 if self.kind in ARGUMENTS or self.kind == "exponent" else 0.0  # an exponent may be zero everywhere

    @property
    def _about(self) -> dict[str, Any]:
        record = getattr(self.experiment, "record", None)
        name = getattr(self.experiment, "__qualname__", type(self.experiment).__name__)
        experiment = record() if record else None if self.experiment is None else {"kind": "the author's", "name": name}
        words = {name: getattr(self, name) for name in ("observable", "regime", "kind", "order")}
        said = {} if self.general is None else {"general": self.general.record()}
        return words | {"experiment": experiment} | said

    def _further(self, domain: Domain, seed: int) -> tuple[links.Link, ...]:
        if self.general is None:
            return ()
        (point,) = domain.mixed_points(seed, corners=0, interior=1)
        return (self.general.link(self, point),)

    def _simulation(
        self, sizes: Sequence[int], seed: int, executor: Any, progress: Any, journal: Any, alpha: float
    ) -> links.Link:
        if self.experiment is None:
            return links.Link("simulation", None, "a pure identity: there is no experiment")
        logs = [None] * len(SCALES) if journal is None else journals(journal)
        for scale, log in zip(
            SCALES, logs, strict=True
        ):  # a mean with heavy tails is asked for again at smaller variances, on its draws alone
            experiment, point, questions = self._asked(seed, scale)
            claim, asked = links.claim_hash(self.definition), [question.functional for question in questions]
            drawn = links.simulate(experiment, sizes, claim, seed, executor, progress, log, asked)
            try:
                link = self._judged(questions, drawn.samples, "here", alpha)
            except HeavyTails:
                if scale == SCALES[-1] or not point:
                    raise
                continue
            return replace(link, details=link.details | {"point": point_in_words(point), "plan": drawn.plan})
        raise AssertionError("the last scale returns or raises")

    def _decision(
        self,
        resolution: object,
        most: int,
        sizes: Sequence[int],
        seed: int,
        executor: Any,
        progress: Any,
        journal: Any,
        alpha: float,
    ) -> links.Link:
        error = _checked_resolution(resolution)
        if self.experiment is None or self.kind not in links.DECIDED:
            wanted = "an experiment and a claim about means (an exponent is a slope of logarithms of means)"
            raise DomainError(f"a resolution for the kind {self.kind!r}", wanted, "resolution=None")
        experiment, point, questions = self._asked(seed)
        functionals = tuple(question.functional for question in questions)
        plan = Plan(experiment, links.claim_hash(self.definition), seed, tuple(sizes), functionals)
        link = links.decide(questions, plan, self.order, error, executor, progress, alpha, most, journal)
        return replace(
            link, details=link.details | {"drawn": "here", "point": point_in_words(point), "plan": plan.hash}
        )

    def _asked(self, seed: int, scale: int = 1) -> tuple[Any, Point, list[links.Question]]:
        """The experiment at a point that the seed fixes, its positive coordinates over `scale`, and what is asked."""
        at = getattr(self.experiment, "at", None)
        if at is None and self.definition.free_symbols - set(self.law_argument):
            raise _unbound(self, "an experiment is made at one point", ".bind({}=...)")
        point = self.domain.shrunk(self.domain.mixed_points(seed, corners=0, interior=1)[0], scale)
        return at(point) if at else self.experiment, point, self._questions(point, seed)


def journals(journal: str | PathLike[str]) -> list[Path]:
    """The files that `certify` may keep: `journal` itself, and one for each smaller scale of the variances.

    >>> [path.name for path in journals("run.journal")]
    ['run.journal', 'run.journal.4', 'run.journal.16', 'run.journal.64']
    """
    return [Path(journal), *(Path(f"{Path(journal)}.{scale}") for scale in SCALES[1:])]


def point_in_words(point: Point) -> dict[str, str]:
    """A point as certificates write it."""
    return {str(symbol): str(number) for symbol, number in point.items()}


def _checked_resolution(resolution: object) -> float:
    known = isinstance(resolution, Real) and not isinstance(resolution, bool)
    if not known or not 0 < resolution < float("inf"):  # type: ignore[operator]
        wanted = "the discrepancy to exclude, a number larger than zero"
        raise DomainError(f"resolution = {shown(resolution)}", wanted, "resolution=0.01")
    return float(resolution)  # type: ignore[arg-type]


def _check_alpha(alpha: object) -> None:
    """What is detected with probability 0.95 is stated: false claims are to be missed as seldom."""
    known = isinstance(alpha, Real) and not isinstance(alpha, bool)
    if not known or not 0 < alpha <= LARGEST_ALPHA:  # type: ignore[operator]
        raise DomainError(f"alpha = {shown(alpha)}", f"a number above 0, at most {LARGEST_ALPHA}", "alpha=1e-6")


def _check_most(most: object) -> None:
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= links.MOST_ROUNDS:
        wanted = f"a whole number of rounds from 1 to {links.MOST_ROUNDS}"
        raise DomainError(f"most = {shown(most)}", wanted, f"most={links.MOST_ROUNDS}")


def _unbound(limit: Limit, wanted: str, advice: str) -> UnboundSymbol:
    name = sorted(symbol.name for symbol in limit.free_symbols - set(limit.law_argument))[0]
    return UnboundSymbol(f"{name} without a value", wanted, advice.format(name))


def limit(
    expr: object,
    experiment: Any = None,
    domain: Domain | None = None,
    regime: str = "width to infinity",
    order: float = 1,
    source: str = "the author",
    name: str = "f",
    observable: str = "",
    kind: str = "mean",
) -> Limit:
    """A claim of one's own: a definition line, to be led on by `.apply(rule)` and `.then(expr, because=...)`.

    `expr` is a formula, a string or a SymPy expression; its symbols are the arguments, by name.
    `experiment(size, rng)` draws the observable of one or more networks of that size; None for an
    identity. The domain follows from the assumptions on the symbols unless it is given. The finite-size bias is
    $O(1/N^k)$ with k = `order`; `regime`, `observable` and `source` are words, `name` is LaTeX. Raises `DomainError`
    for another type or range of any of them, `FormulaError` for text that is no formula.

    `kind` says what the draws X tend to: "mean", E X; "log", E log|X|; "cdf", P(X <= s) as a function of s;
    "cf", E exp(i t X), a real function of t (X is symmetric); "exponent", the power of the size that E|X| grows like.
    The law's functions and log-moments are for draws with heavy tails, whose mean no test can be trusted with.
    `order` is the k of an error $O(1/N^k)$; 0 means that the claim is exact at every size.

    >>> import sympy as sp
    >>> from symlimits import GaussianExpectation
    >>> p = sp.Symbol("p", positive=True)
    >>> u = sp.Symbol("u", real=True)
    >>> claim = limit(GaussianExpectation(u**2, (u,), [[p]]))
    >>> claim.then(p, because="the definition of the variance").expr
    p
    """
    _check_experiment(experiment)
    if isinstance(order, bool) or not isinstance(order, Real) or not 0 <= order < float("inf"):
        raise DomainError(f"order = {shown(order)}", "the k of an error O(1/N^k), or 0 for none at all", "order=1")
    order = int(order) if order == int(order) else float(order)
    links.check_kind(kind, KINDS)
    if domain is not None and not isinstance(domain, Domain):
        raise DomainError(f"domain = {shown(domain)}", "a Domain", "sl.Domain({p: sl.Range(0, 1)})")
    check_text(regime, "regime")
    line = Step(exact(expr, "expr"), "definition", check_text(source, "source"))
    if not isinstance(observable, str) or observable:
        check_text(observable, "observable")
    arguments = tuple(sorted(line.expr.free_symbols, key=str))
    repeated = next((a for a, b in pairwise(arguments) if a.name == b.name), None)
    if repeated is not None:
        raise DomainError(f"two symbols named {repeated}", "one symbol for each name", "the same assumptions for both")
    domain = domain or natural_domain(line.expr)
    return Limit((line,), domain, arguments, name, source, experiment, observable, regime, kind, order)


def _check_experiment(experiment: Any) -> None:
    """An experiment is drawn at a size by a generator, or made for a point."""
    if experiment is None or hasattr(experiment, "at"):
        return
    if not callable(experiment):
        raise DomainError(f"experiment = {shown(experiment)}", "a function draw(size, rng)", "experiment=draw")
    try:
        signature(experiment).bind(1, None)
    except TypeError:
        name = getattr(experiment, "__name__", type(experiment).__name__)
        given = f"the experiment {name}{signature(experiment)}"
        raise DomainError(given, "a function of a size and a generator", "def draw(size, rng): ...") from None
    except ValueError:  # a built-in function does not tell its arguments
        return


def _check_workers(executor: object, progress: object) -> None:
    if executor is not None and not callable(executor) and not hasattr(executor, "submit"):
        wanted = "an Executor of concurrent.futures, a function that makes one, or None"
        raise DomainError(f"executor = {shown(executor)}", wanted, "ProcessPoolExecutor(2)")
    if progress is not None and not callable(progress):
        raise DomainError(f"progress = {shown(progress)}", "a function of one text, or None", "progress=print")


def _check_sizes(sizes: object) -> None:
    """A limit is tested at three sizes or more: fewer leave nothing to see a bias with."""
    known = tuple(sizes) if isinstance(sizes, Iterable) and not isinstance(sizes, str) else None
    if known is None:
        raise DomainError(f"sizes = {shown(sizes)}", "a sequence of three or more widths", "sizes=(32, 128, 512)")
    if not all(isinstance(size, int | np.integer) and not isinstance(size, bool) and size > 0 for size in known):
        raise DomainError(f"sizes = {shown(known)}", "positive integers", "sizes=(32, 128, 512)")
    if len(set(known)) < max(3, len(known)):
        raise DomainError(f"sizes = {shown(known)}", "three or more different widths", "sizes=(32, 128, 512)")

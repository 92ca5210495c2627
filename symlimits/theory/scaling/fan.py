"""The fan of limit models: the plane of hyperparameters' exponents, cut into the cells of one limit each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache

import sympy as sp

from symlimits.activations import silu
from symlimits.derivation.affine import as_fraction
from symlimits.errors import DomainError
from symlimits.finite.one_hidden import WidthPowers
from symlimits.language.activation import Activation
from symlimits.language.names import shown
from symlimits.limits import Limit
from symlimits.reading.html_text import html_table
from symlimits.theory.scaling import building, exponents, picture, tables, verdicts
from symlimits.theory.scaling.arrangement import Piece, Signature, hull, pieces
from symlimits.theory.scaling.branches import Branch, branches, seen
from symlimits.theory.scaling.cells import Cell, Verdict, written
from symlimits.theory.scaling.convergence import Wide
from symlimits.theory.scaling.exact_numbers import Factor, positive, rational
from symlimits.theory.scaling.one_hidden import PLANES, Network
from symlimits.theory.scaling.traits import named, traits


@dataclass(frozen=True, eq=False, repr=False)
class Fan:
    """All limit models of one hidden layer: `cells`, one each, and `at` for the one of given exponents.

    >>> fan = one_hidden_layer(rates="shared")
    >>> [cell.name for cell in fan.cells if cell.dimension == 0]
    ['MF', 'NTK', 'sym-default']
    >>> fan.at(q_sigma="-1/2", q=0)
    NTK: q_sigma = -1/2, q = 0
      logits at init finite, kernels at init finite, kernels constant, init kept
    """

    rates: str
    phi: Activation
    net: Network
    branches: tuple[Branch, ...]
    cells: tuple[Cell, ...]

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The exponents that are free."""
        return self.net.plane.symbols

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.symbols))
        head = f"{len(self.cells)} limit models of one hidden layer, by the exponents ({names}), {self.phi.expr}:"
        rows = [
            f"  {cell.name} ({cell.dimension}): {', '.join(written(r) for r in cell.inequalities)}"
            for cell in self.cells
        ]
        return "\n".join([head, *rows])

    def _repr_html_(self) -> str:
        rows = [
            (cell.name, str(cell.dimension), ", ".join(written(r) for r in cell.inequalities)) for cell in self.cells
        ]
        return html_table(("model", "dimension", "where"), rows)

    def _ipython_key_completions_(self) -> list[str]:
        return [cell.name for cell in self.cells]

    def __getitem__(self, name: str) -> Cell:
        """The cell of this name.

        >>> one_hidden_layer()["MF"].settling
        1
        """
        for cell in self.cells:
            if cell.name == name:
                return cell
        known = ", ".join(cell.name for cell in self.cells)
        raise DomainError(f"no limit model named {shown(name)}", f"one of {known}", "fan['NTK']")

    def at(self, **given: object) -> Cell | Verdict:
        """The cell that holds at these exponents, or a verdict with `.stable` False and the inequality that fails.

        Every exponent of the plane by its name: q_sigma and q with equal rates, q_sigma, q_a and q_w else. Numbers are
        taken exactly; a float as the decimal that it prints as, which a note of the answer says. Raises `DomainError`
        for missing or other names, and for what is no rational number.

        >>> verdict = one_hidden_layer().at(q_sigma="-1/2", q=1)
        >>> verdict.stable, verdict.failing
        (False, q + q_sigma <= 0)
        """
        point, notes = self._point(given)
        for cell in self.cells:
            if all(constraint.holds(point) for constraint in cell.constraints):
                return replace(cell, notes=(*cell.notes, *notes))
        return replace(verdicts.verdict(self.net, self.branches, point), notes=notes)

    def networks(self, sigma: Factor = 1.0, eta: Factor = 1.0, **exponents: object) -> Wide:
        r"""The finite networks of a point of the plane, which `convergence` holds against its limit model.

        Exponents as for `at`, equal rates; `sigma` and `eta` are the factors of the powers of the width. Raises
        `DomainError` for separate rates, for factors that are not positive, and where no limit model holds.

        >>> one_hidden_layer().networks(q_sigma="-1/2", q=0, eta=4).start
        0.0
        """
        cell = self.at(**exponents)
        if len(self.symbols) != 2 or not isinstance(cell, Cell):
            given = f"{cell.kind} exponents" if isinstance(cell, Verdict) else "networks of separate rates"
            raise DomainError(given, "a point of a limit model of equal rates", "fan.networks(q_sigma='-1/2', q=0)")
        place = {symbol: rational(exponents[symbol.name], symbol.name)[0] for symbol in self.symbols}
        e = {name: cell.exponents[name].subs(place) for name in ("f_init", "f_a", "f_w", "f_aw")}
        q_sigma, q = (float(place[symbol]) for symbol in self.symbols)
        factors = positive(sigma, "sigma"), positive(eta, "eta")
        return Wide(WidthPowers(q_sigma, q, q), float(e["f_init"]), float(sp.Max(*e.values())), *factors, self.phi)

    def derivation(self, quantity: str, cell: str | None = None) -> Limit:
        """The exponent of a quantity, derived: the maximum that the calculus gives, and what a region leaves of it.

        `quantity` is a key of `cell.exponents`, `cell` the name of a cell; without it the region is the part of the
        plane where exponents settle, if they do so in one way. They settle in several, and a cell has to be named,
        with separate rates and a homogeneous activation, whose input weights may outgrow their start. It has no
        experiment; `scaling.exponent_limit` adds the finite networks. Raises `DomainError` for another name, and where
        the name of a cell is missing.

        >>> fan = one_hidden_layer()
        >>> print(fan.derivation("f_aw", "MF-NTK").explain())  # doctest: +ELLIPSIS
        e_f_aw is defined by
            Max(2*q + 3*q_sigma + 1/2, 3*q + 4*q_sigma + 1)
        By the largest term (...) this equals
            3*q + 4*q_sigma + 1
        ...
        """
        if quantity not in exponents.NAMES:
            known = ", ".join(exponents.NAMES)
            raise DomainError(f"quantity = {shown(quantity)}", f"one of {known}", "'f_aw'")
        if cell is None:
            if len(self._settled) > 1:
                given = f"{quantity} on {len(self._settled)} regions where exponents settle, each in its own way"
                raise DomainError(given, "the name of a cell", f"fan.derivation({quantity!r}, {self.cells[0].name!r})")
            (branch,) = self._settled
            return exponents.derived(self.net, branch, branch.region, len(branch.states) - 1, quantity)
        home = self[cell]
        branch = _branch_at(self._settled, tuple(as_fraction(home.witness[s.name]) for s in self.symbols))
        return exponents.derived(self.net, branch, home.constraints, home.settling, quantity)

    def latex(self) -> str:
        r"""A table of the models for a paper, with a legend, and their equations beneath it; it needs booktabs.

        The 13 models of equal rates fit a plain article of one column; the 49 or more of separate rates are too wide
        for a portrait page.

        >>> print(*one_hidden_layer().latex().splitlines()[4:8], sep="\n")
        model & exponents & $f^{(0)}$ & $K$ & $\Delta K$ & $\varphi$ &  & $g^{(0)}$ & $g^{(k)}$ \\
        \midrule
        MF & $q_{\sigma} = -1$, $q = 1$ & $0$ & $1$ & $1$ & $0$ & C & $0$ & $F$ \\
        NTK & $q_{\sigma} = -1/2$, $q = 0$ & $1$ & $1$ & $0$ & $1$ & A & $F$ & $F$ \\
        """
        return tables.table(self.cells)

    def figure(self, path: object) -> None:
        """The plane with its cells coloured and named, as a file whose suffix says the format; equal rates only.

        Raises `DomainError` for separate rates, `DataError` for a place where nothing can be written, `NoRule` without
        matplotlib (the extra `plot`).
        """
        if len(self.symbols) != 2:
            raise DomainError("a figure of three exponents", "a plane", "one_hidden_layer(rates='shared')")
        picture.save(self.cells, path)

    @cached_property
    def _settled(self) -> tuple[Branch, ...]:
        return tuple(branch for branch in self.branches if branch.settled)

    def _point(self, given: dict[str, object]) -> tuple[tuple[Fraction, ...], tuple[str, ...]]:
        names = [symbol.name for symbol in self.symbols]
        wrong = [name for name in [*given, *names] if name not in given or name not in names]
        if wrong:
            wanted = f"{', '.join(names)} with rates={self.rates!r}"
            advice = ", ".join(f"{name}=0" for name in names)
            raise DomainError(f"the exponents {', '.join(given) or 'none'}", wanted, f"fan.at({advice})")
        found = [rational(given[name], name) for name in names]
        return tuple(as_fraction(number) for number, _ in found), tuple(note for _, notes in found for note in notes)


def one_hidden_layer(rates: str = "shared", activation: object = silu) -> Fan:
    r"""The limit models of networks with one hidden layer, by the exponents of $\sigma$ and of the learning rates.

    $f(x)=\sigma\sum_r a_r\phi(w_r\cdot x)$ with weights of order one, $\sigma\propto d^{q_\sigma}$, rates of
    $a$ and $w$ $\propto d^{q_a}, d^{q_w}$ and logistic loss. With `rates="shared"` $q_a = q_w = q$, and the plane has
    13 models for every activation; with `rates="separate"` the space has 49, and 10 more for a positively homogeneous
    activation, whose input weights may outgrow their start.
    `activation` is an activation, its name, or a formula; of it, polynomials, jumps of the derivative and
    homogeneity matter. Nothing is tabulated: the step of training is followed in exponents until they settle.

    Raises `DomainError` for other rates, and for an activation that jumps, is constant, or is unknown.

    >>> fan = one_hidden_layer(rates="separate", activation="relu")
    >>> len(fan.cells)
    59
    >>> default = fan.at(q_sigma="-1/2", q_a=1, q_w=0)  # PyTorch's
    >>> default.name, default.settling
    ('sym-default (a grows)', 2)

    Source: Golikov 2020, arXiv 2006.06574 and 2003.05884; the graded calculus is derived here.
    """
    if not isinstance(rates, str) or rates not in PLANES:
        raise DomainError(f"rates = {shown(rates)}", "'shared' or 'separate'", "rates='shared'")
    return _fan(rates, named(activation), True)


@lru_cache(maxsize=16)
def _fan(rates: str, phi: Activation, parity: bool) -> Fan:
    net = Network(PLANES[rates], traits(phi), parity)
    parts = branches(net)
    lines, found = pieces(net, [branch for branch in parts if branch.settled])
    groups: dict[Signature, list[Piece]] = defaultdict(list)
    for piece in found:
        if piece.is_stable:
            groups[piece.signature].append(piece)
    regions = {signature: hull(lines, group) for signature, group in groups.items()}
    names = building.names(regions, None if rates == "shared" else _fan("shared", phi, parity).cells)
    views = {part: [seen(net, part, step) for step in range(len(part.states))] for part in parts if part.settled}
    cells = [building.cell(net, names[s], s, regions[s], groups[s], views[groups[s][0].branch]) for s in groups]
    return Fan(rates, phi, net, parts, tuple(sorted(cells, key=building.rank)))


def _branch_at(settled: Sequence[Branch], point: Sequence[Fraction]) -> Branch:
    return next(branch for branch in settled if all(constraint.holds(point) for constraint in branch.region))

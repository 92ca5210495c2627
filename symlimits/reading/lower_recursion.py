r"""From the recursion of a kernel to the compiled Gram loop.

Each layer of the recursion is read off its map. A map that is affine in the states is a Dense layer:
the coefficients are its variances. Any other is an activation, $K \mapsto T(K)$,
$\Theta \mapsto \dot T(K)\,\Theta$, or a LayerNorm, or holds earlier values (`joins_of_maps`). Nothing else than the
printed recursion enters the compiled loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import sympy as sp

from symlimits.errors import NoRule, UnboundSymbol
from symlimits.language.activation import Activation, x
from symlimits.language.expectation import GaussianExpectation, separated
from symlimits.language.recursion import Earlier, Recursion
from symlimits.reading.condition import LOST, size
from symlimits.reading.gram import ADDED, DenseUpdate, GramKernel
from symlimits.reading.gram_joins import Join
from symlimits.reading.gram_sampled import SampledStage
from symlimits.reading.gram_source import Stage
from symlimits.reading.joins_of_maps import RESIDUAL, beginnings, is_norm, layer_join
from symlimits.reading.lower import RHO, S, arc, c, conditioned, p, q, statements
from symlimits.reading.sampled import balanced
from symlimits.reading.waves import GAP

_gap, _sine, _angle, _supplement = sp.symbols("gap sine angle supplement", nonnegative=True)
_NAMES = {p: "p", q: "q", c: "c", S: "s"} | {s: s.name for s in (RHO, _gap, _sine, _angle, _supplement)}

ANGLES = (_gap, _sine, _angle, _supplement)  # of the generated steps, beside rho

Map = tuple[sp.Expr, ...]


@dataclass(frozen=True)
class PairMap:
    """An activation as its dual T(p, q, c) and the dual of its derivative."""

    dual: sp.Expr
    dot: sp.Expr

    @property
    def degree(self) -> int | None:
        r"""m with $T(tp, tq, tc) = t^m T(p, q, c)$, as for positively homogeneous activations."""
        scaled = self.dual.subs({p: 4 * p, q: 4 * q, c: 4 * c}, simultaneous=True)
        return next((m for m in range(13) if _agree(scaled, 4**m * self.dual)), None)

    @property
    def parity(self) -> Literal["even", "odd"] | None:
        """The parity of T in c, which is that of the activation."""
        mirrored = self.dual.subs(c, -c)
        if _agree(mirrored, self.dual):
            return "even"
        return "odd" if _agree(mirrored, -self.dual) else None


def _agree(first: sp.Expr, second: sp.Expr) -> bool:
    """Equality, decided at 40 digits at points in general position (symbolic proofs can take minutes)."""
    points = ({p: "13/7", q: "5/11", c: "2/9"}, {p: "3/17", q: "19/5", c: "-4/13"}, {p: "1/3", q: "1/5", c: "1/19"})
    for point in points:
        values = {symbol: sp.Rational(value) for symbol, value in point.items()}
        a, b = (expr.subs(values, simultaneous=True).evalf(40) for expr in (first, second))
        if abs(a - b) > sp.Float("1e-30", 40) * (abs(a) + abs(b)):
            return False
    return True


@lru_cache(maxsize=64)
def gram_kernel(recursion: Recursion) -> GramKernel:
    """The compiled loop for a kernel recursion with states (K_xx, K_zz, K_xz) or (..., Theta).

    Raises `UnboundSymbol` for variances or depths without a value, `NoRule` for a recursion whose
    layers are not Dense layers and activations with a closed form.
    """
    check_bound(recursion)
    parts = _Parts(_first_update(recursion), plain=not recursion.has(Earlier) and not _has_norm(recursion))
    for layers, repeats in _blocks(recursion):
        begins = beginnings(layers)
        for i, layer in enumerate(layers):
            parts.open(begins.count(i))
            update = dense_update(layer, recursion.states)
            join = layer_join(layer, recursion.states)
            if join is not None:
                parts.join(join)
            elif update is not None:
                parts.dense(update, repeats)
            elif is_norm(layer, recursion.states):
                parts.norm()
            else:
                parts.activation(pair_map(layer, recursion.states))
    return parts.kernel()


class _Parts:
    """The stages of a loop as they come about; what waits for its Dense layer; branches that begin."""

    def __init__(self, first: DenseUpdate, plain: bool) -> None:
        self.stages: list[Stage | SampledStage] = []
        self.updates: list[list[DenseUpdate]] = []  # of each stage
        self.pending: PairMap | None = None
        self._first, self._plain = first, plain
        self._opened, self._unit = 0, False

    def open(self, branches: int) -> None:
        """Branches that begin here: what waits before them stands alone."""
        if branches and (self.pending is not None or self._unit):
            self.dense(ADDED, 1)
        self._opened += branches

    def norm(self) -> None:
        """A LayerNorm, which comes before the activation of its stage."""
        if self.pending is not None or self._unit:
            self.dense(ADDED, 1)
        self._unit = True

    def activation(self, pair: PairMap) -> None:
        if self.pending is not None:
            raise NoRule("two activations in a row", "a Dense layer between them", "one activation, composed")
        self.pending = pair

    def dense(self, update: DenseUpdate, repeats: int) -> None:
        stage = stage_of(self.pending or PairMap(c, sp.S.One), update, repeats, self._plain)
        self.stages.append(replace(stage, opened=self._opened, unit=self._unit))
        self.updates.append([*([ADDED] if self._unit else []), update])
        self.pending, self._opened, self._unit = None, 0, False

    def join(self, join: Join) -> None:
        """A branch that ends."""
        if self.pending is not None or self._unit or self._opened:
            self.dense(ADDED, 1)
        self.stages[-1] = replace(self.stages[-1], after=(*self.stages[-1].after, join))
        self.updates[-1].append(ADDED)

    def kernel(self) -> GramKernel:
        if self.pending is not None or self._unit:
            raise NoRule("a recursion that ends in an activation", "a Dense layer at the end", "sl.Dense(1)")
        layers = (
            update for stage, rows in zip(self.stages, self.updates, strict=True) for update in rows * stage.repeats
        )
        return GramKernel(tuple(self.stages), (self._first, *layers))


def _blocks(recursion: Recursion) -> Iterator[tuple[tuple[Map, ...], int]]:
    """The blocks in their order; one that is a single stage comes once, with its repetitions."""
    for layers, count in recursion.blocks:
        together = count == 1 or _is_one_stage(layers, recursion.states)
        for _ in range(1 if together else int(count)):
            yield layers, int(count) if together else 1


def _is_one_stage(layers: tuple[Map, ...], states: tuple[sp.Symbol, ...]) -> bool:
    """Whether a block is an activation and a Dense layer, after a LayerNorm or not, residual or not."""
    core = layers[1:] if is_norm(layers[0], states) else layers
    join = layer_join(core[-1], states)
    if join is not None:
        core = core[:-1] if join == RESIDUAL and beginnings(layers) == [0] else ()
    kinds = [dense_update(layer, states) is not None for layer in core]
    return kinds == [False, True] and not any(is_norm(core[0], states) or layer_join(maps, states) for maps in core)


def _has_norm(recursion: Recursion) -> bool:
    return any(is_norm(layer, recursion.states) for layers, _ in recursion.blocks for layer in layers)


def branch_length(layer: Map) -> int:
    """How long the branch is that a layer ends by adding its trunk; 0 for other layers."""
    return max((head.back for head in sp.Tuple(*layer).atoms(Earlier)), default=0)


def check_bound(recursion: Recursion) -> None:
    """Raise `UnboundSymbol` for a symbol without a value, but for p, q and c of the inputs."""
    inputs = {symbol for expr in recursion.start for symbol in expr.free_symbols if symbol in (p, q, c)}
    unbound = sorted(symbol.name for symbol in recursion.free_symbols - inputs)
    if unbound:
        raise UnboundSymbol(
            f"{', '.join(unbound)} without a value", "a number for every symbol", f".bind({unbound[0]}=...)"
        )


def _first_update(recursion: Recursion) -> DenseUpdate:
    kernel = sp.Poly(recursion.start[2], c)
    w, b = kernel.coeff_monomial(c), kernel.coeff_monomial(1)
    if any(sp.expand(start - w * value - b) != 0 for start, value in zip(recursion.start, (p, q, c), strict=False)):
        given = f"start values {recursion.start[:3]}"
        raise NoRule(given, "a Dense layer on any input kernel p, q, c", "`.evaluate(...)` for one input kernel")
    tangent = sp.Poly(recursion.start[3], c) if len(recursion.states) > 3 else kernel
    return _update(w, b, tangent.coeff_monomial(c), tangent.coeff_monomial(1))


def dense_update(layer: Map, states: tuple[sp.Symbol, ...]) -> DenseUpdate | None:
    """The variances of a Dense layer, read off an affine map; None for any other map."""
    kernel, covariance = layer[2], states[2]
    if not kernel.is_polynomial(*states) or sp.Poly(kernel, *states).total_degree() > 1:
        return None
    if kernel.free_symbols & set(states) - {covariance}:
        return None
    w, b = kernel.coeff(covariance), kernel.subs(covariance, 0)
    if len(states) == 3:
        return _update(w, b, w, b)
    tangent = sp.Poly(layer[3], *states)
    if tangent.coeff_monomial(states[3]) != w:
        return None
    return _update(w, b, tangent.coeff_monomial(covariance), tangent.coeff_monomial(1))


def _update(*numbers: sp.Expr) -> DenseUpdate:
    return DenseUpdate(*(float(number) for number in numbers))


def pair_map(layer: Map, states: tuple[sp.Symbol, ...]) -> PairMap:
    """The dual activation of a layer, and that of its derivative."""
    canonical = dict(zip(states, (p, q, c), strict=False))
    dual = layer[2].subs(canonical, simultaneous=True)
    if len(states) == 3:
        return PairMap(dual, sp.diff(dual, c) if not dual.has(sp.Integral) else sp.S.Zero)
    dot = layer[3].subs(canonical, simultaneous=True).subs(states[3], 1)
    return PairMap(dual, dot)


@lru_cache(maxsize=64)
def stage_of(pair: PairMap, update: DenseUpdate, repeats: int, may_normalize: bool = True) -> Stage | SampledStage:
    """The scalar step of an activation, in the variables of the Gram loop; or a series, without closed form."""
    if pair.dual.has(GaussianExpectation):
        return _sampled(pair, repeats)
    degree = pair.degree
    if degree is None:
        return Stage(_general_step(pair), _guarded_diagonal(pair), repeats, parity=pair.parity)
    if degree == 0:
        return Stage(_step_of_steps(pair), _diagonal_of_steps(pair), repeats, parity=pair.parity)
    normalized = may_normalize and not update.b and not update.t_1 and update.w > 0
    step = _unit_step(pair) if normalized else _homogeneous_step(pair, degree)
    return Stage(step, _diagonal(pair), repeats, normalized, pair.parity)


def _sampled(pair: PairMap, repeats: int) -> SampledStage:
    """The activation that stands in E phi(u) phi(v), and its derivative."""
    head = pair.dual
    phi, other = factors(head) if isinstance(head, GaussianExpectation) else (sp.S.NaN, sp.S.Zero)
    if phi != other:
        raise NoRule(f"a compiled Gram of {head}", "one expectation E phi(u) phi(v)", "`.evaluate(...)`")
    return SampledStage(phi, Activation(phi).derivative().expr, x, repeats)


def factors(head: GaussianExpectation) -> tuple[sp.Expr, sp.Expr]:
    """The functions f and g, of x, of an expectation E f(u) g(v)."""
    u, v = head.variables
    f, g, mixed = separated(head.integrand, u, v)
    return balanced(f.subs(u, x), mixed * g.subs(v, x))


def _diagonal(pair: PairMap) -> str:
    """T(p, p, p): s = 0, and the angle of a vertical vector is a right one."""
    return statements({"T": on_the_diagonal(pair)}, _NAMES)


def _guarded_diagonal(pair: PairMap) -> str:
    """The same, NaN where its terms cancel to fewer than twelve digits: at small variances, say."""
    T = on_the_diagonal(pair)
    if size(T) == T:
        return _diagonal(pair)
    return statements({"T": T, "size": size(T)}, _NAMES) + f"\nT = T if T >= {LOST} * size else nan"


def on_the_diagonal(pair: PairMap) -> sp.Expr:
    """T(p, p, p) as a function of p: of a vertical vector the angle is a right one."""
    T = conditioned(pair.dual).subs({q: p, c: p, S: 0, GAP: 0, RHO: 1}, simultaneous=True)
    T = T.replace(lambda node: isinstance(node, arc) and node.args[1] == 0, lambda _: sp.pi / 2)
    return sp.expand(T) if T.is_polynomial(p) else T


def _general_step(pair: PairMap) -> str:
    T, dot = (in_general(expr) for expr in (pair.dual, pair.dot))
    return statements({"T": T, "dot": dot}, _NAMES) + "\nGamma = sqrt(P)*sqrt(Q) - T"


def in_general(expr: sp.Expr) -> sp.Expr:
    """A function of p, q, c in the variables of the Gram loop: s, gap and angles where it is singular."""
    between = {GAP: sp.sqrt(p) * sp.sqrt(q) * _gap}
    return conditioned(expr).replace(_is_angle, _in_angles).subs(between)


def _is_angle(node: sp.Basic) -> bool:
    return isinstance(node, arc) and node.args == (c, S)


def _in_angles(*_: sp.Expr) -> sp.Expr:
    """arcsin(rho), which is zero where a variance is, and keeps its digits near both ends."""
    return (_supplement - _angle) / 2


def _unit_step(pair: PairMap) -> str:
    return statements(on_the_sphere(pair), _NAMES)


def _homogeneous_step(pair: PairMap, degree: int) -> str:
    """T(p, q, c) = r^m T(1, 1, rho) with r = sqrt(p q)."""
    r = sp.Symbol("r", nonnegative=True)
    values = on_the_sphere(pair)
    values["T"] *= r**degree
    values["Gamma"] *= r**degree
    values["dot"] *= r ** (degree - 1)
    return "r = sqrt(p*q)\n" + statements(values, _NAMES | {r: "r"})


def _step_of_steps(pair: PairMap) -> str:
    """Functions of the sign of x jump at 0: the variance at p = 0 is not the limit of those at p > 0."""
    general = statements({**on_the_sphere(pair), "dot": sp.S.Zero, "zero": _at_zero(pair)}, _NAMES)
    return f"""{general}
T, Gamma = (T, Gamma) if (p > 0.0) & (q > 0.0) else (zero, sqrt(P*Q) - zero)"""


def _diagonal_of_steps(pair: PairMap) -> str:
    general = statements({"T": on_the_diagonal(pair), "zero": _at_zero(pair)}, _NAMES)
    return f"{general}\nT = T if p > 0.0 else zero"


def _at_zero(pair: PairMap) -> sp.Expr:
    """phi(0)^2: phi(0) is the mean of phi, as independent variables have it."""
    return on_the_sphere(pair)["T"].subs({RHO: 0, _sine: 1, _angle: sp.pi / 2})


def on_the_sphere(pair: PairMap) -> dict[str, sp.Expr]:
    r"""T, its derivative and $\Gamma = T(1,1,1) - T$ at p = q = 1, in rho, gap, sine and angle.

    What has neither sine nor angle is a polynomial in rho = 1 - gap: its constant cancels exactly.
    """
    T, dot = (_spherical(expr) for expr in (pair.dual, pair.dot))
    Gamma = sp.expand(T.subs({RHO: 1, _sine: 0, _angle: 0}) - T)
    small = sp.Add(*(term for term in sp.Add.make_args(Gamma) if term.has(_sine, _angle)))
    Gamma = sp.expand((Gamma - small).subs(RHO, 1 - _gap)) + small
    return {"T": sp.collect(T, [_angle, _sine]), "dot": dot, "Gamma": sp.collect(Gamma, [_angle, _sine])}


def _spherical(expr: sp.Expr) -> sp.Expr:
    """arcsin(rho) = pi/2 - angle and sqrt(1 - rho^2) = sine; arcsines of other arguments stay."""
    unit = conditioned(expr).subs({p: 1, q: 1})
    unit = unit.replace(_is_angle, lambda *_: sp.pi / 2 - _angle)
    return sp.expand(unit.subs({c: RHO, S: _sine}))

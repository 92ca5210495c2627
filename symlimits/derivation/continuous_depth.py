r"""Rules for limits of depth: steps of 1/L become a differential equation, and affine equations are solved.

A block $x \mapsto M(x, h)$ with h = 1/L and M(x, 0) = x is Euler's method for $\dot x = \partial_hM(x, 0)$, whose value
after L steps tends to x(1), with an error of 1/L (derived here; Euler's method is of order one, Hairer, Norsett and
Wanner, Solving Ordinary Differential Equations I, theorem II.3.4).
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from symlimits.derivation.trace import Rule, Step, Trace
from symlimits.errors import NoRule
from symlimits.language.continuous_depth import ContinuousDepth
from symlimits.language.initial_value import InitialValue
from symlimits.language.recursion import Recursion

_h = sp.Symbol("h", positive=True)
_s = sp.Dummy("s", positive=True)


def depth_of(recursion: Recursion) -> sp.Symbol:
    """The symbol of the depth: that of the one block that is repeated a number of times left open."""
    found = [count for _, count in recursion.blocks if isinstance(count, sp.Symbol)]
    if len(found) != 1:
        given = f"a recursion with {len(found)} open depths"
        raise NoRule(given, "one block repeated L times", 'Repeat((sl.Residual(act.relu, sl.Dense("1/L")),), "L")')
    return found[0]


def _euler(line: sp.Expr) -> sp.Expr:
    """Line by line: the states before the block, the velocities of the block, the output after it."""
    if not isinstance(line, ContinuousDepth):
        return line
    recursion, L = line.recursion, line.depth
    states, stages = recursion.states, recursion.stages
    place = next(i for i, (_, count) in enumerate(stages) if count == L)
    before = _composed(recursion, stages[:place], dict(zip(states, recursion.start, strict=True)))
    after = _composed(recursion, stages[place + 1 :], {state: state for state in states})
    if any(expr.has(L) for expr in (*before.values(), *after.values())):
        raise NoRule(f"a depth {L} outside of the block", "other layers that do not depend on it", "numbers there")
    velocities = [_velocity(state, expr, L) for state, expr in zip(states, stages[place][0], strict=True)]
    return _needed(InitialValue(after[recursion.output], states, velocities, list(before.values()), sp.S.One))


def _composed(
    recursion: Recursion, stages: tuple[tuple[tuple[sp.Expr, ...], sp.Expr], ...], values: Mapping[sp.Symbol, sp.Expr]
) -> dict[sp.Symbol, sp.Expr]:
    """The states after some stages, from values of theirs."""
    found = dict(values)
    for maps, count in stages:
        for _ in range(int(count)):
            found = {s: expr.subs(found, simultaneous=True) for s, expr in zip(recursion.states, maps, strict=True)}
    return found


def _velocity(state: sp.Symbol, expr: sp.Expr, L: sp.Symbol) -> sp.Expr:
    r"""$\lim_{L\to\infty}L(M - x)$, as a derivative in h = 1/L at 0."""
    step = expr.subs(L, 1 / _h)
    start = step.subs(_h, 0)
    velocity = sp.expand(sp.diff(step, _h).subs(_h, 0)) if start == state else sp.nan
    if velocity.has(sp.nan, sp.zoo, sp.oo):
        given = f"a block that takes {state} to {expr}"
        raise NoRule(given, f"steps of 1/{L}", f'variances over {L} in the last layer of the block: sl.Dense("1/{L}")')
    return velocity


def _needed(head: InitialValue) -> InitialValue:
    """The same without variables that nothing asked for depends on."""
    velocities = dict(zip(head.variables, head.velocities, strict=True))
    kept = head.output.free_symbols & set(head.variables)
    while True:
        more = set().union(*(velocities[x].free_symbols for x in kept)) & set(head.variables)
        if more <= kept:
            break
        kept = kept | more
    rows = [row for row in zip(head.variables, head.velocities, head.start, strict=True) if row[0] in kept]
    variables, moves, start = zip(*rows, strict=True) if rows else head.args[1:4]
    return InitialValue(head.output, variables, moves, start, head.time)


def _one_state(line: sp.Expr) -> sp.Expr:
    """States that start equal and have equal maps are one: K_zz and K_xz are K_xx where x = z."""
    if not isinstance(line, ContinuousDepth):
        return line
    recursion = line.recursion
    (first, *others), stages = recursion.states, recursion.stages
    starts = dict(zip(recursion.states, recursion.start, strict=True))
    names = {state: first for state in others if starts[state] == starts[first]}
    while True:
        apart = {
            state
            for maps, _ in stages
            for state, expr in zip(recursion.states, maps, strict=True)
            if state in names and sp.expand((expr - maps[0]).xreplace(names)) != 0
        }
        names = {state: first for state in names if state not in apart}
        if not apart:
            break
    kept = [i for i, state in enumerate(recursion.states) if state not in names]
    merged = [(tuple(sp.expand(maps[i].xreplace(names)) for i in kept), count) for maps, count in stages]
    states, start = ([part[i] for i in kept] for part in (recursion.states, recursion.start))
    output = names.get(recursion.output, recursion.output)
    return ContinuousDepth(Recursion(states, start, merged, output), line.depth) if names else line


def _affine(line: sp.Expr) -> sp.Expr:
    r"""Variable by variable: $\dot x = ax + g(s)$ is $x = e^{as}(x_0 + \int_0^s e^{-ar}g(r)\,dr)$."""
    if not isinstance(line, InitialValue):
        return line
    known: dict[sp.Symbol, sp.Expr] = {}
    left = {x: (F, x0) for x, F, x0 in zip(line.variables, line.velocities, line.start, strict=True)}
    while left:
        moves = {x: sp.expand(F.subs(known)) for x, (F, _) in left.items()}
        x = next((x for x, F in moves.items() if _is_affine(x, F, line.variables)), None)
        if x is None:
            raise NoRule(f"a closed form of {line}", "equations affine in their own variable", "its values")
        known[x] = _moved(x, moves[x], left.pop(x)[1])
    return sp.expand(line.output.subs(known).subs(_s, line.time))


def _moved(x: sp.Symbol, F: sp.Expr, x0: sp.Expr) -> sp.Expr:
    """The solution of an affine equation as a function of the time."""
    rate, r = F.coeff(x, 1), sp.Dummy("r", positive=True)
    force = sp.expand(F - rate * x).subs(_s, r)
    return sp.expand(sp.exp(rate * _s) * (x0 + sp.integrate(sp.expand(sp.exp(-rate * r) * force), (r, 0, _s))))


def _is_affine(x: sp.Symbol, F: sp.Expr, variables: tuple[sp.Symbol, ...]) -> bool:
    alone = not F.free_symbols & (set(variables) - {x})
    return alone and F.is_polynomial(x) and sp.degree(F, x) <= 1 and not F.coeff(x, 1).has(_s)


euler = Rule(
    "Euler's method read backwards",
    "derived here; Euler 1768",
    "A layer that moves the states by 1/L of a velocity is a step of Euler's method: L of them go to the time one.",
    _euler,
)
one_state = Rule(
    "equal states are one",
    "induction over the layers",
    "States that start equal, and go through equal maps, stay equal.",
    _one_state,
)
affine = Rule(
    "affine differential equations",
    "variation of constants",
    "An equation that is affine in its variable is solved by an exponential and an integral, one after the other.",
    _affine,
)


DEPTH_RULES = (one_state, euler, affine)


def depth_lines(line: ContinuousDepth) -> Trace:
    """The limit of depth, its differential equation and, where the rules find one, its closed form."""
    lines = [Step(line, "definition", "the limit of many layers of small steps")]
    for rule in DEPTH_RULES:
        try:
            lines.append(rule.step(lines[-1].expr))
        except NoRule:
            if rule is euler:
                raise
    return tuple(lines)

"""Where the exponents of training settle: the recursion, followed in every part of the plane of hyperparameters.

A step asks whether increments are bounded. The plane is cut where the answer changes, each part is followed on its
own, and a part is settled once a step leaves both increments as they are: then every later step does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from symlimits.derivation.affine import Affine
from symlimits.derivation.maxplus import Graded, MaxPlus
from symlimits.derivation.polyhedra import Constraint, feasible, implied, minimal
from symlimits.theory.scaling.one_hidden import Network, State, observables, stepped

STEPS = 5  # that are followed; where exponents settle they do after two or three

Region = tuple[Constraint, ...]


@dataclass(frozen=True)
class Branch:
    """A part of the plane and the states there, of step 0 and on.

    `large` tells for each state whether the increment of w exceeds every bound. `settled` whether the last two states
    agree, and so all later ones; `lost` whether a large increment met an activation that nothing is known of out there.
    """

    region: Region
    states: tuple[State, ...]
    large: tuple[bool, ...]
    settled: bool
    lost: bool = False


def branches(net: Network) -> tuple[Branch, ...]:
    """All parts of the plane, settled or not."""
    return tuple(_followed(net, (), (State(),), ()))


def _followed(net: Network, region: Region, states: tuple[State, ...], large: tuple[bool, ...]) -> Iterator[Branch]:
    for piece, is_large in _sizes(net, region, states[-1].delta_w):
        sizes = (*large, is_large)
        if is_large and not net.traits.homogeneous:
            yield Branch(minimal(piece), states, sizes, settled=False, lost=True)
            continue
        new = _pruned(stepped(net, states[-1], is_large), piece)
        for part, settled in _settling(net, piece, states[-1], new):
            if settled or len(states) > STEPS:
                yield Branch(minimal(part), states, sizes, settled)
            else:
                yield from _followed(net, part, (*states, new), sizes)


def _sizes(net: Network, region: Region, delta: Graded) -> list[tuple[Region, bool]]:
    """The parts of a region where the increment of w is bounded, and where it is large."""
    forms = sorted(delta.size.forms)
    if net.traits.exact or not forms:
        return [(region, False)]
    if any(implied(region, Constraint(-form, "<")) for form in forms):
        return [(region, True)]
    inside = [Constraint(form, "<=") for form in forms]
    parts = [((*region, *inside), False), *((part, True) for part in complement(region, inside))]
    return [(part, is_large) for part, is_large in parts if feasible(part, net.plane.dimension)]


def complement(region: Region, constraints: Sequence[Constraint]) -> list[Region]:
    """The rest of a region, where the first, the second, ... of these constraints `<=` is the first that fails."""
    return [(*region, *constraints[:k], Constraint(-constraint.form, "<")) for k, constraint in enumerate(constraints)]


def _settling(net: Network, region: Region, old: State, new: State) -> Iterator[tuple[Region, bool]]:
    """The part of a region where a step changes nothing, and the rest in convex parts."""
    wanted = _conditions(region, old, new)
    if wanted is None:
        yield region, False
        return
    yield (*region, *wanted), True
    yield from ((part, False) for part in complement(region, wanted) if feasible(part, net.plane.dimension))


def _conditions(region: Region, old: State, new: State) -> list[Constraint] | None:
    """What keeps every new form below the old ones; None where nothing does."""
    wanted: list[Constraint] = []
    for before, after in zip(_parts(old), _parts(new), strict=True):
        if after.equals(before, region):
            continue
        for form in sorted(after.forms - before.forms):
            inside = (*region, *wanted)
            kept = next((c for c in _candidates(form, before) if feasible([*inside, c], form.dimension)), None)
            if kept is None:
                return None
            if not implied(inside, kept):
                wanted.append(kept)
    settled = (*region, *wanted)
    agree = all(b.equals(a, settled) for b, a in zip(_parts(old), _parts(new), strict=True))
    return wanted if agree else None


def _candidates(form: Affine, before: MaxPlus) -> list[Constraint]:
    return [Constraint(form - other, "<=") for other in sorted(before.forms)]


def _parts(state: State) -> list[MaxPlus]:
    return [part for delta in (state.delta_a, state.delta_w) for part in (delta.even, delta.odd, delta.scattered)]


def _pruned(state: State, region: Region) -> State:
    return State(state.delta_a.pruned(region), state.delta_w.pruned(region))


def seen(net: Network, branch: Branch, step: int = -1) -> dict[str, MaxPlus]:
    """The observables of a state of the branch, the last if not said, in the forms that count there."""
    found = observables(net, branch.states[step], branch.large[step])
    return {name: value.pruned(branch.region) for name, value in found.items()}

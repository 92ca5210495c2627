"""A cell from its faces: name, inequalities, exponents, properties, and the limit model that the signs lead to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import sympy as sp

from symlimits.derivation.polyhedra import witness
from symlimits.theory.scaling import exponents, naming
from symlimits.theory.scaling.arrangement import Piece, Seen, Signature
from symlimits.theory.scaling.branches import Region
from symlimits.theory.scaling.cells import SIZES, Cell, readable
from symlimits.theory.scaling.models import LimitModel
from symlimits.theory.scaling.one_hidden import Network


def rank(cell: Cell) -> tuple[int, bool, str]:
    """By dimension, cells that reach to infinity last, then by name: the order of a fan's cells."""
    return cell.dimension, "-" in cell.name and cell.name.split("-")[0] in ("pre", "post"), cell.name


def names(regions: Mapping[Signature, Region], equal: Sequence[Cell] | None) -> dict[Signature, str]:
    """By the named points that a cell touches, or by the `equal` cells, those of equal rates."""
    if equal is None:
        found = {signature: naming.name(region) for signature, region in regions.items()}
        return {signature: name or f"cell {k}" for k, (signature, name) in enumerate(found.items(), 1)}
    bases = {cell.signature: cell.name for cell in equal}
    return {
        signature: naming.full(bases.get(_base(signature), "cell"), signature.dominant, _growing(signature))
        for signature in regions
    }


def _base(s: Signature) -> tuple[object, ...]:
    """The signature with equal rates of the same logits and start, whose kernels evolve if some weight moves enough."""
    growing = _growing(s)
    moving = {"": max(s.delta_a, s.delta_w), "a": s.delta_w, "w": s.delta_a}[growing]
    return s.start, s.logit, s.kept, moving


def _growing(s: Signature) -> str:
    return "a" if s.delta_a > 0 else "w" if s.delta_w > 0 else ""


def cell(net: Network, name: str, s: Signature, region: Region, group: Sequence[Piece], views: Sequence[Seen]) -> Cell:
    """The cell of a signature: exponents pruned on its region, properties by their signs at a point inside."""
    symbols = net.plane.symbols
    found = {key: number.pruned(region) for key, number in views[-1].items()}
    inside = witness(region, net.plane.dimension)
    assert inside is not None
    relative = exponents.relative(found["change"], found["kernel"], region)
    moved, start = relative.at(inside), found["kernel"].at(inside)
    assert moved is not None
    assert start is not None
    evolve = moved >= 0
    formulas = {key: found[key].expr(symbols) for key in exponents.SEEN} | {
        "kernel_increment": relative.expr(symbols),
        "kernel_increment_trained": exponents.relative(found["change_trained"], found["kernel"], region).expr(symbols),
    }
    properties = {
        "logits_at_init": SIZES[s.start],
        "kernels_at_init": SIZES[(start > 0) - (start < 0)],
        "kernels": "evolve" if evolve else "constant",
        "init": "kept" if s.kept else "forgotten",
    }
    return Cell(
        name, max(piece.face.dimension for piece in group),
        tuple(readable(constraint, symbols) for constraint in region),
        {symbol.name: sp.Rational(x.numerator, x.denominator) for symbol, x in zip(symbols, inside, strict=True)},
        properties, formulas, _settling(views, region), s.dominant,
        None if _growing(s) else LimitModel.of(s.start, s.logit, evolve, s.kept),
        region, _base(s), tuple(_remarks(s)),
    )  # fmt: skip


def _remarks(s: Signature) -> Iterator[str]:
    if s.dominant != "both":
        other = "w" if s.dominant == "a" else "a"
        yield f"the kernel of {s.dominant} is the larger one: in the limit the rate of {other} is zero"
    if _growing(s):
        yield f"{_growing(s)} outgrows its start, which is forgotten"


def _settling(views: Sequence[Seen], region: Region) -> int:
    """The first step from which on every exponent is what it stays, all over the region."""
    names, final = (*exponents.SEEN, "f"), views[-1]
    for step in range(len(views) - 1, 0, -1):
        if not all(views[step][name].equals(final[name], region) for name in names):
            return step + 1
    return 1

"""Rules of the cross-entropy: probabilities of a row sum to one, and what is not pushed stays at rest."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from symlimits.derivation.trace import Rule
from symlimits.errors import NoRule
from symlimits.language.block import Block
from symlimits.language.motion import Motion
from symlimits.language.softmax import RowSoftmax

SOURCE = "derived here"
SUMS = "probabilities of a row sum to one"
CANCEL = "Summed over the classes, the softmax and the targets are one at every point: they cancel in the sum's law."


def sums_of_rows(one: Block, targets: Block, ones: Block, moving: Mapping[Block, Block]) -> Rule:
    """The sum over the columns of what moves: of probabilities, and of `targets` that are such, it is one.

    `one` is the column of ones that the sum is a product with, `ones` that of the rows; `moving` names the sums of
    blocks that move.
    """

    def factor(expr: sp.Expr) -> sp.Expr:
        """An expression times the column of ones."""
        total = sp.S.Zero
        for term in sp.Add.make_args(sp.expand(expr)):
            scalars, factors = term.args_cnc()
            last = factors[-1] if factors else None
            if isinstance(last, RowSoftmax) or last == targets:
                summed: sp.Expr = ones
            elif last is not None and last in moving:
                summed = moving[last]
            else:
                raise NoRule(f"the sum over the columns of {term}", "a softmax, targets, or what moves", "other lines")
            total += sp.Mul(*scalars, *factors[:-1], summed)
        return total

    def summed(expr: sp.Expr) -> sp.Expr:
        total = sp.S.Zero
        for term in sp.Add.make_args(sp.expand(expr)):
            scalars, factors = term.args_cnc()
            if len(factors) > 1 and factors[-1] == one and isinstance(factors[-2], Motion):
                motion = factors[-2]
                names = moving[motion.state], moving[motion.before]
                law = sp.expand(factor(motion.law))
                sum_of = Motion(*names, law, 0, motion.time, motion.order, motion.steps)
                factors = [*factors[:-2], sum_of]
            total += sp.Mul(*scalars, *factors)
        return total

    return Rule(SUMS, SOURCE, CANCEL, summed)


def _at_rest(motion: Motion) -> sp.Expr:
    """A motion from 0 whose law is 0 at rest, without its value: 0."""
    still = motion.law.subs({motion.state: sp.S.Zero, motion.before: sp.S.Zero})
    return sp.S.Zero if motion.start == 0 and sp.expand(still) == 0 else motion


at_rest = Rule(
    "rest",
    SOURCE,
    "What starts at rest at zero, and is pushed by nothing there, stays.",
    lambda expr: sp.expand(expr.replace(lambda e: isinstance(e, Motion), _at_rest)),
)

EXPLANATIONS = {SUMS: CANCEL, at_rest.name: at_rest.explanation}

r"""How training of a linear model is solved: coefficients of the gradients, the eigenbasis, one equation a mode.

A line is made of blocks: `Motion`s of matrices whose laws are affine. The rules lead from gradient descent on the
parameters to a function of the kernel. Derived here; closed forms of the flow: Lee et al. 2019, arXiv 1902.06720.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from symlimits.derivation.trace import Rule
from symlimits.errors import NoRule
from symlimits.language.block import Block, IdentityMatrix, Transposed
from symlimits.language.ensemble import MatrixCovariance, MatrixMean
from symlimits.language.matrix_scalars import LogDeterminant, TraceOf
from symlimits.language.motion import Motion, Spectral
from symlimits.language.straight_line import Definition, StraightLine

SOURCE = "derived here"
lam = sp.Symbol("lamda", nonnegative=True)  # the name that SymPy prints as the Greek letter
a, w, A, B = sp.symbols("a theta A B", real=True)  # roots a + w, a - w, and their constants
D, c, q = sp.symbols("D c q", real=True)  # the discriminant, the cosine of the angle, what is left of the start
g, h = sp.symbols("g h", real=True)  # the motion of one mode, and its velocity or last value

COEFFICIENTS = "coefficients of the gradients"
COMBINED = (
    "Every step is a combination of gradients, so that the parameters are, and products of gradients are kernels."
)


def coefficients(back: sp.Expr, state: Block, before: Block, kernels: Mapping[sp.Expr, Block]) -> Rule:
    r"""Parameters that start at 0 move in the span of the gradients: $\delta = J^\top\alpha$, and $JJ^\top = \Theta$.

    `back` is $J^\top$, or $RJ^\top$ with the rates of the parameters, `state` and `before` are the blocks of $\alpha$;
    `kernels` says what products of gradients are called.
    """
    _, first = back.args_cnc()

    def named(expr: sp.Expr) -> sp.Expr:
        for product, kernel in kernels.items():
            expr = expr.subs(product, kernel)
        return expr

    def moved(motion: Motion) -> sp.Expr:
        law = sp.expand(motion.law.xreplace({motion.state: back * state, motion.before: back * before}))
        parts = [term.args_cnc() for term in sp.Add.make_args(law)]
        if motion.start != 0 or any(factors[: len(first)] != first for _, factors in parts):
            raise NoRule(
                f"the motion of {motion.state}", f"one from 0, along {back}", "a law whose terms begin with it"
            )
        law = sp.Add(*(named(sp.Mul(*scalars, *factors[len(first) :])) for scalars, factors in parts))
        return back * Motion(state, before, law, 0, motion.time, motion.order, motion.steps)

    return Rule(
        COEFFICIENTS,
        SOURCE,
        COMBINED,
        lambda expr: named(sp.expand(expr.replace(lambda e: isinstance(e, Motion), moved))),
    )


def _in_modes(motion: Motion) -> sp.Expr:
    """A motion from 0 by an affine law, polynomials in one matrix A: a function of A times what drives it."""
    if not isinstance(motion.state, Block) or motion.start != 0:
        return motion
    moving = {motion.state: g, motion.before: h}
    law, forces, found = sp.S.Zero, dict[Block, sp.Expr](), set[sp.Expr]()
    for term in sp.Add.make_args(sp.expand(motion.law)):
        scalars, factors = term.args_cnc()
        *powers, last = [f for f in factors for f in ([f.base] * int(f.exp) if f.is_Pow else [f])]
        found |= set(powers)
        part = sp.Mul(*scalars) * lam ** len(powers)
        if last in moving:
            law += part * moving[last]
        else:
            forces[last] = forces.get(last, sp.S.Zero) + part
    drive = next((force for force in forces.values() if not force.could_extract_minus_sign()), sp.S.One)
    shares = {block: sp.simplify(force / drive) for block, force in forces.items()}
    if len(found) != 1 or not all(share.is_number for share in shares.values()):
        raise NoRule(f"the law {motion.law}", "polynomials in one matrix, and one drive", "coefficients(...) first")
    mode = Motion(g, h, law + drive, 0, motion.time, motion.order, motion.steps)
    return Spectral(mode, lam, found.pop()) * sp.Add(*(share * block for block, share in shares.items()))


eigenbasis = Rule(
    "in the eigenbasis of the kernel",
    SOURCE,
    "In an eigenbasis of the kernel each mode moves for itself, by the same law with its eigenvalue.",
    lambda expr: expr.replace(lambda e: isinstance(e, Motion), _in_modes),
)


def affine(motion: Motion) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """The law of a number as c0 + c1 state + c2 before."""
    c1, c2 = (sp.expand(sp.diff(motion.law, s)) for s in (motion.state, motion.before))
    if {motion.state, motion.before} & (c1.free_symbols | c2.free_symbols):
        raise NoRule(f"the law {motion.law}", "an affine one", "a linear model")
    return sp.expand(motion.law.subs({motion.state: 0, motion.before: 0})), c1, c2


def rest_point(motion: Motion) -> sp.Expr:
    """Where a number that moves by an affine law does not move."""
    c0, c1, c2 = affine(motion)
    return sp.factor(c0 / (1 - c1 - c2) if motion.steps else -c0 / c1)


def decay(motion: Motion) -> sp.Expr:
    """What is left at `time` of the distance to the rest point, as a share of that at the start."""
    _, c1, c2 = affine(motion)
    t = motion.time
    if motion.order == 1:
        return c1**t if motion.steps else sp.exp(c1 * t)
    return _decay_in_steps(c1, -c2, t) if motion.steps else _decay_in_time(c1, c2, t)


def _decay_in_time(c1: sp.Expr, c2: sp.Expr, t: sp.Expr) -> sp.Expr:
    r"""Of $\ddot f = c_1f + c_2\dot f$ at rest: exponentials of the roots $c_2/2 \pm \sqrt D$ of $r^2 = c_2r + c_1$."""
    constants = sp.solve([A + B - 1, A * (a + w) + B * (a - w)], [A, B])
    swing = sp.cosh(w * t) + sp.simplify((constants[A] - constants[B]) * w) * sp.sinh(w * t) / w
    half = sp.factor(c2 / 2)
    cases = _regimes(swing.subs(a, half), D)
    left = sp.exp(half * t) * sp.Piecewise(*cases)
    return StraightLine([Definition(D, half**2 + c1), Definition(w, sp.sqrt(sp.Abs(D))), Definition(q, left)], q)


def _decay_in_steps(c1: sp.Expr, mu: sp.Expr, t: sp.Expr) -> sp.Expr:
    r"""Of $f_{t+1} = c_1f_t - \mu f_{t-1}$ from $f_{-1} = f_0$: powers of the roots $\pm\sqrt\mu\,e^{\pm\theta}$.

    $\cosh\theta = c_1/2\sqrt\mu$; where this is below -1 the modes change sign at every step.
    """
    high, low = a * sp.exp(w), a * sp.exp(-w)
    constants = sp.solve([A + B - 1, A / high + B / low - 1], [A, B])
    odd = sp.expand(sp.simplify((constants[A] - constants[B]) * (sp.exp(w) - sp.exp(-w)) / 2))
    odd = sp.expand(odd.replace(sp.exp, lambda x: sp.cosh(x) + sp.sinh(x)))
    swing = sp.cosh(w * t) + odd * sp.sinh(w * t) / sp.sinh(w)
    p = sp.sqrt(mu)
    over, join, under = _regimes(swing.subs(a, p), c - 1)
    turned, turning_join, _ = _regimes((-1) ** t * swing.subs(a, -p), -c - 1)
    cases = sp.Piecewise(over, join, (under[0], c > -1), turning_join, (turned[0], sp.true))
    angle = sp.Piecewise((sp.acosh(c), c > 1), (sp.acos(c), c > -1), (sp.acosh(-c), sp.true))
    return StraightLine([Definition(c, c1 / (2 * p)), Definition(w, angle), Definition(q, p**t * cases)], q)


def _regimes(swing: sp.Expr, sign: sp.Expr) -> list[tuple[sp.Expr, sp.Basic]]:
    """Overdamped where `sign` > 0, at the join, and underdamped, where the root is iw."""
    return [(swing, sign > 0), (sp.limit(swing, w, 0), sp.Eq(sign, 0)), (swing.subs(w, sp.I * w), sp.true)]


def expanded(expr: sp.Expr) -> sp.Expr:
    """A sum of products, functions of matrices as they are."""
    known = {head: sp.Dummy(commutative=False) for head in expr.atoms(Spectral, TraceOf, LogDeterminant)}
    return sp.expand(expr.xreplace(known)).xreplace({dummy: head for head, dummy in known.items()})


def _solved(motion: Motion) -> sp.Expr:
    if not isinstance(motion.state, sp.Symbol):
        return motion
    rest = rest_point(motion)
    if motion.time == sp.oo:
        return rest
    left = decay(motion)
    return sp.factor(rest) * (1 - left) if motion.start == 0 else rest + (motion.start - rest) * left


solution = Rule(
    "solution of each mode",
    SOURCE,
    "The distance to the rest point is a sum of exponentials of time, or powers, of the roots of the characteristic "
    "equation; at infinite time, below the critical learning rate, the rest point is what is left.",
    lambda expr: expr.replace(lambda e: isinstance(e, Motion), _solved),
)


def _centred(mean: MatrixMean) -> sp.Expr:
    return expanded(mean.matrix).xreplace(dict.fromkeys(mean.random, sp.S.Zero))


centred = Rule(
    "centred outputs at the start",
    SOURCE,
    "What is random enters linearly, and has the mean zero.",
    lambda expr: expr.replace(lambda e: isinstance(e, MatrixMean), _centred),
)


def _bilinear(covariance: MatrixCovariance) -> sp.Expr:
    pairs = covariance.pairs
    random = {block for pair in pairs for block in pair}

    def parts(matrix: sp.Expr) -> list[tuple[sp.Expr, Block]]:
        terms = [term.args_cnc() for term in sp.Add.make_args(expanded(matrix))]
        return [(sp.Mul(*scalars, *factors[:-1]), factors[-1]) for scalars, factors in terms if factors[-1] in random]

    total = sp.S.Zero
    for left, u in parts(covariance.left):
        for right, v in parts(covariance.right):
            total += left * pairs.get((u, v), sp.S.Zero) * (transposed(right) if right != 1 else 1)
    return total


def transposed(product: sp.Expr) -> sp.Expr:
    """The transpose of a product: factors in turn, functions of symmetric matrices as they are."""
    scalars, factors = product.args_cnc()
    turned = [f if isinstance(f, Spectral) else Transposed(f) for f in reversed(factors)]
    return sp.Mul(*scalars, *turned)


def _shifted(head: Spectral) -> sp.Expr:
    """A function of A + s I as one of A."""
    shift, matrix = sp.S.Zero, sp.S.Zero
    for term in sp.Add.make_args(head.matrix):
        scalars, factors = term.args_cnc()
        if len(factors) == 1 and isinstance(factors[0], IdentityMatrix):
            shift += sp.Mul(*scalars)
        else:
            matrix += term
    return Spectral(head.function.subs(head.variable, head.variable + shift), head.variable, matrix)


def _merged(expr: sp.Expr) -> sp.Expr:
    """Products of functions of one matrix are functions of it, and so are their sums."""
    found: dict[tuple[tuple[sp.Expr, ...], sp.Expr, tuple[sp.Expr, ...]], sp.Expr] = {}
    others = sp.S.Zero
    for term in sp.Add.make_args(expanded(expr)):
        scalars, factors = term.args_cnc()
        factors = [f for factor in factors for f in ([factor.base] * int(factor.exp) if factor.is_Pow else [factor])]
        factors = [factor for factor in factors if not isinstance(factor, IdentityMatrix)]
        heads = [i for i, factor in enumerate(factors) if isinstance(factor, Spectral)]
        if not heads:
            others += term
            continue
        matrix, inside = factors[heads[0]].matrix, factors[heads[0] : heads[-1] + 1]
        if any(f != matrix and not (isinstance(f, Spectral) and f.matrix == matrix) for f in inside):
            raise NoRule(f"the product {term}", "functions of one matrix", "matrices that commute")
        at = sp.Mul(*(lam if f == matrix else f.function.subs(f.variable, lam) for f in inside))
        place = tuple(factors[: heads[0]]), matrix, tuple(factors[heads[-1] + 1 :])
        found[place] = found.get(place, sp.S.Zero) + sp.Mul(*scalars) * at
    for (before, matrix, after), function in found.items():
        sign = -1 if sp.factor(function).could_extract_minus_sign() else 1
        others += sign * sp.Mul(*before, Spectral(sp.factor(sign * function), lam, matrix), *after)
    return others


one_matrix = Rule(
    "functions of one matrix",
    SOURCE,
    "Functions of one matrix, and it plus a multiple of the identity, share its eigenvectors: they add and multiply.",
    lambda expr: _merged(expr.replace(lambda e: isinstance(e, Spectral), _shifted)),
)


bilinear = Rule(
    "covariances are bilinear",
    SOURCE,
    "What is random enters linearly on both sides, and covariances at the start are kernels.",
    lambda expr: expr.replace(lambda e: isinstance(e, MatrixCovariance), _bilinear),
)


def _eigenvalues(head: LogDeterminant) -> sp.Expr:
    scalars, factors = head.matrix.args_cnc() if head.matrix.is_Mul else ([], [head.matrix])
    return TraceOf(Spectral(sp.log(sp.Mul(*scalars) * lam), lam, sp.Mul(*factors)))


determinant = Rule(
    "determinant by eigenvalues",
    SOURCE,
    "The determinant is the product of the eigenvalues, its logarithm the trace of that of the matrix.",
    lambda expr: expr.replace(lambda e: isinstance(e, LogDeterminant), _eigenvalues),
)


SYMMETRY, ITS_WORDS = "symmetry of the kernel", "A covariance the other way round is the transpose."
EXPLANATIONS = {COEFFICIENTS: COMBINED, SYMMETRY: ITS_WORDS} | {
    rule.name: rule.explanation for rule in (eigenbasis, solution, centred, bilinear, one_matrix, determinant)
}

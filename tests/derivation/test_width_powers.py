"""Powers of the width that cancel between instructions: folded, against programs without them and finite networks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.errors import NoRule
from symlimits.language.tensor_program import n

X, Y = [[1, "1/2"], ["-1/3", 1]], [1, "-1/2"]
ROUNDING = 1e-12
SIGMAS = 4.9  # exceeded by a normal with probability 1e-6


def test_powers_that_cancel_are_none() -> None:
    """A matrix, vectors and scalars in other units, and what is small beside them: the lines are those without."""
    values = []
    for a, b, small in ((0, 0, 0), (sp.Rational(3, 2), -1, 1)):
        tp = sl.TensorProgram()
        W, x = tp.matrix("W", n ** (2 * a)), tp.gaussian("x", n ** (2 * b))
        h = (W @ x) * n ** (-a - b)
        g = W.T @ tp.map(lambda z, f=small: sp.tanh(z + f / n) + f * sp.sin(z) / sp.sqrt(n), h)
        m = tp.mean(g * x) * n ** (-a - b) + tp.mean(h) * small / n
        values.append(tp.limit(m).evaluate().value)
    plain, folded = values
    assert abs(plain - folded) < ROUNDING
    assert abs(plain - 0.6057) < 1e-3  # E tanh'(g)


@pytest.mark.parametrize("scaling", ["ntk", "standard"])
def test_the_kernel_regime_keeps_its_features(scaling: str) -> None:
    """Features after a step, and the kernel from gradients that grow with n: those of the recursion at the start."""
    prog = sl.training_program(sl.mlp(2, act.erf, 1, 0), X, Y, steps=1, scaling=scaling)
    tp = prog.tp
    before, after = (tp.limit(tp.mean(prog.hidden[t][0][1] ** 2)).evaluate().value for t in (0, 1))
    assert before == after
    gradient = tp.gradient(prog.outputs[0][0], prog.parameters[0]["v"])
    kernel = tp.limit(tp.mean(gradient * gradient) / n).evaluate().value
    assert kernel == pytest.approx(sl.nngp(sl.mlp(2, act.erf, 1, 0)).evaluate("5/8", "5/8", "5/8").value, abs=ROUNDING)
    assert abs(before - kernel) > 0.01  # the control: another layer's
    for step in (0, 1):
        with pytest.raises(NoRule, match="stays random"):
            prog.limit(step)


def test_deep_mean_field_networks_tend_to_their_limit() -> None:
    """All sums are means: the start of the matrix vanishes, its update does not."""
    width, nets = 128, 400
    prog = sl.training_program(sl.mlp(2, act.erf, 1, 0), X, Y, steps=2, lr=2, scaling="mean_field")
    limit = prog.limit(2)
    assert limit.order == 0.5
    value = limit.evaluate()
    found = prog.run(width, seed=0, nets=nets)[prog.outputs[2][0]]
    allowed = SIGMAS * found.std() / nets**0.5 + value.error + 1 / width
    assert abs(found.mean() - value.value) < allowed < 0.1 * value.value


def test_why_there_is_no_limit() -> None:
    tp = sl.TensorProgram()
    x, q = tp.gaussian("x", n), sp.Symbol("q", positive=True)
    with pytest.raises(NoRule, match="grows with the width n"):
        tp.limit(tp.mean(x * x))
    with pytest.raises(NoRule, match="argument grows"):
        tp.limit(tp.mean(tp.map(act.tanh, x)))
    with pytest.raises(NoRule, match=r"n\*\*q, with the width n"):
        tp.limit(tp.mean(tp.map(lambda z: z**2 * n**q + 1, x)))
    y = tp.gaussian("y")
    with pytest.raises(NoRule, match="not seen to be zero"):  # its limit is 4: what cancels was left out
        tp.limit(tp.mean(((y + x / n) ** 2 - y**2) ** 2 * n))
    assert tp.limit(tp.mean(x * x) / n**2).expr == 0
    assert tp.limit(tp.mean(tp.map(act.relu, x) ** 2) / n).evaluate().value == 0.5
    assert tp.limit(tp.mean(tp.map(act.sign, x) ** 2)).evaluate().value == 1


VANISHING = [  # means m with m -> 0, vectors x and y: of order one, or without moments, at every width
    (lambda m, x, y: 1 / (sp.sqrt(n) * m + 2), "a quotient by"),
    (lambda m, x, y: y**2 + 1 / (sp.sqrt(n) * m), "a quotient by"),
    (lambda m, x, y: sp.tanh(y + 1 / (sp.sqrt(n) * m)), "a quotient by"),
    (lambda m, x, y: y**2 + n * m**2 / (1 + n * m**2), "a quotient by"),
    (lambda m, x, y: sp.sqrt(n) / (1 + n * x**2), "all moments"),
    (lambda m, x, y: y**2 + sp.sqrt(n) / (1 + n * x**2), "all moments"),
    (lambda m, x, y: sp.exp(x**2) / n, "all moments"),
    (lambda m, x, y: y**2 + 1 / (n * x**2), "all moments"),
    (lambda m, x, y: 1 / (x + y) ** 2 / n, "a divisor without zeros"),
    (lambda m, x, y: y / (x**2 - m), "a divisor without zeros"),
]


@pytest.mark.parametrize(("function", "message"), VANISHING)
def test_what_does_not_vanish_by_its_power(function: Callable[..., sp.Expr], message: str) -> None:
    """Quotients by what tends to zero, and means that outgrow the power: no limit is said. Bounded ones do vanish."""
    tp = sl.TensorProgram()
    x, y = tp.gaussian("x"), tp.gaussian("y")
    zero, one = tp.mean(x), tp.mean(x * x)
    with pytest.raises(NoRule, match=message):
        tp.limit(tp.mean(tp.map(function, zero, x, y) + 0 * x))
    assert tp.limit(tp.mean(tp.map(lambda a, b: sp.Max(a, b / sp.sqrt(n)), x, y))).order == 0.5
    bounded = tp.map(lambda m, x, y: y**2 + 1 / (n * m) + sp.exp(x) / (n * (1 + x**2 + y**2)), one, x, y)
    assert tp.limit(tp.mean(bounded)).evaluate().value == 1


SMALL = [  # of z, of order one, at z/sqrt(n)
    (lambda z: (sp.sqrt(n) * sp.tanh(z / sp.sqrt(n)) + z) ** 2, "largest parts cancel"),
    (lambda z: sp.tanh(sp.sqrt(n) * sp.tanh(z / sp.sqrt(n))) ** 2, "argument grows"),
    (lambda z: sp.sign(sp.tanh(z / sp.sqrt(n))) * z, "of what tends to zero"),
    (lambda z: z / sp.tanh(z / sp.sqrt(n)) / n, "a quotient by"),
]


@pytest.mark.parametrize(("function", "message"), SMALL)
def test_a_function_of_what_vanishes_is_no_zero(function: Callable[[sp.Expr], sp.Expr], message: str) -> None:
    tp = sl.TensorProgram()
    with pytest.raises(NoRule, match=message):
        tp.limit(tp.mean(tp.map(function, tp.gaussian("z"))))


def test_signs_of_features_that_vanish() -> None:
    """All sums are means: the second layer starts at n^(-1/2), and the readout moves by the signs of its features."""
    prog = sl.training_program(sl.mlp(2, act.erf, 1, 0), X[:1], Y[:1], steps=1, scaling="mean_field", optimizer="sign")
    with pytest.raises(NoRule, match="of what tends to zero"):
        prog.limit(1)


def test_a_quotient_made_elsewhere_is_seen() -> None:
    tp = sl.TensorProgram()
    x = tp.gaussian("x")
    with pytest.raises(NoRule, match="a quotient by"):
        tp.limit(tp.mean(x * x) + 1 / tp.mean(x) / sp.sqrt(n))


def test_rates_of_programs() -> None:
    tp = sl.TensorProgram()
    x = tp.gaussian("x")
    assert tp.rate(tp.mean(x * x)).certify(sizes=(16, 64, 256)).ok
    with pytest.raises(NoRule, match="rate of a limit"):
        tp.rate(tp.mean(x * x) + n ** sp.Rational(-1, 4))


ON_THE_EDGE = {  # of a Gaussian vector: scalars whose limit is a jump, a pole or the end of what is real
    "a root of either sign": lambda tp, x: tp.map(sp.sqrt, tp.mean(x)),
    "a root at its end": lambda tp, x: tp.map(sp.sqrt, 1 - tp.mean(x * x)),
    "a pole behind a name": lambda tp, x: 1 / (tp.mean(tp.map(sp.Abs, x)) - sp.sqrt(2 / sp.pi)),
    "a jump behind a name": lambda tp, x: tp.map(sp.sign, tp.mean(tp.map(sp.exp, x)) - sp.exp(sp.Rational(1, 2))),
}


@pytest.mark.parametrize("name", ON_THE_EDGE)
def test_scalars_on_the_edge(name: str) -> None:
    """Their limit is that of no network: a sign of either kind is no zero. Beside the edge there is a limit."""
    tp = sl.TensorProgram()
    x = tp.gaussian("x")
    with pytest.raises(NoRule, match="tends to zero"):
        tp.limit(ON_THE_EDGE[name](tp, x))
    inside = tp.map(lambda m: sp.sqrt(m) * sp.sign(m - 1) / (m - 1), tp.mean(tp.map(sp.exp, x)))
    e = sp.exp(sp.Rational(1, 2))
    assert abs(tp.limit(inside).evaluate().value - sp.sqrt(e) / (e - 1)) < ROUNDING
    assert tp.limit(tp.map(lambda m: sp.sqrt(m**2), tp.mean(x))).expr.statements[-1].expression == 0

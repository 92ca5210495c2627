"""The Master theorem: straight lines of programs against dedicated theories, and every line against the next."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.master import MASTER, limit_lines
from symlimits.derivation.rungs import RUNGS
from symlimits.derivation.trace import Step, Trace
from symlimits.errors import NoRule
from symlimits.language.activation import Activation
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.program_handles import Scalar, mapped, mean
from symlimits.language.straight_line import Definition, StraightLine
from symlimits.language.tensor_program import Program, n
from symlimits.reading.program_sampled import sampled
from symlimits.reading.reference import reference
from symlimits.reading.rings import as_polynomial, polynomials
from symlimits.reading.straight_line import run
from tests.programs_by_hand import KERNEL_X, deep_linear, eta, gaussian, matrix, mup, s, tangent_kernel

POINT = dict(zip([*KERNEL_X[0], *KERNEL_X[1]], map(sp.Rational, ("1", "1/2", "-1/3", "3/4")), strict=True))
ROUNDING = 1e-15  # of the two values, each of a float's digits and near one, rounded to floats
QUADRATURE = 1e-12  # means of functions of two Gaussians are read to 14 digits, and divided by pivots near one


def swept(trace: Trace) -> sp.Poly:
    """The last line over polynomials in the learning rate and the target."""
    line = trace[-1].expr
    return as_polynomial(run(line, polynomials(eta, s), {eta: eta, s: s})[line.output], eta, s)


def kernel(phi: Activation, depth: int) -> float:
    """The dedicated recursion at POINT."""
    net = sl.mlp(depth=depth, activation=phi, w_var=2, b_var="1/10")
    (a, b), (c, d) = ([POINT[symbol] for symbol in row] for row in KERNEL_X)
    return float(sl.ntk(net).reference((a**2 + b**2) / 2, (c**2 + d**2) / 2, (a * c + b * d) / 2, digits=18))


def assert_lines_agree(trace: Trace, values: dict[sp.Symbol, sp.Expr]) -> None:
    """Line by line, on samples of their own; the last line moved by twice the error must be told from the first."""
    found = [sampled(step.expr, values, seed=i) for i, step in enumerate(trace)]
    for one, other in pairwise(found):
        assert abs(one.value - other.value) < one.error + other.error
    wrong = found[-1].value + 2 * (found[0].error + found[-1].error)
    assert abs(found[0].value - wrong) > found[0].error + found[-1].error


@pytest.mark.parametrize(("depth", "steps"), [(1, 4), (2, 3), (3, 3)])
def test_deep_linear_paths_as_polynomials(depth: int, steps: int) -> None:
    """Special = general; without the transpose's term wrong for two hidden layers or more."""
    program, a = deep_linear(depth, steps)
    expected = sp.Poly(sl.deep_linear(depth).polynomial(steps).expr, eta, s, domain="QQ")
    assert swept(limit_lines(program, a.place)) == expected
    uncorrected = limit_lines(program, a.place, transpose_correction=False)
    assert (swept(uncorrected) == expected) == (depth == 1)


@pytest.mark.parametrize("phi", [act.relu, act.erf], ids=["relu", "erf"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_tangent_kernels_close(phi: Activation, depth: int) -> None:
    """The derivative of a step is a Dirac mass, and multiplies a mean of zero: nothing is left unevaluated."""
    program, theta = tangent_kernel(phi, depth)
    line = limit_lines(program, theta.place)[-1].expr
    assert not line.has(GaussianExpectation, sp.DiracDelta, sp.Integral)
    assert abs(float(reference(line, POINT, 20)) - kernel(phi, depth)) < 4 * ROUNDING


def test_tangent_kernel_of_tanh_is_sampled() -> None:
    program, theta = tangent_kernel(act.tanh, 2)
    line = limit_lines(program, theta.place)[-1].expr
    assert line.has(GaussianExpectation)
    found = sampled(line, POINT)
    assert abs(found.value - kernel(act.tanh, 2)) < found.error < 1e-2


@pytest.mark.parametrize("phi", [act.relu, act.erf, act.tanh], ids=["relu", "erf", "tanh"])
def test_lines_of_tangent_kernels_agree(phi: Activation) -> None:
    program, theta = tangent_kernel(phi, 2)
    trace = limit_lines(program, theta.place)
    assert trace[0].rule == MASTER
    assert [step.rule for step in trace[1:]] == [r.name for r in RUNGS if r.name in {step.rule for step in trace}]
    assert_lines_agree(trace, POINT)


@pytest.mark.slow
@pytest.mark.parametrize("phi", [pytest.param(act.relu, marks=pytest.mark.slow), act.erf], ids=["relu", "erf"])
def test_lines_of_trained_networks_agree(phi: Activation) -> None:
    """Two hidden layers, two data, two steps: heads that no rung closes, and a transpose's term that counts."""
    program, outputs = mup(phi, 2, 2)
    trace = limit_lines(program, outputs[0].place)
    assert_lines_agree(trace, {})
    without = sampled(limit_lines(program, outputs[0].place, transpose_correction=False)[-1].expr, {})
    found = sampled(trace[-1].expr, {})
    assert abs(found.value - without.value) > found.error + without.error


def test_deep_linear_lines_agree() -> None:
    program, a = deep_linear(2, 2)
    assert_lines_agree(limit_lines(program, a.place), {eta: sp.Rational(1, 5), s: sp.Rational(3, 2)})


def test_dead_code_is_left_out() -> None:
    program, theta = tangent_kernel(act.erf, 2)
    mean(program, mapped(program, sp.Symbol("x") ** 2, gaussian(program, "unused")))
    line = limit_lines(program, theta.place)[-1].expr
    reads = set().union(*(d.expression.free_symbols for d in line.statements), line.output.free_symbols)
    assert {d.target for d in line.statements} <= reads


def transposition(phi: Activation, psi: Activation) -> tuple[Program, Scalar, Scalar]:
    """y'Ax and (A'y)'x, where x and y both saw A before."""
    p = Program()
    A, u, v = matrix(p, "A", 2), gaussian(p, "u"), gaussian(p, "v")
    y = mapped(p, lambda a, b: phi(a) + b, A @ u, v)
    x = mapped(p, lambda a, b: psi(a) + b, A.T @ y, u)
    return p, mean(p, y * (A @ x)), mean(p, (A.T @ y) * x)


@pytest.mark.parametrize(("phi", "psi"), [(act.tanh, act.erf), (act.sign, act.step), (act.relu, act.sign)])
def test_transposition_identity(phi: Activation, psi: Activation) -> None:
    """E Z^y Z^{Ax} = E Z^{A'y} Z^x, also where maps jump; not without the transpose's term."""
    p, left, right = transposition(phi, psi)
    one, other = (sampled(limit_lines(p, m.place)[-1].expr, {}, seed=i) for i, m in enumerate((left, right)))
    assert abs(one.value - other.value) < one.error + other.error
    wrong = sampled(limit_lines(p, left.place, transpose_correction=False)[-1].expr, {})
    assert abs(wrong.value - other.value) > wrong.error + other.error


def turned(*times: int) -> Trace:
    """y' A sign(A' (c_1 y) + A' (c_2 y) + ...), whose covariance is singular for several c."""
    p = Program()
    A, u = matrix(p, "A"), gaussian(p, "u")
    y = mapped(p, act.tanh, A @ u)
    first, *others = (A.T @ (y * c) for c in times)
    for other in others:
        first = first + other
    return limit_lines(p, mean(p, y * (A @ mapped(p, act.sign, first))).place)


def test_degenerate_directions() -> None:
    """Multiples of one vector are its sum, also where Stein's identity has to invert their singular covariance."""
    whole, parts = turned(4), turned(1, 3)
    value = sampled(whole[-1].expr, {}).value
    assert "l_6_4" in {str(d.target) for d in parts[-1].expr.statements}
    assert abs(sampled(parts[-1].expr, {}).value - value) < QUADRATURE
    first = sampled(parts[0].expr, {})
    assert abs(first.value - value) < first.error
    assert abs(sampled(turned(-4)[-1].expr, {}).value + value) < QUADRATURE


def test_the_width_has_to_cancel() -> None:
    p = Program()
    x = gaussian(p, "x")
    for value in (mean(p, mapped(p, lambda a: n * a**2, x)), mapped(p, lambda a: sp.sqrt(n) * a, mean(p, x))):
        with pytest.raises(NoRule, match=r"the width n.*\.exponent"):
            limit_lines(p, value.place)


@pytest.mark.parametrize(
    "function",
    [lambda u: sp.exp(u**2 / 8), lambda u: 1 / u, sp.log, sp.Function("phi")],
    ids=["exp", "1/x", "log", "phi"],
)
def test_maps_without_moments(function: Callable[[sp.Expr], sp.Expr]) -> None:
    p = Program()
    x, y = gaussian(p, "x"), gaussian(p, "y")
    with pytest.raises(NoRule, match=r"limit of (a|the) map"):
        limit_lines(p, mean(p, mapped(p, lambda u, v: u + function(v), x, y)).place)


def test_equal_scalars_are_one() -> None:
    """The covariance of A x with A y is the mean of x y: of one name in all lines but the theorem's."""
    p = Program()
    A, x = matrix(p, "A"), gaussian(p, "x")
    y = mapped(p, act.tanh, A @ x)
    gram = mean(p, y * y)
    square = mean(p, mapped(p, lambda u, m: m * sp.cos(u), A @ y, gram))
    heads = [d for d in limit_lines(p, square.place)[-1].expr.statements if d.expression.has(GaussianExpectation)]
    assert len(heads) == 1
    same = mean(p, mapped(p, lambda u: (2 * u) * (u / 2), y))
    assert float(sampled(limit_lines(p, mapped(p, lambda a, b: a - b, same, gram).place)[-1].expr, {}).value) == 0
    assert limit_lines(p, same.place)[-1].expr.output == same.symbol


def test_what_is_not_finite_in_the_limit() -> None:
    p = Program()
    x = gaussian(p, "x")
    quotient = mapped(p, lambda a, b: a / b, mean(p, x * x), mean(p, x))
    with pytest.raises(NoRule, match="finite in the limit"):
        limit_lines(p, quotient.place)


def test_jumps_at_a_limit() -> None:
    """The sign of a mean that tends to zero is 1 or -1 at every width; that of an exact zero is zero."""
    p = Program()
    x, z = gaussian(p, "x"), gaussian(p, "z", 0)
    A = matrix(p, "A")
    with pytest.raises(NoRule, match="what tends to zero"):
        limit_lines(p, mapped(p, sp.sign, mean(p, x)).place)
    exact = mean(p, mapped(p, lambda a, b: sp.sign(a) + b**2, A @ z, x))
    assert limit_lines(p, exact.place)[-1].expr.output == exact.symbol
    assert float(reference(limit_lines(p, exact.place)[-1].expr, {}, 15)) == 1


NOT_REAL = [  # maps of the limits 0 and 1 of E x and of E x^2
    lambda a, b: sp.sqrt(a - 1),
    lambda a, b: (a - b) ** sp.Rational(1, 3),
    lambda a, b: sp.log(a - 1),
    lambda a, b: sp.asin(b + 1),
    lambda a, b: sp.acos(a - 2),
    lambda a, b: sp.acosh(a),
    lambda a, b: sp.LambertW(a - 1),
    lambda a, b: (-1) ** (b / 2),
]


@pytest.mark.parametrize("function", NOT_REAL)
def test_limits_that_are_not_real(function: Callable[..., sp.Expr]) -> None:
    p = Program()
    x = gaussian(p, "x")
    scalar = mapped(p, function, mean(p, x), mean(p, x * x))
    with pytest.raises(NoRule, match=r"tends to .*real in the limit"):
        limit_lines(p, scalar.place)


INSIDE = [  # those beside them that are real
    (lambda a, b: sp.sqrt(b - a), 1),
    (lambda a, b: sp.log(b + 1), sp.log(2)),
    (lambda a, b: sp.asin(b / 2), sp.pi / 6),
    (lambda a, b: sp.acos(a - b / 2), 2 * sp.pi / 3),
    (lambda a, b: sp.LambertW(a - b / 4), sp.LambertW(sp.Rational(-1, 4))),
]


@pytest.mark.parametrize(("function", "wanted"), INSIDE)
def test_limits_inside_of_a_domain(function: Callable[..., sp.Expr], wanted: sp.Expr) -> None:
    p = Program()
    x = gaussian(p, "x")
    found = limit_lines(p, mapped(p, function, mean(p, x), mean(p, x * x)).place)[-1].expr
    assert abs(reference(found, {}, 15) - wanted) < 1e-12


def test_a_program_is_read_only() -> None:
    program, a = deep_linear(2, 2)
    before = list(program.instructions)
    first = limit_lines(program, a.place)
    assert program.instructions == before
    assert limit_lines(program, a.place) == first
    assert all(isinstance(step, Step) and isinstance(step.expr, StraightLine) for step in first)
    assert all(isinstance(d, Definition) for step in first for d in step.expr.statements)

"""Width exponents of programs: leading powers, what is certified, and where there is no rule."""

from fractions import Fraction

import mpmath
import pytest
import sympy as sp

from symlimits.derivation import calculus
from symlimits.derivation.n_series import Precision
from symlimits.derivation.orders import PRECISIONS, estimate, exponent
from symlimits.errors import NoRule
from symlimits.language.tensor_program import Formula, Gaussian, Initial, Map, Mean, Program, n

H = sp.Rational(1, 2)
THIRD = sp.Rational(1, 3)
phi = sp.Function("phi")


class Written:
    """A program that is written as formulas."""

    def __init__(self):
        self.program = Program()

    def drawn(self, name, variance=1):
        return self._symbol(Gaussian(name, sp.sympify(variance)))

    def map(self, expr):
        return self._symbol(Map(sp.sympify(expr)))

    def mean(self, expr):
        return self._symbol(Mean(sp.sympify(expr)))

    def formula(self, expr):
        return self._symbol(Formula(sp.sympify(expr)))

    def matrix(self, name, variance=1):
        return self.program.add_matrix(Initial(name, sp.sympify(variance)))

    def times(self, matrix, vector, transposed=False):
        return self.program.symbols[self.program.apply(matrix, self.program.places[vector], transposed)]

    def exponent(self, symbol):
        return exponent(self.program, self.program.places[symbol]).value

    def estimate(self, symbol, precision):
        return estimate(self.program, self.program.places[symbol], precision)

    def _symbol(self, instruction):
        return self.program.symbols[self.program.append(instruction)]


@pytest.fixture
def it():
    return Written()


def test_a_mean_obeys_the_law_of_large_numbers_or_the_central_limit_theorem(it):
    a, w = it.drawn("a"), it.drawn("w")
    assert it.exponent(it.mean(phi(w))) == 0
    assert it.exponent(it.mean(a * phi(w))) == -H
    assert it.exponent(it.mean(a**2 * phi(w))) == 0
    assert it.exponent(it.mean(a**3 * phi(w))) == -H
    assert it.exponent(it.mean(sp.tanh(w))) == -H  # odd by itself
    assert it.exponent(it.mean(sp.tanh(a * w) * a * w)) == 0  # odd in both: even


def test_powers_of_the_width_stand_in_formulas_variances_and_matrices(it):
    a, w = it.drawn("a", n ** sp.Rational(-4, 3)), it.drawn("w", 2)
    A = it.matrix("A", 3 / n)
    assert it.exponent(a) == -sp.Rational(2, 3)
    assert it.exponent(it.times(A, w)) == -H
    assert it.exponent(it.formula(n * it.mean(w**2) + n**2 * it.mean(a * w))) == 1
    assert it.exponent(it.map(a * n - w / sp.sqrt(n))) == THIRD


def test_what_is_equal_in_the_network_cancels(it):
    x, y = it.drawn("x"), it.drawn("y")
    A = it.matrix("A")
    forward, back = it.times(A, x), it.times(A, y, transposed=True)
    assert it.exponent(it.formula(it.mean(y * forward) - it.mean(back * x))) == -sp.oo
    again = it.times(A, it.map(x + y / n))
    assert it.exponent(it.map(again - forward)) == -1
    before, after = it.mean(phi(forward)), it.mean(phi(again))
    assert it.exponent(it.formula(after - before)) == -H * 3  # E phi'(h) Ay = 0: fluctuations of a small difference


def test_a_matrix_and_its_transpose_are_correlated(it):
    """For an independent matrix in place of the transpose the mean would be a fluctuation."""
    x = it.drawn("x")
    A, B = it.matrix("A"), it.matrix("B")
    bent = it.map(sp.tanh(it.times(A, x)))
    assert it.exponent(it.mean(x * it.times(A, bent, transposed=True))) == 0
    assert it.exponent(it.mean(x * it.times(B, bent, transposed=True))) == -H


def test_gaussians_of_a_matrix_and_of_its_transpose_are_independent(it):
    """One matrix used twice: x and A tanh(Ax) meet at the scale of the central limit theorem only."""
    x = it.drawn("x")
    A = it.matrix("A")
    h = it.times(A, x)
    later = it.times(A, it.map(sp.tanh(h)))
    assert it.exponent(it.mean(x * later)) == -H
    assert it.exponent(it.mean(sp.sin(x) * sp.cos(h) * later)) == -H
    assert it.exponent(it.mean(sp.cos(x) * sp.cos(later))) == 0


def test_scalars_of_order_one_may_be_random(it):
    a, w = it.drawn("a"), it.drawn("w")
    f = it.formula(sp.sqrt(n) * it.mean(a * phi(w)))
    assert it.exponent(f) == 0
    assert it.exponent(it.mean(sp.tanh(w * f) ** 2)) == 0
    assert it.exponent(it.mean(a * sp.tanh(w * f))) == -H
    assert it.exponent(it.formula(sp.exp(f) - sp.exp(f + it.mean(w) / n))) == -H * 3
    assert it.exponent(it.formula(f / it.mean(w))) == H


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        (sp.tanh(n**-THIRD) - n**-THIRD, -1),
        (sp.exp(n**-H) - 1 - n**-H, -1),
        (1 / (1 + n**-H) - 1 + n**-H - 1 / n, -H * 3),
        (sp.sqrt(n**2 + n) - n - H, -1),
        (sp.cos(n**-THIRD) - sp.exp(-(n ** (-2 * THIRD)) / 2), -4 * THIRD),
    ],
)
def test_taylor_goes_as_far_as_terms_cancel(it, formula, value):
    """The slope between two widths, at 60 digits, is what is derived."""
    m = it.drawn("w")
    assert it.exponent(it.formula(formula + 0 * m)) == value
    at = sp.lambdify(n, formula, "mpmath")
    with mpmath.workdps(60):
        ratio = at(mpmath.mpf(10) ** 24) / at(mpmath.mpf(10) ** 18)
        assert abs(mpmath.log(ratio, 10**6) - mpmath.mpf(str(sp.Float(value)))) < 1e-4  # the next power is n^-1/3


def test_what_was_left_out_is_never_certified(it):
    """The leading power of the first order is n^(-3/2), its second order is larger: 1/n."""
    a, w = it.drawn("a"), it.drawn("w")
    moved = it.map(phi(w + n ** (-H) * a * phi(w)) - phi(w))
    f = it.mean(moved)
    coarse = [it.estimate(f, p) for p in PRECISIONS[:2]]
    assert not any(said.certified for said in coarse)
    assert all(said.value >= -1 for said in coarse)  # bounds from above
    assert exponent(it.program, it.program.places[f]).order == 2
    assert it.exponent(f) == -1
    only_first_order = it.mean(phi(w).diff(w) * n ** (-H) * a * phi(w) / sp.sqrt(n))
    assert it.exponent(only_first_order) == -H * 3


def test_estimates_certify_the_truth_or_nothing(it):
    a, w = it.drawn("a"), it.drawn("w")
    h = it.map(w + n**-THIRD * a * phi(w))
    moved = phi(h) - phi(w)
    truth = {it.mean(a * phi(h)): -THIRD, it.mean(moved): -2 * THIRD, it.mean(a**2 * moved): -2 * THIRD}
    for precision in (*PRECISIONS[:4], Precision(1, Fraction(3)), Precision(3, Fraction(0))):
        for symbol, value in truth.items():
            said = it.estimate(symbol, precision)
            assert said.value == value if said.certified else said.value >= value


# ------------------------------------------------------------------ no rule


def test_maps_that_nothing_is_known_of_have_no_rule(it):
    w = it.drawn("w")
    for wrong in (1 / w, sp.log(w**2), sp.floor(w), sp.exp(w**2), sp.exp(w**3)):
        with pytest.raises(NoRule):
            it.exponent(it.mean(wrong))


RELU, STEP = (lambda z: sp.Max(0, z)), (lambda z: sp.Piecewise((1, z > 0), (0, True)))


def test_kinks_are_read_where_one_vector_is_inside(it):
    """Networks at the start, and signs of gradients: nothing crosses the kink."""
    x, v = it.drawn("x"), it.drawn("v")
    A = it.matrix("A")
    h = it.times(A, it.map(RELU(x)))
    back = it.map(v * STEP(h))
    assert it.exponent(it.mean(RELU(h) * STEP(h))) == 0
    assert it.exponent(it.mean(back * RELU(h))) == -H
    assert it.exponent(it.times(A, back, transposed=True)) == 0
    small = it.map(h / sp.sqrt(n))
    assert [it.exponent(it.mean(f)) for f in (RELU(small), STEP(small), sp.Abs(small) ** 3)] == [-H, 0, -3 * H]
    error = it.formula(it.mean(x * v) - 1)  # -1 and a fluctuation: its sign is that of -1
    pushed = it.map(error * v)
    assert it.exponent(it.mean(sp.sign(pushed) * v)) == 0
    assert it.exponent(it.mean(RELU(pushed) * v)) == 0


def test_kinks_have_no_rule_where_coordinates_cross_them(it):
    v, w = it.drawn("v"), it.drawn("w")
    moved = it.map(w + v / sp.sqrt(n))
    for kinked in (RELU, STEP, sp.Abs, sp.sign):
        with pytest.raises(NoRule, match="several powers of n"):
            it.exponent(it.mean(kinked(moved)))
    with pytest.raises(NoRule, match="several powers of n"):
        it.exponent(it.mean(sp.Piecewise((w, w > 1), (0, True)) / n + STEP(moved)))
    shrunk = it.map(w / n)
    with pytest.raises(NoRule, match="several powers of n"):
        it.exponent(it.mean(sp.Piecewise((shrunk, shrunk > 1), (0, True))))  # no degree


def test_symbolic_powers_and_other_functions_of_the_width_have_no_rule(it):
    w = it.drawn("w")
    with pytest.raises(NoRule, match="rational exponent"):
        it.exponent(it.mean(n ** sp.Symbol("q", real=True) * w))
    for expr in (sp.log(n), sp.exp(n), 2**n):
        with pytest.raises(NoRule):
            it.exponent(it.formula(expr))


def test_growing_arguments_of_maps_that_are_no_polynomials_have_no_rule(it):
    w = it.drawn("w")
    grown = it.map(sp.sqrt(n) * w)
    assert it.exponent(it.mean(grown**4 + w)) == 2
    with pytest.raises(NoRule, match="bounded arguments"):
        it.exponent(it.mean(sp.tanh(grown)))


def test_functions_of_two_vectors_have_no_rule(it):
    u, v = it.drawn("u"), it.drawn("v")
    with pytest.raises(NoRule, match="one argument"):
        it.exponent(it.mean(sp.Function("psi")(u, v)))


def test_a_quotient_by_zero_has_no_rule(it):
    u, v = it.drawn("u"), it.drawn("v")
    A = it.matrix("A")
    zero = it.mean(u * it.times(A, v)) - it.mean(it.times(A, u, transposed=True) * v)
    with pytest.raises(NoRule, match="quotient by zero"):
        it.exponent(it.formula(1 / zero))


def test_a_zero_that_no_rule_sees_is_not_taken_for_a_number(it):
    """E w tanh(w) = E tanh'(w) by Stein's identity, which is no rule here: the exponent is -1/2, and is refused."""
    w = it.drawn("w")
    bent = it.mean(w * sp.tanh(w))
    with pytest.raises(NoRule, match="told from zero"):
        it.exponent(it.formula(bent - it.mean(1 - sp.tanh(w) ** 2)))
    assert it.exponent(it.formula(bent - it.mean(2 - sp.tanh(w) ** 2))) == 0


def test_numbers_that_are_equal_unseen_are_not_told_apart_inside_maps(it):
    """Stein's identity again, in the arguments of maps: fluctuations of what is equal are no number either."""
    a, w = it.drawn("a"), it.drawn("w")
    one, other = it.mean(w * sp.tanh(w)), it.mean(1 - sp.tanh(w) ** 2)
    with pytest.raises(NoRule, match="told from zero"):
        it.exponent(it.mean(a * (sp.tanh(one * w) - sp.tanh(other * w))))
    assert it.exponent(it.mean(a * (sp.tanh(one * w) - sp.tanh(2 * other * w)))) == -H


def test_independence_and_wick_find_what_cancels(it):
    """Kernels against their estimates: differences of means that are equal in the limit are fluctuations."""
    x, a = it.drawn("x"), it.drawn("a")
    A, B = it.matrix("A"), it.matrix("B", 2)
    h, k = it.times(A, it.map(phi(x))), it.times(A, x)
    kernel = it.mean(phi(x) ** 2)
    assert it.exponent(it.formula(it.mean(h**2) - kernel)) == -H
    assert it.exponent(it.formula(it.mean(h**4) - 3 * kernel**2)) == -H
    assert it.exponent(it.formula(it.mean(h**2 * k**2) - kernel - 2 * it.mean(x * phi(x)) ** 2)) == -H
    assert it.exponent(it.formula(it.mean(h**2 * k**2) - kernel)) == 0
    assert it.exponent(it.formula(it.mean(a**2 * h**2) - kernel)) == -H
    assert it.exponent(it.formula(it.mean(it.times(B, h) ** 2) - 2 * kernel)) == -H
    back = it.times(A, h, transposed=True)  # correlated with x: no Gaussian alone
    assert it.exponent(it.formula(it.mean(back**2) - kernel)) == 0


def test_long_programs_are_refused(it, monkeypatch):
    monkeypatch.setattr(calculus, "MOST", 500)
    vectors = [it.drawn(f"x{i}") for i in range(8)]
    with pytest.raises(NoRule, match="500 monomials"):
        it.exponent(it.mean((sum(vectors) + 1) ** 8))

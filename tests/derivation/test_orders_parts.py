"""What width exponents are made of: numbers at random points, series, monomials, curves, drawn networks."""

import random
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from symlimits.derivation.adjoints import representative
from symlimits.derivation.coordinates import ONE, Applied, Coordinates, Drawn
from symlimits.derivation.curves import Y, curve
from symlimits.derivation.drawn_networks import ESTIMATES, FLUCTUATIONS, Networks
from symlimits.derivation.generic_numbers import PRIME, Indeterminates, Number, rational
from symlimits.derivation.limit_means import LimitMeans
from symlimits.derivation.n_series import Precision, Series, constant, product, total
from symlimits.derivation.program_series import ALPHA, told_from_zero
from symlimits.derivation.sign_flips import AtEveryWidth, InTheLimit

WIDE = Precision(9, Fraction(99))
phi = sp.Function("phi")


def series(terms, remainder=-float("inf")):
    """A scalar: {power: coefficient}."""
    return total([*(constant(rational(c)).shifted(Fraction(q)) for q, c in terms.items()), Series({}, remainder)])


def coefficients(value):
    return {q: level[ONE].residue for q, level in value.levels.items()}


def test_arithmetic_of_rationals_is_that_of_the_field():
    rng = random.Random(0)
    for _ in range(50):
        a, b = (sp.Rational(rng.randint(-99, 99), rng.randint(1, 99)) for _ in "ab")
        assert (rational(a) + rational(b)).residue == rational(a + b).residue
        assert (rational(a) * rational(b)).residue == rational(a * b).residue
        assert (rational(a) * rational(b)).values == pytest.approx(float(a * b))


def test_equal_polynomials_have_equal_residues_and_others_have_not():
    unknown = Indeterminates(seed=3)
    x, y = (Number(unknown(name), np.ones((1, 1))) for name in "xy")
    left = (x + y) * (x + y)
    right = x * x + rational(2) * x * y + y * y
    wrong = x * x + x * y + y * y
    assert left.residue == right.residue != wrong.residue
    assert 0 < x.residue < PRIME


def test_series_multiply_as_polynomials_in_powers_of_n():
    rng = random.Random(1)
    for _ in range(20):
        one, other = (
            {Fraction(rng.randint(-6, 6), 3): rng.randint(1, 9) for _ in range(rng.randint(1, 4))} for _ in "ab"
        )
        found = product(series(one), series(other), Coordinates().product, WIDE)
        expected: dict[Fraction, int] = {}
        for p, a in one.items():
            for q, b in other.items():
                expected[p + q] = expected.get(p + q, 0) + a * b
        assert coefficients(found) == expected


def test_what_a_window_drops_joins_the_remainder():
    value = series({0: 1, Fraction(-1, 3): 2, -1: 3})
    kept = value.kept(Fraction(1, 2))
    assert (set(kept.levels), kept.remainder) == ({0, Fraction(-1, 3)}, -1)
    squared = product(kept, kept, Coordinates().product, Precision(2, Fraction(1, 2)))
    assert (set(squared.levels), squared.remainder) == ({0, Fraction(-1, 3)}, Fraction(-2, 3))


def test_bounds_of_remainders_are_max_plus():
    one, other = series({1: 1}, Fraction(-1)), series({0: 1}, Fraction(-3))
    assert product(one, other, Coordinates().product, WIDE).remainder == -1  # n^(1-3) and n^(0-1)
    assert total([one, other]).remainder == -1
    assert total([series({0: 1, -2: 1}), Series({}, Fraction(-1))]).levels.keys() == {0}
    assert product(Series({}, Fraction(-1)), other, Coordinates().product, WIDE).remainder == -1


def test_what_cancels_is_gone():
    gone = total([series({0: 1, -1: 2}), series({0: -1})])
    assert coefficients(gone) == {-1: 2}
    assert total([gone, series({-1: -2})]) == Series()


# ---------------------------------------------------------------- coordinates


@pytest.fixture
def known():
    return Coordinates()


def test_products_commute_and_associate(known):
    a, b, c = (known.single(Drawn(i)) for i in range(3))
    assert known.product(a, known.product(b, c)) == known.product(known.product(c, a), b)
    assert known.product(ONE, a) == a != known.product(a, a)


def test_flips_see_what_is_odd_and_no_more(known):
    a, w = known.single(Drawn(0)), known.single(Drawn(1))
    level = {w: rational(2)}
    odd, even, mixed = (known.bent(curve(f), level) for f in (sp.tanh(Y), sp.exp(-(Y**2)), sp.exp(Y)))
    generic = known.bent(curve(phi(Y)), level)
    forward = known.single(Applied(0, False, mixed))
    transposed = known.single(Applied(0, True, forward))
    zero = (odd, known.product(a, generic), known.product(odd, even), forward, known.product(a, mixed))
    other = (even, mixed, generic, known.product(a, a), known.product(odd, w), known.product(forward, forward))
    for law in (AtEveryWidth(known), InTheLimit(known)):
        assert all(law.vanishes(monomial) for monomial in zero)
        assert not any(law.vanishes(monomial) for monomial in (*other, known.product(transposed, w)))


def test_the_transpose_remembers_in_the_limit(known):
    """E x A'tanh(Ax) and E (A'tanh(Ax))^3 x are not zero; with another matrix on the way back they are."""
    x = known.single(Drawn(0))
    bent = known.bent(curve(sp.tanh(Y)), {known.single(Applied(0, False, x)): rational(1)})
    same, other = (known.product(x, known.single(Applied(matrix, True, bent))) for matrix in (0, 1))
    even = known.bent(curve(sp.cos(Y)), {known.single(Applied(0, False, x)): rational(1)})
    law = InTheLimit(known)
    assert [law.vanishes(monomial) for monomial in (same, other)] == [False, True]
    assert law.vanishes(known.product(x, known.single(Applied(0, True, even))))  # E phi' = 0 for even phi


def random_monomials(known, rng, count):
    """Products of a few atoms: draws, matrices of both sides, curves; each made of earlier ones."""
    pool = [known.single(Drawn(i)) for i in range(2)]
    heads = [sp.tanh(Y), sp.cos(Y), sp.exp(-(Y**2)), sp.sin(Y + 1)]
    for _ in range(count):
        kind, inner = rng.integers(3), pool[rng.integers(len(pool))]
        if kind == 0:
            pool.append(known.single(Applied(int(rng.integers(2)), bool(rng.integers(2)), inner)))
        elif kind == 1:
            pool.append(known.bent(curve(heads[rng.integers(4)]), {inner: rational(1)}))
        else:
            pool.append(known.product(inner, pool[rng.integers(len(pool))]))
    return pool


@pytest.mark.parametrize("seed", [11, 35, 39])
def test_what_flips_show_to_vanish_vanishes_on_networks(known, seed):
    """Random products of maps, matrices and transposes: no mean that is shown zero is told from zero."""
    monomials = sorted(set(random_monomials(known, np.random.default_rng(seed), 60)))
    networks = Networks(known, {}, 400, 0, np.random.default_rng(seed + 10))
    everywhere, limit = AtEveryWidth(known), InTheLimit(known)
    zero = {m for m in monomials if everywhere.vanishes(m) or limit.vanishes(m)}
    assert any(not everywhere.vanishes(m) for m in zero)  # some are seen in the limit alone
    assert not any(told_from_zero(networks.expectation(m)) for m in zero)
    others = set(monomials) - zero
    assert sum(told_from_zero(networks.expectation(m)) for m in others) > len(others) / 2


def test_a_transpose_that_forgets_is_refuted(known, monkeypatch):
    """The control: with the transpose taken for independent, means are shown to vanish that do not."""
    monomials = sorted(set(random_monomials(known, np.random.default_rng(11), 60)))
    networks = Networks(known, {}, 400, 0, np.random.default_rng(21))
    right, wrong = InTheLimit(known), InTheLimit(known)
    monkeypatch.setattr(wrong, "partners", lambda atom: frozenset())
    added = [m for m in monomials if wrong.vanishes(m) and not right.vanishes(m)]
    assert any(told_from_zero(networks.expectation(m)) for m in added)


@pytest.mark.parametrize("seed", [11, 35])
def test_means_by_the_ladder_are_those_of_networks(known, seed):
    """Factors and pairings against direct estimates on the same networks: no difference is told from zero."""
    rng = np.random.default_rng(seed)
    pool = random_monomials(known, rng, 30)
    monomials = [known.product(*rng.choice(pool, 2).tolist()) for _ in range(80)]
    networks = Networks(known, {}, 400, 0, np.random.default_rng(seed + 10))
    unknown: set[int] = set()

    def indeterminate(monomial):
        unknown.add(monomial)
        return Number(monomial + 1, networks.expectation(monomial))

    means = LimitMeans(known, indeterminate)
    found = {m: means(m) for m in monomials}
    assert len([m for m in monomials if found[m].residue and m not in unknown]) > 3  # factored, paired or moments
    for m in monomials:
        assert not told_from_zero(networks.expectation(m) - found[m].values)


def test_signs_are_linear_algebra_modulo_two(known):
    """tanh of a sum is odd if all terms flip together, cos even; exp has no sign unless nothing inside flips."""
    a, b, c = (known.single(Drawn(i)) for i in range(3))
    level = {a: rational(1), b: rational(1)}
    odd, even, none = (known.bent(curve(head), level) for head in (sp.tanh(Y), sp.cos(Y), sp.exp(Y)))
    law = AtEveryWidth(known)
    zero = (
        odd,
        known.product(odd, c),
        known.product(even, known.product(a, known.product(a, a))),
        known.product(none, c),
    )
    other = (even, none, known.product(odd, a), known.product(none, a), known.product(known.product(even, a), b))
    assert [law.vanishes(m) for m in zero] == [True] * 4
    assert [law.vanishes(m) for m in other] == [False] * 5


def test_adjoint_means_have_one_representative(known):
    x, y, z = (known.single(Drawn(i)) for i in range(3))
    twice = known.single(Applied(0, False, known.single(Applied(1, False, x))))
    forward = known.product(known.product(y, z), twice)
    back = known.single(Applied(1, True, known.single(Applied(0, True, known.product(y, z)))))
    assert representative(known, forward) == representative(known, known.product(back, x))
    assert representative(known, forward) != representative(known, known.product(twice, x))


# --------------------------------------------------------------------- curves


@pytest.mark.parametrize(("head", "parity"), [(sp.erf(Y), -1), (sp.cos(Y), 1), (sp.exp(Y), 0), (phi(Y), 0)])
def test_parities_alternate(head, parity):
    assert [curve(head).derivative(k).parity for k in range(3)] == [parity, -parity, parity]


@pytest.mark.parametrize("head", [sp.erf(Y), sp.tanh(Y), Y / (1 + sp.exp(-Y)), phi(Y)])
def test_derivatives_on_samples_are_derivatives(head):
    """Central differences: their error is of the order of the square of the step."""
    x, step = np.linspace(-2, 2, 9), 1e-4
    for k in range(3):
        f, slope = (curve(head).derivative(j).function({}, 0) for j in (k, k + 1))
        assert (f(x + step) - f(x - step)) / (2 * step) == pytest.approx(slope(x), abs=1e-6)


def test_stand_ins_differ_by_name_and_attempt():
    x = np.linspace(-1, 1, 5)
    one, other, again = (
        curve(sp.Function(name)(Y)).function({}, seed)(x) for name, seed in (("f", 0), ("g", 0), ("f", 1))
    )
    assert not np.allclose(one, other)
    assert not np.allclose(one, again)


# ------------------------------------------------------------------- samples


def test_drawn_networks_estimate_means_and_fluctuations(known):
    x = known.single(Drawn(0))
    networks = Networks(known, {}, 2000, 0, np.random.default_rng(0))
    square = known.product(x, x)
    assert networks.expectation(square).shape == (ESTIMATES, 1)
    assert networks.fluctuation(square).shape == (1, FLUCTUATIONS)
    assert told_from_zero(networks.expectation(square) - 0.9)
    assert not told_from_zero(networks.expectation(square) - 1)  # E x^2 = 1


def test_matrices_and_transposes_are_drawn_together(known):
    """E A'Ax = x: the networks know that the transpose is correlated with the matrix."""
    x = known.single(Drawn(0))
    back = known.single(Applied(0, True, known.single(Applied(0, False, x))))
    networks = Networks(known, {}, 256, 0, np.random.default_rng(0))
    found = networks.expectation(known.product(back, x))
    assert told_from_zero(found)
    assert not told_from_zero(found - 1)
    forward = networks.fluctuation(known.product(x, known.single(Applied(0, False, x))))
    other = networks.fluctuation(known.product(known.single(Applied(0, True, x)), x))
    assert forward == pytest.approx(other, abs=1e-12)  # adjoint, up to rounding


def test_false_alarms_are_as_rare_as_is_said():
    """Noise alone, 16 columns of it, is never told from zero: the chance of a failure is at most 2,000 ALPHA."""
    assert ALPHA <= 1e-6
    rng = np.random.default_rng(0)
    assert not any(told_from_zero(rng.standard_normal((ESTIMATES, 16))) for _ in range(2_000))
    assert told_from_zero(rng.standard_normal((ESTIMATES, 16)) * 0.1 + 1)

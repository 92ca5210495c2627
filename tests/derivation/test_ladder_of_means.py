"""The rungs, each on its own: independence, parity, Wick, Gaussian determinants, Stein's identity, polynomials."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from symlimits import activations as act
from symlimits.derivation.gaussian_determinant import determinant_mean
from symlimits.derivation.independence import Parity, blocks, components
from symlimits.derivation.master import Walk, limit_lines
from symlimits.derivation.monomials import MOST, Polynomials
from symlimits.derivation.random_variables import Jump, RandomVariables
from symlimits.derivation.stein import solved
from symlimits.derivation.wick import wick
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.program_handles import mapped, mean
from symlimits.language.reciprocal import Reciprocal
from symlimits.language.tensor_program import Program
from symlimits.reading.program_sampled import sampled
from tests.programs_by_hand import gaussian, matrix

g, h, k = sp.symbols("zeta_1 zeta_2 zeta_3", real=True)
z, w = sp.symbols("z_4 z_5", real=True)
a = sp.Symbol("a", real=True)


def variables(**definitions: sp.Expr) -> RandomVariables:
    found = RandomVariables()
    for symbol in (g, h, k):
        found.gaussian(symbol)
    for name, expr in definitions.items():
        found.define(sp.Symbol(name, real=True), expr)
    return found


def table(**entries: sp.Expr):  # type: ignore[no-untyped-def]
    """Variances of one, and covariances by the names of pairs."""
    pairs = {frozenset(name.split("__")): sp.sympify(value) for name, value in entries.items()}
    return lambda u, v: sp.Integer(1) if u == v else pairs.get(frozenset((u.name, v.name)), sp.Integer(0))


def test_blocks_follow_the_covariance() -> None:
    assert set(blocks([g, h, k], table(zeta_1__zeta_3=a))) == {frozenset([g, k]), frozenset([h])}


def test_independent_factors_part() -> None:
    """An atom that rests on both keeps them together."""
    graph = variables(z_4=sp.tanh(g + h))
    apart = components(((sp.erf(g), 1), (sp.erf(h), 2)), graph, table())
    together = components(((sp.erf(g), 1), (sp.erf(h), 2), (z, 1)), graph, table())
    assert [len(part) for part in apart] == [1, 1]
    assert [len(part) for part in together] == [3]


@pytest.mark.parametrize(
    ("monomial", "covariance", "expected"),
    [
        (((sp.erf(g), 1),), table(), True),
        (((sp.erf(g), 2),), table(), False),
        (((g, 1), (sp.cos(g), 1)), table(), True),
        (((sp.erf(g), 1), (sp.erf(h), 1)), table(zeta_1__zeta_2=a), False),  # odd in both together only: even
        (((h, 1), (sp.tanh(g * h), 1), (g, 2)), table(), True),  # odd in g
        (((h, 1), (sp.tanh(g * h), 1), (g, 1)), table(), False),  # even in each
        (((g, 1), (sp.tanh(g * h), 1)), table(), True),  # odd in h
        (((sp.Max(0, g), 1), (h, 1)), table(zeta_1__zeta_2=a), False),
    ],
)
def test_parity(monomial: tuple, covariance, expected: bool) -> None:  # type: ignore[no-untyped-def, type-arg]
    assert Parity(variables()).vanishes(monomial, covariance) is expected


def test_parity_runs_through_the_graph() -> None:
    parity = Parity(variables(z_4=g**3 + sp.sin(g), z_5=sp.Symbol("z_4", real=True) ** 2 + 1))
    assert parity.sign(z, frozenset([g])) == -1
    assert parity.sign(w, frozenset([g])) == 1
    assert parity.sign(z + w, frozenset([g])) is None


def test_wick_against_moments_of_one_variable() -> None:
    """(2k - 1)!! for a single variable, and the same for equal ones under other names."""
    for half in range(5):
        assert wick(((g, 2 * half),), lambda u, v: sp.Integer(1)) == sp.factorial2(2 * half - 1)
    for powers in [(1, 5), (2, 4), (3, 3)]:
        assert wick(tuple(zip((g, h), powers, strict=True)), lambda u, v: sp.Integer(1)) == 15
    assert wick(((g, 3),), lambda u, v: sp.Integer(1)) == 0


def test_determinants_against_quadrature() -> None:
    half, third = sp.Rational(1, 2), sp.Rational(1, 3)
    C = sp.ImmutableDenseMatrix([[2, half, 0], [half, 1, -third], [0, -third, 1]])
    integrand = (1 + g * h) * k**2 * sp.exp(-(g**2) / 2 - h**2 / 3 + g * k / 5)
    value = float(determinant_mean(integrand, (g, h, k), C))
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / np.sqrt(2 * np.pi)
    root = np.linalg.cholesky(np.array(C, dtype=float))
    grid = np.stack(np.meshgrid(nodes, nodes, nodes, indexing="ij"), axis=-1) @ root.T
    f = sp.lambdify((g, h, k), integrand)(*np.moveaxis(grid, -1, 0))
    quadrature = np.einsum("i,j,k,ijk->", weights, weights, weights, f)
    assert abs(value - quadrature) < 1e-10  # Gauss-Hermite of 40 points, of a Gaussian of comparable width


def test_determinants_of_what_is_no_such_integral() -> None:
    one = sp.ImmutableDenseMatrix([[1]])
    for other in (g**2, sp.erf(g) * sp.exp(-(g**2)), sp.exp(-(g**4)), sp.exp(-(g**2) + g)):
        assert determinant_mean(other, (g,), one) is None


def test_three_exponentials_close() -> None:
    """A mean over three correlated layers' values, beyond Price's pairs: closed, and equal to the sample."""
    p = Program()
    A, xs = matrix(p, "A"), [gaussian(p, name) for name in "xy"]
    hs = [A @ xs[0], A @ (xs[0] + xs[1]), A @ (xs[0] - xs[1])]
    m = mean(p, mapped(p, lambda *us: sp.Mul(*(act.gaussian(u) for u in us)), *hs))
    trace = limit_lines(p, m.place)
    assert not trace[-1].expr.has(GaussianExpectation)
    first, last = (sampled(step.expr, {}) for step in (trace[0], trace[-1]))
    assert abs(first.value - last.value) < first.error


def test_polynomials_keep_functions_of_one_variable_whole() -> None:
    graph = variables(z_4=2 * g + a * h, z_5=sp.Symbol("z_4", real=True) * sp.Heaviside(sp.Symbol("z_4", real=True)))
    found = Polynomials(graph, lambda symbol, polynomial: polynomial)
    assert found.of(3 * w) == {((z * sp.Heaviside(z), 1),): 3}
    assert found.of(z * g) == {((g, 2),): 2, ((g, 1), (h, 1)): a}
    assert found.affine(z) == {((g, 1),): 2, ((h, 1),): a}
    assert found.affine(w) is None


def test_polynomials_of_too_many_terms_are_left_alone() -> None:
    graph = variables(z_4=(1 + g + h + k) ** 8)
    assert sp.binomial(8 + 3, 3) > MOST
    assert Polynomials(graph, lambda symbol, polynomial: polynomial).of(z) == {((z, 1),): 1}


def test_slopes_run_by_the_chain_rule() -> None:
    graph = variables(z_4=sp.erf(g) * h, z_5=sp.Symbol("z_4", real=True) ** 2)
    slope = graph.slope(w, g)
    written_out = slope.xreplace(graph.definitions).xreplace(graph.definitions)
    assert sp.simplify(written_out - ((sp.erf(g) * h) ** 2).diff(g)) == 0
    assert graph.slope(w, k) == 0


def test_slopes_of_steps_are_none() -> None:
    graph = variables(z_4=sp.Heaviside(g) * h, z_5=sp.Max(0, g))
    with pytest.raises(Jump, match="Stein"):
        graph.slope(z, g)
    assert graph.slope(z, h).xreplace(graph.definitions) == sp.Heaviside(g)
    assert graph.slope(w, g).xreplace(graph.definitions) == sp.Heaviside(g)


@pytest.mark.parametrize("singular", [False, True])
def test_elimination_solves_and_bears_singular_covariances(singular: bool) -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(4, 2 if singular else 4))
    C = root @ root.T
    slopes = rng.normal(size=4)
    moments = {i: sp.Float(value) for i, value in enumerate(C @ slopes)}
    found = solved(moments, lambda i, j: sp.Float(C[i, j]), lambda name, expr: expr, 0)
    d = np.array([float(found[i]) for i in range(4)])
    np.testing.assert_allclose(C @ d, C @ slopes, rtol=0, atol=1e-9)  # rounding over pivots down to 1e-3
    if not singular:
        np.testing.assert_allclose(d, slopes, rtol=0, atol=1e-9)


def test_reciprocals() -> None:
    p, size = sp.symbols("p size", positive=True)
    assert Reciprocal(p, size).subs({p: 4, size: 4}) == sp.Rational(1, 4)
    assert Reciprocal(p, size).subs({p: sp.Float(1e-14), size: 4}) == 0
    assert sp.latex(Reciprocal(p, size)) == "p^{+}"


def test_long_coefficients_have_names() -> None:
    p = Program()
    x, s = gaussian(p, "x"), sp.Symbol("s", positive=True)
    q = mean(p, mapped(p, lambda u: ((1 + s + s**2) * u + 1) ** 2, x))
    walk = Walk(p)
    line = walk.scalars.line(walk.run(q.place))
    assert (
        sp.expand(
            line.xreplace({})
            .output.xreplace({d.target: d.expression for d in line.statements})
            .xreplace({d.target: d.expression for d in line.statements})
            - (1 + s + s**2) ** 2
            - 1
        )
        == 0
    )

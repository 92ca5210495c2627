"""Maps whose Gaussian mean does not exist are refused, however they are put together; all others are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp
from scipy.special import dawsn, erf, gamma, i0

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.tails import LINEAR, Tails
from symlimits.derivation.tails_of_programs import ProgramTails
from symlimits.derivation.width_powers import Folded
from symlimits.errors import NoRule
from symlimits.language.tensor_program import n

SEED = 20
RULES = "not seen to (have all moments|be real)|moments"
Build = Callable[[sl.TensorProgram], object]


def test_quadratic_exponents_against_eigenvalues() -> None:
    """All moments of exp(z'Qz) exist if and only if Q has no positive eigenvalue."""
    rng, seen = np.random.default_rng(SEED), []
    z = sp.symbols("z_0:3", real=True)
    of = Tails(dict.fromkeys(z, LINEAR), {})
    for trial in range(60):
        root = sp.Matrix(rng.integers(-2, 3, (3, int(rng.integers(1, 4)))))
        Q = -(root * root.T) + (sp.Matrix(3, 3, lambda i, j: int(i == j == 0)) if trial % 2 else sp.zeros(3))
        form = sp.expand((sp.Matrix([z]) * Q * sp.Matrix(z))[0])
        if form != 0:
            exists = np.linalg.eigvalsh(np.array(Q, float)).max() < 1e-9
            assert of(sp.exp(form / 7 + z[1])).has_moments == exists
            seen.append(exists)
    assert 10 < sum(seen) < len(seen) - 10


def _matrix(tp: sl.TensorProgram) -> object:
    """W'Wx = Gaussian + x: its product with x has a square of x."""
    W, x = tp.matrix("W"), tp.gaussian("x")
    return tp.map(lambda a, b: sp.exp(a * b), W.T @ (W @ x), x)


def _two(function: Callable[..., sp.Expr]) -> Build:
    return lambda tp: tp.map(function, tp.gaussian("x"), tp.gaussian("y"))


def _chain(first: Callable[..., sp.Expr], second: Callable[..., sp.Expr]) -> Build:
    return lambda tp: tp.map(second, tp.map(first, tp.gaussian("x")))


REFUSED: dict[str, Build] = {
    "a square of a sum": _two(lambda x, y: sp.exp((x + y) ** 2)),
    "a square of a sum, which vanishes": _two(lambda x, y: sp.exp((x + y) ** 2) / n),
    "a square of a sum, beside what does not": _two(lambda x, y: x**2 + sp.exp((x + y) ** 2) / n),
    "a product": _two(lambda x, y: sp.exp(x * y / 2)),
    "a power": _two(lambda x, y: 2 ** (x * y)),
    "a hyperbolic cosine": _two(lambda x, y: sp.cosh(x * y)),
    "an odd one": _two(lambda x, y: sp.sinh(x * y)),
    "not real": _two(lambda x, y: sp.sqrt(x + y)),
    "poles": _two(lambda x, y: sp.tan(x + y)),
    "exp of a square": _chain(lambda x: x**2, sp.exp),
    "exp of exp": _chain(sp.exp, sp.exp),
    "a pole of a square": _chain(lambda x: x**2, lambda h: sp.Abs(h) ** sp.Rational(-1, 4)),
    "a product of poles": lambda tp: (lambda h: h * h * h)(tp.map("Abs(x)**(-1/4)", tp.gaussian("x"))),
    "a scalar that may be positive": lambda tp: (lambda x: tp.map(lambda x, m: sp.exp(m * x**2), x, tp.mean(x * x)))(
        tp.gaussian("x")
    ),
    "a matrix and its transpose": _matrix,
    "a falling part that is not enough": _two(lambda x, y: sp.exp(x**2 - sp.Abs(y) ** 3)),
    "a float power of what may be negative": _two(lambda x, y: (x * y) ** 0.5),
    "minus a product": lambda tp: tp.map(sp.exp, -tp.gaussian("x") * tp.gaussian("y")),
    "a square of what is negative": lambda tp: (lambda h: tp.map(sp.exp, h * h))(-tp.map(act.exp, tp.gaussian("x"))),
}


@pytest.mark.parametrize("name", REFUSED)
def test_means_that_do_not_exist(name: str) -> None:
    tp = sl.TensorProgram()
    scalar = tp.mean(REFUSED[name](tp))  # type: ignore[arg-type]
    with pytest.raises(NoRule, match=RULES):
        tp.limit(scalar)
    if "vanishes" not in name and "poles" not in name and "pole" not in name:
        with pytest.raises(NoRule, match=RULES):
            tp.exponent(scalar)


def _step_by_step(argument: Callable[..., object]) -> Build:
    """The exponential of what is made of vectors by their own operations, an instruction each."""
    return lambda tp: tp.map(act.exp, argument(tp, tp.gaussian("x")))  # type: ignore[arg-type]


def _minus_the_square_of_a_difference(tp: sl.TensorProgram, x: object) -> object:
    d = x - tp.gaussian("y")  # type: ignore[operator]
    return -(d * d)


ALLOWED: dict[str, tuple[Build, float]] = {
    "falling": (_two(lambda x, y: sp.exp(-((x + y) ** 2))), 5**-0.5),
    "falling, of a square": (_chain(lambda x: x**2, lambda h: sp.exp(-h)), 3**-0.5),
    "bounded inside": (_two(lambda x, y: sp.exp(sp.tanh(x * y)) / n + x**2), 1),
    "linear": (_two(lambda x, y: sp.exp(x + y)), np.e),
    "a logistic slope inside": (_two(lambda x, y: sp.cos(sp.exp(x) / (1 + sp.exp(x))) ** 2 / n + y**2), 1),
    "a scalar of known sign": (
        lambda tp: (lambda x: tp.map(lambda x, m: sp.exp(-m * x**2), x, tp.mean(x * x)))(tp.gaussian("x")),
        3**-0.5,
    ),
    "a square times minus one": (_step_by_step(lambda tp, x: -x * x), 3**-0.5),
    "a square times a number": (_step_by_step(lambda tp, x: x * x * sp.Rational(-1, 2)), 2**-0.5),
    "of a difference": (_step_by_step(_minus_the_square_of_a_difference), 5**-0.5),
    "a square times a negative scalar": (_step_by_step(lambda tp, x: -tp.mean(x * x) * (x * x)), 3**-0.5),
    "a product that holds a scalar": (_step_by_step(lambda tp, x: x * (-tp.mean(x * x) * x)), 3**-0.5),
    "half a square": (_step_by_step(lambda tp, x: -tp.map(act.relu, x) * tp.map(act.relu, x)), (1 + 3**-0.5) / 2),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_means_that_exist(name: str) -> None:
    """Against closed forms of Gaussian integrals."""
    build, wanted = ALLOWED[name]
    tp = sl.TensorProgram()
    scalar = tp.mean(build(tp))  # type: ignore[arg-type]
    value = tp.limit(scalar).evaluate()
    assert abs(value.value - wanted) < 1e-12 + value.error
    assert tp.exponent(scalar) == 0


@pytest.mark.parametrize("phi", [act.softplus, act.sigmoid, act.silu, act.gelu, act.elu, act.relu_power(2), act.exp])
def test_training(phi: sl.Activation) -> None:
    """Two steps of a network: tails stay polynomial, but of exp, whose slope enters its argument."""
    prog = sl.training_program(sl.mlp(2, phi, 1, 0), [[1, "1/2"], [0, 1]], [1, "-1/2"], steps=2, lr=1)
    output = prog.outputs[2][0]
    tails = ProgramTails(Folded(output.program, output.place).program)
    if phi == act.exp:
        with pytest.raises(NoRule, match="all moments"):
            tails.check(output.place)
    else:
        tails.check(output.place)
        assert max(tail.order for tail in tails.sizes.values()) == 0


SAMPLED = [  # a wave's mean over its frequencies, by Stein's identity, over its angles; an identity; absolute moments
    (lambda x, y: sp.sinc(x + y), np.pi**0.5 / 2 * erf(1)),
    (lambda x, y: sp.Si(x + y) * (x + y), np.pi**0.5 * erf(1)),
    (lambda x, y: sp.besselj(0, x + y), np.exp(-0.5) * i0(0.5)),
    (lambda x, y: sp.sech(x * y) ** 2 + sp.tanh(x * y) ** 2, 1),
    (lambda x, y: sp.Abs(x * y) ** 0.5, 2**0.5 * gamma(0.75) ** 2 / np.pi),
]


@pytest.mark.parametrize(("function", "wanted"), SAMPLED)
def test_bounded_functions_of_several_vectors(function: Callable[..., sp.Expr], wanted: float) -> None:
    tp = sl.TensorProgram()
    value = tp.limit(tp.mean(_two(function)(tp))).evaluate()  # type: ignore[arg-type]
    assert abs(value.value - wanted) < value.error < 0.01


def test_falling_parts_beside_rising_ones() -> None:
    """Parts that are nowhere positive bound an exponential from above: here by that of y."""
    tp = sl.TensorProgram()
    x, y = tp.gaussian("x"), tp.gaussian("y")
    value = tp.limit(tp.mean(tp.map(lambda a, b: sp.exp(b - sp.Abs(a) ** 4), x, y))).evaluate()
    single = tp.limit(tp.mean(tp.map(lambda a: sp.exp(-(a**4)), x))).evaluate()
    assert abs(value.value - single.value * np.e**0.5) < 1e-10


def test_an_unknown_function_is_named() -> None:
    """Its growth is not known: that it is not real is not said."""
    tp = sl.TensorProgram()
    with pytest.raises(NoRule, match="as the growth of coth of several vectors is not known"):
        tp.limit(tp.mean(_two(lambda x, y: sp.coth(x + y))(tp)))  # type: ignore[arg-type]


WAVES = [  # whose complex exponentials have no real part in closed form: their means are not zero
    (lambda x: sp.sin(x**2), (1 - 4j) ** -0.5),
    (lambda x: sp.sin(x**2) * x**2, 2 * (1 - 4j) ** -1.5),
    (lambda x: sp.cos(x**2), 1j * (1 - 4j) ** -0.5),
    (lambda x: sp.sin(sp.Abs(x)), 2 * dawsn(1) / np.pi**0.5 * 1j),
    (lambda x: sp.sin(x) * sp.exp(-(x**2)) * x, 2j * np.exp(-1 / 5) / 5**1.5),
]


@pytest.mark.parametrize(("function", "wave"), WAVES)
def test_waves_of_squares_and_of_sizes(function: Callable[[sp.Expr], sp.Expr], wave: complex) -> None:
    """At variance 2, against the imaginary part of a complex Gaussian integral."""
    tp = sl.TensorProgram()
    value = tp.limit(tp.mean(tp.map(function, tp.gaussian("x", 2)))).evaluate()
    assert abs(value.value - wave.imag) < 1e-10
    assert abs(wave.imag) > 0.1

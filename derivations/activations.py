"""All activations of symlimits: formula of the dual, how it is computed, how long it takes, how wrong it is.

Prints the table of docs/activations.md (`python derivations/activations.py > docs/activations.md`). The worst error is
that of the compiled value against quadrature of the definition in mpmath, relative to the size of the kernel, at
variances from 1/1024 to 1024 and correlations from -1 to 1, both included.
"""

import os
import sys
import tempfile
import time
from unittest import mock

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.activations import FORMULAS
from symlimits.canvas import figure, save
from symlimits.errors import DomainError
from symlimits.finite.network import numpy_function
from symlimits.language.activation import x
from symlimits.reading.latex import latex

FAMILIES = {
    "leaky_relu(1/10)": act.leaky_relu("1/10"),
    "relu_power(2)": act.relu_power(2),
    "relu_power(3)": act.relu_power(3),
    "monomial(3)": act.monomial(3),
    "hermite(3)": act.hermite(3),
    "polynomial(1, 1/2, 1/4)": act.polynomial([1, "1/2", "1/4"]),
    "x erf(x)": sl.activation("x*erf(x)"),
    "x exp(-x^2/2)": sl.activation("x*exp(-x**2/2)"),
    "erf(x) + x/10": sl.activation("erf(x) + x/10"),
    "elu": act.elu,
}
# p, q, correlation; where it is one, numbers that float64 holds, since a step sees the root of a rounded covariance
POINTS = [
    ("1/1024", "1/1024", "1"),
    ("1/1024", "1024", "-1"),
    ("1000", "1000", "1"),
    ("1/100", "30", "-1/2"),
    ("1", "1", "1"),
    ("3", "1/2", "-9/10"),
    ("1000", "1000", "-1"),
    ("1/1000", "100", "1/2"),
]
DIGITS, ENOUGH = 16, 1e-12


def worst_error(T: sl.Limit) -> float:
    """The largest error over the points, in units of sqrt(T(p, p, p) T(q, q, q))."""
    errors = []
    for p, q, rho in POINTS:
        c = sp.Rational(rho) * sp.sqrt(sp.Rational(p) * sp.Rational(q))
        definition = sl.Derivation(T.trace[:1], T.domain, T.arguments)
        try:
            size = (T.evaluate(p, p, p).value * T.evaluate(q, q, q).value) ** 0.5
            truth = definition.reference(p, q, c, digits=DIGITS)
        except DomainError:  # exp at a variance of 1000 is no float, and at 100 too fast for the quadrature
            continue
        errors.append(abs(float(truth - T.evaluate(p, q, c).value)) / size)
    return max(errors)  # an error itself where no point is left


def activations() -> dict[str, sl.Activation]:
    """Every named activation, and examples of the families and of formulas."""
    return {**{name: getattr(act, name) for name in FORMULAS}, **FAMILIES}


def formula(T: sl.Limit) -> str:
    """The dual as it is printed: the closed form, or the expectation."""
    return f"${latex(T.expr)}$" if T.has_closed_form else r"$\mathbb E\,\phi(u)\phi(v)$"


def derived_afresh(phi: object) -> tuple[sl.Limit, float]:
    """The dual and the seconds it takes to derive, with nothing on disk from before."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, SYMLIMITS_CACHE_DIR=folder):
        start = time.perf_counter()
        return sl.dual(phi), time.perf_counter() - start


def row(name: str, phi: object) -> tuple[str, float]:
    """A line of the table, and its error."""
    T, seconds = derived_afresh(phi)
    method = "closed form" if T.has_closed_form else "series, panels"
    error = worst_error(T)
    return f"| {name} | {formula(T)} | {method} | {seconds:.2f} | {error:.0e} |", error


def picture(path: str) -> None:
    """Duals against the correlation, at variances of one, and means over neurons."""
    drawn, rho, few = figure(5.6, 3.6), np.linspace(-1, 1, 201), np.linspace(-0.9, 0.9, 7)
    axes, rng = drawn.subplots(), np.random.default_rng(0)
    u, w = rng.normal(size=(2, 10_000))
    for number, name in enumerate(("relu", "erf", "gelu", "sin", "sign", "softplus")):
        phi = getattr(act, name)
        axes.plot(rho, sl.dual(phi)(1.0, 1.0, rho), color=f"C{number}", label=name)
        of = numpy_function(phi.expr, x)
        means = [np.mean(of(u) * of(r * u + np.sqrt(1 - r**2) * w)) for r in few]
        axes.plot(few, means, "o", markersize=3.5, color=f"C{number}")
    axes.set(xlabel="correlation c, at p = q = 1", ylabel="T(1, 1, c)")
    axes.legend(frameon=False, fontsize=8, title="points: 10,000 neurons", title_fontsize=8)
    save(drawn, path)


def main() -> None:
    print("# Activations\n")
    print("Dual activations $T(p, q, c)$, variances p and q, covariance c; the seconds to derive them, with nothing on")
    print(
        "disk from before. The worst error is that of compiled values against quadrature of the definition in mpmath,"
    )
    print("in units of $\\sqrt{T(p,p,p)\\,T(q,q,q)}$, at these (p, q; correlation):", end=" ")
    print(", ".join(f"({p}, {q}; {rho})" for p, q, rho in POINTS) + ",")
    print("where the kernel is a float and the quadrature reaches it. Written by `derivations/activations.py`.\n")
    print("| activation | $T(p, q, c)$ | method | seconds | worst error |\n|---|---|---|---|---|")
    rows = [row(name, phi) for name, phi in activations().items()]
    print("\n".join(line for line, _ in rows))
    if max(error for _, error in rows) > ENOUGH:
        raise SystemExit(1)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()

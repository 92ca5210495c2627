r"""The posterior of the infinitely wide network as lines: jointly Gaussian outputs and data.

Given data $y = f_x + \varepsilon$, outputs are $\mathrm{Cov}(f_z, y)\,\mathrm{Cov}(y, y)^{-1}Y$ and what is left of
$f_z$ without its projection on y, which is independent of y (Gaussian conditioning). Derived here.
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from symlimits.derivation.linear_motion import ITS_WORDS, SYMMETRY, bilinear, determinant, lam, one_matrix
from symlimits.derivation.trace import Rule
from symlimits.errors import DomainError
from symlimits.language.block import IdentityMatrix, Transposed
from symlimits.language.ensemble import MatrixCovariance
from symlimits.language.matrix_scalars import LogDeterminant, TraceOf
from symlimits.language.motion import Spectral
from symlimits.language.names import shown
from symlimits.matrices import MatrixDerivation, derived
from symlimits.matrix_letters import Y, at, epsilon, k, kernel, n, sigma
from symlimits.theory.training.statements import AT_START

SOURCE = "Williams and Rasmussen 1995; Lee et al. 2018, arXiv 1711.00165; derived here"
data = at("f", "x") + epsilon
PAIRS = [*AT_START, (epsilon, epsilon, sigma**2 * IdentityMatrix(n))]

symmetric = Rule(
    SYMMETRY,
    SOURCE,
    ITS_WORDS,
    lambda expr: expr.subs(Transposed(kernel("K", "w", "x")), kernel("K", "x", "w")),
)


@lru_cache(maxsize=4)
def posterior_statement(quantity: str = "mean") -> MatrixDerivation:
    r"""The "mean" of outputs at test inputs z given Y, their "covariance" with those at w, or the log "evidence" of Y.

    >>> posterior_statement("mean").expr
    K_zx*[1/(lamda + sigma**2) at lamda = K_xx]*Y
    >>> posterior_statement("covariance").expr
    K_zw - K_zx*[1/(lamda + sigma**2) at lamda = K_xx]*K_xw
    >>> posterior_statement("evidence").expr
    -k*tr([log(2*pi*(lamda + sigma**2)) at lamda = K_xx])/2 - tr(Y'*[1/(lamda + sigma**2) at lamda = K_xx]*Y)/2
    >>> posterior_statement("evidence").check().ok
    True
    """
    if quantity == "mean":
        spread = MatrixCovariance(data, data, PAIRS)
        line = MatrixCovariance(at("f", "z"), data, PAIRS) * Spectral(1 / lam, lam, spread) * Y
        rules: tuple[Rule, ...] = (bilinear, one_matrix)
        name = r"\mathbb{E}[f(z) | Y]"
    elif quantity == "covariance":
        inverse = Spectral(1 / (lam + sigma**2), lam, kernel("K", "x", "x"))
        left, right = (at("f", place) - kernel("K", place, "x") * inverse * data for place in "zw")
        line = MatrixCovariance(left, right, PAIRS)
        rules = (bilinear, symmetric, one_matrix)
        name = r"\operatorname{Cov}(f(z), f(w) | Y)"
    elif quantity == "evidence":
        spread = MatrixCovariance(data, data, PAIRS)
        square = TraceOf(Transposed(Y) * Spectral(1 / lam, lam, spread) * Y)
        line = -k * LogDeterminant(2 * sp.pi * spread) / 2 - square / 2
        return derived(line, "Gaussian density", (bilinear, determinant, one_matrix), r"\log p(Y)", SOURCE)
    else:
        raise DomainError(f"quantity = {shown(quantity)}", "'mean', 'covariance' or 'evidence'", "quantity='mean'")
    return derived(line, "Gaussian conditioning", rules, name, SOURCE)

r"""The posterior of the infinitely wide network as lines: jointly Gaussian outputs and data.

Given data $y = f_x + \varepsilon$, outputs are $\mathrm{Cov}(f_z, y)\,\mathrm{Cov}(y, y)^{-1}Y$ and what is left of
$f_z$ without its projection on y, which is independent of y (Gaussian conditioning). Derived here.
"""

from __future__ import annotations

from functools import lru_cache

from symlimits.derivation.linear_motion import bilinear, lam, one_matrix
from symlimits.derivation.trace import Rule
from symlimits.errors import DomainError
from symlimits.language.block import IdentityMatrix, Transposed
from symlimits.language.ensemble import MatrixCovariance
from symlimits.language.motion import Spectral
from symlimits.language.names import shown
from symlimits.matrices import MatrixDerivation, derived
from symlimits.matrix_letters import Y, at, epsilon, kernel, n, noise
from symlimits.theory.training.statements import AT_START

SOURCE = "Williams and Rasmussen 1995; Lee et al. 2018, arXiv 1711.00165; derived here"
data = at("f", "x") + epsilon
PAIRS = [*AT_START, (epsilon, epsilon, noise * IdentityMatrix(n))]

symmetric = Rule(
    "symmetry of the kernel",
    SOURCE,
    "A covariance the other way round is the transpose.",
    lambda expr: expr.subs(Transposed(kernel("K", "w", "x")), kernel("K", "x", "w")),
)


@lru_cache(maxsize=4)
def posterior_statement(quantity: str = "mean") -> MatrixDerivation:
    r"""The "mean" of outputs at test inputs z given Y, or their "covariance" with those at w.

    >>> posterior_statement("mean").expr
    K_zx*[1/(lamda + sigma2) at lamda = K_xx]*Y
    >>> posterior_statement("covariance").expr
    K_zw - K_zx*[1/(lamda + sigma2) at lamda = K_xx]*K_xw
    >>> posterior_statement("covariance").check().ok
    True
    """
    if quantity == "mean":
        spread = MatrixCovariance(data, data, PAIRS)
        line = MatrixCovariance(at("f", "z"), data, PAIRS) * Spectral(1 / lam, lam, spread) * Y
        rules: tuple[Rule, ...] = (bilinear, one_matrix)
        name = r"\mathbb{E}[f(z) | Y]"
    elif quantity == "covariance":
        inverse = Spectral(1 / (lam + noise), lam, kernel("K", "x", "x"))
        left, right = (at("f", place) - kernel("K", place, "x") * inverse * data for place in "zw")
        line = MatrixCovariance(left, right, PAIRS)
        rules = (bilinear, symmetric, one_matrix)
        name = r"\operatorname{Cov}(f(z), f(w) | Y)"
    else:
        raise DomainError(f"quantity = {shown(quantity)}", "'mean' or 'covariance'", "quantity='mean'")
    return derived(line, "Gaussian conditioning", rules, name, SOURCE)

r"""The posterior of the infinitely wide network as lines: jointly Gaussian outputs and data.

Given data $y = f_x + \varepsilon$, outputs are $\mathrm{Cov}(f_z, y)\,\mathrm{Cov}(y, y)^{-1}Y$ and what is left of
$f_z$ without its projection on y, which is independent of y (Gaussian conditioning). Derived here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy as sp
from mpmath import mp

from symlimits.derivation.linear_motion import bilinear, lam, one_matrix
from symlimits.derivation.trace import Rule, Step
from symlimits.errors import DomainError
from symlimits.language.block import Block, IdentityMatrix, Transposed
from symlimits.language.domain import natural_domain
from symlimits.language.ensemble import MatrixCovariance
from symlimits.language.motion import Spectral
from symlimits.language.names import shown
from symlimits.theory.training.statements import AT_START, DIGITS, MatrixDerivation, Y, at, k, kernel, n, random_values

SOURCE = "Williams and Rasmussen 1995; Lee et al. 2018, arXiv 1711.00165; derived here"
noise = sp.Symbol("sigma2", positive=True)
epsilon = Block("epsilon_x", (), (n, k))
data = at("f", "x") + epsilon
PAIRS = [*AT_START, (epsilon, epsilon, noise * IdentityMatrix(n))]

symmetric = Rule(
    "symmetry of the kernel",
    SOURCE,
    "A covariance the other way round is the transpose.",
    lambda expr: expr.subs(Transposed(kernel("K", "w", "x")), kernel("K", "x", "w")),
)


class PosteriorDerivation(MatrixDerivation):
    """Lines of a posterior; random matrices hold noise from sources of its own."""

    def _random(self, seed: int) -> tuple[dict[str, Any], dict[sp.Symbol, sp.Expr]]:
        blocks, numbers = random_values(seed, self.sizes)
        rows, sources = blocks["f_x"].rows, self.sizes["P"]
        deviation = sp.Rational(1 + seed % 7, 5)
        with mp.workdps(2 * DIGITS):
            root = mp.zeros(rows, sources + rows)
            root[:, sources:] = mp.mpf(deviation.p) / deviation.q * mp.eye(rows)
            for name in ("f_x", "f_z", "f_w"):
                wide = mp.zeros(blocks[name].rows, sources + rows)
                wide[:, :sources] = blocks[name]
                blocks[name] = wide
        return blocks | {"epsilon_x": root}, numbers | {noise: deviation**2, n: sp.Integer(rows)}


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
    trace = [Step(line, "Gaussian conditioning", SOURCE)]
    for rule in rules:
        trace.append(rule.step(trace[-1].expr))
    domain = natural_domain(noise + n + k)
    return PosteriorDerivation(tuple(trace), domain, (), name, SOURCE)

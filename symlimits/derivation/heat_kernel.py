r"""The heat kernel of the hyperbolic plane: what a spherical integral of Gaussians is."""

from __future__ import annotations

import sympy as sp

from symlimits.derivation.mellin import gaussian
from symlimits.derivation.trace import Rule
from symlimits.language.spherical import SphericalIntegral

u = sp.Symbol("u", positive=True)


def _heat_kernel(head: SphericalIntegral) -> sp.Expr:
    r"""By $Q_{w-1/2}(\cosh\rho) = \int_\rho^\infty e^{-wu}\,du/\sqrt{2(\cosh u - \cosh\rho)}$ the lines part.

    What is left, $4\int(\varphi_1(G + u)\varphi_2'(G - u) - \varphi_1'(G + u)\varphi_2(G - u))\dots$, has Gaussians
    $\varphi_j(X) = \frac1{2\pi i}\int h_j(w)e^{-wX}dw$, whose logarithmic slopes are $(B_j - X)/2A$.
    """
    found = [gaussian(f, head.variable) for f in (head.first, head.second)]
    if None in found or found[0][:2] != found[1][:2]:  # type: ignore[index]
        return head
    (A, B, level), (_, _, other) = found  # type: ignore[misc]
    x, y = (sp.expand_log(sp.log(value), force=True) for value in head.eigenvalues)
    G, rho = sp.expand((x + y) / 2), sp.expand((x - y) / 2)
    front = sp.exp(sp.expand(level + other)) * sp.exp(-((G - B) ** 2) / (2 * A)) / (sp.pi * A**2)
    kernel = u * sp.exp(-(u**2) / (2 * A)) / sp.sqrt(2 * (sp.cosh(u) - sp.cosh(rho)))
    return front * sp.Integral(kernel, (u, rho, sp.oo))


heat_kernel = Rule(
    "the heat kernel of the hyperbolic plane",
    "McKean 1970",
    "With Legendre's function as Abel's integral both line integrals part; of Gaussians they are Gaussians.",
    lambda expr: expr.replace(lambda node: isinstance(node, SphericalIntegral), _heat_kernel),
)

r"""Depth: how variances and correlations of signals move from layer to layer of a wide random network.

A module an idea: `statements` derives the maps, their slopes and the critical line; `decay` the algebraic rates there,
by expansion and dominant balance; `moments` and `layer` are the maps in floats with bounds of their errors, `phase` is
one point of the plane, `rate` one critical point beside networks of ten thousand layers (`iteration`), `diagram` the
object, `picture` the plane.
"""

from __future__ import annotations

from symlimits.errors import DomainError
from symlimits.language.activation import activation as as_activation
from symlimits.theory.depth.diagram import CriticalLine, PhaseDiagram
from symlimits.theory.depth.phase import FixedPoint, Phase
from symlimits.theory.depth.rate import Decay
from symlimits.theory.kernels import dual

__all__ = ["CriticalLine", "Decay", "FixedPoint", "Phase", "PhaseDiagram", "phase_diagram"]


def phase_diagram(activation: object) -> PhaseDiagram:
    r"""The phase diagram of deep networks with an activation, at random weights and biases.

    $q_{\ell+1} = V(q_\ell) = \sigma_w^2\,\mathbb E\phi(u)^2 + \sigma_b^2$, $u \sim N(0, q_\ell)$; at its fixed point
    $q^*$ two inputs move by $\rho_{\ell+1} = R(\rho_\ell)$, of slope $\chi_1 = \sigma_w^2\,\mathbb E\phi'(u)^2$ at one:
    ordered below 1, chaotic above, critical at 1, where the decay is algebraic.

    `activation` is an activation, a formula, or an expression in one symbol. Returns a `PhaseDiagram` with the
    derivations `.variance_map`, `.variance_slope`, `.chi`, `.correlation_map`; `.at(w_var, b_var, start)`, the fixed
    point, phase and depth scales; `.critical_line()`, functions of $q^*$; `.decay(w_var, b_var)`, the algebraic rate;
    and `.picture(path)`. Raises `DomainError` for an activation that jumps, whose $\chi_1$ is infinite, where
    $\mathbb E\phi^2$ is, and for a constant one. Source: Poole et al. 2016, arXiv 1606.05340; Schoenholz et al. 2017,
    arXiv 1611.01232.

    >>> from symlimits import activations as act
    >>> diagram = phase_diagram(act.erf)
    >>> diagram.critical_line().w_var.expr
    pi*sqrt(4*q + 1)/4
    >>> diagram.at(w_var=4, b_var="1/20").phase
    'chaotic'
    """
    phi = as_activation(activation)
    dual(phi)  # refuses infinite moments
    if phi.derivative().expr == 0:  # refuses jumps
        raise DomainError(f"the activation {phi.expr}, which forgets its input", "one that is not constant", "act.erf")
    return PhaseDiagram(phi)

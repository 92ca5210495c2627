r"""The initialisation-corrected mean field, the limit with all four properties of a finite network.

$f^{(k)} = f^{(k)}_{MF} - f^{(0)}_{MF} + f^{(0)}_{NTK}$, trained through the corrected logit: the mean-field network
moves, and the logit starts from that of the NTK scaling, whose variance is one (Golikov 2020, arXiv 2006.06574).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from symlimits.finite.frozen_training import FrozenTraining
from symlimits.finite.one_hidden import WidthPowers
from symlimits.theory.scaling.cells import SIZES
from symlimits.theory.scaling.convergence import Wide
from symlimits.theory.scaling.fan import Fan, one_hidden_layer
from symlimits.theory.scaling.models import LimitModel
from symlimits.theory.scaling.problem import Functions


@dataclass(frozen=True, eq=False)
class InitialisationCorrected:
    """The corrected network of a fan's mean field and NTK: its exponents, properties, limit and finite networks.

    >>> model = initialisation_corrected()
    >>> print(model.properties)  # doctest: +NORMALIZE_WHITESPACE
    {'logits_at_init': 'finite', 'kernels_at_init': 'finite', 'kernels': 'evolve', 'init': 'kept'}
    >>> model.limit_model
    LimitModel(dynamics='measure, start kept', gradients=('logit', 'logit'))
    """

    fan: Fan

    @property
    def exponents(self) -> dict[str, sp.Rational]:
        """Those of the mean field at its vertex, the initial logit's of the NTK at its own."""
        moving, starting = (self.fan[name].values for name in ("MF", "NTK"))
        return moving | {"f_init": starting["f_init"]}

    @property
    def properties(self) -> Mapping[str, str]:
        """The four properties by the signs of the exponents."""
        return {
            "logits_at_init": SIZES[_sign(self.exponents["f_init"])],
            "kernels_at_init": SIZES[_sign(self.exponents["kernel"])],
            "kernels": "evolve" if self.exponents["kernel_increment"] == 0 else "constant",
            "init": "kept" if self.exponents["f_init"] >= self._change else "forgotten",
        }

    @property
    def limit_model(self) -> LimitModel:
        """The limit: a measure that moves, and the Gaussian process of the start in every logit."""
        start, later = _sign(self.exponents["f_init"]), _sign(sp.Max(self.exponents["f_init"], self._change))
        evolve, kept = self.properties["kernels"] == "evolve", self.properties["init"] == "kept"
        return LimitModel.of(start, later, evolve, kept)

    @property
    def powers(self) -> WidthPowers:
        """How the finite networks scale: the mean field's powers, and the NTK's for the logit at the start."""
        moving, starting = self.fan["MF"].witness, self.fan["NTK"].witness
        q_sigma, q = float(moving["q_sigma"]), float(moving["q"])
        return WidthPowers(q_sigma, q, q, float(starting["q_sigma"]))

    def wide(self, sigma: float = 1.0, eta: float = 1.0) -> Wide:
        """The family of networks with these factors, to be held against the limit by `convergence`."""
        start, later = self.exponents["f_init"], sp.Max(self.exponents["f_init"], self._change)
        return Wide(self.powers, float(start), float(later), sigma, eta, self.fan.phi)

    def experiment(self, quantity: str, nets: int = 16) -> FrozenTraining:
        """Training of the finite networks with given gradients."""
        functions = Functions.of(self.fan.phi)
        return FrozenTraining(functions.phi, functions.slope, self.powers, quantity, nets)

    @property
    def _change(self) -> sp.Rational:
        return sp.Max(*(self.exponents[name] for name in ("f_a", "f_w", "f_aw")))


def initialisation_corrected(activation: object = "x/(1+exp(-x))") -> InitialisationCorrected:
    """The initialisation-corrected mean field of an activation; raises what `one_hidden_layer` raises.

    >>> initialisation_corrected().exponents["f_init"]
    0
    """
    return InitialisationCorrected(one_hidden_layer(activation=activation))


def _sign(number: sp.Rational) -> int:
    return int(sp.sign(number))

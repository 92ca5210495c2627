"""Scaling of hyperparameters with width: exponents, limit models, parameterisations."""

from __future__ import annotations

from symlimits.theory.scaling.abc import Parameterisations, abc
from symlimits.theory.scaling.abc_point import Point
from symlimits.theory.scaling.cells import Cell, Verdict
from symlimits.theory.scaling.claims import corrected_limit, exponent_limit
from symlimits.theory.scaling.convergence import Convergence, Wide, convergence
from symlimits.theory.scaling.depth import DepthExponents, depth_exponents
from symlimits.theory.scaling.fan import Fan, one_hidden_layer
from symlimits.theory.scaling.initialisation_corrected import InitialisationCorrected, initialisation_corrected
from symlimits.theory.scaling.measured import measurements
from symlimits.theory.scaling.models import LimitModel
from symlimits.theory.scaling.named import named
from symlimits.theory.scaling.named import table as named_table

__all__ = [
    "Cell",
    "Convergence",
    "DepthExponents",
    "Fan",
    "InitialisationCorrected",
    "LimitModel",
    "Parameterisations",
    "Point",
    "Verdict",
    "Wide",
    "abc",
    "convergence",
    "corrected_limit",
    "depth_exponents",
    "exponent_limit",
    "initialisation_corrected",
    "measurements",
    "named",
    "named_table",
    "one_hidden_layer",
]

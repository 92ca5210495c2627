"""Scaling of hyperparameters with width: exponents, limit models, parameterisations."""

from __future__ import annotations

from symlimits.theory.scaling.abc import Parameterisations, abc
from symlimits.theory.scaling.abc_point import Point

__all__ = ["Parameterisations", "Point", "abc"]

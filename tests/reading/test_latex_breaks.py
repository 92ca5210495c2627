"""Where long formulas are broken: every piece stays whole, and no row is wider than the page."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.language.architecture import Repeat
from symlimits.reading.latex import PAGE
from symlimits.reading.latex_text import balanced, rendered_width
from symlimits.theory.mixtures.matrix_lines import characteristic
from symlimits.theory.mixtures.mixing import MixingLaw
from symlimits.theory.training.posterior_lines import posterior_statement
from symlimits.theory.training.statements import statement


def test_an_expectation_whose_law_holds_another_is_broken_behind_its_law() -> None:
    """Behind a LayerNorm: brackets of the inner law were taken for those of the outer expectation."""
    block = sl.LayerNorm(), act.erf, sl.Dense("sigma_w**2", "sigma_b**2")
    assert balanced(sl.nngp(sl.serial(sl.Dense("sigma_w**2", "sigma_b**2"), Repeat(block, "L"))).latex())


@pytest.mark.parametrize(
    "lines",
    [
        statement("covariance", "end"),
        posterior_statement("covariance"),
        characteristic(MixingLaw(None, sp.Rational(1, 2)), 2, np.eye(2)),
        characteristic(MixingLaw((5, 3), None), 2, np.eye(2)),
    ],
    ids=["covariance", "posterior", "two outputs in the limit", "two outputs"],
)
def test_covariances_and_spherical_integrals_fit_the_page(lines: sl.Derivation) -> None:
    """The widest formula beside the widest name of a rule: columns of `align` are as wide as their widest rows."""
    rows = [row.split("&&") for row in lines.latex().splitlines()[1:-1] if "rlap" not in row]
    formulas, reasons = [rendered_width(row[0]) for row in rows], [rendered_width(row[1]) for row in rows if row[1:]]
    assert max(formulas) + max(reasons) <= PAGE

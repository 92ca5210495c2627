"""The lines of a posterior without noise against the mixture over q, and its first order in the ratio."""

import numpy as np
import pytest
import sympy as sp

from symlimits.theory.mixtures import output_law
from symlimits.theory.mixtures.mixing import MixingLaw
from symlimits.theory.mixtures.posterior_lines import at_zero, evidence, first_order, scale

ROUTES = 1e-10
K = np.array([[1.0, 0.3, -0.2], [0.3, 0.8, 0.1], [-0.2, 0.1, 1.2]])
y = np.array([1.5, -0.7, 0.4])


@pytest.mark.parametrize("arguments", [{"widths": (5, 3, 4)}, {"ratio": "1/2"}], ids=str)
@pytest.mark.parametrize("points", [1, 3])
def test_lines_are_the_mixture(arguments, points):
    law = output_law(**arguments)
    kernel, targets = K[:points, :points], y[:points]
    post, r = law.posterior(kernel, targets), float(targets @ np.linalg.solve(kernel, targets))
    found = np.log(evidence(law.mixing, points)(r)) - 0.5 * np.linalg.slogdet(kernel)[1]
    assert abs(found - post.log_evidence) < ROUTES
    assert abs(scale(law.mixing, points)(r) / post.mixing.mean - 1) < ROUTES


@pytest.mark.slow
def test_every_line_of_the_evidence_equals_the_next():
    assert evidence(MixingLaw((4, 4), None), 2).check().ok


@pytest.mark.parametrize("arguments", [(2, 2), (3, 1, 1)])
def test_every_line_at_zero_equals_the_next(arguments):
    assert at_zero(*arguments).check().ok


@pytest.mark.parametrize("points", [1, 2, 3])
def test_the_first_order_is_a_slope(points):
    """Richardson's quotient at two ratios is off by their product, a wrong slope by itself."""
    kernel, targets = K[:points, :points], y[:points]
    r = float(targets @ np.linalg.solve(kernel, targets))
    base = output_law(widths=()).posterior(kernel, targets).log_evidence
    slopes = []
    for a in (1e-4, 2e-4):
        post = output_law(ratio=str(a)).posterior(kernel, targets)
        slopes.append(np.array([post.log_evidence - base, post.mixing.mean - 1]) / a)
    expected = [float(sp.sympify(term).subs(dict.fromkeys(term.free_symbols, r))) for term in first_order(points)]
    np.testing.assert_allclose(2 * slopes[0] - slopes[1], expected, atol=1e-5)
    assert (np.abs(expected) > 1e-2).all()

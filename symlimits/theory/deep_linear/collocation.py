r"""Collocation at Radau's points: the implicit rule of order 2s - 1 that a stiff flow is integrated by.

On a step of length h from 0 the solution is a polynomial of degree s that has the right velocity at the points $c_jh$:
$\theta(c_ih) = \theta(0) + h\sum_jA_{ij}F_j$, with $c_s = 1$. The coefficient of the last of Legendre's polynomials in
its velocity tells how well it follows. Source: Hairer and Wanner, Solving Ordinary Differential Equations II, IV.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import legendre

from symlimits.finite.deep_linear_training import Array


@dataclass(frozen=True)
class Collocation:
    """Radau's rule with s points, on the step from 0 to 1.

    >>> rule = Collocation(2)
    >>> rule.points.round(12), rule.integrals.round(12)[-1]
    (array([0.33333333, 1.        ]), array([0.75, 0.25]))
    """

    count: int

    @cached_property
    def points(self) -> Array:
        """The roots of $P_s - P_{s-1}$ on the step, in rising order; the last is its end."""
        roots = legendre.legroots([0.0] * (self.count - 1) + [-1.0, 1.0])
        return np.append((np.sort(roots.real)[:-1] + 1) / 2, 1.0)

    @cached_property
    def integrals(self) -> Array:
        """The matrix A: from velocities at the points to what they add up to, (s, s)."""
        P = legendre.legvander(2 * self.points - 1, self.count)
        n = np.arange(1, self.count)
        whole = np.concatenate([P[:, :1] + P[:, 1:2], (P[:, 2:] - P[:, :-2]) / (2 * n + 1)], axis=1) / 2
        return np.asarray(whole @ self._coefficients)

    @cached_property
    def unresolved(self) -> Array:
        """From what is added at the points to the last coefficient of the velocity times h, (s,): zero if resolved."""
        return np.asarray(np.linalg.solve(self.integrals.T, self._coefficients[-1]))

    def weights(self, places: Array) -> Array:
        """From what is added at the points to what is added at other places of the step, or beyond it, (n, s)."""
        at, nodes = np.asarray(places)[:, None, None], np.append(0.0, self.points)
        others = np.array([np.delete(nodes, j) for j in range(1, self.count + 1)])
        return np.asarray(np.prod((at - others) / (self.points[:, None] - others), axis=-1))

    @cached_property
    def _coefficients(self) -> Array:
        """From values at the points to coefficients of Legendre's polynomials."""
        return np.asarray(np.linalg.inv(legendre.legvander(2 * self.points - 1, self.count - 1)))

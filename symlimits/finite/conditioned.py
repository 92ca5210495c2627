r"""The conditioned backward pass: a layer's effect on P inputs and on P derivatives, without its weights.

Let Q be an orthonormal basis of a space that holds the features, h = Q R. The forward pass meets W in W Q only,
which is a Gaussian matrix of r = min(n, P) columns. Given it, W = (W Q) Q^T + W' (I - Q Q^T) with W' new and
independent, so that for derivatives b, which depend on W through W Q alone,
$$W^\top b = Q\,(W Q)^\top b + (I - Q Q^\top)\,W'^\top b,\qquad W'^\top b = F\,S,\quad b = Q_b S,\ F = W'^\top Q_b .$$
F has independent N(0, 1) entries. A layer costs (N + n) P^2 operations in place of N n P, and the law of
the tangent kernel is that of the whole network at every width. Derived here; the conditioning is that of Bolthausen
(2014), used for networks by Yang, arXiv 2006.14548.

Householder's Q is orthonormal whatever the rank of h, so that equal, parallel or vanishing inputs need no care.
"""

from __future__ import annotations

import numpy as np

from symlimits.finite.rows import Array, WayBack


def conditioned(h: Array, outputs: int, batch: int, rng: np.random.Generator) -> tuple[Array, WayBack]:
    """W h, and the way back b -> W^T b, for new weights (batch, outputs, n) and h (batch or 1, n, P).

    The way back may be taken once: a second b would need the weights conditioned on the first.

    >>> h = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    >>> forward, back = conditioned(h, outputs=3, batch=1, rng=np.random.default_rng(0))
    >>> b = np.ones((1, 3, 2))  # what is met on both ways is the same W: (W h)^T b = h^T (W^T b)
    >>> np.allclose(forward.swapaxes(1, 2) @ b, h.swapaxes(1, 2) @ back(b))
    True
    """
    Q, R = np.linalg.qr(h)
    along = rng.standard_normal((batch, outputs, Q.shape[-1]))

    def back(b: Array) -> Array:
        S = np.asarray(np.linalg.qr(b, mode="r"))
        fresh = rng.standard_normal((batch, h.shape[-2], S.shape[-2])) @ S
        seen = along.swapaxes(-1, -2) @ b
        return fresh + Q @ (seen - Q.swapaxes(-1, -2) @ fresh)

    return along @ R, back

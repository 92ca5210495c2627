r"""How limits of logits move: by a constant tangent kernel, or with a law of weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import sympy as sp
from scipy.special import expit, ndtri

from symlimits.derivation.price import c, derive, p, q
from symlimits.finite.one_hidden import OneHidden, Weights, train
from symlimits.language.activation import Activation
from symlimits.language.expectation import pair_expectation
from symlimits.reading.compiled import compiled
from symlimits.theory.scaling.problem import Problem

Array = npt.NDArray[np.float64]
Gradient = Callable[[int, Array], Array]  # of the step and F at the data
u, v = sp.symbols("u v", real=True)
REPEATS = 8  # independent sets of particles: their spread is known to a quarter of itself
EDGE = 2.0**-32  # of the unit cube, where a normal quantile would be infinite


def gradient(rules: tuple[str, str], asked: Problem) -> Gradient:
    """The gradient by the rule of step 0, and by that of later steps."""
    y = asked.y

    def g(step: int, F: Array) -> Array:
        match rules[min(step, 1)]:
            case "zero":
                return np.broadcast_to(-y / 2, F.shape)
            case "saturated":
                return -y * (y * F < 0)
        return -y * expit(-y * F)

    return g


def constant_kernel(asked: Problem, g: Gradient, keeps_start: bool) -> tuple[Array, Array]:
    r"""$F^{k+1} = F^k - \frac1n\sum_i\Theta_0(x, x_i) g^k_i$; a first F that is forgotten counts as zero in the sum."""
    n, (eta_a, eta_w) = len(asked.X), asked.rates
    features = covariance(asked.phi, asked.points, asked.X)
    slopes = covariance(asked.phi.derivative(), asked.points, asked.X) * (asked.points @ asked.X.T)
    tangent = asked.sigma**2 * (eta_a * features + eta_w * slopes)
    F = [start(asked)]
    total = F[0] if keeps_start else np.zeros_like(F[0])
    for step in range(asked.steps):
        total = total - tangent @ g(step, F[-1][:n]) / n
        F.append(total)
    return np.array(F), np.zeros((len(F), len(total)))


def measure(asked: Problem, g: Gradient, keeps_start: bool) -> tuple[Array, Array]:
    r"""The law of (a, w) moves: $F^k = \sigma_*\int a\,\phi(w\cdot x)\,d\mu^k$, by quasi-random particles.

    Particles are the neurons of a network in mean-field scaling, so that the finite twin moves them.
    """
    particles = particle_sets(asked.particles, asked.X.shape[1], asked.seed)
    count, first, n = particles.a.shape[1], start(asked), len(asked.X)
    rates = (asked.rates[0] * count, asked.rates[1] * count)
    net = OneHidden(asked.functions.phi, asked.functions.slope, asked.sigma / count, rates)
    kept = first if keeps_start else np.zeros_like(first)

    def of_particles(step: int, logits: Array) -> Array:
        return g(step, logits + kept[:n] if step else np.broadcast_to(first[:n], logits.shape))

    states = train(net, particles, asked.X, asked.steps, of_particles, at=asked.points[n:])
    sets = np.array([state.logits + kept for state in states])  # (steps + 1, REPEATS, points)
    sets[0] = first
    return sets.mean(axis=1), sets.std(axis=1, ddof=1) / REPEATS**0.5


def particle_sets(particles: int, dimension: int, seed: int) -> Weights:
    """Quasi-random normal particles (a, w) and (-a, w), REPEATS independent sets: scrambled Sobol points.

    A set has the least power of two that gives `particles` in all.

    >>> particle_sets(1000, 3, seed=0).a.shape
    (8, 128)
    """
    from scipy.stats import qmc  # slow to import

    half = max(-(-particles // (2 * REPEATS)) - 1, 1).bit_length()
    streams = np.random.default_rng(seed).spawn(REPEATS)
    sets = [qmc.Sobol(1 + dimension, rng=stream).random_base2(half) for stream in streams]
    normal = ndtri(np.clip(sets, EDGE, 1 - EDGE))
    a, w = normal[..., 0], normal[..., 1:]
    return Weights(np.concatenate([a, -a], axis=1), np.concatenate([w, w], axis=1))


def start(asked: Problem) -> Array:
    r"""The limit of the logits at the start, a draw of the Gaussian process $GP(0, \sigma_*^2\,\mathbb E\phi\phi)$."""
    if asked.given_start is not None:
        return asked.given_start
    gram = asked.sigma**2 * covariance(asked.phi, asked.points, asked.points)
    values, vectors = np.linalg.eigh(gram)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ np.random.default_rng(asked.seed).standard_normal(len(gram))


def covariance(phi: Activation, X: Array, Z: Array) -> Array:
    r"""$\mathbb E\,\phi(w\cdot x)\phi(w\cdot z)$ for standard normal w, (n, m): the dual activation, compiled.

    >>> from symlimits.activations import linear
    >>> covariance(linear, np.eye(2), np.ones((1, 2)))
    array([[1.],
           [1.]])
    """
    head = pair_expectation(phi(u) * phi(v), u, v, p, q, c)
    line = derive(head)[-1].expr
    sizes, others = (X**2).sum(axis=1)[:, None], (Z**2).sum(axis=1)[None, :]
    inner = np.clip(X @ Z.T, -np.sqrt(sizes * others), np.sqrt(sizes * others))
    if not line.free_symbols:
        return np.full(inner.shape, float(line))
    return compiled(line, (p, q, c), head)(*np.broadcast_arrays(sizes, others, inner))

r"""The derivative of a kernel recursion on data: Gram matrices of $\partial K/\partial\sigma$, layer by layer.

Read off the recursion of (y, dy), as `lower_recursion` reads that of y: a Dense layer is affine, and the rates of its
variances are the coefficients in the map of dy; the rate of an activation's dual is the total differential of its
compiled step (`rate_source`), or stands in expectations by Price's theorem, where there is no closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from symlimits.errors import DataError, NoRule
from symlimits.language.activation import x
from symlimits.language.expectation import GaussianExpectation
from symlimits.language.recursion import Recursion
from symlimits.memory import check_memory
from symlimits.reading.cache import load_source
from symlimits.reading.gram_data import as_output, as_rows, check_norms, check_same_dimension
from symlimits.reading.gram_input import Floats, input_gaps, row_norms, signed_gap
from symlimits.reading.joins_of_maps import RESIDUAL, is_norm, layer_join
from symlimits.reading.lower_recursion import PairMap, branch_length, c, check_bound, dense_update, factors, pair_map
from symlimits.reading.rate_layers import Dual, Moving, Pairs, Update, added, advanced, constant, identity
from symlimits.reading.rate_sampled import sampled_dual
from symlimits.reading.rate_source import pair_source
from symlimits.reading.real import as_reals, plain

_TANGENT = 4  # states of a tangent kernel
ARRAYS = 24  # of the size of the result, about, while a layer is computed
_dimension = sp.Symbol("d", positive=True)

Map = tuple[sp.Expr, ...]


@dataclass(frozen=True)
class RateKernel:
    """The derivative of a kernel on data: `kernel(X)`, `kernel(X, Z)`; `both` gives the kernel beside it."""

    expr: Recursion

    def __call__(self, X: Any, Z: Any = None, out: Any = None, **others: Any) -> Any:
        """The Gram matrix (n, m) of derivatives for data X (n, d) and Z (m, d); Z = X when left out."""
        if others:
            raise DataError(f"a value for {next(iter(others))}", "X, Z or out", "K(X), K(X, Z) or K(X, Z, out=array)")
        first = as_rows(X, "X")
        second = first if Z is None else as_rows(Z, "Z")
        result = None if out is None else as_output(out, "out", (len(first), len(second)), first, second)
        rate = self.both(first, Z)[1]
        if result is None:
            return rate
        result[:] = rate
        return result

    def both(self, X: Any, Z: Any = None) -> tuple[Floats, Floats]:
        """The Gram matrices (n, m) of the kernel and of its derivative."""
        first = as_rows(X, "X")
        second = first if Z is None else as_rows(Z, "Z")
        check_same_dimension(first, second)
        check_memory(8 * ARRAYS * len(first) * len(second), "a derivative of this shape", "fewer rows at a time")
        recursion = self.expr.subs(_dimension, first.shape[1])
        p, q, gaps = _input_kernel(first, second, same=Z is None)
        found = _output(recursion, p[:, None], q[None, :], gaps)
        return _symmetric(found) if Z is None else (found.value, found.rate)

    def pairs(self, p: Any, q: Any, c: Any) -> Any:
        """The derivative where the input kernel has the values p = K(x, x), q = K(z, z), c = K(x, z)."""
        values = as_reals((p, q, c), "pqc")
        return self.pairs_with_gap(values[0], values[1], signed_gap(*values))

    def pairs_with_gap(self, p: Any, q: Any, gap: Any) -> Any:
        """The same with the signed gap of the input correlation, rho = copysign(1 - |gap|, gap)."""
        given: list[Any] = [np.asarray(value, dtype=np.float64) for value in (p, q, gap)]
        first, second, gaps = np.broadcast_arrays(*given)
        return plain(_output(self.expr, first, second, gaps).rate.reshape(gaps.shape)[()])

    @property
    def source(self) -> str:
        """The generated sources of the activations' steps, one after the other."""
        duals = _layers(self.expr)[1]
        return "\n\n".join(pair_source(pair) for pair in dict.fromkeys(duals) if not pair.dual.has(GaussianExpectation))


def _input_kernel(X: Floats, Z: Floats, same: bool) -> tuple[Floats, Floats, Floats]:
    """Variances of the rows and signed gaps of all pairs."""
    norms = [row_norms(X), row_norms(Z)]
    for name, values, rows in zip("XZ", norms, (X, Z), strict=True):
        check_norms(values, rows, name)
    inverses = [np.divide(1.0, n, out=np.zeros_like(n), where=n > 0.0) for n in norms]
    products = X @ Z.T
    gaps = np.empty_like(products)
    for i, row in enumerate(X):
        input_gaps(gaps[i], products[i], row, Z, inverses[0][i], inverses[1])
    if same:
        np.fill_diagonal(gaps, 0.0)
    gaps[norms[0] == 0.0, :] = 1.0
    gaps[:, norms[1] == 0.0] = 1.0
    return norms[0] ** 2 / X.shape[1], norms[1] ** 2 / X.shape[1], gaps


def _symmetric(found: Moving) -> tuple[Floats, Floats]:
    """Both sides of the diagonal alike."""
    value, rate = (0.5 * (matrix + matrix.T) for matrix in found)
    return value, rate


def _output(recursion: Recursion, p: Floats, q: Floats, gaps: Floats) -> Moving:
    """The output and its derivative: the first Dense layer, then layer by layer."""
    updates, duals = _layers(recursion)
    tangent = len(recursion.states) == 2 * _TANGENT
    nothing = constant(np.zeros(gaps.shape))
    pairs = Pairs(constant(p), constant(q), constant(np.abs(gaps)), np.copysign(1.0, gaps), nothing)
    steps = iter(duals)
    past: list[Pairs] = []
    keep = any(isinstance(update, int) for update in updates)
    for update in updates:
        if isinstance(update, int):
            after = added(pairs, past[-update])
        elif update is _ACTIVATION:
            after = advanced(pairs, _dual(next(steps), pairs, tangent), update)
        else:
            after = advanced(pairs, identity(pairs), update)
        past = [*past, pairs] if keep else past
        pairs = after
    found = pairs.Theta if tangent else pairs.kernel
    shape = np.broadcast_shapes(gaps.shape, found.value.shape)
    return Moving(*(np.broadcast_to(part, shape) for part in found))


def _moving(value: sp.Expr | float, rate: sp.Expr | float = 0.0) -> Moving:
    return Moving(np.float64(float(value)), np.float64(float(rate)))  # type: ignore[arg-type]


_ACTIVATION = Update(_moving(1.0), _moving(0.0), _moving(0.0), _moving(0.0))


@lru_cache(maxsize=64)
def _layers(recursion: Recursion) -> tuple[list[Update | int], list[PairMap]]:
    """Updates in their order, and the activations; an integer is the length of the branch that a sum ends."""
    check_bound(recursion)
    if len(recursion.states) > 2 * _TANGENT:
        given = "a compiled derivative of a derivative"
        raise NoRule(given, "a first derivative", "`.reference(...)`, or differences of first derivatives")
    half = len(recursion.states) // 2
    states, rates = recursion.states[:half], recursion.states[half:]
    updates: list[Update | int] = [_first_update(recursion, half)]
    duals: list[PairMap] = []
    for layer in recursion.repeated():
        if is_norm(layer[:half], states) or layer_join(layer[:half], states) not in (None, RESIDUAL):
            given = "the compiled derivative of a kernel with LayerNorm, Concat or Product"
            raise NoRule(given, "dense layers, activations and residual blocks", "`.reference(...)`, exact but slower")
        if branch_length(layer):
            updates.append(branch_length(layer))
        elif dense_update(layer[:half], states) is not None:
            updates.append(_dense(layer[:half], layer[half:], states, rates))
        else:
            _check_chain_rule(layer[half:], rates)
            updates.append(_ACTIVATION)
            duals.append(pair_map(layer[:half], states))
    return updates, duals


def _first_update(recursion: Recursion, half: int) -> Update:
    values, moving = recursion.start[:half], recursion.start[half:]
    return _update(values[2], moving[2], values[-1], moving[-1], c)


def _dense(layer: Map, moving: Map, states: Sequence[sp.Symbol], rates: Sequence[sp.Symbol]) -> Update:
    """w, b, t_T, t_1 and their rates: coefficients of K_xz in the maps, at derivatives zero, and at Theta zero."""
    still = dict.fromkeys(rates, 0)
    theta = {states[3]: 0} if len(states) == _TANGENT else {}
    kernel, tangent = (sp.expand(maps[2].subs(still)) for maps in (layer, moving))
    last, moving_last = (sp.expand(maps[-1].subs(still).subs(theta)) for maps in (layer, moving))
    return _update(kernel, tangent, last, moving_last, states[2])


def _update(kernel: sp.Expr, moving: sp.Expr, last: sp.Expr, moving_last: sp.Expr, variable: sp.Symbol) -> Update:
    def split(line: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
        line = sp.expand(line)
        return line.coeff(variable), line.subs(variable, 0)

    pairs = (*zip(split(kernel), split(moving), strict=True), *zip(split(last), split(moving_last), strict=True))
    return Update(*(_moving(value, rate) for value, rate in pairs))


def _check_chain_rule(moving: Map, rates: Sequence[sp.Symbol]) -> None:
    """The rate of an activation comes from its arguments alone: a parameter of its own that moves is not compiled."""
    if any(line.subs(dict.fromkeys(rates, 0)) != 0 for line in moving):
        given = "a compiled derivative in a parameter of an activation"
        raise NoRule(given, "a parameter of the Dense layers", "`.reference(...)`, which needs no compiled code")


def _dual(pair: PairMap, pairs: Pairs, tangent: bool) -> Dual:
    """The activation at all pairs; dot counts with a tangent kernel alone."""
    if pair.dual.has(GaussianExpectation):
        return sampled_dual(factors(pair.dual)[0], x, pairs, tangent)
    module = load_source(pair_source(pair))
    signed = np.copysign(pairs.gap.value, pairs.side)
    with np.errstate(all="ignore"):  # machine code divides before it looks whether it may
        P, Q = (Moving(*module.diagonal(*moving)) for moving in (pairs.p, pairs.q))
        rates = pairs.p.rate, pairs.q.rate, P.rate, Q.rate, pairs.gap.rate
        found = module.step(pairs.p.value, pairs.q.value, P.value, Q.value, signed, *rates)
    T, dot, Gamma = (Moving(found[i], found[i + 3]) for i in range(3))
    sign = pairs.side if pair.parity == "odd" else np.ones_like(pairs.side)
    return Dual(P, Q, T, dot, Gamma, sign)

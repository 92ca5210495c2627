r"""Limiting kernels of wide networks: dual activations, the NNGP kernel, the neural tangent kernel.

With $T_\phi(p,q,c) = \mathbb E\,\phi(u)\phi(v)$ and $\dot T = \partial_c T$, in NTK parameterisation
$$K^{l+1} = \sigma_w^2 T_\phi(K^l) + \sigma_b^2, \qquad
  \Theta^{l+1} = K^{l+1} + \sigma_w^2\,\dot T_\phi(K^l)\,\Theta^l, \qquad
  K^1 = \Theta^1 = \sigma_w^2\,x\cdot z/d + \sigma_b^2$$
(Lee et al. 2019, arXiv 1902.06720, section 2 and appendix; Jacot et al. 2018, arXiv 1806.07572). In the
standard parameterisation the gradients lose the factors: $\Theta^{l+1} = N_l T + 1 + \sigma_w^2\dot T\,\Theta^l$,
$\Theta^1 = x\cdot z + 1$ (arXiv 2001.07301). Where weights and biases have learning rates of their own, $\eta_w$ and
$\eta_b$ times that of training, the part of a layer is taken so many times, $\Theta = \sum_l\eta_l\Theta_l$: with
$\eta_w\sigma_w^2T_\phi + \eta_b\sigma_b^2$ for $K^{l+1}$ in the recursion of $\Theta$. A residual block h + f(h),
whose branch f ends with a Dense layer, adds to both what its branch makes of them: $K' = K + K_f$,
$\Theta' = \Theta + \Theta_f$, since the last weights of the branch are centred and independent of its input.

The maps are not typed here: they are the limits that the Master theorem gives for one layer as a tensor program,
forward and backward (`programs/layer_step.py`), for any activation, variance and number of inputs; here those of the
layer are put in. What a residual block adds is that of h + W phi(h) less that of its branch.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from functools import lru_cache, singledispatch
from importlib import import_module
from typing import Any

import sympy as sp

from symlimits.derivation.master import SOURCE as MASTER
from symlimits.derivation.price import c, derive, derive_lines, p, q
from symlimits.errors import DomainError, NoRule
from symlimits.finite.expectation_experiment import ANTITHETIC
from symlimits.language.activation import Activation, activation, x
from symlimits.language.architecture import (
    Concat,
    Dense,
    Layer,
    LayerNorm,
    Product,
    Repeat,
    Residual,
    Serial,
    branches_of,
    counts,
)
from symlimits.language.domain import CORRELATION, NONNEGATIVE, POSITIVE, Domain, natural_domain
from symlimits.language.expectation import pair_expectation
from symlimits.language.image_layers import IMAGE_LAYERS, AvgPool, Conv, Flatten, GlobalAvgPool
from symlimits.language.names import shown
from symlimits.language.recursion import Earlier, Recursion
from symlimits.limits import Limit
from symlimits.theory.branch_maps import Map, concatenated, multiplied, normalized, side_by_side
from symlimits.theory.kernel_doors import check_moments, check_names
from symlimits.theory.layer_order import check_order
from symlimits.theory.programs.kernel_link import KernelProgram
from symlimits.theory.programs.layer_step import (
    K_xx,
    K_xz,
    K_zz,
    N,
    Theta,
    activation_step,
    b,
    b_rate,
    dense_step,
    phi,
    put_in,
    residual_step,
    slope,
    w,
    w_rate,
)
from symlimits.theory.twin import Twin, features

u, v, rho = sp.symbols("u v rho", real=True)
dimension = sp.Symbol("d", positive=True)
PAIR = Domain({p: POSITIVE, q: POSITIVE, rho: CORRELATION}, {c: rho * sp.sqrt(p * q)}, "c^2 <= p q")
LAYERWISE = "Master theorem, layer by layer"
LEE = "Lee et al. 2019, arXiv 1902.06720"

Block = tuple[tuple[Map, ...], sp.Expr]
OWN = (p, q, c, rho, u, v, x, dimension, K_xx, K_zz, K_xz, Theta)  # symbols of the statements themselves
Weights = Dense | Conv
WEIGHTLESS = (Activation, AvgPool, GlobalAvgPool, Flatten)  # what stands in one block with the weights after it
IMAGES = "symlimits.theory.images"  # loaded for networks of images only


def dual(phi: object) -> Limit:
    r"""The dual activation $T_\phi(p, q, c) = \mathbb E\,\phi(u)\phi(v)$, (u, v) Gaussian and centred.

    p and q are the variances of u and v, c their **covariance** (not their correlation). The closed
    form is derived by Price's theorem where the rules reach it; otherwise the only line is the
    expectation, and values come from quadrature. `phi` is an activation, a formula, or an expression
    in one symbol. Raises `DomainError` where $\mathbb E\phi^2$ is infinite for some variances, `FormulaError` for what
    is no formula. Source: Price 1958.

    >>> from symlimits import activations as act
    >>> T = dual(act.relu)
    >>> T.expr
    (c*(asin(c/(sqrt(p)*sqrt(q))) + pi/2) + sqrt(-c**2 + p*q))/(2*pi)
    >>> T(1.0, 1.0, 0.0) == T.dot()(1.0, 1.0, 0.0) * 2 / 3.141592653589793
    True
    """
    phi = activation(phi)
    check_names(phi.parameters, OWN)
    check_moments(phi)
    trace = derive(pair_expectation(phi(u) * phi(v), u, v, p, q, c))
    domain = Domain({**PAIR.ranges, **natural_domain(sp.Add(*phi.parameters)).ranges}, PAIR.dependent, PAIR.note)
    return Limit(
        trace, domain, (p, q, c), "T(p, q, c)", "derived here; Price 1958",
        experiment=Twin(features(phi), "nngp", sampler=ANTITHETIC),
        observable=r"mean of $\phi(w \cdot x) \phi(w \cdot z)$ over the units of one hidden layer",
        regime="every width", order=0, general=KernelProgram(features(phi), "nngp"),
    )  # fmt: skip


def nngp(net: Serial) -> Limit:
    r"""The kernel K(x, z) of the Gaussian process that the outputs of a wide network tend to.

    `K(X)`, `K(X, Z)` are Gram matrices (n, n), (n, m) of data (n, d), (m, d); the input kernel is
    x.z/d. `K.evaluate(p, q, c)` takes input kernels instead. `K.recursion` is the layer map
    $K^{l+1} = \sigma_w^2\,\mathbb E\,\phi(u)\phi(v) + \sigma_b^2$ with (u, v) of covariance $K^l$. Raises
    `DomainError` for what is no network or has an infinite second moment, `NoRule` for a network without Dense layers
    at both ends, and `DataError`, when called, for data that are no (n, d) and (m, d) arrays of finite numbers.
    For a network of images (`Conv`, `Flatten`, ...) data are (n, H, W, C), or (n, W, C) with filters of one axis, and
    the input kernel is x(alpha).z(alpha')/C, over pairs of pixels.
    Source: Lee et al. 2018, arXiv 1711.00165.

    >>> from symlimits import activations as act
    >>> from symlimits.language.architecture import mlp
    >>> K = nngp(mlp(depth=3, activation=act.relu, w_var=2, b_var=0))
    >>> K([[1.0, 0.0], [0.0, 2.0]]).diagonal()
    array([1., 4.])
    """
    return _of(_network(net), tangent=False)


def ntk(net: Serial) -> Limit:
    r"""The neural tangent kernel $\Theta(x, z)$ of a wide network at initialisation.

    $\Theta^{l+1} = K^{l+1} + \sigma_w^2\,\mathbb E\,\phi'(u)\phi'(v)\,\Theta^l$; with learning rates of the layers,
    `Dense(w_rate=, b_rate=)` or `net.with_rates(...)`, the sum of the layers' parts, each times its rate. Called like
    `nngp`, and raises what that raises; `DomainError` for a discontinuous activation too. Source: Jacot et al. 2018,
    arXiv 1806.07572.

    >>> from symlimits import activations as act
    >>> from symlimits.language.architecture import mlp
    >>> Th = ntk(mlp(depth=3, activation=act.relu, w_var=2, b_var=0))
    >>> Th([[1.0, 0.0], [0.0, 2.0]]).diagonal()
    array([ 4., 16.])
    """
    return _of(_network(net), tangent=True)


def _of(net: Serial, tangent: bool) -> Limit:
    if net.of_images:
        found: Limit = import_module(IMAGES).image_kernel(net, tangent)
        return found
    return _kernel(net, tangent)


def _network(net: object) -> Serial:
    if not isinstance(net, Serial):
        raise DomainError(shown(net), "a network", "sl.mlp(depth=3, activation=act.relu)")
    return net


@lru_cache(maxsize=64)
def _kernel(net: Serial, tangent: bool) -> Limit:
    recursion = _recursion(net, tangent)
    name = r"\Theta(x, z)" if tangent else "K(x, z)"
    observable = (
        "sum over all parameters of products of derivatives"
        if tangent
        else "covariance of the outputs given the last hidden layer"
    )
    twin = Twin(net, "ntk" if tangent else "nngp") if dimension not in recursion.free_symbols else None
    trace = derive_lines(recursion)
    definition = replace(trace[0], rule=LAYERWISE, source=f"{MASTER}; {LEE}")
    general = KernelProgram(net, "ntk" if tangent else "nngp")
    lines, domain = (definition, *trace[1:]), _domain(recursion, net)
    return Limit(lines, domain, (p, q, c), name, LEE, twin, observable, general=general)


def _domain(recursion: Recursion, net: Serial) -> Domain:
    return Domain({**PAIR.ranges, **parameters(recursion, net).ranges}, PAIR.dependent, PAIR.note)


def parameters(recursion: Recursion, net: Serial) -> Domain:
    """All symbols as their assumptions say; what is in bias variances and rates only may also be zero."""
    check_names(_symbols(net.layers, _numbers) | _widths_and_counts(net), OWN)
    others = natural_domain(sp.Add(*(recursion.free_symbols - {p, q, c}))).ranges
    idle = _symbols(net.layers, _numbers) - _symbols(net.layers, lambda layer: layer.w_var)
    return Domain({s: NONNEGATIVE if s in idle and s.is_nonnegative else r for s, r in others.items()})


def _numbers(layer: Weights) -> sp.Basic:
    """Whatever may hold symbols."""
    rates = (layer.w_rate, layer.b_rate) if isinstance(layer, Dense) else ()
    return sp.Tuple(layer.w_var, layer.bias_variance, *rates)


def _symbols(layers: tuple[Layer, ...], part: Callable[[Weights], sp.Basic]) -> set[sp.Symbol]:
    """The symbols in one part of all layers with weights, and in all of the activations."""
    found: set[sp.Symbol] = set()
    for layer in layers:
        match layer:
            case Dense() | Conv():
                found |= part(layer).free_symbols
            case Repeat(layers=inner):
                found |= _symbols(inner, part)
            case Activation():
                found |= set(layer.parameters)
        found = found.union(*(_symbols(branch, part) for branch in branches_of(layer)))
    return found


def _recursion(net: Serial, tangent: bool) -> Recursion:
    states = (K_xx, K_zz, K_xz, Theta) if tangent else (K_xx, K_zz, K_xz)
    first, *rest = net.layers
    if not isinstance(first, Dense) or not isinstance(_last(net.layers), Dense):
        raise NoRule(
            "a network that does not begin and end with a Dense layer", "Dense layers at both ends", "sl.Dense(1)"
        )
    check_order(net.layers)
    widths = Widths(net)
    start = dict(zip(states, (p, q, c, sp.S.Zero), strict=False))
    (((entry,), _),) = block(first, states, widths)
    initial = [expr.subs(start, simultaneous=True) for expr in entry]
    return Recursion(states, initial, blocks(tuple(rest), states, widths), Theta if tangent else K_xz)


def blocks(layers: tuple[Layer, ...], states: tuple[sp.Symbol, ...], widths: Widths) -> list[Block]:
    """The blocks of consecutive layers; an activation and the Dense layer after it make one block."""
    found: list[Block] = []
    for before, layer in zip((None, *layers), layers, strict=False):
        parts = block(layer, states, widths)
        if isinstance(before, WEIGHTLESS) and isinstance(layer, (Dense, *IMAGE_LAYERS)):
            parts = [((*found.pop()[0], *parts[0][0]), sp.S.One)]
        found += parts
    return found


class Widths:
    """The number of units that the next layer meets: the data's dimension, then N_l; 1 each in NTK parameterisation."""

    def __init__(self, net: Serial) -> None:
        self.standard = net.parameterization == "standard"
        self.differ = self.standard and len(set(net.widths or ())) > 1
        self.units: sp.Expr = dimension
        self._hidden, self._taken = list(net.widths or ()), 0

    @property
    def inputs(self) -> sp.Expr:
        """The units that a layer meets, as a number of inputs."""
        if self.standard and self._taken > len(self._hidden):
            raise DomainError("more Dense layers than widths", "one width for each hidden layer", "widths=(512, 512)")
        return self.units

    def dense(self) -> None:
        """Go past a Dense layer."""
        self._taken += 1
        left = self._hidden[self._taken - 1 : self._taken] or self._hidden[-1:]
        self.units = left[0] if self.standard and left else sp.S.One


@singledispatch
def block(layer: Any, states: tuple[sp.Symbol, ...], widths: Widths) -> list[Block]:
    """The maps of a layer on (K_xx, K_zz, K_xz) or (K_xx, K_zz, K_xz, Theta), with repetitions."""
    raise NoRule(f"the limit of {layer!r}", "a layer of symlimits", "registering it in theory/kernels.py")


@block.register
def _(layer: Dense, states: tuple[sp.Symbol, ...], widths: Widths) -> list[Block]:
    step = dense_step(widths.standard, layer.b_var is not None, layer.rated)
    values = {w: layer.w_var, b: layer.bias_variance, w_rate: layer.w_rate, b_rate: layer.b_rate}
    if widths.standard and Theta in states:
        values[N] = widths.inputs
    widths.dense()
    return [((tuple(line.xreplace(values) for line in step.maps(states)),), sp.S.One)]


@block.register
def _(layer: Activation, states: tuple[sp.Symbol, ...], widths: Widths) -> list[Block]:
    check_moments(layer)
    functions = {phi: layer, slope: layer.derivative()} if Theta in states else {phi: layer}
    return [((tuple(put_in(line, functions) for line in activation_step().maps(states)),), sp.S.One)]


@block.register
def _(layer: Repeat, states: tuple[sp.Symbol, ...], widths: Widths) -> list[Block]:
    differ = widths.differ or _changed(layer.layers, states, widths)
    if differ and not layer.count.is_Integer:
        raise DomainError(f"depth {layer.count} with different widths", "equal widths, or a number", "depth=3")
    if differ:
        return [part for _ in range(int(layer.count)) for part in blocks(layer.layers, states, widths)]
    inner = blocks(layer.layers, states, widths)
    if any(count != 1 for _, count in inner):
        raise NoRule("a Repeat inside a Repeat", "one level of repetition", "writing the inner layers out")
    return [(tuple(maps for layers, _ in inner for maps in layers), layer.count)]


@block.register
def _(layer: Residual, states: tuple[sp.Symbol, ...], widths: Widths) -> list[Block]:
    if not isinstance(_last(layer.layers), Weights):
        given = f"a Residual that ends with {shown(layer.layers[-1])}"
        wanted = "a branch that ends with a Dense layer, whose weights make it independent of what it is added to"
        raise NoRule(given, wanted, "sl.Dense(1) as the last layer of the Residual")
    units = widths.units
    maps = _branch(layer, layer.layers, states, widths)
    _check_equal(layer, units, widths.units)
    before = {state: Earlier(state, len(maps)) for state in states}
    whole, branch = (step.maps(states) for step in residual_step())
    terms = (sp.expand(line - other) for line, other in zip(whole, branch, strict=True))
    added = tuple(state + term.xreplace(before) for state, term in zip(states, terms, strict=True))
    return [((*maps, added), sp.S.One)]


@block.register
def _(layer: LayerNorm, states: tuple[sp.Symbol, ...], widths: Widths) -> list[Block]:
    return [((normalized(states),), sp.S.One)]


@block.register
def _(layer: Concat, states: tuple[sp.Symbol, ...], widths: Widths) -> list[Block]:
    maps, units = _branches(layer, states, widths)
    widths.units = sp.Add(*units)
    return [(tuple(side_by_side(maps, states, concatenated(units))), sp.S.One)]


@block.register
def _(layer: Product, states: tuple[sp.Symbol, ...], widths: Widths) -> list[Block]:
    maps, units = _branches(layer, states, widths)
    _check_equal(layer, *units)
    return [(tuple(side_by_side(maps, states, multiplied)), sp.S.One)]


def _branches(
    layer: Concat | Product, states: tuple[sp.Symbol, ...], widths: Widths
) -> tuple[list[list[Map]], list[sp.Expr]]:
    """The maps of each branch and its number of units; all branches begin with the units of the trunk."""
    trunk, maps, units = widths.inputs, list[list[Map]](), list[sp.Expr]()
    for branch in layer.branches:
        widths.units = trunk
        maps.append(_branch(layer, branch, states, widths))
        units.append(widths.inputs)
    return maps, units


def _branch(layer: Layer, branch: tuple[Layer, ...], states: tuple[sp.Symbol, ...], widths: Widths) -> list[Map]:
    maps: list[Map] = []
    for inner, count in blocks(branch, states, widths):
        if not count.is_Integer:
            name = type(layer).__name__
            raise NoRule(f"a {name} with {count} layers", "a number of layers", f"a number in place of {count}")
        maps += inner * int(count)
    return maps


def _check_equal(layer: Layer, *units: sp.Expr) -> None:
    """Entry by entry needs as many entries: relative widths, in the NTK parameterisation."""
    if len(set(units)) > 1:
        given = f"a {type(layer).__name__} of branches and trunk with {' and '.join(map(str, units))} units, relatively"
        raise DomainError(given, "equal widths", "a Dense layer after sl.Concat, or equal widths")


def _changed(layers: tuple[Layer, ...], states: tuple[sp.Symbol, ...], widths: Widths) -> bool:
    """Whether the layers of a `Repeat` meet other widths the second time, after a concatenation."""
    after = copy(widths)
    blocks(layers, states, after)
    return after.units != widths.units


def supported_layers() -> frozenset[type]:
    """The layer classes whose limit is known."""
    import_module(IMAGES)
    return frozenset(block.registry) - {object}


def _last(layers: tuple[Layer, ...]) -> Layer:
    return _last(layers[-1].layers) if isinstance(layers[-1], Repeat) else layers[-1]


def _widths_and_counts(net: Serial) -> set[sp.Symbol]:
    return set().union(*(expr.free_symbols for expr in (*counts(net.layers), *(net.widths or ()))))

r"""The random network: the truth with which the theory is compared.

Weights are drawn, data go forward, derivatives come back; nothing here knows a limit. The sampler "naive"
draws weight by weight: it is the truth. The sampler "exact" draws what the data meet of the weights, which has the
same law (`rows`, `conditioned`) at a fraction of the cost, and is tested against the naive one.

Each layer of `language/architecture.py` has one rule, registered on `realize`, and
`theory/kernels.py` has its counterpart. Arrays have the axes (network, unit, datum): many
networks of one width are drawn at a time.

One rule for both parameterisations: $z = \sqrt{w_{var}/n}\,G h + \sqrt{b_{var}}\,g$ with G and g
from N(0, 1) and n inputs. They differ in what is trained, that is in the tangent kernel only
(see `_rates`). Sources: Lee et al., arXiv 1902.06720, section 2 ("ntk"); Sohl-Dickstein et al.,
arXiv 2001.07301 ("standard" at width s N_l, with s the size).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache, singledispatch
from importlib import import_module
from math import sqrt

import numpy as np
import numpy.typing as npt
import sympy as sp
from sympy.core.function import AppliedUndef

from symlimits.errors import DataError, DomainError, FormulaError, NoRule, ResourceError, UnboundSymbol
from symlimits.finite.branches import concatenated, input_widths, multiplied, standardized
from symlimits.finite.conditioned import conditioned
from symlimits.finite.rows import Array, WayBack, check_sampler, row_gaussian
from symlimits.language.activation import Activation, x
from symlimits.language.architecture import Concat, Dense, Layer, LayerNorm, Product, Repeat, Residual, Serial

Function = Callable[[Array], Array]

Sampler = Callable[[Array, int, int, np.random.Generator], tuple[Array, WayBack]]

OBSERVABLES = ("nngp", "ntk")
BATCH_ENTRIES = 2**22  # random numbers held at a time: 32 MB for each worker
LARGEST_NETWORK = 2**28  # random numbers of one network: 2 GB


@dataclass(frozen=True)
class Shape:
    """Of one `Dense`: the number of outputs and of inputs, and s, the scale of the inputs (1 for data)."""

    outputs: int
    inputs: int
    scale: int


@dataclass(frozen=True)
class Draw:
    """What the layers of one pass share: each `Dense`, in turn, takes its shape from `shapes`.

    `sampler` draws the weights of a layer, or what is met of them: see `whole_weights`.
    """

    rng: np.random.Generator
    batch: int
    parameterization: str
    shapes: Iterator[Shape]
    sampler: Sampler


@dataclass(frozen=True)
class Realization:
    """A layer with its weights: what it puts out, and the way back.

    `pull` takes the derivatives of the network's output by `output` to the tangent kernel of the
    layer's own parameters and to the derivatives by the layer's input. `covariance` is the
    covariance of one output unit given the input, for layers that add units at random.
    """

    output: Array
    pull: Callable[[Array], tuple[Array, Array]]
    covariance: Array | None = None


@singledispatch
def realize(layer: Layer, h: Array, draw: Draw) -> Realization:
    """Draw the weights of `layer` and send `h` through it."""
    raise NoRule(
        f"layer {layer!r} in a finite network",
        "one of " + ", ".join(sorted(kind.__name__ for kind in supported_layers())),
        "a function registered with symlimits.finite.network.realize.register",
    )


def supported_layers() -> frozenset[type]:
    """The layer classes that have a finite network."""
    import_module("symlimits.finite.image_network")  # registers those of images
    return frozenset(realize.registry) - {object}


def whole_weights(h: Array, outputs: int, batch: int, rng: np.random.Generator) -> tuple[Array, WayBack]:
    """The naive sampler: all weights (batch, outputs, n). Returns W h and the way back, b -> W^T b."""
    weights = rng.standard_normal((batch, outputs, h.shape[-2]))
    return weights @ h, lambda b: _transpose(weights) @ b


@realize.register(Dense)
def _dense(layer: Dense, h: Array, draw: Draw) -> Realization:
    shape = next(draw.shapes)
    w_var, b_var = float(layer.w_var) / shape.inputs, float(layer.bias_variance)
    forward, way_back = draw.sampler(h, shape.outputs, draw.batch, draw.rng)
    output = sqrt(w_var) * forward
    if b_var:
        output += sqrt(b_var) * draw.rng.standard_normal((draw.batch, shape.outputs, 1))
    gram = _transpose(h) @ h
    w_rate, b_rate = _rates(layer, shape, draw.parameterization)

    def pull(back: Array) -> tuple[Array, Array]:
        tangent = (w_rate * gram + b_rate) * (_transpose(back) @ back)
        return tangent, sqrt(w_var) * way_back(back)

    return Realization(output, pull, w_var * gram + b_var)


@realize.register(Activation)
def _activation(layer: Activation, h: Array, draw: Draw) -> Realization:
    def pull(back: Array) -> tuple[Array, Array]:
        return np.zeros(()), back * numpy_function(_derivative(layer), x)(h)

    return Realization(numpy_function(layer.expr, x)(h), pull)


@realize.register(Repeat)
def _repeat(layer: Repeat, h: Array, draw: Draw) -> Realization:
    return _chain(layer.layers * int(layer.count), h, draw)


@realize.register(Residual)
def _residual(layer: Residual, h: Array, draw: Draw) -> Realization:
    branch = _chain(layer.layers, h, draw)
    if branch.output.shape[-2] != h.shape[-2]:
        given = f"a Residual of {h.shape[-2]} inputs and {branch.output.shape[-2]} outputs"
        raise DomainError(given, "a branch as wide as its input, after a Dense layer", "equal widths")

    def pull(back: Array) -> tuple[Array, Array]:
        tangent, through = branch.pull(back)
        return tangent, back + through

    return Realization(h + branch.output, pull)


@realize.register(LayerNorm)
def _layer_norm(layer: LayerNorm, h: Array, draw: Draw) -> Realization:
    return Realization(*standardized(h))


@realize.register(Concat)
@realize.register(Product)
def _side_by_side(layer: Concat | Product, h: Array, draw: Draw) -> Realization:
    branches = [_chain(branch, h, draw) for branch in layer.branches]
    join = concatenated if isinstance(layer, Concat) else multiplied
    return Realization(*join([(branch.output, branch.pull) for branch in branches]))


def _chain(layers: tuple[Layer, ...], h: Array, draw: Draw) -> Realization:
    """Layers in a row, or none: forward in order, back in reverse."""
    parts: list[Realization] = []
    for layer in layers:
        parts.append(realize(layer, parts[-1].output if parts else h, draw))

    def pull(back: Array) -> tuple[Array, Array]:
        total = np.zeros(())
        for part in reversed(parts):
            tangent, back = part.pull(back)
            total = total + tangent
        return total, back

    return Realization(parts[-1].output, pull, parts[-1].covariance) if parts else Realization(h, pull)


def _rates(layer: Dense, shape: Shape, parameterization: str) -> tuple[float, float]:
    """The squared factor before each trained weight, and before each trained bias, times what the rate is times."""
    weights, bias = float(layer.w_rate), float(layer.b_rate)
    if parameterization == "ntk":
        return weights * float(layer.w_var) / shape.inputs, bias * float(layer.bias_variance)
    return weights / shape.scale, bias * float(layer.b_var is not None)


def _transpose(a: Array) -> Array:
    return a.swapaxes(-1, -2)


@lru_cache(maxsize=512)
def numpy_function(expr: sp.Expr, symbol: sp.Symbol) -> Function:
    """`expr` as a NumPy function of `symbol`, array to array of the same shape.

    >>> numpy_function(sp.Max(x, 0), x)(np.array([-1.0, 3.0]))
    array([0., 3.])
    """
    _refuse_unbound(expr, symbol)
    _refuse_code(expr)
    argument = sp.Dummy("x", real=True)
    raw = sp.lambdify([argument], expr.xreplace({symbol: argument}), modules=["scipy", "numpy"], cse=True)

    def function(values: Array) -> Array:
        # a branch that is not taken may overflow; what is taken is checked in `_finite`
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(raw(values), dtype=np.float64), values.shape)

    return function


@lru_cache(maxsize=512)
def _derivative(layer: Activation) -> sp.Expr:
    """The derivative almost everywhere; at a kink, which only a zero input can meet, SymPy's convention."""
    if layer.discontinuities:
        raise DomainError(
            f"the NTK of a discontinuous activation, {layer.expr}", "a continuous activation", "the NNGP kernel"
        )
    # x*Heaviside(x) is continuous, and its derivative is written with x*DiracDelta(x)
    return sp.diff(layer.expr, x).replace(sp.DiracDelta, lambda *_: sp.Integer(0))


def _refuse_code(expr: sp.Expr) -> None:
    """`lambdify` writes names into source code and runs it: only plain ones may reach it."""
    unknown = [str(f.func) for f in expr.atoms(AppliedUndef)]
    unknown += [s.name for s in expr.atoms(sp.Symbol) if not s.name.isidentifier()]
    if unknown:
        raise FormulaError(f"the name {unknown[0]!r} in a function", "known functions of x", "activation('erf(x)')")


def _refuse_unbound(thing: object, *known: sp.Symbol) -> None:
    unbound = sorted(_symbols(thing) - set(known), key=str)
    if unbound:
        names = ", ".join(map(str, unbound))
        raise UnboundSymbol(f"{names} without a value", "a number for each symbol", f"bind({unbound[0]}=1)")


def _symbols(thing: object) -> set[sp.Basic]:
    """The free symbols of an expression, or of all expressions in a layer description."""
    if isinstance(thing, sp.Basic):
        return set(thing.free_symbols)
    if is_dataclass(thing):
        thing = tuple(getattr(thing, field.name) for field in fields(thing))
    return set().union(*map(_symbols, thing)) if isinstance(thing, tuple) else set()


def empirical_nngp(
    network: Serial, X: npt.ArrayLike, size: int, rng: np.random.Generator, sampler: str = "naive"
) -> Array:
    r"""The covariance (m, m) of the outputs on `X` (m, d), given the last hidden layer of one network.

    $\hat K = \frac{w_{var}}{n}\phi(z^L)\phi(z^L)^\top + b_{var}$, with n the last hidden width.
    `size` is the hidden width, or the factor s of `network.widths` in the standard parameterisation.
    """
    return sample(network, X, size, 1, rng, ("nngp",), sampler)[0][0]


def empirical_ntk(
    network: Serial, X: npt.ArrayLike, size: int, rng: np.random.Generator, sampler: str = "naive"
) -> Array:
    r"""The tangent kernel (m, m) of one random network at initialisation.

    $\hat\Theta = \sum_\theta \partial_\theta f(x)\,\partial_\theta f(x')$ over all parameters, one output.
    Raises `DomainError` for a discontinuous activation.
    """
    return sample(network, X, size, 1, rng, ("ntk",), sampler)[0][0]


def empirical_kernels(
    network: Serial, X: npt.ArrayLike, size: int, rng: np.random.Generator, sampler: str = "naive"
) -> tuple[Array, Array]:
    """The NNGP and the tangent kernel of one and the same random network, each (m, m)."""
    nngp, ntk = sample(network, X, size, 1, rng, OBSERVABLES, sampler)
    return nngp[0], ntk[0]


def empirical_outputs(
    network: Serial, X: npt.ArrayLike, size: int, count: int, rng: np.random.Generator, sampler: str = "exact"
) -> Array:
    """The output on `X` (m, d) of `count` networks: an array (count, m). Arguments as for `empirical_nngp`.

    >>> from symlimits.language.architecture import mlp
    >>> net = mlp(2, Activation(sp.tanh(x)), w_var=1, b_var=0)
    >>> empirical_outputs(net, [[1.0, 0.0], [0.0, 0.0]], 64, 1, np.random.default_rng(0))[0, 1]
    np.float64(0.0)
    """
    return sample(network, X, size, count, rng, ("output",), sampler)[0][:, 0]


def sample(
    network: Serial,
    X: npt.ArrayLike,
    size: int,
    count: int,
    rng: np.random.Generator,
    observables: tuple[str, ...],
    sampler: str,
) -> tuple[Array, ...]:
    """`count` networks, batch after batch: for each observable an array (count, m, m), or (count, 1, m)."""
    data = checked_data(X)
    plan = shapes(network, data.shape[1], size)
    batch = batch_size(plan, len(data), sampler)
    return realized(network, data.T[None], plan, size, (count, batch), rng, observables, sampler)


def realized(
    network: Serial,
    inputs: Array,
    plan: tuple[Shape, ...],
    size: int,
    counts: tuple[int, int],
    rng: np.random.Generator,
    observables: tuple[str, ...],
    sampler: str,
) -> tuple[Array, ...]:
    """As `sample`, for inputs (1, units, data) as the first layer takes them; `counts`: networks, and those a batch."""
    (count, batch), weights = counts, _sampler(sampler, observables)
    results: list[tuple[Array, ...]] = []
    for start in range(0, count, batch):
        draw = Draw(rng, min(batch, count - start), network.parameterization, iter(plan), weights)
        with np.errstate(over="ignore", invalid="ignore"):  # refused by `_finite`, in the user's words
            results.append(_observe(_chain(network.layers, inputs, draw), draw.batch, observables))
    return tuple(_finite(np.concatenate(kernels), size) for kernels in zip(*results, strict=True))


def _sampler(name: str, observables: tuple[str, ...]) -> Sampler:
    """What stands for the weights: without a backward pass, rows are all that is needed."""
    check_sampler(name)
    if name == "naive":
        return whole_weights
    return conditioned if "ntk" in observables else row_gaussian


def _observe(network: Realization, batch: int, observables: Iterable[str]) -> tuple[Array, ...]:
    covariance, m = network.covariance, network.output.shape[-1]
    if covariance is None:
        raise DomainError("a network that does not end in Dense", "a linear readout", "sl.Dense(1, 0) at the end")
    read: dict[str, Callable[[], Array]] = {
        "nngp": lambda: covariance,
        "ntk": lambda: network.pull(np.ones((1, 1, m)))[0],
        "output": lambda: network.output,
    }
    found = {name: read[name]() for name in observables}
    return tuple(np.broadcast_to(array, (batch, *array.shape[-2:])) for array in found.values())


def shapes(network: Serial, features: int, size: int) -> tuple[Shape, ...]:
    """The shape of each `Dense`, in order: hidden widths `size`, or `size` times N_l, and one output."""
    _refuse_unbound(network, x)
    if not (isinstance(size, int | np.integer) and size >= 1):
        raise DomainError(f"size = {size!r}", "a positive integer", "size=128")
    hidden = sum(1 for _ in network.denses()) - 1
    relative = [1] * hidden if network.parameterization == "ntk" else [int(width) for width in network.widths or ()]
    if len(relative) != hidden:
        raise DomainError(f"{len(relative)} widths", f"{hidden}, one for each Dense but the last", "widths=(1, 1)")
    outputs = [*(int(size) * width for width in relative), 1]
    scales = [1] + [int(size)] * hidden
    return tuple(map(Shape, outputs, input_widths(network.layers, features, outputs), scales))


def batch_size(plan: tuple[Shape, ...], m: int, sampler: str) -> int:
    """How many networks are drawn at once, by the random numbers that one takes for `m` inputs."""
    if sampler == "naive":
        entries = sum(shape.outputs * (shape.inputs + 1) for shape in plan)
    else:
        entries = sum(shape.outputs * (m + 1) + shape.inputs * m for shape in plan)
    if entries > LARGEST_NETWORK:
        given, advice = f"a network of {entries:.1e} random numbers", "a smaller size, or sampler='exact'"
        raise ResourceError(given, f"at most {LARGEST_NETWORK:.1e}", advice)
    return max(1, BATCH_ENTRIES // entries)


def checked_data(X: npt.ArrayLike) -> Array:
    """Inputs as a float64 array (m, d); `DataError` for anything else."""
    data = np.asarray(X, dtype=np.float64)
    if data.ndim != 2 or 0 in data.shape or not np.isfinite(data).all():
        raise DataError(f"inputs of shape {data.shape}", "finite numbers of shape (points, features)", "X[None, :]")
    return data


def _finite(kernels: Array, size: int) -> Array:
    if not np.isfinite(kernels).all():
        raise DomainError(f"a kernel that overflows at size {size}", "finite values", "smaller variances or inputs")
    return kernels

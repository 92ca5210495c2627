"""What a network is made of: frozen layer descriptions, without any behaviour.

The finite network (`finite/network.py`) and its limit (`theory/kernels.py`) each
dispatch on these classes; a layer is added here once and there twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import sympy as sp

from symlimits.errors import DomainError
from symlimits.language.activation import Activation
from symlimits.language.activation import activation as parsed
from symlimits.language.image_layers import IMAGE_LAYERS, AvgPool, Conv, Flatten, GlobalAvgPool
from symlimits.language.names import shown
from symlimits.language.nonnegative import nonnegative
from symlimits.language.shape_of_networks import check_same_number, depth_of, parameterization_of, widths_of


@dataclass(frozen=True, repr=False)
class Dense:
    r"""A fully connected layer with weight variance `w_var` and bias variance `b_var`.

    In the NTK parameterisation $z = \sqrt{w_{var}/n}\,W h + \sqrt{b_{var}}\,b$ with entries of
    $W$ and $b$ from N(0, 1) and n the number of inputs of the layer. In the standard
    parameterisation $z = W h + b$ with $W_{ij} \sim N(0, w_{var}/n)$, $b_i \sim N(0, b_{var})$.
    `b_var=None` means a layer without bias; `b_var=0` in the standard parameterisation
    means a bias that starts at zero and is trained. `w_rate` and `b_rate`, zero or more, are what the learning rate
    is multiplied by for the weights and the bias of this layer; at zero they stay as they were drawn.

    Raises `DomainError` for a negative variance or rate or what is no number or formula. Source: Lee et al. 2019,
    arXiv 1902.06720 (NTK parameterisation).

    >>> Dense(2, "sigma_b**2"), Dense(2, 1, w_rate="eta_1")
    (Dense(w_var=2, b_var=sigma_b**2), Dense(w_var=2, b_var=1, w_rate=eta_1))
    """

    w_var: sp.Expr
    b_var: sp.Expr | None = None
    w_rate: sp.Expr = sp.S.One
    b_rate: sp.Expr = sp.S.One

    def __post_init__(self) -> None:
        for name in ("w_var", "b_var", "w_rate", "b_rate"):
            value = getattr(self, name)
            if name != "b_var" or value is not None:
                object.__setattr__(self, name, nonnegative(value, name))

    @property
    def rated(self) -> bool:
        """Whether it has a learning rate of its own."""
        return self.w_rate != 1 or self.b_rate != 1

    def __repr__(self) -> str:
        rates = {name: rate for name, rate in (("w_rate", self.w_rate), ("b_rate", self.b_rate)) if rate != 1}
        told = {"w_var": self.w_var, "b_var": self.b_var} | rates
        return f"Dense({', '.join(f'{name}={value!r}' for name, value in told.items())})"

    @property
    def bias_variance(self) -> sp.Expr:
        """The bias variance as a number: zero when there is no bias."""
        return sp.Integer(0) if self.b_var is None else self.b_var


@dataclass(frozen=True)
class Repeat:
    """The same layers, `count` times over: a positive integer, or a symbol (a depth left open).

    In variances and rates of the layers a symbol of that name is the depth: `Repeat((act.relu, Dense("2/L")), "L")`.
    Raises `DomainError` for another count.

    >>> from symlimits import activations as act
    >>> Repeat((act.relu, Dense(2, 0)), 3).count
    3
    """

    layers: tuple[Layer, ...]
    count: sp.Expr

    def __post_init__(self) -> None:
        count = depth_of(self.count)
        object.__setattr__(self, "layers", tuple(_with_symbols(layer, count.free_symbols) for layer in self.layers))
        object.__setattr__(self, "count", count)


@dataclass(frozen=True, init=False)
class Residual:
    r"""A skip connection around a branch of layers: $h \mapsto h + f(h)$, with f the layers in order.

    The branch has the widths of its input by construction: it has no readout, and no data reach it directly. What its
    input adds to is independent of it where the branch ends with a `Dense` layer; then, in the limit of infinite
    width, $K' = K + K_f(K)$ and $\Theta' = \Theta + \Theta_f(K, \Theta)$. Layers are what `serial` takes, `Residual`
    among them. Raises `DomainError` for no layer and for what is none. Source: He et al. 2015, arXiv 1512.03385.

    >>> from symlimits import activations as act
    >>> block = Residual(act.relu, Dense(1, 0))
    >>> serial(Dense(2, 0), block, block, act.relu, Dense(1, 0)).layers[1].layers[1]
    Dense(w_var=1, b_var=0)
    """

    layers: tuple[Layer, ...]

    def __init__(self, *layers: Layer) -> None:
        _checked_layers(layers)
        if not layers:
            raise DomainError("a Residual without layers", "a branch of layers", "sl.Residual(act.relu, sl.Dense(1))")
        object.__setattr__(self, "layers", layers)


@dataclass(frozen=True)
class LayerNorm:
    r"""Layer normalisation of preactivations: $y_i = (z_i - \bar z)/s$, $\bar z$ and $s^2$ mean and variance of units.

    Without a small number under the root, and without gains or shifts of its own. In the limit $\bar z \to 0$ and
    $s^2 \to K(x, x)$, so that $K' = K/\sqrt{K_{xx}K_{zz}}$ and $\Theta' = \Theta/\sqrt{K_{xx}K_{zz}}$: of what comes
    back, the derivative $\frac1s(I - \frac1n 1 1^\top - \frac1n y y^\top)$ projects two directions out of n away, which
    vanishes. It follows a layer whose units are centred, such as `Dense`. Source: Ba et al. 2016, arXiv 1607.06450.

    >>> from symlimits import activations as act
    >>> serial(Dense(2, 0), LayerNorm(), act.relu, Dense(1, 0)).layers[1]
    LayerNorm()
    """


@dataclass(frozen=True, init=False)
class Concat:
    r"""The units of several branches, side by side: $h \mapsto (f_1(h), \dots, f_k(h))$.

    Each branch is a tuple of layers; the empty one, `()`, is the input itself. A branch of N_b units has the kernel
    K_b; what the next Dense layer sees is the mean over all units, $K' = \sum_b N_bK_b/\sum_b N_b$, and the same of
    $\Theta$. Widths are those of the last Dense layer of each branch: equal ones in the NTK parameterisation, as given
    by `widths` in the standard one; a concatenation among branches has all of its units. A Dense layer follows it; an
    activation stands inside of the branches. Raises `DomainError` for less than two branches and for what is no tuple
    of layers. Source: Huang et al. 2016, arXiv 1608.06993.

    >>> from symlimits import activations as act
    >>> Concat((), (act.relu, Dense(1, 0))).branches[0]
    ()
    """

    branches: tuple[tuple[Layer, ...], ...]

    def __init__(self, *branches: tuple[Layer, ...]) -> None:
        object.__setattr__(self, "branches", _checked_branches(branches, "Concat"))


@dataclass(frozen=True, init=False)
class Product:
    r"""The product of branches, unit by unit: $h \mapsto f_1(h) \odot \dots \odot f_k(h)$, as in gated networks.

    Each branch is a tuple of layers with a Dense layer of its own, so that branches are independent in the limit of
    infinite width; then $K' = \prod_b K_b$ and $\Theta' = \sum_b \Theta_b\prod_{a \ne b} K_a$. Products of Gaussians
    are not Gaussian: a Dense layer follows. Raises `DomainError` for less than two branches, for what is no tuple of
    layers, and for a branch without a Dense layer. Source: derived here; gates: Shazeer 2020, arXiv 2002.05202.

    >>> from symlimits import activations as act
    >>> gate = Product((Dense(1, 0),), (Dense(1, 0), act.relu))
    >>> len(list(serial(Dense(2, 0), gate, Dense(1, 0)).denses()))
    4
    """

    branches: tuple[tuple[Layer, ...], ...]

    def __init__(self, *branches: tuple[Layer, ...]) -> None:
        object.__setattr__(self, "branches", _checked_branches(branches, "Product"))
        for branch in self.branches:
            if not any(isinstance(layer, Dense) for layer in _top(branch)):
                wanted = "a Dense layer in every branch, whose weights make it independent of the others"
                raise DomainError(f"a Product with the branch {shown(branch)}", wanted, "(sl.Dense(1, 0), act.relu)")


Layer = Dense | Activation | Repeat | Residual | LayerNorm | Concat | Product | Conv | AvgPool | GlobalAvgPool | Flatten


def branches_of(layer: Layer) -> tuple[tuple[Layer, ...], ...]:
    """The branches of a layer that has some; a residual block has one."""
    match layer:
        case Residual(layers=layers):
            return (layers,)
        case Concat(branches=branches) | Product(branches=branches):
            return branches
    return ()


def with_branches(layer: Layer, branches: Iterable[Iterable[Layer]]) -> Layer:
    """The same layer with other branches."""
    tuples = tuple(map(tuple, branches))
    match layer:
        case Residual():
            return Residual(*tuples[0])
        case Concat() | Product():
            return type(layer)(*tuples)
    return layer


@dataclass(frozen=True)
class Serial:
    """A feed-forward network: its layers in order, its parameterisation, its hidden widths.

    `widths` holds the width N_l after each `Dense` but the last; only the standard parameterisation
    needs it, where the tangent kernel grows with the width: the limit is Theta at these widths. A finite
    network of size s has s N_l units, and its Theta/s is what tends to the limit as s grows.
    """

    layers: tuple[Layer, ...]
    parameterization: str = "ntk"
    widths: tuple[sp.Expr, ...] | None = None

    def flat(self) -> Iterator[Layer]:
        """The layers one by one, repetitions written out (integer counts only), in branches too."""
        return _flatten(self.layers)

    def denses(self) -> Iterator[Dense]:
        """The Dense layers in the order in which data meet them, those of branches too."""
        return _denses(tuple(self.flat()))

    @property
    def rated(self) -> bool:
        """Whether a layer has a learning rate of its own."""
        return any(layer.rated for layer in _written(self.layers) if isinstance(layer, Dense))

    @property
    def of_images(self) -> bool:
        """Whether its data are images: it has a layer for them."""
        return any(isinstance(layer, IMAGE_LAYERS) for layer in _written(self.layers))

    def with_rates(self, *rates: object) -> Serial:
        """The network with a factor of the learning rate for each Dense layer, or a pair, for its weights and its bias.

        They come in the order in which data meet the layers. Raises `DomainError` for another number of them, for
        negative ones, and for a depth that is open.

        >>> from symlimits import activations as act
        >>> [dense.w_rate for dense in mlp(1, act.relu, 2, 0).with_rates("1/2", (3, 0)).denses()]
        [1/2, 3]
        """
        layers = tuple(self.flat())
        left = [rate if isinstance(rate, tuple) else (rate, rate) for rate in rates]
        count = sum(1 for _ in _denses(layers))
        if len(left) != count or any(len(pair) != 2 for pair in left):
            wanted = f"one for each of {count} Dense layers, a number or a pair"
            raise DomainError(f"rates {shown(rates)}", wanted, f"with_rates({', '.join('1' * count)})")
        return replace(self, layers=_with_rates(layers, iter(left)))


def serial(*layers: Layer, parameterization: str = "ntk", widths: object = None) -> Serial:
    r"""A network from its layers, in the order in which data meet them: $f = l_k \circ \dots \circ l_1$.

    Layers are `Dense`, activations, `Residual`, `LayerNorm`, `Concat`, `Product` and `Repeat`, one of them at least a
    Dense one, and for images `Conv`, `AvgPool`, `GlobalAvgPool` and `Flatten`; `parameterization` is "ntk" or
    "standard", and the latter needs `widths`, one positive integer or symbol for each Dense layer but the last. Raises
    `DomainError` for anything else.

    >>> from symlimits import activations as act
    >>> serial(Dense(2, 0), act.relu, Dense(1, 0)).parameterization
    'ntk'
    """
    _checked_layers(layers)
    if not any(isinstance(layer, Dense | Repeat) for layer in layers):
        raise DomainError("a network without a Dense layer", "at least one", "sl.serial(sl.Dense(1, 0), ...)")
    net = Serial(tuple(layers), parameterization_of(parameterization, widths), widths_of(widths))
    if net.widths is not None and all(count.is_Integer for count in counts(layers)):
        check_same_number(len(net.widths), sum(1 for _ in net.denses()) - 1)
    return net


def counts(layers: tuple[Layer, ...]) -> Iterator[sp.Expr]:
    """How often each `Repeat` repeats, those inside of others and of branches too."""
    for layer in layers:
        if isinstance(layer, Repeat):
            yield layer.count
            yield from counts(layer.layers)
        for branch in branches_of(layer):
            yield from counts(branch)


def mlp(
    depth: object,
    activation: object,
    w_var: object = "sigma_w**2",
    b_var: object = "sigma_b**2",
    parameterization: str = "ntk",
    widths: object = None,
) -> Serial:
    r"""A fully connected network with `depth` hidden layers, all alike, and a linear readout.

    `depth` is a positive integer or the name of a symbol ("L": the depth stays open);
    `w_var` and `b_var` are variances: numbers, exact strings or SymPy expressions,
    left symbolic by default; `parameterization` is "ntk" or "standard", and the latter
    needs `widths`, one for each hidden layer. With NTK parameterisation
    $z^1 = \sqrt{w/d}\,W x + \sqrt b\,\beta$, $z^{l+1} = \sqrt{w/N_l}\,W\phi(z^l) + \sqrt b\,\beta$ for l = 1..depth
    (Lee et al. 2019, arXiv 1902.06720). Raises `DomainError` for a depth, variance, width or parameterisation outside
    these, `FormulaError` for an activation that is no formula.

    >>> from symlimits import activations as act
    >>> mlp(depth=3, activation=act.relu, w_var=2, b_var=0).layers[0]
    Dense(w_var=2, b_var=0)
    """
    count = depth_of(depth)
    dense = Dense(w_var, b_var)
    hidden = widths_of(widths)
    if hidden is not None and count.is_Integer:
        check_same_number(len(hidden), int(count))
    body = Repeat((parsed(activation), dense), count)
    return Serial((dense, body), parameterization_of(parameterization, widths), hidden)


def _with_symbols(layer: Layer, symbols: set[sp.Symbol]) -> Layer:
    """A layer with these symbols in place of others of their names, in its variances and rates."""
    named = {symbol.name: symbol for symbol in symbols}

    def at(expr: sp.Expr) -> sp.Expr:
        return expr.xreplace({s: named[s.name] for s in expr.free_symbols if s.name in named})

    match layer:
        case Dense(w_var, b_var, w_rate, b_rate):
            return Dense(at(w_var), None if b_var is None else at(b_var), at(w_rate), at(b_rate))
        case Conv(w_var=w_var, b_var=b_var):
            return replace(layer, w_var=at(w_var), b_var=None if b_var is None else at(b_var))
    branches = ([_with_symbols(inner, symbols) for inner in branch] for branch in branches_of(layer))
    return with_branches(layer, branches)


def _checked_layers(layers: tuple[object, ...]) -> None:
    for layer in layers:
        if not isinstance(layer, Layer):
            wanted = "a layer such as Dense(2, 0) or an activation"
            raise DomainError(f"layer {shown(layer)}", wanted, "sl.Dense(w_var, b_var)")


def _checked_branches(branches: tuple[object, ...], name: str) -> tuple[tuple[Layer, ...], ...]:
    if len(branches) < 2:
        given = f"a {name} of {len(branches)} branch{'es' * (len(branches) != 1)}"
        raise DomainError(given, "two branches or more", f"sl.{name}((sl.Dense(1),), (sl.Dense(1), act.relu))")
    for branch in branches:
        if not isinstance(branch, tuple | list):
            wanted = "a tuple of layers, such as (sl.Dense(1), act.relu)"
            raise DomainError(f"the branch {shown(branch)} of a {name}", wanted, "(layer,) for a single layer")
        _checked_layers(tuple(branch))
    return tuple(map(tuple, branches))  # type: ignore[arg-type]


def _top(layers: tuple[Layer, ...]) -> Iterator[Layer]:
    """Layers with those of repetitions, not those of branches."""
    for layer in layers:
        yield from _top(layer.layers) if isinstance(layer, Repeat) else (layer,)


def _denses(layers: tuple[Layer, ...]) -> Iterator[Dense]:
    for layer in layers:
        if isinstance(layer, Dense):
            yield layer
        for branch in branches_of(layer):
            yield from _denses(branch)


def _written(layers: tuple[Layer, ...]) -> Iterator[Layer]:
    """The layers as they are written, those of branches and of repetitions once."""
    for layer in layers:
        yield layer
        if isinstance(layer, Repeat):
            yield from _written(layer.layers)
        for branch in branches_of(layer):
            yield from _written(branch)


def _with_rates(layers: tuple[Layer, ...], rates: Iterator[tuple[object, ...]]) -> tuple[Layer, ...]:
    def at(layer: Layer) -> Layer:
        if isinstance(layer, Dense):
            return Dense(layer.w_var, layer.b_var, *next(rates))
        return with_branches(layer, [_with_rates(branch, rates) for branch in branches_of(layer)])

    return tuple(map(at, layers))


def _flatten(layers: tuple[Layer, ...]) -> Iterator[Layer]:
    for layer in layers:
        if branches_of(layer):
            yield with_branches(layer, map(_flatten, branches_of(layer)))
            continue
        if not isinstance(layer, Repeat):
            yield layer
            continue
        if not layer.count.is_Integer:
            raise DomainError(f"depth {layer.count}", "an integer depth", f"a number in place of {layer.count}")
        for _ in range(int(layer.count)):
            yield from _flatten(layer.layers)

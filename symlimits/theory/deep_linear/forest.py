r"""The infinitely wide deep linear network as a deterministic one: matrices of zeros and ones, a forest.

$U(0)$ is d root unit vectors of layer 1, $V(0)^\top$ k roots of layer L. A Gaussian matrix of infinite width takes a
vector that is orthogonal to all that it has met to a new unit vector, forwards and backwards; so every node of layer l
has, besides its parent, **one child through each of the matrices $M_l$ and $M_{l+1}$** ($2\le m\le L$), the one it was
born through included, and $M_m(0)$ is the adjacency of the edges through it: a direct sum of one-sided paths, the
Golub-Kahan bidiagonal form of a Gaussian matrix, whose entries $\chi/\sqrt m$ tend to one.

Plain gradient descent with step $\eta$ on the forest cut at tree depth D gives the predictor $A_t$ of the infinitely
wide network exactly iff $D\ge t(L-1)$: a step of training carries a vector through L - 1 edges at most. Past that the
error falls faster than exponentially in D. Derived here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from symlimits.errors import DataError, DomainError
from symlimits.finite.deep_linear_training import PLAIN, Array, Dense, Rule, State, check_size, train
from symlimits.memory import check_memory
from symlimits.theory.deep_linear.problem import learning_rate, positive_integer

COUNTED = 10**15  # nodes that an error writes out
DEEPEST = 1_000  # of trees that branch: their nodes double with every few levels


class Node(NamedTuple):
    """A unit vector of `layer` (1 to L), its number in that layer, its parent, and the matrix that it was born through.

    `parent` is a place in `Forest.nodes`, None for a root; `through` is m of $M_m$, 0 for a root of U, L + 1 for one
    of V; `tree_depth` counts the edges from the root.
    """

    layer: int
    number: int
    parent: int | None
    through: int
    tree_depth: int


@dataclass(frozen=True)
class Forest:
    """The network of L = `depth` hidden layers cut at `tree_depth`, with d inputs and k outputs.

    >>> Forest(2, 3, 1, 1).widths, Forest(2, 3, 1, 1).horizon
    ((4, 4), 3)
    """

    depth: int
    tree_depth: int
    inputs: int
    outputs: int

    def __post_init__(self) -> None:
        check_size(depth=self.depth, inputs=self.inputs, outputs=self.outputs)
        positive_integer(self.tree_depth, "tree_depth", 0)
        if self.depth > 2 and self.tree_depth > DEEPEST:
            given = f"tree_depth = {self.tree_depth} of a forest that doubles with every few levels"
            raise DomainError(given, f"at most {DEEPEST}", "gradient_descent, by the recursion")

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """The numbers of nodes of layers 1 to L, counted without a node being made."""
        level = {(1, 0): self.inputs, (self.depth, self.depth + 1): self.outputs}
        totals = [0] * self.depth
        for _ in range(self.tree_depth + 1):
            after: dict[tuple[int, int], int] = {}
            for (layer, _through), count in level.items():
                totals[layer - 1] += count
                for child, m in _children(layer, self.depth):
                    after[child, m] = after.get((child, m), 0) + count
            level = after
        return tuple(totals)

    @property
    def horizon(self) -> int | None:
        """The number of steps up to which plain gradient descent is exact; None for one hidden layer: all."""
        return None if self.depth == 1 else self.tree_depth // (self.depth - 1)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, roots first, then by tree depth."""
        self._check_memory(64)
        found: list[Node] = []
        numbers = [0] * (self.depth + 1)

        def add(layer: int, parent: int | None, through: int, tree_depth: int) -> None:
            found.append(Node(layer, numbers[layer], parent, through, tree_depth))
            numbers[layer] += 1

        for _ in range(self.inputs):
            add(1, None, 0, 0)
        for _ in range(self.outputs):
            add(self.depth, None, self.depth + 1, 0)
        place = 0
        while place < len(found) and found[place].tree_depth < self.tree_depth:
            node = found[place]
            for layer, m in _children(node.layer, self.depth):
                add(layer, place, m, node.tree_depth + 1)
            place += 1
        return tuple(found)

    def network(self, dtype: object = np.float64) -> Dense:
        """The weights of zeros and ones; with `dtype=object` in Python integers, for exact arithmetic."""
        self._check_memory(8 * max(self.widths))
        wide = self.widths
        shapes = [(wide[0], self.inputs), *zip(wide[1:], wide[:-1], strict=True), (wide[-1], self.outputs)]
        start: list[Array] = [np.zeros(shape, dtype=np.int64).astype(dtype) for shape in shapes]  # type: ignore[call-overload]
        roots = {0: 0, self.depth + 1: 0}
        for node in self.nodes:
            if node.parent is None:
                start[0 if node.through == 0 else -1][node.number, roots[node.through]] = 1
                roots[node.through] += 1
                continue
            lower, upper = sorted((node, self.nodes[node.parent]), key=lambda end: end.layer)
            start[node.through - 1][upper.number, lower.number] = 1
        return Dense(start)

    def train(self, Sxx: Array, Syx: Array, lr: object, steps: int, rule: Rule = PLAIN) -> Iterator[State]:
        """Gradient descent on the cut network, exact in exact numbers: arrays of objects are taken as they are.

        >>> from fractions import Fraction
        >>> one = np.array([[Fraction(1)]])
        >>> *_, last = Forest(2, 2, 1, 1).train(one, 2 * one, Fraction(1, 10), 2)
        >>> last.predictor[0, 0]
        Fraction(3553187, 3125000)
        """
        exact, shape = np.asarray(Sxx).dtype == object, np.shape(Syx)[-2:]
        lr = lr if exact else learning_rate(lr)
        if shape != (self.outputs, self.inputs):
            wanted = f"({self.outputs}, {self.inputs}), as outputs and inputs of the network"
            raise DataError(f"Syx of shape {np.shape(Syx)}", wanted, f"network({self.tree_depth}, d, k)")
        return train(self.network(object if exact else np.float64), Sxx, Syx, lr, steps, rule)

    def _check_memory(self, bytes_each: int) -> None:
        nodes = sum(self.widths)
        count = str(nodes) if nodes < COUNTED else f"more than {COUNTED:.0e}"
        what = f"a forest of {count} nodes at depth {self.depth}, cut at tree depth {self.tree_depth},"
        check_memory(bytes_each * nodes, what, "a smaller tree depth, or the lazy form")


def _children(layer: int, depth: int) -> list[tuple[int, int]]:
    """Layer and matrix of the children of a node of a layer."""
    through = [m for m in (layer, layer + 1) if 2 <= m <= depth]
    return [(m if layer == m - 1 else m - 1, m) for m in through]

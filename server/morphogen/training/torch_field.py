"""Many small networks of one shape at once, in torch, differentiable: what is trained, and what is drawn meanwhile.

The mathematics is that of `field.cppn`, unfolded: activations are the very graphs of `field.activations`, field inputs
are the graphs that every backend lowers, evaluated by a table of torch operations. What does not depend on trained
values is evaluated once and handed in as `inputs`. All float32; one thread calls, torch uses its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.field.activations import ACTIVATIONS
from morphogen.field.graph import Node, pixel_input
from morphogen.field.network import Network, Shape, tensor_shapes
from morphogen.field.palette import EDGE, FLOATS
from morphogen.training.torches import need_torch


@lru_cache(maxsize=1)
def operations() -> dict[str, Callable[..., Any]]:
    """Torch's form of the graph operations (`field.graph.OPS`); arguments are tensors or numbers."""
    torch = need_torch()

    def tensor(value: Any, like: Any) -> Any:
        return value if isinstance(value, torch.Tensor) else torch.as_tensor(value, dtype=like.dtype)

    def pair(a: Any, b: Any) -> tuple[Any, Any]:
        like = a if isinstance(a, torch.Tensor) else b if isinstance(b, torch.Tensor) else torch.zeros(())
        return tensor(a, like), tensor(b, like)

    def where(a: Any, b: Any, x: Any, y: Any) -> Any:
        return torch.where(torch.lt(*pair(a, b)), *pair(x, y))

    def one(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda a: function(tensor(a, torch.zeros(())))

    return {
        "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
        "fma": lambda a, b, c: a * b + c, "neg": lambda a: -a, "abs": abs,
        "min": lambda a, b: torch.minimum(*pair(a, b)), "max": lambda a, b: torch.maximum(*pair(a, b)),
        "floor": one(torch.floor), "sqrt": one(torch.sqrt), "exp2": one(lambda a: torch.exp2(a.clamp(-126, 126))),
        "exp2_neg": one(lambda a: torch.exp2(-a.clamp(max=126))),
        "cos_turns": one(lambda u: torch.cos(math.tau * u)),  # torch reduces the range itself
        "log2": one(lambda a: torch.log2(a.clamp(min=2.0**-126))),
        "atan2_turns": lambda y, x: torch.atan2(*pair(y, x)) / math.tau, "less": where,
    }  # fmt: skip


class TorchEvaluator:
    """Values of a graph's nodes (no branches: fields have none). inputs: pixel inputs, tensors; uniforms: by slot,
    numbers or tensors of a shape that goes with those."""

    def __init__(self, inputs: Mapping[str, Any], uniforms: Any = ()) -> None:
        self._inputs, self._uniforms = inputs, uniforms
        self._memo: dict[int, tuple[Node, Any]] = {}

    def __call__(self, node: Node) -> Any:
        known = self._memo.get(id(node))
        if known is None:
            known = self._memo[id(node)] = (node, self._evaluate(node))
        return known[1]

    def _evaluate(self, node: Node) -> Any:
        if node.op == "const":
            return node.args[0]
        if node.op == "uniform":
            return self._uniforms[node.args[0]]
        if node.op == "input":
            return self._inputs[node.args[0]]
        return operations()[node.op](*(self(part) for part in node.args))


@lru_cache(maxsize=1)
def _direct() -> dict[str, Callable[[Any], Any]]:
    """Activations that torch has itself: a fifth of the time of their graphs, which fold weights that change here."""
    torch = need_torch()
    return {
        "sin": torch.sin, "cos": torch.cos, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
        "gaussian": lambda v: torch.exp(-v * v),
    }  # fmt: skip


def activate(name: str, value: Any) -> Any:
    """One activation of unfolded pre-activations."""
    if name in _direct():
        return _direct()[name](value)
    entry = ACTIVATIONS[name]
    emitted = TorchEvaluator({"u": value * entry.scale + entry.turn})(entry.emit(pixel_input("u")))
    return emitted if entry.gain == 1 and entry.shift == 0 else emitted * entry.gain + entry.shift


@dataclass
class Batch:
    """N networks of one shape. tensors: as `Network.tensors`, each with a leading N; torch, float32. extent,
    time_range: as of a `Network`."""

    shape: Shape
    tensors: list[Any]
    extent: float = 0.5
    time_range: tuple[float, float] = (0.0, 60.0)

    @property
    def count(self) -> int:
        """N."""
        return int(self.tensors[0].shape[0])

    def pick(self, rows: Sequence[int]) -> Batch:
        """Copies of some of the networks, in that order, ready to be trained."""
        return replace(self, tensors=[t.detach()[list(rows)].clone().requires_grad_() for t in self.tensors])

    def network(self, row: int, geometry: NDArray[np.float64]) -> Network:
        """One of them as a style has it."""
        tensors = tuple(t.detach()[row].numpy() for t in self.tensors)
        return Network(self.shape, tensors, self.extent, self.time_range, geometry)

    def channels(self, inputs: Any) -> Any:
        """The output layer after its sigmoid, (N, outputs, Q). inputs: (in, Q) or (N, in, Q), all of `shape.inputs`."""
        torch = need_torch()
        units = inputs if inputs.dim() == 3 else inputs.expand(self.count, -1, -1)
        layers = [*self.shape.layers, ("sigmoid",) * self.shape.outputs]
        for n, names in enumerate(layers):
            units = _layer(names, torch.baddbmm(self.tensors[2 * n + 1][:, :, None], self.tensors[2 * n], units))
        return units

    def pictures(self, inputs: Any) -> Any:
        """Colours 0..1, (N, 3, Q)."""
        channels = self.channels(inputs)
        return coloured(self.tensors[-1], channels[:, 0]) if self.shape.palette else channels[:, :3]


def _layer(names: Sequence[str], sums: Any) -> Any:
    if len(set(names)) == 1:
        return activate(names[0], sums)
    torch = need_torch()
    return torch.stack([activate(name, sums[:, i]) for i, name in enumerate(names)], dim=1)


def coloured(stops: Any, place: Any) -> Any:
    """A palette's colours, (N, 3, Q). stops: logits (N, 5, 3); place: (N, Q) in 0..1. As `field.palette.expand`."""
    torch = need_torch()
    p0, p1, p2, p3, p4 = torch.sigmoid(stops).unbind(1)
    rows = ((p1 + 6 * p2 + p3) / 8, 1.5 * (p3 - p1), 4.5 * (p1 - 2 * p2 + p3),
            9 * (p0 - 2 * p1 + 1.5 * p2 - 0.5 * p3), 9 * (p4 - 2 * p3 + 1.5 * p2 - 0.5 * p1))  # fmt: skip
    coefficients = torch.stack(rows, dim=2)
    assert coefficients.shape[1] * coefficients.shape[2] == FLOATS
    at = place - 0.5
    below, above = (-EDGE - at).clamp(min=0), (at - EDGE).clamp(min=0)
    basis = torch.stack([torch.ones_like(at), at, at * at, below * below, above * above], dim=1)
    return (coefficients @ basis).clamp(0, 1)


def random_batch(shape: Shape, count: int, rng: np.random.Generator, gain: float = 2.0) -> Batch:
    """Starts for a fit: Xavier-uniform with hidden gain 2 and output gain 5, hidden biases +-1.5, output -1.5 +- 1
    (study of recipes: gain 5 crumples every edge as soon as a field is read). A palette's stops are zero: grey."""
    torch = need_torch()
    tensors: list[Any] = []
    pairs = list(pairwise(shape.widths))
    for n, (inputs, out) in enumerate(pairs):
        last = n == len(pairs) - 1
        bound = (5.0 if last else gain) * math.sqrt(6 / (inputs + out))
        low, high = (-2.5, -0.5) if last else (-1.5, 1.5)
        tensors += [rng.uniform(-bound, bound, (count, out, inputs)), rng.uniform(low, high, (count, out))]
    tensors += [np.zeros((count, *size)) for size in tensor_shapes(shape)[len(tensors) :]]
    return Batch(shape, [torch.tensor(t, dtype=torch.float32) for t in tensors])


def stack(networks: Sequence[Network]) -> Batch:
    """Networks that differ in their weights only as a batch, ready to be trained."""
    torch = need_torch()
    first = networks[0]
    columns = zip(*(network.tensors for network in networks), strict=True)
    tensors = [torch.tensor(np.stack(c)).requires_grad_() for c in columns]
    return Batch(first.shape, tensors, first.extent, first.time_range)

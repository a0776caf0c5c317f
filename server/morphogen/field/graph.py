"""The expression graph that a pixel program is made of, and its truth: evaluation in NumPy float64.

A program is plain data: nodes with an operation's name and arguments. Every backend lowers the same nodes; the table
`OPS` says what each operation means. Build with Python's operators and the functions below. A node that is used twice
is the same object and is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Op:
    """One primitive operation: number of arguments, its float64 meaning, one line of explanation."""

    arity: int
    numpy: Callable[..., Any]
    doc: str


def _cos_turns(u: Array) -> Array:
    return np.cos(2 * np.pi * (u - np.rint(u)))


def _unread(index: Array) -> Array:
    raise ValueError("'lookup' needs the scene's table: only an Evaluator knows it")


OPS: dict[str, Op] = {
    "add": Op(2, np.add, "a + b"),
    "sub": Op(2, np.subtract, "a - b"),
    "mul": Op(2, np.multiply, "a * b"),
    "div": Op(2, np.divide, "a / b"),
    "fma": Op(3, lambda a, b, c: a * b + c, "a * b + c, rounded once where the target can"),
    "neg": Op(1, np.negative, "-a"),
    "abs": Op(1, np.abs, "|a|"),
    "min": Op(2, np.minimum, "smaller of two"),
    "max": Op(2, np.maximum, "larger of two"),
    "floor": Op(1, np.floor, "largest whole number not above a"),
    "sqrt": Op(1, np.sqrt, "square root, a >= 0"),
    "exp2": Op(1, lambda a: np.exp2(np.clip(a, -126, 126)), "2 ** a, a clamped to +-126"),
    "exp2_neg": Op(1, lambda a: np.exp2(-np.minimum(a, 126)), "2 ** -a for a >= 0, a limited to 126"),
    "log2": Op(1, lambda a: np.log2(np.maximum(a, 2.0**-126)), "logarithm to base 2, a limited to 2 ** -126"),
    "cos_turns": Op(1, _cos_turns, "cosine of an angle in turns"),
    "atan2_turns": Op(2, lambda y, x: np.arctan2(y, x) / (2 * np.pi), "angle of (y, x) in turns, -0.5 .. 0.5"),
    "lookup": Op(1, _unread, "the scene's table at floor(a), a limited to the table"),  # see `Evaluator`
    "less": Op(4, lambda a, b, x, y: np.where(a < b, x, y), "x where a < b, else y"),
}


@dataclass(frozen=True, eq=False)
class Node:
    """One value for each pixel. `op` is in `OPS`, or 'const', 'uniform', 'input', 'branch', 'pick', 'network'."""

    op: str
    args: tuple[Any, ...] = ()

    def __add__(self, other: Node | float) -> Node:
        return Node("add", (self, as_node(other)))

    def __radd__(self, other: float) -> Node:
        return Node("add", (as_node(other), self))

    def __sub__(self, other: Node | float) -> Node:
        return Node("sub", (self, as_node(other)))

    def __rsub__(self, other: float) -> Node:
        return Node("sub", (as_node(other), self))

    def __mul__(self, other: Node | float) -> Node:
        return Node("mul", (self, as_node(other)))

    def __rmul__(self, other: float) -> Node:
        return Node("mul", (as_node(other), self))

    def __truediv__(self, other: Node | float) -> Node:
        return Node("div", (self, as_node(other)))

    def __rtruediv__(self, other: float) -> Node:
        return Node("div", (as_node(other), self))

    def __neg__(self) -> Node:
        return Node("neg", (self,))

    def __abs__(self) -> Node:
        return Node("abs", (self,))


def as_node(value: Node | float) -> Node:
    """Numbers become constants."""
    return value if isinstance(value, Node) else Node("const", (float(value),))


def uniform(slot: int) -> Node:
    """A value that is the same for all pixels of a target: slot of the uniform block."""
    return Node("uniform", (slot,))


def pixel_input(name: str) -> Node:
    """A value that the backend knows of each pixel: 'px', 'py' (pixel of the canvas) or a stage's input."""
    return Node("input", (name,))


def op(name: str, *args: Node | float) -> Node:
    """An operation of the table."""
    if name not in OPS or len(args) != OPS[name].arity:
        raise ValueError(f"operation {name!r} with {len(args)} arguments is not in the table")
    return Node(name, tuple(as_node(a) for a in args))


def fma(a: Node | float, b: Node | float, c: Node | float) -> Node:
    """a * b + c."""
    return op("fma", a, b, c)


def clamp(a: Node, low: float = 0.0, high: float = 1.0) -> Node:
    """a inside low .. high."""
    return op("min", op("max", a, low), high)


def fract(a: Node) -> Node:
    """a - floor(a)."""
    return a - op("floor", a)


def cos_turns(a: Node) -> Node:
    """Cosine of an angle in turns."""
    return op("cos_turns", a)


def sin_turns(a: Node) -> Node:
    """Sine of an angle in turns."""
    return op("cos_turns", a - 0.25)


def branch(flag: Node, then: Sequence[Node], otherwise: Sequence[Node]) -> tuple[Node, ...]:
    """Choose between two groups of values for the whole target by a uniform (> 0.5: `then`).

    Lowered to a real jump, so what is switched off costs nothing: one compiled program serves every view and grade.
    """
    both = Node("branch", (flag, tuple(map(as_node, then)), tuple(map(as_node, otherwise))))
    return tuple(Node("pick", (both, i)) for i in range(len(then)))


def reachable(nodes: Sequence[Node]) -> Iterator[Node]:
    """Every node below, arguments before users, each once; but not what lies inside a branch, which may not run."""
    seen: set[Node] = set()

    def walk(item: Any) -> Iterator[Node]:
        if isinstance(item, tuple):
            for part in item:
                yield from walk(part)
        elif isinstance(item, Node) and item not in seen:
            seen.add(item)
            yield from walk(item.args[0] if item.op == "branch" else item.args)
            yield item

    yield from walk(tuple(nodes))


class Evaluator:
    """The float64 truth of a graph. `uniforms` are float64; `inputs` and results are arrays of one shape."""

    def __init__(
        self,
        uniforms: Array,
        inputs: Mapping[str, Array],
        network: Callable[[int, Sequence[Array]], Sequence[Array]] | None = None,
        table: NDArray[np.float32] | None = None,
    ) -> None:
        self._uniforms = uniforms
        self._inputs = inputs
        self._network = network
        self._table = table
        self._memo: dict[int, Any] = {}

    def __call__(self, node: Node) -> Any:
        """Value of one node: array, or tuple of arrays for 'branch' and 'network'."""
        key = id(node)
        if key not in self._memo:
            self._memo[key] = (node, self._evaluate(node))
        return self._memo[key][1]

    def _evaluate(self, node: Node) -> Any:
        args = node.args
        if node.op == "const":
            return np.float64(args[0])
        if node.op == "uniform":
            return self._uniforms[args[0]]
        if node.op == "input":
            return self._inputs[args[0]]
        if node.op == "pick":
            return self(args[0])[args[1]]
        if node.op == "branch":
            return tuple(self(n) for n in (args[1] if self(args[0]) > 0.5 else args[2]))
        if node.op == "network":
            assert self._network is not None
            return tuple(self._network(args[0], [self(n) for n in args[1]]))
        if node.op == "lookup":
            assert self._table is not None
            index = np.clip(np.nan_to_num(np.floor(self(args[0]))), 0, len(self._table) - 1)
            return self._table[index.astype(np.int64)].astype(np.float64)
        return OPS[node.op].numpy(*(self(n) for n in args))

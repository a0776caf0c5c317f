"""A field's geometry as an expression: `Field.fold` is called once with symbols for those parameters that move.

A `Moving` stands for a number that is not known yet. NumPy hands it every operation (`__array_ufunc__`), and it
answers with a node of the same graph that pictures are made of (`field.graph`). Python's `math`, `min` and `max` ask
for values, so while a fold is followed others stand in their place, in all functions of its module. So `fold` stays
the one implementation, and what does not move comes out as plain numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from types import FunctionType, SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from morphogen.errors import StyleError
from morphogen.field.entry import Field, Fold, Parameter
from morphogen.field.graph import Node, as_node, clamp, op

Value = Any  # a Moving, or a number
BITS = 8  # of a round's length: exact for 2 ** (24 - BITS) rounds


class Moving(NDArrayOperatorsMixin):
    """One number that time or music decides. Its value is needed by nobody: asking for it raises TypeError."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return _apply(ufunc, method, inputs, options)

    def __floor__(self) -> Value:
        return _unary("floor")(self)

    def _unknown(self, *_: Any) -> Any:
        raise TypeError("it asks for the value of a number that moves")

    __bool__ = __float__ = __int__ = __index__ = __round__ = __iter__ = _unknown


class MovingArray(np.ndarray[Any, np.dtype[Any]]):
    """An object array of `Moving` and numbers."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return _apply(ufunc, method, inputs, options)


def _apply(ufunc: np.ufunc, method: str, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
    plain = [_plain(value) for value in inputs]
    if method == "reduce" and ufunc is np.add:
        result = np.add.reduce(plain[0], **{key: v for key, v in options.items() if key in ("axis", "keepdims")})
    elif method == "__call__" and ufunc is np.matmul:
        result = np.matmul(*plain)
    elif method == "__call__" and ufunc in RULES:
        result = np.frompyfunc(RULES[ufunc], ufunc.nin, 1)(*plain)
    else:
        raise TypeError(f"it uses numpy.{ufunc.__name__}.{method}, which has no rule")
    return result.view(MovingArray) if isinstance(result, np.ndarray) and result.ndim else result


def _plain(value: Any) -> NDArray[Any]:
    """As a bare object array, which hands nothing back to `_apply`."""
    if isinstance(value, Moving):
        box = np.empty((), object)
        box[()] = value
        return box
    return np.asarray(value).view(np.ndarray).astype(object)


def node_of(value: Value) -> Node:
    """The node of a traced number."""
    return value.node if isinstance(value, Moving) else as_node(float(value))


def _known(*values: Value) -> bool:
    return not any(isinstance(value, Moving) for value in values)


def _add(a: Value, b: Value) -> Value:
    if _known(a, b):
        return a + b
    if _known(a) and a == 0:
        return b
    return a if _known(b) and b == 0 else Moving(node_of(a) + node_of(b))


def _subtract(a: Value, b: Value) -> Value:
    if _known(a, b):
        return a - b
    return a if _known(b) and b == 0 else Moving(node_of(a) - node_of(b))


def _multiply(a: Value, b: Value) -> Value:
    if _known(a, b):
        return a * b
    number, other = (a, b) if _known(a) else (b, a)
    if _known(number) and number in (0, 1):
        return other if number == 1 else 0.0
    return Moving(node_of(a) * node_of(b))


def _divide(a: Value, b: Value) -> Value:
    if _known(a, b):
        return a / b
    return Moving(node_of(a) / node_of(b)) if not _known(b) else _multiply(a, 1.0 / b)


def _remainder(a: Value, b: Value) -> Value:
    return a % b if _known(a, b) else Moving(remainder(node_of(a), node_of(b)))


def _power(a: Value, b: Value) -> Value:
    if _known(a, b):
        return a**b
    if _known(b) and float(b) == int(b) and abs(b) <= 4:
        product: Value = 1.0
        for _ in range(abs(int(b))):
            product = _multiply(product, a)
        return product if b >= 0 else _divide(1.0, product)
    if _known(b) and abs(b) == 0.5:
        root = Moving(op("sqrt", node_of(a)))
        return root if b > 0 else _divide(1.0, root)
    logarithm = math.log2(a) if _known(a) else Moving(op("log2", node_of(a)))
    return Moving(op("exp2", node_of(_multiply(logarithm, b))))


def _unary(name: str, scale: float = 1.0, shift: float = 0.0, gain: float = 1.0) -> Callable[[Value], Value]:
    """gain * operation(scale * a + shift)."""
    numpy: dict[str, Any] = {"floor": np.floor, "sqrt": np.sqrt, "abs": np.abs, "exp2": np.exp2, "log2": np.log2,
                             "cos_turns": lambda a: np.cos(math.tau * a)}  # fmt: skip

    def rule(a: Value) -> Value:
        inner = _add(_multiply(a, scale), shift)
        return _multiply(numpy[name](inner) if _known(inner) else Moving(op(name, node_of(inner))), gain)

    return rule


def _extreme(name: str, known: Callable[..., Any]) -> Callable[[Value, Value], Value]:
    return lambda a, b: known(a, b) if _known(a, b) else Moving(op(name, node_of(a), node_of(b)))


_smaller, _larger = _extreme("min", min), _extreme("max", max)

RULES: dict[np.ufunc, Callable[..., Value]] = {
    np.add: _add, np.subtract: _subtract, np.multiply: _multiply, np.true_divide: _divide,
    np.remainder: _remainder, np.power: _power, np.square: lambda a: _multiply(a, a),
    np.negative: lambda a: _multiply(a, -1.0), np.positive: lambda a: a,
    np.minimum: _smaller, np.maximum: _larger,
    np.floor: _unary("floor"), np.rint: _unary("floor", shift=0.5), np.absolute: _unary("abs"),
    np.sqrt: _unary("sqrt"), np.exp2: _unary("exp2"), np.log2: _unary("log2"),
    np.exp: _unary("exp2", math.log2(math.e)), np.log: _unary("log2", gain=math.log(2)),
    np.cos: _unary("cos_turns", 1 / math.tau), np.sin: _unary("cos_turns", 1 / math.tau, -0.25),
}  # fmt: skip
_clip = getattr(np, "core" if np.__version__.startswith("1.") else "_core").umath.clip
RULES[_clip] = lambda a, low, high: _smaller(_larger(a, low), high)


def remainder(a: Node, b: Node) -> Node:
    """a - b * floor(a / b): what is left, with the sign of b."""
    return a - b * op("floor", a / b)


def wrapped(value: Node, low: Node | float, high: Node | float) -> Node:
    """value, taken round and round between low and high."""
    low, high = as_node(low), as_node(high)
    return low + remainder(value - low, high - low)


def left_over(time: Node, span: Node | float, more: Node | float) -> Node:
    """time less whole rounds of span + more seconds. Where `span` has few bits, rounds times it is exact in float32:
    hours lose nothing that the time itself has."""
    rounds = op("floor", time / (as_node(span) + more))
    return time - rounds * span - rounds * more


def parts(length: float) -> tuple[float, float]:
    """The same as a number of BITS, and what it lacks."""
    mantissa, exponent = math.frexp(length)
    exact = math.ldexp(round(math.ldexp(mantissa, BITS)), exponent - BITS)
    return exact, length - exact


def bounded(parameter: Parameter, value: Node) -> Node:
    """What `field.geometry` does with a modulated parameter."""
    bound = wrapped if parameter.kind == "wrap" else clamp
    return bound(value, parameter.low, parameter.high)


def _call(name: str, *values: Value) -> Value:
    """math.NAME of numbers, numpy.NAME where one of them moves."""
    return getattr(math if _known(*values) else np, name)(*values)


def _extreme_of(known: Callable[..., Any], moving: np.ufunc, *values: Value, **options: Any) -> Value:
    return known(*values, **options) if _known(*values) else reduce(moving, values)


STAND_INS = {
    "math": SimpleNamespace(**{name: partial(_call, name) if callable(v) else v for name, v in vars(math).items()}),
    "min": partial(_extreme_of, min, np.minimum), "max": partial(_extreme_of, max, np.maximum),
}  # fmt: skip


def _followed(fold: Fold) -> Fold:
    """The same function, it and the others of its module with STAND_INS."""
    own = cast(FunctionType, fold)
    names = own.__globals__ | STAND_INS

    def copied(function: FunctionType) -> FunctionType:
        return FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)

    for name, value in own.__globals__.items():
        if isinstance(value, FunctionType) and value.__module__ == own.__module__:
            names[name] = copied(value)
    return cast(Fold, copied(own))


def traced(name: str, field: Field, parameters: Mapping[str, Value]) -> list[Node]:
    """What the field's graph reads, as nodes: a constant where nothing in it moves. name: of the field, for errors;
    parameters: in bounds, numbers or `Moving`. Raises StyleError where the fold cannot be followed."""
    try:
        numbers = _followed(field.fold)(parameters)
    except (TypeError, AttributeError, ValueError, IndexError) as error:
        moving = ", ".join(key for key, value in parameters.items() if isinstance(value, Moving))
        raise StyleError(
            f"the field {name} cannot be written as shader text while {moving} moves: {error}.",
            "Let that parameter rest in the style, or play the style in Morphogen itself.",
        ) from error
    return [node_of(value) for value in numbers.tolist()]

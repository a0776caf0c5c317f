"""What each weight of a network does, in words: for whoever shows them on a fader."""

from __future__ import annotations

import math
from collections.abc import Iterator

from morphogen.field.network import Shape, tensor_names

COLOURS = ("red", "green", "blue")


def weight_names(shape: Shape, first: int = 0, count: int | None = None) -> list[str]:
    """'layer 1, unit 3 (sin): from time' for `count` weights from number `first` on, in tensor order.

    Layers and units are counted from 1, the weights themselves from 0, as OSC does. Pure; 0.6 us a name.
    """
    last = shape.parameters if count is None else min(first + count, shape.parameters)
    names: list[str] = []
    at = 0
    for tensor, size in tensor_names(shape).items():
        length = math.prod(size)
        begin, end = max(first - at, 0), min(last - at, length)
        if begin < end:
            names += _named(shape, tensor, size, range(begin, end))
        at += length
    return names


def _named(shape: Shape, tensor: str, size: tuple[int, ...], places: range) -> Iterator[str]:
    if tensor == "palette":
        return (f"palette, stop {n // 3 + 1}: {COLOURS[n % 3]}" for n in places)
    layer, columns = int(tensor.split(".")[1]), size[-1]
    if tensor.endswith("bias"):
        return (f"{_unit(shape, layer, n)}: bias" for n in places)
    sources = shape.inputs if layer == 0 else [f"unit {n + 1} of layer {layer}" for n in range(columns)]
    return (f"{_unit(shape, layer, n // columns)}: from {sources[n % columns]}" for n in places)


def _unit(shape: Shape, layer: int, unit: int) -> str:
    if layer < len(shape.layers):
        return f"layer {layer + 1}, unit {unit + 1} ({shape.layers[layer][unit]})"
    if shape.alpha and unit == shape.outputs - 1:
        return "output alpha"
    return "output" if shape.palette else f"output {COLOURS[unit]}"

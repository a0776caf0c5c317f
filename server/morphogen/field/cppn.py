"""The network's mathematics: the float64 truth, the folding of what is constant over a frame, and the pixel graph.

`evaluate` is what every backend is compared with and knows nothing of folding. `fold` turns weights and the frame's
time and audio into the float32 block that compiled code reads; `expand` is the graph that reads it. A palette head
adds its own part to each of the three (`field.palette`), and so does the geometry of fields (`field.geometry`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from morphogen.field import geometry, palette
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.graph import Array, Node, as_node, branch, fma, uniform
from morphogen.field.inputs import LENGTHS, PIXEL_INPUTS, input_nodes, uniform_count
from morphogen.field.network import Network, Shape

COVER = 0  # slot of the scene's block (`field.scene`): somebody asks for alpha
TILE = 8192  # pixels that a wide network is evaluated for at once: 16 MB a layer of 256 units


def pixel_inputs(shape: Shape) -> list[tuple[int, str]]:
    """(column, name) of the inputs that differ from pixel to pixel, in column order."""
    return [(i, name) for i, name in enumerate(shape.inputs) if name in PIXEL_INPUTS]


def reflect(t: float, low: float, high: float) -> float:
    """Time folded back and forth into low..high, without a jump."""
    span = high - low
    if span <= 0:
        return low
    phase = (t - low) % (2 * span)
    return low + (phase if phase <= span else 2 * span - phase)


def frame_bias(network: Network, values: Mapping[str, float]) -> Array:
    """First-layer bias (units,) in float64 with all frame inputs (time, audio) added.

    Live time is unbounded. A periodic unit takes it as it is; any other unit would saturate for good, so it sees time
    reflected into the style's own range."""
    shape = network.shape
    weight = network.tensors[0].astype(np.float64)
    bias = network.tensors[1].astype(np.float64)
    for column, name in enumerate(shape.inputs):
        if name in PIXEL_INPUTS:
            continue
        value = float(values.get(name, 0.0))
        if name == "time":
            folded = reflect(value, *network.time_range)
            units = shape.layers[0] if shape.layers else ("sigmoid",) * shape.outputs
            times = np.array([value if ACTIVATIONS[u].periodic else folded for u in units])
            bias += weight[:, column] * times
        else:
            bias += weight[:, column] * value
    return bias


def evaluate(network: Network, pixels: Mapping[str, Array], values: Mapping[str, float]) -> list[Array]:
    """The truth. pixels: arrays of one shape for 'x' and 'y' in picture heights (y up). Returns r, g, b and,
    where the head has it, alpha, 0..1, float64, same shape."""
    return coloured(network.shape, network.tensors, _evaluate(network, pixels, values))


def coloured(shape: Shape, tensors: Sequence[NDArray[np.floating]], outputs: Sequence[Array]) -> list[Array]:
    """r, g, b (and alpha) of the output layer's channels, in float64. tensors: of the whole network."""
    colours, alpha = (outputs[:-1], outputs[-1:]) if shape.alpha else (outputs, ())
    return [*(palette.evaluate(tensors[-1], colours[0]) if shape.palette else colours), *alpha]


def _evaluate(network: Network, pixels: Mapping[str, Array], values: Mapping[str, float]) -> list[Array]:
    """The output layer's channels, 0..1."""
    if network.shape.wide:
        return _evaluate_wide(network, pixels, values)
    columns = pixel_inputs(network.shape)
    first = network.tensors[0].astype(np.float64)
    known = _pixel_values(network, pixels, values)
    units = [
        sum((first[j, i] * known[name] for i, name in columns), start=np.float64(b))
        for j, b in enumerate(frame_bias(network, values))
    ]
    names = [*network.shape.layers, ("sigmoid",) * network.shape.outputs]
    for layer, activations in enumerate(names):
        if layer:
            weight = network.tensors[2 * layer].astype(np.float64)
            bias = network.tensors[2 * layer + 1].astype(np.float64)
            units = [
                sum((w * u for w, u in zip(row, units, strict=True)), start=b)
                for row, b in zip(weight, bias, strict=True)
            ]
        units = [np.asarray(ACTIVATIONS[a].reference(u)) for a, u in zip(activations, units, strict=True)]
    return [np.broadcast_to(u, np.shape(pixels["x"])) for u in units]


def _evaluate_wide(network: Network, pixels: Mapping[str, Array], values: Mapping[str, float]) -> list[Array]:
    """The same by matrix products, in tiles: unit by unit a picture of 320x180 takes minutes at 8L_256D."""
    shape = network.shape
    columns = [i for i, _ in pixel_inputs(shape)]
    weights = [t.astype(np.float64) for t in network.tensors]
    weights[0], weights[1] = weights[0][:, columns], frame_bias(network, values)
    known = _pixel_values(network, pixels, values)
    inputs = np.stack([np.ravel(known[name]) for _, name in pixel_inputs(shape)]) if columns else np.zeros((0, 1))
    out = np.empty((shape.outputs, inputs.shape[1]))
    for at in range(0, inputs.shape[1], TILE):
        units = inputs[:, at : at + TILE]
        for layer, names in enumerate([*shape.layers, ("sigmoid",) * shape.outputs]):
            units = weights[2 * layer] @ units + weights[2 * layer + 1][:, None]
            for name in dict.fromkeys(names):
                rows = [j for j, other in enumerate(names) if other == name]
                units[rows] = ACTIVATIONS[name].reference(units[rows])
        out[:, at : at + TILE] = units
    size = np.shape(pixels["x"])
    return [np.broadcast_to(channel.reshape(size if columns else (1,) * len(size)), size) for channel in out]


def _pixel_values(network: Network, pixels: Mapping[str, Array], values: Mapping[str, float]) -> dict[str, Array]:
    return geometry.sample(network.shape.inputs, network.geometry, network.extent, pixels, values)


def fold(network: Network, values: Mapping[str, float]) -> NDArray[np.float32]:
    """The block that compiled code reads, float32: for each layer the weights row by row, then its biases;
    then the palette's coefficients, last what the fields among the inputs read.

    All in float64 until the last step. First-layer rows hold the pixel inputs only; periodic biases are reduced to
    one turn, which keeps hour-long shows exact (research: kernels, section 2). What the weights alone decide is kept
    with the network: 30 us a frame instead of 230."""
    kept: tuple[NDArray[np.float32], slice] | None = network.memo.get("fold")
    if kept is None:
        first = first_weight(network)
        rest = [part for weight, bias in later_layers(network) for part in (weight.ravel(), bias)]
        rest += [head_block(network)]
        block = np.concatenate([first.ravel(), np.zeros(len(first)), *rest]).astype(np.float32)
        kept = network.memo["fold"] = (block, slice(first.size, first.size + len(first)))
    still, place = kept
    moving = geometry.fold(network.shape.inputs, network.geometry, network.extent, values)
    block = np.concatenate([still, moving.astype(np.float32)])
    block[place] = first_bias(network, values)
    return block


def head_block(network: Network) -> Array:
    """What the head reads of the block, float64: the coefficients of a palette, else nothing."""
    return palette.coefficients(network.tensors[-1]) if network.shape.palette else np.zeros(0)


def first_weight(network: Network) -> Array:
    """Folded weights of the first layer (units, pixel inputs)."""
    columns = [i for i, _ in pixel_inputs(network.shape)]
    scales = np.array([2 * network.extent if name in LENGTHS else 1.0 for _, name in pixel_inputs(network.shape)])
    weight = network.tensors[0].astype(np.float64)[:, columns] * scales
    return np.asarray(weight * _factors(activations(network.shape, 0)).scale[:, None])


@dataclass(frozen=True)
class _FirstBias:
    """`frame_bias` and its folding, with everything that the weights decide worked out. columns: weights of `names`."""

    names: tuple[str, ...]
    columns: Array
    time: Array
    bias: Array
    periodic: NDArray[np.bool_]
    scale: Array
    turn: Array

    @classmethod
    def of(cls, network: Network) -> _FirstBias:
        shape = network.shape
        weight = network.tensors[0].astype(np.float64)
        steady = [(i, n) for i, n in enumerate(shape.inputs) if n not in PIXEL_INPUTS and n != "time"]
        time = [i for i, name in enumerate(shape.inputs) if name == "time"]
        factors = _factors(activations(shape, 0))
        return cls(
            tuple(name for _, name in steady), weight[:, [i for i, _ in steady]], weight[:, time].sum(axis=1),
            network.tensors[1].astype(np.float64), factors.periodic, factors.scale, factors.turn,
        )  # fmt: skip


def first_bias(network: Network, values: Mapping[str, float]) -> Array:
    """Folded bias of the first layer: all that differs from frame to frame."""
    kept: _FirstBias | None = network.memo.get("first_bias")
    if kept is None:
        kept = network.memo["first_bias"] = _FirstBias.of(network)
    time = float(values.get("time", 0.0))
    bias = kept.bias + kept.columns @ np.array([float(values.get(name, 0.0)) for name in kept.names])
    bias += kept.time * np.where(kept.periodic, time, reflect(time, *network.time_range))
    bias = bias * kept.scale + kept.turn
    return np.where(kept.periodic, bias - np.rint(bias), bias)


def later_layers(network: Network) -> list[tuple[Array, Array]]:
    """Folded (weights, biases) of all other layers, the output last."""
    layers = []
    for layer in range(1, len(network.shape.layers) + 1):
        weight = network.tensors[2 * layer].astype(np.float64)
        bias = network.tensors[2 * layer + 1].astype(np.float64)
        before, here = (_factors(activations(network.shape, n)) for n in (layer - 1, layer))
        bias = bias + weight @ before.shift
        weight *= before.gain
        weight *= here.scale[:, None]
        layers.append((weight, _folded_bias(network.shape, layer, bias)))
    return layers


def activations(shape: Shape, layer: int) -> tuple[str, ...]:
    """Activation of each unit of a layer, the output counted as the last."""
    return (*shape.layers, ("sigmoid",) * shape.outputs)[layer]


@dataclass(frozen=True)
class _Factors:
    """Constants of `activations.Activation` for each unit of a layer."""

    scale: Array
    turn: Array
    gain: Array
    shift: Array
    periodic: NDArray[np.bool_]


@lru_cache(maxsize=64)
def _factors(names: tuple[str, ...]) -> _Factors:
    entries = [ACTIVATIONS[name] for name in names]
    return _Factors(*(np.array([getattr(e, field.name) for e in entries]) for field in fields(_Factors)))


def _folded_bias(shape: Shape, layer: int, bias: Array) -> Array:
    here = _factors(activations(shape, layer))
    bias = bias * here.scale + here.turn
    return np.where(here.periodic, bias - np.rint(bias), bias)


def block_size(shape: Shape) -> int:
    """Number of floats in the block of `fold`."""
    widths = [len(pixel_inputs(shape)), *shape.widths[1:]]
    return sum(a * b + b for a, b in pairwise(widths)) + head_size(shape) + uniform_count(shape.inputs)


def head_size(shape: Shape) -> int:
    """Number of floats that the head reads."""
    return palette.FLOATS if shape.palette else 0


def expand(shape: Shape, first_slot: int, x: Node, y: Node) -> list[list[Node]]:
    """Graph of each layer's units, the last as of `headed`, reading the block of `fold` from `first_slot` on."""
    slot = first_slot
    layers = []
    units = input_nodes(shape.inputs, x, y, first_slot + block_size(shape) - uniform_count(shape.inputs))
    for names in [*shape.layers, ("sigmoid",) * shape.outputs]:
        rows = [slot + j * len(units) for j in range(len(names))]
        biases = slot + len(names) * len(units)
        units = [
            ACTIVATIONS[name].emit(_dot(units, row, biases + j))
            for j, (name, row) in enumerate(zip(names, rows, strict=True))
        ]
        slot = biases + len(names)
        layers.append(units)
    layers[-1] = headed(shape, units, slot)
    return layers


def headed(shape: Shape, outputs: Sequence[Node], slot: int) -> list[Node]:
    """Graph of r, g, b and, where the head has it, alpha, from the output layer; slot: of what the head reads. Alpha is
    1, and nothing is computed for it, while the uniform COVER is off."""
    alpha: Sequence[Node] = ()
    if shape.alpha:
        outputs, alpha = outputs[:-1], branch(uniform(COVER), outputs[-1:], (as_node(1.0),))
    return [*(palette.expand(outputs[0], slot) if shape.palette else outputs), *alpha]


def _dot(units: Sequence[Node], row: int, bias: int) -> Node:
    total = uniform(bias)
    for i, unit in enumerate(units):
        total = fma(uniform(row + i), unit, total)
    return total


assert math.isclose(ACTIVATIONS["tanh"].gain + ACTIVATIONS["tanh"].shift, -1.0)

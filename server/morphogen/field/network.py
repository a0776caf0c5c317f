"""CPPNs as data: shape (what is compiled) and weights (what is passed). No drawing here.

The seed network "3L_4D": 12 inputs, three hidden layers of 4, sin cos gaussian tanh cycling over the layers, 3 outputs
through a sigmoid: 107 parameters. Stanley, "Compositional pattern producing networks" (2007).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.field import geometry as geometries
from morphogen.field.graph import Array
from morphogen.field.inputs import FRAME_INPUTS
from morphogen.field.palette import STOPS, random_stops

SEED_INPUTS = ("x", "y", *FRAME_INPUTS)
ACTIVATION_CYCLE = ("sin", "cos", "gaussian", "tanh")
# Channels of the output layer. The first of PALETTE chooses a colour (field.palette); the last of ALPHA is alpha.
HEADS = {"rgb": 3, "palette": 1, "rgba": 4, "palette_alpha": 2}
PALETTE, ALPHA = frozenset({"palette", "palette_alpha"}), frozenset({"rgba", "palette_alpha"})
MAX_LAYERS = 8
MAX_WIDTH = 256
SHALLOW = 2.4  # times the gain of the second of two layers, with a palette
NARROW = 16  # units; a layer with more makes the network wide: drawn by matrix multiplication (render.wide)

PRESETS: dict[str, tuple[int, int]] = {
    "2L_4D": (2, 4), "3L_4D": (3, 4), "3L_6D": (3, 6), "2L_8D": (2, 8), "3L_8D": (3, 8),
    "4L_128D": (4, 128), "4L_256D": (4, 256), "8L_256D": (8, 256),
}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """What a compiled program depends on; hashable. `layers` holds each hidden layer's activation per unit."""

    inputs: tuple[str, ...]
    layers: tuple[tuple[str, ...], ...]
    head: str = "rgb"

    @property
    def outputs(self) -> int:
        """Channels of the output layer."""
        return HEADS[self.head]

    @property
    def palette(self) -> bool:
        """Whether colours come out of a palette."""
        return self.head in PALETTE

    @property
    def alpha(self) -> bool:
        """Whether the last output is alpha."""
        return self.head in ALPHA

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of each layer, inputs first, outputs last."""
        return (len(self.inputs), *(len(layer) for layer in self.layers), self.outputs)

    @property
    def parameters(self) -> int:
        """Number of weights and biases, and of the palette's numbers."""
        return sum(math.prod(size) for size in tensor_shapes(self))

    @property
    def wide(self) -> bool:
        """Whether a layer has too many units to be unrolled into code."""
        return max(map(len, self.layers), default=0) > NARROW

    def __str__(self) -> str:
        widths = "x".join(str(w) for w in self.widths[1:-1])
        return f"{len(self.inputs)}>{widths}>{self.head}"


def preset(name: str, inputs: Sequence[str] = SEED_INPUTS, head: str = "rgb") -> Shape:
    """Shape of a named preset ('3L_4D'); activations cycle per layer. Raises KeyError."""
    depth, width = PRESETS[name]
    layers = tuple((ACTIVATION_CYCLE[i % 4],) * width for i in range(depth))
    return Shape(tuple(inputs), layers, head)


@dataclass(frozen=True)
class Network:
    """Shape and weights, immutable.

    tensors: W0 (out, in), b0 (out,), W1, b1 ..., and with a palette head its stops, float32, read-only. extent:
    network coordinate at the upper edge of the picture (0.5: y runs over +-0.5, x over +-0.5 * aspect). time_range:
    seconds that the style was made for; outside it time is reflected where a first-layer unit is not periodic
    (`field.fold`). geometry: of the fields among its inputs (`field.geometry`), float64, read-only; left out: at rest.
    """

    shape: Shape
    tensors: tuple[NDArray[np.float32], ...]
    extent: float = 0.5
    time_range: tuple[float, float] = (0.0, 60.0)
    geometry: Array = field(default_factory=lambda: np.zeros(0))
    _frozen: bool = field(default=True, repr=False, compare=False)

    def __post_init__(self) -> None:
        frozen = []
        for tensor in self.tensors:
            copy = np.array(tensor, np.float32, order="C")
            copy.flags.writeable = False
            frozen.append(copy)
        object.__setattr__(self, "tensors", tuple(frozen))
        if self.shape.wide and self.shape.alpha:
            raise ValueError(f"network {self.shape} has more than {NARROW} units in a layer, and so no alpha")
        expected = tensor_shapes(self.shape)
        got = [t.shape for t in self.tensors]
        if got != expected:
            raise ValueError(f"network {self.shape} needs tensors {expected}, got {got}")
        rest = geometries.default(self.shape.inputs)
        numbers = np.array(self.geometry if self.geometry.size else rest, np.float64)
        numbers.flags.writeable = False
        object.__setattr__(self, "geometry", numbers)
        if numbers.shape != rest.shape:
            raise ValueError(f"network {self.shape} needs geometry of {rest.shape}, got {numbers.shape}")

    @cached_property
    def memo(self) -> dict[str, Any]:
        """What others worked out from these weights, by their own names; it goes when the network goes."""
        return {}

    @cached_property
    def flat(self) -> NDArray[np.float32]:
        """All weights in tensor order, float32, (parameters,), read-only."""
        flat = np.concatenate([t.ravel() for t in self.tensors])
        flat.flags.writeable = False
        return flat

    def with_flat(self, flat: NDArray[np.floating]) -> Network:
        """The same network with other weights, given in tensor order."""
        tensors, at = [], 0
        for shape in tensor_shapes(self.shape):
            size = int(np.prod(shape))
            tensors.append(np.asarray(flat[at : at + size], np.float32).reshape(shape))
            at += size
        return replace(self, tensors=tuple(tensors))


def tensor_names(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Shapes of W0, b0, W1, b1 ... for a network shape, and of the palette's stops, by their names in a style file."""
    names: dict[str, tuple[int, ...]] = {}
    for n, (inputs, out) in enumerate(pairwise(shape.widths)):
        names[f"layers.{n}.weight"], names[f"layers.{n}.bias"] = (out, inputs), (out,)
    if shape.palette:
        names["palette"] = (STOPS, 3)
    return names


def tensor_shapes(shape: Shape) -> list[tuple[int, ...]]:
    """Shapes of all tensors of a network shape, in tensor order."""
    return list(tensor_names(shape).values())


def _xavier(rng: np.random.Generator, out: int, inputs: int, gain: float) -> NDArray[np.float32]:
    bound = gain * np.sqrt(6.0 / (inputs + out))
    return rng.uniform(-bound, bound, (out, inputs)).astype(np.float32)


def head_tensors(shape: Shape, rng: np.random.Generator) -> tuple[NDArray[np.float32], ...]:
    """What follows the layers: the stops of a palette, drawn; else nothing."""
    return (random_stops(rng),) if shape.palette else ()


def init_seed(shape: Shape, seed: int, extent: float = 0.5) -> Network:
    """The seeds' exact init: Xavier-uniform, gain 5 hidden, gain 1 out, zero bias."""
    rng = np.random.default_rng(seed)
    tensors: list[NDArray[np.float32]] = []
    pairs = list(pairwise(shape.widths))
    for i, (a, b) in enumerate(pairs):
        tensors += [_xavier(rng, b, a, 1.0 if i == len(pairs) - 1 else 5.0), np.zeros(b, np.float32)]
    return Network(shape, (*tensors, *head_tensors(shape, rng)), extent)


def init_glow(shape: Shape, seed: int, extent: float = 0.5, hidden_gain: float = 5.0) -> Network:
    """Glowing tendrils on black: hidden biases in +-1.5, output gain 5, output bias -1.5 +- 1 (DESIGN section 3). With
    a palette the output is set by what it reads (`placing`). Wide networks: see `wide_init`."""
    if shape.wide:
        from morphogen.field.wide_init import init_wide

        return init_wide(shape, seed, extent, hidden_gain)
    rng = np.random.default_rng(seed)
    if shape.palette:
        return _init_palette(shape, rng, extent, hidden_gain)
    tensors: list[NDArray[np.float32]] = []
    pairs = list(pairwise(shape.widths))
    for i, (a, b) in enumerate(pairs):
        last = i == len(pairs) - 1
        bias = rng.uniform(-2.5, -0.5, b) if last else rng.uniform(-1.5, 1.5, b)
        tensors += [_xavier(rng, b, a, 5.0 if last else hidden_gain), bias.astype(np.float32)]
    return Network(shape, tuple(tensors), extent)


def _init_palette(shape: Shape, rng: np.random.Generator, extent: float, hidden_gain: float) -> Network:
    from morphogen.field.placing import LEVEL, placed

    hidden: list[NDArray[np.float32]] = []
    for i, (a, b) in enumerate(pairwise(shape.widths[:-1])):
        # Two layers fold the plane too seldom: without more gain in the second they are blobs.
        gain = hidden_gain * (SHALLOW if i and len(shape.layers) == 2 else 1.0)
        hidden += [_xavier(rng, b, a, gain), rng.uniform(-1.5, 1.5, b).astype(np.float32)]
    rows, level = _xavier(rng, shape.outputs, shape.widths[-2], 5.0), rng.uniform(-2.5, -0.5, shape.outputs)
    level[0] = rng.uniform(*LEVEL)
    out = placed(shape, hidden, rows, level, extent)
    return Network(shape, (*hidden, *out, *head_tensors(shape, rng)), extent)

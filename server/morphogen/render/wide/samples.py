"""What the backends that draw wide networks share: where samples lie, what is between them, what stands for a network.

Plain data and arithmetic; nothing here compiles or draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.field import palette
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.cppn import block_size, fold, head_block, head_size
from morphogen.field.graph import Node, pixel_input
from morphogen.field.inputs import FIELDS, PIXEL_INPUTS
from morphogen.field.network import HEADS, Network, Shape
from morphogen.field.scene import Program, Scene

SAMPLED = {head: Shape((), (), head) for head in HEADS}  # stand for every wide network in programs that finish samples
PLACES = tuple(FIELDS["place"].channels)  # what a kernel knows of each pixel, whether a network reads it or not
TAPS = 4
PHASES = 32  # the largest scale: pixels between two samples
CODES = (*ACTIVATIONS, "none")  # an activation's number in the tables of layers
ANGLE = "theta"  # costs more than all other places together
REACH = 1e4  # pre-activations of the output are cut here, far beyond black and white, so that none is infinite
KEPT_PACKS = 4  # networks whose weights stay packed
IDLE_FRAMES = 120  # buffers that no frame needed for so long are given back
TRIAL = Shape(("x", "y"), (("sin",) * 64, ("tanh",) * 64))  # what a machine's speed is tried with


@cache
def weights(scale: int) -> NDArray[np.float32]:
    """(TAPS, PHASES) float32 Catmull-Rom weights; phase p is the p-th pixel after the second sample's place.

    Samples lie in the middle of `scale` pixels; `place` says where that is."""
    f = (np.arange(PHASES) + (0.5 if scale % 2 == 0 else 0.0)) / scale
    rows = [
        -0.5 * f + f**2 - 0.5 * f**3, 1 - 2.5 * f**2 + 1.5 * f**3, 0.5 * f + 2 * f**2 - 1.5 * f**3, 0.5 * (f**3 - f**2),
    ]  # fmt: skip
    table = np.stack(rows).astype(np.float32)
    table.flags.writeable = False
    return table


def sampled(shape: Shape) -> bool:
    """Whether that is one of SAMPLED."""
    return shape == SAMPLED[shape.head]


def canonical(shapes: Sequence[Shape], whole: bool = True) -> tuple[Shape, ...]:
    """What is compiled for these shapes: wide ones of one head are all alike. whole: small ones beside them are not
    sampled; those with alpha never are, as samples have three channels."""
    if not any(shape.wide for shape in shapes):
        return tuple(shapes)
    return tuple(SAMPLED[shape.head] if shape.wide or not (whole or shape.alpha) else shape for shape in shapes)


def columns(inputs: Sequence[str]) -> tuple[str, ...]:
    """What a kernel computes for networks with these inputs: all places, then the fields."""
    return PLACES + tuple(name for name in PIXEL_INPUTS if name in inputs and name not in PLACES)


def folded(scene: Scene, made: Sequence[Shape]) -> NDArray[np.float32]:
    """Weights of the networks that are drawn for every pixel; of others only the head, the rest has its own place."""
    pairs = zip(scene.networks, made, strict=True)
    return np.concatenate([_folded_head(n) if sampled(shape) else fold(n, scene.values) for n, shape in pairs])


def _folded_head(network: Network) -> NDArray[np.float32]:
    """The block of SAMPLED for a network, as `field.cppn.fold` is for others: only its head is read."""
    shape = SAMPLED[network.shape.head]
    block = np.zeros(block_size(shape), np.float32)
    block[head_at(shape) :] = head_block(network)
    return block


def head_at(shape: Shape) -> int:
    """Where in the block of one of SAMPLED its head lies."""
    return block_size(shape) - head_size(shape)


def finished(program: Program, index: int) -> Sequence[Node]:
    """Graph of the colours of a sampled network: the sigmoid of its pre-activations, the pixel inputs u<index><channel>
    that kernels interpolate, and its palette."""
    shape = program.shapes[index]
    outputs = [ACTIVATIONS["sigmoid"].emit(pixel_input(f"u{index}{c}")) for c in range(shape.outputs)]
    if shape.head == "palette":
        return palette.expand(outputs[0], program.network_slots[index] + head_at(shape))
    return outputs


@dataclass(frozen=True)
class Grid:
    """The samples that some rows of a target need. Sample n lies at canvas pixel scale * n + (scale - 1) / 2.

    left, top: number of the first column and row; across, down: how many. shift: columns of pixels between the first
    expanded one and the target's first; lead: rows between the second row of samples and the target's first."""

    scale: int
    left: int
    top: int
    across: int
    down: int
    shift: int
    lead: int

    @classmethod
    def of(cls, column: int, row: int, width: int, height: int, scale: int) -> Grid:
        """For `width` x `height` pixels from canvas pixel (column, row) on."""
        (left, across, shift), (top, down, lead) = (_axis(column, width, scale), _axis(row, height, scale))
        return cls(scale, left, top, across, down, shift, lead)

    @property
    def samples(self) -> int:
        return self.across * self.down

    @property
    def pitch(self) -> int:
        """Floats in a row of expanded samples."""
        return self.scale * (self.across - TAPS + 1) + PHASES


def _axis(start: int, length: int, scale: int) -> tuple[int, int, int]:
    """(first sample, samples, pixels from the second sample's place to the first pixel)."""
    half = scale // 2
    first = (start - half) // scale - 1
    last = (start + length - 1 - half) // scale + 2
    return first, last - first + 1, start - half - scale * (first + 1)


def coordinates(program: Program) -> tuple[Node, Node]:
    """Graph of x and y as the networks see them, after the view."""
    todo: list[Any] = list(program.pictures)
    while todo:
        item = todo.pop()
        if isinstance(item, Node):
            if item.op == "network":
                x, y = item.args[1]
                return x, y
            todo += item.args
        elif isinstance(item, tuple):
            todo += item
    raise ValueError("a program without a network")

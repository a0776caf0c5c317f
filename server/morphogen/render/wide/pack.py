"""A network as the wide kernel reads it: units in blocks of one activation, weights in the order of their use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from morphogen.field import geometry
from morphogen.field.cppn import Array, activations, first_bias, first_weight, later_layers, pixel_inputs
from morphogen.field.network import Network, Shape
from morphogen.render.wide.kernel import Tiling
from morphogen.render.wide.samples import CODES, columns


@dataclass(frozen=True)
class _Group:
    """Units of one layer that share an activation, filled up to whole blocks. begin: in the weights."""

    layer: int
    name: str
    units: tuple[int, ...]
    blocks: int
    depth: int
    begin: int


class Layout:
    """Where everything of a shape lies; computed once a shape.

    table: int64 (groups, 6), as `kernel.GROUP`; floats: of all weights; room: of one thread's scratch; output:
    where in it the output channels are; work: multiply-adds a pixel."""

    def __init__(self, shape: Shape, tiling: Tiling) -> None:
        self._tiling = tiling
        self.groups: list[_Group] = []
        self.places: list[NDArray[np.int64]] = [np.array(_columns(shape), np.int64)]  # rows where a layer's units lie
        known = len(columns(shape.inputs))
        depth, self.floats = known, 0
        for layer in range(len(shape.layers) + 1):
            depth = self._layer(layer, _names(shape, layer), depth)
        rows = max(known, *(self._rows(layer) for layer in range(len(shape.layers) + 1)))
        half = rows * tiling.panel
        self.room, self.output = 2 * half, half * ((len(shape.layers) + 1) % 2)
        self.table = np.array([self._entry(group, half) for group in self.groups], np.int64)
        self.work = sum(group.blocks * tiling.units * group.depth for group in self.groups)

    def _layer(self, layer: int, names: Sequence[str], depth: int) -> int:
        """Adds a layer's groups; returns how many rows it fills."""
        row, places = 0, np.zeros(len(names), np.int64)
        for name in dict.fromkeys(names):
            units = tuple(j for j, other in enumerate(names) if other == name)
            blocks = -(-len(units) // self._tiling.units)
            self.groups.append(_Group(layer, name, units, blocks, depth, self.floats))
            places[list(units)] = row + np.arange(len(units))
            row += blocks * self._tiling.units
            self.floats += blocks * self._tiling.units * (depth + 1)
        self.places.append(places)
        return row

    def _rows(self, layer: int) -> int:
        return sum(g.blocks for g in self.groups if g.layer == layer) * self._tiling.units

    def _entry(self, group: _Group, half: int) -> list[int]:
        source, target = (half * ((group.layer + k) % 2) for k in (0, 1))
        before = sum(g.blocks for g in self.groups if g.layer == group.layer and g.begin < group.begin)
        target += before * self._tiling.units * self._tiling.panel
        return [group.depth, group.blocks, CODES.index(group.name), group.begin, source, target]

    def fill(self, block: NDArray[np.float32], group: _Group, weight: Array) -> None:
        """Write a group's weights (its units in order, the layer's own columns) into the block."""
        t, places = self._tiling, self.places[group.layer]
        rows = weight
        if len(weight) != group.blocks * t.units or len(places) != group.depth or (np.diff(places) != 1).any():
            rows = np.zeros((group.blocks * t.units, group.depth))
            rows[: len(group.units), places] = weight[list(group.units)]
        part, rows = self.part(block, group), rows.astype(np.float32)
        for unit in range(t.units):  # a plane at a time: twice as fast as one transposed copy
            part[:, 1:, unit] = rows[unit :: t.units]

    def bias(self, block: NDArray[np.float32], group: _Group, bias: Array) -> None:
        """Write a group's biases."""
        values = np.zeros(group.blocks * self._tiling.units, np.float32)
        values[: len(group.units)] = bias[list(group.units)]
        self.part(block, group)[:, 0] = values.reshape(group.blocks, -1)

    def part(self, block: NDArray[np.float32], group: _Group) -> NDArray[np.float32]:
        """A group's (blocks, 1 + depth, units): bias, then weights, input by input."""
        t = self._tiling
        size = group.blocks * t.units * (group.depth + 1)
        return block[group.begin : group.begin + size].reshape(group.blocks, group.depth + 1, t.units)


def _columns(shape: Shape) -> list[int]:
    known = columns(shape.inputs)
    return [known.index(name) for _, name in pixel_inputs(shape)]


def _names(shape: Shape, layer: int) -> tuple[str, ...]:
    """The output's sigmoid comes after the interpolation, in the finishing kernel."""
    return activations(shape, layer) if layer < len(shape.layers) else (CODES[-1],) * shape.outputs


class Pack:
    """One network's weights for the kernel. Weights are written once; `at` renews what differs from frame to frame:
    the first layer's biases, and `geometry`, what its fields read."""

    def __init__(self, network: Network, layout: Layout) -> None:
        self.network = network
        self.layout = layout
        self.geometry = np.zeros(0, np.float32)
        self.block = np.zeros(layout.floats, np.float32)
        layers = [(first_weight(network), None), *later_layers(network)]
        for group in layout.groups:
            weight, bias = layers[group.layer]
            layout.fill(self.block, group, weight)
            if bias is not None:
                layout.bias(self.block, group, bias)

    def at(self, values: Mapping[str, float]) -> Pack:
        """The same, with the time and audio of a frame."""
        network = self.network
        moving = geometry.fold(network.shape.inputs, network.geometry, network.extent, values)
        self.geometry = moving.astype(np.float32)
        bias = first_bias(network, values)
        for group in self.layout.groups:
            if group.layer == 0:
                self.layout.bias(self.block, group, bias)
        return self

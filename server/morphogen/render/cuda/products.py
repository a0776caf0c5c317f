"""How wide networks are multiplied on a card's matrix units, and a network's weights in the order of their use.

Units lie in chunks of 64 bytes for each pixel: 16 words of 32 bits or 32 of 16. A thread of a warp reads 16 bytes of
its pixel's chunk and 16 bytes of a unit's weights; the sum over a chunk may run in any order, so these are, word by
word, what `mma.sync` wants of that thread in two steps (PTX ISA, "Matrix Fragments for mma.m16n8k8" and k16).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import RenderError, UsageError
from morphogen.field.cppn import Array, activations, first_bias, first_weight, later_layers, pixel_inputs
from morphogen.field.inputs import shaped
from morphogen.field.network import Network, Shape
from morphogen.render.wide.samples import CODES, PLACES

VARIABLE = "MORPHOGEN_WIDE"
TILE = 32  # units that a warp sums at once: four steps of eight columns
LANE_BYTES, CHUNK_BYTES = 16, 64
ROWS = 16  # pixels in one product
STEP_BYTES = 512  # of the weights that a warp reads at once: eight columns of a chunk
LARGEST_HALF = 65504.0  # beyond it lies infinity, whose products are no numbers
WARPS = 8  # of a block
MOST = 64 * WARPS * TILE  # values that a block keeps


@dataclass(frozen=True)
class Products:
    """One precision. shape: of `mma.sync`; mask: the bits of a float32 that its factors keep; terms: products for each
    product (3: both factors in two parts, nearly float32); word: bytes of a factor."""

    name: str
    shape: str
    mask: int
    terms: int
    word: int

    @property
    def chunk(self) -> int:
        """Units in a chunk."""
        return CHUNK_BYTES // self.word

    @property
    def split(self) -> bool:
        """Whether coordinates, and their weights, travel in two parts: eleven bits of a coordinate are a quarter of a
        pixel at 1080p."""
        return self.terms == 1

    @property
    def columns(self) -> int:
        """Of the first layer."""
        return len(PLACES) * (3 if self.split else 1)

    def stored(self, values: Array) -> NDArray[np.generic]:
        """Factors as the card keeps them."""
        single = np.asarray(values, np.float32)
        if self.terms == 3:
            return single
        if self.name == "half":
            return np.clip(single, -LARGEST_HALF, LARGEST_HALF).astype(np.float16)
        bits = single.view(np.uint32)
        drop = ~np.uint32(self.mask)
        rounded = (bits + (drop >> np.uint32(1)) + np.uint32(1)) & np.uint32(self.mask)  # ties away from zero
        return rounded if self.word == 4 else (rounded >> np.uint32(16)).astype(np.uint16)

    @property
    def shared_bytes(self) -> int:
        """That a block keeps its values in."""
        return MOST * self.word

    def value(self, stored: NDArray[np.generic]) -> Array:
        """What `stored` stands for."""
        if self.name == "half" or self.terms == 3:
            return stored.astype(np.float64)
        bits = stored if self.word == 4 else stored.astype(np.uint32) << np.uint32(16)
        return bits.view(np.float32).astype(np.float64)


PRODUCTS = {
    made.name: made
    for made in (
        Products("float32", "m16n8k8.row.col.f32.tf32.tf32.f32", 0xFFFFE000, 3, 4),
        Products("tf32", "m16n8k8.row.col.f32.tf32.tf32.f32", 0xFFFFE000, 1, 4),
        Products("half", "m16n8k16.row.col.f32.f16.f16.f32", 0xFFFFE000, 1, 2),
        Products("bfloat16", "m16n8k16.row.col.f32.bf16.bf16.f32", 0xFFFF0000, 1, 2),
    )
}


def wished() -> Products:
    """What MORPHOGEN_WIDE asks for; float32 if nothing. Raises UsageError."""
    wish = os.environ.get(VARIABLE, "") or "float32"
    if wish not in PRODUCTS:
        raise UsageError(f"{VARIABLE}={wish} is no precision of wide networks.", f"Known: {', '.join(PRODUCTS)}.")
    return PRODUCTS[wish]


class Entry(ctypes.Structure):
    """One layer as the kernel reads it. chunks: of its inputs; tiles: of its units; weights, units: bytes from the
    table's start to the weights, and to a line for each tile and thread of four: eight biases, eight activations."""

    _fields_: ClassVar = [(name, ctypes.c_int32) for name in ("chunks", "tiles", "weights", "units")]


ENTRIES = 16  # of the table: eight hidden layers, the output, and room
UNIT_BYTES = 64  # a thread's line


class Block:
    """A network's table, biases, activations and weights, one after the other, as they go to the card.

    data: uint8; first: the part that differs from frame to frame (`at`): where it begins and how long it is. hidden:
    layers; spread: 2**spread tiles hold the widest one (1 at least). Raises RenderError: too wide."""

    def __init__(self, network: Network, products: Products) -> None:
        self.network, self.products = network, products
        self.check(network.shape)
        layers = [(first_weight(network), np.zeros(network.shape.widths[1])), *later_layers(network)]
        self._parts: list[NDArray[np.uint8]] = []
        self._size = ctypes.sizeof(Entry) * ENTRIES
        self.hidden = len(layers) - 1
        self.spread = max((-(-max(network.shape.widths[1:]) // TILE) - 1).bit_length(), 1)
        places = np.arange(0)
        table = (Entry * ENTRIES)()
        for layer, (weight, bias) in enumerate(layers):
            columns = self._first(weight) if layer == 0 else self._placed(weight, places)
            entry, places = table[layer], self._order(layer)
            entry.chunks = columns.shape[1] // products.chunk
            if layer == self.hidden:
                entry.tiles = 1
                entry.units = self._add(np.pad(np.float32(bias), (0, 8 - len(bias))))
                entry.weights = self._add(self._output(columns))
                continue
            entry.tiles = -(-len(bias) // TILE)
            entry.units = self._add(self._lines(layer, bias, entry.tiles))
            entry.weights = self._add(self._tiled(columns[places], entry.tiles))
        self.data = np.concatenate([np.frombuffer(bytes(table), np.uint8), *self._parts])
        self.first = (table[0].units, table[0].tiles * 4 * UNIT_BYTES)

    @staticmethod
    def check(shape: Shape) -> None:
        """Raises RenderError: it does not fit, or reads what this kernel does not compute."""
        if fields := shaped(shape.inputs):
            raise RenderError(
                f"{shape} reads {fields[0]}: the CUDA backend has no fields in wide networks.", "Use --backend cpu."
            )
        if max(shape.widths[1:]) > WARPS * TILE or len(shape.layers) >= ENTRIES:
            raise RenderError(
                f"{shape} is too wide for the CUDA backend: a block of threads keeps {WARPS * TILE} units a layer in "
                f"its shared memory, {ENTRIES - 1} layers deep.", "Use --backend cpu.",
            )  # fmt: skip

    @property
    def pixels(self) -> int:
        """That a block of threads draws."""
        return 64 * (WARPS >> self.spread)

    def at(self, values: Mapping[str, float]) -> NDArray[np.uint8]:
        """The first layer's lines with the time and audio of a frame."""
        start, size = self.first
        part = self.data[start : start + size]
        part[:] = self._lines(0, first_bias(self.network, values), size // (4 * UNIT_BYTES)).view(np.uint8).ravel()
        return part

    # --- inside

    def _add(self, part: NDArray[np.generic]) -> int:
        """Append; returns where it begins."""
        begin = self._size
        data = np.ascontiguousarray(part).view(np.uint8).ravel()
        data = np.pad(data, (0, -len(data) % UNIT_BYTES))
        self._parts.append(data)
        self._size += len(data)
        return begin

    def _order(self, layer: int) -> NDArray[np.int64]:
        """Units of a layer, one activation after the other, so that threads of a warp mostly go the same way."""
        codes = [CODES.index(name) for name in activations(self.network.shape, layer)]
        return np.argsort(codes, kind="stable")

    def _first(self, weight: Array) -> NDArray[np.generic]:
        """Columns (units, whole chunks) over all pixel inputs: coarse part of both, fine part of the input, fine part
        of the weight; or, where factors are not cut, just the weights."""
        p, count = self.products, len(PLACES)
        whole = np.zeros((len(weight), count))
        whole[:, [PLACES.index(name) for _, name in pixel_inputs(self.network.shape)]] = weight
        if not p.split:
            return self._padded(p.stored(whole))
        coarse = p.stored(whole)
        return self._padded(np.concatenate([coarse, coarse, p.stored(whole - p.value(coarse))], axis=1))

    def _placed(self, weight: Array, places: NDArray[np.int64]) -> NDArray[np.generic]:
        """Columns in the order of the units before."""
        return self._padded(self.products.stored(weight[:, places]))

    def _padded(self, stored: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.pad(stored, ((0, 0), (0, -stored.shape[1] % self.products.chunk)))

    def _units(self) -> NDArray[np.int64]:
        """(4, 8): which unit of a tile column `n` of step `s` is, such that a thread's eight sums are neighbours in the
        chunks that the next layer reads."""
        step, column = np.indices((4, 8))
        if self.products.word == 4:
            return 16 * (step // 2) + 4 * (column // 2) + 2 * (step % 2) + column % 2
        return 8 * (column // 2) + 2 * step + column % 2

    def _tiled(self, columns: NDArray[np.generic], tiles: int) -> NDArray[np.uint8]:
        """Tile, chunk, step, column, thread of four, 16 bytes."""
        rows = np.pad(columns, ((0, tiles * TILE - len(columns)), (0, 0)))
        whole = np.ascontiguousarray(rows).view(np.uint8).reshape(tiles, TILE, -1, 4, LANE_BYTES)
        return np.ascontiguousarray(whole[:, self._units()].transpose(0, 3, 1, 2, 4, 5))

    def _output(self, columns: NDArray[np.generic]) -> NDArray[np.uint8]:
        """Chunk, column, thread of four, 16 bytes; eight columns, of which three are colours."""
        rows = np.ascontiguousarray(np.pad(columns, ((0, 8 - len(columns)), (0, 0))))
        return rows.view(np.uint8).reshape(8, -1, 4, LANE_BYTES).transpose(1, 0, 2, 3)

    def _lines(self, layer: int, bias: Array, tiles: int) -> NDArray[np.uint32]:
        """(tiles, 4, 16) words: for each tile and thread of four eight biases, then eight activations."""
        places = self._order(layer)
        names = activations(self.network.shape, layer)
        values = np.zeros(tiles * TILE, np.float32)
        codes = np.full(tiles * TILE, len(CODES) - 1, np.uint32)
        values[: len(places)] = np.asarray(bias)[places]
        codes[: len(places)] = [CODES.index(names[unit]) for unit in places]
        # A thread of four has columns 2t and 2t + 1 of each step.
        units = self._units().reshape(4, 4, 2).transpose(1, 0, 2).reshape(4, 8)
        both = [part.view(np.uint32).reshape(tiles, TILE)[:, units] for part in (values, codes)]
        return np.ascontiguousarray(np.concatenate(both, axis=2))

"""Where the samples of a wide network lie, and its inputs there, as factors of the first layer."""

from __future__ import annotations

import ctypes
from typing import Any, ClassVar

from llvmlite import ir

from morphogen.field.graph import Node, pixel_input
from morphogen.field.inputs import input_nodes
from morphogen.field.scene import ROW, SCENE_SLOTS
from morphogen.render.cuda.lowering import PtxLowering
from morphogen.render.cuda.products import CHUNK_BYTES, WARPS, Products
from morphogen.render.cuda.ptx import I8
from morphogen.render.cuda.warps import WarpKernel
from morphogen.render.lowering import F32, I32, I64
from morphogen.render.wide.samples import ANGLE, PLACES, coordinates

LANES = 32
THREADS = LANES * WARPS
BLOCKS = 2  # on a multiprocessor at once: one multiplies while the other activates


class FieldJob(ctypes.Structure):
    """One network over one grid of samples; the scene's uniforms follow.

    block: `products.Block` on the card; planes: output (3, plane) float32, pre-activations folded for a sigmoid.
    samples: in the grid, `across` a row, at left + step * column, top + step * row in halves of a canvas pixel. layers:
    hidden ones; spread: the warps' units are 2**spread tiles, so there are 64 * (8 >> spread) pixels in a block.
    angle: whether the network reads ANGLE.
    """

    _fields_: ClassVar = [
        (name, ctypes.c_uint64 if name in ("block", "planes") else ctypes.c_int32)
        for name in (
            "block", "planes", "plane", "samples", "across", "left", "top", "step", "layers", "spread", "angle",
        )
    ]  # fmt: skip


UNIFORMS_AT = -(-ctypes.sizeof(FieldJob) // 8) * 8


CARRIED_BYTES = UNIFORMS_AT + 4 * SCENE_SLOTS


class InputKernel(WarpKernel):
    """Begins a kernel over samples: numbers of this thread, and the inputs of the block's pixels.

    Pixels of a block lie one below the other in chunks of 64 bytes, a row of 16 bytes for each thread of four: no two
    of a warp's eight rows meet in a bank of the shared memory."""

    def __init__(self, products: Products) -> None:
        super().__init__(FieldJob, CARRIED_BYTES, products, THREADS, BLOCKS)
        b = self.b
        self._uniforms = b.gep(self.carried, [I64(UNIFORMS_AT)], source_etype=I8)
        thread = self._special("tid.x")
        self._warp, lane = b.lshr(thread, I32(5)), b.and_(thread, I32(LANES - 1))
        self._row, self._quarter = b.lshr(lane, I32(2)), b.and_(lane, I32(3))
        self._lane = b.mul(lane, I32(16))
        self._pixels = b.lshr(I32(64 * WARPS), self.job["spread"])
        self._chunk_bytes = b.mul(self._pixels, I32(CHUNK_BYTES))
        self._first = b.mul(self._special("ctaid.x"), self._pixels)
        # Where this thread's 16 bytes of row 0 lie in a chunk.
        self._own = b.add(b.mul(self._row, I32(CHUNK_BYTES)), b.mul(self._quarter, I32(16)))
        with b.if_then(b.icmp_unsigned("<", thread, self._pixels)):
            self._inputs(thread)
        self._barrier("barrier.cta.sync.aligned.all", 0)

    def _inputs(self, thread: Any) -> None:
        """One pixel's inputs into its first chunks."""
        b = self.b
        low = PtxLowering(b, 1, self._uniforms, self.program)
        index = b.add(self._first, thread)
        last = b.sub(self.job["samples"], I32(1))
        index = b.select(b.icmp_unsigned("<", index, last), index, last)
        row = b.udiv(index, self.job["across"])
        column = b.sub(index, b.mul(row, self.job["across"]))
        px, py = (self._place(low, *pair) for pair in (("left", column), ("top", row)))
        low.bind({"py": py})
        rows = {name: low.lower(node) for name, node in zip(ROW, self.program.row, strict=True)}
        low.bind({"px": px, "py": py, **rows})
        x, y = (low.lower(node) for node in coordinates(self.program))
        low.bind({"x": x, "y": y})
        nodes = dict(zip(PLACES, input_nodes(PLACES, pixel_input("x"), pixel_input("y")), strict=True))
        values = [self._angle(low, node) if name == ANGLE else low.lower(node) for name, node in nodes.items()]
        at = self._at(self.shared, b.mul(thread, I32(CHUNK_BYTES)))
        for i, chunk in enumerate(self._columns(values)):
            start = self._at(at, b.mul(self._chunk_bytes, I32(i)))
            for k in range(0, 16, 4):
                self._store(chunk[k : k + 4], self._at(start, 4 * k))

    def _place(self, low: PtxLowering, start: str, index: Any) -> Any:
        b = self.b
        return b.fmul(low.place(b.add(b.mul(index, self.job["step"]), self.job[start])), ir.Constant(F32, 0.5))

    def _angle(self, low: PtxLowering, node: Node) -> Any:
        """Only where it is asked for."""
        b = self.b
        before, then, joined = b.block, b.append_basic_block("angle"), b.append_basic_block("joined")
        b.cbranch(b.icmp_signed("!=", self.job["angle"], I32(0)), then, joined)
        b.position_at_end(then)
        inner = PtxLowering(b, 1, self._uniforms, self.program)
        inner.bind({name: low.lower(pixel_input(name)) for name in "xy"})
        value = inner.lower(node)
        after = b.block
        b.branch(joined)
        b.position_at_end(joined)
        phi = b.phi(F32)
        phi.add_incoming(ir.Constant(F32, 0.0), before)
        phi.add_incoming(value, after)
        return phi

    def _columns(self, values: list[Any]) -> list[list[Any]]:
        """The first layer's columns as words, a list of 16 for each chunk."""
        b, p = self.b, self.products
        if p.split:
            coarse = [self._cut(value) for value in values]
            values = [*coarse, *(b.fsub(v, c) for v, c in zip(values, coarse, strict=True)), *coarse]
        count = -(-p.columns // p.chunk) * p.chunk
        values = [*values, *[ir.Constant(F32, 0.0)] * (count - len(values))]
        if p.word == 2:
            words = [self._pair(*values[i : i + 2]) for i in range(0, count, 2)]
        else:
            words = [self._rounded(value) for value in values]
        return [words[i : i + 16] for i in range(0, len(words), 16)]

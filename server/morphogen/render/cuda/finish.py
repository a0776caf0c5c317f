"""From samples of wide networks to pixels on a card: the scene's kernel, reading what it does not compute.

Catmull-Rom through sixteen pre-activations, the sigmoid after it (`render.wide.finish` says why); where there is a
sample for every pixel, just that one.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from morphogen.field.graph import Node
from morphogen.field.scene import Program
from morphogen.render.cuda import ptx
from morphogen.render.cuda.lowering import PtxLowering
from morphogen.render.lowering import F32, I32, I64
from morphogen.render.wide.samples import TAPS, finished, sampled


def text(program: Program) -> str:
    """PTX for a program some of whose shapes are SAMPLED. Raises RenderError."""
    return ptx.compiled(str(FinishKernel(program).module), " and ".join(map(str, program.shapes)))


class _Lowering(PtxLowering):
    """Wide networks are the sigmoid of what was interpolated, and its palette; all others as ever."""

    def _network(self, index: int, x: Node, y: Node) -> list[Any]:
        if not sampled(self._program.shapes[index]):
            return super()._network(index, x, y)
        return [self.lower(channel) for channel in finished(self._program, index)]


class FinishKernel(ptx.SceneKernel):
    """The scene's kernel with SAMPLED networks. Row and column of a pixel's samples are divisions of whole numbers, so
    tiles of a canvas agree."""

    lowering = _Lowering

    def _sampled(self, x: Any, y: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for index, shape in enumerate(self.program.shapes):
            if sampled(shape):
                found |= {f"u{index}{c}": value for c, value in enumerate(self._channels(index, x, y))}
        return found

    def _channels(self, index: int, x: Any, y: Any) -> list[Any]:
        """The three pre-activations of a run of pixels."""
        b, job = self.b, {name: self.job[f"{name}{index}"] for name in ("scale", "shift", "lead", "across")}
        last = b.sub(self.job["width"], I32(1))
        columns = []
        for i in range(self.pixels):  # a run may end beyond the picture
            column = b.add(x, I32(i))
            columns.append(b.add(b.select(b.icmp_signed("<", column, last), column, last), job["shift"]))
        row = b.add(y, job["lead"])
        dense, sparse, joined = (b.append_basic_block(name) for name in ("dense", "sparse", "joined"))
        b.cbranch(b.icmp_signed("==", job["scale"], I32(1)), dense, sparse)
        results = []
        for block, way in ((dense, self._read), (sparse, self._interpolated)):
            b.position_at_end(block)
            results.append((way(index, columns, row), b.block))
            b.branch(joined)
        b.position_at_end(joined)
        out = []
        for channel in range(3):
            phi = b.phi(self.low.ftype)
            for values, block in results:
                phi.add_incoming(values[channel], block)
            out.append(phi)
        return out

    def _sample(self, index: int, channel: int, at: Any) -> Any:
        b = self.b
        place = b.add(b.mul(self.job[f"plane{index}"], I32(channel)), at)
        return b.load(b.gep(self.job[f"planes{index}"], [b.zext(place, I64)], source_etype=F32), typ=F32, align=4)

    def _run(self, values: list[Any]) -> Any:
        """A value for each pixel of the run, as one vector."""
        if self.pixels == 1:
            return values[0]
        whole: Any = ir.Constant(self.low.ftype, ir.Undefined)
        for i, value in enumerate(values):
            whole = self.b.insert_element(whole, value, I32(i))
        return whole

    def _read(self, index: int, columns: list[Any], row: Any) -> list[Any]:
        """Where there is a sample for every pixel: the second of four."""
        b = self.b
        start = b.add(b.mul(b.add(row, I32(1)), self.job[f"across{index}"]), I32(1))
        return [self._run([self._sample(index, c, b.add(start, column)) for column in columns]) for c in range(3)]

    def _interpolated(self, index: int, columns: list[Any], row: Any) -> list[Any]:
        b, across = self.b, self.job[f"across{index}"]
        top, down = self._weights(index, row)
        rows = [b.mul(b.add(top, I32(k)), across) for k in range(TAPS)]
        found: list[list[Any]] = [[], [], []]
        for column in columns:
            left, along = self._weights(index, column)
            for channel in range(3):
                lines = [[self._sample(index, channel, b.add(b.add(start, left), I32(k))) for k in range(TAPS)]
                         for start in rows]  # fmt: skip
                found[channel].append(self._sum([self._sum(line, along) for line in lines], down))
        return [self._run(values) for values in found]

    def _sum(self, values: list[Any], weights: list[Any]) -> Any:
        low = PtxLowering(self.b, 1, None, self.program)
        total = low._mul(values[0], weights[0])
        for value, weight in zip(values[1:], weights[1:], strict=True):
            total = low.fma(value, weight, total)
        return total

    def _weights(self, index: int, pixel: Any) -> tuple[Any, list[Any]]:
        """(first of four samples, their weights): `samples.weights`, computed."""
        b, low = self.b, PtxLowering(self.b, 1, None, self.program)
        scale = self.job[f"scale{index}"]
        first = b.udiv(pixel, scale)
        phase = low.place(b.sub(pixel, b.mul(first, scale)))
        f = low.fma(phase, self.job[f"share{index}"], self.job[f"middle{index}"])
        square = low._mul(f, f)
        cube = low._mul(square, f)
        half = low._mul(f, low.constant(-0.5))
        return first, [
            low.fma(cube, low.constant(-0.5), low._add(half, square)),
            low.fma(cube, low.constant(1.5), low.fma(square, low.constant(-2.5), low.constant(1.0))),
            low.fma(cube, low.constant(-1.5), low.fma(square, low.constant(2.0), low._neg(half))),
            low._mul(low.constant(0.5), low._sub(cube, square)),
        ]

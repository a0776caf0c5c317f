"""The kernel of the whole scene: one pass from coordinates to packed pixels, or to samples that `upscale` finishes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from llvmlite import ir

from morphogen.field.layers import UNDER
from morphogen.field.scene import ROW, SLOT, Program
from morphogen.render.cpu.bands import I16, BandKernel
from morphogen.render.cpu.packer import Packer
from morphogen.render.lowering import F32, I64, Lowering


@dataclass
class _Place:
    """Where the vector is: row, first column, index in the planes, values of the row."""

    y: Any
    x: Any
    pixel: Any
    row: dict[str, Any]


class SceneKernel(BandKernel):
    """Draws one program. width: pixels in one vector; span: padding of the threshold matrix's rows."""

    lowering: ClassVar[type[Lowering]] = Lowering

    def __init__(self, program: Program, width: int, span: int, triple: str, layout: str) -> None:
        super().__init__(width, triple, layout)
        self.program = program
        self.low = self.lowering(self.b, width, self.job["uniforms"], program, self._fence)
        self.low.table = self.job["table"]
        self._plane_pixels = self.b.mul(self.job["width"], self.job["height"])
        self._packer = Packer(self, self.low, program, span)

    def _fence(self) -> None:
        """End the basic block by a jump that is never taken, so that LLVM schedules each network layer by itself.

        Over a whole network its scheduler stretches live ranges and spills; parted by layers the field is 15 to 30 %
        faster on AVX2 and 15 % on AVX-512."""
        following = self.b.append_basic_block("layer")
        self.b.cbranch(self.b.icmp_signed(">", self.job["height"], I64(0)), following, self.done)
        self.b.position_at_end(following)

    def _row(self, y: Any) -> dict[str, Any]:
        """What is constant along a row, in scalar code."""
        scalar = Lowering(self.b, 1, self.job["uniforms"], self.program)
        py = self.b.sitofp(self.b.add(y, self.job["row"]), F32)
        scalar.bind({"py": py})
        return {"py": py, **{name: scalar.lower(node) for name, node in zip(ROW, self.program.row, strict=True)}}

    def _known(self, y: Any, x: Any, row: dict[str, Any]) -> dict[str, Any]:
        """Values of the colour stage's inputs."""
        b, low = self.b, self.low
        lanes = ir.Constant(low.ftype, [float(i) for i in range(self.width)])
        px = low._add(low.splat(b.sitofp(b.add(x, self.job["column"]), F32)), lanes)
        return {"px": px, **{name: low.splat(value) for name, value in row.items()}}

    def _block(self, y: Any, x: Any, row: dict[str, Any]) -> None:
        b, low = self.b, self.low
        at = _Place(y, x, b.add(b.mul(y, self.job["width"]), x), row)
        low.bind(self._known(y, x, row) | {name: partial(self._level, "under", c, at) for c, name in enumerate(UNDER)})
        rgba = [low.lower(node) for node in self.program.colour]
        trail = low.on("trail")
        sampled = b.icmp_signed("!=", self.job["sampled"], I64(0))
        rgba = self._when(trail, rgba, lambda: self._blended(rgba, at))
        self._when(b.or_(trail, sampled), [], lambda: self._keep(rgba, at))
        self._when(b.not_(sampled), [], lambda: self._pack(rgba, at))

    def _plane(self, name: str, channel: int, at: _Place) -> Any:
        offset = self.b.add(self.b.mul(self._plane_pixels, I64(channel)), at.pixel)
        return self.b.gep(self.job[name], [offset], source_etype=I16)

    def _blended(self, rgba: list[Any], at: _Place) -> list[Any]:
        """Mixed with the past, which is 16 bits a channel."""
        low = self.low
        keep = low.splat(low.scalar_uniform(SLOT["keep"]))

        def mixed(channel: int) -> Any:
            value = rgba[channel]
            return low.fma(low._sub(self._level("past", channel, at), value), keep, value)

        return [*map(mixed, range(3)), *self._when(low.on("four"), rgba[3:], lambda: [mixed(3)])]

    def _level(self, name: str, channel: int, at: _Place) -> Any:
        """What a plane holds, 0..1."""
        b, low = self.b, self.low
        level = b.load(self._plane(name, channel, at), typ=ir.VectorType(I16, self.width), align=2)
        return low._mul(b.sitofp(b.zext(level, low.itype), low.ftype), low.constant(1 / 65535))

    def _keep(self, rgba: list[Any], at: _Place) -> list[Any]:
        """Write the present: the past of the next frame, or the samples to be scaled up."""
        b, low = self.b, self.low

        def keep(channel: int) -> list[Any]:
            level = b.fptosi(low.fma(rgba[channel], low.constant(65535.0), low.constant(0.5)), low.itype)
            b.store(b.trunc(level, ir.VectorType(I16, self.width)), self._plane("present", channel, at), align=2)
            return []

        for c in range(3):
            keep(c)
        return self._when(low.on("four"), [], lambda: keep(3))

    def _pack(self, rgba: list[Any], at: _Place) -> list[Any]:
        self._packer.store(rgba, at.y, at.x)
        return []

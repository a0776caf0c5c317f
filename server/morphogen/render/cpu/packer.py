"""The last step of every CPU kernel that ends in pixels: alpha, dither, level, byte order, flip; or four float16."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from morphogen.field.scene import SLOT, Program
from morphogen.render import dither
from morphogen.render.cpu.bands import BandKernel
from morphogen.render.lowering import F32, I32, I64, Lowering


class Packer:
    """Floats to packed pixels, a vector at a time.

    span: width of the widest vector that reads the threshold matrix, whose rows are padded by so much.
    """

    def __init__(self, kernel: BandKernel, low: Lowering, program: Program, span: int) -> None:
        self.b, self.job, self.low = kernel.b, kernel.job, low
        self._program, self._span = program, span

    def store(self, picture: list[Any], y: Any, x: Any) -> None:
        """Store one vector of pixels, r, g, b and alpha, at (x, y) of the target."""
        b, low = self.b, self.low
        low.bind(dict(zip("rgba", picture, strict=True)))
        rgba = [low.lower(node) for node in self._program.matte]
        mirrored = b.sub(b.sub(self.job["height"], I64(1)), y)
        row = b.mul(b.select(b.icmp_signed("!=", self.job["flip"], I64(0)), mirrored, y), self.job["stride"])
        half = b.icmp_signed("!=", self.job["half"], I64(0))
        self._either(
            half,
            lambda: self._write(self._halves(rgba), b.add(row, b.mul(x, I64(8)))),
            lambda: self._write(self._bytes(rgba, y, x), b.add(row, b.mul(x, I64(4)))),
        )

    def _either(self, condition: Any, then: Callable[[], None], otherwise: Callable[[], None]) -> None:
        b = self.b
        yes, no, joined = (b.append_basic_block(name) for name in ("half", "bytes", "packed"))
        b.cbranch(condition, yes, no)
        for block, work in ((yes, then), (no, otherwise)):
            b.position_at_end(block)
            work()
            b.branch(joined)
        b.position_at_end(joined)

    def _write(self, words: Any, offset: Any) -> None:
        self.b.store(words, self.b.gep(self.job["out"], [offset], source_etype=ir.IntType(8)), align=4)

    def _bytes(self, rgba: list[Any], y: Any, x: Any) -> Any:
        """32 bits a pixel."""
        b, low = self.b, self.low
        thresholds = [self._threshold(c, y, x) for c in range(3)]
        channels = []
        for value, threshold in zip(rgba[:3], thresholds, strict=True):
            low.bind({"value": value, "threshold": threshold})
            channels.append(b.fptosi(low.lower(self._program.finish), low.itype))
        low.bind({"value": rgba[3], **dict(zip(("red", "green", "blue"), thresholds, strict=True))})
        alpha = b.fptosi(low.lower(self._program.alpha), low.itype)
        red, green, blue = channels
        shift_red = low.splat(b.trunc(self.job["red_shift"], I32))
        shift_blue = low.splat(b.trunc(self.job["blue_shift"], I32))
        packed = b.or_(b.shl(red, shift_red), b.shl(blue, shift_blue))
        packed = b.or_(packed, b.shl(green, low.integer(8)))
        return b.or_(packed, b.shl(alpha, low.integer(24)))

    def _halves(self, rgba: list[Any]) -> Any:
        """64 bits a pixel, as twice as many words of 32."""
        b, low = self.b, self.low
        fade = low.splat(b.fmul(low.scalar_uniform(SLOT["level"]), ir.Constant(F32, 1 / 255)))
        red, green, blue, alpha = (low.half(value) for value in (*(low._mul(c, fade) for c in rgba[:3]), rgba[3]))
        first = b.or_(red, b.shl(green, low.integer(16)))
        second = b.or_(blue, b.shl(alpha, low.integer(16)))
        picks = [lane // 2 + (lane % 2) * low.width for lane in range(2 * low.width)]
        return b.shuffle_vector(first, second, ir.Constant(ir.VectorType(I32, 2 * low.width), picks))

    def _threshold(self, channel: int, y: Any, x: Any) -> Any:
        """One load: the matrix's rows are padded so that any start column is contiguous."""
        b, size = self.b, dither.SIZE
        dy, dx = dither.CHANNEL_OFFSETS[channel]
        row = b.and_(b.add(b.add(y, self.job["row"]), I64(dy)), I64(size - 1))
        column = b.and_(b.add(b.add(x, self.job["column"]), I64(dx)), I64(size - 1))
        offset = b.add(b.mul(row, I64(size + self._span)), column)
        return b.load(b.gep(self.job["thresholds"], [offset], source_etype=F32), typ=self.low.ftype, align=4)

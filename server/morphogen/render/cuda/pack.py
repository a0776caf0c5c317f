"""The last step of a kernel on the card: alpha, dither, level, byte order, flip; or four float16."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llvmlite import ir

from morphogen.field.scene import SLOT, Program
from morphogen.render import dither
from morphogen.render.cuda.lowering import PtxLowering
from morphogen.render.lowering import F32, I32, I64

RGBA, BGRA, HALVES = 0x5410, 0x1054, 0  # which bytes of (red, blue) go where: selector of `prmt`; or four float16
I8 = ir.IntType(8)


class Packing:
    """What a kernel that ends in pixels needs of itself: builder, job, lowering, pixels a thread."""

    b: Any
    job: Mapping[str, Any]
    low: PtxLowering
    module: Any
    pixels: int
    program: Program

    def _pack(self, picture: list[Any], x: Any, y: Any) -> None:
        """Alpha, dither, level, byte order, flip; one store."""
        b, low = self.b, self.low
        low.bind(dict(zip("rgba", picture, strict=True)))
        rgba = [low.lower(node) for node in self.program.matte]
        mirrored = b.sub(b.sub(self.job["height"], I32(1)), y)
        row = b.select(b.icmp_signed("!=", self.job["flip"], I32(0)), mirrored, y)
        offset = b.zext(b.add(b.mul(row, self.job["pitch"]), x), I64)
        half, whole, done = (b.append_basic_block(name) for name in ("half", "bytes", "packed"))
        b.cbranch(b.icmp_signed("==", self.job["order"], I32(HALVES)), half, whole)
        b.position_at_end(half)
        address = b.gep(self.job["out"], [offset], source_etype=I64)
        for k, words in enumerate(self._halves(rgba)):
            b.store(words, b.gep(address, [I64(16 * k)], source_etype=I8), align=min(8 * self.pixels, 16))
        b.branch(done)
        b.position_at_end(whole)
        address = b.gep(self.job["out"], [offset], source_etype=I32)
        b.store(self._bytes(rgba, x, y), address, align=4 * self.pixels)
        b.branch(done)
        b.position_at_end(done)

    def _bytes(self, rgba: list[Any], x: Any, y: Any) -> Any:
        """32 bits a pixel."""
        b, low = self.b, self.low
        thresholds = [self._threshold(c, x, y) for c in range(3)]
        levels = []
        for value, threshold in zip(rgba[:3], thresholds, strict=True):
            low.bind({"value": value, "threshold": threshold})
            levels.append(low.whole(low.lower(self.program.finish)))
        low.bind({"value": rgba[3], **dict(zip(("red", "green", "blue"), thresholds, strict=True))})
        alpha = low.whole(low.lower(self.program.alpha))
        pair = low.native("prmt", levels[0], levels[2], low.splat(self.job["order"]))
        packed = b.or_(pair, b.shl(levels[1], low.integer(8)))
        return b.or_(packed, b.shl(alpha, low.integer(24)))

    def _halves(self, rgba: list[Any]) -> list[Any]:
        """64 bits a pixel, in vectors of 128."""
        b, low = self.b, self.low
        fade = low.splat(b.fmul(low.scalar_uniform(SLOT["level"]), ir.Constant(F32, 1 / 255)))
        red, green, blue, alpha = (low.half(value) for value in (*(low._mul(c, fade) for c in rgba[:3]), rgba[3]))
        pairs = b.or_(red, b.shl(green, low.integer(16))), b.or_(blue, b.shl(alpha, low.integer(16)))
        words = [
            b.extract_element(pair, I32(i)) if self.pixels > 1 else pair for i in range(self.pixels) for pair in pairs
        ]
        found = []
        for first in range(0, len(words), 4):
            run = words[first : first + 4]
            whole: Any = ir.Constant(ir.VectorType(I32, len(run)), ir.Undefined)
            for i, word in enumerate(run):
                whole = b.insert_element(whole, word, I32(i))
            found.append(whole)
        return found

    def _threshold(self, channel: int, x: Any, y: Any) -> Any:
        """The table is laid out so that every thread's run is aligned in it."""
        b, low, size = self.b, self.low, dither.SIZE
        at = b.add(b.mul(b.and_(y, I32(size - 1)), I32(3 * size)), b.and_(x, I32(size - 1)))
        address = b.gep(self.job["thresholds"], [b.zext(at, I64)], source_etype=F32)
        address = b.gep(address, [I64(channel * size)], source_etype=F32)
        threshold = b.load(address, typ=low.ftype, align=4 * self.pixels)
        threshold.set_metadata("invariant.load", self.module.add_metadata([]))
        return threshold

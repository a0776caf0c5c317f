"""The kernels that finish samples: bilinear to two or three times the width and height, then level, dither and pack.

A field is smooth: drawn at half the width and height it costs a quarter, and scaled up it differs by 58 dB from the
whole (research: kernels, section 5). The samples carry one more row and column on each side, so no edge is special.
"""

from __future__ import annotations

from typing import Any, ClassVar

from llvmlite import ir

from morphogen.field.scene import Program
from morphogen.render.branches import when
from morphogen.render.cpu.bands import I16, BandKernel
from morphogen.render.cpu.packer import Packer
from morphogen.render.lowering import F32, I32, I64, Lowering

LEVEL = 1 / 65535  # 16 bits to 0..1
MARGIN = 1


class UpscaleKernel(BandKernel):
    """`Job.width`, `height`: of the target, multiples of `factor`; `past`: samples (3, height / factor + 2, width /
    factor + 2) uint16, 4 with alpha. A sample lies in the middle of factor x factor pixels."""

    draws_networks = False
    factor: ClassVar[int] = 2

    def __init__(self, program: Program, width: int, span: int, triple: str, layout: str) -> None:
        super().__init__(self.factor * width, triple, layout)
        self._lanes = width
        self._low = Lowering(self.b, width, self.job["uniforms"], program)
        self._packer = Packer(self, self._low, program, span)
        self._pitch = self.b.add(self.b.udiv(self.job["width"], I64(self.factor)), I64(2 * MARGIN))
        rows = self.b.add(self.b.udiv(self.job["height"], I64(self.factor)), I64(2 * MARGIN))
        self._plane = self.b.mul(rows, self._pitch)

    def _way(self, phase: int) -> float:
        """From the sample to a pixel of its block, in samples."""
        return (phase - (self.factor - 1) / 2) / self.factor

    def _row(self, y: Any) -> list[tuple[Any, Any]]:
        """Offset of the nearer and of the farther row of samples, each with its weight."""
        b, factor = self.b, I64(self.factor)
        block = b.udiv(y, factor)
        phase = b.sub(y, b.mul(block, factor))
        near = b.add(block, I64(MARGIN))
        step, share = I64(0), ir.Constant(F32, 0.0)
        for k in range(self.factor):
            way, here = self._way(k), b.icmp_signed("==", phase, I64(k))
            step = b.select(here, I64((way > 0) - (way < 0)), step)
            share = b.select(here, ir.Constant(F32, abs(way)), share)
        level = ir.Constant(F32, LEVEL)
        weights = b.fmul(b.fsub(ir.Constant(F32, 1.0), share), level), b.fmul(share, level)
        starts = b.mul(near, self._pitch), b.mul(b.add(near, step), self._pitch)
        return [(start, self._low.splat(weight)) for start, weight in zip(starts, weights, strict=True)]

    def _block(self, y: Any, x: Any, row: list[tuple[Any, Any]]) -> None:
        left = self.b.udiv(x, I64(self.factor))  # the sample before the first pixel's, with the margin counted in
        channels = [self._channel(c, left, row) for c in range(3)]
        opaque = [self._low.constant(1.0)] * self.factor
        alpha = when(self.b, self._low.on("four"), opaque, lambda: self._channel(3, left, row))
        for i, rgba in enumerate(zip(*channels, alpha, strict=True)):
            self._packer.store(list(rgba), y, self.b.add(x, I64(i * self._lanes)))

    def _channel(self, channel: int, left: Any, row: list[tuple[Any, Any]]) -> list[Any]:
        """As many vectors as there are pixels for a sample, one behind the other."""
        low = self._low
        plane = self.b.mul(self._plane, I64(channel))
        before, here, after = (self._vertical(self.b.add(plane, self.b.add(left, I64(k))), row) for k in range(3))
        phases = []
        for way in map(self._way, range(self.factor)):
            near = low._mul(here, low.constant(1 - abs(way)))
            phases.append(low.fma(before if way < 0 else after, low.constant(abs(way)), near) if way else here)
        return [self._interleaved(phases, i) for i in range(self.factor)]

    def _interleaved(self, phases: list[Any], part: int) -> Any:
        """Lanes part * lanes ... of one from each of `phases` in turn."""
        lanes = range(part * self._lanes, (part + 1) * self._lanes)
        picks = [(lane % self.factor) * self._lanes + lane // self.factor for lane in lanes]
        first = self._shuffled(phases[0], phases[1], range(2 * self._lanes))
        rest = phases[2] if self.factor > 2 else phases[1]
        more = self._shuffled(rest, rest, range(2 * self._lanes))
        return self._shuffled(first, more, picks)

    def _shuffled(self, a: Any, b: Any, picks: Any) -> Any:
        picks = list(picks)
        return self.b.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, len(picks)), picks))

    def _vertical(self, offset: Any, row: list[tuple[Any, Any]]) -> Any:
        (near, weight), (far, share) = row
        low = self._low
        return low.fma(self._sample(self.b.add(offset, far)), share,
                       low._mul(self._sample(self.b.add(offset, near)), weight))  # fmt: skip

    def _sample(self, offset: Any) -> Any:
        b, low = self.b, self._low
        address = b.gep(self.job["past"], [offset], source_etype=I16)
        return b.sitofp(b.zext(b.load(address, typ=ir.VectorType(I16, self._lanes), align=2), low.itype), low.ftype)


class ThirdKernel(UpscaleKernel):
    """From a third of the width and height."""

    factor = 3


UPSCALES = (UpscaleKernel, ThirdKernel)

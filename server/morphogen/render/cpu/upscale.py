"""The kernel that finishes samples: twice as wide and high by bilinear interpolation, then level, dither and pack.

A field is smooth: drawn at half the width and height it costs a quarter, and scaled up it differs by 58 dB from the
whole (research: kernels, section 5). The samples carry one more row and column on each side, so no edge is special.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from morphogen.field.scene import Program
from morphogen.render.cpu.bands import I16, BandKernel
from morphogen.render.cpu.kernel import Packer
from morphogen.render.lowering import I32, I64, Lowering

NEAR, FAR = 0.75 / 65535, 0.25 / 65535  # weights of the nearer and the farther row, and 16 bits to 0..1
MARGIN = 1


class UpscaleKernel(BandKernel):
    """`Job.width`, `height`: of the target, both even; `past`: samples (3, height / 2 + 2, width / 2 + 2) uint16."""

    draws_networks = False

    def __init__(self, program: Program, width: int, span: int, triple: str, layout: str) -> None:
        super().__init__(2 * width, triple, layout)
        self._half = width
        self._low = Lowering(self.b, width, self.job["uniforms"], program)
        self._packer = Packer(self, Lowering(self.b, 2 * width, self.job["uniforms"], program), program.finish, span)
        self._pitch = self.b.add(self.b.ashr(self.job["width"], I64(1)), I64(2 * MARGIN))
        self._plane = self.b.mul(self.b.add(self.b.ashr(self.job["height"], I64(1)), I64(2 * MARGIN)), self._pitch)

    def _row(self, y: Any) -> tuple[Any, Any]:
        """Offsets of the nearer and the farther row of samples."""
        b = self.b
        near = b.add(b.ashr(y, I64(1)), I64(MARGIN))
        odd = b.icmp_signed("!=", b.and_(y, I64(1)), I64(0))
        far = b.add(near, b.select(odd, I64(1), I64(-1)))
        return b.mul(near, self._pitch), b.mul(far, self._pitch)

    def _block(self, y: Any, x: Any, row: tuple[Any, Any]) -> None:
        left = self.b.ashr(x, I64(1))  # the sample before the one under the first pixel, with the margin counted in
        self._packer.store([self._channel(c, left, row) for c in range(3)], y, x)

    def _channel(self, channel: int, left: Any, row: tuple[Any, Any]) -> Any:
        low = self._low
        plane = self.b.mul(self._plane, I64(channel))
        before, here, after = (self._vertical(self.b.add(plane, self.b.add(left, I64(k))), row) for k in range(3))
        near, quarter = low._mul(here, low.constant(0.75)), low.constant(0.25)
        even, odd = low.fma(before, quarter, near), low.fma(after, quarter, near)
        order = [lane for i in range(self._half) for lane in (i, i + self._half)]
        return self.b.shuffle_vector(even, odd, ir.Constant(ir.VectorType(I32, 2 * self._half), order))

    def _vertical(self, offset: Any, row: tuple[Any, Any]) -> Any:
        low = self._low
        near, far = (self._sample(self.b.add(offset, start)) for start in row)
        return low.fma(far, low.constant(FAR), low._mul(near, low.constant(NEAR)))

    def _sample(self, offset: Any) -> Any:
        b, low = self.b, self._low
        address = b.gep(self.job["past"], [offset], source_etype=I16)
        return b.sitofp(b.zext(b.load(address, typ=ir.VectorType(I16, self._half), align=2), low.itype), low.ftype)

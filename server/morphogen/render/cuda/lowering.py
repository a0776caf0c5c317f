"""The expression graph in the instructions of NVIDIA's cards."""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir

from morphogen.field.graph import Node
from morphogen.field.scene import SLOT
from morphogen.render.lowering import F32, I32, MAGIC, Lowering

WHOLE = 2.0**23  # adding it to 0 <= x < 2**23 leaves the whole part of x in the low mantissa bits


class PtxLowering(Lowering):
    """The graph in the card's own instructions. Their documented errors: PTX ISA, cos.approx to sqrt.approx."""

    def native(self, name: str, *args: Any) -> Any:
        """An intrinsic of the target, pixel by pixel; it takes and gives 32-bit values of one type."""
        module, b = self.builder.module, self.builder
        full = f"llvm.nvvm.{name}"
        lanes = [[b.extract_element(a, I32(i)) for a in args] for i in range(self.width)] if self.width > 1 else [args]
        kind = lanes[0][0].type
        function = module.globals.get(full) or ir.Function(module, ir.FunctionType(kind, [kind] * len(args)), full)
        results = [b.call(function, lane) for lane in lanes]
        if self.width == 1:
            return results[0]
        joined: Any = ir.Constant(ir.VectorType(kind, self.width), ir.Undefined)
        for i, value in enumerate(results):
            joined = b.insert_element(joined, value, I32(i))
        return joined

    def whole(self, value: Any) -> Any:
        """0 <= value < 2**23 rounded down, as an integer in the low bits; above them are the bits of 2**23."""
        return self.builder.bitcast(self.native("add.rz.f", value, self.constant(WHOLE)), self.itype)

    def number(self, bits: Any) -> Any:
        """The float of an integer 0 .. 2**23 - 1."""
        b = self.builder
        return b.fsub(b.bitcast(b.or_(bits, self.integer(0x4B000000)), self.ftype), self.constant(WHOLE))

    def place(self, index: Any) -> Any:
        """The float of a scalar integer of either sign, less than 2**22 in size."""
        b = self.builder
        return b.fsub(b.bitcast(b.add(index, I32(0x4B400000)), F32), ir.Constant(F32, MAGIC))

    def _emit(self, node: Node) -> Any:
        if node.op == "cos_turns" and _few_turns(node.args[0]):
            return self._cosine(self.lower(node.args[0]))
        return super()._emit(node)

    def _cos_turns(self, u: Any) -> Any:
        """Reduced to half a turn, where the instruction is exact to 2**-20.5; beyond 50 turns it promises nothing."""
        b = self.builder
        turns = b.fsub(b.fadd(u, self.constant(MAGIC)), self.constant(MAGIC))
        return self._cosine(b.fsub(u, turns))

    def _cosine(self, u: Any) -> Any:
        return self.native("cos.approx.f", self._mul(u, self.constant(math.tau)))

    def _exp2(self, v: Any) -> Any:
        """Not clamped: beyond the range it is 0 or infinite, and the reciprocal that follows 1 or 0."""
        return self.native("ex2.approx.ftz.f", v)

    def _exp2_neg(self, v: Any) -> Any:
        return self.native("ex2.approx.ftz.f", self._neg(v))

    def _index(self, a: Any) -> Any:
        bits = self.whole(self._min(self._max(a, self.constant(0.0)), self.constant(WHOLE - 1.0)))
        return self.builder.and_(bits, self.integer(0x7FFFFF))

    def _last(self) -> Any:
        last = self.builder.fadd(self.scalar_uniform(SLOT["table_last"]), ir.Constant(F32, WHOLE))
        return self.builder.and_(self.builder.bitcast(last, I32), I32(0x7FFFFF))

    def entry(self, index: Any) -> Any:
        found = super().entry(index)
        found.set_metadata("invariant.load", self.builder.module.add_metadata([]))
        return found

    def _log2(self, v: Any) -> Any:
        return self.native("lg2.approx.ftz.f", self._max(v, self.constant(2.0**-126)))

    def _div(self, a: Any, b: Any) -> Any:
        return self._mul(a, self.native("rcp.approx.ftz.f", b))

    def _sqrt(self, a: Any) -> Any:
        return self.native("sqrt.approx.ftz.f", a)


def _few_turns(node: Node) -> bool:
    """Whether an angle is a weighted sum of units inside -1 .. 1, as in hidden layers: a few turns, where reducing
    changes nothing (emulated over presets, styles and views: 0.024 % of the values off with it, 0.025 % without)."""
    while node.op == "fma" and node.args[0].op == "uniform" and _bounded(node.args[1]):
        node = node.args[2]
    return node.op == "uniform"


def _bounded(node: Node) -> bool:
    inverse = node.op == "div" and node.args[0].op == "const"  # 1 / (1 + 2**u)
    return inverse or node.op in ("cos_turns", "exp2_neg")

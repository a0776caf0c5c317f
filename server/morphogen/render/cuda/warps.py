"""What kernels of whole warps are made of: shared memory, barriers, 16 bytes at once, products on the matrix units."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from morphogen.field.scene import program
from morphogen.render.cuda.lowering import PtxLowering
from morphogen.render.cuda.products import LARGEST_HALF, Products
from morphogen.render.cuda.ptx import GLOBAL, I8, TRIPLE
from morphogen.render.lowering import F32, I32, I64
from morphogen.render.wide.samples import SAMPLED

SHARED = ir.PointerType(addrspace=3)
VECTOR = ir.VectorType(I32, 4)


class WarpKernel:
    """Opens `module`, whose `kernel(job and more)` shares memory among the threads of a block. size: bytes of all that
    a launch carries; threads: of a block; blocks: on a multiprocessor at once."""

    def __init__(self, job: type[ctypes.Structure], size: int, products: Products, threads: int, blocks: int) -> None:
        self.products, self._bounds, self.program = products, (threads, blocks), program((SAMPLED["rgb"],))
        self.module = ir.Module("morphogen")
        self.module.triple = TRIPLE
        kind = ir.FunctionType(ir.VoidType(), [ir.ArrayType(I8, size).as_pointer()])
        kernel = ir.Function(self.module, kind, "kernel")
        kernel.calling_convention = "ptx_kernel"
        kernel.args[0].add_attribute("byval")
        kernel.args[0].attributes.align = 8
        self.b = ir.IRBuilder(kernel.append_basic_block("entry"))
        shared = ir.GlobalVariable(self.module, ir.ArrayType(I8, 0), "shared", addrspace=3)
        shared.align = 16
        self.shared = self.b.inttoptr(self.b.ptrtoint(shared, I64), SHARED)
        self.carried = kernel.args[0]
        fields: Sequence[Any] = job._fields_
        self.job = {name: self._field(getattr(job, name).offset, kind) for name, kind, *_ in fields}

    def text(self) -> str:
        """The IR. llvmlite knows no string attributes, so these are written into the text."""
        head, brace, body = str(self.module).partition("\n{\n")
        threads, blocks = self._bounds
        bounds = f'"nvvm.maxntid"="{threads}" "nvvm.minctasm"="{blocks}"'
        return f"{head} #0{brace}{body}\nattributes #0 = {{ {bounds} nounwind }}\n"

    # --- small things

    def _field(self, offset: int, kind: Any) -> Any:
        address = self.b.gep(self.carried, [I64(offset)], source_etype=I8)
        if kind is ctypes.c_uint64:
            return self.b.inttoptr(self.b.load(address, typ=I64, align=8), GLOBAL)
        return self.b.load(address, typ=I32, align=4)

    def _special(self, name: str) -> Any:
        full = f"llvm.nvvm.read.ptx.sreg.{name}"
        function = self.module.globals.get(full) or ir.Function(self.module, ir.FunctionType(I32, []), full)
        return self.b.call(function, [])

    def _barrier(self, name: str, value: int) -> None:
        full = f"llvm.nvvm.{name}"
        function = self.module.globals.get(full) or ir.Function(
            self.module, ir.FunctionType(ir.VoidType(), [I32]), full
        )
        self.b.call(function, [I32(value)], attrs=["convergent"])

    def _at(self, base: Any, offset: Any) -> Any:
        """Bytes further on."""
        if isinstance(offset, int):
            offset = I64(offset)
        elif offset.type == I32:
            offset = self.b.zext(offset, I64)
        return self.b.gep(base, [offset], source_etype=I8)

    def _load(self, at: Any, kind: Any, steady: bool = False) -> Any:
        """steady: nobody writes there while the kernel runs."""
        align = 16 if isinstance(kind, ir.VectorType) else 4
        found = self.b.load(at, typ=kind, align=align)
        if steady:
            found.set_metadata("invariant.load", self.module.add_metadata([]))
        return found

    def _words(self, at: Any, kind: Any = I32, steady: bool = False) -> list[Any]:
        vector = self._load(at, ir.VectorType(kind, 4), steady)
        return [self.b.extract_element(vector, I32(i)) for i in range(4)]

    def _store(self, words: Sequence[Any], at: Any) -> None:
        b = self.b
        vector: Any = ir.Constant(VECTOR, ir.Undefined)
        for i, word in enumerate(words):
            bits = b.bitcast(word, I32) if word.type == F32 else word
            vector = b.insert_element(vector, bits, I32(i))
        b.store(vector, at, align=16)

    def _inline(self, text: str, constraints: str, result: Any, args: Sequence[Any]) -> Any:
        """One instruction. It has no other effects than its results."""
        kind = ir.FunctionType(result, [a.type for a in args])
        return self.b.call(ir.InlineAsm(kind, text, constraints), args, attrs=["convergent"])

    def _loop(self, start: Any, carried: Sequence[Any]) -> tuple[Any, list[Any], Callable[..., list[Any]]]:
        """(counter, carried values, function that closes the loop: next counter, whether to go on, next values; it
        returns the values after the loop)."""
        b = self.b
        before, head = b.block, b.append_basic_block("loop")
        b.branch(head)
        b.position_at_end(head)
        phis = [b.phi(value.type) for value in (start, *carried)]
        for phi, value in zip(phis, (start, *carried), strict=True):
            phi.add_incoming(value, before)

        def close(following: Any, goes_on: Any, values: Sequence[Any]) -> list[Any]:
            for phi, value in zip(phis, (following, *values), strict=True):
                phi.add_incoming(value, b.block)
            after = b.append_basic_block("after")
            b.cbranch(goes_on, head, after)
            b.position_at_end(after)
            return list(values)

        return phis[0], phis[1:], close

    # --- factors

    def _cut(self, value: Any) -> Any:
        """The coarse part of a float, as a float."""
        b = self.b
        return b.bitcast(b.and_(b.bitcast(value, I32), I32(self.products.mask)), F32)

    def _rounded(self, value: Any) -> Any:
        """A factor of 32 bits."""
        b, p = self.b, self.products
        bits = b.bitcast(value, I32)
        if p.terms == 3:
            return bits
        half = (~p.mask & 0xFFFFFFFF) // 2 + 1
        return b.and_(b.add(bits, I32(half)), I32(p.mask))

    def _pair(self, first: Any, second: Any) -> Any:
        """Two factors of 16 bits; the first in the low half."""
        if self.products.name == "half":  # beyond the largest number lies infinity, whose products are no numbers
            low = PtxLowering(self.b, 1, None, self.program)
            ends = low.constant(LARGEST_HALF), low.constant(-LARGEST_HALF)
            first, second = (low._max(low._min(value, ends[0]), ends[1]) for value in (first, second))
        kind = "f16x2" if self.products.name == "half" else "bf16x2"
        return self._inline(f"cvt.rn.{kind}.f32 $0, $1, $2;", "=r,f,f", I32, [second, first])

    def _terms(self, pixels: list[Any], factors: list[Any]) -> list[tuple[list[Any], list[Any]]]:
        """The products that make one: as it is, or fine by coarse, coarse by fine, coarse by coarse."""
        if self.products.terms == 1:
            return [(pixels, factors)]
        parts = [[self._parts(word) for word in words] for words in (pixels, factors)]
        coarse, fine = ([[part[k] for part in words] for words in parts] for k in (0, 1))
        return [(fine[0], coarse[1]), (coarse[0], fine[1]), (coarse[0], coarse[1])]

    def _parts(self, word: Any) -> tuple[Any, Any]:
        """(coarse, fine) bits of a float32 given by its bits."""
        b, mask = self.b, I32(self.products.mask)
        coarse = b.and_(word, mask)
        fine = b.fsub(b.bitcast(word, F32), b.bitcast(coarse, F32))
        return coarse, b.and_(b.bitcast(fine, I32), mask)

    def _product(self, pixels: Sequence[Any], factors: Sequence[Any], sums: Sequence[Any]) -> list[Any]:
        text = f"mma.sync.aligned.{self.products.shape} {{$0, $1, $2, $3}}, {{$4, $5, $6, $7}}, {{$8, $9}}, "
        text += "{$10, $11, $12, $13};"
        kind = ir.LiteralStructType([F32] * 4)
        constraints = ",".join(["=f"] * 4 + ["r"] * 6 + ["f"] * 4)
        found = self._inline(text, constraints, kind, [*pixels, *factors, *sums])
        return [self.b.extract_value(found, i) for i in range(4)]

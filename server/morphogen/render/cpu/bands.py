"""What every CPU kernel shares: the job it reads, and its loops over bands, rows and vectors.

Threads take bands of rows from one atomic counter in native code, so a frame costs each thread one call and no GIL.
The last vector of a row overlaps the one before instead of a scalar tail; it recomputes the same pixels.
"""

from __future__ import annotations

import ctypes
from typing import Any, ClassVar

from llvmlite import ir

from morphogen.render.lowering import I64

BAND_ROWS = 8
_POINTERS = ("uniforms", "thresholds", "out", "past", "present", "counter", "table", "under", "pattern", "steep")
I16, PTR = ir.IntType(16), ir.PointerType()


class Job(ctypes.Structure):
    """One target of one frame, as the kernels read it: all fields 64 bits wide.

    out: first pixel; stride: bytes a row. past, present: planes (3, height, width) uint16 of the blended picture, 4 of
    them where the scene's uniform `four` is set.
    column, row: position on the canvas. red_shift, blue_shift: bit position of the channels; half: four float16
    instead. sampled: leave the picture in `present` and pack nothing. counter: band counter. table: of the scene,
    float32. under: planes of the picture below a layer.
    samples: of a pixel, the first few of them taken by all; pattern: what `sampler` reads of them; steep: counts the
    runs that take the rest, which they may while it is below `allowed`.
    """

    _fields_ = [
        (name, ctypes.c_void_p if name in _POINTERS else ctypes.c_int64)
        for name in (
            "uniforms", "thresholds", "out", "stride", "past", "present", "width", "height", "column", "row",
            "red_shift", "blue_shift", "flip", "sampled", "counter", "half", "table", "under", "samples", "first",
            "pattern", "steep", "allowed",
        )
    ]  # fmt: skip


FIELDS = {name: i for i, (name, *_) in enumerate(Job._fields_)}


class BandKernel:
    """Builds `void kernel(Job*)`; `width`: pixels of `Job.width` that one call of `_block` covers."""

    draws_networks: ClassVar[bool] = True  # False: the same code for every program

    def __init__(self, width: int, triple: str, layout: str) -> None:
        self.width = width
        self.module = ir.Module(name="morphogen")
        self.module.triple = triple
        self.module.data_layout = layout
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), [PTR]), "kernel")
        self.b = ir.IRBuilder(function.append_basic_block("entry"))
        self.job = {name: self._field(name, function.args[0]) for name in FIELDS}
        self.done = function.append_basic_block("done")

    def _band(self) -> None:
        """Code before a band of rows."""

    def _band_done(self) -> None:
        """Code after it."""

    def _row(self, y: Any) -> Any:
        """Code for what is constant along row `y`; handed to `_block`."""

    def _block(self, y: Any, x: Any, row: Any) -> None:
        """Code for `width` pixels from (x, y) on."""
        raise NotImplementedError

    def _field(self, name: str, job: Any) -> Any:
        kind = PTR if dict(Job._fields_)[name] is ctypes.c_void_p else I64  # type: ignore[arg-type]
        return self.b.load(self.b.gep(job, [I64(FIELDS[name])], source_etype=I64), typ=kind, align=8)

    def build(self) -> str:
        """The module's IR text.

        On x86 a reciprocal is estimated and refined by one Newton step (2e-7): `vdivps` on 16 floats takes 16 cycles on
        Intel. ARM's estimate has 8 bits only, so there one divides (one step left 1.5e-5, and white was not white).
        llvmlite knows no string attributes, so this one is written into the text."""
        b, one = self.b, I64(1)
        bands, done = b.append_basic_block("bands"), self.done
        b.branch(bands)
        b.position_at_end(bands)
        band = b.atomic_rmw("add", self.job["counter"], one, "monotonic")
        first = b.mul(band, I64(BAND_ROWS))
        rows = b.append_basic_block("rows")
        b.cbranch(b.icmp_signed("<", first, self.job["height"]), rows, done)
        b.position_at_end(rows)
        self._band()
        last = self._min(b.add(first, I64(BAND_ROWS)), self.job["height"])
        row, next_row, end_row = self._loop(first)
        self._columns(row)
        band_done = b.append_basic_block("band_done")
        b.cbranch(b.icmp_signed("<", next_row(), last), end_row.head, band_done)
        end_row.close()
        b.position_at_end(band_done)
        self._band_done()
        b.branch(bands)
        b.position_at_end(done)
        b.ret_void()
        head, open_brace, body = str(self.module).partition("\n{\n")
        estimates = "vec-div:1" if self.module.triple.startswith(("x86_64", "i686")) else "none"
        return f'{head} #0{open_brace}{body}\nattributes #0 = {{ "reciprocal-estimates"="{estimates}" nounwind }}\n'

    def _min(self, a: Any, c: Any) -> Any:
        return self.b.select(self.b.icmp_signed("<", a, c), a, c)

    def _loop(self, start: Any) -> tuple[Any, Any, _Head]:
        """Open a counting loop; returns the counter, a function that emits counter + 1, and its head."""
        b = self.b
        before = b.block
        head = b.append_basic_block("loop")
        b.branch(head)
        b.position_at_end(head)
        counter = b.phi(I64)
        counter.add_incoming(start, before)
        state = _Head(head, counter, b)

        def following() -> Any:
            state.next = b.add(counter, I64(1))
            return state.next

        return counter, following, state

    def _columns(self, y: Any) -> None:
        b, width = self.b, I64(self.width)
        row = self._row(y)
        blocks = b.sdiv(b.add(self.job["width"], I64(self.width - 1)), width)
        index, following, end = self._loop(I64(0))
        x = self._min(b.mul(index, width), b.sub(self.job["width"], width))
        self._block(y, x, row)
        row_done = b.append_basic_block("row_done")
        b.cbranch(b.icmp_signed("<", following(), blocks), end.head, row_done)
        end.close()
        b.position_at_end(row_done)


class _Head:
    """The head of a counting loop; `close` feeds the counter back."""

    def __init__(self, head: Any, counter: Any, builder: Any) -> None:
        self.head = head
        self._counter = counter
        self._builder = builder
        self.next: Any = None

    def close(self) -> None:
        """The block that jumped back is the one the builder has just ended."""
        self._counter.add_incoming(self.next, self._builder.block)

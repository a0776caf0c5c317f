"""The kernel of wide networks: a panel of pixels through all layers, multiplied and activated in native code.

A panel (24 pixels on AVX2) goes from coordinates to output without leaving the first cache, the weights stream past it.
Four units by 24 pixels are summed in twelve registers over the whole depth, then activated while they are near. Layers
are data (`pack`), so one compiled kernel draws networks of any shape, a new style compiles nothing, and a pixel's
value depends neither on its place in the picture nor on the number of threads: tiles of a canvas agree to the bit.

Measured on Zen 3 (AVX2; measured multiply-adds allow 104 GFLOP/s a core), coordinates and activations included:
8L_256D 95 GFLOP/s on one core and 187 on two, 4L_256D 93, 4L_128D 88. The other ways on one core, 256 units by 1,024
pixels: NumPy's OpenBLAS 91 to 94 for the bare product, 71 with a sine after it; torch (MKL) 88 and 72; for 128 units 57
and 50 with the sine. Their threads are their own, too. So neither is used.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from llvmlite import ir

from morphogen.field.activations import ACTIVATIONS
from morphogen.field.graph import pixel_input
from morphogen.field.inputs import input_nodes
from morphogen.field.scene import ROW, Program
from morphogen.render.cpu.bands import PTR, BandKernel, Job
from morphogen.render.lowering import F32, I32, I64, Lowering
from morphogen.render.wide.samples import ANGLE, REACH, columns, coordinates

GROUP = ("depth", "blocks", "activation", "weights", "source", "target")  # one row of that table
POINTERS = ("table", "weights", "scratch", "slot", "planes", "geometry")


@dataclass(frozen=True)
class Tiling:
    """What is summed in registers at once: `units` by `panel` pixels, in vectors of `lanes`."""

    units: int
    panel: int
    lanes: int


# By pixels in one vector of the other kernels (`machine.Target.width`). AVX2: 4 x 24 leaves 4 of 16 registers free.
TILINGS = {16: Tiling(4, 8, 4), 32: Tiling(4, 24, 8), 64: Tiling(8, 32, 16)}


class FieldJob(Job):
    """One network over one grid of samples; of `Job` only uniforms, width (one panel), height (panels) and counter.

    geometry: what the fields read. table: rows of GROUP, int64; groups: how many. weights: of all groups. scratch:
    `room` floats for each thread; slot: counts the threads. planes: output (3, plane) float32, pre-activations folded
    for a sigmoid; output: where in the scratch they end up. samples: in the grid, `across` a row, at left + step *
    column, top + step * row in halves of a canvas pixel. angle: whether the network reads ANGLE.
    """

    _fields_: ClassVar = [
        (name, ctypes.c_void_p if name in POINTERS else ctypes.c_int64)
        for name in (
            *POINTERS, "groups", "room", "output", "plane", "samples", "across", "left", "top", "step", "angle",
        )
    ]  # fmt: skip


class FieldKernel(BandKernel):
    """Builds the kernel; its rows are panels, eight at a time to each thread. The program's first shape tells by its
    inputs which fields are computed."""

    def __init__(self, program: Program, width: int, span: int, triple: str, layout: str) -> None:
        self.tiling = TILINGS[width]
        super().__init__(self.tiling.panel, triple, layout)
        self.job |= extra_fields(self, FieldJob)
        self._program = program
        self._span = width
        thread = self.b.atomic_rmw("add", self.job["slot"], I64(1), "monotonic")
        self._scratch = self._at(self.job["scratch"], self.b.mul(thread, self.job["room"]))

    def _at(self, base: Any, offset: Any) -> Any:
        return self.b.gep(base, [offset], source_etype=F32)

    def _block(self, y: Any, x: Any, row: Any) -> None:
        """Panel `y`; the last one overlaps the one before, and of a grid smaller than a panel the rest is surplus."""
        b, panel = self.b, I64(self.width)
        last = b.sub(self.job["samples"], panel)
        last = b.select(b.icmp_signed(">", last, I64(0)), last, I64(0))
        first = self._min(b.mul(y, panel), last)
        self._inputs(first)
        self._groups()
        self._store(first)

    @contextmanager
    def _count(self, count: Any) -> Iterator[Any]:
        """The body runs for 0 .. count - 1; count is at least 1."""
        index, following, end = self._loop(I64(0))
        yield index
        after = self.b.append_basic_block("after")
        self.b.cbranch(self.b.icmp_signed("<", following(), count), end.head, after)
        end.close()
        self.b.position_at_end(after)

    def _inputs(self, first: Any) -> None:
        """All places and the fields into the scratch; those that a network does not read have weight 0 there."""
        b, width = self.b, self.width
        low = Lowering(b, width, self.job["uniforms"], self._program)
        px, py = self._pixels(low, first)
        low.bind({"px": px, "py": py})
        rows = {name: low.lower(node) for name, node in zip(ROW, self._program.row, strict=True)}
        low.bind({"px": px, "py": py, **rows})
        x, y = (low.lower(node) for node in coordinates(self._program))
        low = Lowering(b, width, self.job["geometry"], self._program)
        low.bind({"x": x, "y": y})
        names = columns(self._program.shapes[0].inputs)
        nodes = dict(zip(names, input_nodes(names, pixel_input("x"), pixel_input("y")), strict=True))

        def store(name: str) -> None:
            b.store(low.lower(nodes[name]), self._at(self._scratch, I64(names.index(name) * width)), align=4)

        for name in names:
            if name != ANGLE:
                store(name)
        with b.if_then(b.icmp_signed("!=", self.job["angle"], I64(0))):
            store(ANGLE)

    def _pixels(self, low: Lowering, first: Any) -> tuple[Any, Any]:
        """Pixel coordinates of a panel that begins at sample `first` and may go on in the next rows.

        One scalar division; how many rows on each sample lies is a rounded-down product, since 24 scalar divisions cost
        as much as a small network."""
        b, lanes = self.b, ir.Constant(low.itype, list(range(self.width)))
        across = b.trunc(self.job["across"], I32)
        top = b.trunc(b.udiv(first, self.job["across"]), I32)
        along = b.add(low.splat(b.sub(b.trunc(first, I32), b.mul(top, across))), lanes)
        share = low.splat(b.fdiv(ir.Constant(F32, 1.0), b.sitofp(across, F32)))
        middle = low._add(b.sitofp(along, low.ftype), low.constant(0.5))
        rows = b.fptosi(low._mul(middle, share), low.itype)
        column = b.sub(along, b.mul(rows, low.splat(across)))
        return self._place(low, "left", column), self._place(low, "top", b.add(rows, low.splat(top)))

    def _place(self, low: Lowering, start: str, index: Any) -> Any:
        b = self.b
        step, begin = (low.splat(b.trunc(self.job[name], I32)) for name in ("step", start))
        return low._mul(b.sitofp(b.add(b.mul(index, step), begin), low.ftype), low.constant(0.5))

    def _groups(self) -> None:
        b, t = self.b, self.tiling
        with self._count(self.job["groups"]) as index:
            start = b.mul(index, I64(len(GROUP)))
            entry = [b.gep(self.job["table"], [b.add(start, I64(i))], source_etype=I64) for i in range(len(GROUP))]
            group = {name: b.load(at, typ=I64, align=8) for name, at in zip(GROUP, entry, strict=True)}
            weights = self._at(self.job["weights"], group["weights"])
            source, target = (self._at(self._scratch, group[name]) for name in ("source", "target"))
            size = b.mul(b.add(group["depth"], I64(1)), I64(t.units))
            with self._count(group["blocks"]) as block:
                rows = self._at(target, b.mul(block, I64(t.units * t.panel)))
                self._multiply(self._at(weights, b.mul(block, size)), group["depth"], source, rows)
                self._activate(group["activation"], rows)

    def _multiply(self, block: Any, depth: Any, source: Any, target: Any) -> None:
        """rows = bias + weights @ inputs for one block of units; the biases lie before the weights."""
        b, t = self.b, self.tiling
        low = Lowering(b, t.lanes, None, self._program)
        vectors = range(0, t.panel, t.lanes)

        def weight(k: Any, unit: int) -> Any:
            at = self._at(block, b.add(b.mul(k, I64(t.units)), I64(unit)))
            return low.splat(b.load(at, typ=F32, align=4))

        biases = [weight(I64(0), unit) for unit in range(t.units)]
        before = b.block
        k, following, end = self._loop(I64(0))
        sums = [[b.phi(low.ftype) for _ in vectors] for _ in biases]
        row = self._at(source, b.mul(k, I64(t.panel)))
        inputs = [b.load(self._at(row, I64(v)), typ=low.ftype, align=4) for v in vectors]
        k = following()
        for unit, parts in enumerate(sums):
            w = weight(k, unit)
            for v, part in enumerate(parts):
                total = low.fma(w, inputs[v], part)
                part.add_incoming(biases[unit], before)
                part.add_incoming(total, b.block)
                parts[v] = total
        after = b.append_basic_block("summed")
        b.cbranch(b.icmp_signed("<", k, depth), end.head, after)
        end.close()
        b.position_at_end(after)
        for unit, parts in enumerate(sums):
            for v, part in zip(vectors, parts, strict=True):
                b.store(part, self._at(target, I64(unit * t.panel + v)), align=4)

    def _activate(self, code: Any, rows: Any) -> None:
        """In place. One loop for each activation of the table, in vectors as long as the other kernels'."""
        b, t = self.b, self.tiling
        joined = b.append_basic_block("activated")
        switch = b.switch(code, joined)
        for number, activation in enumerate(ACTIVATIONS.values()):
            case = b.append_basic_block("activation")
            switch.add_case(I64(number), case)
            b.position_at_end(case)
            low = Lowering(b, self._span, None, self._program)
            with self._count(I64(t.units * t.panel // self._span)) as i:
                at = self._at(rows, b.mul(i, I64(self._span)))
                low.bind({"value": b.load(at, typ=low.ftype, align=4)})
                b.store(low.lower(activation.emit(pixel_input("value"))), at, align=4)
            b.branch(joined)
        b.position_at_end(joined)

    def _store(self, first: Any) -> None:
        b = self.b
        low = Lowering(b, self.width, None, self._program)
        for channel in range(3):
            at = self._at(self._scratch, b.add(self.job["output"], I64(channel * self.width)))
            value = b.load(at, typ=low.ftype, align=4)
            value = low._max(low._min(value, low.constant(REACH)), low.constant(-REACH))
            plane = b.add(first, b.mul(self.job["plane"], I64(channel)))
            b.store(value, self._at(self.job["planes"], plane), align=4)


def extra_fields(kernel: BandKernel, job: type[Job]) -> dict[str, Any]:
    """Values of the fields that a job has beyond those of `Job`, loaded where the kernel begins."""
    b, first = kernel.b, len(Job._fields_)
    pointer = b.function.args[0]
    found = {}
    for i, (name, kind, *_) in enumerate(job._fields_):
        at = b.gep(pointer, [I64(first + i)], source_etype=I64)
        found[name] = b.load(at, typ=PTR if kind is ctypes.c_void_p else I64, align=8)
    return found

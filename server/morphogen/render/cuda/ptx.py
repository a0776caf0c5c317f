"""The pixel program as PTX text: the same lowering as the CPU's, for NVIDIA cards, made without any of NVIDIA's tools.

One text runs on every card from Pascal (sm_60) on: the driver compiles it for the card that it finds, and PTX 5.0 is
read by every driver since CUDA 8 (375.26). The card's limit is its special-function pipe (18 operations a pixel for
3L_4D: sine, power of two, reciprocal; a quarter of the other rate or less), so nothing else may use that pipe:
conversions between integers and floats are additions of a power of two, whose sum holds the integer in its mantissa.
Each thread draws several neighbours, which share what is constant and leave in one 16-byte store.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import llvmlite.binding as llvm
from llvmlite import ir

from morphogen.errors import RenderError
from morphogen.field.graph import Node
from morphogen.field.layers import UNDER
from morphogen.field.network import Shape
from morphogen.field.scene import ROW, SLOT, Program, seen
from morphogen.render.branches import when
from morphogen.render.cuda.lowering import PtxLowering
from morphogen.render.cuda.pack import I8, Packing
from morphogen.render.cuda.sampler import Sampler
from morphogen.render.lowering import F32, I32, I64
from morphogen.render.wide.samples import sampled

PIXELS_PER_THREAD = 4  # 1, 2 or 4; 3L_4D on sm_90: 194, 157 and 137 instructions a pixel, 18 of them special
WIDE = 8  # units in a layer; wider ones would fill the registers, and share little: one pixel a thread
UNROLLED = 16  # units in a layer; wider ones are not for code that is written out unit by unit
BLOCK = (32, 8)  # threads; a warp stores one run of pixels
TARGET, TRIPLE = "sm_60", "nvptx64-nvidia-cuda"
PARAMETER_BYTES = 4096  # what a launch may carry on every driver; larger uniform blocks go to constant memory
I16 = ir.IntType(16)
GLOBAL, CONSTANT = ir.PointerType(addrspace=1), 4
_ADDRESSES = ("thresholds", "out", "past", "present", "table", "under", "pattern")


class Job(ctypes.Structure):
    """One target of one frame, as the kernel reads it; the uniform block follows (or lies in `uniforms` on the card).

    thresholds: (64, 3, 64) float32 of this target; table: the scene's; out: pixels, rows of `pitch` pixels; past,
    present: planes (3, height, pitch) uint16 of the blended picture, only used with a trail, 4 of them where the
    scene's uniform `four` is set; under: the same of the picture below a layer. pitch: width rounded up to whole
    threads. column, row: position on the canvas; order: RGBA, BGRA or HALVES. samples, first, pattern: of a pixel, as
    `sampler` reads them; only kernels for several do.
    """

    _fields_ = [
        (name, ctypes.c_uint64 if name in _ADDRESSES else ctypes.c_int32)
        for name in (*_ADDRESSES, "width", "height", "pitch", "column", "row", "order", "flip", "samples", "first")
    ]  # fmt: skip


class SampledJob(Job):
    """`Job` with wide networks sampled beforehand. For each of two networks (those that are not sampled leave theirs
    empty) planes: pre-activations (3, plane) float32 in rows of `across` samples, one for `scale` by `scale` pixels;
    shift, lead: target column and row plus these count pixels from the second column and row of samples on. share: 1 /
    scale; middle: how far a pixel lies behind the phase that it counts as, in samples."""

    _fields_: ClassVar = [
        (f"{name}{i}", kind)
        for i in (0, 1)
        for name, kind in (
            ("planes", ctypes.c_uint64), ("plane", ctypes.c_int32), ("across", ctypes.c_int32),
            ("scale", ctypes.c_int32), ("shift", ctypes.c_int32), ("lead", ctypes.c_int32),
            ("share", ctypes.c_float), ("middle", ctypes.c_float), ("reserved", ctypes.c_int32),
        )
    ]  # fmt: skip


def job_type(program: Program) -> type[Job]:
    """What a program's kernel reads."""
    return SampledJob if any(map(sampled, program.shapes)) else Job


def pitch(width: int) -> int:
    """Pixels from one row to the next, on the card."""
    return -(-width // PIXELS_PER_THREAD) * PIXELS_PER_THREAD


def pixels(program: Program) -> int:
    """Neighbours that one thread draws."""
    return 1 if max(map(_units, program.shapes)) > WIDE else PIXELS_PER_THREAD


def _units(shape: Shape) -> int:
    """Of the widest layer."""
    return max(shape.widths[1:])


def grid(program: Program, width: int, height: int) -> tuple[int, int]:
    """Blocks across and down."""
    return -(-width // (BLOCK[0] * pixels(program))), -(-height // BLOCK[1])


def carried(program: Program) -> bool:
    """Whether the uniforms travel with the launch, behind the job; else in the module's constant `uniforms`."""
    return ctypes.sizeof(job_type(program)) + 4 * program.uniform_count <= PARAMETER_BYTES


def ptx(program: Program, several: bool = False) -> str:
    """Compile; about 0.1 s, any thread. several: samples a pixel. Raises RenderError: LLVM refuses, or a network too
    wide to be written out."""
    widest = max(program.shapes, key=_units)
    if _units(widest) > UNROLLED:
        raise RenderError(
            f"{widest} is too wide for the CUDA backend, which takes {UNROLLED} units in a layer.", "Use --backend cpu."
        )
    return compiled(str(SceneKernel(program, several).module), str(program.shapes[0]))


def compiled(text: str, what: str, target: str = TARGET, features: str = "") -> str:
    """PTX of LLVM's `text`. what: its name in errors; target, features: of the oldest card that may read it. Raises
    RenderError."""
    try:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        machine = llvm.Target.from_triple(TRIPLE).create_target_machine(cpu=target, features=features, opt=3)
        module = llvm.parse_assembly(text, llvm.create_context())
        module.verify()
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
        builder.getModulePassManager().run(module, builder)
        return str(machine.emit_assembly(module))
    except RuntimeError as error:
        raise RenderError(f"LLVM could not write PTX for {what}: {str(error)[:200]}") from error


class SceneKernel(Packing):
    """Builds `module`, whose `kernel(Job and uniforms)` draws one program."""

    lowering = PtxLowering

    def __init__(self, program: Program, several: bool = False) -> None:
        self.program, self.pixels, self._several = program, pixels(program), several
        self.module = ir.Module("morphogen")
        self.module.triple = TRIPLE
        self.job_type = job_type(program)
        size = ctypes.sizeof(self.job_type) + (4 * program.uniform_count if carried(program) else 0)
        kind = ir.FunctionType(ir.VoidType(), [ir.ArrayType(I8, size).as_pointer()])
        kernel = ir.Function(self.module, kind, "kernel")
        kernel.calling_convention = "ptx_kernel"
        kernel.args[0].add_attribute("byval")
        kernel.args[0].attributes.align = 8
        self.b = ir.IRBuilder(kernel.append_basic_block("entry"))
        fields: Sequence[Any] = [*Job._fields_, *(SampledJob._fields_ if self.job_type is SampledJob else ())]
        self.job = {name: self._field(name, kind, kernel.args[0]) for name, kind, *_ in fields}
        self.uniforms = self._uniforms(kernel.args[0])
        self.low = self.lowering(self.b, self.pixels, self.uniforms, program)
        self.low.table = self.job["table"]
        self._threads()

    def _field(self, name: str, kind: Any, block: Any) -> Any:
        address = self.b.gep(block, [I64(getattr(self.job_type, name).offset)], source_etype=I8)
        if kind is ctypes.c_uint64:
            return self.b.inttoptr(self.b.load(address, typ=I64, align=8), GLOBAL)
        return self.b.load(address, typ=F32 if kind is ctypes.c_float else I32, align=4)

    def _uniforms(self, block: Any) -> Any:
        if carried(self.program):
            return self.b.gep(block, [I64(ctypes.sizeof(self.job_type))], source_etype=I8)
        kind = ir.ArrayType(F32, -(-self.program.uniform_count // 4) * 4)  # read in fours, to the very last
        constant = ir.GlobalVariable(self.module, kind, "uniforms", addrspace=CONSTANT)
        constant.initializer = ir.Constant(kind, None)
        constant.align = 16
        return constant

    def _special(self, name: str) -> Any:
        full = f"llvm.nvvm.read.ptx.sreg.{name}"
        function = self.module.globals.get(full) or ir.Function(self.module, ir.FunctionType(I32, []), full)
        return self.b.call(function, [])

    def _threads(self) -> None:
        """Each thread a run of pixels; those beyond the picture do nothing."""
        b, special = self.b, self._special
        index = b.add(b.mul(special("ctaid.x"), I32(BLOCK[0])), special("tid.x"))
        x = b.mul(index, I32(self.pixels))
        y = b.add(b.mul(special("ctaid.y"), I32(BLOCK[1])), special("tid.y"))
        inside = b.and_(b.icmp_signed("<", x, self.job["width"]), b.icmp_signed("<", y, self.job["height"]))
        body, done = b.append_basic_block("body"), b.append_basic_block("done")
        b.cbranch(inside, body, done)
        b.position_at_end(body)
        self._draw(x, y)
        b.branch(done)
        b.position_at_end(done)
        b.ret_void()

    def _draw(self, x: Any, y: Any) -> None:
        b, low = self.b, self.low
        pixel, sampler = b.add(b.mul(y, self.job["pitch"]), x), Sampler(b, low, self.job)
        zero, known = ir.Constant(F32, 0.0), self._below(pixel)
        for i, picture in enumerate(self.program.pictures):
            draw = partial(self._picture, picture, x, y, pixel)
            known |= zip(seen(i), sampler.drawn(draw) if self._several else draw(zero, zero), strict=True)
        low.bind(known)
        rgba = [low.lower(node) for node in self.program.joined]
        self._pack(when(self.b, low.on("trail"), rgba, partial(self._blended, rgba, pixel)), x, y)

    def _picture(self, picture: Sequence[Node], x: Any, y: Any, pixel: Any, right: Any, down: Any) -> list[Any]:
        """One sample of one network's picture, so many pixels beside the middle. pixel: its place in the planes."""
        b, low = self.b, self.low
        row = PtxLowering(b, 1, self.uniforms, self.program)
        py = row.place(b.add(y, self.job["row"]))
        px = row.place(b.add(x, self.job["column"]))
        if self._several:
            px, py = b.fadd(px, right), b.fadd(py, down)
        row.bind({"py": py})
        values = {"py": py, **{name: row.lower(node) for name, node in zip(ROW, self.program.row, strict=True)}}
        steps = ir.Constant(low.ftype, [float(i) for i in range(self.pixels)]) if self.pixels > 1 else low.constant(0.0)
        known = {"px": b.fadd(low.splat(px), steps), **{name: low.splat(value) for name, value in values.items()}}
        low.bind({**known, **self._sampled(x, y), **self._below(pixel)})
        return [low.lower(node) for node in picture]

    def _below(self, pixel: Any) -> dict[str, Any]:
        """What only layers read."""
        return {name: partial(self._level, "under", c, pixel) for c, name in enumerate(UNDER)}

    def _sampled(self, x: Any, y: Any) -> dict[str, Any]:
        """Further inputs of a run of pixels."""
        return {}

    def _blended(self, rgba: list[Any], pixel: Any) -> list[Any]:
        """Mixed with the past, and kept for the next frame."""
        b, low = self.b, self.low
        keep = low.splat(low.scalar_uniform(SLOT["keep"]))

        def mixed(channel: int) -> Any:
            value = rgba[channel]
            new = low.fma(low._sub(self._level("past", channel, pixel), value), keep, value)
            kept = b.trunc(low.whole(low.fma(new, low.constant(65535.0), low.constant(0.5))), self._words)
            b.store(kept, self._plane("present", channel, pixel), align=2 * self.pixels)
            return new

        return [*map(mixed, range(3)), *when(self.b, low.on("four"), rgba[3:], lambda: [mixed(3)])]

    @property
    def _words(self) -> Any:
        return ir.VectorType(I16, self.pixels) if self.pixels > 1 else I16

    def _plane(self, name: str, channel: int, pixel: Any) -> Any:
        b = self.b
        plane = b.mul(self.job["pitch"], self.job["height"])
        offset = b.zext(b.add(b.mul(plane, I32(channel)), pixel), I64)
        return b.gep(self.job[name], [offset], source_etype=I16)

    def _level(self, name: str, channel: int, pixel: Any) -> Any:
        """What a plane holds, 0..1."""
        low = self.low
        level = self.b.load(self._plane(name, channel, pixel), typ=self._words, align=2 * self.pixels)
        level.set_metadata("invariant.load", self.module.add_metadata([]))
        return low._mul(low.number(self.b.zext(level, low.itype)), low.constant(1 / 65535))

"""The pixel program as PTX text: the same lowering as the CPU's, for NVIDIA cards, made without any of NVIDIA's tools.

One text runs on every card from Pascal (sm_60) on: the driver compiles it for the card that it finds, and PTX 5.0 is
read by every driver since CUDA 8 (375.26). The card's limit is its special-function pipe (18 operations a pixel for
3L_4D: sine, power of two, reciprocal; a quarter of the other rate or less), so nothing else may use that pipe:
conversions between integers and floats are additions of a power of two, whose sum holds the integer in its mantissa.
Each thread draws several neighbours, which share what is constant and leave in one 16-byte store.
"""

from __future__ import annotations

import ctypes
import math
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from morphogen.errors import RenderError
from morphogen.field.graph import Node
from morphogen.field.network import Shape
from morphogen.field.scene import ROW, SLOT, Program
from morphogen.render import dither
from morphogen.render.lowering import F32, I32, I64, MAGIC, Lowering

PIXELS_PER_THREAD = 4  # 1, 2 or 4; 3L_4D on sm_90: 194, 157 and 137 instructions a pixel, 18 of them special
WIDE = 8  # units in a layer; wider ones would fill the registers, and share little: one pixel a thread
UNROLLED = 16  # units in a layer; wider ones are not for code that is written out unit by unit
BLOCK = (32, 8)  # threads; a warp stores one run of pixels
TARGET, TRIPLE = "sm_60", "nvptx64-nvidia-cuda"
PARAMETER_BYTES = 4096  # what a launch may carry on every driver; larger uniform blocks go to constant memory
RGBA, BGRA = 0x5410, 0x1054  # which bytes of (red, blue) go where: selector of `prmt`
WHOLE = 2.0**23  # adding it to 0 <= x < 2**23 leaves the whole part of x in the low mantissa bits
I8, I16 = ir.IntType(8), ir.IntType(16)
GLOBAL, CONSTANT = ir.PointerType(addrspace=1), 4
_ADDRESSES = ("thresholds", "out", "past", "present")


class Job(ctypes.Structure):
    """One target of one frame, as the kernel reads it; the uniform block follows (or lies in `uniforms` on the card).

    thresholds: (64, 3, 64) float32 of this target; out: pixels, rows of `pitch` pixels; past, present: planes
    (3, height, pitch) uint16 of the blended picture, only used with a trail. pitch: width rounded up to whole
    threads. column, row: position on the canvas; order: RGBA or BGRA.
    """

    _fields_ = [
        (name, ctypes.c_uint64 if name in _ADDRESSES else ctypes.c_int32)
        for name in (*_ADDRESSES, "width", "height", "pitch", "column", "row", "order", "flip")
    ]  # fmt: skip


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
    return ctypes.sizeof(Job) + 4 * program.uniform_count <= PARAMETER_BYTES


def ptx(program: Program) -> str:
    """Compile; about 0.1 s, any thread. Raises RenderError: LLVM refuses, or a network too wide to be written out."""
    widest = max(program.shapes, key=_units)
    if _units(widest) > UNROLLED:
        raise RenderError(
            f"{widest} is too wide for the CUDA backend, which takes {UNROLLED} units in a layer.", "Use --backend cpu."
        )
    try:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        machine = llvm.Target.from_triple(TRIPLE).create_target_machine(cpu=TARGET, opt=3)
        module = llvm.parse_assembly(str(SceneKernel(program).module), llvm.create_context())
        module.verify()
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
        builder.getModulePassManager().run(module, builder)
        return str(machine.emit_assembly(module))
    except RuntimeError as error:
        raise RenderError(f"LLVM could not write PTX for {program.shapes[0]}: {str(error)[:200]}") from error


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


class SceneKernel:
    """Builds `module`, whose `kernel(Job and uniforms)` draws one program."""

    def __init__(self, program: Program) -> None:
        self.program, self.pixels = program, pixels(program)
        self.module = ir.Module("morphogen")
        self.module.triple = TRIPLE
        size = ctypes.sizeof(Job) + (4 * program.uniform_count if carried(program) else 0)
        kind = ir.FunctionType(ir.VoidType(), [ir.ArrayType(I8, size).as_pointer()])
        kernel = ir.Function(self.module, kind, "kernel")
        kernel.calling_convention = "ptx_kernel"
        kernel.args[0].add_attribute("byval")
        kernel.args[0].attributes.align = 8
        self.b = ir.IRBuilder(kernel.append_basic_block("entry"))
        self.job = {name: self._field(name, kernel.args[0]) for name, *_ in Job._fields_}
        self.uniforms = self._uniforms(kernel.args[0])
        self.low = PtxLowering(self.b, self.pixels, self.uniforms, program)
        self._threads()

    def _field(self, name: str, block: Any) -> Any:
        field = getattr(Job, name)
        address = self.b.gep(block, [I64(field.offset)], source_etype=I8)
        if name in _ADDRESSES:
            return self.b.inttoptr(self.b.load(address, typ=I64, align=8), GLOBAL)
        return self.b.load(address, typ=I32, align=4)

    def _uniforms(self, block: Any) -> Any:
        if carried(self.program):
            return self.b.gep(block, [I64(ctypes.sizeof(Job))], source_etype=I8)
        kind = ir.ArrayType(F32, self.program.uniform_count)
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
        row = PtxLowering(b, 1, self.uniforms, self.program)
        py = row.place(b.add(y, self.job["row"]))
        row.bind({"py": py})
        values = {"py": py, **{name: row.lower(node) for name, node in zip(ROW, self.program.row, strict=True)}}
        steps = ir.Constant(low.ftype, [float(i) for i in range(self.pixels)]) if self.pixels > 1 else low.constant(0.0)
        px = b.fadd(low.splat(row.place(b.add(x, self.job["column"]))), steps)
        low.bind({"px": px, **{name: low.splat(value) for name, value in values.items()}})
        rgb = [low.lower(node) for node in self.program.colour]
        self._pack(self._with_trail(rgb, b.add(b.mul(y, self.job["pitch"]), x)), x, y)

    def _with_trail(self, rgb: list[Any], pixel: Any) -> list[Any]:
        """Mixed with the past while there is a trail, and kept for the next frame."""
        b = self.b
        on = b.fcmp_ordered(">", self.low.scalar_uniform(SLOT["trail"]), ir.Constant(F32, 0.5))
        then, joined, before = b.append_basic_block("trail"), b.append_basic_block("joined"), b.block
        b.cbranch(on, then, joined)
        b.position_at_end(then)
        mixed = self._blended(rgb, pixel)
        after = b.block
        b.branch(joined)
        b.position_at_end(joined)
        out = []
        for new, old in zip(mixed, rgb, strict=True):
            phi = b.phi(self.low.ftype)
            phi.add_incoming(new, after)
            phi.add_incoming(old, before)
            out.append(phi)
        return out

    def _blended(self, rgb: list[Any], pixel: Any) -> list[Any]:
        b, low = self.b, self.low
        keep = low.splat(low.scalar_uniform(SLOT["keep"]))
        plane = b.mul(self.job["pitch"], self.job["height"])
        size = 2 * self.pixels
        words = ir.VectorType(I16, self.pixels) if self.pixels > 1 else I16
        mixed = []
        for channel, value in enumerate(rgb):
            offset = b.zext(b.add(b.mul(plane, I32(channel)), pixel), I64)
            past = b.load(b.gep(self.job["past"], [offset], source_etype=I16), typ=words, align=size)
            past.set_metadata("invariant.load", self.module.add_metadata([]))
            level = low._mul(low.number(b.zext(past, low.itype)), low.constant(1 / 65535))
            new = low.fma(low._sub(level, value), keep, value)
            kept = b.trunc(low.whole(low.fma(new, low.constant(65535.0), low.constant(0.5))), words)
            b.store(kept, b.gep(self.job["present"], [offset], source_etype=I16), align=size)
            mixed.append(new)
        return mixed

    def _pack(self, rgb: list[Any], x: Any, y: Any) -> None:
        """Dither, level, byte order, flip; one store."""
        b, low = self.b, self.low
        red, green, blue = (low.whole(self._finished(c, value, x, y)) for c, value in enumerate(rgb))
        pair = low.native("prmt", red, blue, low.splat(self.job["order"]))
        packed = b.or_(b.or_(pair, b.shl(green, low.integer(8))), low.integer(0xFF000000))
        mirrored = b.sub(b.sub(self.job["height"], I32(1)), y)
        row = b.select(b.icmp_signed("!=", self.job["flip"], I32(0)), mirrored, y)
        offset = b.zext(b.add(b.mul(row, self.job["pitch"]), x), I64)
        b.store(packed, b.gep(self.job["out"], [offset], source_etype=I32), align=4 * self.pixels)

    def _finished(self, channel: int, value: Any, x: Any, y: Any) -> Any:
        """Value times level plus threshold; the table is laid out so that every thread's run is aligned in it."""
        b, low, size = self.b, self.low, dither.SIZE
        at = b.add(b.mul(b.and_(y, I32(size - 1)), I32(3 * size)), b.and_(x, I32(size - 1)))
        address = b.gep(self.job["thresholds"], [b.zext(at, I64)], source_etype=F32)
        address = b.gep(address, [I64(channel * size)], source_etype=F32)
        threshold = b.load(address, typ=low.ftype, align=4 * self.pixels)
        threshold.set_metadata("invariant.load", self.module.add_metadata([]))
        low.bind({"value": value, "threshold": threshold})
        return low.lower(self.program.finish)

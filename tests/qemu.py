"""The CPU backend's code for ARM, run on any Linux machine: qemu-aarch64 executes it, the renderer is the real one.

Each kernel becomes a program without a C library: it maps a file that both sides share, and for every byte on its
standard input draws one job that lies there, in the guest's own addresses.
"""

from __future__ import annotations

import ctypes
import mmap
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from morphogen.field.inputs import uniform_count
from morphogen.field.scene import SLOT
from morphogen.render import dither
from morphogen.render.cpu import renderer as cpu
from morphogen.render.cpu.bands import Job
from morphogen.render.cpu.machine import Target
from morphogen.render.cpu.upscale import UpscaleKernel
from morphogen.render.supersample import HEAD
from morphogen.render.wide.finish import ExpandJob, ExpandKernel, SampledJob, SampledKernel
from morphogen.render.wide.kernel import GROUP, TILINGS, FieldJob, FieldKernel
from morphogen.render.wide.samples import PHASES, TAPS

EMULATOR = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
ASSEMBLER, LINKER = shutil.which("aarch64-linux-gnu-as"), shutil.which("aarch64-linux-gnu-ld")
TRIPLE = "aarch64-unknown-linux-gnu"
NEON = Target("cortex-a72", "+neon", 16, "neon")
WHERE, ARENA = 1 << 40, 16 << 20
JOBS: dict[Any, type[Job]] = {FieldKernel: FieldJob, ExpandKernel: ExpandJob, SampledKernel: SampledJob}
RESULTS = ("out", "present", "target", "steep")  # and the planes of a FieldJob

# Linux on ARM: 63 read, 64 write, 93 exit, 222 mmap. The first byte on standard input is the file's descriptor.
_START = f"""
.global _start
_start:
    sub sp, sp, 16
    mov x0, 0; mov x1, sp; mov x2, 1; mov x8, 63; svc 0
    ldrb w4, [sp]
    ldr x0, =0x{WHERE:x}; ldr x1, =0x{ARENA:x}
    mov x2, 3; mov x3, 17; mov x5, 0; mov x8, 222; svc 0
wait:
    mov x0, 0; mov x1, sp; mov x2, 1; mov x8, 63; svc 0
    cmp x0, 1
    b.ne end
    ldr x0, =0x{WHERE:x}
    bl kernel
    mov x0, 1; mov x1, sp; mov x2, 1; mov x8, 64; svc 0
    b wait
end:
    mov x0, 0; mov x8, 93; svc 0
"""


class QemuKernel:
    """Stands in for `machine.Kernel`."""

    def __init__(self, kind: Any, program: Any, target: Target, objects: Any = None) -> None:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        self.target = target
        self._kind, self._job = kind, JOBS.get(kind, Job)
        self._uniforms, self._geometry = program.uniform_count, uniform_count(program.shapes[0].inputs)
        machine = llvm.Target.from_triple(TRIPLE).create_target_machine(
            cpu=target.cpu, features=target.features, opt=3, reloc="static", codemodel="small"
        )
        text = kind(program, target.width, 2 * target.width, TRIPLE, str(machine.target_data)).build()
        self._folder = tempfile.TemporaryDirectory()
        here = Path(self._folder.name)
        module = llvm.parse_assembly(text)
        module.verify()
        (here / "kernel.o").write_bytes(machine.emit_object(module))
        subprocess.run([str(ASSEMBLER), "-o", here / "start.o", "-"], input=_START.encode(), check=True)
        subprocess.run([str(LINKER), "-static", "-o", here / "draw", here / "start.o", here / "kernel.o"], check=True)
        self._open(here)

    def _open(self, here: Path) -> None:
        with (here / "arena").open("w+b") as file:
            file.truncate(ARENA)
            self._memory = mmap.mmap(file.fileno(), ARENA)
            self._process = subprocess.Popen(
                [str(EMULATOR), here / "draw"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                pass_fds=[file.fileno()], bufsize=0,
            )  # fmt: skip
            assert self._process.stdin is not None
            self._process.stdin.write(bytes([file.fileno()]))

    def run(self, address: int) -> None:
        """One job of this process, drawn by the other."""
        job = self._job.from_address(address)
        guest, shares, at = self._job.from_buffer_copy(job), [], ctypes.sizeof(self._job)
        for name, size in self._sizes(job).items():
            pointer = getattr(job, name)
            if pointer and size:
                at = (at + 63) & ~63
                setattr(guest, name, WHERE + at)
                self._memory[at : at + size] = ctypes.string_at(pointer, size)
                shares.append((name, pointer, at, size))
                at += size
        assert at <= ARENA
        self._memory[: ctypes.sizeof(self._job)] = bytes(guest)
        self._process.stdin.write(b".")  # type: ignore[union-attr]
        if self._process.stdout.read(1) != b".":  # type: ignore[union-attr]
            raise RuntimeError(f"the ARM code ended with {self._process.wait()}")
        for name, pointer, at, size in shares:
            if name in RESULTS or (name == "planes" and self._kind is FieldKernel):
                ctypes.memmove(pointer, self._memory[at : at + size], size)

    def _sizes(self, job: Any) -> dict[str, int]:
        """Bytes behind each pointer that the kernel follows."""
        if self._kind is FieldKernel:
            known = {"uniforms": 4 * self._uniforms, "geometry": 4 * self._geometry, "counter": 8, "slot": 8}
            return known | _field_sizes(job)
        if self._kind is ExpandKernel:
            source, target, weights = 3 * job.source_plane, 3 * job.target_plane + PHASES, TAPS * PHASES
            return {"counter": 8, "source": 4 * source, "target": 4 * target, "weights": 4 * weights}
        if self._kind is SampledKernel:
            sizes = self._scene_sizes(job)
            for i in (0, 1):
                sizes |= {f"planes{i}": 4 * 3 * getattr(job, f"plane{i}"), f"phases{i}": 4 * TAPS * PHASES}
            return sizes
        return self._scene_sizes(job)

    def _scene_sizes(self, job: Any) -> dict[str, int]:
        channels = 4 if _uniform(job, "four") else 3
        planes = channels * job.height * job.width * 2
        factor = getattr(self._kind, "factor", 1)
        samples = channels * (job.height // factor + 2) * (job.width // factor + 2) * 2
        return {
            "uniforms": 4 * self._uniforms,
            "thresholds": 4 * dither.SIZE * (dither.SIZE + 2 * self.target.width),
            "out": 0 if job.sampled else job.stride * job.height,
            "past": samples if issubclass(self._kind, UpscaleKernel) else planes,
            "under": planes,
            "present": 0 if issubclass(self._kind, UpscaleKernel) else planes,
            "counter": 8,
            "table": 4 * (int(_uniform(job, "table_last")) + 1),
            "pattern": 4 * (HEAD + 2 * job.samples),
            "steep": 8,
        }

    def __del__(self) -> None:
        process = getattr(self, "_process", None)
        if process is not None:
            process.stdin.close()
            process.wait(5)
            process.stdout.close()
            self._memory.close()
            self._folder.cleanup()


def _uniform(job: Any, slot: str) -> float:
    return float(ctypes.cast(job.uniforms, ctypes.POINTER(ctypes.c_float))[SLOT[slot]])


def _field_sizes(job: Any) -> dict[str, int]:
    table = (ctypes.c_int64 * (len(GROUP) * job.groups)).from_address(job.table)
    last = dict(zip(GROUP, table[-len(GROUP) :], strict=True))
    floats = last["weights"] + last["blocks"] * TILINGS[NEON.width].units * (last["depth"] + 1)
    return {
        "table": ctypes.sizeof(table), "weights": 4 * floats, "scratch": 4 * job.room, "planes": 4 * 3 * job.plane,
    }  # fmt: skip


def arm_renderer(patch: Any) -> cpu.CpuRenderer:
    """`CpuRenderer` whose code is ARM's. patch: a pytest MonkeyPatch, needed while it is used."""
    patch.setattr(cpu, "Kernel", QemuKernel)
    patch.setattr(cpu, "host_target", lambda: NEON)
    return cpu.CpuRenderer(1)


def missing() -> str:
    """Why ARM code cannot be run here; empty if it can."""
    lacking = [name for name, found in (("qemu-user", EMULATOR), ("binutils-aarch64-linux-gnu", LINKER)) if not found]
    return f"ARM code needs {' and '.join(lacking)} (apt)" if lacking else ""

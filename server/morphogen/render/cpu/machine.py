"""This processor, and code made for it: LLVM IR in, a callable out, by way of the store of compiled code."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm

from morphogen.field.network import Shape
from morphogen.field.scene import Program, program
from morphogen.priority import behind_the_picture
from morphogen.render.cpu.bands import BandKernel
from morphogen.render.objects import ObjectStore
from morphogen.render.scribe import written

FORGETFUL = ObjectStore()
_PROTOTYPE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_compile_lock = threading.Lock()


@dataclass(frozen=True)
class Target:
    """Which processor code is made for. width: pixels in one vector; name: for people."""

    cpu: str
    features: str
    width: int
    name: str


def host_target() -> Target:
    """The best target that this processor takes; MORPHOGEN_SIMD=avx2 or sse4.1 lowers it, for comparisons.

    Widths are measured: 64 on AVX-512 (32: 15 % slower), 32 on AVX2 (16: 10 to 20 % slower).
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    wish = os.environ.get("MORPHOGEN_SIMD", "")
    if wish == "sse4.1":
        return Target("x86-64", "+sse4.1,+ssse3", 16, wish)
    if wish == "avx2" and features.get("avx2"):
        return Target("haswell", "", 32, wish)
    wide = bool(features.get("avx512f") and features.get("avx512dq"))
    name = "avx512" if wide else "avx2" if features.get("avx2") else "neon" if features.get("neon") else "sse4.1"
    return Target(llvm.get_host_cpu_name(), features.flatten(), {"avx512": 64, "avx2": 32}.get(name, 16), name)


class Kernel:
    """Machine code; callable from any thread, without the GIL. Taken from `objects` if it is known there (2 ms), else
    compiled and kept there (0.15 to 0.4 s)."""

    def __init__(self, kind: type[BandKernel], what: Program, target: Target, objects: ObjectStore = FORGETFUL) -> None:
        self.target = target
        key = objects.key(kind.__qualname__, what.shapes if kind.draws_networks else (), target)
        with _compile_lock:  # llvmlite's contexts are not made for two compiling threads
            machine = llvm.Target.from_default_triple().create_target_machine(
                cpu=target.cpu, features=target.features, opt=3
            )
            code = objects.load(key)
            if code is None:
                code = _compiled(kind, what.shapes, target, machine)
                objects.save(key, code)
            self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            self._engine.finalize_object()
        self.run = _PROTOTYPE(self._engine.get_function_address("kernel"))


def _text(kind: Callable[..., BandKernel], shapes: tuple[Shape, ...], width: int, triple: str, layout: str) -> str:
    return kind(program(shapes), width, 2 * width, triple, layout).build()


def _compiled(kind: type[BandKernel], shapes: tuple[Shape, ...], target: Target, machine: Any) -> bytes:
    text = written(_text, kind, shapes, target.width, llvm.get_process_triple(), str(machine.target_data))

    def translate() -> bytes:
        module = llvm.parse_assembly(text)
        module.verify()
        code: bytes = machine.emit_object(module)
        return code

    return behind_the_picture(translate)


def usable_cores() -> Sequence[int]:
    """The cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return range(os.cpu_count() or 1)

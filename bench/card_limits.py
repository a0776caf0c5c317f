"""What an NVIDIA card could do: special functions a second, and bytes stored a second, from two tiny kernels.

Used by `bench/card.py`. A bound for a pixel program: its special functions at the measured rate, or its bytes at the
measured rate, whichever takes longer; everything else is free.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from morphogen.field.cppn import expand
from morphogen.field.graph import Node, pixel_input
from morphogen.field.network import Shape
from morphogen.render.cuda.driver import Card, Held, Memory

THREADS = 256
CHAINS, UNROLLED, LOOPS = 8, 16, 64
SPECIAL = {"cos_turns": 1, "exp2": 1, "exp2_neg": 1, "div": 1, "sqrt": 1, "atan2_turns": 1}
HEAD = """//
.version 5.0
.target sm_60
.address_size 64
.visible .entry kernel(
	.param .align 8 .b8 kernel_param_0[16]
)
{
"""


def special_kernel() -> str:
    """Every thread: LOOPS x UNROLLED x CHAINS powers of two, in independent chains; a store keeps them alive."""
    rounds = [f"	ex2.approx.ftz.f32 	%f{i}, %f{i};" for _ in range(UNROLLED) for i in range(1, CHAINS + 1)]
    starts = [
        f"	add.f32 	%f{i}, %f0, 0f{np.float32(0.01 * i).view(np.uint32):08X};" for i in range(1, CHAINS + 1)
    ]
    sums = [f"	add.f32 	%f0, %f0, %f{i};" for i in range(1, CHAINS + 1)]
    return "\n".join([
        HEAD, "	.reg .pred %p<2>;", f"	.reg .f32 %f<{CHAINS + 1}>;", "	.reg .b32 %r<4>;", "	.reg .b64 %rd<2>;",
        "	ld.param.b64 	%rd1, [kernel_param_0];", "	mov.u32 	%r1, %tid.x;", "	mov.b32 	%f0, %r1;",
        *starts, "	mov.u32 	%r2, 0;", "$L__loop:", *rounds, "	add.s32 	%r2, %r2, 1;",
        f"	setp.lt.s32 	%p1, %r2, {LOOPS};", "	@%p1 bra 	$L__loop;", *sums,
        "	setp.lt.f32 	%p1, %f0, 0f00000000;", "	@!%p1 bra 	$L__end;", "	st.global.f32 	[%rd1], %f0;",
        "$L__end:", "	ret;", "}", "",
    ])  # fmt: skip


def matrix_kernel(shape: str) -> str:
    """Every warp: LOOPS x UNROLLED x CHAINS products `mma.sync` of one shape out of registers, in separate chains."""
    start = [f"	mov.f32 	%f{i}, 0f00000000;" for i in range(4 * CHAINS)]
    chains = [[f"%f{4 * c + i}" for i in range(4)] for c in range(CHAINS)]
    registers = ["{" + ", ".join(chain) + "}" for chain in chains]
    rounds = [f"	mma.sync.aligned.{shape} {sums}, {{%r1, %r2, %r1, %r2}}, {{%r1, %r2}}, {sums};"
              for _ in range(UNROLLED) for sums in registers]  # fmt: skip
    sums = [f"	add.f32 	%f0, %f0, %f{i};" for i in range(1, 4 * CHAINS)]
    return "\n".join([
        HEAD.replace(".version 5.0", ".version 7.0").replace("sm_60", "sm_80"), "	.reg .pred %p<2>;",
        f"	.reg .f32 %f<{4 * CHAINS}>;", "	.reg .b32 %r<4>;", "	.reg .b64 %rd<2>;",
        "	ld.param.b64 	%rd1, [kernel_param_0];", "	mov.u32 	%r1, %tid.x;", "	shl.b32 	%r1, %r1, 16;",
        "	not.b32 	%r2, %r1;", *start, "	mov.u32 	%r3, 0;", "$L__loop:", *rounds,
        "	add.s32 	%r3, %r3, 1;", f"	setp.lt.s32 	%p1, %r3, {LOOPS};", "	@%p1 bra 	$L__loop;", *sums,
        "	setp.lt.f32 	%p1, %f0, 0fFF7FFFFF;", "	@!%p1 bra 	$L__end;",
        "	st.global.f32 	[%rd1], %f0;",
        "$L__end:", "	ret;", "}", "",
    ])  # fmt: skip


def store_kernel() -> str:
    """Every thread stores 16 bytes, all of them one after the other."""
    return "\n".join([
        HEAD, "	.reg .b32 %r<6>;", "	.reg .b64 %rd<4>;", "	ld.param.b64 	%rd1, [kernel_param_0];",
        "	mov.u32 	%r1, %ctaid.x;", "	mov.u32 	%r2, %tid.x;", f"	mad.lo.s32 	%r3, %r1, {THREADS}, %r2;",
        "	mul.wide.u32 	%rd2, %r3, 16;", "	add.s64 	%rd3, %rd1, %rd2;",
        "	st.global.v4.b32 	[%rd3], {%r3, %r2, %r1, %r3};", "	ret;", "}", "",
    ])  # fmt: skip


class Clock:
    """Milliseconds of the card for work in its stream, by its own events."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.events = [Held(card, card.call("cuEventCreate", 0), "cuEventDestroy") for _ in range(2)]

    def milliseconds(self, work: Callable[[], None], count: int, rounds: int = 7) -> float:
        """Best of some rounds of `count` calls of `work`, for one call."""
        card, (first, last) = self.card, self.events
        work()
        best = float("inf")
        for _ in range(rounds):
            card.call("cuEventRecord", first.handle, card.stream)
            for _ in range(count):
                work()
            card.call("cuEventRecord", last.handle, card.stream)
            card.call("cuEventSynchronize", last.handle)
            best = min(best, card.call("cuEventElapsedTime", first.handle, last.handle) / count)
        return best


class Tiny:
    """One of the two kernels, ready to launch on `blocks` blocks over `memory`."""

    def __init__(self, card: Card, text: str, memory: Memory, blocks: int) -> None:
        self._card, self._blocks, self._memory = card, blocks, memory
        self._module = card.module(card.compiled(text))
        self._function = card.call("cuModuleGetFunction", self._module.handle, b"kernel")
        self._block = (ctypes.c_uint64 * 2)(memory.address, 0)
        self._pointers = (ctypes.c_void_p * 1)(ctypes.addressof(self._block))

    def __call__(self) -> None:
        arguments = ctypes.addressof(self._pointers)
        self._card.call("cuLaunchKernel", self._function, self._blocks, 1, 1, THREADS, 1, 1, 0, self._card.stream,
                        arguments, 0)  # fmt: skip


def special_rate(card: Card, clock: Clock, multiprocessors: int) -> float:
    """Special functions a second."""
    blocks = 16 * multiprocessors
    ms = clock.milliseconds(Tiny(card, special_kernel(), Memory(card, 256), blocks), 5)
    return blocks * THREADS * CHAINS * UNROLLED * LOOPS / ms * 1e3


def matrix_rate(card: Card, clock: Clock, multiprocessors: int, shape: str) -> float:
    """Multiplications and additions a second of `mma.sync` (16 x 8 x 8 or 16), as a kernel of ours may use them."""
    blocks, depth = 16 * multiprocessors, int(shape.split(".", maxsplit=1)[0].rpartition("k")[2])
    ms = clock.milliseconds(Tiny(card, matrix_kernel(shape), Memory(card, 256), blocks), 3)
    return blocks * THREADS / 32 * CHAINS * UNROLLED * LOOPS * (2 * 16 * 8 * depth) / ms * 1e3


def store_milliseconds(card: Card, clock: Clock, size: int) -> float:
    """To store `size` bytes, a multiple of 4 KB."""
    blocks = max(size // (16 * THREADS), 1)
    return clock.milliseconds(Tiny(card, store_kernel(), Memory(card, blocks * 16 * THREADS), blocks), 20)


def special_functions(shape: Shape) -> int:
    """Of one pixel of the bare field."""
    seen: set[Node] = set()

    def count(item: Any) -> int:
        if not isinstance(item, Node) or item in seen:
            return 0
        seen.add(item)
        return SPECIAL.get(item.op, 0) + sum(map(count, item.args))

    layers = expand(shape, 0, pixel_input("px"), pixel_input("py"))
    return sum(count(node) for node in layers[-1])

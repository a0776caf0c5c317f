"""What the processor's arithmetic allows, from rates measured on it: multiply-adds and divisions.

The bound is the one of the kernel study: every multiply or multiply-add takes one slot of the FMA pipes, divisions do
not overlap with them, everything else is free. It is a bound for this algorithm; real code stays above it.
"""

from __future__ import annotations

import ctypes
import time
from functools import partial
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from morphogen.field.network import Shape
from morphogen.render.cost import work
from morphogen.render.cpu.machine import Target

F32, I64 = ir.FloatType(), ir.IntType(64)
LANES = {"avx512": 16, "avx2": 8, "neon": 4, "sse4.1": 4}
STREAMS = 12  # enough independent chains to fill two pipes of latency 4-5


def measure(target: Target, seconds: float = 0.5) -> dict[str, Any]:
    """{'fma': G instructions/s of one thread, 'div': the same, 'lanes': floats in one register}."""
    lanes = LANES[target.name]
    return {
        "fma": round(_rate(target, lanes, "fma", seconds) / 1e9, 3),
        "div": round(_rate(target, lanes, "div", seconds) / 1e9, 3),
        "lanes": lanes,
        "simd": target.name,
    }


def milliseconds(limit: dict[str, Any], shape: Shape, pixels: int, threads: int) -> float:
    """The bound for one frame of the bare field."""
    slots, divisions = work(shape)
    registers = pixels / limit["lanes"]
    return 1e3 * registers * (slots / (limit["fma"] * 1e9) + divisions / (limit["div"] * 1e9)) / threads


def _rate(target: Target, lanes: int, operation: str, seconds: float) -> float:
    """Instructions a second of one thread, best of several runs."""
    engine, run = _compiled(target, lanes, operation)
    rounds, best, end = 200_000, 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        run(rounds)
        best = max(best, rounds * STREAMS / (time.perf_counter() - start))
    del engine
    return best


def _compiled(target: Target, lanes: int, operation: str) -> tuple[Any, Any]:
    module = ir.Module("rate")
    module.triple = llvm.get_process_triple()
    function = ir.Function(module, ir.FunctionType(F32, [I64]), "rate")
    vector = ir.VectorType(F32, lanes)
    b = ir.IRBuilder(function.append_basic_block())
    loop, done = b.append_basic_block("loop"), b.append_basic_block("done")
    entry = b.block
    b.branch(loop)
    b.position_at_end(loop)
    counter = b.phi(I64)
    counter.add_incoming(I64(0), entry)
    sums = [b.phi(vector) for _ in range(STREAMS)]
    step = partial(_step, module, b, vector, operation)
    following = [step(s) for s in sums]
    count = b.add(counter, I64(1))
    counter.add_incoming(count, loop)
    for i, (phi, value) in enumerate(zip(sums, following, strict=True)):
        phi.add_incoming(ir.Constant(vector, [1.0 + i / 16] * lanes), entry)
        phi.add_incoming(value, loop)
    b.cbranch(b.icmp_signed("<", count, function.args[0]), loop, done)
    b.position_at_end(done)
    total = following[0]
    for value in following[1:]:
        total = b.fadd(total, value)
    b.ret(b.extract_element(total, ir.IntType(32)(0)))
    machine = llvm.Target.from_default_triple().create_target_machine(cpu=target.cpu, features=target.features, opt=2)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(str(module)), machine)
    engine.finalize_object()
    return engine, ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_int64)(engine.get_function_address("rate"))


def _step(module: Any, b: Any, vector: Any, operation: str, value: Any) -> Any:
    near_one = ir.Constant(vector, [1.0000001] * vector.count)
    if operation == "div":
        return b.fdiv(near_one, value)
    name = f"llvm.fmuladd.v{vector.count}f32"
    fma = module.globals.get(name) or ir.Function(module, ir.FunctionType(vector, [vector] * 3), name)
    return b.call(fma, [value, near_one, near_one])

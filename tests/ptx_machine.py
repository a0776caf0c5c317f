"""Runs PTX text in NumPy, all threads at once: what a card would do with the instructions that our kernels use.

Arithmetic is float32, rounded as each instruction says. The approximate instructions err as much as NVIDIA documents
(PTX ISA, "Floating-Point Instructions"), up or down by a coin that the argument's bits toss: the same argument always
gives the same result, as in the silicon. Memory is bounds- and alignment-checked. It says nothing about speed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

F32, U32, U64 = np.float32, np.uint32, np.uint64


class Fault(Exception):
    """What the driver would call an illegal or a misaligned address."""


@dataclass
class Memory:
    """Blocks of bytes by address; a gap lies between any two."""

    blocks: dict[int, np.ndarray] = field(default_factory=dict)

    def find(self, address: int, size: int) -> tuple[int, np.ndarray]:
        for base, block in self.blocks.items():
            if base <= address and address + size <= base + block.size:
                return base, block
        raise Fault(f"illegal address {address:#x}, {size} bytes")

    def words(self, addresses: np.ndarray, kind: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The block that holds all of them, as words of `kind`, and the indices of their first words."""
        size = np.dtype(kind).itemsize
        if (addresses % U64(size * count)).any():
            raise Fault("misaligned address")
        low, high = int(addresses.min()), int(addresses.max()) + size * count
        base, block = self.find(low, high - low)
        whole = block[: block.size // size * size].view(kind)
        return whole, ((addresses - U64(base)) // U64(size)).astype(np.int64)


@dataclass
class Kernel:
    """A parsed entry: bytes of its parameter block, instructions, labels, and the module's constants by name."""

    parameter_bytes: int
    code: list[tuple[str, str, list[str]]]
    labels: dict[str, int]
    constants: dict[str, int]


def parse(text: str) -> Kernel:
    """Raises ValueError for what is not PTX with one entry called `kernel`."""
    head = re.search(r"\.entry kernel\(\s*\.param \.align 8 \.b8 kernel_param_0\[(\d+)\]\s*\)\s*\{(.*)\}", text, re.S)
    if not text.lstrip().startswith("//") or head is None:
        raise ValueError("no entry `kernel` with one block of parameters")
    constants = {n: int(size) for n, size in re.findall(r"\.const \.align 16 \.b8 (\w+)\[(\d+)\]", text)}
    code: list[tuple[str, str, list[str]]] = []
    labels = {}
    for line in (raw.split("//")[0].strip().rstrip(";") for raw in head[2].splitlines()):
        if line.endswith(":"):
            labels[line[:-1]] = len(code)
        elif line and not line.startswith("."):
            guard, _, rest = line.partition(" ") if line.startswith("@") else ("", "", line)
            name, _, operands = rest.strip().partition(" ")
            parts = re.findall(r"\{[^}]*\}|\[[^]]*\]|[^,\s]+", operands)
            code.append((guard.lstrip("@").rstrip("\t"), name, parts))
    return Kernel(int(head[1]), code, labels, constants)


def coin(x: np.ndarray) -> np.ndarray:
    """+1 or -1 by the bits of a float32."""
    bits = np.atleast_1d(x).view(U32).reshape(np.shape(x)) * U32(2654435761)
    return np.where(bits & U32(1 << 27), 1.0, -1.0)


def cos_approx(x: Any) -> Any:
    """Absolute error 2**-20.5 within a turn, 2**-14.7 within 50 turns; further out, where nothing is promised, the
    same of a product with 1 / 2 pi cut off to float32 (what ptxas makes of the instruction: FMUL.RZ, MUFU.COS)."""
    turns = toward_zero(x.astype(np.float64) * F32(0.15915494309)).astype(np.float64)
    far = np.cos(2 * np.pi * (turns - np.rint(turns)))
    size = np.abs(x)
    error = np.where(size <= 2 * np.pi, 2**-20.5, 2**-14.7)
    return (np.where(size <= 100 * np.pi, np.cos(x.astype(np.float64)), far) + coin(x) * error).astype(F32)


def relative(value: Any, x: Any, ulps: float) -> Any:
    """`value` in float64, wrong by `ulps` of float32; tiny results flushed to zero."""
    wrong = (value * (1 + coin(x) * ulps * 2.0**-23)).astype(F32)
    return np.where(np.abs(wrong) < F32(2.0**-126), F32(0), wrong)


def lg2_approx(x: Any) -> Any:
    """Absolute error 2**-22 between 1/2 and 2, relative 2**-22 elsewhere."""
    exact = np.log2(x.astype(np.float64))
    near = (x > 0.5) & (x < 2)
    return (exact + coin(x) * 2.0**-22 * np.where(near, 1.0, np.abs(exact))).astype(F32)


def toward_zero(exact: Any) -> Any:
    near = exact.astype(F32)
    return np.where(np.abs(near.astype(np.float64)) > np.abs(exact), np.nextafter(near, F32(0)), near)


def fused(a: Any, b: Any, c: Any) -> Any:
    return (a.astype(np.float64) * b + c).astype(F32)


FLOATS: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "fma": fused, "min": np.fmin, "max": np.fmax,
    "abs": np.abs, "neg": np.negative, "cvt.rmi.f32": np.floor,
    "add.rz": lambda a, b: toward_zero(a.astype(np.float64) + b),
    "cos.approx": cos_approx,
    "ex2.approx.ftz": lambda x: relative(np.exp2(x.astype(np.float64)), x, 2),
    "lg2.approx.ftz": lg2_approx,
    "rcp.approx.ftz": lambda x: relative(1 / x.astype(np.float64), x, 1),
    "sqrt.approx.ftz": lambda x: relative(np.sqrt(x.astype(np.float64)), x, 1),
}  # fmt: skip
COMPARE = {"gt": np.greater, "ge": np.greater_equal, "lt": np.less, "le": np.less_equal, "eq": np.equal,
           "ne": np.not_equal, "leu": lambda a, b: ~(a > b), "geu": lambda a, b: ~(a < b),
           "ltu": lambda a, b: ~(a >= b), "gtu": lambda a, b: ~(a <= b)}  # fmt: skip
KINDS = {"f32": F32, "s32": np.int32, "u32": U32, "b32": U32, "s64": np.int64, "u64": U64, "b64": U64,
         "b16": np.uint16, "u16": np.uint16, "pred": np.bool_}  # fmt: skip


def byte_permute(a: Any, b: Any, selector: Any) -> Any:
    both = a.astype(U64) | (b.astype(U64) << U64(32))
    out = np.zeros(np.broadcast_shapes(a.shape, b.shape, selector.shape), U64)
    for i in range(4):
        which = (selector.astype(U64) >> U64(4 * i)) & U64(7)
        out = out | (((both >> (which * U64(8))) & U64(255)) << U64(8 * i))
    return out.astype(U32)


class Thread:
    """All threads that go the same way. registers: name -> array of one value a thread, or of one for all."""

    def __init__(
        self, kernel: Kernel, memory: Memory, parameters: np.ndarray, constants: dict[str, np.ndarray]
    ) -> None:
        self.kernel, self.memory = kernel, memory
        self.spaces = {"kernel_param_0": parameters, **constants}
        self.executed: dict[str, int] = {}

    def run(self, registers: dict[str, np.ndarray], at: int = 0) -> None:
        code = self.kernel.code
        while at < len(code):
            guard, name, parts = code[at]
            self.executed[name] = self.executed.get(name, 0) + 1
            at += 1
            if name == "ret":
                return
            if name.startswith("bra"):
                taken = registers[guard.lstrip("!")] ^ guard.startswith("!") if guard else np.True_
                if taken.all():
                    at = self.kernel.labels[parts[0]]
                elif taken.any():
                    self.run({k: v if v.ndim == 0 else v[taken] for k, v in registers.items()}, self._label(parts[0]))
                    registers = {k: v if v.ndim == 0 else v[~taken] for k, v in registers.items()}
                continue
            assert not guard, f"{name} under a predicate"
            self.step(registers, name, parts)

    def _label(self, name: str) -> int:
        return self.kernel.labels[name]

    def step(self, registers: dict[str, np.ndarray], name: str, parts: list[str]) -> None:
        words = name.split(".")
        if words[0] in ("ld", "st"):
            self._memory(registers, words, parts)
            return
        kind = KINDS[words[-1]]
        registers[parts[0]] = self._compute(name, words, kind, [self.value(registers, p, kind) for p in parts[1:]],
                                            registers, parts)  # fmt: skip

    def value(self, registers: dict[str, np.ndarray], text: str, kind: Any) -> np.ndarray:
        """An operand as `kind`: a register, a float by its bits, a number, or the name of a space (its offset 0)."""
        if text in registers:
            found = registers[text]
            return found if found.dtype.kind in "Ub" else _as(found, kind)
        if text.startswith("0f"):
            return _as(np.array(int(text[2:], 16), U32), kind)
        if text in self.spaces:
            return np.array(text)
        number = int(text.rstrip("U"), 0)
        return np.array(number & (2 ** (8 * np.dtype(kind).itemsize) - 1), f"u{np.dtype(kind).itemsize}").view(kind)

    def _compute(self, name: str, words: list[str], kind: Any, args: list[Any], registers: Any, parts: Any) -> Any:
        stem = name.rsplit(".", 1)[0].replace(".rn", "")
        with np.errstate(all="ignore"):
            if words[-1] == "f32" and words[0] not in ("setp", "selp", "mov"):
                return np.asarray(FLOATS["cvt.rmi.f32" if stem.startswith("cvt.rmi") else stem](*args), F32)
            if words[0] == "setp":
                return np.asarray(COMPARE[words[1]](*args))
            if words[0] == "selp":
                return np.where(registers[parts[3]], args[0], args[1])
            return np.asarray(self._whole(words, kind, args, registers, parts))

    def _whole(self, words: list[str], kind: Any, args: list[Any], registers: Any, parts: list[str]) -> Any:
        a, *more = args
        match words[0]:
            case "mov":
                return a
            case "add" | "sub":
                return a + more[0] if words[0] == "add" else a - more[0]
            case "mul" if words[1] == "wide":
                return a.astype(U64 if words[2] == "u32" else np.int64) * more[0].astype(np.int64).astype(
                    U64 if words[2] == "u32" else np.int64
                )
            case "mul" | "mad":
                return a * more[0] + (more[1] if words[0] == "mad" else kind(0))
            case "and" | "or" | "xor":
                return {"and": a & more[0], "or": a | more[0], "xor": a ^ more[0]}[words[0]]
            case "not":
                return ~a
            case "shl":
                return a << more[0]
            case "cvt":
                return _as(registers[parts[1]], KINDS[words[2]]).astype(KINDS[words[1]])
            case "prmt":
                return byte_permute(a, *more)
        raise NotImplementedError(".".join(words))

    def _memory(self, registers: dict[str, np.ndarray], words: list[str], parts: list[str]) -> None:
        kind = KINDS[words[-1]]
        count = next((int(w[1]) for w in words if re.fullmatch(r"v[24]", w)), 1)
        place, names = (parts[0], parts[1]) if words[0] == "st" else (parts[1], parts[0])
        names_list = re.findall(r"[^{},\s]+", names)
        base, _, offset = place.strip("[]").partition("+")
        start = registers[base] if base in registers else np.array(base)
        if start.dtype.kind == "U":
            space, at = self.spaces[str(start)], int(offset or 0)
            for i, register in enumerate(names_list):
                size = np.dtype(kind).itemsize
                registers[register] = space[at + i * size : at + (i + 1) * size].view(kind)[0:1].reshape(())
            return
        block, first = self.memory.words(start.view(U64) + U64(int(offset or 0)), kind, count)
        for i, register in enumerate(names_list):
            if words[0] == "ld":
                registers[register] = block[first + i]
            else:
                block[first + i] = self.value(registers, register, kind)


def _as(value: np.ndarray, kind: Any) -> np.ndarray:
    """The same bits as another type of the same size; other sizes by value."""
    if value.dtype.itemsize == np.dtype(kind).itemsize:
        return value.view(kind)
    return value.astype(kind)


def launch(
    kernel: Kernel, memory: Memory, parameters: np.ndarray, grid: tuple[int, int], block: tuple[int, int],
    constants: dict[str, np.ndarray] | None = None,
) -> dict[str, int]:  # fmt: skip
    """Run every thread; returns how often each instruction was executed by a thread that drew. Raises Fault."""
    assert parameters.size == kernel.parameter_bytes, (parameters.size, kernel.parameter_bytes)
    shape = (grid[1], grid[0], block[1], block[0])
    ctaid_y, ctaid_x, tid_y, tid_x = (a.ravel().astype(U32) for a in np.indices(shape))
    registers = {"%ctaid.x": ctaid_x, "%ctaid.y": ctaid_y, "%tid.x": tid_x, "%tid.y": tid_y}
    thread = Thread(kernel, memory, parameters, constants or {})
    thread.run(registers)
    return thread.executed

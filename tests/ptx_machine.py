"""Runs PTX text in NumPy, all threads at once: what a card would do with the instructions that our kernels use.

Arithmetic is float32, rounded as each instruction says. The approximate instructions err as much as NVIDIA documents
(PTX ISA, "Floating-Point Instructions"), up or down by a coin that the argument's bits toss: the same argument always
gives the same result, as in the silicon. Memory is bounds- and alignment-checked; what a block shares is checked for
races between its warps, barriers and matrix products for threads that are missing. It says nothing about speed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from ptx_numbers import COMPARE, F32, FLOATS, U32, U64, byte_permute, pair, product

KINDS = {"f32": F32, "s32": np.int32, "u32": U32, "b32": U32, "s64": np.int64, "u64": U64, "b64": U64,
         "b16": np.uint16, "u16": np.uint16, "pred": np.bool_}  # fmt: skip
WARP = 32


class Fault(Exception):
    """What the driver would call an illegal or a misaligned address; or what it would hang or fail silently at."""


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


class Shared:
    """What the threads of each block share: uint32 (blocks, words), full of NaN at first. A word that one warp wrote
    may not be touched by another before a barrier, nor one that another read be written."""

    def __init__(self, blocks: int, size: int) -> None:
        self.words = np.full((blocks, size // 4), 0xFFFFFFFF, U32)
        self.written, self.read = (np.full(self.words.shape, -1, np.int64) for _ in range(2))

    def touch(self, blocks: np.ndarray, addresses: np.ndarray, warps: np.ndarray, count: int, write: bool) -> Any:
        """Indices of `count` words each, checked."""
        if (addresses % U64(4 * count)).any():
            raise Fault("misaligned shared address")
        at = (addresses // U64(4)).astype(np.int64)[:, None] + np.arange(count)
        if at.size and at.max() >= self.words.shape[1]:
            raise Fault(f"illegal shared address {4 * int(at.max()):#x}")
        place, mine = (blocks[:, None], at), warps[:, None]
        for before in (self.written, self.read) if write else (self.written,):
            if ((before[place] >= 0) & (before[place] != mine)).any():
                raise Fault("race: another warp was there since the last barrier")
        (self.written if write else self.read)[place] = mine
        return place

    def barrier(self, blocks: np.ndarray) -> None:
        self.written[blocks] = self.read[blocks] = -1


@dataclass
class Kernel:
    """A parsed entry: bytes of its parameter block, instructions, labels, tables of labels, and the module's constants
    by name."""

    parameter_bytes: int
    code: list[tuple[str, str, list[str]]]
    labels: dict[str, int]
    constants: dict[str, int]
    tables: dict[str, list[str]] = field(default_factory=dict)


@cache
def parse(text: str) -> Kernel:
    """Raises ValueError for what is not PTX with one entry called `kernel`."""
    head = re.search(
        r"\.entry kernel\(\s*\.param \.align 8 \.b8 kernel_param_0\[(\d+)\]\s*\)\s*(?:\.\w+ \d+\s*)*\{(.*)\}",
        text,
        re.S,
    )
    if not text.lstrip().startswith("//") or head is None:
        raise ValueError("no entry `kernel` with one block of parameters")
    constants = {n: int(size) for n, size in re.findall(r"\.const \.align 16 \.b8 (\w+)\[(\d+)\]", text)}
    jumps = r"(\$\w+): \.branchtargets([^;]*);"
    tables = {name: re.findall(r"[$\w]+", labels) for name, labels in re.findall(jumps, head[2])}
    code: list[tuple[str, str, list[str]]] = []
    labels = {}
    for line in (raw.split("//")[0].strip().rstrip(";") for raw in re.sub(jumps, "", head[2]).splitlines()):
        if line.endswith(":"):
            labels[line[:-1]] = len(code)
        elif line and not line.startswith("."):
            guard, _, rest = line.partition(" ") if line.startswith("@") else ("", "", line)
            name, _, operands = rest.strip().partition(" ")
            parts = re.findall(r"\{[^}]*\}|\[[^]]*\]|[^,\s]+", operands)
            code.append((guard.lstrip("@").rstrip("\t"), name, parts))
    return Kernel(int(head[1]), code, labels, constants, tables)


class Threads:
    """All threads of a launch. Those at the earliest instruction go on together until they meet others or part.

    registers: name -> array of one value a thread, or of one for all; `some`: indices of the threads that are at work,
    None: all of them."""

    def __init__(
        self, kernel: Kernel, memory: Memory, spaces: dict[str, np.ndarray], registers: dict[str, np.ndarray],
        per_block: int, shared: Shared,
    ) -> None:  # fmt: skip
        self.kernel, self.memory, self.spaces, self.shared = kernel, memory, spaces, shared
        self.registers, self.executed = registers, dict[str, int]()
        count = next(r.size for r in registers.values() if r.ndim)
        self.at, self.some = np.zeros(count, np.int64), None
        self.block, self.warp = np.arange(count) // per_block, np.arange(count) // WARP
        self.per_block, self.waits = per_block, np.zeros(count, np.bool_)
        self.whole = any(name.startswith(("bar.", "mma.")) for _, name, _ in kernel.code)

    def run(self) -> None:
        end = len(self.kernel.code)
        while (self.at < end).any():
            awake = ~self.waits
            if not awake.any():
                raise Fault("threads wait at a barrier for others that never come")
            low = int(self.at[awake].min())
            if low >= end:
                raise Fault("threads end while others wait for them at a barrier")
            here = awake & (self.at == low)
            ahead = self.at[awake & ~here]
            self.some = None if here.all() else np.flatnonzero(here)
            self._stretch(low, int(ahead.min()) if len(ahead) else end)
            self._drop()

    def _stretch(self, at: int, limit: int) -> None:
        code, mine = self.kernel.code, slice(None) if self.some is None else self.some
        while at < limit:
            guard, name, parts = code[at]
            self.executed[name] = self.executed.get(name, 0) + 1
            at += 1
            if name == "ret":
                self.at[mine] = len(code)
                return
            if name.startswith(("bra", "brx")):
                targets = self._targets(name, guard, parts, at)
                if targets.min() != targets.max():
                    self.at[mine] = targets
                    return
                at = int(targets.min())
                continue
            assert not guard, f"{name} under a predicate"
            if name.startswith("bar."):
                self.at[mine] = at
                if self._barrier(name):
                    continue
                return
            self.step(name, parts)
        self.at[mine] = at

    def _targets(self, name: str, guard: str, parts: list[str], following: int) -> np.ndarray:
        labels = self.kernel.labels
        if name == "brx.idx":
            table = np.array([labels[label] for label in self.kernel.tables[parts[1]]])
            return table[np.atleast_1d(self.value(parts[0], U32)).astype(np.int64)]
        if not guard:
            return np.array([labels[parts[0]]])
        taken = np.atleast_1d(self.value(guard.lstrip("!"), np.bool_)) ^ guard.startswith("!")
        return np.where(taken, labels[parts[0]], following)

    def _drop(self) -> None:
        """Threads that have nothing to do any more; not where others may wait for them."""
        code = self.kernel.code
        over = np.array([at >= len(code) or code[at][1] == "ret" for at in self.at]) if self._parted() else None
        if self.whole or over is None or not over.any() or over.all():
            return
        self.registers = {k: v[~over] if v.ndim else v for k, v in self.registers.items()}
        self.at, self.waits = self.at[~over], self.waits[~over]
        self.block, self.warp = self.block[~over], self.warp[~over]

    def _parted(self) -> bool:
        return bool(len(self.at)) and self.at.min() != self.at.max()

    # --- values

    def value(self, text: str, kind: Any) -> np.ndarray:
        """An operand as `kind`: a register, a float by its bits, a number, or the name of a space (its offset 0)."""
        if text in self.registers:
            found = self.registers[text]
            if self.some is not None and found.ndim:
                found = found[self.some]
            return found if found.dtype.kind in "Ub" else as_kind(found, kind)
        if text.startswith("0f"):
            return as_kind(np.array(int(text[2:], 16), U32), kind)
        if text in self.spaces:
            return np.array(text)
        number = 0 if text == "shared" else int(text.rstrip("U"), 0)
        return np.array(number & (2 ** (8 * np.dtype(kind).itemsize) - 1), f"u{np.dtype(kind).itemsize}").view(kind)

    def put(self, name: str, value: Any) -> None:
        value = np.asarray(value)
        if self.some is None or value.dtype.kind == "U":  # the name of a space
            self.registers[name] = value
            return
        before = self.registers.get(name)
        if before is None or before.dtype.itemsize != value.dtype.itemsize:
            full = np.zeros(len(self.at), value.dtype)
        else:
            full = before.copy() if before.ndim else np.full(len(self.at), before)
        full.view(value.dtype)[self.some] = value
        self.registers[name] = full

    # --- instructions

    def step(self, name: str, parts: list[str]) -> None:
        words = name.split(".")
        if words[0] in ("ld", "st"):
            self._memory(words, parts)
        elif words[0] == "mma":
            self._product(words, parts)
        elif name.startswith("cvt.rn.") and words[2].endswith("16x2"):
            self.put(parts[0], pair(*(np.atleast_1d(self.value(p, F32)) for p in parts[1:]), words[2]))
        else:
            kind = KINDS[words[-1]]
            self.put(parts[0], self._compute(name, words, kind, [self.value(p, kind) for p in parts[1:]], parts))

    def _barrier(self, name: str) -> bool:
        """Whether nobody has to wait. Threads that wait are those that have come as far as this one's next step."""
        block = name == "bar.sync"
        ids, size = (self.block, self.per_block) if block else (self.warp, WARP)
        mine = np.arange(len(self.at)) if self.some is None else self.some
        if block and (np.unique(self.warp[mine], return_counts=True)[1] != WARP).any():
            raise Fault("bar.sync without some threads of a warp")
        self.waits[mine] = True
        there = np.flatnonzero(self.waits & (self.at == self.at[mine[0]]))
        groups, counts = np.unique(ids[there], return_counts=True)
        free = there[np.isin(ids[there], groups[counts == size])]
        self.waits[free] = False
        if block and len(free):
            self.shared.barrier(np.unique(self.block[free]))
        return len(free) == len(mine) == len(there)

    def _product(self, words: list[str], parts: list[str]) -> None:
        mine = slice(None) if self.some is None else self.some
        if (np.unique(self.warp[mine], return_counts=True)[1] != WARP).any():
            raise Fault("mma.sync without some threads of a warp")
        names = [re.findall(r"[^{},\s]+", part) for part in parts]
        count = len(self.at) if self.some is None else len(self.some)
        values = [[self.value(name, F32) for name in part] for part in names[1:]]
        operands = [[value if value.ndim else np.full(count, value) for value in part] for part in values]
        for register, value in zip(names[0], product(words[-3], *operands), strict=True):
            self.put(register, value)

    def _compute(self, name: str, words: list[str], kind: Any, args: list[Any], parts: Any) -> Any:
        stem = name.rsplit(".", 1)[0].replace(".rn", "")
        with np.errstate(all="ignore"):
            if words[-1] == "f32" and words[0] not in ("setp", "selp", "mov"):
                return np.asarray(FLOATS["cvt.rmi.f32" if stem.startswith("cvt.rmi") else stem](*args), F32)
            if words[0] == "setp":
                return np.asarray(COMPARE[words[1]](*args))
            if words[0] == "selp":
                return np.where(self.value(parts[3], np.bool_), args[0], args[1])
            return np.asarray(self._whole(words, kind, args, parts))

    def _whole(self, words: list[str], kind: Any, args: list[Any], parts: list[str]) -> Any:
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
            case "shr":
                return a >> more[0]
            case "bfe":
                return a >> more[0] & ((kind(1) << more[1]) - kind(1))
            case "div":
                return a // more[0]
            case "min" | "max":
                return np.minimum(a, more[0]) if words[0] == "min" else np.maximum(a, more[0])
            case "cvt":
                return as_kind(self.value(parts[1], KINDS[words[2]]), KINDS[words[2]]).astype(KINDS[words[1]])
            case "prmt":
                return byte_permute(a, *more)
        raise NotImplementedError(".".join(words))

    def _memory(self, words: list[str], parts: list[str]) -> None:
        kind = KINDS[words[-1]]
        count = next((int(w[1]) for w in words if re.fullmatch(r"v[24]", w)), 1)
        place, names = (parts[0], parts[1]) if words[0] == "st" else (parts[1], parts[0])
        registers = re.findall(r"[^{},\s]+", names)
        base, _, offset = place.strip("[]").partition("+")
        start = self.value(base, U64)
        if start.dtype.kind == "U":
            space, at = self.spaces[str(start)], int(offset or 0)
            for i, register in enumerate(registers):
                size = np.dtype(kind).itemsize
                self.put(register, space[at + i * size : at + (i + 1) * size].view(kind)[0:1].reshape(()))
            return
        with np.errstate(over="ignore"):
            address = start.view(U64) + U64(int(offset or 0) % 2**64)
        if words[1] == "shared":
            self._shared(words[0] == "st", address, registers, kind)
            return
        block, first = self.memory.words(address, kind, count)
        for i, register in enumerate(registers):
            if words[0] == "ld":
                self.put(register, block[first + i])
            else:
                block[first + i] = self.value(register, kind)

    def _shared(self, write: bool, address: np.ndarray, registers: list[str], kind: Any) -> None:
        mine = slice(None) if self.some is None else self.some
        blocks, warps = self.block[mine], self.warp[mine]
        place = self.shared.touch(blocks, np.broadcast_to(address, blocks.shape), warps, len(registers), write)
        if write:
            values = [np.broadcast_to(self.value(r, kind), blocks.shape) for r in registers]
            self.shared.words[place] = np.stack([v.view(U32) for v in map(np.ascontiguousarray, values)], axis=1)
            return
        for register, value in zip(registers, self.shared.words[place].T, strict=True):
            self.put(register, np.ascontiguousarray(value).view(kind))


def as_kind(value: np.ndarray, kind: Any) -> np.ndarray:
    """The same bits as another type of the same size; other sizes by value."""
    if value.dtype.itemsize == np.dtype(kind).itemsize:
        return value.view(kind)
    return value.astype(kind)


def launch(
    kernel: Kernel, memory: Memory, parameters: np.ndarray, grid: tuple[int, int], block: tuple[int, int],
    constants: dict[str, np.ndarray] | None = None, shared: int = 0,
) -> dict[str, int]:  # fmt: skip
    """Run every thread; returns how often each instruction was executed by threads that went the same way. shared:
    bytes that a block has. Raises Fault."""
    assert parameters.size == kernel.parameter_bytes, (parameters.size, kernel.parameter_bytes)
    shape = (grid[1], grid[0], block[1], block[0])
    ctaid_y, ctaid_x, tid_y, tid_x = (a.ravel().astype(U32) for a in np.indices(shape))
    registers = {"%ctaid.x": ctaid_x, "%ctaid.y": ctaid_y, "%tid.x": tid_x, "%tid.y": tid_y}
    spaces = {"kernel_param_0": parameters, **(constants or {})}
    threads = Threads(
        kernel, memory, spaces, registers, block[0] * block[1], Shared(grid[0] * grid[1] if shared else 0, shared)
    )
    threads.run()
    return threads.executed

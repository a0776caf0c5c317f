"""A stand-in for `cuda.bindings.driver`: its documented calls, on host memory, with kernels run by `ptx_machine`.

It is strict where the driver is: a call without a current context, a handle that was freed, a size that does not fit,
an address outside its block are errors. Work in a stream is done when someone waits for it, not before. `fail` makes
a call go wrong; `calls` is what was called; `alive` is what was not given back.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import types
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np
import pytest

import ptx_machine

HANDLE_BYTES = 64


class CUresult(IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_INVALID_VALUE = 1
    CUDA_ERROR_OUT_OF_MEMORY = 2
    CUDA_ERROR_NO_DEVICE = 100
    CUDA_ERROR_INVALID_CONTEXT = 201
    CUDA_ERROR_INVALID_PTX = 218
    CUDA_ERROR_INVALID_HANDLE = 400
    CUDA_ERROR_NOT_FOUND = 500
    CUDA_ERROR_ILLEGAL_ADDRESS = 700
    CUDA_ERROR_LAUNCH_TIMEOUT = 702
    CUDA_ERROR_LAUNCH_FAILED = 719
    CUDA_ERROR_SYSTEM_DRIVER_MISMATCH = 803
    CUDA_ERROR_UNKNOWN = 999


class CUdevice_attribute(IntEnum):
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76


class CUjit_option(IntEnum):
    CU_JIT_ERROR_LOG_BUFFER = 5
    CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6


class CUfunction_attribute(IntEnum):
    CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8


class CUjitInputType(IntEnum):
    CU_JIT_INPUT_PTX = 1


OK = CUresult.CUDA_SUCCESS
ELF = b"\x7fELF"  # how machine code begins
GONE = CUresult.CUDA_ERROR_ILLEGAL_ADDRESS
# Calls that need no current context.
FREE = {
    "cuInit", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName", "cuDeviceGetAttribute", "cuDriverGetVersion",
    "cuGetErrorString", "cuGetErrorName", "cuDevicePrimaryCtxRetain", "cuDevicePrimaryCtxRelease", "cuCtxPushCurrent",
}  # fmt: skip


class IpcHandle:
    def __init__(self, address: int) -> None:
        self._block = (ctypes.c_uint8 * HANDLE_BYTES)(*address.to_bytes(8, "little"))

    def getPtr(self) -> int:
        return ctypes.addressof(self._block)


class FakeDriver:
    """One driver. cards: (name, major, minor); fail: call -> error code, or a function that gives one."""

    CUresult, CUdevice_attribute = CUresult, CUdevice_attribute
    CUjit_option, CUjitInputType, CUfunction_attribute = CUjit_option, CUjitInputType, CUfunction_attribute

    def __init__(self, cards: list[tuple[str, int, int]] | None = None) -> None:
        self.cards = [("NVIDIA Fake", 9, 0)] if cards is None else cards
        self.fail: dict[str, int | Callable[[], int]] = {}
        self.calls: list[str] = []
        self.alive: dict[int, tuple[str, Any]] = {}
        self.memory = ptx_machine.Memory()
        self.stacks: dict[int, list[int]] = {}
        self.lost = OK
        self.retained = 0
        self.queue: list[tuple[Any, Callable[[], None]]] = []
        self.launches: list[bytes] = []
        self.shared: dict[int, int] = {}  # what functions may have, where it was raised
        self.second = 1e12  # threads' instructions that the card does in a second
        self.clock, self.moments = 0.0, dict[int, float]()
        self.executed: dict[str, int] = {}
        self._next = 0x7F00_0000_0000
        self._parsed: dict[bytes, ptx_machine.Kernel] = {}

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if not name.startswith("cu") or not callable(found):
            return found

        def call(*arguments: Any) -> tuple[Any, ...]:
            self.calls.append(name)
            error = self.fail.get(name, 0)
            code = error() if callable(error) else error
            if not code and name not in FREE and not self.stacks.get(threading.get_ident()):
                code = CUresult.CUDA_ERROR_INVALID_CONTEXT
            if not code and self.lost and name not in FREE and name != "cuCtxPopCurrent":
                code = self.lost
            if code:
                if code in (700, 719, 999):
                    self.lost = code
                return (code, None) if name in GIVES else (code,)
            given = found(*arguments)
            return given if isinstance(given, tuple) else (given,) if isinstance(given, CUresult) else (OK, given)

        return call

    # --- start

    def cuInit(self, flags: int) -> CUresult:
        assert flags == 0
        return OK if self.cards else CUresult.CUDA_ERROR_NO_DEVICE

    def cuGetErrorString(self, error: CUresult) -> bytes:
        return error.name.removeprefix("CUDA_ERROR_").replace("_", " ").lower().encode()

    def cuGetErrorName(self, error: CUresult) -> bytes:
        return error.name.encode()

    def cuDeviceGetCount(self) -> int:
        return len(self.cards)

    def cuDeviceGet(self, index: int) -> int:
        return index

    def cuDeviceGetName(self, length: int, device: int) -> bytes:
        return self.cards[device][0].encode().ljust(length, b"\0")

    def cuDeviceGetAttribute(self, attribute: CUdevice_attribute, device: int) -> int:
        return self.cards[device][1 if attribute.name.endswith("MAJOR") else 2]

    def cuDriverGetVersion(self) -> int:
        return 12040

    def cuDevicePrimaryCtxRetain(self, device: int) -> int:
        self.retained += 1
        return 0xC0 + device

    def cuDevicePrimaryCtxRelease(self, device: int) -> CUresult:
        self.retained -= 1
        return OK

    def cuCtxPushCurrent(self, context: int) -> CUresult:
        self.stacks.setdefault(threading.get_ident(), []).append(context)
        return OK

    def cuCtxPopCurrent(self) -> int:
        return self.stacks[threading.get_ident()].pop()

    # --- things

    def _new(self, kind: str, thing: Any, size: int = 64) -> int:
        handle = self._next
        self._next += (size + 0x1FFF) & ~0xFFF  # never two blocks side by side
        self.alive[handle] = (kind, thing)
        return handle

    def _drop(self, kind: str, handle: int) -> CUresult:
        self._work()
        if self.alive.get(handle, ("", None))[0] != kind:
            return CUresult.CUDA_ERROR_INVALID_VALUE
        del self.alive[handle]
        self.memory.blocks.pop(handle, None)
        return OK

    def cuMemAlloc(self, size: int) -> int:
        assert size > 0
        block = np.full(size, 0xA5, np.uint8)
        address = self._new("memory", block, size)
        self.memory.blocks[address] = block
        return address

    def cuMemFree(self, address: int) -> CUresult:
        return self._drop("memory", address)

    def cuMemHostAlloc(self, size: int, flags: int) -> int:
        block = (ctypes.c_uint8 * size)()
        self.alive[ctypes.addressof(block)] = ("host", block)
        return ctypes.addressof(block)

    def cuMemFreeHost(self, address: int) -> CUresult:
        return self._drop("host", address)

    def cuStreamCreate(self, flags: int) -> int:
        return self._new("stream", flags)

    def cuStreamDestroy(self, stream: int) -> CUresult:
        return self._drop("stream", stream)

    def cuEventCreate(self, flags: int) -> int:
        return self._new("event", flags)

    def cuEventDestroy(self, event: int) -> CUresult:
        return self._drop("event", event)

    def cuLinkCreate(self, count: int, options: Any, values: Any) -> int:
        assert count == len(options) == len(values)
        return self._new("linker", [values[0], None])

    def cuLinkAddData(
        self, linker: int, kind: int, data: bytes, size: int, name: bytes, count: int, options: Any, values: Any
    ) -> CUresult:
        assert (int(kind), size, count) == (1, len(data), 0)
        assert data.endswith(b"\0")
        parts = self.alive[linker][1]
        try:
            self._parsed[data] = self._parsed.get(data) or ptx_machine.parse(data.decode())
        except ValueError as error:
            said = f"ptxas fatal : {error}".encode() + b"\0"
            parts[0][: len(said)] = said
            return CUresult.CUDA_ERROR_INVALID_PTX
        parts[1] = ctypes.create_string_buffer(ELF + data)
        return OK

    def cuLinkComplete(self, linker: int) -> Any:
        code = self.alive[linker][1][1]
        return OK, ctypes.addressof(code), len(code)

    def cuLinkDestroy(self, linker: int) -> CUresult:
        return self._drop("linker", linker)

    def cuModuleLoadData(self, image: bytes) -> Any:
        assert image.startswith(ELF)
        kernel = self._parsed[image.removeprefix(ELF).rstrip(b"\0") + b"\0"]
        spaces = {name: self.cuMemAlloc(size)[1] for name, size in kernel.constants.items()}
        return self._new("module", (kernel, spaces))

    def cuModuleUnload(self, module: int) -> CUresult:
        for address in self.alive[module][1][1].values():
            self._drop("memory", address)
        return self._drop("module", module)

    def cuModuleGetFunction(self, module: int, name: bytes) -> Any:
        return module if name == b"kernel" else (CUresult.CUDA_ERROR_NOT_FOUND, None)

    def cuFuncSetAttribute(self, function: int, attribute: CUfunction_attribute, value: int) -> CUresult:
        assert attribute == CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        if value > 99 << 10:  # of the smallest of the cards that have matrix units
            return CUresult.CUDA_ERROR_INVALID_VALUE
        self.shared[function] = value
        return OK

    def cuModuleGetGlobal(self, module: int, name: bytes) -> Any:
        address = self.alive[module][1][1][name.decode()]
        return OK, address, self.memory.blocks[address].size

    # --- work

    def cuMemcpyHtoDAsync(self, device: int, host: int, size: int, stream: int) -> CUresult:
        kept = ctypes.string_at(host, size)  # pageable memory is read before the call returns

        def send() -> None:
            base, block = self.memory.find(device, size)
            block[device - base : device - base + size] = np.frombuffer(kept, np.uint8)

        self.queue.append((stream, send))
        return OK

    def cuMemcpyDtoDAsync(self, to: int, source: int, size: int, stream: int) -> CUresult:
        def copy() -> None:
            (a, block), (b, old) = self.memory.find(to, size), self.memory.find(source, size)
            block[to - a : to - a + size] = old[source - b : source - b + size]

        self.queue.append((stream, copy))
        return OK

    def cuMemsetD8Async(self, device: int, value: int, size: int, stream: int) -> CUresult:
        def fill() -> None:
            base, block = self.memory.find(device, size)
            block[device - base : device - base + size] = value

        self.queue.append((stream, fill))
        return OK

    def cuMemcpyDtoHAsync(self, host: int, device: int, size: int, stream: int) -> CUresult:
        kind, block = self.alive[host]
        assert kind == "host"
        assert ctypes.sizeof(block) >= size
        self.queue.append((stream, lambda: ctypes.memmove(host, self.memory.find(device, size)[1].ctypes.data, size)))
        return OK

    def cuLaunchKernel(
        self, function: int, across: int, down: int, deep: int, x: int, y: int, z: int, shared: int, stream: int,
        arguments: int, extra: int,
    ) -> CUresult:  # fmt: skip
        assert (deep, z, extra) == (1, 1, 0)
        if shared > self.shared.get(function, 48 << 10):
            return CUresult.CUDA_ERROR_INVALID_VALUE
        assert self.alive[stream][0] == "stream"
        kernel, spaces = self.alive[function][1]
        block = ctypes.string_at(ctypes.c_void_p.from_address(arguments).value or 0, kernel.parameter_bytes)
        self.launches.append(block)

        def draw() -> None:
            constants = {name: self.memory.blocks[address] for name, address in spaces.items()}
            parameters = np.frombuffer(block, np.uint8)
            try:
                self.executed = ptx_machine.launch(
                    kernel, self.memory, parameters, (across, down), (x, y), constants, shared
                )
                self.clock += sum(self.executed.values()) * across * down * x * y / self.second
            except ptx_machine.Fault as fault:
                self.lost, self.fault = GONE, fault

        self.queue.append((stream, draw))
        return OK

    def cuEventRecord(self, event: int, stream: int) -> CUresult:
        assert self.alive[event][0] == "event"
        self.queue.append((stream, lambda: self.moments.__setitem__(event, self.clock)))
        return OK

    def cuEventElapsedTime(self, first: int, last: int) -> float:
        assert not self.queue or not {first, last} - set(self.moments), "an event that is not over"
        return 1e3 * (self.moments[last] - self.moments[first])

    def cuEventSynchronize(self, event: int) -> CUresult:
        self._work()
        return CUresult(self.lost)

    def cuStreamSynchronize(self, stream: int) -> CUresult:
        self._work()
        return CUresult(self.lost)

    def _work(self) -> None:
        while self.queue and not self.lost:
            self.queue.pop(0)[1]()

    def cuIpcGetMemHandle(self, address: int) -> IpcHandle:
        assert self.alive[address][0] == "memory"
        return IpcHandle(address)

    # --- what tests ask

    def left(self) -> dict[str, int]:
        """What is alive, counted by kind."""
        kinds = [kind for kind, _ in self.alive.values()]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


GIVES = {name for name in vars(FakeDriver) if name.startswith("cu")} - {
    name for name, f in vars(FakeDriver).items() if getattr(f, "__annotations__", {}).get("return") == "CUresult"
}


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    """Morphogen finds this driver instead of the machine's."""
    monkeypatch.delenv("MORPHOGEN_GPU", raising=False)
    driver = FakeDriver()
    install(monkeypatch, driver)
    return driver


def install(monkeypatch: pytest.MonkeyPatch, driver: Any) -> None:
    package, inner = types.ModuleType("cuda"), types.ModuleType("cuda.bindings")
    inner.driver = driver  # type: ignore[attr-defined]
    package.bindings = inner  # type: ignore[attr-defined]
    for name, module in (("cuda", package), ("cuda.bindings", inner), ("cuda.bindings.driver", driver)):
        monkeypatch.setitem(sys.modules, name, module)

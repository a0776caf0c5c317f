"""One NVIDIA card through its driver: context, memory, events, modules. The only module that knows cuda-bindings.

What is on the card is held by Python objects: it goes with its last reference, or with the card, whichever is first.
The context is the device's primary one, shared with whatever else this process runs on the card (torch, for one).
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import RenderError, Unavailable, UsageError

WITHOUT = "--backend cpu draws without a card."
OUT_OF_MEMORY = 2
# After these nothing works in this context any more: driver shut down, devices unavailable, invalid context, ECC,
# NVLink, contained; illegal address, timeout, context destroyed, assert, stack, instruction, misaligned, address space,
# program counter, launch failed, unknown.
LOST = {4, 46, 201, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 999}
_BLOCKING, _NO_TIMING = 1, 2  # of an event: the waiter sleeps; its time is not kept
_NON_BLOCKING = 1  # of a stream: does not wait for the default one
_LOG_BYTES = 4096


class CardLost(RenderError):
    """The card's context is gone for good; the backend has closed itself."""


def bindings() -> Any:
    """`cuda.bindings.driver`, initialised. Raises Unavailable with a cure."""
    try:
        from cuda.bindings import driver
    except ImportError as error:
        raise Unavailable(
            f"The CUDA backend needs cuda-bindings ({error}).", 'Install it: pip install "morphogen[cuda]".'
        ) from None
    try:
        (result,) = driver.cuInit(0)
    except RuntimeError as error:  # cuda-bindings finds no libcuda.so.1 or nvcuda.dll
        reason = str(error).splitlines()[0].split(". ")[0]
        raise Unavailable(
            f"There is no NVIDIA driver here ({reason}).",
            f"Install NVIDIA's driver for your card, or do without: {WITHOUT}",
        ) from None
    if int(result) == 100:
        raise Unavailable("The NVIDIA driver finds no card.", f"Look at nvidia-smi, or do without: {WITHOUT}")
    if int(result):
        raise Unavailable(
            f"The NVIDIA driver does not start: {_said(driver, int(result))}.",
            f"Restart after an update of the driver (nvidia-smi says the same), or do without: {WITHOUT}",
        )
    return driver


def _said(api: Any, code: int) -> str:
    """'an illegal memory access was encountered (CUDA_ERROR_ILLEGAL_ADDRESS)'."""
    try:
        error = api.CUresult(code)
        texts = [ask(error)[1] for ask in (api.cuGetErrorString, api.cuGetErrorName)]
        text, name = (t.decode() if isinstance(t, bytes) else str(t) for t in texts)
    except ValueError:  # an error that these bindings do not know yet
        return f"error {code}"
    return f"{text} ({name})"


class Held:
    """Something of the driver's. handle: as the bindings gave it; size: bytes of the card's memory."""

    def __init__(self, card: Card, handle: Any, free: str, size: int = 0) -> None:
        self.handle = handle
        self.size = size
        self.release = weakref.finalize(self, card.free, free, handle)
        self.release.atexit = False  # the driver clears up behind a process that ends
        card.hold(self)


class Memory(Held):
    """`size` bytes on the card, from `address` on."""

    def __init__(self, card: Card, size: int) -> None:
        super().__init__(card, card.call("cuMemAlloc", size), "cuMemFree", size)
        self.address = int(self.handle)


class Staging(Held):
    """Page-locked host memory that the card writes by itself, and the event that says it has. bytes: uint8 (size,)."""

    def __init__(self, card: Card, size: int) -> None:
        super().__init__(card, card.call("cuMemHostAlloc", size, 0), "cuMemFreeHost")
        self.address = int(self.handle)
        self.bytes: NDArray[np.uint8] = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(self.address))
        self.event = Held(card, card.call("cuEventCreate", _BLOCKING | _NO_TIMING), "cuEventDestroy")


class Card:
    """The card that MORPHOGEN_GPU names by its number (else the first). `with card:` makes it this thread's; every
    `call` happens inside. Any thread. Raises Unavailable, UsageError."""

    def __init__(self) -> None:
        self.api = bindings()
        self._held: weakref.WeakSet[Held] = weakref.WeakSet()
        self._lock = threading.Lock()
        self.name, self.lost, self.is_open = "NVIDIA card", False, True
        count = self.call("cuDeviceGetCount")
        self.index = _chosen(count)
        self.device = self.call("cuDeviceGet", self.index)
        self.name = self.call("cuDeviceGetName", 128, self.device).split(b"\0")[0].decode()
        kind = self.api.CUdevice_attribute
        self.capability: tuple[int, int] = (
            self.call("cuDeviceGetAttribute", kind.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, self.device),
            self.call("cuDeviceGetAttribute", kind.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, self.device),
        )
        if self.capability < (6, 0):
            raise Unavailable(f"{self.name} is older than the Pascal cards of 2016 (GTX 10).", f"{WITHOUT}")
        version = self.call("cuDriverGetVersion")
        self.driver = f"CUDA {version // 1000}.{version % 1000 // 10}"
        self._context = self.call("cuDevicePrimaryCtxRetain", self.device)
        try:
            with self:
                self._stream = Held(self, self.call("cuStreamCreate", _NON_BLOCKING), "cuStreamDestroy")
        except RenderError:
            self.api.cuDevicePrimaryCtxRelease(self.device)
            raise
        self.stream = self._stream.handle

    @property
    def held(self) -> list[Held]:
        """What is alive."""
        with self._lock:
            return list(self._held)

    def hold(self, held: Held) -> None:
        """Called by `Held` itself."""
        with self._lock:
            self._held.add(held)

    @property
    def memory(self) -> int:
        """Bytes of the card's memory that are ours."""
        return sum(held.size for held in self.held)

    def call(self, name: str, *arguments: Any) -> Any:
        """A function of the driver; returns its value or values. Raises RenderError with the driver's words, CardLost
        when the context is gone."""
        result, *values = getattr(self.api, name)(*arguments)
        if int(result):
            raise self._error(name, int(result))
        return values[0] if len(values) == 1 else tuple(values)

    def _error(self, name: str, code: int) -> RenderError:
        message = f"{self.name} failed in {name}: {_said(self.api, code)}."
        if code in LOST:
            self.lost = True
            return CardLost(message, f"Start again, or go on without it: {WITHOUT}")
        cure = "Make outputs smaller or fewer." if code == OUT_OF_MEMORY else WITHOUT
        return RenderError(message, cure)

    def compiled(self, text: str) -> bytes:
        """PTX to this card's machine code, 0.2 s of the driver's compiler. By its linker, which lets other threads draw
        meanwhile: cuModuleLoadDataEx holds the context all the time (H100, driver 580: launches waited 225 ms, with the
        linker 0.1 ms). Raises RenderError with the compiler's words."""
        option = self.api.CUjit_option
        log, data = bytearray(_LOG_BYTES), text.encode() + b"\0"
        names = (option.CU_JIT_ERROR_LOG_BUFFER, option.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
        linker = self.call("cuLinkCreate", 2, names, (log, _LOG_BYTES))
        try:
            ptx = self.api.CUjitInputType.CU_JIT_INPUT_PTX
            self.call("cuLinkAddData", linker, ptx, data, len(data), b"kernel", 0, (), ())
            address, size = self.call("cuLinkComplete", linker)
            return ctypes.string_at(address, size)
        except RenderError as error:
            said = log.split(b"\0")[0].decode(errors="replace").strip().splitlines()
            error.message += f" {said[0][:300]}" if said else ""
            raise
        finally:
            self.api.cuLinkDestroy(linker)

    def module(self, code: bytes) -> Held:
        """What `compiled` gave, on the card; 0.1 ms. Raises RenderError."""
        return Held(self, self.call("cuModuleLoadData", code), "cuModuleUnload")

    def free(self, name: str, handle: Any) -> None:
        """Give one thing back; whatever the driver says to it. Any thread."""
        if self.is_open:
            self.api.cuCtxPushCurrent(self._context)
            getattr(self.api, name)(handle)
            self.api.cuCtxPopCurrent()

    def close(self) -> None:
        """Wait for what runs, give everything back. Idempotent."""
        if not self.is_open:
            return
        self.api.cuCtxPushCurrent(self._context)
        self.api.cuStreamSynchronize(self.stream)
        self.api.cuCtxPopCurrent()
        for held in sorted(self.held, key=lambda held: held is self._stream):  # the stream last
            held.release()
        self.is_open = False
        self.api.cuDevicePrimaryCtxRelease(self.device)

    def __enter__(self) -> Card:
        self.call("cuCtxPushCurrent", self._context)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.api.cuCtxPopCurrent()


def _chosen(count: int) -> int:
    """Which of `count` cards. Raises Unavailable, UsageError."""
    if count == 0:
        raise Unavailable("The NVIDIA driver finds no card.", f"Look at nvidia-smi, or do without: {WITHOUT}")
    wish = os.environ.get("MORPHOGEN_GPU", "0") or "0"
    if not wish.isdecimal() or int(wish) >= count:
        raise UsageError(f"MORPHOGEN_GPU={wish} names no card.", f"Cards count from 0; here are {count}.")
    return int(wish)

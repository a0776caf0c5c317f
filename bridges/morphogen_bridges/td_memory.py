"""TouchDesigner's shared memory on Windows, as its Shared Mem In TOP reads it: names, layouts, locks.

Written from the facts of the headers that come with TouchDesigner (Samples/SharedMem; they may be used with it only,
so none of their text is here). For a memory called NAME there are

    TouchSHM<NAME><postfix>                picture: header, then rows without padding, the bottom one first
    TouchSHM<NAME>Mutex                    its lock, whatever the postfix
    TouchSHMTouchSHM<NAME>4jhd783h         info, 76 bytes: postfix, whether a receiver knows of it, whether we are gone
    TouchSHMTouchSHM<NAME>4jhd783hMutex    its lock
    TouchSHM<NAME>4jhd783h (and Mutex)     info once more: senders of others name it so, and both are said to be read

A mapping cannot grow while anybody has it open. So a larger picture goes to a new one with another postfix of 31
letters, which the info names; receivers follow at their next picture. Where no receiver said that it follows, the old
one is given up and made again. A receiver waits 5 s for a lock that is held: every lock here ends in a `finally`, and
the picture is copied inside (0.7 ms for 1080p).
"""

from __future__ import annotations

import mmap
import random
import string
import struct
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import Unavailable
from morphogen.frame import PixelFormat, TargetSpec

PREFIX, INFO_SUFFIX, LOCK_SUFFIX = "TouchSHM", "4jhd783h", "Mutex"
INFO = struct.Struct("<II?x64s?x")
INFO_MAGIC, INFO_VERSION = 0x56ED34BA, 2
SUPPORTED_AT, POSTFIX_AT, DETACH_AT = 8, 10, 74
POSTFIX_LETTERS = 31
LOCK_MS = 100  # a copy of a 4K picture takes 4 ms; a receiver that holds on longer costs a picture, not the show
FREE, ABANDONED, BUSY = 0, 0x80, 0x102
ALREADY_EXISTS = 183

_OLD = struct.Struct("<IIiiffiiii")  # TouchDesigner up to 2021: OpenGL's numbers
_NOW = struct.Struct("<IIiiffI4xqi4x")
_LATEST = struct.Struct("<IIiiffI4xqiII4x")  # 2025: colour space told
LAYOUTS = {"2021": _OLD, "1": _NOW, "2": _LATEST}
_GL = {PixelFormat.RGBA8: (0x1908, 0x1401, 0x8058), PixelFormat.BGRA8: (0x80E1, 0x1401, 0x8058)}
_VULKAN = {PixelFormat.RGBA8: 37, PixelFormat.BGRA8: 44}
_REC709, _SRGB = 2, 1


def header(layout: str, spec: TargetSpec) -> bytes:
    """What lies before the pixels. layout: '2021', '1' or '2'. Aspect 1:1, sRGB."""
    size = LAYOUTS[layout].size
    begin = (spec.width, spec.height, 1.0, 1.0)
    if layout == "2021":
        return _OLD.pack(0xE95DF673, 2, *begin, *_GL[spec.format], size)
    told = (*begin, _VULKAN[spec.format], spec.pixel_bytes, size)
    return _NOW.pack(0xD95EF835, 1, *told) if layout == "1" else _LATEST.pack(0xD95EF835, 2, *told, _REC709, _SRGB)


class Kernel(Protocol):
    """The calls of kernel32 that locks need, as ctypes offers them."""

    def CreateMutexW(self, security: None, owned: bool, name: str) -> int | None: ...  # noqa: N802
    def WaitForSingleObject(self, handle: int, milliseconds: int) -> int: ...  # noqa: N802
    def ReleaseMutex(self, handle: int) -> int: ...  # noqa: N802
    def CloseHandle(self, handle: int) -> int: ...  # noqa: N802
    def last_error(self) -> int: ...


def kernel32() -> Kernel:
    """Windows' own. Raises Unavailable elsewhere."""
    if sys.platform == "win32":
        import ctypes
        from ctypes import wintypes

        library: Any = ctypes.WinDLL("kernel32", use_last_error=True)
        library.CreateMutexW.argtypes = [wintypes.LPVOID, wintypes.BOOL, wintypes.LPCWSTR]
        library.CreateMutexW.restype = wintypes.HANDLE
        library.WaitForSingleObject.argtypes = [wintypes.HANDLE, wintypes.DWORD]
        library.WaitForSingleObject.restype = wintypes.DWORD
        library.ReleaseMutex.argtypes = library.CloseHandle.argtypes = [wintypes.HANDLE]
        library.last_error = ctypes.get_last_error
        return library  # type: ignore[no-any-return]
    raise Unavailable(
        "TouchDesigner's shared memory is written on Windows only.",
        "Here: --out shm with the Script TOP of td_project, or --out ndi.",
    )


def named_memory(name: str, size: int) -> mmap.mmap:
    """Named memory of Windows, made of zeros if nobody has it. Raises OSError where it is there and smaller."""
    if sys.platform == "win32":
        return mmap.mmap(-1, size, tagname=name)
    raise Unavailable("named shared memory works on Windows only.", "Use --out shm.")


class Lock:
    """A mutex by name, taken and given back by one thread. Raises OSError where Windows refuses it."""

    def __init__(self, kernel: Kernel, name: str, alone: bool = False) -> None:
        """alone: nobody else may have made it. Raises FileExistsError then."""
        self._kernel = kernel
        self._handle = kernel.CreateMutexW(None, False, name)
        error = kernel.last_error()
        if not self._handle:
            raise OSError(error, f"CreateMutexW {name}: error {error}")
        if alone and error == ALREADY_EXISTS:
            self.close()
            raise FileExistsError(name)

    @contextmanager
    def held(self, milliseconds: int = LOCK_MS) -> Iterator[bool]:
        """True inside: it is ours (also after its last owner died with it). False: another held on too long."""
        assert self._handle
        state = self._kernel.WaitForSingleObject(self._handle, milliseconds)
        if state not in (FREE, ABANDONED, BUSY):
            raise OSError(self._kernel.last_error(), f"waiting for a lock failed ({state:#x})")
        try:
            yield state != BUSY
        finally:
            if state != BUSY:
                self._kernel.ReleaseMutex(self._handle)

    def close(self) -> None:
        """Idempotent."""
        handle, self._handle = self._handle, None
        if handle:
            self._kernel.CloseHandle(handle)


class Info:
    """One info memory and its lock."""

    def __init__(self, kernel: Kernel, name: str) -> None:
        self.lock = Lock(kernel, name + LOCK_SUFFIX)
        try:
            self._memory = named_memory(name, INFO.size)
        except BaseException:
            self.lock.close()
            raise

    def begin(self, postfix: str) -> None:
        """We are the sender from now on, whatever a dead one left."""
        with self.lock.held(1000):
            self._memory[: INFO.size] = INFO.pack(INFO_MAGIC, INFO_VERSION, False, _wide(postfix), False)

    @property
    def followed(self) -> bool:
        """Whether a receiver said that it looks here for the postfix."""
        return self._memory[SUPPORTED_AT] != 0

    def move(self, postfix: str) -> None:
        """The picture has another name."""
        with self.lock.held(1000):
            self._memory[POSTFIX_AT : POSTFIX_AT + 64] = _wide(postfix)

    def end(self) -> None:
        """Tell receivers to let go, and let go."""
        try:
            with self.lock.held(1000):
                self._memory[DETACH_AT] = 1
        finally:
            self._memory.close()
            self.lock.close()


def _wide(postfix: str) -> bytes:
    return postfix.encode("utf-16-le").ljust(64, b"\0")


class TouchMemory:
    """A named picture that this process writes. Any one thread at a time. Raises Unavailable, OSError.

    everywhere: for all sessions of this machine (the TOP's `Global`), which Windows allows to services and
    administrators.
    """

    def __init__(self, kernel: Kernel, name: str, size: int, everywhere: bool = False) -> None:
        base = "Global\\" if everywhere else ""
        self.name = f"{base}{PREFIX}{name}"
        self.postfix = ""
        self.remade = 0
        self._letters = random.Random()
        self._infos: list[Info] = []
        self._memory: Any = None
        self._open = ExitStack()  # takes everything back in reverse order, whatever one step raises
        try:
            alone = Lock(kernel, f"{base}Morphogen{PREFIX}{name}", alone=True)
            self._open.callback(alone.close)
            self._lock = Lock(kernel, self.name + LOCK_SUFFIX)
            self._open.callback(self._lock.close)
            self._open.callback(self._let_go)
            for called in (f"{base}{PREFIX}{PREFIX}{name}{INFO_SUFFIX}", f"{base}{PREFIX}{name}{INFO_SUFFIX}"):
                info = Info(kernel, called)
                self._open.callback(info.end)
                self._infos.append(info)
            self._reserve(size, followed=False)
            for info in self._infos:
                info.begin(self.postfix)
        except FileExistsError as error:
            self.close()
            raise Unavailable(
                f"shared memory {name} is written by another output already.", "Give this one a name=... of its own."
            ) from error
        except BaseException:
            self.close()
            raise

    @property
    def capacity(self) -> int:
        """Bytes of header and pixels that fit."""
        return len(self._memory) if self._memory is not None else 0

    def write(self, head: bytes, rows: NDArray[np.uint8]) -> bool:
        """Header and rows (height, row bytes) under the lock; a larger mapping first where they do not fit. False: a
        receiver held on to the picture for LOCK_MS."""
        need = len(head) + rows.nbytes
        with self._lock.held() as ours:
            if not ours:
                return False
            if need > self.capacity:
                self._reserve(need, any(info.followed for info in self._infos))
                for info in self._infos:
                    info.move(self.postfix)
            self._memory[: len(head)] = head
            # Not a slice of the mapping: that would keep the interpreter's lock for the whole copy.
            np.copyto(np.frombuffer(self._memory, np.uint8, rows.nbytes, len(head)).reshape(rows.shape), rows)
        return True

    def _reserve(self, size: int, followed: bool) -> None:
        """Memory of `size` bytes: under the old name unless somebody has that open."""
        self._let_go()
        names = [] if followed else [self.postfix]
        names += ["".join(self._letters.choices(string.ascii_letters, k=POSTFIX_LETTERS)) for _ in range(8)]
        for postfix in names:
            with suppress(OSError):
                self._memory = named_memory(self.name + postfix, size)
                self.postfix = postfix
                self.remade += 1
                return
        raise Unavailable(f"Windows gives no {size} bytes of shared memory.", "Choose a smaller size.")

    def _let_go(self) -> None:
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.close()

    def close(self) -> None:
        """Tell receivers and free every name; idempotent. What went wrong comes out when all is done."""
        self._infos = []
        self._open.close()

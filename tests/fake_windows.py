"""Stand-ins for the parts of Windows that shared memory, locks and the choice of a graphics card need.

Facts and their sources (Microsoft's documentation of CreateFileMapping, CreateMutexW, WaitForSingleObject,
ReleaseMutex, CloseHandle, RegSetValueEx, IDXGIFactory1, IDXGIAdapter1; CPython's Modules/mmapmodule.c, PC/winreg.c):

- named memory that is there already keeps its size: a larger view is refused (ERROR_ACCESS_DENIED), a smaller one sees
  the same bytes; the name goes with the last view; `mmap.close` raises BufferError while an array still looks into it;
- a mutex belongs to the thread that waited for it; only that one may release it, as often as it waited; when the thread
  ends without doing so, the next to wait gets WAIT_ABANDONED (0x80) and owns it; CreateMutexW of a name that is there
  succeeds and leaves ERROR_ALREADY_EXISTS (183); handles are closed once;
- ctypes takes these functions' arguments by position;
- registry values have names in any capitals; a key opened for reading cannot be written.

What a real machine would answer with a silent fault (a lock that is never given back, a handle closed twice) is kept
in `offences`; tests want that empty.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import struct
import tempfile
import threading
import time
import types
from typing import Any

import numpy as np

from morphogen_bridges.windows_gpu import Description


class Windows:
    """One pretended computer's kernel objects. `kernel` and `memory` stand for kernel32 and mmap with a tagname."""

    def __init__(self) -> None:
        self.offences: list[str] = []
        self.memories: dict[str, _Memory] = {}
        self.mutexes: dict[str, _Mutex] = {}
        self.handles: dict[int, _Mutex] = {}
        self.changed = threading.Condition()
        self._numbers = itertools.count(4, 4)
        self._error = threading.local()
        # what a test may break
        self.refuses: set[str] = set()
        self.faults: list[Exception] = []

    def offend(self, text: str) -> None:
        self.offences.append(text)
        raise AssertionError(text)

    def left(self) -> dict[str, int]:
        owned = sum(mutex.owner is not None for mutex in self.mutexes.values())
        counts = {"memories": len(self.memories), "handles": len(self.handles), "locked": owned}
        return {kind: count for kind, count in counts.items() if count}

    # --- mmap.mmap(-1, size, tagname=name)

    def memory(self, name: str, size: int) -> mmap.mmap:
        if not 0 < len(name) < 260 or size <= 0:
            raise OSError(22, "Invalid argument")
        found = self.memories.get(name)
        if found is not None and size > found.size:
            raise PermissionError(13, "Access is denied")
        if found is None:
            found = self.memories[name] = _Memory(name, size)
        return Mapping(self, found, size)

    # --- kernel32

    def CreateMutexW(self, security: Any, owned: Any, name: str, /) -> int | None:
        if security is not None or owned is not False or not isinstance(name, str):
            raise ctypes.ArgumentError("CreateMutexW")
        if name in self.refuses:
            self._error.value = 5
            return None
        self._error.value = 183 if name in self.mutexes else 0
        mutex = self.mutexes.setdefault(name, _Mutex(name))
        mutex.references += 1
        handle = next(self._numbers)
        self.handles[handle] = mutex
        return handle

    def last_error(self) -> int:
        return getattr(self._error, "value", 0)

    def WaitForSingleObject(self, handle: int, milliseconds: int, /) -> int:
        mutex = self._of(handle)
        if self.faults:
            raise self.faults.pop(0)
        me = threading.current_thread()
        with self.changed:
            deadline = time.monotonic() + milliseconds / 1000
            while mutex.owner not in (None, me) and mutex.owner.is_alive():
                if not self.changed.wait(max(deadline - time.monotonic(), 0)) and time.monotonic() >= deadline:
                    return 0x102
            abandoned = mutex.owner not in (None, me)
            mutex.owner = me
            mutex.depth = 1 if abandoned else mutex.depth + 1
            return 0x80 if abandoned else 0

    def ReleaseMutex(self, handle: int, /) -> int:
        mutex = self._of(handle)
        with self.changed:
            if mutex.owner is not threading.current_thread():
                self.offend(f"{mutex.name} was released by a thread that does not have it")
            mutex.depth -= 1
            if not mutex.depth:
                mutex.owner = None
            self.changed.notify_all()
        return 1

    def CloseHandle(self, handle: int, /) -> int:
        mutex = self._of(handle)
        del self.handles[handle]
        mutex.references -= 1
        if not mutex.references:
            if mutex.owner is not None:
                self.offend(f"{mutex.name} was closed while it is held")
            del self.mutexes[mutex.name]
        return 1

    def _of(self, handle: int) -> _Mutex:
        if handle not in self.handles:
            self.offend(f"handle {handle} is not open")
        return self.handles[handle]


class _Memory:
    def __init__(self, name: str, size: int) -> None:
        self.name, self.size, self.views = name, size, 0
        self.file = tempfile.TemporaryFile()  # noqa: SIM115  closed with the last view
        self.file.truncate(size)


class _Mutex:
    def __init__(self, name: str) -> None:
        self.name = name
        self.references = self.depth = 0
        self.owner: threading.Thread | None = None


class Mapping(mmap.mmap):
    """A view of named memory; the name goes with the last one."""

    def __new__(cls, windows: Windows, memory: _Memory, size: int) -> Mapping:
        self = super().__new__(cls, memory.file.fileno(), size)
        self.windows, self.memory = windows, memory  # type: ignore[attr-defined]
        memory.views += 1
        return self

    def close(self) -> None:
        was_open = not self.closed
        super().close()
        if was_open:
            self.memory.views -= 1  # type: ignore[attr-defined]
            if not self.memory.views:  # type: ignore[attr-defined]
                self.memory.file.close()  # type: ignore[attr-defined]
                del self.windows.memories[self.memory.name]  # type: ignore[attr-defined]


class Touch:
    """What TouchDesigner's Shared Mem In TOP does with a memory, by the facts of its sample headers: it opens the info
    (by either name), says that it follows, takes the postfix, locks, reads the header and the rows, bottom one first.
    """

    def __init__(self, windows: Windows, name: str, info: str = "TouchSHMTouchSHM{}4jhd783h", oldest: bool = False):
        self._w, self._base, self._info_name, self._oldest = windows, f"TouchSHM{name}", info.format(name), oldest
        self._lock = windows.CreateMutexW(None, False, f"{self._base}Mutex")
        self._info_lock = windows.CreateMutexW(None, False, f"{self._info_name}Mutex")
        self._info = self._data = None
        self.postfix = "?"
        self.moves = 0

    def picture(self) -> np.ndarray | None:
        """(height, width, 4) RGBA, top row first; None: no sender."""
        if not self._attached():
            return None
        if self._w.WaitForSingleObject(self._lock, 5000) not in (0, 0x80):
            self._w.offend("TouchDesigner waited 5 s for the picture's lock")
        try:
            return self._read()
        finally:
            self._w.ReleaseMutex(self._lock)

    def _attached(self) -> bool:
        if self._info is None:
            if self._info_name not in self._w.memories:
                return False
            self._info = self._w.memory(self._info_name, 76)
        if self._w.WaitForSingleObject(self._info_lock, 5000) not in (0, 0x80):
            self._w.offend("TouchDesigner waited 5 s for the info's lock")
        try:
            magic, version, _, wide, detach = struct.unpack("<II?x64s?x", self._info[:76])
            if (magic, version) != (0x56ED34BA, 2) or detach:
                self._drop()
                return False
            self._info[8] = 1
            postfix = wide.decode("utf-16-le").partition("\0")[0]
        finally:
            self._w.ReleaseMutex(self._info_lock)
        if postfix != self.postfix or self._data is None:
            return self._move(postfix)
        return True

    def _move(self, postfix: str) -> bool:
        if self._data is not None:
            self._data.close()
        self._data = None
        self.postfix = postfix
        self.moves += 1
        found = self._w.memories.get(self._base + postfix)
        if found is not None:
            self._data = self._w.memory(found.name, found.size)
        return found is not None

    def _read(self) -> np.ndarray:
        magic, version, width, height = struct.unpack_from("<IIii", self._data)
        if magic == 0xE95DF673:
            data_format, data_type, pixel_format, offset = struct.unpack_from("<iiii", self._data, 24)
            assert (version, data_type, pixel_format, offset) == (2, 0x1401, 0x8058, 40)
            bgra = {0x1908: False, 0x80E1: True}[data_format]
        else:
            assert magic == 0xD95EF835
            assert not self._oldest, "TouchDesigner 2021 knows its own header only"
            number, size, offset = struct.unpack_from("<I4xqi", self._data, 24)
            assert (size, offset) == (width * height * 4, {1: 48, 2: 56}[version])
            assert version == 1 or struct.unpack_from("<II", self._data, 44) == (2, 1)
            bgra = {37: False, 44: True}[number]
        assert struct.unpack_from("<ff", self._data, 16) == (1.0, 1.0)
        data = bytes(self._data[offset : offset + width * height * 4])
        rows = np.frombuffer(data, np.uint8).reshape(height, width, 4)[::-1]
        return rows[..., [2, 1, 0, 3]] if bgra else rows

    def _drop(self) -> None:
        for view in (self._info, self._data):
            if view is not None:
                view.close()
        self._info = self._data = None
        self.postfix = "?"

    def close(self) -> None:
        self._drop()
        for handle in (self._lock, self._info_lock):
            self._w.CloseHandle(handle)


class Registry(types.ModuleType):
    """winreg with one hive. keys: path -> {name: text}."""

    HKEY_CURRENT_USER, REG_SZ = 0x80000001, 1
    KEY_READ, KEY_WRITE = 0x20019, 0x20006

    def __init__(self, **keys: dict[str, str]) -> None:
        super().__init__("winreg")
        self.keys: dict[str, dict[str, str]] = dict(keys)
        self.open = 0
        self.locked = False

    def OpenKey(self, hive: int, path: str, reserved: int, access: int, /) -> _Key:
        if path not in self.keys:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        return _Key(self, hive, path, access)

    def CreateKeyEx(self, hive: int, path: str, reserved: int, access: int, /) -> _Key:
        if self.locked:
            raise PermissionError(13, "Access is denied")
        self.keys.setdefault(path, {})
        return _Key(self, hive, path, access)

    def QueryInfoKey(self, key: _Key, /) -> tuple[int, int, int]:
        return 0, len(key.values), 0

    def EnumValue(self, key: _Key, index: int, /) -> tuple[str, str, int]:
        return (*list(key.values.items())[index], self.REG_SZ)

    def QueryValueEx(self, key: _Key, name: str, /) -> tuple[str, int]:
        for known, text in key.values.items():
            if known.lower() == name.lower():
                return text, self.REG_SZ
        raise FileNotFoundError(2, "The system cannot find the file specified")

    def SetValueEx(self, key: _Key, name: str, reserved: int, kind: int, text: str, /) -> None:
        if key.access & self.KEY_WRITE != self.KEY_WRITE:
            raise PermissionError(13, "Access is denied")
        if kind != self.REG_SZ or not isinstance(text, str):
            raise TypeError("the value does not fit its kind")
        known = next((k for k in key.values if k.lower() == name.lower()), name)
        key.values[known] = text


class _Key:
    def __init__(self, registry: Registry, hive: int, path: str, access: int) -> None:
        if hive != registry.HKEY_CURRENT_USER:
            raise FileNotFoundError(2, path)
        self._registry, self.access = registry, access
        self.values = registry.keys[path]
        registry.open += 1

    def __enter__(self) -> _Key:
        return self

    def __exit__(self, *_: object) -> None:
        self._registry.open -= 1


class Kernel32:
    """As much of kernel32 as `programs` asks."""

    def __init__(self, path: str) -> None:
        self._path = path

    def GetModuleFileNameW(self, module: None, room: Any, size: int, /) -> int:
        assert module is None
        data = self._path.encode("utf-16-le")
        assert len(data) < 2 * size
        ctypes.memmove(room, data, len(data))
        return len(data) // 2


class Dxgi:
    """dxgi.dll with COM objects as they lie in memory: a pointer to a table of functions. alive: not yet released."""

    def __init__(self, *cards: tuple[str, int, int, int], fails: int = 0) -> None:
        """cards: (name, vendor, own memory in bytes, flags)."""
        self._cards, self._fails, self._keep = cards, fails, []
        self.alive = 0

    def CreateDXGIFactory1(self, identity: Any, room: Any, /) -> int:
        wanted = bytes.fromhex("78ae0a776ff2ba4da829253c83d1b387")
        assert ctypes.string_at(identity, 16) == wanted, "IID_IDXGIFactory1"
        if self._fails:
            return self._fails - (1 << 32)
        return self._hand_out(room, self._factory())

    def _hand_out(self, room: Any, thing: Any) -> int:
        ctypes.memmove(room, ctypes.byref(ctypes.c_void_p(ctypes.addressof(thing))), ctypes.sizeof(ctypes.c_void_p))
        self.alive += 1
        return 0

    def _object(self, methods: dict[int, Any]) -> Any:
        table = (ctypes.c_void_p * 16)()

        def release(this: int) -> int:
            self.alive -= 1
            return 0

        calls = {2: ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p)(release), **methods}
        for place, call in calls.items():
            table[place] = ctypes.cast(call, ctypes.c_void_p).value
        thing = ctypes.c_void_p(ctypes.addressof(table))
        self._keep += [table, calls, thing]
        return thing

    def _factory(self) -> Any:
        kind = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)

        def enumerate_adapters(this: int, index: int, room: int) -> int:
            if index >= len(self._cards):
                return 0x887A0002
            return self._hand_out(room, self._adapter(self._cards[index]))

        return self._object({12: kind(enumerate_adapters)})

    def _adapter(self, card: tuple[str, int, int, int]) -> Any:
        kind = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.POINTER(Description))
        name, vendor, memory, flags = card

        def describe(this: int, room: Any) -> int:
            told = room.contents
            for place, letter in enumerate(name):
                told.name[place] = ord(letter)
            told.vendor, told.own_memory, told.flags = vendor, memory, flags
            return 0

        return self._object({10: kind(describe)})

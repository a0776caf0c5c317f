"""Rings in named memory, on Windows, where a name cannot be handed on while anyone still has it mapped.

So the name `morphogen-<output>` is a pointer: 64 bytes in the form of a ring header with 0 slots, whose `newest` is a
serial number k and whose `slot bytes` are those of the ring. The ring itself is called `morphogen-<output>.<k>`. A new
ring gets the next k, then the pointer moves, then the old ring retires. Who writes is settled by a locked file in the
temporary folder, which Windows unlocks however the process ends. (Only its logic is tested, elsewhere than on Windows.)
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from pathlib import Path

from morphogen.clock import WallClock
from morphogen.errors import Unavailable
from morphogen_bridges.shm_ring import RING, Ring, ring_bytes, ring_header


def _map(name: str, size: int) -> mmap.mmap:
    """The named memory, made of zeros if it is not there yet."""
    if sys.platform == "win32":
        return mmap.mmap(-1, size, tagname=name)
    raise Unavailable("named shared memory works on Windows only.")


def _lock_name(name: str) -> int:
    """A descriptor whose lock says that this process writes `name`; closed by `os.close`. Raises Unavailable."""
    fd = os.open(Path(tempfile.gettempdir()) / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            os.close(fd)
            raise Unavailable(
                f"shared memory {name} is in use by another process.",
                "Give this output a name=... of its own, or end the other.",
            ) from error
    return fd


class NamedRing:
    """A ring that this process writes. Not thread-safe; close with `release`."""

    def __init__(self, name: str, pointer: Ring, ring: Ring, lock: int) -> None:
        self.path = name
        self.ring = ring
        self._pointer = pointer
        self._lock = lock

    def replaced(self, slot_bytes: int) -> NamedRing:
        """A ring with slots of another size under the same name; this one retires."""
        ring = _next(self.path, self._pointer, slot_bytes)
        self.ring.retire()
        return NamedRing(self.path, self._pointer, ring, self._lock)

    def release(self) -> None:
        """Retire; the memory goes when its last reader lets go."""
        self._pointer.retire()
        self.ring.retire()
        os.close(self._lock)


def create(name: str, slot_bytes: int) -> NamedRing:
    """Own `name`. Raises Unavailable when another process does."""
    lock = _lock_name(name)
    try:
        memory = _map(name, RING.size)
        # A reader may have kept the pointer of a writer that is gone: count on from there.
        serial = RING.unpack_from(memory)[6] if memory[:4] == b"MGR1" else 0
        memory[: RING.size] = ring_header(0, os.getpid(), WallClock().now_ns(), slots=0)
        pointer = Ring(memory)
        pointer.point(serial, 0)
        return NamedRing(name, pointer, _next(name, pointer, slot_bytes), lock)
    except BaseException:
        os.close(lock)
        raise


def _next(name: str, pointer: Ring, slot_bytes: int) -> Ring:
    serial = pointer.newest + 1
    try:
        memory = _map(f"{name}.{serial}", ring_bytes(slot_bytes))
    except (OSError, ValueError) as error:
        raise Unavailable(f"cannot make shared memory {name}: {error}.", "Choose a smaller size.") from error
    memory[: RING.size] = ring_header(slot_bytes, os.getpid(), WallClock().now_ns())
    pointer.point(serial, slot_bytes)
    return Ring(memory)


def open_ring(name: str, current: Ring | None, current_serial: int = -1) -> tuple[Ring | None, int]:
    """The ring that the name points to and its serial number; (None, serial) if that is `current`. Raises
    FileNotFoundError: no writer; ValueError: no ring."""
    memory = _map(name, RING.size)
    if memory[:4] != b"MGR1":
        raise FileNotFoundError(name)
    pointer = Ring(memory)
    serial, slot_bytes = pointer.pointed()
    if pointer.retired:
        raise FileNotFoundError(name)
    if current is not None and serial == current_serial:
        return None, serial
    return Ring(_map(f"{name}.{serial}", ring_bytes(slot_bytes))), serial

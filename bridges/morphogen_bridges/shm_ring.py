"""The ring of frames in shared memory, byte by byte, and the order of its stores. All numbers little-endian.

Ring header, 64 bytes, `struct "<4sHHIIQQQQ16x"`:

    0   char[4]  magic "MGR1"
    4   u16      version 1
    6   u16      bytes of this header: 64
    8   u32      slots: 4
    12  u32      flags; bit 0 retired: this memory gets no more frames, open the name again
    16  u64      bytes of one slot, a multiple of 64
    24  u64      newest: sequence number n of the newest whole frame, 0 before the first; it lies in slot n % slots
    32  u64      process id of the writer
    40  u64      epoch: differs between any two rings
    48           16 bytes, zero

Slot k begins at 64 + k * slot bytes:

    0            56 bytes, zero (so that header and pixels lie on 64-byte boundaries)
    56  u64      sequence number before: written first
    64           frame header, 64 bytes ("MGF1", DESIGN section 6)
    128          pixels, top row first unless flipped; as many as the frame header's payload says
    -8  u64      sequence number after, in the last 8 bytes of the slot: written last

The writer of frame n stores: before = n; header and pixels; after = n; newest = n. Between two frames nothing is
locked, and the writer waits for nobody. A reader takes n = newest, and gives up on this n if after != n; copies; and
throws the copy away if before != n by then. With 4 slots it has three frame times for the copy.

The stores must be seen in this order. x86 keeps them in order; elsewhere `_fence` (a lock taken and left twice, which
is a full barrier on ARMv8) does. A ring is never made smaller or larger in place, because touching a file mapping
beyond its end kills the reader (SIGBUS): a new ring takes over the name, and the old one is marked retired. It stays
readable for whoever has it mapped.
"""

from __future__ import annotations

import mmap
import re
import struct
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from morphogen.frame import HEADER_BYTES, FrameInfo, PixelFormat

RING = struct.Struct("<4sHHIIQQQQ16x")
RING_MAGIC = b"MGR1"
SLOTS = 4
RETIRED = 1
LEAD = 64  # bytes of a slot before the frame header
_FLAGS_AT, _NEWEST_AT = 12 // 4, 24 // 8
assert RING.size == 64

_fence_lock = threading.Lock()


def _fence() -> None:
    with _fence_lock:
        pass
    with _fence_lock:
        pass


def ring_name(output: str) -> str:
    """Name of the memory of an output: 'Morphogen-shm', 'shm' and 'morphogen-shm' all give 'morphogen-shm'."""
    name = re.sub(r"[^a-z0-9_.-]+", "-", output.lower()).strip("-.") or "shm"
    return name[:80] if name == "morphogen" or name.startswith("morphogen-") else f"morphogen-{name[:70]}"


def slot_bytes_for(pixel_bytes: int) -> int:
    """Bytes of a slot that holds so many pixel bytes."""
    return (LEAD + HEADER_BYTES + pixel_bytes + 8 + 63) // 64 * 64


def ring_bytes(slot_bytes: int, slots: int = SLOTS) -> int:
    """Bytes of a whole ring."""
    return RING.size + slots * slot_bytes


def ring_header(slot_bytes: int, pid: int, epoch: int, slots: int = SLOTS) -> bytes:
    """The 64 bytes of a fresh ring's header."""
    return RING.pack(RING_MAGIC, 1, RING.size, slots, 0, slot_bytes, 0, pid, epoch & (1 << 64) - 1)


@dataclass(frozen=True)
class RingInfo:
    """A ring's header, checked. `newest` and `retired` are as they were when it was read."""

    slots: int
    retired: bool
    slot_bytes: int
    newest: int
    pid: int
    epoch: int

    @classmethod
    def unpack(cls, data: bytes | memoryview | mmap.mmap, length: int) -> RingInfo:
        """Read the header of a memory of `length` bytes. Raises ValueError that says what is wrong."""
        if length < RING.size:
            raise ValueError(f"not a Morphogen ring: {length} bytes")
        magic, version, size, slots, flags, slot_bytes, newest, pid, epoch = RING.unpack_from(data)
        if magic != RING_MAGIC or version != 1 or size != RING.size:
            raise ValueError(f"not a Morphogen ring: magic {magic!r}, version {version}, header {size} bytes")
        if slots > 1024 or slot_bytes % 64 or (slots and slot_bytes < slot_bytes_for(0)):
            raise ValueError(f"broken Morphogen ring: {slots} slots of {slot_bytes} bytes")
        if ring_bytes(slot_bytes, slots) > length:
            raise ValueError(f"broken Morphogen ring: {slots} slots of {slot_bytes} bytes in {length} bytes")
        return cls(slots, bool(flags & RETIRED), slot_bytes, newest, pid, epoch)


class Ring:
    """A mapped ring. One writer calls `begin` and `commit`; any reader calls `read`.

    The mapping lives as long as anything refers to it, views included: nothing is ever unmapped under a view.
    """

    def __init__(self, memory: mmap.mmap) -> None:
        self.info = RingInfo.unpack(memory, len(memory))
        self._bytes = np.frombuffer(memory, np.uint8)
        words = len(memory) // 8 * 8
        self._u64 = self._bytes[:words].view(np.uint64)
        self._u32 = self._bytes[:64].view(np.uint32)

    @property
    def newest(self) -> int:
        """Sequence number of the newest whole frame, 0 before the first."""
        return int(self._u64[_NEWEST_AT])

    @property
    def retired(self) -> bool:
        """Whether another ring has taken over the name, or the writer has closed."""
        return bool(self._u32[_FLAGS_AT] & RETIRED)

    @property
    def capacity(self) -> int:
        """Pixel bytes that fit into a slot."""
        return self.info.slot_bytes - LEAD - HEADER_BYTES - 8

    def retire(self) -> None:
        """Tell the readers to open the name again. Writer."""
        self._u32[_FLAGS_AT] |= RETIRED

    def point(self, serial: int, slot_bytes: int) -> None:
        """Make a header without slots point to the ring `serial` (see `shm_named`). Writer."""
        self._u64[16 // 8] = slot_bytes
        _fence()
        self._u64[_NEWEST_AT] = serial

    def pointed(self) -> tuple[int, int]:
        """(serial, slot bytes) that such a header points to."""
        serial = self.newest
        _fence()
        return serial, int(self._u64[16 // 8])

    def begin(self, pixel_bytes: int) -> NDArray[np.uint8]:
        """Header and pixels of the next frame's slot, uint8 (64 + pixel_bytes,), for the writer to fill. Beginning
        again without a commit gives the same slot. Asks for pixel_bytes <= capacity."""
        n = self.newest + 1
        at = self._slot(n)
        self._u64[(at + LEAD - 8) // 8] = n
        _fence()
        return self._bytes[at + LEAD : at + LEAD + HEADER_BYTES + pixel_bytes]

    def commit(self) -> int:
        """The frame begun last is whole; returns its sequence number. Writer."""
        n = self.newest + 1
        _fence()
        self._u64[(self._slot(n) + self.info.slot_bytes - 8) // 8] = n
        _fence()
        self._u64[_NEWEST_AT] = n
        return n

    def read(self, n: int, out: NDArray[np.uint8] | None = None) -> tuple[FrameInfo, NDArray[np.uint8]] | None:
        """Copy frame n: its header and its pixels, uint8 (payload,), into `out` if that has the right length. None if
        the writer got there first."""
        at = self._slot(n)
        if int(self._u64[(at + self.info.slot_bytes - 8) // 8]) != n:
            return None
        _fence()
        start = at + LEAD
        head = self._bytes[start : start + HEADER_BYTES].tobytes()
        try:
            info = FrameInfo.unpack(head)
        except ValueError:
            return None
        size = info.payload_bytes
        if size > self.capacity or (info.spec.format is not PixelFormat.JPEG and size != info.spec.pixel_bytes):
            return None
        pixels = out if out is not None and out.shape == (size,) else np.empty(size, np.uint8)
        np.copyto(pixels, self._bytes[start + HEADER_BYTES : start + HEADER_BYTES + size])
        _fence()
        return (info, pixels) if int(self._u64[(at + LEAD - 8) // 8]) == n else None

    def _slot(self, n: int) -> int:
        return RING.size + n % self.info.slots * self.info.slot_bytes

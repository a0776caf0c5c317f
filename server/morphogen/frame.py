"""A picture on its way out: what is wanted (`TargetSpec`), what it is (`FrameInfo`), and its bytes (`Frame`).

Every frame buffer starts with the 64-byte wire header of DESIGN section 6, followed by the pixels, top row first. So
one contiguous buffer is a ZeroMQ message, a shared-memory slot and a NumPy picture, without a copy between them.
"""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

HEADER = struct.Struct("<4sHHIIIIQQQII8x")
MAGIC = b"MGF1"
HEADER_BYTES = 64
assert HEADER.size == HEADER_BYTES


class PixelFormat(IntEnum):
    """Wire numbers of the pixel formats. sRGB-encoded unless a flag says linear."""

    RGBA8 = 1
    BGRA8 = 2
    RGBA16F = 3
    JPEG = 16


class Alpha(IntEnum):
    """What the alpha channel means (flag bits 0-1)."""

    OPAQUE = 0
    STRAIGHT = 1
    PREMULTIPLIED = 2


@dataclass(frozen=True)
class Crop:
    """Part of a larger canvas, in canvas pixels; the target shows exactly these pixels."""

    x: int
    y: int
    canvas_width: int
    canvas_height: int


@dataclass(frozen=True)
class TargetSpec:
    """One picture that a sink wants of every frame. Equal specs are rendered once.

    width, height: pixels of the picture. crop: where it lies on a larger canvas, else it is the whole canvas.
    flip: bottom row first. alpha: what the alpha channel shall mean; a backend without alpha draws it opaque (255),
    which reads the same under all three meanings. A spec read back from a header knows size and format only.
    """

    width: int
    height: int
    format: PixelFormat = PixelFormat.RGBA8
    crop: Crop | None = None
    flip: bool = False
    alpha: Alpha = Alpha.OPAQUE

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of pixels, without padding."""
        return self.width * (8 if self.format is PixelFormat.RGBA16F else 4)

    @property
    def pixel_bytes(self) -> int:
        """Bytes of all pixels."""
        return self.row_bytes * self.height

    @property
    def canvas(self) -> Crop:
        """The canvas that the picture is a part of; the picture itself when not cropped."""
        return self.crop or Crop(0, 0, self.width, self.height)


@dataclass(frozen=True)
class FrameInfo:
    """What the header says. index: rendered frames, no gaps; time_ns: `perf_counter_ns` at the frame edge;
    generation: rises by one at the first frame of every style switch."""

    spec: TargetSpec
    index: int = 0
    time_ns: int = 0
    generation: int = 0
    alpha: Alpha = Alpha.OPAQUE
    linear: bool = False
    payload_bytes: int = -1

    def pack(self) -> bytes:
        """The 64 header bytes."""
        s = self.spec
        payload = s.pixel_bytes if self.payload_bytes < 0 else self.payload_bytes
        row = 0 if s.format is PixelFormat.JPEG else s.row_bytes
        flags = int(self.alpha) | (4 if self.linear else 0)
        return HEADER.pack(
            MAGIC, 1, HEADER_BYTES, s.width, s.height, row, int(s.format),
            self.index, self.time_ns, payload, self.generation & 0xFFFFFFFF, flags,
        )  # fmt: skip

    @classmethod
    def unpack(cls, data: bytes | memoryview) -> FrameInfo:
        """Read a header. Raises ValueError that says what is wrong."""
        if len(data) < HEADER_BYTES:
            raise ValueError(f"frame header needs {HEADER_BYTES} bytes, got {len(data)}")
        magic, version, size, width, height, _row, fmt, index, time_ns, payload, generation, flags = HEADER.unpack_from(
            data
        )
        if magic != MAGIC or version != 1 or size != HEADER_BYTES:
            raise ValueError(f"not a Morphogen frame header: magic {magic!r}, version {version}, size {size}")
        spec = TargetSpec(width, height, PixelFormat(fmt))
        return cls(spec, index, time_ns, generation, Alpha(flags & 3), bool(flags & 4), payload)


def new_buffer(pixel_bytes: int) -> NDArray[np.uint8]:
    """Header and pixels in one block, pixels 64-byte aligned, every page touched (a first touch costs tens of ms)."""
    raw = np.zeros(HEADER_BYTES + pixel_bytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    block = raw[start : start + HEADER_BYTES + pixel_bytes]
    block.fill(0)
    return block


class Frame:
    """One rendered picture: `info`, and `buffer` = header + pixels (uint8, 1-D).

    A frame belongs to a pool. Whoever keeps one past the call that handed it over calls `hold()` first and
    `release()` once; at zero the buffer is reused. Thread-safe. Nobody writes to a published frame.
    """

    __slots__ = ("_holds", "_lock", "_pool", "buffer", "info")

    def __init__(self, info: FrameInfo, buffer: NDArray[np.uint8], pool: FramePool | None = None) -> None:
        self.info = info
        self.buffer = buffer
        self._pool = pool
        self._holds = 1
        self._lock = threading.Lock()

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """View (height, width, 4) uint8 of an 8-bit frame."""
        s = self.info.spec
        return self.buffer[HEADER_BYTES:].reshape(s.height, s.width, 4)

    @property
    def wire(self) -> memoryview:
        """Header and pixels as one contiguous block of bytes."""
        return self.buffer.data

    def stamp(self) -> None:
        """Write `info` into the header bytes. The renderer's caller does this once, before publishing."""
        self.buffer[:HEADER_BYTES] = np.frombuffer(self.info.pack(), np.uint8)

    def hold(self) -> Frame:
        """Keep the frame alive beyond this call; pair with one `release()`."""
        with self._lock:
            self._holds += 1
        return self

    def release(self) -> None:
        """Give it back; the last release returns the buffer to its pool."""
        with self._lock:
            self._holds -= 1
            done = self._holds == 0
        if done and self._pool is not None:
            self._pool.give_back(self.buffer)


class FramePool:
    """Reusable buffers of one size. Thread-safe. Grows on demand to what the slowest sinks hold.

    made: buffers ever allocated, which is the most that were out at once (or `ready`).
    """

    def __init__(self, spec: TargetSpec, ready: int = 3) -> None:
        self.spec = spec
        self.made = ready
        self._lock = threading.Lock()
        self._free = [new_buffer(spec.pixel_bytes) for _ in range(ready)]

    @property
    def free(self) -> int:
        """Buffers that nobody holds."""
        with self._lock:
            return len(self._free)

    def take(self, info: FrameInfo) -> Frame:
        """A frame whose buffer nobody else holds."""
        with self._lock:
            buffer = self._free.pop() if self._free else None
            self.made += buffer is None
        return Frame(info, buffer if buffer is not None else new_buffer(self.spec.pixel_bytes), self)

    def grow(self) -> None:
        """Add one buffer. Slow (2 to 20 ms for 1080p, the first touch of every page): not on the render thread."""
        with self._lock:
            self.made += 1
        self.give_back(new_buffer(self.spec.pixel_bytes))

    def give_back(self, buffer: NDArray[np.uint8]) -> None:
        """Called by the last `Frame.release`."""
        with self._lock:
            self._free.append(buffer)


def parse_size(text: str) -> tuple[int, int]:
    """'1920x1080' -> (1920, 1080). Raises ValueError that says what is allowed."""
    width, _, height = text.strip().lower().partition("x")
    if not (text.isascii() and width.isdigit() and height.isdigit()):
        raise ValueError(f"size {text!r} is not understood: say WIDTHxHEIGHT in pixels, as 1920x1080")
    size = int(width), int(height)
    if not (1 <= size[0] <= 16384 and 1 <= size[1] <= 16384):
        raise ValueError(f"size {text!r} is out of range: 1x1 to 16384x16384")
    return size


def with_format(spec: TargetSpec, fmt: PixelFormat) -> TargetSpec:
    """The same picture in another pixel format."""
    return replace(spec, format=fmt)

"""Reads the ring of frames that `--out shm` writes. Layout and rules: `shm_ring`."""

from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.clock import Clock, WallClock
from morphogen.frame import FrameInfo, PixelFormat
from morphogen_bridges.shm_ring import Ring, ring_name

_ATTEMPTS = 100
_POLL = 0.0005  # seconds between two looks in `wait`: 3 % of a 60 fps frame


class ShmReader:
    """The newest frame of an output, whole, whatever the writer does: restart, resize, die, not be there yet.

    name: of the output ('shm') or its memory ('morphogen-shm'). directory: where `dir=` put it. One thread at a time.
    torn: copies thrown away because the writer was faster; rings: how many have been followed.
    """

    def __init__(self, name: str = "shm", directory: str | Path | None = None, clock: Clock | None = None) -> None:
        self.name = ring_name(name)
        self.torn = 0
        self.rings = 0
        self._directory = Path(directory) if directory is not None else None
        self._clock = clock or WallClock()
        self._ring: Ring | None = None
        self._inode = -1
        self._seen = (0, 0)

    def latest(self, out: NDArray[np.uint8] | None = None) -> tuple[FrameInfo, NDArray[Any]] | None:
        """A copy of the newest frame, also one that was read before; None while there is no writer or no frame.

        Returns its header and its picture, (height, width, 4) uint8, or float16 for RGBA16F. out: uint8 (payload,), is
        copied into and returned in that shape, which spares an allocation.
        """
        self._follow()
        ring = self._ring
        if ring is None:
            return None
        for _ in range(_ATTEMPTS):
            newest = ring.newest
            if newest == 0:
                return None
            copy = ring.read(newest, out)
            if copy is not None:
                self._seen = (ring.info.epoch, newest)
                return copy[0], _shaped(*copy)
            self.torn += 1
        return None

    def wait(self, timeout: float, out: NDArray[np.uint8] | None = None) -> tuple[FrameInfo, NDArray[Any]] | None:
        """The first frame that was not read before, at most `timeout` seconds from now; None when none came."""
        end = self._clock.now() + timeout
        while True:
            self._follow()
            ring = self._ring
            if ring is not None and ring.newest and (ring.info.epoch, ring.newest) != self._seen:
                frame = self.latest(out)
                if frame is not None:
                    return frame
            now = self._clock.now()
            if now >= end:
                return None
            self._clock.wait_until(min(now + _POLL, end))

    def writer(self) -> int | None:
        """Process id of the writer, None if there is no ring. It may have died without a goodbye."""
        self._follow()
        return None if self._ring is None else self._ring.info.pid

    def close(self) -> None:
        """Let the memory go; idempotent. Reading again opens it again."""
        self._ring = None
        self._inode = -1

    def __enter__(self) -> ShmReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _follow(self) -> None:
        """Change over to the ring that has the name now. The old one is kept until the new one has a frame."""
        ring = self._ring
        if ring is not None and not ring.retired and (ring.info.epoch, ring.newest) != self._seen:
            return
        try:
            new, inode = self._open()
        except FileNotFoundError:
            if ring is not None and ring.retired:
                self.close()
            return
        except (OSError, ValueError):
            return  # not ours, or not a ring: the name may get better
        if new is not None and (ring is None or new.newest or not ring.newest):
            self._ring, self._inode = new, inode
            self.rings += 1

    def _open(self) -> tuple[Ring | None, int]:
        """The ring of that name, None if it is the one we have."""
        if sys.platform == "win32":
            from morphogen_bridges import shm_named

            return shm_named.open_ring(self.name, self._ring, self._inode)
        from morphogen_bridges import shm_files

        path = (self._directory or shm_files.default_folder()) / self.name
        if self._ring is not None and path.stat().st_ino == self._inode:
            return None, self._inode
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            status = os.fstat(fd)
            if status.st_size < 64:
                raise ValueError(f"{path} is no Morphogen ring: {status.st_size} bytes")
            return Ring(mmap.mmap(fd, status.st_size, access=mmap.ACCESS_READ)), status.st_ino
        finally:
            os.close(fd)


def _shaped(info: FrameInfo, pixels: NDArray[np.uint8]) -> NDArray[Any]:
    if info.spec.format is PixelFormat.JPEG:
        return pixels
    shape = (info.spec.height, info.spec.width, 4)
    return (pixels.view(np.float16) if info.spec.format is PixelFormat.RGBA16F else pixels).reshape(shape)

"""Frames in shared memory, for programs on this machine: no copy on the way out, none for a reader that keeps up.

The layout and its rules are in `shm_ring`; `clients/shm.py` reads it in Python, `docs/shm_reader.c` in C.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from morphogen.contracts import Host, Sink, SinkOptions
from morphogen.frame import Frame, PixelFormat, TargetSpec
from morphogen_bridges.shm_ring import Ring, ring_name, slot_bytes_for


class _Owned(Protocol):
    ring: Ring

    def replaced(self, slot_bytes: int) -> _Owned: ...
    def release(self) -> None: ...


def _create(options: SinkOptions, name: str, slot_bytes: int) -> _Owned:
    if sys.platform == "win32":
        from morphogen_bridges import shm_named

        return shm_named.create(ring_name(name), slot_bytes)
    from morphogen_bridges import shm_files

    folder = Path(options.extra["dir"]) if options.extra.get("dir") else shm_files.default_folder()
    return shm_files.create(folder, ring_name(name), slot_bytes)


class ShmSink(Sink):
    """Draws into a ring of four frames called `morphogen-<output>`.

    The picture is drawn straight into the ring whenever this sink is alone on its picture, and copied otherwise. A
    frame that does not fit makes a larger ring, on the worker. Exceptions: Unavailable when the name is taken, the
    memory is full or the folder cannot be written to.
    """

    kind = "shm"
    formats = (PixelFormat.RGBA8, PixelFormat.BGRA8, PixelFormat.RGBA16F)
    extras = {"dir": "folder of the file (Linux, macOS); default /dev/shm, else the temporary folder"}  # noqa: RUF012

    def __init__(self, options: SinkOptions | None = None) -> None:
        super().__init__(options)
        self._owned: _Owned | None = None
        self._rings = 0
        self._title = ""

    def slot(self, spec: TargetSpec) -> NDArray[np.uint8] | None:
        """The next slot; None when the ring is too small (then `write` makes a larger one, off the render thread)."""
        owned = self._owned
        if owned is None or spec.pixel_bytes > owned.ring.capacity:
            return None
        return owned.ring.begin(spec.pixel_bytes)

    def commit(self, frame: Frame) -> None:
        """Header and pixels are in the slot. 1080p, median of 3,000 calls on two shared cores: 2.4 us one after the
        other, 18 to 23 us with cold caches, a millisecond apart."""
        if self._owned is not None:
            self._owned.ring.commit()

    def reconfigure(self, options: SinkOptions) -> None:
        """A new name, folder or size is a new ring; the old one retires once the new one is there."""
        old, before = self._owned, self.options
        if old is None or self._host is None:
            self.options = options
            return
        need = slot_bytes_for(self._pixel_bytes(options))
        self.options = options
        try:
            if (ring_name(self.name), options.extra.get("dir")) != (self._title, before.extra.get("dir")):
                self._owned = _create(options, self.name, need)
                old.release()
            elif need != old.ring.info.slot_bytes:
                self._owned = old.replaced(need)
        except BaseException:
            self.options = before
            raise
        self._title = ring_name(self.name)
        self._rings += self._owned is not old

    def stats(self) -> dict[str, Any]:
        """rings: how many have been made; sequence: of the newest frame in the present one."""
        return {"rings": self._rings, "sequence": self._owned.ring.newest if self._owned else 0}

    def describe(self) -> dict[str, Any]:
        """name: of the memory; address: the file, or the Windows name; bytes: of the ring."""
        if self._owned is None:
            return {"name": ring_name(self.name)}
        info = self._owned.ring.info
        path = getattr(self._owned, "path", self._title)
        return {"name": self._title, "address": str(path), "bytes": 64 + info.slots * info.slot_bytes}

    def _open(self, host: Host) -> None:
        self._owned = _create(self.options, self.name, slot_bytes_for(self._pixel_bytes(self.options)))
        self._title = ring_name(self.name)
        self._rings += 1

    def _write(self, frame: Frame) -> None:
        need = frame.info.spec.pixel_bytes
        if self._owned is None:
            return
        if need > self._owned.ring.capacity:
            self._owned = self._owned.replaced(slot_bytes_for(need))
            self._rings += 1
        np.copyto(self._owned.ring.begin(need), frame.buffer)
        self._owned.ring.commit()

    def _close(self) -> None:
        owned, self._owned = self._owned, None
        if owned is not None:
            owned.release()

    def _pixel_bytes(self, options: SinkOptions) -> int:
        # A good guess; a frame that turns out larger makes the ring larger.
        show = self._host.show_size if self._host else (0, 0)
        depth = 8 if options.format is PixelFormat.RGBA16F else 4
        return (options.width or show[0]) * (options.height or show[1]) * depth

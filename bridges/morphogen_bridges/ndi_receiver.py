"""An NDI receiver that is just good enough to prove a sender of this machine: what `doctor` uses."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen_bridges.ndi_library import VIDEO, FindSettings, ReceiveSettings, Source, VideoFrame

_RGBA, _HIGHEST = 2, 100
_NEWS = (100, 101)  # the source changed, its settings changed: no picture, but one will come
LOOPBACK = b"127.0.0.1"  # asked directly: nothing needs to be announced on the network


class Finder:
    """The sources of this machine. One thread."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._handle = library.find_create_v2(ctypes.byref(FindSettings(True, None, LOOPBACK)))

    def find(self, source: str, wait_ms: int) -> tuple[bytes, bytes] | None:
        """(name, address) of 'MACHINE (name)', once it is there."""
        self._library.find_wait_for_sources(self._handle, wait_ms)
        count = ctypes.c_uint32()
        listed = self._library.find_get_current_sources(self._handle, ctypes.byref(count))
        for place in range(count.value):
            if listed[place].name == source.encode():
                return listed[place].name, listed[place].address
        return None

    def close(self) -> None:
        self._library.find_destroy(self._handle)


class Receiver:
    """One connection; pictures as RGBA. One thread."""

    def __init__(self, library: Any, name: bytes, address: bytes) -> None:
        self._library = library
        settings = ReceiveSettings(Source(name, address), _RGBA, _HIGHEST, False, None)
        self._handle = library.recv_create_v3(ctypes.byref(settings))

    def receive(self, wait_ms: int) -> NDArray[np.uint8] | None:
        """The next picture as a copy, (height, width, 4) RGBA; None when none came in time."""
        video, kind = VideoFrame(), _NEWS[0]
        while kind in _NEWS:
            kind = self._library.recv_capture_v2(self._handle, ctypes.byref(video), None, None, wait_ms)
        if kind != VIDEO:
            return None
        try:
            rows = (ctypes.c_uint8 * (video.row_bytes * video.height)).from_address(video.data)
            wide = np.frombuffer(rows, np.uint8).reshape(video.height, video.row_bytes)
            return wide[:, : video.width * 4].reshape(video.height, video.width, 4).copy()
        finally:
            self._library.recv_free_video_v2(self._handle, ctypes.byref(video))

    def close(self) -> None:
        self._library.recv_destroy(self._handle)

"""Reads frames from a running Morphogen (DESIGN section 6)."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.frame import HEADER_BYTES, FrameInfo, PixelFormat
from morphogen_bridges.zmq_common import context

Picture = tuple[FrameInfo, NDArray[Any]]


class FrameReader:
    """Yields `(FrameInfo, picture)` from a ZeroMQ endpoint ('tcp://127.0.0.1:8715').

    picture: (height, width, 4), uint8 (RGBA or BGRA as `info.spec.format` says, JPEG decoded to RGBA) or float16; a
    read-only view of the message, valid as long as you keep it. conflate: only the newest frame is kept, which is what
    a display wants; else frames wait in a queue of 12 and `gaps` counts those that were lost. `rejected` counts
    messages that are no frames. Use it from one thread at a time.
    """

    def __init__(self, endpoint: str = "tcp://127.0.0.1:8715", conflate: bool = False) -> None:
        import zmq

        self._socket = context().socket(zmq.SUB)
        self._socket.linger = 0
        if conflate:
            self._socket.conflate = True
        else:
            self._socket.rcvhwm = 12
        self._socket.subscribe(b"")
        self._socket.connect(endpoint)
        self._closed = False
        self._last: int | None = None
        self.received = self.gaps = self.rejected = 0

    def read(self, timeout: float = 1.0) -> Picture | None:
        """The next frame (with `conflate` the newest); None after `timeout` seconds without a message."""
        if self._closed or not self._socket.poll(round(timeout * 1000)):
            return None
        message = self._socket.recv(copy=False)
        try:
            picture = _decode(message.buffer)
        except ValueError:
            self.rejected += 1
            return None
        self._count(picture[0].index)
        return picture

    def _count(self, index: int) -> None:
        if self._last is not None and index > self._last:
            self.gaps += index - self._last - 1
        self._last = index
        self.received += 1

    def __iter__(self) -> Iterator[Picture]:
        """Every frame until `close`; waits while there are none."""
        while not self._closed:
            picture = self.read(0.25)
            if picture is not None:
                yield picture

    def close(self) -> None:
        """Disconnect; idempotent."""
        self._closed = True
        self._socket.close(0)

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


def _decode(data: memoryview) -> Picture:
    info = FrameInfo.unpack(data)
    payload = np.frombuffer(data, np.uint8, offset=HEADER_BYTES)
    spec = info.spec
    if payload.size != info.payload_bytes:
        raise ValueError(f"the header promises {info.payload_bytes} bytes, there are {payload.size}")
    if spec.format is PixelFormat.JPEG:
        import simplejpeg

        return info, simplejpeg.decode_jpeg(payload, colorspace="RGBA")
    if payload.size != spec.pixel_bytes:
        raise ValueError(f"{spec.width}x{spec.height} needs {spec.pixel_bytes} bytes, there are {payload.size}")
    kind = np.float16 if spec.format is PixelFormat.RGBA16F else np.uint8
    view = payload.view(kind).reshape(spec.height, spec.width, 4)
    view.flags.writeable = False
    return info, view

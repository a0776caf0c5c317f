"""One NDI sender: pictures in, receivers and tally out. The calls, and the order in which they do no harm."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from morphogen import log
from morphogen.errors import Unavailable
from morphogen.frame import HEADER_BYTES, Alpha, Frame, PixelFormat
from morphogen_bridges.ndi_library import PROGRESSIVE, TIMECODE_NOW, SendSettings, Tally, VideoFrame, fourcc

WAIT_MS = 100  # how long one look at receivers or tally may take; `close` waits for one look
PATIENCE = 1.0  # seconds for the watching thread to end
_BROADCAST = (24, 30, 48, 60, 120, 240)  # whose 1000/1001 relatives are written 23.976, 29.97, 59.94 ...
_LOG = log.get("ndi")
# Without alpha the runtime packs half as much colour conversion: 29 % of a core instead of 44 % at 1080p60.
_CODES = {
    (PixelFormat.RGBA8, False): fourcc("RGBX"), (PixelFormat.RGBA8, True): fourcc("RGBA"),
    (PixelFormat.BGRA8, False): fourcc("BGRX"), (PixelFormat.BGRA8, True): fourcc("BGRA"),
}  # fmt: skip
_WORDS = {(False, False): "off", (False, True): "preview", (True, False): "program", (True, True): "program"}


def rate_of(fps: float) -> Fraction:
    """Frames a second as NDI wants it: 60 -> 60/1, 59.94 -> 60000/1001, 12.5 -> 25/2."""
    for whole in _BROADCAST:
        if abs(fps - whole * 1000 / 1001) < 0.005:
            return Fraction(whole * 1000, 1001)
    return Fraction(fps).limit_denominator(1001)


class Sender:
    """A source on the network, from construction to `close`.

    receivers: programs connected now; tally: 'program', 'preview' or 'off', what the mixers among them say. Both are
    kept by a thread of its own that waits inside the runtime and calls `on_tally` with each new word. `send` and
    `close`: one thread. `close` ends the other thread first, then takes back the picture, then the sender: in any other
    order the runtime would be asked about, or read from, what is gone. Raises Unavailable when none can be made.
    """

    def __init__(self, library: Any, name: str, on_tally: Callable[[str], None]) -> None:
        self.receivers = 0
        self.tally = "off"
        self._library = library
        settings = SendSettings(name.encode(), None, False, False)
        self._handle = library.send_create(ctypes.byref(settings))
        if not self._handle:
            raise Unavailable(
                f"NDI made no sender called {name!r}: another program of this machine sends under that name.",
                "Give another one: --out ndi:name=NAME.",
            )
        self.source = (library.send_get_source_name(self._handle).contents.name or b"").decode("utf-8", "replace")
        self._held: Frame | None = None
        self._on_tally = on_tally
        self._ending = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="morphogen-ndi-watch", daemon=True)
        self._watcher.start()

    def send(self, frame: Frame, rate: Fraction) -> None:
        """Hand one picture over. Returns at once, unless the runtime is still busy with the one before (then it waits
        for that). The picture is held, and read from where it lies, until the next one or `close`."""
        spec = frame.info.spec
        code = _CODES[spec.format, frame.info.alpha is not Alpha.OPAQUE]
        video = VideoFrame(
            spec.width, spec.height, code, rate.numerator, rate.denominator, 0.0, PROGRESSIVE, TIMECODE_NOW,
            frame.buffer.ctypes.data + HEADER_BYTES, spec.row_bytes, None, 0,
        )  # fmt: skip
        before, self._held = self._held, frame.hold()
        self._library.send_send_video_async_v2(self._handle, ctypes.byref(video))
        if before is not None:
            before.release()

    def close(self) -> None:
        """Leave the network; idempotent, bounded."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        self._ending.set()
        self._watcher.join(PATIENCE)
        if self._watcher.is_alive():  # it sits inside the runtime with this sender in its hands
            _LOG.warning("NDI does not answer; the sender %s is left behind", self.source)
            return
        self._library.send_send_video_async_v2(handle, None)
        if self._held is not None:
            self._held.release()
            self._held = None
        self._library.send_destroy(handle)

    def _watch(self) -> None:
        handle, ask, lights = self._handle, self._library, Tally()
        while not self._ending.is_set():
            if self.receivers:
                ask.send_get_tally(handle, ctypes.byref(lights), WAIT_MS)  # returns as soon as it changes
                self.receivers = ask.send_get_no_connections(handle, 0)
            else:
                self.receivers = ask.send_get_no_connections(handle, WAIT_MS)  # returns as soon as somebody comes
            tally = "off" if not self.receivers else _WORDS[lights.program, lights.preview]
            if tally != self.tally and not self._ending.is_set():
                self.tally = tally
                self._on_tally(tally)

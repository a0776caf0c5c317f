"""Frames over ZeroMQ: one message a frame, header and pixels in one part (DESIGN section 6; docs/zeromq.md)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from morphogen.contracts import Host, Sink, SinkOptions
from morphogen.errors import UsageError
from morphogen.frame import Frame, PixelFormat, with_format
from morphogen_bridges.zmq_common import LOOPBACK, bind, context, endpoint, is_loopback

if TYPE_CHECKING:
    import zmq

PORT = 8715
QUEUED_FRAMES = 12
QUEUED_BYTES = 128 << 20
HELD_FRAMES = 2


@dataclass(frozen=True)
class _Settings:
    """What `options.extra` says, checked."""

    bind: str = LOOPBACK
    port: int = PORT
    jpeg: bool = False
    quality: int = 85


def _settings(options: SinkOptions) -> _Settings:
    extra = options.extra
    host = extra.get("bind", LOOPBACK)
    if not is_loopback(host) and extra.get("public") != "1":
        raise UsageError(
            f"Frames on {host} would be open to everyone on the network: they are not encrypted.",
            "Leave out bind, or say so: --out zmq:bind=0.0.0.0,public=1.",
        )
    encoding = extra.get("format", "raw").lower()
    if encoding not in ("raw", "jpeg"):
        raise UsageError(f"zmq cannot send format={encoding}.", "It takes format=raw or format=jpeg.")
    if encoding == "jpeg" and options.format is PixelFormat.RGBA16F:
        raise UsageError("JPEG holds 8 bits a channel, not 16.", "Use format=raw for 16-bit frames.")
    return _Settings(
        host, _number(extra, "port", PORT, 0, 65535), encoding == "jpeg", _number(extra, "quality", 85, 1, 100)
    )


def _number(extra: Mapping[str, str], key: str, default: int, low: int, high: int) -> int:
    text = extra.get(key, str(default))
    if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
        raise UsageError(f"zmq: {key}={text} is not a number from {low} to {high}.", f"Try {key}={default}.")
    return int(text)


class ZmqFrames(Sink):
    """Publishes frames on loopback; `options.extra` takes `bind`, `port`, `public=1`, `format=jpeg`, `quality`.

    Never CURVE: encrypting one raw 1080p frame takes 22.6 ms. Raises UsageError or Unavailable at `open`.

    The queue to each reader holds 12 frames, fewer above 1080p (128 MB in all, at least 4). Measured at 1080p60 with
    `FrameReader` in a second process: a reader that stalls for 0.3 s still sees every frame; one that never reads
    again costs 100 MB and holds up nobody. JPEG takes 6.4 ms a frame.

    Lending frames to libzmq takes 15 % of a core where copying takes 19 % (write: 0.8 and 1.6 ms), but lent frames
    stay held until they are sent: while a reader stalled, 31 were, and the pool's new buffers took 35-76 ms each on
    the render thread. So two frames are lent at most, and while both are out the next ones are copied.

    Threads: `write` on the sink's worker, `watched` on the render thread: a lock hands the socket over, and `watched`
    never waits for it.
    """

    kind = "zmq"
    # Readers that keep up shall see every index. With a mailbox of one, a busy machine that lets this worker wait for
    # 17 ms lost frames here (6 of 156 measured); a queue of a few costs memory only while it is needed.
    policy = "every"
    thread = "own"
    formats = (PixelFormat.RGBA8, PixelFormat.BGRA8, PixelFormat.RGBA16F)
    extras = {  # noqa: RUF012 - declared ClassVar in the base
        "bind": "address to listen on; default 127.0.0.1",
        "port": "default 8715",
        "public": "1 allows an address that other computers can reach; frames are not encrypted",
        "format": "jpeg instead of pixels",
        "quality": "of JPEG, 1 to 100; default 85",
    }

    def __init__(self, options: SinkOptions | None = None) -> None:
        super().__init__(options)
        self._settings = _Settings()
        self._port = PORT
        self._show_size = (0, 0)
        self._lock = threading.Lock()
        self._socket: zmq.Socket[bytes] | None = None
        self._lent: deque[tuple[Any, Frame]] = deque()
        self._subscribers = 0
        self._counts = dict.fromkeys(("sent", "copied", "behind"), 0)

    def watched(self) -> bool:
        """Whether anyone subscribes. Render thread; never blocks. Asks libzmq (5 us, 90 us with cold caches) only while
        nobody does: `write` notices who leaves."""
        if self._subscribers == 0 and self._lock.acquire(blocking=False):
            try:
                self._look_around()
            finally:
                self._lock.release()
        return self._subscribers > 0

    def describe(self) -> dict[str, Any]:
        """Address, port and encoding."""
        settings = self._settings if self._is_open else _settings(self.options)
        port = self._port if self._is_open else settings.port
        encoding = "jpeg" if settings.jpeg else "raw"
        return {"name": self.name, "url": endpoint(settings.bind, port), "port": port, "encoding": encoding}

    def stats(self) -> dict[str, Any]:
        """subscribers now; frames sent; of these copied; behind: how often a reader fell a whole queue behind and
        began to lose frames (libzmq does not say how many; `FrameReader.gaps` does)."""
        return {"subscribers": self._subscribers, **self._counts}

    def reconfigure(self, options: SinkOptions) -> None:
        """Take on new options; a new address is bound before the old one is let go."""
        settings = _settings(options)
        with self._lock:
            moved = settings.bind != self._settings.bind or settings.port not in (self._settings.port, self._port)
            if self._is_open and moved:
                fresh, port = self._listen(settings, options)
                self._drop_socket()
                self._socket, self._port = fresh, port
            self.options, self._settings = options, settings

    def _open(self, host: Host) -> None:
        self._settings = _settings(self.options)
        self._show_size = host.show_size
        self._socket, self._port = self._listen(self._settings, self.options)

    def _listen(self, settings: _Settings, options: SinkOptions) -> tuple[zmq.Socket[bytes], int]:
        import zmq

        width, height = options.width or self._show_size[0], options.height or self._show_size[1]
        pixel = 8 if options.format is PixelFormat.RGBA16F else 4
        socket = context().socket(zmq.XPUB)
        socket.linger = 0
        socket.maxmsgsize = 4096  # subscriptions are all that comes in
        socket.sndhwm = min(max(QUEUED_BYTES // max(width * height * pixel, 1), 4), QUEUED_FRAMES)
        socket.tcp_keepalive = 1
        socket.setsockopt(zmq.XPUB_VERBOSER, 1)  # tell of every subscriber, not only of the first and last
        socket.setsockopt(zmq.XPUB_NODROP, 1)  # tell of a full queue, see _send
        return socket, bind(socket, settings.bind, settings.port, "ZeroMQ frames")

    def _look_around(self) -> None:
        """Count who came and went, and take back frames that are sent. Call with the lock."""
        import zmq

        while self._lent and self._lent[0][0].done:
            self._lent.popleft()[1].release()
        if self._socket is None or not int(self._socket.get(zmq.EVENTS)) & zmq.POLLIN:
            return
        for _ in range(256):
            try:
                message = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            change = {b"\x01": 1, b"\x00": -1}.get(message[:1], 0)
            self._subscribers = max(self._subscribers + change, 0)

    def _write(self, frame: Frame) -> None:
        with self._lock:
            self._look_around()
            if self._socket is None or not self._subscribers:
                return
            if self._settings.jpeg:
                self._send(self._socket, self._jpeg(frame))
            elif len(self._lent) < HELD_FRAMES:
                self._lend(self._socket, frame)
            else:
                self._counts["copied"] += 1
                self._send(self._socket, frame.wire)

    def _lend(self, socket: zmq.Socket[bytes], frame: Frame) -> None:
        import zmq

        frame.hold()
        try:
            tracker = socket.send(frame.wire, zmq.NOBLOCK, copy=False, track=True)
        except zmq.Again:
            frame.release()
            self._send(socket, frame.wire)
            return
        except zmq.ZMQError:
            frame.release()
            raise
        self._counts["sent"] += 1
        self._lent.append((tracker, frame))

    def _send(self, socket: zmq.Socket[bytes], data: bytes | memoryview) -> None:
        """Send a copy. If one reader's queue is full, the others get the frame all the same."""
        import zmq

        try:
            socket.send(data, zmq.NOBLOCK)
        except zmq.Again:
            self._counts["behind"] += 1
            socket.setsockopt(zmq.XPUB_NODROP, 0)
            try:
                socket.send(data, zmq.NOBLOCK)
            finally:
                socket.setsockopt(zmq.XPUB_NODROP, 1)
        self._counts["sent"] += 1

    def _jpeg(self, frame: Frame) -> bytes:
        import simplejpeg

        space = "BGRA" if frame.info.spec.format is PixelFormat.BGRA8 else "RGBA"
        data = simplejpeg.encode_jpeg(
            frame.pixels, quality=self._settings.quality, colorspace=space, colorsubsampling="420", fastdct=True
        )
        spec = with_format(frame.info.spec, PixelFormat.JPEG)
        return replace(frame.info, spec=spec, payload_bytes=len(data)).pack() + bytes(data)

    def _close(self) -> None:
        with self._lock:
            self._drop_socket()

    def _drop_socket(self) -> None:
        """Close the socket and wait, at most half a second, until libzmq has let go of lent frames."""
        import zmq

        if self._socket is not None:
            self._socket.close(0)
            self._socket = None
        self._subscribers = 0
        while self._lent:
            tracker, frame = self._lent.popleft()
            try:
                tracker.wait(0.25)
            except zmq.NotDone:
                continue  # never reused: whoever still sends it must not see it change
            frame.release()

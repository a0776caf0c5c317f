"""A complete do-nothing source, sink and renderer: copy one, fill it in, add a row to the tables of the bridges.

The docstrings say what each method MUST, MAY and MUST NOT do and on which thread it runs. The contract suites run over
these classes too, so what is written here is what is tested. What the bases already do (state, idempotence, errors)
is in `contracts`; here are only the hooks.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.contracts import Host, Sink, SinkOptions, Source
from morphogen.frame import Frame, PixelFormat, TargetSpec


class StubSource(Source):
    """Listens to nothing. The constructor takes what the command line says (a port, a device name).

    It MUST NOT open, bind or import a device library: those belong to `_open`, lazily.
    """

    name = "stub"

    def __init__(self) -> None:
        super().__init__()
        self._received = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def _open(self, host: Host) -> None:
        """Start. The caller's thread, which MAY be the one that starts the daemon: MUST return within a second or so.

        MUST raise Unavailable with a cure when the library, device or port is not there, and then MUST have released
        whatever it had already taken. MUST start its own thread for anything that blocks; that thread MUST be a daemon
        and MUST be named. MUST be possible again after `_close`.
        """
        self._stop.clear()
        self._thread = threading.Thread(target=self._listen, args=(host,), name="morphogen-stub", daemon=True)
        self._thread.start()  # <-- sources start their thread as the last step

    def _listen(self, host: Host) -> None:
        """The source's own thread. MAY call everything on `host`, and MUST NOT touch anything else of the instrument.

        MUST survive every input: a bad message is counted and reported once (`log.Repeated`), never fatal. MUST NOT
        log each message. MUST NOT wait for the futures of `host.call` here if messages keep coming.
        """
        self._stop.wait()  # a real one waits for its device, with a way to be woken

    def _close(self) -> None:
        """Stop. MUST return within about a second even if the device hangs; MUST NOT raise for one that is gone."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(1.0)
            self._thread = None

    def stats(self) -> dict[str, Any]:
        """Any thread, any state. MUST be plain numbers, strings, lists and maps: it is sent as JSON and msgpack."""
        return {"received": self._received}

    def sinks(self) -> Sequence[Sink]:
        """MAY bring sinks along (a page brings its preview); asked once, after `open`. They are opened and closed by
        the publisher, not by the source."""
        return ()

    def describe(self) -> dict[str, Any]:
        """Any thread. What a person needs to connect: {'url': ..., 'port': ...}. Plain values as in `stats`."""
        return {"name": self.name}


class StubSink(Sink):
    """Shows nothing. `thread = 'own'`: a worker of its own calls `open` .. `write` .. `close`, never two at once.

    `thread = 'render'` moves all of them to the render thread, which then waits for them: only for sinks that share
    its GPU context. `policy = 'latest'` MAY lose frames (the newest wins); 'every' gets all, in order, while its queue
    lasts. `formats` MUST list what `write` can take, best first. `extras` MUST name its own options with what they
    mean, so that a slip of the pen is refused. The constructor MUST take SinkOptions and MUST NOT open anything.
    """

    kind = "stub"
    policy = "latest"
    thread = "own"
    formats = (PixelFormat.RGBA8, PixelFormat.BGRA8)
    extras = {"colour": "an option of its own"}  # noqa: RUF012

    def __init__(self, options: SinkOptions | None = None) -> None:
        super().__init__(options)
        self._buffer: NDArray[np.uint8] | None = None
        self._shown = 0

    def _open(self, host: Host) -> None:
        """Get ready: the thread of whoever opens the output (a control thread), or the render thread.

        MUST raise Unavailable with a cure, having released what it had taken. MUST NOT expect a size: pictures bring
        theirs. MAY be slow. MUST be possible again after `_close`: a sink that fails repeatedly is closed and opened.
        """

    def watched(self) -> bool:
        """Whether anyone looks. Render thread, every frame: MUST be a matter of a microsecond, MUST NOT block.

        False costs nothing: no picture is drawn for this sink.
        """
        return True

    def _write(self, frame: Frame) -> None:
        """Show or keep one frame. Own worker, or render thread.

        MUST take any size in any of `formats`, odd ones too, and a frame of the old size after `reconfigure`. MUST NOT
        write to the frame. MUST NOT keep it beyond this call without `frame.hold()` and one `frame.release()`. MAY
        raise: it is counted, reported once with its traceback, and after ten in a row the sink rests and is opened
        afresh. MAY block on its own worker; then frames are dropped, and nobody else waits.
        """
        self._shown += 1

    def slot(self, spec: TargetSpec) -> NDArray[np.uint8] | None:
        """A buffer of its own to draw into: uint8, 1-D, 64 + spec.pixel_bytes long, pixels 64-byte aligned.

        Optional: most sinks leave this and `commit` out. Render thread, while this sink's worker is kept out until
        `commit`. MUST NOT allocate or block: a buffer that does not fit is a None, and the frame comes through
        `write`. MUST be callable again without `commit` in between (a frame that could not be drawn).
        """
        if self._buffer is None or len(self._buffer) != 64 + spec.pixel_bytes:
            return None
        return self._buffer

    def commit(self, frame: Frame) -> None:
        """The buffer last handed out holds this frame, header stamped. Render thread: microseconds only."""
        self._shown += 1

    def reconfigure(self, options: SinkOptions) -> None:
        """New name, size, crop, fps ...: on the thread that writes, between two frames.

        MUST either succeed or raise and go on exactly as before. MUST NOT show a gap where the outside can be told of
        a new size without one. MUST be harmless while closed.
        """
        super().reconfigure(options)

    def _close(self) -> None:
        """Release everything. The thread that writes, never during `write` or between `slot` and `commit`.

        MUST NOT raise for a device that is gone, MUST NOT block for longer than about a second.
        """
        self._buffer = None

    def stats(self) -> dict[str, Any]:
        """Any thread, any state, while the worker writes. Plain values: it is sent as JSON and msgpack."""
        return {"shown": self._shown}

    def describe(self) -> dict[str, Any]:
        """Any thread. What receivers need: the name really registered, an address, a file. Plain values."""
        return {"name": self.name}


class StubRenderer:
    """Draws black. All methods on the render thread, except `prepare`."""

    name = "stub"

    def prepare(self, program: Any) -> Any:
        """Compile a program of shapes, without weights. Any thread, several at once; MUST cache, MAY be slow.

        MUST raise RenderError that says what cannot be drawn here. MUST NOT change what is being drawn meanwhile.
        """
        return program

    def has(self, program: Any) -> bool:
        """Whether `prepare` would answer at once. MUST NOT compile."""
        return True

    def limit(self, seconds: float) -> None:
        """How long a frame may take. MAY draw less finely from then on; MUST say so in `describe`."""

    def describe(self) -> dict[str, Any]:
        """Plain values for `stats`; MUST name the backend."""
        return {"backend": self.name}

    def render(self, scene: Any, targets: Sequence[tuple[TargetSpec, NDArray[np.uint8]]]) -> None:
        """Draw `scene` into every target: (what, pixels uint8 (spec.pixel_bytes,)).

        MUST write every byte, in the target's format, crop and row order, or raise RenderError: then nothing is
        published. MUST NOT keep the arrays: they are shared memory or will be someone else's next frame. MUST NOT
        allocate per frame. All targets show the same instant: history and random numbers advance once a call.
        """
        for spec, pixels in targets:
            picture = pixels.reshape(spec.height, spec.row_bytes)
            picture[:] = 0
            if spec.format is PixelFormat.RGBA16F:
                picture.view(np.float16)[:, 3::4] = 1.0
            else:
                picture[:, 3::4] = 255

    def close(self) -> None:
        """Free everything; MUST be idempotent and MUST NOT raise."""

"""What sources, sinks, servers and renderers promise, and what they may see of the instrument.

Read `stub.py` beside this: a complete do-nothing example of each. Public methods of the bases keep state, idempotence
and errors; a bridge fills in the underscored hooks, one job each (the idea is mido's).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from morphogen.faces import AudioPort, Controls, Hearing, Params, Textures
from morphogen.frame import Frame, PixelFormat, TargetSpec

if TYPE_CHECKING:
    from morphogen.clock import Clock

__all__ = [
    "AudioPort", "Controls", "Event", "Hearing", "Host", "Params", "Policy", "Renderer", "Sink", "SinkOptions",
    "Source", "TempoState", "Textures",
]  # fmt: skip

Policy = Literal["latest", "every"]
Event = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True)
class TempoState:
    """Where the music is. `beat` counts beats (a float that rises by one each beat) at clock time `time`, seconds.

    source: who leads: 'tap', 'set' or 'beat' (a person), 'link', 'midi', 'track', 'audio' or 'none'; confidence 0..1.
    """

    bpm: float = 120.0
    beat: float = 0.0
    time: float = 0.0
    confidence: float = 0.0
    source: str = "none"
    beats_per_bar: int = 4

    def beat_at(self, now: float) -> float:
        """Beats counted at clock time `now`."""
        return self.beat + (now - self.time) * self.bpm / 60.0

    def phase_at(self, now: float) -> float:
        """Position inside the beat, 0..1."""
        return self.beat_at(now) % 1.0

    def bar_phase_at(self, now: float) -> float:
        """Position inside the bar, 0..1."""
        return self.beat_at(now) / self.beats_per_bar % 1.0


class Host(Protocol):
    """The instrument, as a bridge sees it. Handed over at `open`. All of it is thread-safe."""

    @property
    def params(self) -> Params:
        """The parameters."""

    @property
    def clock(self) -> Clock:
        """The instrument's time."""

    @property
    def audio(self) -> AudioPort:
        """Where audio sources deliver."""

    @property
    def controls(self) -> Controls:
        """Where control surfaces deliver what moves on them."""

    def call(self, method: str, arguments: Mapping[str, Any] | None = None) -> Future[Any]:
        """Run a control method of DESIGN section 6 ('style.load', {'name': ...}). The future resolves, usually at a
        frame edge, to a msgpack-able value, or raises MorphogenError. Never blocks the caller."""

    def subscribe(self, listener: Event) -> Callable[[], None]:
        """`listener(topic, data)` on every event (`state param style beat output log`); returns the unsubscriber.
        Listeners run on the thread that caused the event (often the render thread): enqueue and return."""

    def emit(self, topic: str, data: dict[str, Any]) -> None:
        """Publish an event."""

    def tempo(self) -> TempoState:
        """Tempo and beat position now; immutable."""

    def follow_tempo(
        self, source: str, bpm: float, beat_time: float, confidence: float, bar_time: float | None = None
    ) -> None:
        """What a clock from outside says: `bpm`, the clock time (`host.clock`, seconds) of any one beat, how sure
        that is (0..1), and where it is known the time of any bar's first beat. `source`: 'link' or 'midi'.

        Say it again at least once a second: who is silent for two seconds no longer leads. It leads only where its
        place in the order (`tempo`) and the person's choice allow it. Nonsense is ignored. Never blocks."""

    def release_tempo(self, source: str) -> None:
        """That clock has stopped: the next in the order may lead at once. Harmless when it did not lead."""

    @property
    def show_size(self) -> tuple[int, int]:
        """Size of the show, (width, height)."""

    @property
    def show_fps(self) -> float:
        """Frames a second that the show is paced at; 0 where it is drawn as fast as it can."""

    @property
    def textures(self) -> Textures | None:
        """The pictures as textures, while the backend that draws has them. Render thread."""


class Source:
    """Something that moves the instrument: OSC, ZeroMQ, audio, MIDI. Owns its threads.

    States: closed -> open -> closed. `open` raises Unavailable with a cure; `close` is idempotent and returns within
    about a second even when the device hangs. A source only calls `host`; it never sees the engine.
    """

    name: ClassVar[str] = "source"

    def __init__(self) -> None:
        self._is_open = False
        self._state_lock = threading.Lock()

    def open(self, host: Host) -> None:
        """Start listening. A second call while open does nothing."""
        with self._state_lock:
            if self._is_open:
                return
            self._open(host)
            self._is_open = True

    def close(self) -> None:
        """Stop; never raises."""
        with self._state_lock:
            if not self._is_open:
                return
            self._is_open = False
            self._close()

    @property
    def is_open(self) -> bool:
        """Whether it is listening."""
        return self._is_open

    def stats(self) -> dict[str, Any]:
        """Counters for `stats` (received, rejected ...)."""
        return {}

    def sinks(self) -> Sequence[Sink]:
        """Sinks that a server brings along (the page brings its preview). Asked once, after `open`."""
        return ()

    def describe(self) -> dict[str, Any]:
        """What `serve` prints at start: {'url': ..., 'port': ...}."""
        return {}

    def _open(self, host: Host) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class SinkOptions:
    """What `--out NAME[:k=v,...]` and `output.open` can say. Zero width/height: the show's size."""

    name: str = ""
    width: int = 0
    height: int = 0
    crop: tuple[int, int, int, int] | None = None
    format: PixelFormat | None = None
    flip: bool = False
    alpha: str = "opaque"
    fps: float = 0.0
    extra: Mapping[str, str] = field(default_factory=dict)


class Sink:
    """Something that shows or keeps frames.

    `policy`: 'latest' (live; newest wins, depth 1) or 'every' (recording; bounded queue, back-pressure only offline).
    `thread`: 'own' (a worker with a mailbox calls `write`) or 'render' (`write` runs on the render thread).
    `textured`: `write` takes the picture from `host.textures` while there are any; its bytes then need not be read.
    `formats`: pixel formats it takes, best first; sink and engine agree once, at `open`.
    `extras`: options of its own, name -> what it means; others are refused. None: takes any.
    `depth`: buffers that are made ready for it when it is opened; who holds more later has them made meanwhile.
    """

    kind: ClassVar[str] = "sink"
    policy: ClassVar[Policy] = "latest"
    thread: Literal["own", "render"] = "own"
    textured: bool = False
    formats: ClassVar[Sequence[PixelFormat]] = (PixelFormat.RGBA8, PixelFormat.BGRA8)
    extras: ClassVar[Mapping[str, str] | None] = None
    depth: ClassVar[int] = 3

    def __init__(self, options: SinkOptions | None = None) -> None:
        self.options = options or SinkOptions()
        self._is_open = False
        self._host: Host | None = None

    @property
    def name(self) -> str:
        """Sender name: `Morphogen`-based default, or what the options say."""
        return self.options.name or f"Morphogen-{self.kind}"

    def meet(self, host: Host) -> None:
        """Once, before it is opened: look at the instrument and settle `thread` and `textured`. Takes nothing."""

    def open(self, host: Host) -> None:
        """Get ready. Raises Unavailable with a cure."""
        if not self._is_open:
            self._host = host
            self._open(host)
            self._is_open = True

    def close(self) -> None:
        """Release everything; idempotent."""
        if self._is_open:
            self._is_open = False
            self._close()

    @property
    def is_open(self) -> bool:
        """Whether frames may be written."""
        return self._is_open

    def watched(self) -> bool:
        """False while nobody looks: then no frame is rendered for this sink."""
        return True

    def write(self, frame: Frame) -> None:
        """Show or keep one frame. The frame is held by the caller until this returns. May raise: it is counted."""
        self._write(frame)

    def slot(self, spec: TargetSpec) -> NDArray[np.uint8] | None:
        """A buffer (header + pixels) of this sink's own to render straight into, or None. Render thread."""
        return None

    def commit(self, frame: Frame) -> None:
        """The frame was rendered into the buffer last handed out by `slot`. Render thread, microseconds only."""

    def reconfigure(self, options: SinkOptions) -> None:
        """Take on a new name, size or crop while running. Called between frames, never during `write`."""
        self.options = options

    def stats(self) -> dict[str, Any]:
        """Counters of its own, added to frames written and dropped."""
        return {}

    def describe(self) -> dict[str, Any]:
        """What receivers need to know: name really registered, address, file ..."""
        return {"name": self.name}

    def _open(self, host: Host) -> None:
        raise NotImplementedError

    def _write(self, frame: Frame) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError


class Renderer(Protocol):
    """A backend. All methods on the render thread, except `prepare`, which may run on any."""

    @property
    def name(self) -> str:
        """As `--backend` takes it."""

    def prepare(self, program: Any) -> Any:
        """Compile a pixel program (shapes only, no weights); cached. Slow (0.1 s): call it off the render thread."""

    def has(self, program: Any) -> bool:
        """Whether `prepare` would answer at once."""

    def limit(self, seconds: float) -> None:
        """How long a frame may take; a backend may draw less finely to keep it, and says so in `describe`. 0: as long
        as it takes."""

    def describe(self) -> dict[str, Any]:
        """Backend, processor or card, threads: for `stats` and `doctor`."""

    def render(self, scene: Any, targets: Sequence[tuple[TargetSpec, NDArray[np.uint8]]]) -> None:
        """Draw `scene` into every target's pixels (uint8, 1-D, spec.pixel_bytes long)."""

    def close(self) -> None:
        """Free everything; idempotent."""

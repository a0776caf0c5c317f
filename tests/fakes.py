"""A stand-in for the instrument, for tests of one bridge at a time."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import numpy as np

from morphogen.clock import ManualClock
from morphogen.contracts import TempoState
from morphogen.errors import MorphogenError, ParamError, UsageError
from morphogen.frame import Frame, FrameInfo, FramePool, TargetSpec
from morphogen.methods import BY_NAME, bind
from morphogen.params.catalog import BY_KEY


class FakeParams:
    def __init__(self, host: FakeHost) -> None:
        self.specs = dict(BY_KEY)
        self.values = {key: p.default for key, p in BY_KEY.items()}
        self.sets: list[tuple[str, Any, str]] = []
        self._host = host

    def _spec(self, key):
        if key not in self.specs:
            raise ParamError(f"there is no parameter {str(key)[:60]!r}.", "See `morphogen ctl param.list`.")
        return self.specs[key]

    def set(self, key, value, origin=""):
        number = self._spec(key).check(value)
        self.values[key] = number
        self.sets.append((key, number, origin))
        self._host.emit("param", {"key": key, "value": self.specs[key].public(number), "origin": origin})

    def set_normalised(self, key, value, origin=""):
        self.set(key, self._spec(key).from_normalised(value), origin)

    def get(self, key):
        return self._spec(key).public(self.values[key])


class FakeAudio:
    def __init__(self) -> None:
        self.blocks: list[tuple[np.ndarray, int]] = []
        self.positions: list[tuple[float, float | None]] = []
        self.xruns = 0
        self.hearers: list[Any] = []

    def push(self, samples, rate):
        self.blocks.append((np.array(samples), rate))

    def position(self, seconds, duration):
        self.positions.append((seconds, duration))

    def xrun(self):
        self.xruns += 1

    def hear(self, listener):
        self.hearers.append(listener)
        return lambda: self.hearers.remove(listener)


class FakeControls:
    """Keeps what was felt; takes the addresses in `mapped`."""

    def __init__(self) -> None:
        self.felt: list[tuple[str, float, bool]] = []
        self.mapped: set[str] = set()
        self.gone: list[str] = []
        self.lit: dict[str, float] = {}

    def feel(self, address, value, *, relative=False):
        self.felt.append((address, value, relative))
        return address in self.mapped

    def newest_only(self, address):
        return False

    def let_go(self, prefix):
        self.gone.append(prefix)

    def lights(self, prefix):
        return {address: value for address, value in self.lit.items() if address.startswith(prefix)}


class FakeHost:
    """Records what bridges do. `answers` maps a method name to a value, an exception or a function of its arguments."""

    def __init__(self, answers: dict[str, Any] | None = None, size: tuple[int, int] = (64, 36)) -> None:
        self.clock = ManualClock()
        self.audio = FakeAudio()
        self.controls = FakeControls()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.answers = answers or {}
        self.show_size = size
        self.show_fps = 60.0
        self.textures = None
        self._listeners: list[Any] = []
        self.params = FakeParams(self)
        self.tempo_state = TempoState()
        self.clocks: list[tuple[str, float, float, float, float | None]] = []
        self.released: list[str] = []

    def call(self, method, arguments=None):
        future: Future[Any] = Future()
        try:
            if method not in BY_NAME:
                raise UsageError(f"unknown method {method!r}.")
            bound = bind(BY_NAME[method], arguments or {})
            self.calls.append((method, bound))
            answer = self.answers.get(method, {"ok": True})
            if isinstance(answer, MorphogenError):
                raise answer
            future.set_result(answer(**bound) if callable(answer) else answer)
        except MorphogenError as error:
            future.set_exception(error)
        return future

    def tempo(self):
        return self.tempo_state

    def follow_tempo(self, source, bpm, beat_time, confidence, bar_time=None):
        self.clocks.append((source, bpm, beat_time, confidence, bar_time))

    def release_tempo(self, source):
        self.released.append(source)

    def subscribe(self, listener):
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def emit(self, topic, data):
        self.events.append((topic, data))
        for listener in list(self._listeners):
            listener(topic, data)


def make_frame(spec: TargetSpec, index: int = 0, fill: int | None = None, generation: int = 0) -> Frame:
    """A stamped frame: every byte `fill`, or a gradient that depends on the index."""
    frame = FramePool(spec, 1).take(FrameInfo(spec, index, 1_000_000 * index, generation))
    pixels = frame.pixels
    if fill is None:
        y, x = np.mgrid[: spec.height, : spec.width]
        pixels[..., 0] = (x + index) % 256
        pixels[..., 1] = (y * 3 + index) % 256
        pixels[..., 2] = index % 256
        pixels[..., 3] = 255
    else:
        pixels[...] = fill
    frame.stamp()
    return frame

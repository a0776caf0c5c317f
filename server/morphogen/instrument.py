"""The instrument: everything that lives while the show runs, and the face it shows to bridges (`contracts.Host`).

It plays itself for the loop (`loop.Show`): at each frame edge it takes one snapshot of parameters, music and tempo and
composes the scene. What reaches outside this process is the rig's (`app`): sound cards, sockets, files.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from morphogen import log, report
from morphogen.audio.engine import AudioEngine
from morphogen.audio.features import AudioSettings, Features
from morphogen.character import Cast
from morphogen.clock import Clock
from morphogen.composer import Composer
from morphogen.composer import heard as inputs
from morphogen.contracts import Event, TempoState, Textures
from morphogen.control.caller import Caller
from morphogen.controls.engine import Engine
from morphogen.cues import Cues, turns
from morphogen.errors import MorphogenError
from morphogen.field.network import Shape
from morphogen.field.scene import Program, Scene, program
from morphogen.library.bank import Bank
from morphogen.library.find import Library
from morphogen.library.style import Style
from morphogen.loop import FrameLoop
from morphogen.overlay import Overlay
from morphogen.params.catalog import FEATURES, FOLLOWED
from morphogen.params.modulation import ModMatrix
from morphogen.params.snapshots import Snapshots
from morphogen.params.store import ParamStore, Snapshot
from morphogen.priority import Precedence
from morphogen.publish import Publisher
from morphogen.recording import Recording
from morphogen.relay import Relay
from morphogen.rig import Rig
from morphogen.scene_wire import Shot
from morphogen.stage import Stage
from morphogen.strobe import Strobe
from morphogen.tempo import Transport

STATE_INTERVAL = 0.1

_log = log.get("instrument")


class _Heard:
    """`params.store.FeaturePort`: features as the last frame heard them."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument

    def set_external(self, name: str, value: float, now: float) -> None:
        self._instrument.audio.set_external(name, value, now)

    def feature(self, name: str) -> float:
        return float(getattr(self._instrument.features, name))


class Instrument:
    """Implements `contracts.Host` and `loop.Show`. Build it, then `loop.run()` on the render thread, then `close()`."""

    rig: Rig

    def __init__(
        self, clock: Clock, library: Library, style: Style, renderer: Any,
        size: tuple[int, int] = (1920, 1080), fps: float = 60.0, offline: bool = False,
    ) -> None:  # fmt: skip
        self.clock = clock
        self.library = library
        self.renderer = renderer
        self.features = Features()
        self.transport = Transport(now=clock.now())
        self._size = size
        self.show_fps = fps
        self._listeners: tuple[Event, ...] = ()
        self._lock = threading.Lock()
        self._repeated = log.Repeated(_log, now=clock.now)
        self.caller = Caller(self)
        self._preparing: set[tuple[Shape, ...]] = set()
        self._precedence = Precedence()
        self.params = ParamStore(clock, self._changed, _Heard(self))
        self.audio = AudioEngine(clock, self.transport, self._audio_settings)
        self.matrix = ModMatrix()
        self.snapshots = Snapshots(self.params, self.matrix)
        self.cues = Cues()
        self.cast = Cast()
        self.bank: Bank = Bank(library.names())
        self.stage = Stage(style, self._compiled, self.bank.locate(style.name))
        self.overlay = Overlay()
        self.relay = Relay()
        self.relay.announce((style.shape,))
        self.composer = Composer()
        self._strobe = Strobe()
        self.publisher = Publisher(self, offline)
        self.recording = Recording(self.subscribe)
        self.loop = FrameLoop(self, renderer, self.publisher, clock, fps)
        self.controls = Engine(self.params, self.call, clock.now, lambda: self.stage.slot or 0)
        self._values: Snapshot = self.params.snapshot(clock.now())
        self._tempo = self.transport.state(clock.now())
        self._scene: Scene | None = None
        self._told = float("-inf")

    # --- contracts.Host

    @property
    def show_size(self) -> tuple[int, int]:
        """Size of the show, (width, height)."""
        return self._size

    @property
    def textures(self) -> Textures | None:
        """The pictures as textures, while the backend that draws has them."""
        return getattr(self.renderer, "textures", None)

    def tempo(self) -> TempoState:
        return self.transport.state(self.clock.now())

    def follow_tempo(
        self, source: str, bpm: float, beat_time: float, confidence: float, bar_time: float | None = None
    ) -> None:
        self.transport.follow(bpm, beat_time, confidence, self.clock.now(), source, bar_time)

    def release_tempo(self, source: str) -> None:
        self.transport.release(source, self.clock.now())

    def call(self, method: str, arguments: Mapping[str, Any] | None = None) -> Future[Any]:
        return self.caller.call(method, arguments)

    def subscribe(self, listener: Event) -> Callable[[], None]:
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = tuple(one for one in self._listeners if one is not listener)

        return unsubscribe

    def emit(self, topic: str, data: dict[str, Any]) -> None:
        for listener in self._listeners:
            try:
                listener(topic, data)
            except Exception as error:  # noqa: BLE001  a bridge's fault must not reach the render thread
                self._repeated.exception("listener", f"a listener failed at {topic!r}: {error}")

    @property
    def values(self) -> Snapshot:
        """The parameters of the last frame."""
        return self._values

    @property
    def frame_tempo(self) -> TempoState:
        """The tempo at the last frame."""
        return self._tempo

    # --- loop.Show

    @property
    def generation(self) -> int:
        """Style generation of the last edge."""
        return self.stage.generation

    def edge(self, now: float, dt: float) -> Scene | None:
        """One snapshot of everything, composed."""
        tempo = self.transport.state(now)
        self.controls.tick(now)
        self._beat(self._tempo, tempo, now)
        self._on_the_beat(now, tempo)
        self._tempo = tempo
        features = self.audio.features(now)
        heard = {name: getattr(features, name) for name in FEATURES}
        offsets = self.matrix.evaluate(now, self._values, heard, tempo)
        values = self.params.snapshot(now, offsets, heard)
        self.features, self._values = features, values
        self._fit(features, dt)
        look = self.stage.advance(now, tempo, inputs(values, self.composer.time))
        if values.on("output/freeze") and self._scene is not None:
            black = values.on("output/blackout")
            self._scene = replace(self._scene, master=0.0 if black else values["output/master"], dt=dt)
        else:
            self._scene = self.composer.compose(values, look, dt, self.overlay.look(values, dt), self.audio.music)
        if self._strobe.dark(values["output/strobe"], now):
            self._scene = replace(self._scene, master=0.0)
        if self.relay.watched:
            name, canvas = self.stage.style.name, self.publisher.canvas
            self.relay.show(Shot(self._scene, self.loop.index, self.generation, round(now * 1e9), name, canvas))
        return self._scene

    def shown(self, index: int, now: float) -> None:
        for change in self.stage.published(index):
            self.emit("style", report.style(self, change.seconds))
        if now - self._told >= STATE_INTERVAL:
            self._told = now
            self.emit("state", self.state())

    def failed(self, error: Exception) -> None:
        """Answer whoever waits for a frame that could not be drawn."""
        self.stage.failed(error)

    @property
    def programs(self) -> tuple[Program, ...]:
        """What is drawn now and next: the running style's program, a running cross-fade's, the layer's."""
        over = self.overlay.style
        found = [program((self.stage.network.shape,)), *([program((over.shape,))] if over else [])]
        return tuple(dict.fromkeys([*found, *(self._scene.programs if self._scene else ())]))

    def resize(self, size: tuple[int, int]) -> None:
        """Show in another size from this frame on (`publisher.refit` first). Render thread."""
        self._size = size
        self.publisher.settle()

    def prepare(self, wanted: Program) -> None:
        """Compile what is to be drawn before long; those who follow are told. Slow; any thread. Raises RenderError."""
        self.relay.announce(wanted.shapes)
        with self._precedence.first():
            self.renderer.prepare(wanted)

    def prepare_ahead(self, wanted: Program) -> None:
        """The same for what may be asked for: after everything that is."""
        self.relay.announce(wanted.shapes)
        self._precedence.last()
        self.renderer.prepare(wanted)

    # --- numbers

    def state(self) -> dict[str, Any]:
        """The short version of `stats`, ten times a second."""
        return report.state(self)

    def stats(self) -> dict[str, Any]:
        """Everything that is counted, as `serve --json` prints it."""
        return report.stats(self)

    def close(self) -> None:
        """After the loop: sinks, audio, renderer. Idempotent; each step guarded."""
        self.stage.close()
        self.overlay.close()
        self.cues.close()
        self.caller.close()
        for step in (self.publisher.close_all, self.audio.close, self.renderer.close):
            try:
                step()
            except Exception as error:  # noqa: BLE001  shutdown goes on whatever one step does
                self._repeated.exception("close", f"closing failed: {error}")

    # --- inside

    def _audio_settings(self) -> AudioSettings:
        value = self.params.value
        gain, delay, attack, release = (value(f"audio/{name}") for name in ("gain", "delay", "attack", "release"))
        return AudioSettings(gain, delay, attack, release, FOLLOWED[int(value("color/follow"))] == "key")

    def _changed(self, key: str, value: float, origin: str) -> None:
        self.emit("param", {"key": key, "value": self.params.specs[key].public(value), "origin": origin})

    def _beat(self, before: TempoState, tempo: TempoState, now: float) -> None:
        beat = int(tempo.beat_at(now))
        if beat > int(before.beat_at(before.time)):
            bar, place = divmod(beat, tempo.beats_per_bar)
            self.emit("beat", {"beat": beat, "bar": bar, "in_bar": place + 1, "bpm": tempo.bpm, "source": tempo.source})

    def _on_the_beat(self, now: float, tempo: TempoState) -> None:
        if turns(*self.cues.advance(now, tempo), self._values["transition/every"]) and len(self.bank):
            self.call("style.next", {"on": "beat"}).add_done_callback(self._turned)

    def _fit(self, heard: Features, dt: float) -> None:
        wanted = self.cast.wanted(self._values.on("transition/character"), heard.rms, heard.centroid, dt)
        if wanted and wanted != self.stage.style.name:
            self.call("style.load", {"name": wanted}).add_done_callback(self._turned)

    def _turned(self, change: Future[Any]) -> None:
        error = change.exception()
        if isinstance(error, MorphogenError):
            self._repeated.warn("every", f"the next style cannot come in: {error}")

    def _compiled(self, shapes: tuple[Shape, ...]) -> bool:
        """For the stage, on the render thread: is it compiled? If not, compile it aside and be asked again."""
        wanted = program(shapes)
        if self.renderer.has(wanted):
            return True
        if shapes not in self._preparing:
            self._preparing.add(shapes)
            self.caller.submit(self._prepare, shapes)
        return False

    def _prepare(self, shapes: tuple[Shape, ...]) -> None:
        try:
            self.prepare(program(shapes))
        except MorphogenError as error:
            self._repeated.warn("compile", str(error))
            self.stage.refuse(shapes, error)
        finally:
            self._preparing.discard(shapes)

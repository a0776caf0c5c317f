"""The composition root: the only place that turns names into objects, wires them, and takes them apart again.

Order of opening: instrument, servers and sources, outputs, audio; closing is the reverse, each step guarded. The thread
that calls `serve` becomes the render thread.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from morphogen import links, log
from morphogen.ahead import Ahead
from morphogen.character import STYLES
from morphogen.clock import Clock, WallClock
from morphogen.config import Config
from morphogen.contracts import Source
from morphogen.control.colour import load_lut
from morphogen.controls.files import ControlFiles, controls_path
from morphogen.errors import MorphogenError, Unavailable
from morphogen.folders import cache_folder
from morphogen.grammar import parse_audio, parse_out
from morphogen.headroom import Headroom
from morphogen.instrument import Instrument
from morphogen.library.find import Library
from morphogen.ports import DEFAULT_BASE, Ports
from morphogen.registry import resolve
from morphogen.render import scribe
from morphogen.render.switch import switch
from morphogen.resume import restore, resumed_style
from morphogen.state import Autosaver, State, StateFile, state_path
from morphogen.still import warm_up

Announce = Callable[[str], None]
AUTOSAVE_SECONDS = 20.0

_log = log.get("app")


class App:
    """One running daemon. `open`, `run`, `close`; implements `instrument.Rig`."""

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self.config = config
        self.ports = Ports(config.port_base)
        self._clock = clock or WallClock()
        self._state_file = StateFile(state_path("" if config.port_base == DEFAULT_BASE else str(config.port_base)))
        self._saved = self._state_file.load() if config.resume else None
        self.instrument = self._build()
        self._links: dict[str, Source] = {}
        self._audio: Source | None = None
        self._audio_name = "none"
        self._heard: tuple[str, float | None, float] = ("none", None, 0.0)
        self._opened = False
        self._ahead = Ahead(self.instrument.library, self.instrument.bank, self.instrument.prepare_ahead)
        self._controls = ControlFiles(self.instrument.controls, controls_path(), config.maps)
        self._autosaver = Autosaver(self._state_file, self._collect, AUTOSAVE_SECONDS, self._clock)

    def _build(self) -> Instrument:
        config = self.config
        library = Library()
        style = resumed_style(library, config.style, self._saved.style if self._saved else "")
        renderer = switch(config.backend, config.threads, cache_folder())
        instrument = Instrument(self._clock, library, style, renderer, config.size, config.fps)
        instrument.rig = self
        instrument.cast.styles = config.character or STYLES
        instrument.publisher.region = config.region
        instrument.transport.choose(config.tempo, self._clock.now())
        if self._saved is not None:
            restore(instrument, self._saved)
            instrument.stage.slot = instrument.bank.locate(style.name)
        if config.lut:
            load_lut(instrument, config.lut)
        warm_up(renderer, style.network)
        if config.fps > 0 and config.quality == "auto" and not config.region:
            instrument.loop.headroom = Headroom(renderer.limit, 1 / config.fps)
        return instrument

    # --- life

    def open(self) -> None:
        """Start everything that listens, shows and sounds. Raises Unavailable, UsageError; then nothing stays open."""
        try:
            self._controls.open()
            for name, source in self._servers().items():
                source.open(self.instrument)
                self._links[name] = source
            self._open_outputs()
            self._first_audio()
            self._autosaver.start()
            self._ahead.start(self.instrument.stage.style.name)
            self.instrument.subscribe(self._turned)
            self._opened = True
        except BaseException:
            self.close()
            raise

    def _servers(self) -> dict[str, Source]:
        return links.servers(self.config, self.ports, self.instrument.relay)

    def run(self, seconds: float | None = None) -> None:
        """The show, on this thread, until stopped."""
        with scribe.employed():
            self.instrument.loop.run(seconds)

    def close(self) -> None:
        """Take everything apart; idempotent, bounded."""
        if self._opened:  # one that never played must not write over the state of the one that does
            self._autosaver.close()
        self._ahead.close()
        if self._audio is not None:
            self._audio.close()
            self._audio = None
        for source in reversed(self._links.values()):
            source.close()
        self._controls.close()
        self.instrument.close()

    def _turned(self, topic: str, data: Mapping[str, Any]) -> None:
        if topic == "style":
            self._ahead.turned(data["name"])

    def _open_outputs(self) -> None:
        choices = [parse_out(text) for text in self.config.outs]
        removed = {choice.kind for choice in choices if choice.remove}
        added = [choice for choice in choices if not choice.remove]
        named = {choice.kind for choice in added}
        for kind in [kind for kind in links.default_outputs() if kind not in removed | named]:
            self._open_default(kind)
        for choice in added:
            self.open_output(choice.kind, choice.options)
        for source in self._links.values():
            for sink in source.sinks():
                if sink.kind not in removed:
                    self.instrument.publisher.add(sink)

    def _open_default(self, kind: str) -> None:
        """Nobody asked for the platform's own texture sharing: where it is missing, the show goes on without."""
        try:
            self.open_output(kind, {})
        except Unavailable as error:
            if kind not in links.SHARED_TEXTURES.values():
                raise
            _log.warning("no %s: %s (Not wanted? --out -%s)", kind, error, kind)

    # --- instrument.Rig

    def audio_devices(self) -> list[dict[str, Any]]:
        return list(resolve("PROBES", "audio_devices")())

    def select_audio(self, source: str) -> str:
        """Change what is listened to; when the new source cannot be opened, the old one goes on."""
        choice = parse_audio(source)
        made, bpm, first_beat = links.listener(choice)
        old, self._audio = self._audio, None
        if old is not None:
            old.close()
        before, self._heard = self._heard, (choice.kind, bpm, first_beat)
        self.instrument.audio.restart(*self._heard)
        if made is not None:
            try:
                made.open(self.instrument)
            except MorphogenError:
                self._heard = before
                self.instrument.audio.restart(*before)
                if old is not None:
                    old.open(self.instrument)
                    self._audio = old
                raise
        self._audio, self._audio_name = made, source
        return source

    def link(self, on: bool | None = None) -> bool:
        joined = self._links.get("link")
        if on and joined is None:
            joined = links.link(self.config)
            joined.open(self.instrument)
            self._links["link"] = joined
        elif on is False and joined is not None:
            del self._links["link"]
            joined.close()
        return "link" in self._links

    def peers(self) -> int | None:
        joined = self._links.get("link")
        return None if joined is None else int(joined.stats()["peers"])

    def open_output(self, kind: str, options: Mapping[str, Any]) -> str:
        options = dict(options)
        if kind == "zmq":
            options.setdefault("port", str(self.ports.frames))
        return self.instrument.publisher.open(kind, options, resolve("SINKS", kind))

    def save_state(self) -> str:
        self._state_file.save(self._collect())
        return str(self._state_file.path)

    def control_files(self) -> dict[str, Any]:
        return {"file": str(self._controls.path), "problems": self._controls.problems()}

    def stats(self) -> dict[str, Any]:
        """Counters of what is linked."""
        found = {name: source.stats() for name, source in list(self._links.items())}  # Link comes and goes
        if self._audio is not None:
            found["audio_source"] = self._audio.stats()
        return found

    # --- inside

    def _first_audio(self) -> None:
        """What the last run listened to, if it is to go on and nothing else was asked for; else what was asked for."""
        if self._saved and self._saved.audio and self.config.audio == "demo":
            try:
                self.select_audio(self._saved.audio)
                return
            except MorphogenError as error:
                _log.warning("the sound of the last run is gone: %s", error)
        self.select_audio(self.config.audio)

    def _collect(self) -> State:
        instrument = self.instrument
        over = instrument.overlay.style
        return State(
            params=instrument.params.targets(), routes=instrument.matrix.routes(),
            snapshots=instrument.snapshots.list(), bank=list(instrument.bank.names),
            style=instrument.stage.style.name, layer=over.name if over else "",
            audio=self._audio_name, lut=instrument.composer.colourist.lut_path,
        )  # fmt: skip

    def describe(self) -> list[str]:
        """Lines that tell a person what is open."""
        lines = [f"Style {self.instrument.stage.style.name}, {self._sound()}"]
        if self.config.region:
            lines.append(f"Region    {self.config.region}")
        ports = self.ports
        lines.append(f"Page      {self._links['http'].describe()['url']}")
        lines.append(f"OSC       port {ports.osc} in, {ports.osc_out} back")
        lines.append(f"ZeroMQ    {ports.control} control, {ports.params} parameters, {ports.events} events,"
                     f" {ports.scenes} scenes")  # fmt: skip
        for row in self.instrument.publisher.list():
            lines.append(f"Output    {row['id']}: {row['name']}, {row['width']}x{row['height']}")
        return lines

    def _sound(self) -> str:
        if self._audio is None:
            return f"audio {self._audio_name}."
        return f"audio {self._audio.describe().get('text', self._audio_name)}."


def serve(config: Config, announce: Announce = print, make: Callable[[Config], App] = App) -> dict[str, Any]:
    """Play until stopped; returns the final numbers. First Ctrl-C ends gracefully, the second at once."""
    log.setup(config.verbose)
    app = make(config)
    try:
        with _signals(app):
            app.open()
            for line in app.describe():
                announce(line)
            if config.show:
                _show_page(app)
            app.run(config.seconds)
            return app.instrument.stats() | _flat(app)
    finally:
        app.close()


def _flat(app: App) -> dict[str, Any]:
    osc = app.stats().get("osc", {})
    return {"osc": {"received": osc.get("received", 0), "rejected": osc.get("rejected", 0)}}


def _show_page(app: App) -> None:
    import webbrowser

    threading.Thread(
        target=webbrowser.open, args=(f"http://127.0.0.1:{app.ports.http}/",), name="browser", daemon=True
    ).start()


@contextlib.contextmanager
def _signals(app: App) -> Iterator[None]:
    """SIGINT and SIGTERM stop the loop; a second SIGINT interrupts. The old handlers come back afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def graceful(number: int, frame: object) -> None:
        app.instrument.loop.stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    numbers = [n for n in (signal.SIGINT, getattr(signal, "SIGTERM", None)) if n is not None]
    before = {n: signal.signal(n, graceful) for n in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""MIDI in, and back to lamps and motors: every controller by its name, found again when it is plugged in again.

Three kinds of threads: the driver's only put messages with their time into a bounded queue; `midi` carries them out and
sends back what controllers should show; `midi-ports` looks for what comes and goes, as that can be slow.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from morphogen import log
from morphogen.contracts import Host, Source
from morphogen.errors import Unavailable
from morphogen_bridges.midi_clock import MidiClock
from morphogen_bridges.midi_ports import Port, System, fitting, partner
from morphogen_bridges.midi_words import CLOCK, CLOCKS, Reader, write

LOOK_SECONDS = 1.0  # between two looks for ports
SHOW_SECONDS = 1 / 30  # between two looks at what lamps should show
BURST = 32  # messages to one controller a look: with 30 of them the 1,000 a second of a MIDI cable are not exceeded
WAITING = 4096  # messages that may wait
CROWD = 128  # messages at once from which on faders say their newest value only
SLICE = 32  # messages carried out before other threads may run: about a millisecond
PAUSE = 1e-4
SILENT = 1.0  # seconds after which a clock has stopped

_log = log.get("midi")


@dataclass
class _Surface:
    """One controller that is plugged in."""

    port: Port
    prefix: str
    listening: Any = None
    speaking: Any = None
    reader: Reader = field(default_factory=Reader)
    clock: MidiClock = field(default_factory=MidiClock)
    shown: dict[str, list[list[int]]] = field(default_factory=dict)  # what it was sent, or has sent, last
    overflown: bool = False


class MidiSource(Source):
    """wanted: parts of port names, 'all' (or nothing) or 'none'. api: as mido calls it ('UNIX_JACK'); '' is the
    platform's own, or what MIDO_BACKEND says. Without anything wanted by name, a machine without MIDI is no error."""

    name: ClassVar[str] = "midi"

    def __init__(self, wanted: Sequence[str] = (), api: str = "") -> None:
        super().__init__()
        self.wanted = tuple(wanted)
        self._api = api
        self._absent = ""
        self._system: System | None = None
        self._surfaces: dict[str, _Surface] = {}
        self._threads: list[threading.Thread] = []
        self._stop, self._wake = threading.Event(), threading.Event()
        self._queue: deque[tuple[_Surface, list[int], float]] = deque()
        self._counts = dict.fromkeys(("received", "taken", "dropped", "sent", "rebinds"), 0)
        self._gone: set[str] = set()
        self._leader: _Surface | None = None
        self._repeated = log.Repeated(_log, interval=60.0)

    def stats(self) -> dict[str, Any]:
        """ports: [{name, feedback}], received, taken (by a rule), dropped, sent, rebinds, clock (bpm is the
        transport's to say): the port that leads, or ''; absent: why there is no MIDI, or ''."""
        surfaces = list(self._surfaces.values())
        leader = self._leader
        return {
            "ports": [{"name": one.port.name, "feedback": one.speaking is not None} for one in surfaces],
            **self._counts,
            "clock": leader.port.name if leader else "",
            "absent": self._absent,
        }

    def describe(self) -> dict[str, Any]:
        names = ", ".join(one.port.name for one in list(self._surfaces.values()))
        return {"text": names or self._absent or "no controller is plugged in"}

    def _open(self, host: Host) -> None:
        self._absent = ""
        if "none" in self.wanted:
            self._absent = "switched off"
            return
        try:
            self._system = System(self._api)
        except Unavailable as error:
            if self.wanted:
                raise
            self._absent = str(error)
            return
        self._host = host
        self._stop, self._wake = threading.Event(), threading.Event()
        self._look(self._system)
        for name, work in (("midi", self._work), ("midi-ports", self._watch)):
            thread = threading.Thread(target=work, args=(self._system, self._stop), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _close(self) -> None:
        self._stop.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(1.0)  # `midi-ports` closes the ports: a driver that hangs costs this second and no more
        self._threads.clear()
        self._system = None

    # --- ports that come and go

    def _watch(self, system: System, stop: threading.Event) -> None:
        while not stop.wait(LOOK_SECONDS):
            try:
                self._look(system)
            except Exception:  # noqa: BLE001  worker guard: what is open goes on
                self._repeated.exception("look", "looking for MIDI ports failed")
        for surface in list(self._surfaces.values()):
            self._unplug(system, surface)
        system.shut()

    def _look(self, system: System) -> None:
        try:
            found, outputs = fitting(system.inputs(), self.wanted), system.outputs()
        except Unavailable as error:
            self._repeated.warn("system", str(error))
            found, outputs = [], []
        there = {port.name: port for port in found}
        for name, surface in list(self._surfaces.items()):
            if name not in there or there[name].raw != surface.port.raw:
                self._unplug(system, surface)
                _log.info("the MIDI controller %r has gone; waiting for it", name)
        for name, port in there.items():
            out = partner(port, outputs)
            if name not in self._surfaces:
                self._plug(system, port)
            if out is not None and name in self._surfaces:
                self._answer(system, self._surfaces[name], out)

    def _plug(self, system: System, port: Port) -> None:
        surface = _Surface(port, f"midi/{port.name}/")
        now, queue, wake, counts = self._host.clock.now, self._queue, self._wake, self._counts

        def heard(message: list[int]) -> None:
            counts["received"] += 1
            if len(queue) >= WAITING:
                counts["dropped"] += 1
                surface.overflown = True
                return
            queue.append((surface, message, now()))
            wake.set()

        try:
            surface.listening = system.listen(port, heard)
        except Unavailable as error:
            self._repeated.warn(port.name, str(error))
            return
        self._counts["rebinds"] += surface.prefix in self._gone
        self._surfaces[port.name] = surface
        _log.info("MIDI controller %r", port.name)

    def _answer(self, system: System, surface: _Surface, out: Port) -> None:
        """Open the way back; a controller whose lamps stay dark is still a controller."""
        if surface.speaking is None:
            try:
                surface.speaking = system.speak(out)
            except Unavailable as error:
                self._repeated.warn(f"{out.name} back", str(error))

    def _unplug(self, system: System, surface: _Surface) -> None:
        del self._surfaces[surface.port.name]
        self._gone.add(surface.prefix)
        if self._stop.is_set():
            self._darken(surface)
        for port in (surface.listening, surface.speaking):
            if port is not None:
                system.close(port)
        self._host.controls.let_go(surface.prefix)

    # --- what comes in

    def _work(self, _system: System, stop: threading.Event) -> None:
        due = float("-inf")
        while not stop.is_set():
            self._wake.wait(SHOW_SECONDS)
            self._wake.clear()
            try:
                self._drain()
                now = self._host.clock.now()
                if now >= due:
                    due = now + SHOW_SECONDS
                    self._show()
                    self._release(now)
            except Exception:  # noqa: BLE001  worker guard: one bad message must not end control
                self._repeated.exception("work", "a MIDI message failed")

    def _drain(self) -> None:
        """Carry out what waits. Of a crowd, faders say their newest value only."""
        waiting = [self._queue.popleft() for _ in range(len(self._queue))]
        there = {id(surface) for surface in list(self._surfaces.values())}
        batch = [row for row in waiting if id(row[0]) in there]  # what is unplugged has been let go of already
        words = [(surface, message, at, self._words(surface, message)) for surface, message, at in batch]
        newest: dict[str, int] = {}
        if len(batch) > CROWD:
            newest = {address: n for n, (_, _, _, said) in enumerate(words) for address, _ in said}
        for number, (surface, message, at, said) in enumerate(words):
            if message and message[0] in CLOCKS:
                self._clocked(surface, message, at)
            for address, value in said:
                if newest.get(address, number) == number or not self._host.controls.newest_only(address):
                    self._felt(surface, address, value)
            if number % SLICE == SLICE - 1:
                time.sleep(PAUSE)  # really sleep, or the lock of the interpreter is back before the show has it
        for surface in {id(one): one for one, _, _ in batch if one.overflown}.values():
            surface.overflown = False
            self._host.controls.let_go(surface.prefix)  # a release may have been among what was dropped

    def _words(self, surface: _Surface, message: list[int]) -> list[tuple[str, float]]:
        return [(surface.prefix + rest, value) for rest, value in surface.reader.read(message)] if message else []

    def _felt(self, surface: _Surface, address: str, value: float) -> None:
        if self._host.controls.feel(address, value):
            self._counts["taken"] += 1
            rest = address.removeprefix(surface.prefix)
            surface.shown[rest] = write(rest, value)

    def _clocked(self, surface: _Surface, message: list[int], at: float) -> None:
        beat = surface.clock.hear(message, at)
        if message[0] == CLOCK and (self._leader is None or at - self._leader.clock.last > SILENT):
            self._leader = surface
        if beat is not None and surface is self._leader:
            self._host.follow_tempo("midi", beat.bpm, beat.beat_time, beat.confidence, beat.bar_time)

    def _release(self, now: float) -> None:
        if self._leader is not None and now - self._leader.clock.last > SILENT:
            self._leader = None
            self._host.release_tempo("midi")

    # --- what goes back

    def _show(self) -> None:
        """Send what has changed to lamps and motors, so much that no cable is flooded."""
        for surface in list(self._surfaces.values()):
            if surface.speaking is None:
                continue
            lit = self._host.controls.lights(surface.prefix)
            wanted = {address.removeprefix(surface.prefix): value for address, value in lit.items()}
            dark = [rest for rest, said in surface.shown.items() if rest.startswith("note/") and said and said[0][2]]
            wanted |= {rest: 0.0 for rest in dark if rest not in wanted}
            left = BURST
            for rest, value in wanted.items():
                said = write(rest, value)
                if said and said != surface.shown.get(rest) and left > 0:
                    left -= len(said)
                    self._send(surface, said)
                    surface.shown[rest] = said

    def _darken(self, surface: _Surface) -> None:
        for rest in list(surface.shown):
            if surface.speaking is not None and rest.startswith("note/"):
                self._send(surface, write(rest, 0.0))

    def _send(self, surface: _Surface, messages: list[list[int]]) -> None:
        for message in messages:
            try:
                surface.speaking.send_message(message)
            except (RuntimeError, OSError, ValueError) as error:  # gone: `midi-ports` will see it, too
                self._repeated.warn(surface.prefix, f"feedback to {surface.port.name!r} failed: {error}")
                return
            self._counts["sent"] += 1

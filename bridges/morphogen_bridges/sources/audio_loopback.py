"""What this machine plays (`--audio loopback`): the default output, wherever it moves to, or one output by its name."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from morphogen import log
from morphogen.contracts import Host, Source
from morphogen.errors import Unavailable
from morphogen_bridges import soundcards
from morphogen_bridges.soundcards import FAULTS, RATE, Output

LOOK_SECONDS = 1.0  # how often to look where the sound goes, and for an output that is away
OPEN_SECONDS = 3.0
CLOSE_SECONDS = 1.0

_log = log.get("audio")


class _Ear(threading.Thread):
    """One stream, on a thread of its own: the library blocks until something is played, on some systems for as long as
    it is quiet. An ear that is told to stop meanwhile ends at the next sound."""

    def __init__(self, host: Host, output: Output) -> None:
        super().__init__(name="audio-loopback", daemon=True)
        self._host = host
        self.output = output
        self.blocks = 0
        self.error = ""
        self.ready = threading.Event()
        self.stopped = threading.Event()
        self.start()

    def run(self) -> None:
        try:
            with soundcards.recorder(self.output) as stream:
                self.ready.set()
                while not self.stopped.is_set():
                    samples = stream.record(None)
                    if len(samples) and not self.stopped.is_set():
                        self.blocks += 1
                        self._host.audio.push(np.ascontiguousarray(samples, np.float32), RATE)
        except (Unavailable, *FAULTS) as error:
            self.error = str(error) or type(error).__name__
        self.stopped.set()
        self.ready.set()


class AudioLoopback(Source):
    """Listens to an output. `name`: whole, or a part of it; '' follows the system's default wherever it moves to.

    Silence is no error. An output that vanishes is waited for, never replaced by another, unless the system's default
    was asked for. A thread of its own looks after the stream.
    """

    name = "audio_loopback"

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self.wanted = name
        self._ear: _Ear | None = None
        self._bound = ""
        self._blocks = 0  # of ears that are gone
        self._rebinds = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def _open(self, host: Host) -> None:
        """Raises Unavailable: macOS (with the way round), no package, no sound server, no such output (with a list)."""
        self._listen(host, soundcards.find(self.wanted))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(host, self._stop), name="audio-outputs", daemon=True)
        self._thread.start()

    def _close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)
            self._thread = None
        ear = self._drop()
        if ear is not None:
            ear.join(CLOSE_SECONDS)

    def _listen(self, host: Host, output: Output) -> None:
        ear = _Ear(host, output)
        ear.ready.wait(OPEN_SECONDS)
        if ear.error:
            raise Unavailable(f"the output {output.name!r} cannot be heard: {ear.error}", soundcards.SERVER_CURE)
        self._ear, self._bound = ear, output.name

    def _drop(self) -> _Ear | None:
        ear, self._ear = self._ear, None
        if ear is not None:
            ear.stopped.set()
            self._blocks += ear.blocks
        return ear

    # --- the watching thread

    def _watch(self, host: Host, stop: threading.Event) -> None:
        while not stop.wait(LOOK_SECONDS):
            try:
                self._look(host)
            except Unavailable:
                pass  # still away; `describe` says so
            except Exception:  # noqa: BLE001  worker guard
                _log.exception("watching what this machine plays has failed; it goes on")

    def _look(self, host: Host) -> None:
        ear = self._ear
        if ear is not None and ear.stopped.is_set():
            _log.warning("the output %r has vanished; waiting for it", self._bound)
            self._drop()
            ear = None
        try:
            output = soundcards.find(self.wanted and self._bound, whole=True)
        except Unavailable:
            if ear is None:
                soundcards.reconnect()
            return
        if ear is None or (not self.wanted and output.id != ear.output.id):
            self._drop()
            self._listen(host, output)
            self._rebinds += 1
            _log.info("listening to %r", output.name)

    # --- what people see

    @property
    def _connected(self) -> bool:
        return self._ear is not None and not self._ear.stopped.is_set()

    def describe(self) -> dict[str, Any]:
        """{device, rate, connected, text}."""
        connected = self._connected
        text = f"listening to what {self._bound} plays" if connected else f"waiting for {self._bound or self.wanted}"
        return {"device": self._bound, "rate": RATE, "connected": connected, "text": text}

    def stats(self) -> dict[str, Any]:
        """{blocks, rebinds, connected}."""
        blocks = self._blocks + (self._ear.blocks if self._ear is not None else 0)
        return {"blocks": blocks, "rebinds": self._rebinds, "connected": self._connected}

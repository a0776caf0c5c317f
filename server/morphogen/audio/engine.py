"""From blocks of sound to the features of a frame: ring, analysis thread, history, delay, features from outside.

Live, a driver's callback pushes and an own thread analyses. Offline, `process` does the same work on the caller's
thread. Both use one `Listener`, so that a rendered video moves exactly as the stage did.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen import log
from morphogen.audio.features import GATE_DB, NAMES, SILENCE, AudioSettings, Features
from morphogen.audio.key import Key, Music
from morphogen.audio.listener import Listener
from morphogen.audio.ring import Ring
from morphogen.clock import Clock
from morphogen.contracts import TempoState
from morphogen.errors import ParamError
from morphogen.faces import Hearing
from morphogen.params.catalog import PULSES
from morphogen.tempo import Transport

EXTERNAL_SECONDS = 1.0
STALE_SECONDS = 0.25
FADE_SECONDS = 0.5
LIVE_PERIOD = 240.0
POSITION_SECONDS = 0.5
RESET_SECONDS = 0.15

_log = log.get("audio")


class AudioEngine:
    """Implements `contracts.AudioPort`.

    Threads: `push`, `position`, `xrun` on the source's (a driver's callback too), `features` on the render thread,
    `set_external` on any. None of them waits. `settings` is called once a block and once a frame.
    """

    def __init__(self, clock: Clock, transport: Transport, settings: Callable[[], AudioSettings]) -> None:
        self._clock = clock
        self._transport = transport
        self._settings = settings
        self._ring = Ring()
        self._wake = threading.Event()
        self._worker: threading.Thread | None = None
        self._stopping = False
        self._repeated = log.Repeated(_log, now=clock.now)
        self._lock = threading.Lock()  # one analyser at a time: the worker, `process` or `restart`
        self._outside = threading.Lock()  # held for a dictionary access
        self._external: dict[str, tuple[float, float]] = {}
        self._peaks: dict[str, float] = {}
        self._position: tuple[float, float | None, float] | None = None
        self._listener: Listener | None = None
        self._hearers: tuple[Hearing, ...] = ()
        self._processed: float | None = None
        self._offset: float | None = None
        self._silent = True
        self.restart("none")

    # --- AudioPort

    def push(self, samples: NDArray[np.float32], rate: int) -> None:
        """Copy a block (n, channels) or (n,) into the ring, stamped with the clock, and wake the analysis."""
        now = self._clock.now()
        self._ring.write(samples, rate, now)
        if self._worker is None:
            self._start()
        self._wake.set()
        for listener in self._hearers:
            listener(samples, rate, now)

    def position(self, seconds: float, duration: float | None) -> None:
        """Where a track is; with a known tempo the beat follows it."""
        now = self._clock.now()
        self._position = (seconds, duration, now)
        if self._track_bpm > 0.0:
            bar = 4 * 60.0 / self._track_bpm
            into = (seconds - self._first_beat) % bar
            self._transport.follow(self._track_bpm, now - into, 1.0, now, "track", bar_time=now - into)

    def xrun(self) -> None:
        self._xruns += 1

    def hear(self, listener: Hearing) -> Callable[[], None]:
        with self._outside:
            self._hearers = (*self._hearers, listener)

        def leave() -> None:
            with self._outside:
                self._hearers = tuple(one for one in self._hearers if one is not listener)

        return leave

    # --- the instrument's side

    def restart(self, kind: str, bpm: float | None = None, first_beat: float = 0.0) -> None:
        """The source changes: forget what was heard. kind: demo, none, osc, file, device, loopback. `bpm` and
        `first_beat` (seconds into the track): its tempo where it is known, else the tracker listens."""
        with self._lock:
            now = self._clock.now()
            self.kind = kind.partition(":")[0]
            self._track_bpm = bpm or 0.0
            self._first_beat = first_beat
            self._begin = now
            self._position = None
            self._xruns = 0
            self._ring.clear()
            self._listener = None
            self._processed = None
            self._offset = None
            self._transport.release("track", now)

    def features(self, now: float) -> Features:
        """What a frame at clock time `now` hears: own analysis `audio/delay` ago, the beat of the tempo clock, then
        whatever is sent from outside. Microseconds; never blocks."""
        settings = self._settings()
        then = now - 0.001 * settings.delay_ms
        listener = self._listener
        heard = listener.history.at(then) if listener is not None else None
        features, stamp = heard if heard is not None else (SILENCE, then)
        fade = min(max(1.0 - (then - stamp - STALE_SECONDS) / FADE_SECONDS, 0.0), 1.0)
        self._silent = fade < 1.0 or self.level_db < GATE_DB[1]
        time, progress = self._place(then)
        beat = self._beat(then, settings, features.beat, fade)
        own = replace(features, beat=beat, time=time, progress=progress)
        if fade < 1.0:
            own = _faded(own, fade)
        return self._with_external(own, now)

    def set_external(self, name: str, value: float, now: float) -> None:
        """A feature sent in by OSC or ZeroMQ, 0..1 (clipped). It wins over the own analysis until one second after
        its last message; for ever when the source is `osc`. Of a pulse (beat, onset) the next `features` shows the
        highest value since the last one, so that a 1 and its 0 between two frames are a flash of one frame.
        Raises ParamError: unknown feature, not a finite number."""
        if name not in NAMES:
            raise ParamError(f"there is no audio feature {str(name)[:40]!r}.", f"Known: {', '.join(NAMES)}.")
        if not math.isfinite(value):
            raise ParamError(f"audio/{name} must be a finite number.", "Send 0 to 1.")
        value = min(max(float(value), 0.0), 1.0)
        with self._outside:
            self._external[name] = (value, now)
            if f"audio/{name}" in PULSES:
                self._peaks[name] = max(value, self._peaks.get(name, 0.0))

    def process(self, samples: NDArray[np.float32], rate: int) -> None:
        """Analyse a block now, on this thread, for offline rendering and tests. The first block after a restart starts
        at the clock's time; each further block follows on without a gap, however the clock moves."""
        with self._lock:
            if self._processed is None:
                self._processed = self._clock.now()
            listener = self._listener_for(rate)
            listener.feed(samples, self._processed, self._settings())
            self._processed += len(samples) / rate
            self._follow(listener, self._processed)

    @property
    def level_db(self) -> float:
        """Level of the last window after gain, dBFS (RMS); -120 when silent or nothing is heard."""
        listener = self._listener
        return listener.level_db if listener is not None else -120.0

    @property
    def key(self) -> Key | None:
        """The key that is heard; None while nothing was clear, or `AudioSettings.keys` is off. Any thread."""
        listener = self._listener
        return listener.key if listener is not None else None

    @property
    def music(self) -> Music:
        """The key, and whether the last `features` heard nothing. Render thread."""
        return Music(self.key, self._silent)

    def stats(self) -> dict[str, Any]:
        """{source, rate, channels, xruns, overruns, blocks, latency_ms (push to published feature), level_db,
        analysis_us (mean a hop), bpm_heard, confidence, key ('A minor' or ''), key_confidence}."""
        listener = self._listener
        heard: dict[str, Any] = listener.stats() if listener is not None else {"rate": 0}
        return {
            "source": self.kind,
            "xruns": self._xruns,
            "overruns": self._ring.overruns,
            "blocks": self._ring.blocks,
            "channels": self._ring.channels,
            "level_db": round(self.level_db, 1),
            **heard,
        }

    def close(self) -> None:
        """End the analysis thread; idempotent."""
        self._stopping = True
        self._wake.set()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.join(1.0)

    # --- inside

    def _start(self) -> None:
        self._stopping = False
        self._worker = threading.Thread(target=self._run, name="audio-analysis", daemon=True)
        self._worker.start()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(0.5)
            self._wake.clear()
            try:
                self._drain()
            except Exception:  # noqa: BLE001  worker guard: bad sound must not end the analysis
                self._repeated.exception("analysis", "audio analysis failed; it goes on with the next block")
                self._wake.set()

    def _drain(self) -> None:
        with self._lock:
            while not self._stopping:
                block = self._ring.read()
                if block is None:
                    return
                start = self._steady(block.start_time, block.index / block.rate)
                listener = self._listener_for(block.rate)
                listener.feed(block.samples, start, self._settings())
                listener.delivered(self._clock.now() - block.end_time)
                self._follow(listener, self._clock.now())

    def _listener_for(self, rate: int) -> Listener:
        listener = self._listener
        if listener is None or listener.rate != rate:
            listener = self._listener = Listener(rate, self._clock.now)
            self._offset = None
        return listener

    def _steady(self, start: float, stream: float) -> float:
        """Start time of a block without the jitter of the driver's scheduling: clock minus stream time, averaged."""
        offset = start - stream
        old = self._offset
        if old is None or abs(offset - old) > RESET_SECONDS:
            self._offset = offset
        else:
            self._offset = old + 0.02 * (offset - old)
        return self._offset + stream

    def _follow(self, listener: Listener, now: float) -> None:
        if self._track_bpm <= 0.0:
            heard = listener.take_beat()
            if heard is not None:
                self._transport.follow(heard.bpm, heard.beat_time, heard.confidence, now)

    def _place(self, now: float) -> tuple[float, float]:
        """(seconds, progress): in the track, or live a slow triangle."""
        place = self._position
        if place is not None and place[1]:
            seconds = place[0] + min(max(now - place[2], -POSITION_SECONDS), POSITION_SECONDS)
            seconds = min(max(seconds, 0.0), place[1])
            return seconds, seconds / place[1]
        seconds = max(now - self._begin, 0.0)
        turn = seconds / LIVE_PERIOD % 1.0
        return seconds, 1.0 - abs(2.0 * turn - 1.0)

    def _beat(self, now: float, settings: AudioSettings, kick: float, fade: float) -> float:
        """Pulse of the tempo clock; where it is not sure of itself, the bass drum as heard."""
        state: TempoState = self._transport.state(now)
        if state.source == "none" or (state.source == "audio" and state.confidence < 0.2):
            return fade * kick
        share = fade if state.source in ("audio", "track") else 1.0  # a tapped tempo needs no sound
        since = state.phase_at(now) * 60.0 / state.bpm
        return share * math.exp(-1000.0 * since / max(settings.release_ms, 20.0))

    def _with_external(self, own: Features, now: float) -> Features:
        if not self._external:
            return own
        keep = self.kind == "osc"
        with self._outside:
            fresh = {name: v for name, (v, at) in self._external.items() if keep or now - at < EXTERNAL_SECONDS}
            fresh |= self._peaks
            self._peaks.clear()
        self._silent = self._silent and "centroid" not in fresh
        return replace(own, **fresh) if fresh else own


def _faded(features: Features, fade: float) -> Features:
    """Nothing has come for a while (a device vanished): down to silence instead of frozen loud."""
    levels = ("bass", "mid", "treble", "centroid", "rolloff", "flux", "rms", "onset")
    return replace(features, **{name: fade * getattr(features, name) for name in levels})

"""Ableton Link: tempo, beat and bar shared with everyone in the session, both ways.

The library is LinkPython (`pip install "morphogen[link]"`); it contains Ableton Link, which is GPL-2.0-or-later, and is
therefore never more than an extra. It is polled: reading the session takes 0.3 us.
"""

from __future__ import annotations

import threading
from typing import Any

from morphogen import log
from morphogen.contracts import Host, Source
from morphogen.errors import Unavailable

QUANTUM = 4.0  # beats in a bar, as the instrument counts
LOOK_SECONDS = 0.02
CLOSE_SECONDS = 1.0
STEADY = ("tap", "set", "beat", "midi", "track")  # tempi that were meant; one that was only heard is nobody's business
BPM_STEP, BEAT_STEP = 0.01, 0.02  # differences worth telling the session while nobody else is in it

_log = log.get("link")


class LinkSession(Source):
    """One seat in the session. With others in it, the session leads (`host.follow_tempo`), and what a person taps or
    sets goes into it. Alone, it keeps the instrument's own tempo and bars, for whoever comes.

    start_stop: take part in start and stop; while the session is stopped it does not lead.
    """

    name = "link"

    def __init__(self, start_stop: bool = False) -> None:
        super().__init__()
        self._start_stop = start_stop
        self._link: Any = None
        self._peers = 0
        self._playing = False
        self._bpm = 0.0
        self._sent = 0
        self._leading = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._unsubscribe: Any = None
        self._lock = threading.Lock()  # read, change, commit: one after the other

    def _open(self, host: Host) -> None:
        """Raises Unavailable without the library. Link itself cannot fail: without a network one is alone."""
        try:
            import link
        except (ImportError, OSError) as error:
            raise Unavailable(f"Ableton Link cannot be reached: {error}.", 'pip install "morphogen[link]"') from error
        self._link = link.Link(host.tempo().bpm)
        self._link.startStopSyncEnabled = self._start_stop
        self._link.enabled = True
        self._unsubscribe = host.subscribe(self._hear)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(host, self._stop), name="link", daemon=True)
        self._thread.start()

    def _close(self) -> None:
        self._unsubscribe()
        self._stop.set()
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)
            self._thread = None
        with self._lock:
            session, self._link = self._link, None
        session.enabled = False  # says good-bye to the others
        self._peers = 0

    def _watch(self, host: Host, stop: threading.Event) -> None:
        try:
            while not stop.wait(LOOK_SECONDS):
                self._look(host)
        except Exception:  # noqa: BLE001  worker guard
            _log.exception("Ableton Link has stopped")
        finally:
            host.release_tempo(self.name)

    def _look(self, host: Host) -> None:
        """Tell the instrument where the session is, or, alone, the session where the instrument is."""
        session = self._link
        peers = int(session.numPeers())
        state = session.captureAppSessionState()
        micros, now = self._instant(host)
        if peers != self._peers:
            _log.info("Ableton Link: %d other%s in the session", peers, "" if peers == 1 else "s")
        self._peers, self._playing, self._bpm = peers, bool(state.isPlaying()), float(state.tempo())
        if not peers:
            self._mirror(host)
        if peers and (self._playing or not self._start_stop):
            self._leading = True
            bar_phase = state.phaseAtTime(micros, QUANTUM)
            beat = 60.0 / self._bpm
            host.follow_tempo(self.name, self._bpm, now - bar_phase % 1.0 * beat, 1.0, now - bar_phase * beat)
        elif self._leading:
            self._leading = False
            host.release_tempo(self.name)

    def _instant(self, host: Host) -> tuple[int, float]:
        """The same moment on Link's clock (microseconds) and on the instrument's. They run at slightly different
        speeds, and a thread that is set aside between the two readings would put every beat wrong: the closest of
        three pairs counts."""
        clock, pairs = self._link.clock(), []
        for _ in range(3):
            before, micros, after = host.clock.now(), clock.micros(), host.clock.now()
            pairs.append((after - before, micros, (before + after) / 2))
        return min(pairs)[1:]

    def _mirror(self, host: Host) -> None:
        """Alone: keep what others will find when they come."""
        ours = host.tempo()
        if ours.source not in STEADY:
            return
        with self._lock:
            session = self._link
            state = session.captureAppSessionState()
            micros, now = self._instant(host)
            bar = ours.beat_at(now) % QUANTUM
            apart = (state.phaseAtTime(micros, QUANTUM) - bar + QUANTUM / 2) % QUANTUM - QUANTUM / 2
            if abs(state.tempo() - ours.bpm) >= BPM_STEP or abs(apart) >= BEAT_STEP:
                state.setTempo(ours.bpm, micros)
                state.requestBeatAtTime(bar, micros, QUANTUM)
                session.commitAppSessionState(state)

    def _hear(self, topic: str, data: dict[str, Any]) -> None:
        """A person's act, on the thread that acted: into the session, before the next look reads it back."""
        if topic != "hand" or data["act"] == "beat" or data["choice"] not in ("auto", "link"):
            return
        with self._lock:
            session = self._link
            if session is None or not self._peers:
                return
            state = session.captureAppSessionState()
            state.setTempo(data["bpm"], session.clock().micros())
            session.commitAppSessionState(state)
            self._sent += 1

    def describe(self) -> dict[str, Any]:
        """{name, peers, text}."""
        others = f"{self._peers} other{'' if self._peers == 1 else 's'}"
        return {"name": self.name, "peers": self._peers, "text": f"Ableton Link, {others} in the session"}

    def stats(self) -> dict[str, Any]:
        """{peers, bpm of the session, playing, leading, sent: tempi that went into it}."""
        return {"peers": self._peers, "bpm": round(self._bpm, 3), "playing": self._playing, "leading": self._leading,
                "sent": self._sent}  # fmt: skip

"""Everything that listens to one stream: features, tempo, and a short history stamped with clock times."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.audio.features import AudioSettings, Extractor, Features
from morphogen.audio.key import Key, KeyTracker
from morphogen.audio.tempo import BeatTracker, Heard

HISTORY = 256  # hops, 2.5 s: `audio/delay` looks back half a second at most


class History:
    """The last features with their clock times. One writer; readers on any thread, without a lock: each slot is
    replaced as one object."""

    def __init__(self) -> None:
        self._slots: list[tuple[Features, float] | None] = [None] * HISTORY
        self._count = 0

    def add(self, features: Features, stamp: float) -> None:
        """Append; `stamp` is the clock time at which the sound's last sample was heard."""
        self._slots[self._count % HISTORY] = (features, stamp)
        self._count += 1

    def at(self, time: float) -> tuple[Features, float] | None:
        """Newest entry that was heard at `time` or before, else the oldest kept; None when nothing was heard."""
        count = self._count
        found = None
        for index in range(count - 1, max(count - HISTORY, 0) - 1, -1):
            entry = self._slots[index % HISTORY]
            if entry is None:
                break
            found = entry
            if entry[1] <= time:
                break
        return found


class Listener:
    """Analyses one stream of constant rate. `feed` on one thread at a time; the rest may be read from any."""

    def __init__(self, rate: int, now: Callable[[], float]) -> None:
        self.rate = rate
        self.history = History()
        self._extractor = Extractor(rate)
        self._tracker = BeatTracker(self._extractor.hop_seconds)
        self._keys: KeyTracker | None = None  # only while anyone wants to know
        self._now = now
        self._samples = 0
        self._hops = 0
        self._busy = 0.0
        self._latency = 0.0
        self._rms = 0.0
        self._shift = 0.0
        self._beat: Heard | None = None

    def feed(self, samples: NDArray[np.float32], start: float, settings: AudioSettings) -> None:
        """Analyse a block whose first sample was heard at clock time `start`."""
        begin = self._now()
        self._shift = start - self._samples / self.rate
        hops = 0
        if settings.keys != (self._keys is not None):
            self._keys = KeyTracker(self.rate) if settings.keys else None
        for raw, features in self._extractor.feed(samples, settings):
            self._rms = raw.rms
            heard = self._tracker.step(raw.pulse, raw.time)
            if heard is not None:
                self._beat = replace(heard, beat_time=heard.beat_time + self._shift)
            self.history.add(features, raw.time + self._shift)
            if self._keys is not None:
                self._keys.step(self._extractor.spectrum.newest)
            hops += 1
        self._samples += len(samples)
        if hops:
            self._hops += hops
            self._busy += 0.05 * ((self._now() - begin) / hops - self._busy)

    def take_beat(self) -> Heard | None:
        """What the tracker found since the last call, in clock time."""
        beat, self._beat = self._beat, None
        return beat

    def delivered(self, latency: float) -> None:
        """Seconds from the end of a block's push to its published features."""
        self._latency += 0.05 * (latency - self._latency)

    @property
    def key(self) -> Key | None:
        """The key that is heard; None while nothing was clear, or nobody wants to know."""
        keys = self._keys
        return keys.key if keys is not None else None

    @property
    def level_db(self) -> float:
        """RMS of the last window, dBFS, not under -120."""
        return max(20.0 * math.log10(self._rms), -120.0) if self._rms > 1e-6 else -120.0

    def stats(self) -> dict[str, Any]:
        """Numbers for `AudioEngine.stats`."""
        heard, key = self._tracker.heard, self.key
        return {
            "rate": self.rate,
            "hops": self._hops,
            "latency_ms": round(1e3 * self._latency, 2),
            "analysis_us": round(1e6 * self._busy, 1),
            "bpm_heard": round(heard.bpm, 2) if heard else 0.0,
            "confidence": round(heard.confidence, 2) if heard else 0.0,
            "key": str(key) if key else "",
            "key_confidence": round(key.confidence, 2) if key else 0.0,
        }

"""Causal tempo and beat tracking."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heard:
    """Tempo in BPM, the time of the beat nearest to now (seconds, the caller's scale), confidence 0..1."""

    bpm: float
    beat_time: float
    confidence: float


class BeatTracker:
    heard: Heard | None = None

    def __init__(self, hop_seconds: float) -> None:
        self._hop = hop_seconds

    def step(self, pulse: float, time: float) -> Heard | None:
        return None

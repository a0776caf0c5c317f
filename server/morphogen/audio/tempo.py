"""Causal tempo and beat tracking of an onset envelope, in NumPy alone.

Tempo: autocorrelation of the last 15 seconds, read by a comb of beats and bars against thirds and quarters of a beat
(the weights were fitted on synthesised grooves and eight recordings), weighted with a wide preference around 125 BPM,
smoothed over time, with hysteresis. Phase: the envelope folded over the period, recent seconds weighing most; the
current phase has a bonus, so that a fill or a loud off-beat does not turn the beat round. The envelope itself weighs
drums by band (`spectrum.ONSET_WEIGHTS`), which keeps loud hats on the off-beat from pulling the beat over.

Where it fails: half and double time between 60 and 200 BPM are told apart by preference only (drum and bass at 174 with
kick and snare in turn is heard as 87); music without drums, or with more low drums off the beat than on it (the beat
then lies half a beat late); swing, rubato and a tempo that changes by more than a percent in ten seconds (it follows,
but late); the first three to six seconds. It knows no bars.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LENGTH = 1536  # hops kept, 15 s
EVERY = 10  # hops between two estimates
FIRST = 250  # hops before the first one
LOWEST, HIGHEST = 60.0, 200.0
STEPS = 180  # 0.67 % apart
# Lags in beats and their weights: beats and two bars speak for a tempo; thirds and quarters of a beat against it, since
# where they are as strong as the beats, the "beat" is one and a half or one and a quarter true ones.
COMB = ((1, 0.7), (2, 1.0), (3, 0.6), (4, 0.9), (8, 1.0),
        (1 / 3, -0.2), (2 / 3, -0.2), (4 / 3, -0.2), (5 / 3, -0.2),
        (1 / 4, -0.1), (3 / 4, -0.1), (5 / 4, -0.1), (7 / 4, -0.1))  # fmt: skip
PREFERRED, PREFERENCE_OCTAVES = 125.0, 0.85
SMOOTH_SECONDS = 1.5
STICKY = 1.12  # another tempo must score this much better
FOLD = 96  # phase bins of a beat
FOLD_SECONDS = 4.0
PHASE_BONUS = 0.8
FINE = np.linspace(-0.012, 0.012, 41)
FINE_BEATS = np.arange(4.0, 13.0)
ONSET_LAG = 0.028  # the envelope peaks this long after the drum's first sample (measured on kicks, snares, claps)


@dataclass(frozen=True, slots=True)
class Heard:
    """Tempo in BPM, the time of the beat nearest to now (seconds, the caller's scale), confidence 0..1."""

    bpm: float
    beat_time: float
    confidence: float


class BeatTracker:
    """Feed it one envelope value a hop; every tenth hop it says what it hears. Not thread-safe.

    Costs about 10 us a hop on average. Deterministic. `heard` is the last estimate.
    """

    def __init__(self, hop_seconds: float) -> None:
        self._hop = hop_seconds
        self.heard: Heard | None = None
        self._envelope = np.zeros(2 * LENGTH, np.float64)  # written twice, so that the last LENGTH lie in one piece
        self._count = 0
        self._periods = 60.0 / hop_seconds / np.geomspace(HIGHEST, LOWEST, STEPS)
        bpm = 60.0 / hop_seconds / self._periods
        self._preference = np.exp(-0.5 * (np.log2(bpm / PREFERRED) / PREFERENCE_OCTAVES) ** 2)
        self._lags = np.outer([lag for lag, _ in COMB], self._periods)
        self._lag_weights = np.array([weight for _, weight in COMB])
        self._scores = np.zeros(STEPS)
        self._smooth = 1.0 - math.exp(-EVERY * hop_seconds / SMOOTH_SECONDS)
        self._chosen = -1
        age = np.arange(LENGTH - 1, -1, -1) * hop_seconds
        self._age_weights = np.exp(-age / FOLD_SECONDS)
        kernel = np.exp(-0.5 * (np.arange(-6, 7) / 2.0) ** 2)
        self._fold_kernel = kernel / kernel.sum()
        blur = np.exp(-0.5 * (np.arange(-4, 5) / 1.5) ** 2)
        self._blur = blur / blur.sum()
        self._beat = 0.0

    def step(self, pulse: float, time: float) -> Heard | None:
        """One hop's low-weighted onset strength, and the time it was heard. A new estimate every tenth hop, else
        None."""
        at = self._count % LENGTH
        self._envelope[at] = self._envelope[at + LENGTH] = pulse
        self._count += 1
        if self._count < FIRST or self._count % EVERY:
            return None
        start = self._count % LENGTH
        recent = self._envelope[start : start + LENGTH]
        self.heard = self._estimate(recent, time)
        return self.heard

    def _estimate(self, envelope: NDArray[np.float64], time: float) -> Heard:
        level = float(envelope[-500:].mean())
        if level < 1e-3:  # silence: keep the last tempo, trust nothing
            last = self.heard or Heard(120.0, time, 0.0)
            return Heard(last.bpm, last.beat_time, 0.0)
        correlation = self._correlate(envelope)
        rating = self._rate(correlation)
        period = self._refine(correlation, float(self._periods[self._chosen]))
        beat, contrast = self._phase(envelope, period, time)
        confidence = max(0.0, min(1.0, 1.4 * rating)) * max(0.0, min(1.0, 1.6 * contrast))
        return Heard(60.0 / (period * self._hop), beat, confidence)

    def _correlate(self, envelope: NDArray[np.float64]) -> NDArray[np.float64]:
        """Autocorrelation at whole lags, 1 at lag 0, corrected for the shrinking overlap."""
        smooth = np.convolve(envelope, self._blur, "same")
        filled = min(self._count, LENGTH)
        part = smooth[LENGTH - filled :]
        part = part - part.mean()
        power = np.abs(np.fft.rfft(part, 2 * LENGTH)) ** 2
        correlation = np.fft.irfft(power)[:LENGTH]
        overlap = np.maximum(filled - np.arange(LENGTH), 0.25 * filled)
        return correlation / overlap / (correlation[0] / filled + 1e-12)

    def _rate(self, correlation: NDArray[np.float64]) -> float:
        """Rate every tempo, remember the ratings, choose one; returns the chosen one's autocorrelation score."""
        values = np.interp(self._lags, np.arange(LENGTH), correlation, right=0.0)
        raw = self._lag_weights @ values
        self._scores += self._smooth * (raw * self._preference - self._scores)
        best = int(np.argmax(self._scores))
        chosen = self._chosen
        if chosen >= 0:
            near = slice(max(chosen - 4, 0), chosen + 5)
            local = near.start + int(np.argmax(self._scores[near]))
            best = best if self._scores[best] > STICKY * self._scores[local] else local
        self._chosen = best
        return float(values[:4, best].mean())

    def _refine(self, correlation: NDArray[np.float64], period: float) -> float:
        """The period to a tenth of a percent: best match over four to twelve beats."""
        periods = period * (1.0 + FINE)
        lags = np.outer(FINE_BEATS, periods)
        values = np.interp(lags, np.arange(LENGTH), correlation, right=0.0).sum(axis=0)
        return float(periods[np.argmax(values)])

    def _phase(self, envelope: NDArray[np.float64], period: float, time: float) -> tuple[float, float]:
        """(time of the nearest beat, contrast 0..1 of the folded envelope)."""
        age = np.arange(LENGTH - 1.0, -1.0, -1.0)
        bins = ((-age / period) % 1.0 * FOLD).astype(np.intp) % FOLD
        folded = np.bincount(bins, envelope * self._age_weights, FOLD)
        fold = np.convolve(np.concatenate((folded[-6:], folded, folded[:6])), self._fold_kernel, "valid")
        seconds = period * self._hop
        now = time - ONSET_LAG
        if self.heard is not None:
            expected = (self._beat - now) / seconds
            distance = (np.arange(FOLD) / FOLD - expected + 0.5) % 1.0 - 0.5
            rated = fold * (1.0 + PHASE_BONUS * np.exp(-0.5 * (distance / 0.08) ** 2))
        else:
            rated = fold
        peak = int(np.argmax(rated))
        left, middle, right = fold[peak - 1], fold[peak], fold[(peak + 1) % FOLD]
        bend = left - 2.0 * middle + right
        shift = 0.5 * (left - right) / bend if bend < 0.0 else 0.0
        phase = (peak + 0.5 + min(max(shift, -0.5), 0.5)) / FOLD
        phase = phase if phase < 0.5 else phase - 1.0
        self._beat = now + phase * seconds
        return self._beat, float((middle - fold.mean()) / (middle + 1e-9))

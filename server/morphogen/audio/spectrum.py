"""Streaming short-time spectrum: blocks of any size in, one un-normalised measurement every 10 ms out.

The definitions are librosa's (`feature.rms`, `spectral_centroid`, `spectral_rolloff` with 0.85, `onset.onset_strength`
on the magnitudes, all with `center=False`); a test compares them. Each measurement sees only the past.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

HOP_SECONDS = 0.01
REFERENCE_RATE = 48_000
REFERENCE_FFT = 2048
BASS_HZ = (20.0, 250.0)
MID_HZ = (250.0, 4000.0)
TREBLE_HZ = (4000.0, 20_000.0)
ROLLOFF = 0.85
# Drum-shaped bands for onsets: edges in Hz, and how much a rise in each says "beat". Kicks carry it, then the body and
# crack of a snare; loud hats lie on the off-beat more often than not, so that the top band speaks against.
ONSET_EDGES = (30.0, 60.0, 110.0, 180.0, 350.0, 700.0, 1500.0, 3000.0, 6000.0, 16_000.0)
ONSET_WEIGHTS = (1.0, 1.0, 0.7, 0.4, 0.3, 0.45, 0.75, 0.5, -0.1)
PEAK_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Raw:
    """One hop, un-normalised.

    time: seconds of sound heard up to the end of the window. bass, mid, treble: RMS amplitude of the band (a full-scale
    sine inside it gives 0.71). centroid, rolloff: Hz. flux: mean rise of the magnitudes. rms: amplitude of the window.
    pulse: low-weighted rise of the log bands, for the tempo tracker. attack: the same with all bands equal, for onsets.
    """

    time: float
    bass: float
    mid: float
    treble: float
    centroid: float
    rolloff: float
    flux: float
    rms: float
    pulse: float
    attack: float


def fft_size(rate: int) -> int:
    """Power of two nearest (in ratio) to 2048 samples at 48 kHz, so that the window always lasts about 43 ms."""
    return int(2 ** round(math.log2(REFERENCE_FFT * rate / REFERENCE_RATE)))


class Spectrum:
    """Measures one mono stream. Not thread-safe: one thread feeds it. Buffers are allocated once."""

    def __init__(self, rate: int) -> None:
        """Raises ValueError for a rate that no sound card has."""
        if not 4000 <= rate <= 400_000:
            raise ValueError(f"sample rate {rate} Hz is outside 4000 to 400000.")
        self.rate = rate
        self.hop = round(rate * HOP_SECONDS)
        self.size = fft_size(rate)
        self.hop_seconds = self.hop / rate
        self._window = np.hanning(self.size + 1)[:-1].astype(np.float32)
        self._buffer = np.zeros(8 * self.size, np.float32)
        self._end = self.size
        self._pending = 0
        self._hops = 0
        self._allocate()

    def _allocate(self) -> None:
        bins = self.size // 2 + 1
        self._tapered = np.empty(self.size, np.float32)
        self._magnitude = np.zeros(bins, np.float32)
        self._previous = np.zeros(bins, np.float32)
        self._power = np.empty(bins, np.float32)
        self._work = np.empty(bins, np.float32)
        self._hz = (np.arange(bins) * (self.rate / self.size)).astype(np.float32)
        self._bands = tuple(self._bins(low, high) for low, high in (BASS_HZ, MID_HZ, TREBLE_HZ))
        # Parseval for a one-sided spectrum: mean square of the signal = 2 sum |X|^2 / (N sum w^2).
        self._scale = 2.0 / (self.size * float(np.sum(self._window**2)))
        edges = np.minimum(np.searchsorted(self._hz, np.array(ONSET_EDGES)), bins - 2)
        self._starts, self._last = edges[:-1].astype(np.intp), int(edges[-1]) + 1
        self._weights = np.array(ONSET_WEIGHTS)
        count = len(self._weights)
        self._levels = np.zeros(count)
        self._past = np.zeros((2, count))
        self._loudest = 1e-9
        self._fade = math.exp(-self.hop_seconds / PEAK_SECONDS)

    def _bins(self, low: float, high: float) -> slice:
        first, last = np.searchsorted(self._hz, (low, min(high, self.rate / 2)))
        return slice(int(first), max(int(last), int(first)))

    def feed(self, samples: NDArray[np.float32], gain: float = 1.0) -> Iterator[Raw]:
        """Yield one `Raw` for every hop that the block (n, channels) or (n,) completes. Consume it to the end."""
        mono = samples if samples.ndim == 1 else samples @ self._mixer(samples.shape[1])
        if gain != 1.0:
            mono = mono * np.float32(gain)
        start = 0
        while start < len(mono):
            count = min(self.hop - self._pending, len(mono) - start)
            self._append(mono[start : start + count])
            start += count
            self._pending += count
            if self._pending == self.hop:
                self._pending = 0
                self._hops += 1
                yield self._measure()

    @property
    def newest(self) -> NDArray[np.float32]:
        """The last hop's samples, mono, after gain, finite; valid until more are fed."""
        return self._buffer[self._end - self.hop : self._end]

    @staticmethod
    @cache
    def _mixer(channels: int) -> NDArray[np.float32]:
        return np.full(channels, 1.0 / channels, np.float32)

    def _append(self, part: NDArray[np.float32]) -> None:
        count = len(part)
        if self._end + count > len(self._buffer):
            self._buffer[: self.size] = self._buffer[self._end - self.size : self._end]
            self._end = self.size
        target = self._buffer[self._end : self._end + count]
        target[:] = part
        if not math.isfinite(np.add.reduce(target)):  # a broken driver must not poison what follows
            np.nan_to_num(target, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        self._end += count

    def _measure(self) -> Raw:
        window = self._buffer[self._end - self.size : self._end]
        self._magnitude, self._previous = self._previous, self._magnitude
        magnitude, power, work = self._magnitude, self._power, self._work
        np.multiply(window, self._window, out=self._tapered)
        np.abs(np.fft.rfft(self._tapered), out=magnitude)
        np.multiply(magnitude, magnitude, out=power)
        bass, mid, treble = (math.sqrt(float(np.add.reduce(power[band])) * self._scale) for band in self._bands)
        np.subtract(magnitude, self._previous, out=work)
        np.maximum(work, 0.0, out=work)
        flux = float(np.add.reduce(work)) / len(work)
        np.cumsum(magnitude, out=work)
        total = float(work[-1])
        centroid = float(np.dot(magnitude, self._hz)) / total if total > 1e-9 else 0.0
        rolloff = float(self._hz[np.searchsorted(work, ROLLOFF * total)]) if total > 1e-9 else 0.0
        rms = math.sqrt(float(np.dot(window, window)) / self.size)
        pulse, attack = self._onset()
        time = self._hops * self.hop_seconds
        return Raw(time, bass, mid, treble, centroid, rolloff, flux, rms, pulse, attack)

    def _onset(self) -> tuple[float, float]:
        """Rise of the band amplitudes, relative to the loudest band of the last seconds, over the two hops before:
        (low-weighted, all bands equal). Amplitudes, not decibels: those make a bass note as strong as the kick, which
        cost a third of the tempi on the test grooves."""
        levels = np.add.reduceat(self._power[: self._last], self._starts)
        self._loudest = max(float(np.maximum.reduce(levels)), self._loudest * self._fade, 1e-9)
        np.sqrt(levels / self._loudest, out=self._levels)
        rise = self._levels - np.maximum(self._past[0], self._past[1])
        np.maximum(rise, 0.0, out=rise)
        self._past[0] = self._past[1]
        self._past[1] = self._levels
        return max(float(np.dot(rise, self._weights)), 0.0), float(np.add.reduce(rise)) / len(rise)

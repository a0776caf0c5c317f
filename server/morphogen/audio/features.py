"""Audio features 0..1 for pictures: one streaming implementation for live sound and for offline rendering.

`Spectrum` measures, `Extractor` brings each measurement to 0..1 with a range that follows the music: quiet music still
moves, a loud start pins nothing, and silence is 0, not amplified noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from morphogen.audio.spectrum import Raw, Spectrum

NAMES = ("bass", "mid", "treble", "centroid", "rolloff", "flux", "progress", "beat", "rms", "onset")
GATE_DB = (-66.0, -56.0)  # closed below, open above: the hiss of a line input lies under it, quiet music over it
LEAST_CEILING = 0.004  # -48 dBFS: nothing quieter is ever stretched to the full range
LEAST_SHARE = 0.02  # a band 34 dB below the whole is noise, not music
HEADROOM = 1.05
CEILING_SECONDS = 5.0
FLOOR_SECONDS = 12.0
FLOOR_FALL_SECONDS = 0.3
FLOOR_SHARE = 0.6
LEAST_OCTAVES = 1.0
ONSET_LEAST = 0.015
KICK_LEAST = 0.12


@dataclass(frozen=True, slots=True)
class Features:
    """What a picture hears, each 0..1; `time` is seconds into the track (live: since listening began).

    Between hops nothing changes: render loops read the newest. Immutable, so that any thread may keep it.
    """

    bass: float = 0.0
    mid: float = 0.0
    treble: float = 0.0
    centroid: float = 0.0
    rolloff: float = 0.0
    flux: float = 0.0
    progress: float = 0.0
    beat: float = 0.0
    rms: float = 0.0
    onset: float = 0.0
    time: float = 0.0


SILENCE = Features()


@dataclass(frozen=True, slots=True)
class AudioSettings:
    """What the parameters `audio/gain delay attack release` say; gain a factor, the others milliseconds. keys: whether
    anyone wants to know the key."""

    gain: float = 1.0
    delay_ms: float = 0.0
    attack_ms: float = 10.0
    release_ms: float = 120.0
    keys: bool = False


class AdaptiveRange:
    """Floor and ceiling that follow a signal: out at once, back in slowly. One per feature; plain floats."""

    __slots__ = ("_fall", "_in", "_rise", "ceiling", "floor")

    def __init__(self, hop_seconds: float, floor: float, ceiling: float) -> None:
        self.floor = floor
        self.ceiling = ceiling
        self._in = 1.0 - math.exp(-hop_seconds / CEILING_SECONDS)
        self._rise = 1.0 - math.exp(-hop_seconds / FLOOR_SECONDS)
        self._fall = 1.0 - math.exp(-hop_seconds / FLOOR_FALL_SECONDS)

    def follow(self, value: float) -> None:
        """Take one measurement into account."""
        self.ceiling = value if value > self.ceiling else self.ceiling + (value - self.ceiling) * self._in
        self.floor += (value - self.floor) * (self._fall if value < self.floor else self._rise)

    def amplitude(self, value: float, least: float) -> float:
        """`value` (a level) as 0..1; the ceiling never counts as lower than `least`, the floor as more than 60 %."""
        ceiling = max(self.ceiling * HEADROOM, least)
        floor = min(self.floor, FLOOR_SHARE * self.ceiling) if self.ceiling > least else 0.0
        return _unit((value - floor) / (ceiling - floor))

    def position(self, value: float, least: float) -> float:
        """`value` as 0..1 of a range that is at least `least` wide."""
        middle = 0.5 * (self.floor + self.ceiling)
        half = 0.5 * max(self.ceiling - self.floor, least)
        return _unit((value - middle + half) / (2.0 * half))


def _unit(value: float) -> float:
    return 0.0 if value < 0.0 else min(value, 1.0)


def _pulse(value: float) -> float:
    return value if value > 1e-3 else 0.0


class OnsetPicker:
    """Says at which hop something starts: the rise exceeds its own recent mean clearly, 60 ms apart at least."""

    __slots__ = ("_least", "_mean", "_previous", "_since", "_step", "_track")

    def __init__(self, hop_seconds: float, least: float = ONSET_LEAST) -> None:
        self._step = hop_seconds
        self._least = least
        self._track = 1.0 - math.exp(-hop_seconds / 0.8)
        self._mean = 0.0
        self._previous = 0.0
        self._since = 1.0

    def step(self, attack: float) -> bool:
        """One hop's rise of the bands (`Raw.attack`)."""
        self._since += self._step
        hit = attack > self._least + 1.8 * self._mean and attack >= self._previous and self._since >= 0.06
        self._mean += (attack - self._mean) * self._track
        self._previous = attack
        if hit:
            self._since = 0.0
        return hit


class Extractor:
    """Streaming features of one sound. Not thread-safe: one thread feeds it.

    `beat` is the bass drum as heard; `AudioEngine` puts the tempo clock's beat there where it is sure of itself.
    `progress` stays 0 here: the track knows it.
    """

    def __init__(self, rate: int) -> None:
        self.spectrum = Spectrum(rate)
        step = self.hop_seconds = self.spectrum.hop_seconds
        self._amplitudes = {name: AdaptiveRange(step, 0.0, 0.03) for name in ("bass", "mid", "treble", "rms")}
        self._flux = AdaptiveRange(step, 0.0, 0.0)
        self._centroid: AdaptiveRange | None = None
        self._rolloff: AdaptiveRange | None = None
        self._onsets = OnsetPicker(step)
        self._smooth = dict.fromkeys(("bass", "mid", "treble", "centroid", "rolloff", "flux", "rms"), 0.0)
        self._kicks = OnsetPicker(step, KICK_LEAST)
        self._onset = 0.0
        self._kick = 0.0

    def feed(
        self, samples: NDArray[np.float32], settings: AudioSettings | None = None
    ) -> Iterator[tuple[Raw, Features]]:
        """Yield (raw, features) for every 10 ms hop that the block (n, channels) or (n,) float32 completes."""
        settings = settings or AudioSettings()
        for raw in self.spectrum.feed(samples, settings.gain):
            yield raw, self._features(raw, settings)

    def _features(self, raw: Raw, settings: AudioSettings) -> Features:
        gate = self._gate(raw.rms)
        if gate > 0.0:
            self._follow(raw)
        targets = self._targets(raw) if gate > 0.0 else {}
        attack, release = self._rate(settings.attack_ms), self._rate(settings.release_ms)
        smooth = self._smooth
        for name, old in smooth.items():
            target = targets.get(name, 0.0) * gate
            new = old + (target - old) * (attack if target > old else release)
            smooth[name] = new if new > 1e-4 else 0.0
        hit = self._onsets.step(raw.attack) and gate > 0.5
        self._onset = 1.0 if hit else self._onset * (1.0 - release)
        kick = self._kicks.step(raw.pulse) and gate > 0.5
        self._kick = 1.0 if kick else self._kick * (1.0 - release)
        return Features(**smooth, onset=_pulse(self._onset), beat=_pulse(self._kick), time=raw.time)

    def _gate(self, rms: float) -> float:
        level = 20.0 * math.log10(rms) if rms > 1e-9 else -180.0
        return _unit((level - GATE_DB[0]) / (GATE_DB[1] - GATE_DB[0]))

    def _follow(self, raw: Raw) -> None:
        for name, span in self._amplitudes.items():
            span.follow(getattr(raw, name))
        self._flux.follow(raw.flux)
        self._centroid = self._pitch(self._centroid, raw.centroid)
        self._rolloff = self._pitch(self._rolloff, raw.rolloff)

    def _pitch(self, span: AdaptiveRange | None, hertz: float) -> AdaptiveRange | None:
        """Follow a frequency in octaves; the first one heard is the middle of the range."""
        if hertz <= 0.0:
            return span
        octave = math.log2(hertz)
        if span is None:
            span = AdaptiveRange(self.hop_seconds, octave - LEAST_OCTAVES, octave + LEAST_OCTAVES)
        span.follow(octave)
        return span

    def _targets(self, raw: Raw) -> dict[str, float]:
        least = max(LEAST_CEILING, LEAST_SHARE * self._amplitudes["rms"].ceiling)
        targets = {name: span.amplitude(getattr(raw, name), least) for name, span in self._amplitudes.items()}
        targets["flux"] = self._flux.amplitude(raw.flux, 1e-3)
        if self._centroid is not None and raw.centroid > 0.0:
            targets["centroid"] = self._centroid.position(math.log2(raw.centroid), LEAST_OCTAVES)
        if self._rolloff is not None and raw.rolloff > 0.0:
            targets["rolloff"] = self._rolloff.position(math.log2(raw.rolloff), LEAST_OCTAVES)
        return targets

    def _rate(self, milliseconds: float) -> float:
        """Share of the way to the target covered in one hop."""
        return 1.0 if milliseconds <= 0.0 else 1.0 - math.exp(-1000.0 * self.hop_seconds / milliseconds)

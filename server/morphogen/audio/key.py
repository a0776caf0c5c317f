"""Which key the music is in, heard as it plays: pitch classes of spectral peaks, matched with key profiles.

A window of 0.7 s, five times a second: peaks of the spectrum between 60 Hz and 2 kHz (interpolated, clearly above their
surroundings; after Gomez, "Tonal description of music audio signals", 2006) are folded onto twelve pitch classes around
a tuning that is estimated as well, and averaged over `MEMORY` seconds of *tonal* sound: a window counts as far as its
peaks lie on one grid of semitones, so that drums, noise and silence say nothing. The average is correlated with the
profiles of Albrecht and Shanahan, "The use of large corpora to train a new type of key-finding algorithm", Music
Perception 31(1), 2013, to which the third harmonic of each note is added (counted in music, they were right for 92 % of
62 synthesised pieces; those of Krumhansl and Kessler, asked of listeners, for 73 %). A key stays until another one fits
better for a while; where what was heard lately fits it badly, what was heard before is forgotten at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from morphogen.audio.spectrum import fft_size

MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)
NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
WINDOW = 16  # times the window of the other features
EVERY = 20  # hops between two windows
LOWEST, HIGHEST = 60.0, 2000.0
CENTRE, OCTAVES = 350.0, 1.2  # notes lie here; further up are mostly their harmonics
PROMINENT = 2.5  # times the mean of what is around a peak
LEAST = 3e-3  # of the highest peak
THIRD = 0.22  # share of a note that is heard a fifth higher, as its third harmonic
SILENT, BROKEN = 3e-3, 1e6  # peaks: -50 dBFS, and what no sound card means
ON_GRID = (0.25, 0.6)  # order of the peaks: below it is noise, above it is music
FEW = 4.0
TONAL_SECONDS = 1.0
MEMORY, LATELY = 10.0, 4.0
FOREIGN = 0.6  # by so much does what was heard lately fit better to another key: then older sound is forgotten
SURE = 0.35  # confidence below which nothing is decided
BETTER, WAIT = 0.03, 2.0  # another key's correlation must be higher by so much, for so many seconds
FIRST_SECONDS = 1.5  # of tonal sound before the first answer
TUNING_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Key:
    """tonic: 0 is C, 11 is B. confidence: 0..1, of what is heard now; the key is the last one that was clear."""

    tonic: int
    minor: bool
    confidence: float

    def __str__(self) -> str:
        return f"{MINOR_NAMES[self.tonic]} minor" if self.minor else f"{NAMES[self.tonic]} major"

    @property
    def place(self) -> float:
        """Where it lies on the circle of fifths, in turns from -0.5 to 0.5: C 0, G 1/12, F -1/12. A minor key lies a
        third of a step beyond its relative major: halfway between their scales, which are the same, and their chords,
        whose mean notes are two thirds of a step apart."""
        fifths = 7 * (self.tonic + 3 * self.minor) % 12 + self.minor / 3
        return (fifths / 12 + 0.5) % 1.0 - 0.5


@dataclass(frozen=True, slots=True)
class Music:
    """What the picture's hue is told beside the features. key: None where none was clear, or nobody asked. silent:
    nothing is heard, and features fall back; those from outside are believed."""

    key: Key | None = None
    silent: bool = False


class KeyTracker:
    """Feed it every hop of sound. Not thread-safe: one thread feeds it, `key` may be read from any. Deterministic."""

    def __init__(self, rate: int) -> None:
        self.key: Key | None = None
        self._rate = rate
        self._size = WINDOW * fft_size(rate)
        self._window = np.hanning(self._size + 1)[:-1].astype(np.float32)
        self._buffer = np.zeros(2 * self._size, np.float32)
        self._end = self._size
        self._hops = 0
        self._low = round(LOWEST * self._size / rate)
        self._around(round(min(HIGHEST, 0.45 * rate) * self._size / rate))
        self._chroma, self._lately = np.zeros(12), np.zeros(12)
        self._heard = 0.0  # seconds of tonal sound
        self._tonal = 0.0  # how much of what is heard now is
        self._tuning = 0j
        self._offset = 0.0  # of A from 440 Hz, in semitones
        self._rival, self._waited = -1, 0.0

    def _around(self, high: int) -> None:
        """Bins from which to which a peak's surroundings are taken: a fifth of its frequency to either side."""
        bins = np.arange(self._low, high)
        reach = np.maximum(bins // 5, 6)
        self._first = np.maximum(bins - reach - self._low, 0)
        self._last = np.minimum(bins + reach + 1, high) - self._low

    def step(self, samples: NDArray[np.float32]) -> Key | None:
        """One hop (n,) of finite mono samples. A new answer every twentieth hop, else None."""
        count = len(samples)
        if self._end + count > len(self._buffer):
            self._buffer[: self._size] = self._buffer[self._end - self._size : self._end]
            self._end = self._size
        self._buffer[self._end : self._end + count] = samples
        self._end += count
        self._hops += 1
        if self._hops % EVERY:
            return None
        self._listen(EVERY * count / self._rate)
        return self.key

    def _listen(self, seconds: float) -> None:
        """The last window, `seconds` after the one before."""
        notes, strengths = self._peaks(self._buffer[self._end - self._size : self._end])
        share, turns = _on_grid(notes, strengths)
        if share > 0.0:
            self._tune(turns * share, seconds)
        self._tonal += (1.0 - math.exp(-seconds / TONAL_SECONDS)) * (share - self._tonal)
        music = share * self._tonal * seconds  # a drum rings on one grid for a moment, music goes on doing so
        if music > 0.0:
            self._heard += music
            found = self._fold(notes, strengths)
            for average, memory in ((self._chroma, MEMORY), (self._lately, LATELY)):
                average[:] += music / (music + min(memory, self._heard)) * (found - average)
        self._decide(music)

    def _peaks(self, sound: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(semitones above 440 Hz, strength) of each peak."""
        nothing = np.zeros(0), np.zeros(0)
        if not SILENT <= max(float(sound.max()), -float(sound.min())) < BROKEN:
            return nothing
        whole = np.fft.rfft(sound * self._window)
        level = np.abs(whole[self._low : self._low + len(self._first)]).astype(np.float64)
        sums = np.concatenate(([0.0], np.cumsum(level)))
        floor = PROMINENT * (sums[self._last] - sums[self._first]) / (self._last - self._first)
        floor = np.maximum(floor, LEAST * level.max())
        inner = level[1:-1]
        at = np.flatnonzero((inner > level[:-2]) & (inner >= level[2:]) & (inner > floor[1:-1])) + 1
        if not len(at):
            return nothing
        left, middle, right = (np.log(level[at + step] + 1e-12) for step in (-1, 0, 1))
        shift = 0.5 * (left - right) / np.minimum(left - 2.0 * middle + right, -1e-9)
        octaves = np.log2((at + self._low + shift) * (self._rate / self._size))
        near = np.exp(-0.5 * ((octaves - math.log2(CENTRE)) / OCTAVES) ** 2)
        return 12.0 * (octaves - math.log2(440.0)), np.sqrt(level[at] / level.max()) * near

    def _tune(self, turns: complex, seconds: float) -> None:
        """Average the tuning; it may go 60 cents off before another semitone is taken for the same note."""
        self._tuning += (1.0 - math.exp(-seconds / TUNING_SECONDS)) * (turns - self._tuning)
        found = float(np.angle(self._tuning)) / math.tau
        found += round(self._offset - found)
        self._offset = found if abs(found) <= 0.6 else found - round(found)

    def _fold(self, notes: NDArray[np.float64], strengths: NDArray[np.float64]) -> NDArray[np.float64]:
        """Twelve pitch classes from C, their sum 1; what lies between two notes counts little."""
        place = notes - self._offset + 9.0
        whole = np.rint(place)
        weights = strengths * np.cos(np.pi * (place - whole)) ** 2
        classes = np.bincount(whole.astype(np.intp) % 12, weights, 12)
        return classes / max(float(classes.sum()), 1e-9)

    def _decide(self, seconds: float) -> None:
        """Compare the keys after `seconds` more of tonal sound."""
        scores = _fit(self._chroma)
        best = int(np.argmax(scores))
        now = best if self.key is None else self.key.tonic + 12 * self.key.minor
        confidence = min(max((float(scores[best]) - 0.4) / 0.5, 0.0), 1.0) * float(self._tonal)
        if confidence >= SURE and self._heard >= FIRST_SECONDS:
            lately = _fit(self._lately)
            if self.key is not None and lately.max() - lately[now] > FOREIGN:
                self._chroma[:] = self._lately  # another piece
            if self.key is None or self._beaten(best, float(scores[best] - scores[now]), seconds):
                now = best
            self.key = Key(now % 12, now >= 12, confidence)
        elif self.key is not None:
            self.key = Key(self.key.tonic, self.key.minor, confidence)

    def _beaten(self, best: int, lead: float, seconds: float) -> bool:
        """Whether a rival has led clearly for long enough."""
        if lead < BETTER:
            self._rival, self._waited = -1, 0.0
            return False
        self._waited = self._waited + seconds if best == self._rival else 0.0
        self._rival = best
        return self._waited >= WAIT


def _fit(chroma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of twelve pitch classes with the 24 keys, -1..1."""
    spread = chroma - chroma.mean()
    return PROFILES @ spread / max(float(np.linalg.norm(spread)), 1e-9)


def _on_grid(notes: NDArray[np.float64], strengths: NDArray[np.float64]) -> tuple[float, complex]:
    """(how far the peaks lie on one grid of semitones, 0..1; the mean of their places on it as a complex number).

    Few peaks lie on some grid by chance: the square of their mean's length is 1 / count for noise. That is taken off,
    and `FEW` more peaks are counted that lie nowhere: noise has 5 that stand out, music 15 to 40."""
    power = float(np.dot(strengths, strengths))
    if power <= 0.0:
        return 0.0, 0j
    total = float(strengths.sum())
    turns = complex(np.dot(np.exp(2j * np.pi * notes), strengths)) / total
    count = total * total / power
    order = math.sqrt(max(abs(turns) ** 2 * count - 1.0, 0.0) / (count + FEW))
    return min(max((order - ON_GRID[0]) / (ON_GRID[1] - ON_GRID[0]), 0.0), 1.0), turns


def _profiles() -> NDArray[np.float64]:
    """(24, 12): the major keys from C, then the minor ones; mean 0, length 1."""
    rows = []
    for profile in (MAJOR, MINOR):
        heard = np.array(profile) + THIRD * np.roll(profile, 7)
        rows += [np.roll(heard - heard.mean(), tonic) for tonic in range(12)]
    return np.array([row / np.linalg.norm(row) for row in rows])


PROFILES = _profiles()

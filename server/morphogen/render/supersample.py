"""Several samples a pixel: where they lie, which pixels take all of them, and how many fit into a frame's time.

A pixel takes its first few samples. How far they are from the first one, in the channel where that is most, says how
steep the field is there: `weight` is 0 up to the pattern's `steep` and 1 from twice as much on, and what is shown goes
by it from the mean of the first few to the mean of all. So a kernel may leave out the rest wherever no pixel of its run
has a weight, and the picture does not depend on runs, threads, crops or tiles. Samples are averaged as they are
encoded, in sRGB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Offset = tuple[float, float]  # pixels to the right, pixels down; eighths, which a float32 adds to any column exactly

FULL, ROOM = 0.85, 0.6  # shares of the time: more than the first, and samples are saved; so little, and they come back
_STEPS = (-0.375, -0.125, 0.125, 0.375)
# Four on a turned grid: four heights and four widths, so that edges nearly level or upright get four steps, not two.
# The first two lie on a line that few edges follow.
_TURNED: Sequence[Offset] = ((-0.125, -0.375), (0.125, 0.375), (0.375, -0.125), (-0.375, 0.125))


@dataclass(frozen=True)
class Pattern:
    """The samples of a pixel. first: how many every pixel takes; their mean lies in its middle, like that of all.
    steep: how far apart they are, in levels of 255, where the others begin to count."""

    offsets: Sequence[Offset]
    first: int
    steep: float = 0.0

    @property
    def count(self) -> int:
        return len(self.offsets)

    def taken(self, steep: float) -> float:
        """Samples a pixel, where `steep` is the share of pixels that take all."""
        return self.first + (self.count - self.first) * steep


PATTERNS: Mapping[int, Pattern] = {
    1: Pattern(((0.0, 0.0),), 1),
    4: Pattern(_TURNED, 2, 1.0),
    16: Pattern((*_TURNED, *(at for y in _STEPS for x in _STEPS if (at := (x, y)) not in _TURNED)), 4, 6.0),
}


HEAD = 3  # numbers before the offsets


def numbers(pattern: Pattern) -> NDArray[np.float32]:
    """As kernels read it: shares of a sample in the mean of the first few and of all; what a distance of 1 is times
    `steep`; the offsets."""
    steep = 255 / pattern.steep if pattern.steep else 0.0
    return np.array([1 / pattern.first, 1 / pattern.count, steep, *np.ravel(pattern.offsets)], np.float32)


def mean(samples: Array, pattern: Pattern, channels: int) -> Array:
    """What is seen of samples (n, all channels, ...), of which the first `channels` count: (all channels, ...)."""
    few = samples[: pattern.first]
    if pattern.count == pattern.first:
        return few.mean(axis=0)
    apart = np.abs(few - few[0])[:, :channels].max(axis=(0, 1)) * 255
    weight = np.clip(apart / pattern.steep - 1.0, 0.0, 1.0)
    return few.mean(axis=0) + weight * (samples.mean(axis=0) - few.mean(axis=0))


def shares(weights: Sequence[float], keep: float) -> list[float]:
    """How much of each pass goes over what is there, so that pass i ends up as (1 - keep) * weights[i] and the past as
    `keep`. weights: their sum is 1."""
    left, found = 1.0, []
    for weight in reversed(weights):
        share = min((1.0 - keep) * weight / left, 1.0) if left > 1e-9 else 1.0
        found.append(share)
        left *= 1.0 - share
    return found[::-1]


class Sampling:
    """How many of the samples that were asked for fit into a frame's time. Render thread only.

    budget: seconds for a frame, 0 for as long as it takes. used: samples of the newest frame. allowed: the share of its
    pixels that may take them all, so that a cut to a picture far steeper than what was drawn makes not even one frame
    late.
    """

    def __init__(self) -> None:
        self.budget = 0.0
        self.used = 1
        self.allowed = 1.0
        self._rate = 0.0  # seconds of one sample of one unit of work; 0 before the first frame
        self._work = 1.0
        self._seen, self._steep = 1, 1.0  # samples of the newest frame, the share of its pixels that asked for all
        self._ratio = 0.4  # of that share with 16 samples to the one with 4, until it was seen: most styles are below

    def plan(self, wanted: int, work: float = 1.0) -> int:
        """The samples of the frame that comes: all, or as many as the time allows, so that asking for them makes no
        frame late; what is used stays between two marks, so that it does not go up and down. work: of one sample of all
        its pixels, in any unit; 0: nothing is drawn."""
        self._work = work
        if not work:
            return self.used
        if not self.budget:
            self.used, self.allowed = wanted, 1.0
            return wanted
        self.used = min(max(self.used, self._fit(wanted, ROOM)), self._fit(wanted, FULL))
        pattern, one = PATTERNS[self.used], self._rate * work
        rest = pattern.count - pattern.first
        self.allowed = min(max((FULL * self.budget / one - pattern.first) / rest, 0.0), 1.0) if rest else 1.0
        return self.used

    def _fit(self, wanted: int, share: float) -> int:
        costs = ((n, self._rate * self._work * PATTERNS[n].taken(self._expected(n))) for n in PATTERNS if n <= wanted)
        return max((n for n, cost in costs if 0 < cost <= share * self.budget), default=1)

    def _expected(self, samples: int) -> float:
        """The share of pixels that will ask for all of so many samples; all, where nothing is known."""
        if self._seen in (1, samples):
            return self._steep
        return min(self._steep * (self._ratio if samples > self._seen else 1 / self._ratio), 1.0)

    def measured(self, steep: float, seconds: float) -> None:
        """The frame that was planned took so long. steep: the share of its pixels that took all samples."""
        if not self._work:
            return
        rate = seconds / (PATTERNS[self.used].taken(steep) * self._work)
        self._rate = rate if not self._rate else self._rate + 0.2 * (rate - self._rate)
        asked = 1.0 if self.used == 1 or steep >= self.allowed else steep
        if {self.used, self._seen} == {4, 16}:
            ratio = asked / max(self._steep, 0.01)
            self._ratio = min(max(ratio if self.used == 16 else 1 / max(ratio, 0.01), 0.25), 4.0)
        self._seen, self._steep = self.used, asked

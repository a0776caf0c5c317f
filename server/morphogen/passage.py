"""The way from one network to another as a function of time: a morph of the weights, or a cross-fade of pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from morphogen.field.network import Network
from morphogen.library.align import mix

HURRY = 0.25  # seconds left to a passage when the next change is already waiting for its end


@dataclass(frozen=True)
class Look:
    """What one frame draws: one network, or two with their mixture (0 the first, 1 the second)."""

    networks: tuple[Network, ...]
    mix: float = 0.0


@dataclass(frozen=True)
class Passage:
    """From `start` to `goal`. morph: in weight space. seconds 0 with `hold`: stays at that mixture.

    offset: of a morph whose goal has its units in the style's own order, whole turns that were added to its biases.
    """

    start: Network
    goal: Network
    begin: float
    seconds: float
    morph: bool
    hold: float | None = None
    offset: NDArray[np.float32] | None = None

    def position(self, now: float) -> float:
        """Mixture 0..1 at clock time `now`: eased in and out."""
        if self.hold is not None:
            return self.hold
        t = self._elapsed(now)
        return t * t * (3 - 2 * t)

    def look(self, now: float) -> Look:
        """What is drawn at `now`."""
        t = self.position(now)
        if self.morph:
            return Look((mix(self.start, self.goal, t),))
        return Look((self.start, self.goal), t)

    def hurried(self, now: float) -> Passage:
        """The same passage, over within `HURRY` seconds, without a jump: at its goal, or if held back at its start."""
        if self.hold is not None:
            back = replace(self, start=self.goal, goal=self.start, hold=1.0 - self.hold)
            left = max(1.0 - _eased_at(back.hold or 0.0), 1e-3)
            return back.onward(now, HURRY / left)
        done = self._elapsed(now)
        left = 1.0 - done
        if left * self.seconds <= HURRY:
            return self
        seconds = HURRY / max(left, 1e-3)
        return replace(self, begin=now - done * seconds, seconds=seconds)

    def onward(self, now: float, seconds: float) -> Passage:
        """A held passage let go towards its goal; `seconds` would be the whole way."""
        return replace(self, hold=None, begin=now - _eased_at(self.hold or 0.0) * seconds, seconds=seconds)

    def _elapsed(self, now: float) -> float:
        return min(max((now - self.begin) / self.seconds, 0.0), 1.0) if self.seconds > 0 else 1.0


def _eased_at(position: float) -> float:
    """Where t * t * (3 - 2 t) has got to `position`."""
    return 0.5 + math.sin(math.asin(2 * position - 1) / 3)

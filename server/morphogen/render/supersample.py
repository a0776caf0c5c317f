"""Several samples a pixel, drawn one picture over the other: no backend's code needs to know of it.

Each sample is a whole pass with the picture moved by a part of a pixel, and goes over those before it by the very blend
that makes a trail, in 16 bits a channel. So it costs as many pictures as there are samples; it works with every small
network, view, trail and fade; and nothing is compiled for it. Samples are averaged as they are encoded, in sRGB.
"""

from __future__ import annotations

from collections.abc import Sequence

Offset = tuple[float, float]  # pixels to the right, pixels down

_STEPS = (-0.375, -0.125, 0.125, 0.375)
CENTRE: Sequence[Offset] = ((0.0, 0.0),)
# Four on a turned grid: four heights and four widths, so that edges nearly level or upright get four steps, not two.
OFFSETS: dict[int, Sequence[Offset]] = {
    1: CENTRE,
    4: ((-0.125, -0.375), (0.375, -0.125), (-0.375, 0.125), (0.125, 0.375)),
    16: tuple((x, y) for y in _STEPS for x in _STEPS),
}
FULL, ROOM = 0.85, 0.6  # shares of the time: more than the first, and samples are saved; so little, and they come back


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

    budget: seconds for a frame, 0 for as long as it takes. used: samples of the newest frame.
    """

    def __init__(self) -> None:
        self.budget = 0.0
        self.used = 1
        self._one = 0.0  # seconds that a sample takes; 0 before the first frame

    def plan(self, wanted: int) -> int:
        """The samples of the frame that comes: all, or as many as the time allows, so that asking for them makes no
        frame late; what is used stays between two marks, so that it does not go up and down."""
        if not self.budget:
            self.used = wanted
        else:
            self.used = min(max(self.used, self._fit(wanted, ROOM)), self._fit(wanted, FULL))
        return self.used

    def _fit(self, wanted: int, share: float) -> int:
        fitting = (n for n in OFFSETS if n <= wanted and 0 < n * self._one <= share * self.budget)
        return max(fitting, default=1)

    def measured(self, samples: int, seconds: float) -> None:
        """A frame with so many samples took so long."""
        share = seconds / samples
        self._one = share if not self._one else self._one + 0.2 * (share - self._one)

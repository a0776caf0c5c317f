"""The strobe: the picture against black, never faster than the flash limit, whatever is played on it.

WCAG 2.3.1 allows three flashes, pairs of opposing changes, in any second. So light and dark last a sixth of a second at
least: also where pads are hammered, or the speed is modulated, or frames come irregularly.
"""

from __future__ import annotations

from morphogen.params.catalog import BY_KEY

FASTEST = BY_KEY["output/strobe"].maximum  # flashes a second
SLOWEST = 0.01  # below, it is off
_SLACK = 1e-9  # seconds; a sixth is no sum of binary fractions


class Strobe:
    """Remembers the last change. Render thread; times are clock seconds."""

    def __init__(self) -> None:
        self._dark = False
        self._since = float("-inf")

    def dark(self, rate: float, now: float) -> bool:
        """Whether the frame at `now` is black, at `rate` flashes a second. Switched on, it begins with black."""
        on = rate >= SLOWEST
        last = now - self._since
        due = last >= 0.5 / min(max(rate, SLOWEST), FASTEST) - _SLACK if on else self._dark
        if due and last >= 0.5 / FASTEST - _SLACK:
            self._dark, self._since = not self._dark, now
        return self._dark

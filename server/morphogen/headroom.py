"""Keeps the show in time on a busy machine: after late frames the picture gets a smaller share of the frame's time.

The backend predicts what a frame costs from its arithmetic (`render.cost`), but what else the machine has to do (a
receiver that reads every frame, a browser, another program) it cannot know. Late frames tell.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

WINDOW = 1.0  # seconds in which so many late frames ...
TOLERATED = 2
LESS, LEAST = 0.6, 0.2  # ... make the share smaller, down to this
CALM, LONGEST = 4.0, 160.0  # seconds without a late frame before it grows again; doubled each time that was too soon
SETTLING = 0.5  # seconds that a smaller share is given to take effect
GUILTY = 0.5  # share of the interval from which on drawing is what made a frame late


class Headroom:
    """limit: told how many seconds drawing may take (`contracts.Renderer.limit`). Render thread only."""

    def __init__(self, limit: Callable[[float], None], interval: float) -> None:
        self.share = 1.0
        self._limit = limit
        self._interval = interval
        self._late: deque[float] = deque()
        self._changed = float("-inf")
        self._calm = CALM
        self._grew = False
        limit(interval)

    def frame(self, now: float, late: int, drawn: float) -> None:
        """One frame is done, `drawn` seconds of which were drawing; `late`: how many missed their time with it
        (`clock.Pace.late`)."""
        if late and drawn > GUILTY * self._interval:
            self._late.append(now)
        while self._late and self._late[0] < now - WINDOW:
            self._late.popleft()
        settled = self._grew or now > self._changed + SETTLING
        if len(self._late) > TOLERATED and settled and self.share > LEAST:
            if self._grew:
                self._calm = min(self._calm * 2, LONGEST)
            self._grew = False
            self._set(max(self.share * LESS, LEAST), now)
        elif self.share < 1.0 and not self._late and now > self._changed + self._calm:
            self._grew = True
            self._set(min(self.share / LESS, 1.0), now)

    def _set(self, share: float, now: float) -> None:
        self.share, self._changed = share, now
        self._late.clear()
        self._limit(self._interval * share)

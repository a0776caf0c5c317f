"""The only module that reads a wall clock, and the pacing of frames as a pure function."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

SLACK = 0.5  # of an interval


class Clock(Protocol):
    """Seconds that never go backwards. `wait_until` may return early only if the clock was stopped."""

    def now(self) -> float:
        """Current time in seconds since an arbitrary start."""

    def now_ns(self) -> int:
        """The same in integer nanoseconds, on the `perf_counter_ns` scale for the wall clock."""

    def wait_until(self, due: float) -> None:
        """Block the calling thread until `now() >= due`."""


class WallClock:
    """Real time. Sleeps to an absolute due time: measured p99 jitter 0.1 ms (research: kernels, section 9)."""

    def now(self) -> float:
        return time.perf_counter()

    def now_ns(self) -> int:
        return time.perf_counter_ns()

    def wait_until(self, due: float) -> None:
        delay = due - time.perf_counter()
        if delay > 0:
            time.sleep(delay)


class FixedStepClock:
    """Offline time: each `wait_until` jumps to the due time without sleeping, so every run sees the same times."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def now_ns(self) -> int:
        return round(self._now * 1e9)

    def wait_until(self, due: float) -> None:
        self._now = max(self._now, due)


class ManualClock(FixedStepClock):
    """A clock that only a test moves, by `advance`; waiting does not move it."""

    def advance(self, seconds: float) -> float:
        """Move time forward and return the new time."""
        self._now += seconds
        return self._now

    def wait_until(self, due: float) -> None:
        return None


@dataclass(frozen=True)
class Pace:
    """When the next frame is due. `due` is None when unpaced (`--fps 0`).

    late: frames that missed their time: the one just drawn if it ran over, or all whose grid points are skipped.
    """

    due: float | None
    late: int


def next_due(due: float, now: float, interval: float) -> Pace:
    """Due time of the frame after the one that was due at `due`, seen at `now`.

    Frames stay on the grid `first + n * interval`, so the pace cannot drift. A frame that ran over by less than half an
    interval leaves time to draw the next, which starts at once: one hiccup of a millisecond must not cost a picture.
    Later than that, the grid points that have passed are skipped, never chased with a burst of frames.
    """
    if interval <= 0:
        return Pace(None, 0)
    following = due + interval
    behind = now - following
    if behind <= 0:
        return Pace(following, 0)
    if behind < SLACK * interval:
        return Pace(following, 1)
    missed = int(behind / interval) + 1
    return Pace(following + missed * interval, missed)

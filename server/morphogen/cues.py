"""What waits for the beat: acts held back to the next beat or bar, and the change of style every so many beats."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from morphogen.contracts import TempoState
from morphogen.errors import MorphogenError, StateError, UsageError

WHEN = ("now", "beat", "bar")
WAITING = 64


def moment(on: str | None, quantise: str) -> str:
    """When an act takes place: what it says itself, else the launch quantisation (`off`, `beat`, `bar`). Raises
    UsageError."""
    if on is None:
        return "now" if quantise == "off" else quantise
    if on not in WHEN:
        raise UsageError(f"`on` cannot be {on[:20]!r}.", f"One of {', '.join(WHEN)}.")
    return on


def crossed(before: float, after: float, beats_per_bar: int) -> frozenset[str]:
    """Which of `WHEN` have come between two beat counts. A skip past a bar's first beat is no bar."""
    if int(after) <= int(before):
        return frozenset(("now",))
    return frozenset(WHEN if int(after) % beats_per_bar == 0 else WHEN[:2])


class Cues:
    """Acts that wait for their moment. `hold` on any thread, `advance` on the render thread, where the acts run: so
    they must be quick. In the order in which they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, Callable[[], Any], Future[Any]]] = []
        self._beat = 0.0
        self._closed = False

    def hold(self, on: str, act: Callable[[], Any]) -> Future[Any]:
        """Run `act` at the next beat or bar; the future has what it returns. Raises StateError: too many."""
        future: Future[Any] = Future()
        with self._lock:
            if self._closed or len(self._waiting) >= WAITING:
                raise StateError(f"{WAITING} acts wait for the beat already.", "Wait for it.")
            self._waiting.append((on, act, future))
        return future

    def advance(self, now: float, tempo: TempoState) -> tuple[float, float]:
        """The beat count of the last frame and of this one; runs what was waiting for what lies between them."""
        before, self._beat = self._beat, tempo.beat_at(now)
        come = crossed(before, self._beat, tempo.beats_per_bar)
        if self._waiting:
            with self._lock:
                due = [one for one in self._waiting if one[0] in come]
                self._waiting = [one for one in self._waiting if one[0] not in come]
            for _, act, future in due:
                try:
                    future.set_result(act())
                except MorphogenError as error:
                    future.set_exception(error)
        return before, self._beat

    def close(self) -> None:
        """Nobody waits for ever."""
        with self._lock:
            self._closed = True
            left, self._waiting = self._waiting, []
        for _, _, future in left:
            future.set_exception(StateError("the instrument is closing.", "Start it again."))


def turns(before: float, after: float, every: float) -> bool:
    """Whether the next style must be asked for now, to come in `every` beats (counted from the first of all, so that
    4 and its multiples fall on bars): one beat ahead, in which it is read and compiled. 0: never."""
    period = round(every)
    return period > 0 and (int(after) + 1) // period > (int(before) + 1) // period

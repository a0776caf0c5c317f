"""Microseconds per parameter snapshot and per evaluation of the modulation matrix: `python bench/params.py`."""

from __future__ import annotations

import timeit
from collections.abc import Callable

from morphogen.clock import ManualClock
from morphogen.contracts import TempoState
from morphogen.params.catalog import FEATURES, PARAMS
from morphogen.params.modulation import SOURCES, TARGETS, ModMatrix, Route
from morphogen.params.store import ParamStore


def microseconds(work: Callable[[], object], number: int = 2000) -> float:
    """Best of seven rounds."""
    return min(timeit.repeat(work, number=number, repeat=7)) / number * 1e6


HEARD = dict.fromkeys(FEATURES, 0.5)
SMOOTHED = [p for p in PARAMS if p.smoothing]


class Snapshots:
    """A store at 60 frames a second, in different kinds of motion."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = ParamStore(self.clock)
        self.store.snapshot(0.0)
        self.everything = {p.key: 0.1 for p in PARAMS if not p.feature and p.kind == "float"}
        self._up = False

    def idle(self) -> None:
        self.store.snapshot(0.0, None, HEARD)

    def modulated(self) -> None:
        self.store.snapshot(0.0, self.everything, HEARD)

    def moving(self) -> None:
        """All smoothed ones get a new target five times a second and never arrive."""
        now = self.clock.advance(1 / 60)
        if int(now * 5) % 2 != self._up:
            self._up = not self._up
            for p in SMOOTHED:
                self.store.set(p.key, p.maximum * 0.9 if self._up else p.minimum + 0.1 * abs(p.minimum) + 0.01)
        self.store.snapshot(now, None, HEARD)

    def gliding(self) -> None:
        if not self.store.gliding:
            self._up = not self._up
            self.store.glide({p.key: p.maximum if self._up else p.minimum for p in PARAMS if not p.feature}, 30.0)
        self.store.snapshot(self.clock.advance(1 / 60), self.everything, HEARD)


class Modulation:
    """A matrix with these routes, at 60 frames a second."""

    def __init__(self, *routes: Route) -> None:
        self._matrix, self._tempo, self._now = ModMatrix(), TempoState(), 0.0
        self._values = ParamStore(ManualClock()).snapshot(0.0)
        self._matrix.set_routes(routes)

    def evaluate(self) -> None:
        self._now += 1 / 60
        self._matrix.evaluate(self._now, self._values, HEARD, self._tempo)


def report(what: str, work: Callable[[], object]) -> None:
    print(f"{what:30}{microseconds(work):6.1f} us")


def main() -> None:
    show = Snapshots()
    print(f"{len(PARAMS)} parameters")
    report("idle", show.idle)
    report("idle, everything modulated", show.modulated)
    report(f"all {len(SMOOTHED)} smoothed ones moving", show.moving)
    report("all gliding and modulated", show.gliding)
    report("modulation, no routes", Modulation().evaluate)
    two = Route("audio/bass", "view/zoom", 0.2), Route("lfo1", "view/rotate", 0.1)
    report("modulation, 2 routes", Modulation(*two).evaluate)
    many = [Route(s, t, 0.1) for s, t in zip([*SOURCES] * 4, [*TARGETS] * 2, strict=False)][:64]
    report(f"modulation, {len(many)} routes", Modulation(*many).evaluate)
    report("set", lambda: show.store.set("view/zoom", 1.5))


if __name__ == "__main__":
    main()

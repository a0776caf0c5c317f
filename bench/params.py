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


def main() -> None:
    clock = ManualClock()
    store = ParamStore(clock)
    store.snapshot(0.0)
    heard = dict.fromkeys(FEATURES, 0.5)
    everything = {p.key: 0.1 for p in PARAMS if not p.feature and p.kind == "float"}
    time = 0.0
    flip = False

    def moving() -> None:
        nonlocal time, flip
        time += 1 / 60
        if int(time * 5) % 2 != flip:
            flip = not flip
            for p in PARAMS:
                if p.smoothing:
                    store.set(p.key, p.maximum * 0.9 if flip else p.minimum + 0.1 * abs(p.minimum) + 0.01)
        store.snapshot(time, None, heard)

    def gliding() -> None:
        nonlocal time, flip
        if not store.gliding:
            flip = not flip
            store.glide({p.key: p.maximum if flip else p.minimum for p in PARAMS if not p.feature}, 30.0)
        time = clock.advance(1 / 60)
        store.snapshot(time, everything, heard)

    print(f"{len(PARAMS)} parameters")
    print(f"idle                          {microseconds(lambda: store.snapshot(0.0, None, heard)):6.1f} us")
    print(f"idle, everything modulated    {microseconds(lambda: store.snapshot(0.0, everything, heard)):6.1f} us")
    print(f"all 18 smoothed ones moving   {microseconds(moving):6.1f} us")
    print(f"all gliding and modulated     {microseconds(gliding):6.1f} us")
    matrix, tempo, values = ModMatrix(), TempoState(), store.snapshot(0.0)

    def evaluate() -> None:
        nonlocal time
        time += 1 / 60
        matrix.evaluate(time, values, heard, tempo)

    print(f"modulation, no routes         {microseconds(evaluate):6.1f} us")
    matrix.set_routes([Route("audio/bass", "view/zoom", 0.2), Route("lfo1", "view/rotate", 0.1)])
    print(f"modulation, 2 routes          {microseconds(evaluate):6.1f} us")
    matrix.set_routes([Route(s, t, 0.1) for s, t in zip([*SOURCES] * 4, [*TARGETS] * 2, strict=False)][:64])
    print(f"modulation, 64 routes         {microseconds(evaluate):6.1f} us")
    print(f"set                           {microseconds(lambda: store.set('view/zoom', 1.5)):6.1f} us")


if __name__ == "__main__":
    main()

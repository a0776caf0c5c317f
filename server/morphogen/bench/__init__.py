"""`morphogen bench`: this machine against the budgets, side by side in one run. Ratios count; absolute times drift.

Modules: `limits` (what the processor could do), `baselines` (the same picture in torch, where torch is installed),
`draw` (our own times and errors), `report` (the tables), `chart` (the picture).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from morphogen.bench import baselines, draw, limits
from morphogen.bench.report import table
from morphogen.errors import MorphogenError
from morphogen.render import BACKENDS, SAFE, create
from morphogen.render.cpu.machine import host_target, usable_cores

SIZES = ((854, 480), (1280, 720), (1920, 1080), (3840, 2160))
LARGE = (7680, 4320)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """What to measure. backends: names, empty for all that are here; full: 8K and every preset, too."""

    size: tuple[int, int] = (1920, 1080)
    seconds: float = 1.0
    backends: Sequence[str] = ()
    full: bool = False
    compare: bool = True


def run(wish: Wish, say: Say | None = None) -> dict[str, Any]:
    """Measure for about `seconds` each; plain data. say: told what happens. Raises UsageError: no such backend."""
    say = say or (lambda text: None)
    backends, absent = _present(wish.backends)
    say("What the processor can do ...")
    limit = limits.measure(host_target(), wish.seconds / 2)
    result: dict[str, Any] = {
        "machine": draw.machine(), "limit": limit, "absent": absent, "cards": {}, "draw": [], "presets": [],
        "compile": [], "accuracy": [], "baselines": [],
    }  # fmt: skip
    for name in backends:
        _measure(name, wish, limit, result, say)
    if wish.compare:
        say("The same picture in torch ...")
        result["baselines"] = baselines.measure(wish.size, _counts(), wish.seconds)
    return result


def shown(wish: Wish) -> dict[str, Any]:
    """`run` for people: progress and tables on stderr."""
    result = run(wish, _say)
    _say(table(result))
    return result


def _measure(name: str, wish: Wish, limit: dict[str, Any], result: dict[str, Any], say: Say) -> None:
    """All figures of one backend, added to `result`."""
    for threads in _counts() if name == SAFE else (0,):
        renderer = create(name, threads)
        try:
            for size in sorted({*SIZES, wish.size, *([LARGE] if wish.full else [])}):
                say(f"{name}: {size[0]}x{size[1]}{f', {threads} threads' if threads else ''} ...")
                result["draw"].append(draw.times(renderer, size, wish.seconds, limit if name == SAFE else None))
            result["cards"][name] = renderer.describe()
        finally:
            renderer.close()
    if wish.full:
        say(f"{name}: presets ...")
        renderer = create(name)
        result["presets"] += draw.presets(renderer, wish.size, wish.seconds / 2)
        renderer.close()
    say(f"{name}: compiling and accuracy ...")
    result["compile"].append(draw.compiling(name))
    result["accuracy"].append(draw.accuracy(name))


def _present(wanted: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Backends that can draw here (without the reference, unless asked for), and why others cannot."""
    names = list(wanted) or sorted((name for name in BACKENDS if name != "numpy"), key=lambda name: name != SAFE)
    present, absent = [], {}
    for name in names:
        try:
            create(name).close()
        except MorphogenError as error:
            if error.exit_code == 2:
                raise
            absent[name] = str(error)
        else:
            present.append(name)
    return present, absent


def _counts() -> list[int]:
    cores = len(usable_cores())
    return sorted({1, min(2, cores), cores})


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()

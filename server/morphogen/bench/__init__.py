"""`morphogen bench`: this machine against the budgets, side by side in one run. Ratios count; absolute times drift.

Modules: `limits` (what the processor could do), `baselines` (the same picture in torch, where torch is installed),
`draw` (our own times and errors), `report` (the table).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from morphogen.bench import baselines, draw, limits
from morphogen.bench.report import table
from morphogen.render.cpu import CpuRenderer
from morphogen.render.machine import host_target

SIZES = ((854, 480), (1280, 720), (1920, 1080), (3840, 2160))


def run(
    size: tuple[int, int] = (1920, 1080), seconds: float = 1.0, quiet: bool = False, compare: bool = True
) -> dict[str, Any]:
    """Measure for about `seconds` each. Returns plain data; prints the table to stderr unless quiet."""
    say: Callable[[str], None] = (lambda text: None) if quiet else _say
    threads = CpuRenderer().threads
    counts = sorted({1, min(2, threads), threads})
    say("What the processor can do ...")
    limit = limits.measure(host_target(), seconds / 2)
    say("Field and scene ...")
    rows = [draw.times(s, n, seconds, limit) for s in _sizes(size) for n in counts]
    say("Compiling and accuracy ...")
    result: dict[str, Any] = {
        "machine": draw.machine(),
        "limit": limit,
        "draw": rows,
        "compile": draw.compiling(),
        "accuracy": draw.accuracy(),
        "baselines": [],
    }
    if compare:
        say("The same picture in torch ...")
        result["baselines"] = baselines.measure(size, counts, seconds)
    if not quiet:
        _say(table(result))
    return result


def _sizes(size: tuple[int, int]) -> Sequence[tuple[int, int]]:
    return sorted({*SIZES, size})


def _say(text: str) -> None:
    import sys

    sys.stderr.write(text + "\n")
    sys.stderr.flush()

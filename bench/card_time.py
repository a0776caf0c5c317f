"""Whole calls by the wall's clock and the process's own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np


def timed(work: Callable[[], Any], seconds: float = 0.7) -> tuple[float, float]:
    """(median milliseconds, processor milliseconds of this process for one) over some time."""
    for _ in range(3):
        work()
    walls: list[float] = []
    cpu, end = time.process_time(), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        work()
        walls.append(time.perf_counter() - start)
    return float(np.median(walls)) * 1e3, (time.process_time() - cpu) / len(walls) * 1e3

"""Patience: tests wait for what threads and other processes do, and say what they waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def until(condition: Callable[[], Any], what: str = "the expected", seconds: float = 30.0) -> Any:
    """Poll until `condition()` is true; returns that first true value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"{what} did not happen within {seconds} s")

"""Numbers about the run, not log lines: frame times, late frames, memory."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

KEPT = 4096


class Window:
    """The newest `size` samples; written by one thread, summarised by any."""

    def __init__(self, size: int = KEPT) -> None:
        self._samples = np.zeros(size)
        self._count = 0

    def add(self, value: float) -> None:
        """Keep one sample."""
        self._samples[self._count % len(self._samples)] = value
        self._count += 1

    def summary(self, quantiles: Sequence[int] = (50, 99)) -> dict[str, float]:
        """{'p50': ..., 'p99': ...} of what is kept."""
        kept = self._samples[: min(self._count, len(self._samples))]
        if not len(kept):
            return {f"p{q}": 0.0 for q in quantiles}
        return {f"p{q}": round(float(np.percentile(kept, q)), 3) for q in quantiles}


class LoopStats:
    """What the frame loop counts. Render thread writes, any thread reads."""

    def __init__(self) -> None:
        self.frames = 0
        self.late = 0
        self.errors = 0
        self.frame_ms = Window()
        self.jitter_ms = Window()
        self._first: float | None = None
        self._last = 0.0
        self._recent = Window(120)

    def frame(self, start: float, end: float, due: float | None) -> None:
        """One frame was drawn from `start` to `end` (seconds); it was due at `due`."""
        self._first = start if self._first is None else self._first
        if self.frames:
            self._recent.add((start - self._last) * 1e3)  # summaries keep three digits: milliseconds, not seconds
        self._last = start
        self.frames += 1
        self.frame_ms.add((end - start) * 1e3)
        if due is not None:
            self.jitter_ms.add(max(start - due, 0.0) * 1e3)

    @property
    def fps(self) -> float:
        """Mean frame rate since the first frame."""
        span = self._last - (self._first or 0.0)
        return (self.frames - 1) / span if self.frames > 1 and span > 0 else 0.0

    @property
    def fps_now(self) -> float:
        """Frame rate of the last two seconds."""
        middle = self._recent.summary((50,))["p50"]
        return 1e3 / middle if middle > 0 else 0.0

    def public(self) -> dict[str, Any]:
        """For `stats` and `--json`."""
        return {
            "frames": self.frames,
            "fps": round(self.fps, 2),
            "frame_ms": self.frame_ms.summary(),
            "jitter_ms": self.jitter_ms.summary((50, 99, 100)),
            "late": self.late,
            "errors": self.errors,
        }


def resident_mb() -> float:
    """Resident memory of this process in MB; 0 where the platform does not tell."""
    try:
        fields = Path("/proc/self/statm").read_text().split()
        return round(int(fields[1]) * 4096 / 1e6, 1)
    except (OSError, IndexError, ValueError):
        pass
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)

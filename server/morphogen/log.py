"""Logging for a stage: first traceback whole, then counted one-liners. Nothing here logs per frame."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

ROOT = "morphogen"


def get(name: str) -> logging.Logger:
    """Logger `morphogen.<name>`."""
    return logging.getLogger(f"{ROOT}.{name}")


def setup(verbose: bool = False) -> None:
    """Send the log to stderr, one short line each. Safe to call twice."""
    root = logging.getLogger(ROOT)
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    if not root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
        root.addHandler(handler)
        root.propagate = False


class Repeated:
    """Says the first occurrence of each kind at once, later ones as a count, at most every `interval` seconds.

    Thread-safe. Used by everything that can fail many times a second: bad packets, a dead sink, a broken frame.
    """

    def __init__(
        self,
        logger: logging.Logger,
        interval: float = 3.0,
        now: Callable[[], float] = time.monotonic,
        kinds: int = 64,
    ) -> None:
        self._logger = logger
        self._interval = interval
        self._now = now
        self._kinds = kinds
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, int]] = {}

    def warn(self, kind: str, message: str) -> None:
        """Report one occurrence of `kind`. Only the first `kinds` different ones are told apart."""
        with self._lock:
            if kind not in self._seen and len(self._seen) >= self._kinds:
                kind = "others"
            now = self._now()
            last, held = self._seen.get(kind, (float("-inf"), 0))
            if now - last < self._interval:
                self._seen[kind] = (last, held + 1)
                return
            self._seen[kind] = (now, 0)
        self._logger.warning("%s%s", message, f" ({held + 1} times)" if held else "")

    def exception(self, kind: str, message: str) -> None:
        """Like `warn` inside an except block: the first time with the whole traceback."""
        with self._lock:
            first = kind not in self._seen and len(self._seen) < self._kinds
            if first:
                self._seen[kind] = (self._now(), 0)
        if first:
            self._logger.exception(message)
        else:
            self.warn(kind, message)

"""What an OSC source received and refused, counted by kind; each kind is said once, then as a count a minute later."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from logging import Logger

from morphogen.log import Repeated
from morphogen_bridges.osc.codec import OscError

# kind: what the log says in front of the first example
KINDS = {
    "malformed": "not OSC",
    "address": "unknown address",
    "arguments": "wrong arguments",
    "value": "value refused",
    "time": "time tag refused",
    "flood": "too much at once",
    "frame": "TCP client dropped",
    "failed": "command failed",
    "internal": "error in the OSC source itself (please report)",
}
_UNPRINTABLE = dict.fromkeys((*range(32), 127), "?")  # of ASCII
_INTERVAL = 60.0  # seconds between two lines about one kind


class Refused(OscError):
    """A message that is well-formed and cannot be done. kind: one of KINDS."""

    def __init__(self, kind: str, message: str, cure: str = "") -> None:
        super().__init__(message, cure)
        self.kind = kind


class Tally:
    """Counters of one source. `received` belongs to the source's thread; `reject` may be called from any thread."""

    def __init__(self, logger: Logger, now: Callable[[], float]) -> None:
        self.received = 0
        self._now = now
        self._lock = threading.Lock()
        self._rejected: Counter[str] = Counter()
        self._log = Repeated(logger, interval=_INTERVAL)
        self._window = (now(), 0)
        self._rate = 0.0

    def reject(self, kind: str, error: Exception, who: str = "") -> None:
        """Count one refusal and say the first of its kind. Hostile text is cut and escaped."""
        with self._lock:
            self._rejected[kind] += 1
        said = str(error).encode("ascii", "backslashreplace").decode()
        said = said[:200] if said.isprintable() else said[:200].translate(_UNPRINTABLE)
        self._log.warn(kind, f"OSC, {KINDS[kind]}: {said}{f' (from {who})' if who else ''}")

    def internal(self) -> None:
        """Count an unexpected error, inside its except block: the traceback once."""
        with self._lock:
            self._rejected["internal"] += 1
        self._log.exception("internal", f"OSC, {KINDS['internal']}")

    def tick(self) -> None:
        """Move the rate's window along, at most once a second. Source's thread."""
        now = self._now()
        since, before = self._window
        if now - since >= 1.0:
            self._rate = (self.received - before) / (now - since)
            self._window = (now, self.received)

    @property
    def rejected(self) -> int:
        """All refusals."""
        with self._lock:
            return sum(self._rejected.values())

    def stats(self) -> dict[str, object]:
        """received: messages, and packets that held none; per_second: over the last full second."""
        with self._lock:
            kinds = dict(self._rejected)
        since, before = self._window
        idle = self._now() - since  # nothing moved the window along: nothing came
        rate = self._rate if idle < 2.0 else (self.received - before) / idle
        return {
            "received": self.received,
            "rejected": sum(kinds.values()),
            "kinds": kinds,
            "per_second": round(rate, 1),
        }

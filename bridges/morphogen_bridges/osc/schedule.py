"""Messages of bundles whose time has not come: a bounded heap that never sleeps. One thread."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator

from morphogen_bridges.osc.codec import Message, seconds_until
from morphogen_bridges.osc.peer import Peer
from morphogen_bridges.osc.tally import Refused

MAX_PENDING = 1_024
MAX_AHEAD = 60.0  # seconds; a tag in the year 2036 is a broken clock, not a plan
LONGEST_WAIT = 0.25  # seconds; wall time may be set while we wait, so it is looked at again


class Schedule:
    """Keeps messages until the NTP time `now()` reaches their time tags; equal tags keep their order."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._heap: list[tuple[int, int, Message, Peer]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def keep(self, message: Message, peer: Peer) -> bool:
        """Take a message of the future; False when it is due at once. Raises Refused (time, flood)."""
        ahead = seconds_until(message.time, self._now())
        if ahead <= 0:
            return False
        if ahead > MAX_AHEAD:
            raise Refused(
                "time",
                f"{message.address[:60]!r} is for {ahead:.0f} s from now, the limit is {MAX_AHEAD:.0f} s.",
                "Compare the clocks of the two machines.",
            )
        if len(self._heap) >= MAX_PENDING:
            raise Refused("flood", f"{MAX_PENDING} messages already wait for their time tags.", "Send them later.")
        self._count += 1
        heapq.heappush(self._heap, (message.time, self._count, message, peer))
        return True

    def due(self) -> Iterator[tuple[Message, Peer]]:
        """Take out what is due, oldest first."""
        if not self._heap:
            return
        now = self._now()
        while self._heap and self._heap[0][0] <= now:
            _, _, message, peer = heapq.heappop(self._heap)
            yield message, peer

    def timeout(self) -> float | None:
        """Seconds that a `select` may block; None when nothing waits."""
        if not self._heap:
            return None
        return min(max(seconds_until(self._heap[0][0], self._now()), 0.0), LONGEST_WAIT)

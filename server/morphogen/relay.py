"""What a leader hands to the followers of a wall: every scene it composes, and the programs they may soon need.

Costs nothing while nobody follows. The render thread leaves references to immutable objects in a short queue; whoever
sends them (a server) takes and encodes them on its own thread.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from morphogen.scene_wire import Encoder, Shapes, Shot, write_programs

QUEUE = 64  # scenes; a sender that is stuck for a second of them loses the oldest
KNOWN = 24  # programs, as many as a backend keeps


class Relay:
    """`show` on the render thread, `announce` on any, the rest on the sender's thread. One sender at a time."""

    def __init__(self) -> None:
        self.dropped = 0
        self.run = secrets.randbits(62)
        self._wake: Callable[[], None] | None = None
        self._encoder = Encoder(self.run)
        self._shots: deque[Shot] = deque(maxlen=QUEUE)
        self._lock = threading.Lock()
        self._known: OrderedDict[Shapes, None] = OrderedDict()
        self._news: list[Shapes] = []

    @property
    def watched(self) -> bool:
        """Whether anybody follows."""
        return self._wake is not None

    def show(self, shot: Shot) -> None:
        """Hand on what this frame shows. Microseconds."""
        wake = self._wake
        if wake is None:
            return
        self.dropped += len(self._shots) == QUEUE
        self._shots.append(shot)
        wake()

    def announce(self, shapes: Shapes) -> None:
        """This program will be drawn with before long."""
        with self._lock:
            self._known[shapes] = None
            self._known.move_to_end(shapes)
            while len(self._known) > KNOWN:
                self._known.popitem(last=False)
            wake = self._wake
            if wake is not None:
                self._news.append(shapes)
        if wake is not None:
            wake()

    def watch(self, wake: Callable[[], None]) -> None:
        """Somebody follows: call `wake` whenever there is something to `take`."""
        self._wake = wake

    def leave(self) -> None:
        """Nobody follows any more."""
        self._wake = None
        self._shots.clear()

    def renew(self) -> None:
        """A new follower: it needs all known programs, and all weights."""
        self._encoder.renew()
        with self._lock:
            self._news = list(self._known)

    def take(self) -> tuple[str, dict[str, Any]] | None:
        """The next message, (topic, map), encoded here; None when all is sent."""
        with self._lock:
            news, self._news = self._news, []
        if news:
            return "program", write_programs(self.run, news)
        try:
            shot = self._shots.popleft()
        except IndexError:
            return None
        return "scene", self._encoder.shot(shot)

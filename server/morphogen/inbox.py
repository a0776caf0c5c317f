"""What a leader sends, waiting to be drawn: in order, bounded, counted."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from morphogen import log
from morphogen.clock import Clock
from morphogen.scene_wire import Decoder, MissingWeights, Shapes, Shot, read_programs

QUEUE = 8  # frames; a hiccup of 130 ms at 60 a second loses nothing, and a follower too slow is no further behind
LOST = 2.0  # seconds of silence; the slowest show has a frame a second

_log = log.get("follow")


class Inbox:
    """`put` on the thread that receives, the rest on the render thread. url: the leader's, for what is told."""

    def __init__(self, clock: Clock, url: str = "") -> None:
        self.url = url
        self.programs: deque[Shapes] = deque(maxlen=64)
        self._clock = clock
        self._decoder = Decoder()
        self._changed = threading.Condition()
        self._shots: deque[Shot] = deque()
        self._run: int | None = None
        self._last = -1
        self._heard: float | None = None
        self._told = "waiting"
        self._counts = dict.fromkeys(("scenes", "gaps", "dropped", "stale", "restarts"), 0)

    def put(self, topic: str, message: Any) -> bool:
        """Take one message. Raises ValueError that says what is wrong with it. True: all weights are wanted again."""
        if topic == "program":
            self.programs.extend(read_programs(message))
            return False
        if topic != "scene":
            raise ValueError(f"{topic[:40]!r} is no scene: is this the port of the leader's scenes?")
        try:
            shot = self._decoder.shot(message)
        except MissingWeights:
            return True
        with self._changed:
            self._heard = self._clock.now()
            if self._in_order(shot):
                self._shots.append(shot)
                self._shorten()
            self._changed.notify_all()
        return False

    def wait(self, timeout: float, ready: Callable[[Shot], bool]) -> None:
        """Until the oldest scene can be drawn, at most `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._shots and ready(self._shots[0]), timeout)

    def take(self, ready: Callable[[Shot], bool]) -> Shot | None:
        """The oldest scene if it can be drawn."""
        with self._changed:
            return self._shots.popleft() if self._shots and ready(self._shots[0]) else None

    def wake(self) -> None:
        """Have `wait` ask again. Any thread."""
        with self._changed:
            self._changed.notify_all()

    def state(self, now: float) -> str:
        """'following', 'lost since 3.2 s', or 'waiting' for its first word."""
        heard = self._heard
        if heard is None:
            return "waiting"
        return "following" if now - heard < LOST else f"lost since {now - heard:.1f} s"

    def report(self, now: float) -> None:
        """Say once in the log when the leader is lost, and once when it is back."""
        state = self.state(now).partition(" ")[0]
        if state == self._told:
            return
        before, self._told = self._told, state
        if state == "lost":
            _log.warning("nothing comes from the leader at %s: the last picture stays up until it is back", self.url)
        else:
            _log.info("the leader at %s is %s", self.url, "there" if before == "waiting" else "back")

    def stats(self) -> dict[str, Any]:
        """scenes taken in; gaps: indices that never came; dropped: came, but too fast for this machine; stale: came
        late and were left out; restarts of the leader; behind: scenes that wait now."""
        return {"url": self.url, **self._counts, "behind": len(self._shots)}

    # --- with the lock

    def _in_order(self, shot: Shot) -> bool:
        if shot.run != self._run:
            self._counts["restarts"] += self._run is not None
            self._run, self._last = shot.run, shot.index - 1
        if shot.index < self._last:
            self._counts["stale"] += 1
            return False
        # The same index again: the leader could not draw that frame, and tries anew.
        self._counts["gaps"] += max(shot.index - self._last - 1, 0)
        self._counts["scenes"] += 1
        self._last = shot.index
        return True

    def _shorten(self) -> None:
        while len(self._shots) > QUEUE:
            late, following = self._shots.popleft(), self._shots.popleft()
            # A trail fades by time, not by frames: what is left out has passed all the same.
            scene = replace(following.scene, dt=following.scene.dt + late.scene.dt)
            self._shots.appendleft(replace(following, scene=scene))
            self._counts["dropped"] += 1

"""The frame loop: take what came in, compose, draw, hand over, wait. One thread, the render thread.

States: ready -> running -> stopping -> stopped. `stop()` from any thread ends it after the running frame. Nothing that
a source, sink, style or parameter does may end it: drawing is guarded, the last good picture stays with the sinks.
"""

from __future__ import annotations

import gc
import queue
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, Protocol

from morphogen import log
from morphogen.clock import Clock, next_due
from morphogen.contracts import Renderer
from morphogen.field.scene import Scene
from morphogen.headroom import Headroom
from morphogen.priority import first_in_line
from morphogen.publish import Publisher
from morphogen.stats import LoopStats

State = Literal["ready", "running", "stopping", "stopped"]
SWITCH_INTERVAL = 1e-4  # measured: with 5,000 OSC messages a second the default of 5 ms costs late frames

_log = log.get("loop")


class Show(Protocol):
    """What the loop plays. All on the render thread."""

    def edge(self, now: float, dt: float) -> Scene | None:
        """Take commands and parameters at a frame edge; the scene to draw, or None to show nothing new."""

    def shown(self, index: int, now: float) -> None:
        """The frame with this index was handed to the sinks."""

    def failed(self, error: Exception) -> None:
        """The frame could not be drawn."""

    @property
    def generation(self) -> int:
        """Style generation of the scene of the last `edge`."""


class FrameLoop:
    """fps 0: unpaced. `run` returns when stopped or after `seconds`. `headroom`, if there
    is one, hears of every frame's lateness."""

    def __init__(self, show: Show, renderer: Renderer, publisher: Publisher, clock: Clock, fps: float = 60.0) -> None:
        self.state: State = "ready"
        self.stats = LoopStats()
        self.index = 0
        self._show = show
        self._renderer = renderer
        self._publisher = publisher
        self._clock = clock
        self._interval = 1.0 / fps if fps > 0 else 0.0
        self.headroom: Headroom | None = None
        self._drawn = 0.0  # seconds that the last frame's drawing took
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._repeated = log.Repeated(_log, now=clock.now)

    def post(self, command: Callable[[], None]) -> None:
        """Run `command` on the render thread at the next frame edge. Any thread."""
        self._commands.put(command)

    def stop(self) -> None:
        """End after the running frame. Any thread; signal handlers too."""
        self._stop.set()

    def run(self, seconds: float | None = None) -> None:
        """Play. Call from the thread that is to be the render thread."""
        self.state = "running"
        interval = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_INTERVAL)
        gc.collect()
        gc.freeze()  # what start-up built is never collected again: no long pause in a frame
        try:
            with first_in_line():
                self._play(seconds)
        finally:
            self.state = "stopping"
            sys.setswitchinterval(interval)
            self._drain()
            self.state = "stopped"

    def _play(self, seconds: float | None) -> None:
        start = last = due = self._clock.now()
        while not self._stop.is_set():
            now = self._clock.now()
            if seconds is not None and now - start >= seconds:
                return
            self.frame(now, now - last, due if self._interval else None)
            last = now
            pace = next_due(due, self._clock.now(), self._interval)
            if pace.due is not None:
                self.stats.late += pace.late
                if self.headroom is not None:
                    self.headroom.frame(now, pace.late, self._drawn)
                due = pace.due
                self._clock.wait_until(due)

    def frame(self, now: float, dt: float, due: float | None = None) -> None:
        """One frame at clock time `now`, `dt` seconds after the last."""
        self._drain()
        self._drawn = 0.0
        plan: Any = ()
        try:
            scene = self._show.edge(now, dt)
            plan = self._publisher.plan(now)
            if scene is None:
                self._publisher.discard(plan)
                return
            start = self._clock.now()
            if plan:
                self._renderer.render(scene, [(t.spec, t.pixels) for t in plan])
            self._drawn = self._clock.now() - start
            self._publisher.publish(plan, self.index, self._clock.now_ns(), self._show.generation)
        except Exception as error:  # noqa: BLE001  the show goes on: the sinks keep their last picture
            self.stats.errors += 1
            self._repeated.exception(type(error).__name__, f"a frame failed: {error}")
            self._publisher.discard(plan)
            self._guarded("failed", partial(self._show.failed, error))
            return
        self._guarded("shown", partial(self._show.shown, self.index, now))
        self.index += 1
        self.stats.frame(now, self._clock.now(), due)

    def _drain(self) -> None:
        while True:
            try:
                command = self._commands.get_nowait()
            except queue.Empty:
                return
            self._guarded("command", command)

    def _guarded(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  a fault in one command is not the show's end
            self._repeated.exception(what, f"a fault at the frame edge ({what}): {error}")

"""One running sink: its mailbox, its worker, its failures. `publish` holds a tuple of these.

Only one party is inside a sink at a time: its worker (write, a change, close) or, for a sink that hands out its own
buffers, the render thread from `try_enter` to `leave`. The render thread never waits for that: who is busy gets the
frame through the mailbox.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen import log
from morphogen.contracts import Host, Sink, SinkOptions
from morphogen.errors import MorphogenError
from morphogen.frame import Frame, TargetSpec
from morphogen.sink_options import Show, target_spec

QUEUE = 8  # frames that an 'every' sink may lag behind; 66 MB at 1080p
FAILURES = 10  # so many in a row, and the sink rests
BACKOFF = (1.0, 30.0)  # seconds of rest: first, longest; doubled in between
_LOG = log.get("outputs")


def grid_index(anchor: float, now: float, fps: float) -> int:
    """Which picture of a `fps` grid that starts at `anchor` belongs to the frame at `now`.

    A frame belongs to a grid point from 4 ms before it (or a quarter of its interval): frames that jitter by less
    are neither skipped nor doubled, and 30 of 60 stays every second frame for as long as the show lasts.
    """
    return int((now - anchor) * fps + min(0.25, 0.004 * fps))


class Lane:
    """See the module. A sink with `thread = 'own'` gets a worker here; a 'render' sink is written, changed and closed
    by whoever calls `offer`, `run_jobs` and `finish`: the render thread."""

    def __init__(self, lane_id: str, sink: Sink, host: Host, repeated: log.Repeated, offline: bool) -> None:
        self.id = lane_id
        self.sink = sink
        self.options: SinkOptions = sink.options
        self.written = self.dropped = self.failures = 0
        self.error = ""
        self.resting = False
        self.closing = False
        self.closed = threading.Event()
        self._host = host
        self._repeated = repeated
        self._offline = offline
        self._in_a_row = 0
        self._rest = 0.0
        self._retry_at = float("-inf")
        self._last = -1
        self._spec: tuple[SinkOptions, Show, TargetSpec] | None = None
        self._changed = threading.Condition()
        self._busy = False
        self._pending: deque[Frame] = deque()
        self._jobs: deque[tuple[Callable[[], None], Future[None]]] = deque()
        self.offers_slots = type(sink).slot is not Sink.slot
        self.own_thread = sink.thread == "own"
        if self.own_thread:
            threading.Thread(target=self._work, name=f"morphogen-out-{lane_id}", daemon=True).start()

    # -- asked by the render thread, every frame

    def spec(self, show: Show) -> TargetSpec:
        """The picture this sink wants now."""
        known = self._spec
        if known is None or known[0] is not self.options or known[1] != show:
            options = self.options
            known = self._spec = (options, show, target_spec(self.sink, options, show))
        return known[2]

    def spec_of(self, options: SinkOptions, show: Show) -> TargetSpec:
        """The picture it would want with these options."""
        return target_spec(self.sink, options, show)

    def due(self, anchor: float, now: float) -> bool:
        """Whether the frame at `now` is wanted: running, rested, watched, and on the sink's own `fps` grid."""
        if self.closing or now < self._retry_at:
            return False
        fps = self.options.fps
        index = grid_index(anchor, now, fps) if fps > 0 else -1
        if fps > 0 and index == self._last:
            return False
        if not self.is_watched():
            return False
        self._last = index
        return True

    def is_watched(self) -> bool:
        """The sink's own answer; a sink that fails to answer counts as unwatched."""
        answer: list[bool] = []
        self._attempt("asking whether it is watched", lambda: answer.append(bool(self.sink.watched())))
        return bool(answer) and answer[0]

    def try_enter(self) -> bool:
        """Enter the sink from the render thread if it is idle and owes no older frame. Pair with `leave`."""
        with self._changed:
            if self._busy or self._pending or self._jobs or self.closing or self.resting:
                return False
            self._busy = True
            return True

    def leave(self) -> None:
        """Let the worker in again."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()

    def slot(self, spec: TargetSpec) -> NDArray[np.uint8] | None:
        """The sink's own buffer, or None. Between `try_enter` and `leave`."""
        answer: list[NDArray[np.uint8] | None] = []
        self._attempt("handing out a buffer", lambda: answer.append(self.sink.slot(spec)))
        return answer[0] if answer else None

    def commit(self, frame: Frame) -> None:
        """The frame was drawn into the sink's own buffer. Between `try_enter` and `leave`."""
        if self._attempt("committing a frame", lambda: self.sink.commit(frame)):
            self._wrote()

    def miss(self) -> None:
        """Count a frame that could not be had (no buffer was ready)."""
        with self._changed:
            self.dropped += 1

    def offer(self, frame: Frame) -> None:
        """Hand over a frame. Never blocks, except for an 'every' sink offline, which is waited for."""
        if not self.own_thread:
            self._deliver(frame.hold())
            return
        with self._changed:
            if self.sink.policy == "latest":
                while self._pending:
                    self._pending.popleft().release()
                    self.dropped += 1
            elif self._offline:
                self._changed.wait_for(lambda: len(self._pending) < QUEUE or self.closing)
            if self.closing or len(self._pending) >= QUEUE:
                self.dropped += 1
                return
            self._pending.append(frame.hold())
            self._changed.notify_all()

    # -- changes and reports

    def row(self, show: Show) -> dict[str, Any]:
        """What `output.list` says about it; msgpack-able as far as the sink's own words are."""
        spec = self.spec(show)
        said: dict[str, Any] = {}
        self._attempt("describing itself", lambda: said.update(self.sink.describe(), **self.sink.stats()))
        state = "closing" if self.closing else "failed" if self.resting else "running"
        return {
            **said,
            "id": self.id, "kind": self.sink.kind, "name": self.sink.name, "state": state,
            "width": spec.width, "height": spec.height, "format": spec.format.name.lower(),
            "fps": self.options.fps, "written": self.written, "dropped": self.dropped, "failed": self.failures,
            "error": self.error, "watched": self.is_watched(),
        }  # fmt: skip

    def submit(self, job: Callable[[], None]) -> Future[None]:
        """Run `job` inside the sink, between frames: on the worker, or at the next `run_jobs`."""
        future: Future[None] = Future()
        with self._changed:
            if self.closing:
                future.cancel()
                return future
            self._jobs.append((job, future))
            self._changed.notify_all()
        return future

    def run_jobs(self) -> None:
        """Do what was submitted to a 'render' sink. Render thread, at a frame edge."""
        while True:
            with self._changed:
                if not self._jobs:
                    return
                job, future = self._jobs.popleft()
            self.run(job, future)

    def retire(self) -> None:
        """Take no more frames. A 'latest' sink forgets the one it has not shown; an 'every' sink keeps what it owes.
        The worker then closes the sink; for a 'render' sink call `finish`."""
        with self._changed:
            self.closing = True
            if self.sink.policy == "latest":
                while self._pending:
                    self._pending.popleft().release()
            self._changed.notify_all()

    def finish(self) -> None:
        """Close the sink; idempotent, never raises. The thread that writes to it."""
        if not self.closed.is_set():
            while self._jobs:
                self._jobs.popleft()[1].cancel()
            self._attempt("closing", self.sink.close)
            self.closed.set()

    # -- the worker

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: not self._busy and (self._jobs or self._pending or self.closing))
                job = self._jobs.popleft() if self._jobs else None
                frame = self._pending.popleft() if self._pending and job is None else None
                self._busy = True
                self._changed.notify_all()
            if job is not None:
                self.run(*job)
            elif frame is not None:
                self._deliver(frame)
            else:
                self.finish()
                return
            self.leave()

    @staticmethod
    def run(job: Callable[[], None], future: Future[None]) -> None:
        """Do a job unless its caller has given up; the future takes its error."""
        if not future.set_running_or_notify_cancel():
            return
        error = Lane._caught(job)
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    def _deliver(self, frame: Frame) -> None:
        if self._host.clock.now() < self._retry_at:  # queued before it failed: a rest is a rest
            self.miss()
        elif (not self.resting or self._reopen()) and self._attempt("writing a frame", lambda: self.sink.write(frame)):
            self._wrote()
        frame.release()

    def _reopen(self) -> bool:
        # A device that went away is rarely healed by more writes: after a rest the sink starts afresh.
        return self._attempt("closing", self.sink.close) and self._attempt(
            "opening it again", lambda: self.sink.open(self._host)
        )

    # -- failures

    def _wrote(self) -> None:
        with self._changed:
            self.written += 1
            self._in_a_row = 0
            recovered, self.resting = self.resting, False
            self._rest = 0.0
            self.error = ""
        if recovered:
            _LOG.info("output %s works again", self.id)
            self._host.emit("output", {"event": "recovered", "id": self.id, "kind": self.sink.kind})

    @staticmethod
    def _caught(call: Callable[[], Any]) -> Exception | None:
        # The guard of the sinks: whatever a device library throws, the show goes on.
        try:
            call()
        except Exception as error:  # noqa: BLE001
            return error
        return None

    def _attempt(self, doing: str, call: Callable[[], Any]) -> bool:
        error = self._caught(call)
        if error is not None:
            self._failed(doing, error)
        return error is None

    def _failed(self, doing: str, error: Exception) -> None:
        self.error = str(error) or type(error).__name__
        self._report(doing, error)
        with self._changed:
            self.failures += 1
            self._in_a_row += 1
            if self._in_a_row < FAILURES and not self.resting:
                return
            first, self.resting = not self.resting, True
            self._rest = min(max(self._rest * 2, BACKOFF[0]), BACKOFF[1])
            self._retry_at = self._host.clock.now() + self._rest
        if first:
            _LOG.warning("output %s failed %d times in a row and rests: %s", self.id, FAILURES, self.error)
            event = {"event": "failed", "id": self.id, "kind": self.sink.kind, "error": self.error}
            self._host.emit("output", event)

    def _report(self, doing: str, error: Exception) -> None:
        message = f"output {self.id}: {doing} failed: {type(error).__name__}: {error}"
        if isinstance(error, MorphogenError):
            self._repeated.warn(f"{self.id}/{doing}", message)
            return
        try:
            raise error
        except type(error):
            self._repeated.exception(f"{self.id}/{doing}", message)

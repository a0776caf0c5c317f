"""How frames reach sinks: what is due is planned, drawn by the loop, stamped and handed over.

    plan = publisher.plan(now)
    renderer.render(scene, [(t.spec, t.pixels) for t in plan])
    publisher.publish(plan, index, time_ns, generation)      # or publisher.discard(plan) when drawing failed

Equal pictures are drawn once and shared. A sink that is alone on its picture and offers its own buffer (`slot`) is
drawn into directly. The set of sinks is an immutable tuple that is swapped, so `plan` never meets a half-made change.

Threads: `plan`, `publish`, `discard` on the render thread. `open`, `add`, `set`, `close`, `list` on any; opening a
device is slow, so do it off the render thread. Sinks with `thread = 'render'` are opened, changed and closed by the
render thread at its next `plan` (before the first `plan`: by the caller). Called on the render thread itself, `set`
and `close` do not wait for a worker; elsewhere they wait a bounded time.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from typing import Any

from morphogen import log
from morphogen.buffers import Buffers
from morphogen.contracts import Host, Sink, SinkOptions
from morphogen.errors import StateError
from morphogen.frame import Frame, FrameInfo, TargetSpec
from morphogen.lane import Lane
from morphogen.region import Region
from morphogen.sink_options import Show, check_options, options_from, parse_out
from morphogen.target import Target, leave_unread, unspent

__all__ = ["Publisher", "Target", "check_options", "options_from", "parse_out"]

PATIENCE = 2.0  # seconds that a caller waits for a busy sink to take on a change
CLOSE_LATEST, CLOSE_EVERY = 1.0, 5.0  # seconds to wait for a sink to close; recordings finish what they owe
Rows = list[dict[str, Any]]
_LOG = log.get("outputs")
Plan = list[Target]


class Publisher:
    """The running set of sinks. offline: 'every' sinks are waited for instead of losing frames. region: set before the
    first `open` where the show is part of a larger canvas; then every picture is."""

    def __init__(self, host: Host, offline: bool = False) -> None:
        self.buffers = Buffers()
        self._host = host
        self._offline = offline
        self.region: Region | None = None
        self._lanes: tuple[Lane, ...] = ()
        self._ids: set[str] = set()
        self._leaving: tuple[Lane, ...] = ()
        self._edge: list[tuple[Callable[[], None], Future[None]]] = []
        self._lock = threading.Lock()
        self._anchor: float | None = None
        self._render_thread: int | None = None
        self._repeated = log.Repeated(_LOG, now=host.clock.now)

    @property
    def canvas(self) -> tuple[int, int]:
        """(width, height) of the canvas that the show is, or is a part of."""
        return self.region.canvas if self.region else self._host.show_size

    @property
    def _show(self) -> Show:
        return self.region or self._host.show_size

    # -- every frame, render thread

    def plan(self, now: float) -> Plan:
        """What to draw for the frame at `now` (clock seconds): one target for each different picture that is due and
        watched, in the order in which the sinks were opened. Follow with `publish` or `discard`."""
        self._render_thread = threading.get_ident()
        self._anchor = now if self._anchor is None else self._anchor
        self._at_edge()
        show = self._show
        groups: dict[TargetSpec, list[Lane]] = {}
        for lane in self._lanes:
            if lane.due(self._anchor, now):
                groups.setdefault(lane.spec(show), []).append(lane)
        targets = [self._target(spec, tuple(lanes)) for spec, lanes in groups.items()]
        plan = [target for target in targets if target is not None]
        leave_unread(self._host.textures, plan)
        return plan

    def publish(self, plan: Sequence[Target], index: int, time_ns: int, generation: int) -> None:
        """Stamp the headers and hand the frames over. index, time_ns, generation: as in the header."""
        for target in unspent(plan):
            frame, spec = target.frame, target.spec
            frame.info = FrameInfo(spec, index, time_ns, generation, spec.alpha)
            frame.stamp()
            for lane in target.lanes:
                if target.direct:
                    lane.commit(frame)
                    lane.leave()
                else:
                    lane.offer(frame)
            frame.release()

    def discard(self, plan: Sequence[Target]) -> None:
        """Give back what was planned but could not be drawn; the sinks keep their last picture."""
        for target in unspent(plan):
            if target.direct:
                target.lanes[0].leave()
            target.frame.release()

    def _target(self, spec: TargetSpec, lanes: tuple[Lane, ...]) -> Target | None:
        if len(lanes) == 1 and lanes[0].offers_slots and lanes[0].try_enter():
            buffer = lanes[0].slot(spec)
            if buffer is not None:
                return Target(spec, Frame(FrameInfo(spec), buffer), lanes, direct=True)
            lanes[0].leave()
        must = self._offline or any(lane.sink.policy == "every" for lane in lanes)
        frame = self.buffers.take(spec, must)
        if frame is None:
            for lane in lanes:
                lane.miss()
            return None
        return Target(spec, frame, lanes)

    def _at_edge(self) -> None:
        if self._edge or self._leaving:
            with self._lock:
                jobs, self._edge = self._edge, []
                leaving, self._leaving = self._leaving, ()
            for job, future in jobs:
                Lane.run(job, future)
            for lane in leaving:
                lane.finish()
        for lane in self._lanes:
            if not lane.own_thread:
                lane.run_jobs()

    # -- the set of sinks, any thread

    def open(
        self, kind: str, options: SinkOptions | Mapping[str, Any] | None, factory: Callable[[SinkOptions], Sink]
    ) -> str:
        """Make and open a sink; frames flow from the next `plan`. Returns its id ('zmq', then 'zmq-2' ...).

        factory: the sink's class, as the registry resolves it. Raises UsageError, Unavailable.
        """
        given = options if isinstance(options, SinkOptions) else options_from(options)

        def make(lane_id: str) -> Sink:
            named = given if given.name or lane_id == kind else replace(given, name=f"Morphogen-{lane_id}")
            sink = factory(named)
            check_options(sink, named)
            return sink

        return self._enter(kind, make)

    def add(self, sink: Sink) -> str:
        """Take in a sink that someone else made (a server's preview); opened here if it is not open yet."""
        return self._enter(sink.kind, lambda lane_id: sink)

    def set(self, sink_id: str, options: SinkOptions | Mapping[str, Any]) -> None:
        """Rename, resize, crop, flip ... while running, between two frames. A map changes what it names, SinkOptions
        replaces everything. Raises UsageError, StateError (no such output; too busy), and what the sink raises:
        then it goes on as it was."""
        lane = self._find(sink_id)
        new = options if isinstance(options, SinkOptions) else options_from(options, lane.options)
        check_options(lane.sink, new)
        self._prepare(lane, new)
        self._wait(lane.submit(lambda: self._apply(lane, new)), lane)

    def close(self, sink_id: str) -> None:
        """Take a sink out and close it; recordings first finish what they owe. Raises StateError (no such output)."""
        self._leave(self._find(sink_id))

    def close_all(self) -> None:
        """Close everything, last opened first. Never raises; returns in bounded time even when a sink hangs."""
        self._render_thread = None  # the loop has ended: from here on the caller is trusted with every sink
        for lane in reversed(self._lanes):
            self._leave(lane)
        self._at_edge()
        self.buffers.close()

    def refit(self, show: tuple[int, int]) -> None:
        """Get ready for a show of another size; follow with `settle` once it has it. Any thread; slow, since buffers
        are made. Raises StateError where the show is a part of a canvas."""
        if self.region is not None:
            raise StateError("this show is a part of a larger canvas.", "Start it again with another --region.")
        for lane in self._lanes:
            spec = lane.spec_of(lane.options, show)
            if lane.own_thread and not lane.offers_slots and lane.is_watched():
                self.buffers.ready(spec, lane.sink.depth)

    def settle(self) -> None:
        """Forget buffers of the size before. Render thread."""
        self.buffers.keep_only(lane.spec(self._show) for lane in self._lanes)

    def list(self) -> Rows:
        """The running outputs, as `output.list` answers."""
        show = self._show
        return [lane.row(show) for lane in self._lanes]

    def dropped(self) -> dict[str, int]:
        """Frames that each sink did not get in time."""
        return {lane.id: lane.dropped for lane in self._lanes}

    # -- inside

    def _find(self, sink_id: str) -> Lane:
        for lane in self._lanes:
            if lane.id == sink_id:
                return lane
        known = ", ".join(lane.id for lane in self._lanes) or "none"
        raise StateError(f"there is no output {str(sink_id)[:60]!r}.", f"Running: {known}.")

    def _new_id(self, kind: str) -> str:
        with self._lock:
            names = (kind if n == 1 else f"{kind}-{n}" for n in itertools.count(1))
            lane_id = next(name for name in names if name not in self._ids)
            self._ids.add(lane_id)
            return lane_id

    def _enter(self, kind: str, make: Callable[[str], Sink]) -> str:
        lane_id = self._new_id(kind)
        try:
            sink = make(lane_id)
            sink.meet(self._host)
            self._on_edge(sink, lambda: sink.open(self._host))
        except BaseException:
            self._ids.discard(lane_id)
            raise
        lane = Lane(lane_id, sink, self._host, self._repeated, self._offline)
        self._prepare(lane, lane.options)
        with self._lock:
            self._lanes = (*self._lanes, lane)
        self._tell("open", lane)
        return lane_id

    def _on_edge(self, sink: Sink, job: Callable[[], None]) -> None:
        if sink.thread == "own" or self._render_thread in (None, threading.get_ident()):
            job()
            return
        future: Future[None] = Future()
        with self._lock:
            self._edge.append((job, future))
        self._await(future, f"output {sink.kind}")

    def _apply(self, lane: Lane, options: SinkOptions) -> None:
        lane.sink.reconfigure(options)
        lane.options = options
        self.buffers.keep_only(other.spec(self._show) for other in self._lanes)
        self._tell("set", lane)

    def _prepare(self, lane: Lane, options: SinkOptions) -> None:
        # Buffers are made here, not on the render thread; a sink that draws into its own, or sleeps, needs none yet.
        if lane.own_thread and not lane.offers_slots and lane.is_watched():
            self.buffers.ready(lane.spec_of(options, self._show), lane.sink.depth)

    def _wait(self, future: Future[None], lane: Lane) -> None:
        on_render_thread = self._render_thread in (None, threading.get_ident())
        if not lane.own_thread and on_render_thread:
            lane.run_jobs()
        if not lane.own_thread or self._render_thread != threading.get_ident():
            self._await(future, f"output {lane.id}")

    @staticmethod
    def _await(future: Future[None], who: str) -> None:
        try:
            future.result(PATIENCE)
        except TimeoutError as error:
            if future.done():
                raise
            future.cancel()
            raise StateError(
                f"{who} is busy: it did not take this on within {PATIENCE:g} s.", "Try again, or close it."
            ) from error
        except CancelledError as error:
            raise StateError(f"{who} is closing and was not changed.", "Open it again.") from error

    def _leave(self, lane: Lane) -> None:
        with self._lock:
            if lane not in self._lanes:
                return
            self._lanes = tuple(other for other in self._lanes if other is not lane)
            self._ids.discard(lane.id)
            if not lane.own_thread:
                self._leaving = (*self._leaving, lane)
        lane.retire()
        self.buffers.keep_only(other.spec(self._show) for other in self._lanes)
        here = threading.get_ident()
        if not lane.own_thread and self._render_thread in (None, here):
            self._at_edge()
        if lane.own_thread and self._render_thread == here:
            wait = 0.0
        else:
            wait = CLOSE_EVERY if lane.sink.policy == "every" else CLOSE_LATEST
        if not lane.closed.wait(wait) and wait:
            _LOG.warning("output %s did not close within %g s and is left behind", lane.id, wait)
        self._tell("close", lane)

    def _tell(self, event: str, lane: Lane) -> None:
        self._host.emit("output", {"event": event, "id": lane.id, "kind": lane.sink.kind, "name": lane.sink.name})

"""OSC out: what faders, lights and TouchDesigner need to hear back. One thread, nothing that can block the show.

Parameters go out as single floats, the newest value only; what runs all the time (features, phases, frame rate) as one
bundle a tick. A controller is not told what it is just saying: motorised faders would fight the hand.
Measured on two cores shared with other work, medians of 300 to 20,000 calls: a tick with 10 features and 3 receivers
takes 62 to 84 us, all 47 settable parameters at once to 3 receivers 1.0 to 1.3 ms; storing an event 1 to 2 us in a
burst, 8 to 9 us when it comes alone, every half millisecond, to cold caches.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, ClassVar

from morphogen import log
from morphogen.clock import WallClock
from morphogen.contracts import Host, Source
from morphogen.errors import MorphogenError, Unavailable
from morphogen_bridges.osc.addresses import PREFIX
from morphogen_bridges.osc.codec import write_bundle, write_message
from morphogen_bridges.osc.target import FloatMessage, Target

HUSH = 0.5  # seconds after its last move before a controller hears the parameter it moved
MAX_SUBSCRIBERS = 16
EXPIRES = 5  # refused probes, about 10 s, after which a subscriber is forgotten
_MAX_QUERIES = 512  # answers gathered in one tick
_MAX_REQUESTS = 64  # subscriptions gathered in one tick
_SHORTEST_TICK = 0.002  # seconds: a flood of queries must not turn the ticks into a busy loop

RUNNING = ("beat/phase", "beat/bar_phase", "state/fps", "state/late")
ONCE = ("tempo/bpm", "beat/pulse", "beat/count", "beat/bar", "style/generation")


@dataclass
class _Inbox:
    """What was heard since the last tick; the newest of each."""

    params: dict[str, Any] = field(default_factory=dict)
    queries: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, int]] = field(default_factory=list)
    beat: Mapping[str, Any] | None = None
    style: Mapping[str, Any] | None = None
    state: Mapping[str, Any] | None = None


class OscFeedback(Source):
    """Sends to every (host, port) of `targets`, 127.0.0.1:8711 included by whoever composes them, and to subscribers.

    rate: ticks a second. All events come through `host.subscribe`; the listener only stores them.
    """

    name: ClassVar[str] = "osc_feedback"

    def __init__(self, targets: Sequence[tuple[str, int]] = (("127.0.0.1", 8711),), rate: float = 30.0) -> None:
        super().__init__()
        self._wanted = tuple(dict.fromkeys(targets))
        self._tick = 1.0 / min(max(rate, 0.1), 500.0)
        self._log = log.get("osc")
        self._said = log.Repeated(self._log, interval=60.0)
        self._targets: list[Target] = []
        self._lock = threading.Lock()
        self._sent = 0
        self._refused_subscribers = 0

    def stats(self) -> dict[str, Any]:
        """sent (packets), targets [{host, port, alive}], refused_subscribers."""
        targets = [{"host": t.ip, "port": t.port, "alive": t.alive, "fixed": t.fixed} for t in list(self._targets)]
        return {"sent": self._sent, "targets": targets, "refused_subscribers": self._refused_subscribers}

    def describe(self) -> dict[str, Any]:
        urls = [f"osc.udp://{host}:{port}" for host, port in self._wanted]
        return {"url": urls[0] if urls else "", "targets": urls}

    def _open(self, host: Host) -> None:
        self._host = host
        self._inbox = _Inbox()
        self._moves: dict[tuple[str, str], float] = {}
        self._style: Mapping[str, Any] = {}
        self._state: Mapping[str, Any] = {}
        self._heard: dict[str, float] = {}
        self._pulse_ticks = 0
        self._packets = {key: FloatMessage(PREFIX + key) for key in (*host.params.specs, *RUNNING, *ONCE)}
        self._features = [key for key, spec in host.params.specs.items() if spec.feature]
        self._targets = []
        try:
            for address in self._wanted:
                self._targets.append(self._target(*address, fixed=True))
        except Unavailable:
            self._close_targets()
            raise
        self._stop, self._wake = threading.Event(), threading.Event()
        self._unsubscribe: Callable[[], None] = host.subscribe(self._hear)
        host.call("style.current").add_done_callback(self._heard_style)
        self._thread = threading.Thread(target=self._run, name="osc-feedback", daemon=True)
        self._thread.start()

    def _close(self) -> None:
        self._unsubscribe()
        self._stop.set()
        self._wake.set()
        self._thread.join(1.0)

    # --- any thread

    def _hear(self, topic: str, data: Mapping[str, Any]) -> None:
        with self._lock:
            inbox = self._inbox
            if topic == "param":
                inbox.params[data["key"]] = data["value"]
                origin = data.get("origin") or ""
                if origin.startswith("osc:"):
                    self._moves[data["key"], origin[4:].rpartition(":")[0]] = self._host.clock.now()
                return  # waits for the tick
            if topic == "state":
                inbox.state = data
                return
            if topic == "query" and len(inbox.queries) < _MAX_QUERIES:
                inbox.queries[data["address"]] = data["value"]
            elif topic == "subscribe" and len(inbox.requests) < _MAX_REQUESTS:
                inbox.requests.append((data["host"], data["port"]))
            elif topic == "beat":
                inbox.beat = data
            elif topic == "style":
                inbox.style = data
            else:
                return
        self._wake.set()

    def _heard_style(self, future: Future[Any]) -> None:
        style = None if future.cancelled() or future.exception() else future.result()
        if isinstance(style, Mapping) and "name" in style:
            with self._lock:
                self._inbox.style = self._inbox.style or style

    # --- the thread

    def _run(self) -> None:
        clock, due = WallClock(), 0.0
        while not self._stop.is_set():
            self._wake.wait(max(due - clock.now(), 0.0))
            self._wake.clear()
            regular = clock.now() >= due
            if regular:
                due = clock.now() + self._tick
            try:
                self._step(regular)
            except Exception:  # noqa: BLE001  the guard of this worker: feedback must outlive one bad event
                self._said.exception("internal", "OSC feedback: error in one tick (please report)")
            self._stop.wait(_SHORTEST_TICK)
        self._close_targets()

    def _step(self, regular: bool) -> None:
        now = self._host.clock.now()
        with self._lock:
            inbox, self._inbox = self._inbox, _Inbox()
            self._moves = {move: when for move, when in self._moves.items() if now - when < HUSH}
            moves = self._moves.copy()
        for host, port in inbox.requests:
            self._subscribe(host, port)
        if regular:
            self._check_targets(now)
        for address, value in inbox.queries.items():
            self._send_all(write_message(address, value), now)
        if inbox.style is not None:
            self._style = inbox.style
            for packet in self._style_packets():
                self._send_all(packet, now)
        if inbox.beat is not None:
            self._beat(inbox.beat, now)
        self._gather(inbox.params)
        self._state = inbox.state or self._state
        if regular and any(target.alive for target in self._targets):
            self._drain(moves, now)
            self._running(self._state, now)

    def _gather(self, params: Mapping[str, Any]) -> None:
        for key, value in params.items():
            spec = self._host.params.specs.get(key)
            if spec is None:
                continue
            number = spec.check(value)  # a bool as 0 or 1, a choice as its index
            for target in self._targets:
                target.pending[key] = number

    def _drain(self, moves: Mapping[tuple[str, str], float], now: float) -> None:
        for target in self._targets:
            if not target.alive:
                continue
            for key in [key for key in target.pending if (key, target.ip) not in moves]:
                self._sent += target.send(self._packets[key](target.pending.pop(key)), now)

    def _running(self, state: Mapping[str, Any], now: float) -> None:
        """Features, phases and frame rate in one bundle; only what has changed."""
        tempo = self._host.tempo()
        values = {"beat/phase": tempo.phase_at(now), "beat/bar_phase": tempo.bar_phase_at(now), "tempo/bpm": tempo.bpm}
        for key in self._features:
            values[key] = float(self._host.params.get(key))
        for name in ("fps", "late"):
            if isinstance(state.get(name), (int, float)):
                values[f"state/{name}"] = float(state[name])
        if self._pulse_ticks:
            self._pulse_ticks -= 1
            values["beat/pulse"] = 0.0 if self._pulse_ticks == 0 else 1.0
        changed = [self._packets[key](value) for key, value in values.items() if self._heard.get(key) != value]
        self._heard.update(values)
        if changed:
            self._send_all(write_bundle(changed), now)

    def _beat(self, beat: Mapping[str, Any], now: float) -> None:
        # Two ticks long, so that a receiver that looks once a frame sees it wherever in the tick the beat fell.
        self._pulse_ticks = 2
        self._heard["beat/pulse"] = 1.0
        self._send_all(self._packets["beat/pulse"](1.0), now)
        for key, name in (("beat/count", "beat"), ("beat/bar", "bar"), ("tempo/bpm", "bpm")):
            value = beat.get(name)
            if isinstance(value, (int, float)) and self._heard.get(key) != value:
                self._heard[key] = value
                self._send_all(self._packets[key](value), now)

    def _style_packets(self) -> list[bytes]:
        if not self._style:
            return []
        name, generation = str(self._style.get("name", "")), self._style.get("generation", 0)
        packets = [self._packets["style/generation"](float(generation or 0))]
        return [write_message(PREFIX + "style/current", name.replace("\0", "")), *packets]

    # --- receivers

    def _target(self, host: str, port: int, fixed: bool) -> Target:
        target = Target(host, port, fixed)
        self._welcome(target)
        return target

    def _welcome(self, target: Target) -> None:
        """Everything, once it is there: a page of faders opens showing the truth."""
        params = self._host.params
        target.pending = {
            key: spec.check(params.get(key)) for key, spec in params.specs.items() if not spec.feature
        }  # fmt: skip

    def _subscribe(self, host: str, port: int) -> None:
        known = next((t for t in self._targets if (t.ip, t.port) == (host, port)), None)
        if known is not None:
            known.revive()
        elif sum(not target.fixed for target in self._targets) >= MAX_SUBSCRIBERS:
            self._refused_subscribers += 1
            self._said.warn(
                "full", f"OSC feedback: {host}:{port} refused, {MAX_SUBSCRIBERS} subscribers are the limit."
            )
        else:
            try:
                self._targets.append(self._target(host, port, fixed=False))
            except MorphogenError as error:
                self._said.warn("subscribe", str(error))

    def _check_targets(self, now: float) -> None:
        probe = self._packets["tempo/bpm"](self._host.tempo().bpm)
        for target in list(self._targets):
            if target.check(now):
                self._welcome(target)
                for packet in self._style_packets():
                    self._sent += target.send(packet, now)
                self._heard.clear()  # what runs is said again, although it stands still
            elif target.refused and not target.reported:
                target.reported = True
                # On this computer that is the ordinary case, elsewhere a wrong address or a wall in between.
                level = logging.DEBUG if target.ip.startswith("127.") else logging.WARNING
                self._log.log(level, "OSC feedback: nobody listens at %s:%s yet", target.ip, target.port)
            if not target.fixed and target.refused >= EXPIRES:
                self._targets.remove(target)
                target.close()
                continue
            target.probe(probe, now)

    def _send_all(self, packet: bytes, now: float) -> None:
        for target in self._targets:
            self._sent += target.send(packet, now)

    def _close_targets(self) -> None:
        for target in self._targets:
            target.close()

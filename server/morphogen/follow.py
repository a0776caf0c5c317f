"""A follower: draws the scenes of another Morphogen, frame by frame, and composes nothing itself.

What it draws is whole in each scene, so its pixels are the leader's. Index and generation in the frame headers are the
leader's too. What moves the picture belongs to the leader and is refused here with the leader's address.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from morphogen import log
from morphogen.clock import Clock
from morphogen.errors import MorphogenError, ParamError, RenderError, StateError
from morphogen.field.network import Shape
from morphogen.field.scene import Scene, program
from morphogen.inbox import Inbox
from morphogen.instrument import STATE_INTERVAL, Instrument
from morphogen.library.find import Library
from morphogen.library.style import Style, title_of
from morphogen.loop import FrameLoop
from morphogen.params.spec import Param
from morphogen.params.store import ParamStore
from morphogen.ports import DEFAULT_BASE, Ports
from morphogen.scene_wire import Shot

IDLE = 0.1  # seconds without a scene after which the loop looks after everything else
MOVED = frozenset({"style", "bank", "param", "mod", "snapshot", "tempo", "audio", "state", "controls"})
READING = frozenset({"list", "current", "get", "devices"})
TRIES = 6  # an output that has just been woken may have no buffer ready for its first picture or two
ALIKE = 0.01  # relative difference of two aspects that nobody sees at a seam

_log = log.get("follow")


class FollowLoop(FrameLoop):
    """Draws when a scene is there instead of at times of its own."""

    inbox: Inbox
    follower: Follower

    def _play(self, seconds: float | None) -> None:
        start = last = self._clock.now()
        while not self._stop.is_set():
            self.inbox.wait(IDLE, self.follower.ready)
            now = self._clock.now()
            if seconds is not None and now - start >= seconds:
                return
            self.frame(now, now - last)
            last = now

    def repeat(self, shot: Shot, outputs: Set[str], now: float) -> None:
        """The picture that was shown last, for these outputs alone; time stands still in it."""
        plan = self._publisher.plan(now)
        for target in plan:
            target.lanes = tuple(lane for lane in target.lanes if target.direct or lane.id in outputs)
        wanted = [t for t in plan if any(lane.id in outputs for lane in t.lanes)]
        try:
            if wanted:
                self._renderer.render(replace(shot.scene, dt=0.0), [(t.spec, t.pixels) for t in wanted])
                self._publisher.publish(wanted, shot.index, self._clock.now_ns(), shot.generation)
        finally:
            self._publisher.discard(plan)  # what is published is not touched


class Elsewhere(ParamStore):
    """Parameters that only the leader can move: reading answers the defaults, setting is refused."""

    def __init__(self, clock: Clock, cure: str) -> None:
        super().__init__(clock)
        self._cure = cure

    def _put(self, param: Param, value: float, origin: str, smooth: bool = True) -> None:
        raise ParamError(f"{param.key} is the leader's: this Morphogen follows.", self._cure)


class Follower(Instrument):
    """Implements `contracts.Host` and `loop.Show`, as `Instrument` does, for the scenes in `inbox`.

    leader: (host, port) of its scenes, for what people are told. style: drawn never; its program is the first guess.
    """

    def __init__(
        self, clock: Clock, library: Library, style: Style, renderer: Any,
        size: tuple[int, int], leader: tuple[str, int],
    ) -> None:  # fmt: skip
        super().__init__(clock, library, style, renderer, size, 0.0)
        host, port = leader
        base = port - (Ports().scenes - DEFAULT_BASE)
        self._cure = f"Say it to the leader: `morphogen ctl --host {host} --port-base {base} ...`."
        self.inbox = Inbox(clock, f"tcp://{host}:{port}")
        self.params = Elsewhere(clock, self._cure)
        self.loop: FollowLoop = FollowLoop(self, renderer, self.publisher, clock, 0.0)
        self.loop.inbox, self.loop.follower = self.inbox, self
        self._shot: Shot | None = None
        self._shown: tuple[str, int] | None = None
        self._refused: dict[tuple[Shape, ...], MorphogenError] = {}
        self._served: dict[str, tuple[int, int]] | None = None
        self._seen_canvas: tuple[int, int] | None = None

    # --- contracts.Host

    def call(self, method: str, arguments: Mapping[str, Any] | None = None) -> Future[Any]:
        group, _, verb = str(method).partition(".")
        if group not in MOVED or (verb in READING and method != "style.current"):
            return super().call(method, arguments)
        future: Future[Any] = Future()
        if method == "style.current":
            future.set_result(self._current())
        else:
            future.set_exception(StateError(f"{method[:60]} is the leader's: this Morphogen follows.", self._cure))
        return future

    # --- loop.Show

    @property
    def generation(self) -> int:
        """The leader's, of the scene of the last `edge`."""
        return self._shot.generation if self._shot else 0

    def ready(self, shot: Shot) -> bool:
        """Whether a scene can be drawn now; if not, its program is compiled aside. Render thread."""
        wanted = [what.shapes for what in shot.scene.programs]
        compiled = [self._compiled(shapes) for shapes in wanted if shapes not in self._refused]
        return len(compiled) < len(wanted) or all(compiled)

    def edge(self, now: float, dt: float) -> Scene | None:
        """The next scene of the leader; None to leave the last picture up."""
        if self.inbox.programs and not self._preparing:
            self._compiled(self.inbox.programs.popleft())
        shot = self.inbox.take(self.ready)
        if shot is None:
            self._tell(now)
            self._again(now)
            return None
        self._shot, self._scene, self._served, self.loop.index = shot, shot.scene, None, shot.index
        if shot.canvas != self._seen_canvas:
            self._compare(shot.canvas)
        for what in shot.scene.programs:
            if refused := self._refused.get(what.shapes):
                raise RenderError(refused.message, refused.cure)
        return shot.scene

    def shown(self, index: int, now: float) -> None:
        shot = self._shot
        if shot is not None and self._shown != (shot.style, shot.generation):
            self._shown = shot.style, shot.generation
            current = self._current()
            self.emit("style", {key: current[key] for key in current if key != "weights"} | {"seconds": 0.0})
        self._tell(now)

    # --- numbers

    def state(self) -> dict[str, Any]:
        """The leader's style and generation, and how the leader is."""
        style = self._shot.style if self._shot else ""
        leader = self.inbox.state(self.clock.now())
        return {**super().state(), "style": style, "generation": self.generation, "slot": 0, "leader": leader}

    def stats(self) -> dict[str, Any]:
        """`leader` in words: following, lost since 3.2 s, waiting; `following`: what came from it and what did not."""
        style, now = self._shot.style if self._shot else "", self.clock.now()
        mine = {"style": style, "generation": self.generation, "leader": self.inbox.state(now)}
        if self.publisher.region:
            mine["region"] = str(self.publisher.region)
        return {**super().stats(), **mine, "following": self.inbox.stats()}

    # --- inside

    def _current(self) -> dict[str, Any]:
        shot = self._shot
        network = shot.scene.networks[-1] if shot else None
        name = shot.style if shot else ""
        return {
            "name": name, "title": title_of(name), "prompt": "", "shape": str(network.shape) if network else "",
            "generation": self.generation, "slot": 0, "weights": [float(w) for w in network.flat] if network else [],
        }  # fmt: skip

    def _tell(self, now: float) -> None:
        self.inbox.report(now)
        if now - self._told >= STATE_INTERVAL:
            self._told = now
            self.emit("state", self.state())

    def _again(self, now: float) -> None:
        """While nothing comes: the last picture for whoever begins to watch, until it has it.

        _served: of each output that watches, how many pictures it had had, and how often to try again."""
        if self._shot is None:
            return
        watching = {str(row["id"]): int(row["written"]) for row in self.publisher.list() if row["watched"]}
        if self._served is None:
            self._served = {output: (written, 0) for output, written in watching.items()}
        served, self._served = self._served, {}
        for output, written in watching.items():
            before, tries = served.get(output, (written, TRIES))
            self._served[output] = (before, tries - 1) if written == before and tries > 0 else (written, 0)
        owed = {output for output, (_, tries) in self._served.items() if tries > 0}
        if owed:
            self.loop.repeat(self._shot, owed, now)

    def _compare(self, canvas: tuple[int, int]) -> None:
        self._seen_canvas = canvas
        (width, height), (leads, high) = self.publisher.canvas, canvas
        if abs(width * high - height * leads) > ALIKE * height * leads:
            _log.warning(
                "the leader's canvas is %dx%d, this one %dx%d: give --region X,Y,W,H@WxH with the leader's aspect, or"
                " the picture does not fit at the seams", leads, high, width, height,
            )  # fmt: skip

    def _prepare(self, shapes: tuple[Shape, ...]) -> None:
        """On the control thread."""
        try:
            self.renderer.prepare(program(shapes))
        except MorphogenError as error:
            self._refused[shapes] = error
            self._repeated.warn("compile", str(error))
        finally:
            self._preparing.discard(shapes)
            self.inbox.wake()

"""What is on stage: the running style, and how the next one comes in.

Everything slow (reading, checking, compiling, aligning) happens before a `Change` gets here; the stage only decides, at
each frame edge, which networks are drawn and how they are mixed. Same shape: the weights themselves are interpolated,
hidden units aligned first. Else both pictures are cross-faded. Nothing jumps that was not asked to: a change
of mind during a morph starts from the mixture on screen; a running cross-fade first hurries to its end, a held one
back to its beginning, since there is no place for a third picture.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from morphogen.contracts import TempoState
from morphogen.cues import crossed
from morphogen.errors import MorphogenError, StateError, StyleError
from morphogen.field import geometry
from morphogen.field.network import Network, Shape
from morphogen.library.align import meet
from morphogen.library.checks import MAX_WEIGHT
from morphogen.library.style import Style
from morphogen.passage import Look, Passage

WAITING = 64


@dataclass
class Change:
    """A style that is to come. on: 'now', 'beat' or 'bar'. kind: 'auto', 'fade' or 'morph'. slot: of the bank, 0 none.

    hold: None to arrive, else the mixture 0..1 to stay at. shown: resolves when the first frame with it is published.
    aligned: the style's network with its units in the order of the running one's (`library.align`: slow, so whoever
    asks does it), for a morph.
    """

    style: Style
    seconds: float = 0.0
    on: str = "now"
    kind: str = "auto"
    slot: int = 0
    hold: float | None = None
    aligned: Network | None = None
    shown: Future[dict[str, Any]] = field(default_factory=Future)


Ready = Callable[[tuple[Shape, ...]], bool]


class Stage:
    """`request` and `bend` on any thread; `advance` and `published` on the render thread.

    ready(shapes): whether that program is compiled; asks for it in the background when it is not.
    """

    def __init__(self, style: Style, ready: Ready, slot: int = 0) -> None:
        self.style = style
        self.slot = slot
        self.generation = 0
        self._ready = ready
        self._network = style.network
        self._passage: Passage | None = None
        self._lock = threading.Lock()
        self._incoming: list[Change] = []
        self._bends: dict[int, float] = {}
        self._waiting: list[Change] = []
        self._arrived: list[Change] = []
        self._refused: list[tuple[tuple[Shape, ...], MorphogenError]] = []
        self._held: Style | None = None
        self._closed = False
        self._beat = 0.0

    @property
    def network(self) -> Network:
        """The network that is there, or that is being arrived at."""
        return self._network

    def request(self, change: Change) -> Future[dict[str, Any]]:
        """Ask for a change. The newest wins; those it overtakes are answered with it."""
        with self._lock:
            if self._closed:
                change.shown.set_exception(_closing())
                return change.shown
            self._incoming.append(change)
            overtaken = self._incoming[:-WAITING]
            del self._incoming[:-WAITING]
        for old in overtaken:
            old.shown.set_exception(StyleError("too many style changes at once.", "Wait for each to be answered."))
        return change.shown

    def bend(self, index: int, value: float) -> None:
        """Set one weight (tensor order) of the running network at the next frame. Raises StyleError."""
        count = self._network.shape.parameters
        if not 0 <= index < count:
            raise StyleError(f"there is no weight {index}.", f"This style has 0 to {count - 1}.")
        if not abs(value) <= MAX_WEIGHT:
            raise StyleError(f"a weight cannot be {value:g}.", f"Give -{MAX_WEIGHT:g} to {MAX_WEIGHT:g}.")
        with self._lock:
            self._bends[index] = value

    def refuse(self, shapes: tuple[Shape, ...], error: MorphogenError) -> None:
        """That program cannot be compiled: changes that wait for it are answered with the error. Any thread."""
        with self._lock:
            self._refused.append((shapes, error))

    def advance(self, now: float, tempo: TempoState, inputs: Mapping[str, float] | None = None) -> Look:
        """What the frame at `now` draws. inputs: the network's time and audio at this frame, where a morph begins."""
        with self._lock:
            self._waiting += self._incoming
            self._incoming = []
            bends, self._bends = self._bends, {}
            refused, self._refused = self._refused, []
        for shapes, error in refused:
            self._drop(shapes, error)
        beat_before, self._beat = self._beat, tempo.beat_at(now)
        if bends:
            self._apply(bends, now, inputs or {})
        change = self._due(beat_before, tempo)
        if change is not None:
            self._begin(change, now, inputs or {})
        return self._look(now)

    def published(self, frame: int) -> list[Change]:
        """The frame with this index is out: answer whoever waited for it. Returns the changes it showed first."""
        arrived, self._arrived = self._arrived, []
        for change in arrived:
            if not change.shown.done():
                change.shown.set_result(
                    {"generation": self.generation, "frame": frame, "name": self.style.name, "seconds": change.seconds}
                )
        return arrived

    def failed(self, error: Exception) -> None:
        """The frame could not be drawn: answer whoever waited to see it. What waits for its moment goes on waiting."""
        arrived, self._arrived = self._arrived, []
        for change in arrived:
            if not change.shown.done():
                change.shown.set_exception(StyleError(f"it cannot be drawn: {error}", "Change to another style."))

    def close(self) -> None:
        """Nobody waits for ever: what has not been shown never will be."""
        with self._lock:
            self._closed = True
            left = [*self._waiting, *self._incoming, *self._arrived]
            self._waiting, self._incoming, self._arrived = [], [], []
        for change in left:
            if not change.shown.done():
                change.shown.set_exception(_closing())

    # --- inside, render thread

    def _apply(self, bends: dict[int, float], now: float, inputs: Mapping[str, float]) -> None:
        flat = np.array(self._network.flat)
        for index, value in bends.items():
            if index < len(flat):
                flat[index] = value
        self._network = bent = self._network.with_flat(flat)
        passage = self._passage
        if passage is None:
            return
        if passage.hold is not None:
            self._passage = replace(passage, start=bent)
        elif not passage.morph:
            self._passage = replace(passage, goal=bent)
        elif passage.offset is not None:
            self._passage = replace(passage, goal=bent.with_flat(flat + passage.offset))
        else:  # the aligned goal has other places for the weights: go on from here to the goal as the style has it
            start = passage.look(now).networks[0]
            goal = meet(start, bent, inputs)
            left = max(passage.seconds - (now - passage.begin), 1e-3)
            self._passage = Passage(start, goal, now, left, True, offset=goal.flat - flat)

    def _drop(self, shapes: tuple[Shape, ...], error: MorphogenError) -> None:
        for change in [c for c in self._waiting if c.style.shape in shapes]:
            self._waiting.remove(change)
            if not change.shown.done():
                change.shown.set_exception(error)

    def _due(self, beat_before: float, tempo: TempoState) -> Change | None:
        """The newest change whose moment has come and whose programs are compiled."""
        come = crossed(beat_before, self._beat, tempo.beats_per_bar)
        for i in range(len(self._waiting) - 1, -1, -1):
            change = self._waiting[i]
            if change.on in come:
                change.on = "now"  # its beat has come: from here on only the compiler can hold it up
                if not self._may_begin(change):
                    return None
                self._arrived += self._waiting[: i + 1]
                del self._waiting[: i + 1]
                return change
        return None

    def _may_begin(self, change: Change) -> bool:
        if not self._ready((change.style.shape,)):
            return False
        if change.seconds <= 0 and change.hold is None:
            return True
        if self._in_the_way(change):
            return False
        return self._morphs(change) or self._ready((self._network.shape, change.style.shape))

    def _in_the_way(self, change: Change) -> bool:
        """A running passage that must end first: a cross-fade, and any before a mixture is held."""
        passage = self._passage
        if passage is None or (passage.hold is not None and (change.hold is not None or self._is_held(change))):
            return False
        return not passage.morph or change.hold is not None

    def _is_held(self, change: Change) -> bool:
        return self._held is not None and _alike(self._held.network, change.style.network)

    def _morphs(self, change: Change) -> bool:
        return morphs(change.kind, self._network, change.style.network)

    def _begin(self, change: Change, now: float, inputs: Mapping[str, float]) -> None:
        if change.hold is not None:
            self._hold(change, change.hold, inputs)
            return
        goal, passage = change.style.network, self._passage
        start = passage.look(now).networks[0] if passage is not None and passage.morph else self._network
        if change.seconds <= 0:
            self._passage = None
        elif passage is not None and passage.hold is not None and self._is_held(change):
            self._passage = passage.onward(now, change.seconds)
        elif self._morphs(change):
            self._passage = Passage(start, meet(start, change.aligned or goal, inputs), now, change.seconds, True)
        else:
            self._passage = Passage(start, goal, now, change.seconds, False)
        self._network, self._held = goal, None
        self.style, self.slot = change.style, change.slot
        self.generation += 1

    def _hold(self, change: Change, position: float, inputs: Mapping[str, float]) -> None:
        if position <= 0:
            self._passage = self._held = None
            return
        if self._passage is not None and self._is_held(change):  # a hand on the fader: another mixture of the same
            self._passage = replace(self._passage, hold=position)
            return
        morph = self._morphs(change)
        other = meet(self._network, change.aligned or change.style.network, inputs) if morph else change.style.network
        self._passage = Passage(self._network, other, 0.0, 0.0, morph, position)
        self._held = change.style
        self.generation += 1

    def _look(self, now: float) -> Look:
        passage = self._passage
        if passage is None:
            return Look((self._network,))
        if any(change.on == "now" and self._in_the_way(change) for change in self._waiting):
            passage = self._passage = passage.hurried(now)
        if passage.hold is None and passage.position(now) >= 1.0:
            self._passage = None
            return Look((self._network,))
        return passage.look(now)


def morphs(kind: str, running: Network, following: Network) -> bool:
    """Whether a change of this kind interpolates the weights. Fields of different seeds have nothing between them.
    Unless asked to, wide networks cross-fade: halfway between two that were not trained from one another lies a fog
    (`library.align`)."""
    a, b = running.shape, following.shape
    if a != b or geometry.seeds(a.inputs, running.geometry) != geometry.seeds(b.inputs, following.geometry):
        return False
    return kind == "morph" or (kind == "auto" and not a.wide)


def _closing() -> StateError:
    return StateError("the instrument is closing.", "Start it again.")


def _alike(a: Network, b: Network) -> bool:
    if a is b:
        return True
    same = a.shape == b.shape and a.extent == b.extent and np.array_equal(a.flat, b.flat)
    return same and np.array_equal(a.geometry, b.geometry)

"""What is on stage: the running style, and how the next one comes in.

Everything slow (reading, checking, compiling, aligning) happens before a `Change` gets here; the stage only decides, at
each frame edge, which networks are drawn and how they are mixed. Same shape: the weights themselves are interpolated,
hidden units aligned first. Else both fields are cross-faded in one pass.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from morphogen.contracts import TempoState
from morphogen.errors import StyleError
from morphogen.field.network import Network, Shape
from morphogen.library.align import align, mix
from morphogen.library.style import Style

HURRY = 0.25  # seconds left to a running cross-fade when the next change is already waiting
WAITING = 64


@dataclass
class Change:
    """A style that is to come. on: 'now', 'beat' or 'bar'. kind: 'auto', 'fade' or 'morph'. slot: of the bank, 0 none.

    hold: None to arrive, else the mixture 0..1 to stay at. shown: resolves when the first frame with it is published.
    """

    style: Style
    seconds: float = 0.0
    on: str = "now"
    kind: str = "auto"
    slot: int = 0
    hold: float | None = None
    shown: Future[dict[str, Any]] = field(default_factory=Future)


@dataclass(frozen=True)
class Look:
    """What one frame draws: one network, or two with their mixture (0 the first, 1 the second)."""

    networks: tuple[Network, ...]
    mix: float = 0.0


@dataclass(frozen=True)
class _Passage:
    """From one network to another. morph: in weight space. seconds 0 with `hold`: stays at that mixture."""

    start: Network
    goal: Network
    begin: float
    seconds: float
    morph: bool
    hold: float | None = None

    def position(self, now: float) -> float:
        if self.hold is not None:
            return self.hold
        t = min(max((now - self.begin) / self.seconds, 0.0), 1.0) if self.seconds > 0 else 1.0
        return t * t * (3 - 2 * t)

    def look(self, now: float) -> Look:
        t = self.position(now)
        if self.morph:
            return Look((mix(self.start, self.goal, t),))
        return Look((self.start, self.goal), t)


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
        self._passage: _Passage | None = None
        self._lock = threading.Lock()
        self._incoming: list[Change] = []
        self._bends: dict[int, float] = {}
        self._waiting: list[Change] = []
        self._arrived: list[Change] = []
        self._beat = 0.0

    @property
    def network(self) -> Network:
        """The network that is there, or that is being arrived at."""
        return self._network

    def request(self, change: Change) -> Future[dict[str, Any]]:
        """Ask for a change. The newest wins; those it overtakes are answered with it."""
        with self._lock:
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
        with self._lock:
            self._bends[index] = value

    def advance(self, now: float, tempo: TempoState) -> Look:
        """What the frame at `now` draws."""
        with self._lock:
            self._waiting += self._incoming
            self._incoming = []
            bends, self._bends = self._bends, {}
        beat_before, self._beat = self._beat, tempo.beat_at(now)
        if bends:
            self._apply(bends)
        change = self._due(beat_before, tempo)
        if change is not None:
            self._begin(change, now)
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

    def close(self) -> None:
        """Nobody waits for ever: what has not been shown never will be."""
        with self._lock:
            left = [*self._waiting, *self._incoming, *self._arrived]
            self._waiting, self._incoming, self._arrived = [], [], []
        for change in left:
            if not change.shown.done():
                change.shown.set_exception(StyleError("the instrument is closing.", "Start it again."))

    # --- inside, render thread

    def _apply(self, bends: dict[int, float]) -> None:
        flat = np.array(self._network.flat)
        for index, value in bends.items():
            if index < len(flat):
                flat[index] = value
        self._network = self._network.with_flat(flat)
        if self._passage is not None:
            self._passage = replace(self._passage, goal=self._network)

    def _due(self, beat_before: float, tempo: TempoState) -> Change | None:
        """The newest change whose moment has come and whose programs are compiled."""
        crossed = {"now": True, "beat": int(self._beat) > int(beat_before)}
        crossed["bar"] = crossed["beat"] and int(self._beat) % tempo.beats_per_bar == 0
        for i in range(len(self._waiting) - 1, -1, -1):
            change = self._waiting[i]
            if crossed.get(change.on, True):
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
        fading = self._passage is not None and not self._passage.morph
        if fading and change.hold is None:
            return False
        return self._morphs(change) or self._ready((self._network.shape, change.style.shape))

    def _morphs(self, change: Change) -> bool:
        return change.kind != "fade" and change.style.shape == self._network.shape

    def _begin(self, change: Change, now: float) -> None:
        goal = change.style.network
        start = self._network
        if self._passage is not None and self._passage.morph and self._passage.hold is None:
            start = self._passage.look(now).networks[0]
        if change.hold is not None:
            self._hold(change, goal)
            return
        morph = self._morphs(change)
        self._passage = None
        if change.seconds > 0:
            if morph:
                self._passage = _Passage(start, align(start, goal), now, change.seconds, True)
            else:
                self._passage = _Passage(start, goal, now, change.seconds, False)
        self._network = goal
        self.style, self.slot = change.style, change.slot
        self.generation += 1

    def _hold(self, change: Change, goal: Network) -> None:
        assert change.hold is not None
        morph = self._morphs(change)
        other = align(self._network, goal) if morph else goal
        fresh = self._passage is None or self._passage.hold is None
        self._passage = _Passage(self._network, other, 0.0, 0.0, morph, change.hold) if change.hold > 0 else None
        self.generation += fresh

    def _look(self, now: float) -> Look:
        passage = self._passage
        if passage is None:
            return Look((self._network,))
        if passage.hold is None and self._waiting and not passage.morph:
            self._passage = passage = self._hurried(passage, now)
        if passage.hold is None and passage.position(now) >= 1.0:
            self._passage = None
            return Look((self._network,))
        return passage.look(now)

    @staticmethod
    def _hurried(passage: _Passage, now: float) -> _Passage:
        """The same passage, arriving within `HURRY` seconds, without a jump."""
        done = min(max((now - passage.begin) / passage.seconds, 0.0), 1.0)
        left = (1.0 - done) * passage.seconds
        if left <= HURRY:
            return passage
        seconds = HURRY / max(1.0 - done, 1e-3)
        return replace(passage, begin=now - done * seconds, seconds=seconds)

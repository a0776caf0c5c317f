"""The layer's style, and how another one comes in: what is seen goes down, the styles are swapped, it comes up again.

There is one picture over the show's own, so two styles of the layer are never there at once. Everything slow (reading,
checking, compiling) happens before a request gets here.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from morphogen.composer import layer
from morphogen.errors import StateError
from morphogen.field.scene import Layer
from morphogen.library.style import Style

FADE = 0.25  # seconds from nothing to all of it, and back


@dataclass(frozen=True)
class Wish:
    """A style for the layer, None for none. shown: resolves when it has taken its place."""

    style: Style | None
    shown: Future[dict[str, Any]] = field(default_factory=Future)


class Overlay:
    """`request` and `close` on any thread; `look` on the render thread. style: the layer's, None without one."""

    def __init__(self) -> None:
        self.style: Style | None = None
        self._wishes: list[Wish] = []
        self._lock = threading.Lock()
        self._presence = 0.0
        self._closed = False

    def request(self, style: Style | None) -> Future[dict[str, Any]]:
        """Ask for another style, or for none. The newest wins; those it overtakes are answered with it."""
        wish = Wish(style)
        with self._lock:
            if self._closed:
                wish.shown.set_exception(_closing())
            else:
                self._wishes.append(wish)
        return wish.shown

    def look(self, values: Mapping[str, float], dt: float) -> Layer | None:
        """The layer of the frame `dt` seconds after the last one; None where nothing of it is seen. Render thread."""
        presence = self.advance(dt, values["layer/opacity"] > 0)
        return layer(values, self.style.network, presence) if self.style is not None else None

    def advance(self, dt: float, seen: bool) -> float:
        """How much of the layer the frame shows, 0..1, `dt` seconds after the last one. seen: its opacity is not 0, so
        a swap would be seen."""
        with self._lock:
            wishes = tuple(self._wishes)
        step = max(dt, 0.0) / FADE
        if not wishes:
            self._presence = min(self._presence + step, 1.0) if self.style is not None else 0.0
        elif seen and self.style is not None and self._presence > step:
            self._presence -= step
        else:
            self._presence = 0.0 if seen else 1.0
            self._swap(wishes)
        return self._presence if self.style is not None else 0.0

    def close(self) -> None:
        """Nobody waits for ever."""
        with self._lock:
            self._closed = True
            left, self._wishes = self._wishes, []
        for wish in left:
            wish.shown.set_exception(_closing())

    def _swap(self, wishes: tuple[Wish, ...]) -> None:
        with self._lock:
            self._wishes = self._wishes[len(wishes) :]
        self.style = wishes[-1].style
        for wish in wishes:
            wish.shown.set_result({"name": self.style.name if self.style else ""})


def _closing() -> StateError:
    return StateError("the instrument is closing.", "Start it again.")

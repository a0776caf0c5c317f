"""What is being recorded right now, as the outputs tell it: for the state that pages and clients see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from morphogen.contracts import Event

KIND = "record"
_KEYS = ("file", "seconds", "frames", "repeated", "bytes")


class Recording:
    """Listens to the events of outputs. `now` is replaced as one object, so any thread may read it."""

    def __init__(self, subscribe: Callable[[Event], Callable[[], None]]) -> None:
        self.now: dict[str, Any] | None = None
        self._name = ""
        subscribe(self._hear)

    def _hear(self, topic: str, data: dict[str, Any]) -> None:
        if topic != "output" or data.get("kind") != KIND:
            return
        event, name = data["event"], data.get("name", "")
        if event == "open":
            self._name, self.now = name, {"file": "", "seconds": 0.0, "frames": 0, "repeated": 0, "bytes": 0}
        elif event == "recording":
            self._name, self.now = name, {key: data[key] for key in _KEYS}
        elif event == "close" and name == self._name:
            self.now = None

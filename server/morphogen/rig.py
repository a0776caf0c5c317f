"""What the instrument asks of the composition root: sound cards, sockets, files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Rig(Protocol):
    """What the composition root does for the instrument. Control thread."""

    def audio_devices(self) -> list[dict[str, Any]]:
        """Inputs of this machine."""

    def select_audio(self, source: str) -> str:
        """Listen to something else; returns what it is now."""

    def open_output(self, kind: str, options: Mapping[str, Any]) -> str:
        """Open an output; returns its id."""

    def link(self, on: bool | None = None) -> bool:
        """Join or leave Ableton Link (None: neither); whether it is joined now. Raises Unavailable."""

    def peers(self) -> int | None:
        """How many others are in the Link session; None while it is off. Any thread, microseconds."""

    def save_state(self) -> str:
        """Write the state now; returns the path."""

    def control_files(self) -> dict[str, Any]:
        """Where the rules of the controllers lie, and what is not understood there: `{file, problems}`."""

    def stats(self) -> dict[str, Any]:
        """Numbers of sources and servers."""

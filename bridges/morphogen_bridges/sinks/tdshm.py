"""TouchDesigner's Shared Mem In TOP (Windows): the picture under a name, without Spout and without a driver between.

For the tiers of TouchDesigner that have the operator (not Non-Commercial; there use Spout, NDI or `shm` with a Script
TOP). `td_memory` holds names and layouts, `docs/spout-syphon.md` the settings. Never run with TouchDesigner.
"""

from __future__ import annotations

from typing import Any

from morphogen.contracts import Host, Sink, SinkOptions
from morphogen.errors import UsageError
from morphogen.frame import HEADER_BYTES, Frame, PixelFormat
from morphogen_bridges import td_memory
from morphogen_bridges.td_memory import LAYOUTS, TouchMemory


class TouchSink(Sink):
    """Memory called `Morphogen`, then `Morphogen-tdshm-2` ..., or `name`: what the TOP's Memory Name says.

    A smaller picture stays in its memory, a larger one moves as receivers expect it; the name never changes by that.
    Raises Unavailable: not Windows, a name that another output has, no memory.
    """

    kind = "tdshm"
    formats = (PixelFormat.RGBA8, PixelFormat.BGRA8)
    extras = {  # noqa: RUF012
        "header": "1 (TouchDesigner 2022 and later, default), 2 (2025 and later; tells sRGB) or 2021 (up to 2021)",
        "global": "1: for every session of this machine, as the TOP's Global; needs an administrator. Default 0",
    }

    def __init__(self, options: SinkOptions | None = None) -> None:
        super().__init__(options)
        self._memory: TouchMemory | None = None
        self._held = 0

    @property
    def name(self) -> str:
        """What the TOP's Memory Name says."""
        return self.options.name or "Morphogen"

    def reconfigure(self, options: SinkOptions) -> None:
        """Another name is another memory, made before the old one goes. On an error all stays as it was."""
        _layout(options)
        before, self.options = self.options, options
        if self._memory is not None and (self.name, _everywhere(options)) != (
            before.name or "Morphogen",
            _everywhere(before),
        ):
            old = self._memory
            try:
                self._memory = self._make(old.capacity)
            except BaseException:
                self.options = before
                raise
            old.close()

    def stats(self) -> dict[str, Any]:
        """held: pictures lost because a receiver held the memory; remade: how often it was made."""
        return {"held": self._held, "remade": self._memory.remade if self._memory else 0}

    def describe(self) -> dict[str, Any]:
        """name: for the TOP's Memory Name; address: Windows' name; bytes; header; alpha: what it means."""
        told: dict[str, Any] = {"name": self.name, "header": _layout(self.options), "alpha": self.options.alpha}
        memory = self._memory
        return {**told, "address": memory.name + memory.postfix, "bytes": memory.capacity} if memory else told

    # --- hooks

    def _open(self, host: Host) -> None:
        _layout(self.options)
        width, height = self.options.width or host.show_size[0], self.options.height or host.show_size[1]
        self._memory = self._make(64 + width * height * 4)

    def _write(self, frame: Frame) -> None:
        if self._memory is not None:
            spec = frame.info.spec
            rows = frame.buffer[HEADER_BYTES:].reshape(spec.height, spec.row_bytes)[::-1]  # as OpenGL has them
            self._held += not self._memory.write(td_memory.header(_layout(self.options), spec), rows)

    def _close(self) -> None:
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.close()

    def _make(self, size: int) -> TouchMemory:
        return TouchMemory(td_memory.kernel32(), self.name, size, _everywhere(self.options))


def _layout(options: SinkOptions) -> str:
    layout = options.extra.get("header", "1")
    if layout not in LAYOUTS:
        raise UsageError(f"tdshm: there is no header={layout[:40]}.", f"Allowed: {', '.join(LAYOUTS)}.")
    return layout


def _everywhere(options: SinkOptions) -> bool:
    return options.extra.get("global", "0").lower() in ("1", "true", "yes", "on")

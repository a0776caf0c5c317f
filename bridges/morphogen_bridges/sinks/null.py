"""Takes every frame and forgets it: for `bench`, for tests, and for a daemon that shall run without an output."""

from __future__ import annotations

from typing import Any

from morphogen.contracts import Host, Sink
from morphogen.frame import Frame, PixelFormat


class NullSink(Sink):
    """Counts frames. `every`, so that a run without other outputs draws each frame; on the render
    thread, because counting is quicker than handing over and an unpaced run shall not drop."""

    kind = "null"
    policy = "every"
    thread = "render"
    formats = (PixelFormat.RGBA8, PixelFormat.BGRA8, PixelFormat.RGBA16F)
    extras = {}  # noqa: RUF012 - declared ClassVar in the base

    def _open(self, host: Host) -> None:
        self._frames = 0
        self._last = -1

    def _write(self, frame: Frame) -> None:
        self._frames += 1
        self._last = frame.info.index

    def _close(self) -> None:
        pass

    def stats(self) -> dict[str, Any]:
        """frames: taken since it was opened; last: index of the newest, -1 before the first."""
        return {"frames": getattr(self, "_frames", 0), "last": getattr(self, "_last", -1)}

"""The show in a window of this machine: framed or full screen, on any display, undistorted, in step with the display.

Nothing of it runs on the render thread. `docs/outputs.md` tells keys and options.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from morphogen import log
from morphogen.contracts import Host, Sink, SinkOptions
from morphogen.errors import UsageError
from morphogen.frame import Frame, PixelFormat

if TYPE_CHECKING:
    from morphogen_bridges.window_frame import Window
    from morphogen_bridges.window_painter import Painter

_LOG = log.get("window")
_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class _Settings:
    """What `options.extra` says, checked. display: number or name, '' for the primary one."""

    display: str = ""
    fullscreen: bool = False
    fill: bool = False
    vsync: bool = True


def _settings(options: SinkOptions) -> _Settings:
    extra = options.extra
    way = extra.get("fit", "letterbox").lower()
    if way not in ("letterbox", "fill"):
        raise UsageError(f"window cannot fit={way[:40]}.", "It takes fit=letterbox (the whole picture) or fit=fill.")
    return _Settings(
        extra.get("display", "").strip(), _switch(extra, "fullscreen", "0"), way == "fill", _switch(extra, "vsync", "1")
    )


def _switch(extra: Mapping[str, str], key: str, default: str) -> bool:
    text = extra.get(key, default).lower()
    if text not in _SWITCH:
        raise UsageError(f"window: {key}={text[:40]} is not understood.", f"Try {key}=1 or {key}=0.")
    return _SWITCH[text]


class WindowSink(Sink):
    """Frames in a window. F and double-click: full screen and back; Esc: back. Closing the window closes the output.

    Threads: the window is made, moved and listened to by the desktop's thread, drawn by a painter of its own that
    waits for the display; this sink's worker waits for the painter, at most half a second. When the display that it
    covers is unplugged the window gets a frame on another one (event `windowed`), and covers it again when it is back.
    Raises Unavailable at `open`: no display, no driver, macOS.
    """

    kind = "window"
    formats = (PixelFormat.RGBA8, PixelFormat.BGRA8)
    extras = {  # noqa: RUF012 - declared ClassVar in the base
        "display": "number from 1, or part of the name (`morphogen devices` lists them); default: the primary one",
        "fullscreen": "1 covers the whole display, without a cursor; default 0",
        "fit": "letterbox (the whole picture, default) or fill (no border, the rest is cut off)",
        "vsync": "0 does not wait for the display and may tear; default 1",
    }

    def __init__(self, options: SinkOptions | None = None) -> None:
        super().__init__(options)
        self._settings = _Settings()
        self._window: Window | None = None
        self._painter: Painter | None = None

    def watched(self) -> bool:
        """False once somebody has closed the window."""
        return self._window is None or not self._window.is_closed

    def reconfigure(self, options: SinkOptions) -> None:
        """Title, display, full screen, fit and vsync change at once. Raises UsageError, Unavailable: as before then."""
        new, old = _settings(options), self._settings
        window, painter = self._window, self._painter
        if window is not None and painter is not None:
            if new.display != old.display:
                window.move(new.display)
            if new.fullscreen != old.fullscreen:  # only if it was asked for: a key may have changed it meanwhile
                window.cover("") if new.fullscreen else window.uncover()
            painter.adjust(new.fill, new.vsync)
        self.options, self._settings = options, new
        if window is not None:
            window.retitle(self.name)

    def stats(self) -> dict[str, Any]:
        """shown: pictures handed to the display; stalled: that waited half a second for it in vain."""
        painter = self._painter
        return {"shown": painter.shown, "stalled": painter.stalled} if painter else {"shown": 0, "stalled": 0}

    def describe(self) -> dict[str, Any]:
        """Title; where the window is and how large, pixels; whether somebody closed it; the graphics card."""
        window, painter = self._window, self._painter
        if window is None or painter is None:
            return {"name": self.name}
        width, height = window.framebuffer
        return {
            "name": self.name, "display": window.display, "fullscreen": window.fullscreen,
            "window": f"{width}x{height}", "closed": window.is_closed, "adapter": painter.adapter,
        }  # fmt: skip

    # --- window_frame.Owner, on the desktop's thread

    def redraw(self) -> None:
        """The window has another size, or was uncovered."""
        if self._painter is not None:
            self._painter.redraw()

    def closed(self) -> None:
        """Somebody closed the window: this output ends, the show goes on."""
        if self._host is not None:
            self._host.call("output.list").add_done_callback(self._leave)

    def fell(self, display: str) -> None:
        """The display that it covered is gone."""
        _LOG.warning("the display %s is gone; %s goes on in a window", display, self.name)
        if self._host is not None:
            self._host.emit("output", {"event": "windowed", "kind": self.kind, "name": self.name, "display": display})

    def _leave(self, listed: Future[Any]) -> None:
        # A sink does not know under which id it runs; but it knows that it is closed, and says so in `describe`.
        if self._host is None or listed.cancelled() or listed.exception() is not None:
            return
        for row in listed.result():
            if row.get("kind") == self.kind and row.get("closed"):
                self._host.call("output.close", {"id": row["id"]})

    # --- hooks

    def _open(self, host: Host) -> None:
        from morphogen_bridges.window_frame import Window
        from morphogen_bridges.window_painter import Painter

        self._settings = settings = _settings(self.options)
        show = host.show_size
        picture = (self.options.width or show[0], self.options.height or show[1])
        window = Window(self, self.name, picture, settings.display, settings.fullscreen)
        try:
            self._painter = Painter(window, settings.fill, settings.vsync)
        except BaseException:
            window.destroy()
            raise
        self._window = window
        self.redraw()

    def _write(self, frame: Frame) -> None:
        if self._painter is not None:
            self._painter.show(frame)

    def _close(self) -> None:
        painter, self._painter = self._painter, None
        window, self._window = self._window, None
        if painter is not None and window is not None:
            if painter.stop():
                window.destroy()
            else:
                window.abandon()
                _LOG.warning("the graphics driver holds on to %s; its window is left behind", self.name)

"""Windows: the test card is drawn in a hidden window's context and read back. And which displays there are."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphogen.findings import Finding, version
from morphogen_bridges.probes.host import draw_card


def list_displays() -> list[dict[str, Any]]:
    """[{name, number, size, hz, primary}], as `--out window:display=` takes them. Raises Unavailable."""
    from morphogen_bridges.window_desktop import DESKTOP

    DESKTOP.acquire()
    try:
        return [
            {"name": d.name, "number": d.number, "size": f"{d.size[0]}x{d.size[1]}", "hz": d.hz}
            for d in DESKTOP.displays()
        ]
    finally:
        DESKTOP.release()


class _Nobody:
    """Owner of a window that nothing happens to."""

    def redraw(self) -> None:
        pass

    def closed(self) -> None:
        pass

    def fell(self, display: str) -> None:
        pass


def probe() -> Finding:
    """Draw one picture as the output does, beside the screen."""
    from morphogen_bridges.window_frame import Window
    from morphogen_bridges.window_painter import Canvas, Painter

    devices = list_displays()
    card = draw_card()
    size = card.info.spec.width, card.info.spec.height

    def drawn(canvas: Canvas) -> bytes:
        target = canvas.ctx.simple_framebuffer(size)
        canvas.load(card)
        canvas.draw(target, size, fill=False)
        read: bytes = target.read(components=4)
        target.release()
        return read

    window = Window(_Nobody(), "Morphogen", size, "", fullscreen=False, visible=False)
    try:
        painter = Painter(window)
        try:
            pixels = np.frombuffer(painter.run(drawn), np.uint8).reshape(size[1], size[0], 4)[::-1]
        finally:
            painter.stop()
    finally:
        window.destroy()
    seen = f"glfw {version('glfw')}, {len(devices)} display{'s' * (len(devices) != 1)}, {painter.adapter}"
    if not np.array_equal(pixels, card.pixels):
        return Finding("window", "output", "failed", f"{seen}: the picture differs", "Update the graphics driver.")
    return Finding("window", "output", "works", f"{seen}, picture drawn and read back", details={"devices": devices})

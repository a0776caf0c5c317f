"""A style as a picture that carries it, for handing on: drawn at its best, without view and grade."""

from __future__ import annotations

from collections.abc import Mapping

from morphogen.library.exchange import as_picture
from morphogen.library.style import Style
from morphogen.library.thumb import SECONDS
from morphogen.priority import behind_the_picture
from morphogen.still import render_still

SIZE = (512, 288)


def share(
    style: Style, size: tuple[int, int] = SIZE, time: float = SECONDS, heard: Mapping[str, float] | None = None
) -> bytes:
    """A PNG of the style at `time` seconds of its own time. size: (width, height). heard: audio parameters by key; left
    out: silence.

    Slow, and at a lower priority: a running show goes on. Measured beside one of 720p60 on two cores: 0.06 s for a
    3L_8D, 0.24 s for a 4L_128D, no late frame in 750. Raises what `render_still` does.
    """
    # No dither: it is for 8 bits on a wall, and a third of the file would be its noise.
    sets = {"output/dither": False, **(heard or {})}
    pixels = behind_the_picture(lambda: render_still(style, size, time, sets))
    return as_picture(style, pixels[..., :3])

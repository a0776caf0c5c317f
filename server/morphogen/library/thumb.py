"""The picture beside a style's file: the style itself, without view and grade, drawn by the reference. It carries the
style, unless that is large: whoever gets the picture alone can play it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import StyleError
from morphogen.field.cppn import evaluate
from morphogen.library.atomic import write
from morphogen.library.exchange import as_picture
from morphogen.library.style import SUFFIX, Style, to_bytes

SIZE = (480, 270)
SECONDS = 20.0
BAND = 30  # rows that are drawn at once; fields of cells took 1.1 GB for the whole picture, more than training did
CARRIED = 30_000  # bytes of the style's file; a page with many pictures loads each of them


def thumbnail(style: Style, size: tuple[int, int] = SIZE, seconds: float = SECONDS) -> NDArray[np.uint8]:
    """RGB (height, width, 3) of the style in silence, `seconds` into the show, top row first. Takes 0.1 to 0.2 s."""
    width, height = size
    x = ((np.arange(width) + 0.5) / width - 0.5) * width / height
    y = 0.5 - (np.arange(height) + 0.5) / height
    drawn = []
    for at in range(0, height, BAND):
        across, up = np.meshgrid(x, y[at : at + BAND])
        drawn.append(np.stack(evaluate(style.network, {"x": across, "y": up}, {"time": seconds})[:3], axis=-1))
    return np.rint(np.concatenate(drawn) * 255).astype(np.uint8)


def save_thumbnail(style: Style, path: Path | None = None, seconds: float = SECONDS) -> Path:
    """Write the thumbnail as PNG, beside the style's file if no path is given. Raises StyleError."""
    if path is None:
        if style.path is None:
            raise StyleError(f"{style.name} has no file yet.", "Save it first, or say where the picture goes.")
        if style.path.suffix != SUFFIX:
            raise StyleError(
                f"{style.path.name[:80]} is a picture itself.", "Keep its style: `morphogen styles import`."
            )
        path = style.path.with_suffix(".png")
    file = to_bytes(style)
    write(path, as_picture(style, thumbnail(style, seconds=seconds), file if len(file) <= CARRIED else b"", small=True))
    return path

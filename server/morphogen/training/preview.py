"""The picture that a run shows meanwhile: the best network so far, at a moment that moves on."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from morphogen.clock import Clock, WallClock
from morphogen.library.atomic import write
from morphogen.training.canvas import Canvas
from morphogen.training.run import Progress
from morphogen.training.states import LOOP, moment
from morphogen.training.torches import need_torch


class Preview:
    """Draws and writes a PNG not more often than every `pause` seconds."""

    def __init__(self, path: Path, size: tuple[int, int], pause: float, clock: Clock | None = None) -> None:
        self._path, self._size, self._pause = path, size, pause
        self._clock = clock or WallClock()
        self._next = self._clock.now()

    def look(self, progress: Progress) -> NDArray[np.uint8] | None:
        """The picture (h, w, 3), where it was time for one. Raises StyleError when it cannot be written."""
        if self._clock.now() < self._next:
            return None
        image = draw(progress.fitted, progress.row, self._size, progress.done * LOOP)
        png = BytesIO()
        Image.fromarray(image).save(png, "PNG")
        write(self._path, png.getvalue())
        self._next = self._clock.now() + self._pause
        return image


def draw(fitted: Any, row: int, size: tuple[int, int], time: float) -> NDArray[np.uint8]:
    """One network (`fit.Fitted`) in silence, (h, w, 3)."""
    torch = need_torch()
    width, height = size
    canvas = Canvas(width, height, (moment(time),))
    one = fitted.pick([row])
    with torch.no_grad():
        pictures = one.batch.pictures(canvas.batch(one.batch, one.shapes))
    shaped = pictures[0].reshape(3, height, width).permute(1, 2, 0)
    return np.asarray((255 * shaped).round().byte().numpy())

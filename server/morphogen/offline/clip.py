"""A short animated picture of a style that loops without a seam, moved by music: WebP, PNG (APNG) or GIF.

Its last moments are cross-faded into what comes before its first, so no style has to be periodic for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from morphogen.contracts import Renderer
from morphogen.errors import UsageError
from morphogen.library.style import Style
from morphogen.library.thumb import SECONDS
from morphogen.offline.rehearsal import Rehearsal
from morphogen.offline.track import Track

FADE = 0.6  # seconds in which the end becomes the beginning; half of the clip at most
MOST_SECONDS, MOST_FPS, MOST_PIXELS = 60.0, 50.0, 1280 * 720
Picture = NDArray[np.uint8]  # (height, width, 3) RGB
Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class Wish:
    """size (width, height); quality 1 to 100, of WebP; time: of the style's own at the clip's first frame."""

    seconds: float = 4.0
    size: tuple[int, int] = (320, 180)
    fps: float = 20.0
    quality: int = 70
    time: float = SECONDS

    def __post_init__(self) -> None:
        if not 0.2 <= self.seconds <= MOST_SECONDS:
            raise UsageError(f"a clip of {self.seconds:g} seconds is not possible.", f"Give 0.2 to {MOST_SECONDS:g}.")
        if not 1 <= self.fps <= MOST_FPS:
            raise UsageError(f"{self.fps:g} frames a second are not possible here.", f"Give 1 to {MOST_FPS:g}.")
        if self.size[0] * self.size[1] > MOST_PIXELS:
            raise UsageError(f"{self.size[0]}x{self.size[1]} is too large for a clip.", "Give 1280x720 at most.")
        if not 1 <= self.quality <= 100:
            raise UsageError(f"there is no quality {self.quality}.", "Give 1 to 100.")

    @property
    def frames(self) -> int:
        """Pictures in the clip."""
        return max(2, round(self.seconds * self.fps))

    @property
    def overlap(self) -> int:
        """Pictures in which the end becomes the beginning."""
        return min(round(FADE * self.fps), self.frames // 2)


def record(
    style: Style, renderer: Renderer, track: Track, wish: Wish, watch: Watch = lambda done, of: None
) -> list[Picture]:
    """The loop's pictures, with the loudest part of the track. watch: told how many of how many are drawn."""
    total = wish.frames + wish.overlap
    seconds = total / wish.fps
    pictures = []
    # Without dither, which is there for screens: it would be half of the file.
    with Rehearsal(style, renderer, settings={"output/dither": False}) as rehearsal:
        for scene in rehearsal.play(track, track.loudest(seconds), seconds, wish.fps, wish.time):
            pictures.append(rehearsal.draw(scene, wish.size)[..., :3].copy())
            watch(len(pictures), total)
    return looped(pictures, wish.frames)


def looped(pictures: Sequence[Picture], frames: int) -> list[Picture]:
    """The first `frames` pictures, of which the first few come out of those that are too many: picture 0 follows the
    last one as closely as any picture follows another."""
    extra = len(pictures) - frames
    loop = list(pictures[:frames])
    for n, late in enumerate(pictures[frames:]):
        new = n / extra
        loop[n] = np.rint(pictures[n] * new + late * (1 - new)).astype(np.uint8)
    return loop


def durations(frames: int, fps: float, unit: int) -> list[int]:
    """Milliseconds of each picture, whole multiples of `unit`, that never drift from the rate."""
    at = [unit * round(1000 * n / fps / unit) for n in range(frames + 1)]
    return [end - begin for begin, end in pairwise(at)]


def encode(pictures: Sequence[Picture], path: Path, fps: float, quality: int = Wish.quality) -> bytes:
    """The bytes of an animation that repeats for ever; the path's ending says what kind. Raises UsageError."""
    from PIL import Image

    kind = kind_of(path)
    first, *others = [Image.fromarray(picture) for picture in pictures]
    out = BytesIO()
    lengths = durations(len(pictures), fps, 10 if kind == "GIF" else 1)
    options = {"quality": quality, "method": 4} if kind == "WEBP" else {}
    first.save(out, kind, save_all=True, append_images=others, duration=lengths, loop=0, **options)
    return out.getvalue()


def kind_of(path: Path) -> str:
    """Pillow's name of the format. Raises UsageError."""
    kinds = {".webp": "WEBP", ".png": "PNG", ".apng": "PNG", ".gif": "GIF"}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"a clip cannot be written as {path.suffix or 'a file without ending'!r}.",
                         "Name it .webp (small), .png (lossless) or .gif (256 colours).")  # fmt: skip
    return kind

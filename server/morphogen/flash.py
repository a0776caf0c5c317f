"""Does a sequence of pictures flash in a way that can trigger seizures? The general and the red flash threshold.

Source: WCAG 2.x, success criterion 2.3.1 and its terms "general flash and red flash thresholds" and "relative
luminance"; ITU-R BT.1702. A transition is a change between a peak and a valley of one place's course over time; a flash
is two opposing ones.

* general: relative luminance (linear sRGB, 0.2126 R + 0.7152 G + 0.0722 B) changes by 0.1 or more, and the darker of
  the two is below 0.80;
* red: max(0, R - G - B) x 320 changes by more than 20, linear too, and in one of the two R / (R + G + B) >= 0.8
  (Harding and Binnie 2002, as WCAG 2.0 and 2.1 have it; 2.2 takes a change of chromaticity, which black has none of);
* harmful: more than three flashes within one second over more than a quarter of a 10 degree field of view, for which
  WCAG takes a third of the screen's width and height, anywhere (`safe`); ITU-R BT.1702, for television, a quarter of
  the whole picture (`broadcast`), which is less strict.

Every pixel is followed by itself, with a peak and a valley that wait to be left (hysteresis): a slow fade counts once,
however many frames it takes. A place counts with the flashes of its own. Flashes in different places one after another
count where within 1/15 s a quarter of a field goes up without as much going down, or the other way round: what moves
or swaps lights nothing. Pixels stand for about 0.1 degrees, below which the criterion makes an exception for fine
patterns: larger pictures are averaged, in linear light.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LUMINANCE_STEP, DARKER = 0.1, 0.8
RED_STEP, SATURATED = 20 / 320, 0.8
LUMA = (0.2126, 0.7152, 0.0722)
ALLOWED = 3  # flashes in any second
AREA = 0.25  # of a field
GRID, WIDE = 12, 4  # a field is 4 x 4 of 12 x 12 cells: a third of width and height, 341 x 256 of 1024 x 768
TOGETHER = 1 / 15  # seconds
LINES = 144  # pictures of twice as many lines are averaged down
_CODES = np.arange(256) / 255
LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)

Bits = NDArray[np.bool_]
Plane = NDArray[np.float32]


@dataclass
class Flashes:
    """What one kind of flash came to.

    most: flashes in the worst second, over more than a quarter of some field (halves: a change up or down that has no
    partner yet); picture_most: the same over more than a quarter of the picture, each place by itself. area: largest
    share of any field in which every place flashed more than three times in one second; whole: the same of the whole
    picture. seconds: when it was worst.
    """

    most: float = 0.0
    picture_most: float = 0.0
    area: float = 0.0
    whole: float = 0.0
    seconds: float = 0.0

    @property
    def safe(self) -> bool:
        """Whether no field ever had more than three whole flashes in one second."""
        return int(self.most) <= ALLOWED

    @property
    def broadcast(self) -> bool:
        """Whether the picture never had."""
        return int(self.picture_most) <= ALLOWED


class FlashMeter:
    """Feed it every frame in order; then look at `general`, `red` and `safe`. Not thread-safe.

    size: (width, height) of the pictures. fps: frames a second. Raises ValueError for less than 12 x 12 pixels.
    Measured at 256x144: 1 to 1.5 ms a frame."""

    def __init__(self, size: tuple[int, int], fps: float) -> None:
        width, height = size
        if min(size) < GRID:
            raise ValueError(f"pictures of {width}x{height} are too small to tell a quarter of a field.")
        self._shrink = max(1, height // LINES)
        lines, columns = height // self._shrink, width // self._shrink
        self._general = _Kind((lines, columns), fps, _Course(LUMINANCE_STEP, _dark_enough))
        self._red = _Kind((lines, columns), fps, _Course(RED_STEP, np.logical_or))

    @property
    def general(self) -> Flashes:
        """Flashes of luminance so far."""
        return self._general.found

    @property
    def red(self) -> Flashes:
        """Flashes of saturated red so far."""
        return self._red.found

    @property
    def safe(self) -> bool:
        """Whether all frames so far pass both thresholds."""
        return self.general.safe and self.red.safe

    @property
    def broadcast(self) -> bool:
        """Whether they pass as television must."""
        return self.general.broadcast and self.red.broadcast

    def feed(self, picture: NDArray[np.uint8]) -> None:
        """The next frame, (height, width, 3 or more) uint8 sRGB; what follows red, green and blue is ignored."""
        red, green, blue = (self._plane(picture[..., channel]) for channel in range(3))
        luminance = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
        self._general.feed(luminance, luminance < DARKER)
        rest = green + blue
        both = red + rest
        self._red.feed(np.maximum(red - rest, 0), (red >= SATURATED * both) & (both > 0))

    def _plane(self, codes: NDArray[np.uint8]) -> Plane:
        linear = LINEAR.take(codes)
        n = self._shrink
        if n == 1:
            return linear
        lines, columns = linear.shape[0] // n, linear.shape[1] // n
        blocks = linear[: lines * n, : columns * n].reshape(lines, n, columns, n)
        return np.asarray(blocks.mean((1, 3), dtype=np.float32))


def _dark_enough(darker: Bits, brighter: Bits) -> Bits:
    """Whether a change counts, by what was noted of its valley and its peak: the darker one decides."""
    return darker


class _Course:
    """Peaks and valleys of every pixel. counts(note of the valley, note of the peak): whether that change counts."""

    def __init__(self, step: float, counts: Callable[[Bits, Bits], Bits]) -> None:
        self._step = step
        self._counts = counts
        self._way: NDArray[np.int8] | None = None  # the last change: 1 up, -1 down

    def turn(self, value: Plane, note: Bits) -> tuple[Bits, Bits]:
        """Which pixels have, with this frame, changed upwards and which downwards, since their last turn."""
        if self._way is None:
            self._way = np.zeros(value.shape, np.int8)
            self._low, self._high = value.copy(), value.copy()
            self._low_note, self._high_note = note.copy(), note.copy()
        self._extend(value, note)
        up = (value - self._low >= self._step) & (self._way < 1) & self._counts(self._low_note, note)
        down = (self._high - value >= self._step) & (self._way > -1) & self._counts(note, self._high_note)
        self._way[up], self._way[down] = 1, -1
        # The other end starts anew from here.
        self._high[up], self._high_note[up] = value[up], note[up]
        self._low[down], self._low_note[down] = value[down], note[down]
        return up, down

    def _extend(self, value: Plane, note: Bits) -> None:
        lower, higher = value < self._low, value > self._high
        np.copyto(self._low, value, where=lower)
        np.copyto(self._low_note, note, where=lower)
        np.copyto(self._high, value, where=higher)
        np.copyto(self._high_note, note, where=higher)


class _Kind:
    """Counts the changes of one kind over the last second: of each pixel, and of each field as a whole."""

    def __init__(self, shape: tuple[int, int], fps: float, course: _Course) -> None:
        self.found = Flashes()
        self._course = course
        self._fields = _Fields(shape)
        self._fps = fps
        self._frame = 0
        second = max(1, round(fps))
        self._changes = _LastSecond(second, shape)
        self._events = _LastSecond(second, self._fields.shape)
        self._sides = [_Side(1, shape, self._fields.shape), _Side(-1, shape, self._fields.shape)]
        self._way = np.zeros(self._fields.shape, np.int8)
        self._together = max(1, round(fps * TOGETHER))

    def feed(self, value: Plane, note: Bits) -> None:
        turned = self._course.turn(value, note)
        self._changes.add(self._frame, turned[0] | turned[1])
        self._events.add(self._frame, self._together_now(turned))
        self._judge()
        self._frame += 1

    def _together_now(self, turned: tuple[Bits, Bits]) -> NDArray[np.uint8]:
        """Whether whole fields have, with this frame, become brighter or darker since they last did the opposite."""
        for side, mask in zip(self._sides, turned, strict=True):
            side.last[mask] = self._frame
        rising, falling = (self._fields.share(side.last > self._frame - self._together) for side in self._sides)
        events = np.zeros(self._fields.shape, np.uint8)
        for side in self._sides:
            over = side.way * (rising - falling) > AREA
            change = over & ~side.over & (self._way != side.way)
            side.over = over
            self._way[change] = side.way
            events += change
        return events

    def _judge(self) -> None:
        found, counts = self.found, self._changes.counts
        most = round(2 * found.most)
        while self._fields.worst(counts > most) > AREA:
            most += 1
        most = max(most, int(self._events.counts.max()))
        if most > 2 * found.most:
            found.most, found.seconds = most / 2, self._frame / self._fps
        while float((counts > 2 * found.picture_most).mean()) > AREA:
            found.picture_most += 0.5
        often = counts >= 2 * (ALLOWED + 1)
        found.area = max(found.area, self._fields.worst(often))
        found.whole = max(found.whole, float(often.mean()))


class _Side:
    """Changes in one direction. last: frame of each pixel's last one; over: fields in which they are many just now."""

    def __init__(self, way: int, shape: tuple[int, int], fields: tuple[int, int]) -> None:
        self.way = way
        self.last = np.full(shape, -(10**9), np.int64)
        self.over = np.zeros(fields, np.bool_)


class _LastSecond:
    """How often something happened in the last second at each place of an array."""

    def __init__(self, frames: int, shape: tuple[int, int]) -> None:
        self._ring = np.zeros((frames, *shape), np.uint8)
        self.counts = np.zeros(shape, np.int16)

    def add(self, frame: int, happened: NDArray[np.bool_] | NDArray[np.uint8]) -> None:
        oldest = self._ring[frame % len(self._ring)]
        self.counts -= oldest
        self.counts += happened
        oldest[...] = happened


class _Fields:
    """All 10 degree fields of a picture, a quarter of their size apart: each is so many cells of a grid in a square."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._cells = [np.arange(GRID) * n // GRID for n in shape]  # where each row and column of the grid begins
        sizes = [np.diff(np.append(begin, n)) for begin, n in zip(self._cells, shape, strict=True)]
        self.shape = (GRID - WIDE + 1, GRID - WIDE + 1)
        self._area = _squares(np.outer(*sizes))

    def share(self, mask: Bits) -> Plane:
        """Of each field, how much of it is set, 0..1."""
        if not mask.any():
            return np.zeros(self.shape, np.float32)
        rows, columns = self._cells
        grid = np.add.reduceat(np.add.reduceat(mask, rows, 0, np.int32), columns, 1, np.int32)
        return np.asarray(_squares(grid) / self._area, np.float32)

    def worst(self, mask: Bits) -> float:
        """The fullest field's share."""
        return float(self.share(mask).max())


def _squares(grid: NDArray[np.int64] | NDArray[np.int32]) -> NDArray[np.int64]:
    """Sums over all squares of WIDE cells."""
    sums = np.zeros((GRID + 1, GRID + 1), np.int64)
    np.cumsum(np.cumsum(grid, 0), 1, out=sums[1:, 1:])
    bands = sums[WIDE:] - sums[:-WIDE]
    return bands[:, WIDE:] - bands[:, :-WIDE]

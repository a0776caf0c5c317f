"""Which picture of a constant frame rate a frame of the show becomes. Pure: times in, numbers out."""

from __future__ import annotations

REACH = 0.9  # of a frame: a neighbour that is late by less still gets its own place instead of a repetition
PULL = 0.01  # share of the error by which the grid follows the frames: 1.7 s at 60 fps


class Grid:
    """Pictures 0, 1, 2 ... of `fps` a second. The first frame is picture 0.

    The first frame may have been late itself, so the grid moves towards the mean of the frames, by one picture at
    most: beyond that the show is not paced at `fps`, and time in the file must stay time on the clock. `origin`:
    clock time of picture 0, seconds. One thread.
    """

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self.next = 0
        self.origin = 0.0
        self._first: float | None = None

    def place(self, time: float) -> int | None:
        """The number of the picture shown at clock time `time`, above all numbers before; None where that place is
        taken (more frames than pictures)."""
        if self._first is None:
            self._first = self.origin = time
        off = (time - self.origin) * self.fps - self.next
        if off <= -REACH:
            return None
        if off < REACH:
            number = self.next
            moved = self.origin + PULL * off / self.fps
            self.origin = min(max(moved, self._first - 1 / self.fps), self._first + 1 / self.fps)
        else:
            number = self.next + round(off)
        self.next = number + 1
        return number

    def time(self, number: int) -> float:
        """Clock time of a picture."""
        return self.origin + number / self.fps

"""Part of a larger canvas: what one machine of a wall shows. Standard library only, since `--help` waits for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """A show of width x height pixels that lies at (x, y) on a canvas; all in pixels of the canvas, y down."""

    x: int
    y: int
    width: int
    height: int
    canvas_width: int
    canvas_height: int

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}@{self.canvas_width}x{self.canvas_height}"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the show."""
        return self.width, self.height

    @property
    def canvas(self) -> tuple[int, int]:
        """(width, height) of the whole canvas."""
        return self.canvas_width, self.canvas_height

    def crop(self, x: int, y: int, width: int, height: int) -> tuple[int, int, int, int]:
        """What lies at (x, y) of the show drawn `width` x `height`, as (x, y, canvas width, canvas height).

        Drawn in another size than its own, the show's canvas is scaled with it. What is then no whole number of pixels
        is rounded to the nearest, so such a picture lies at most half of its own pixels beside its place.
        """
        across, left = _along(self.x, self.width, self.canvas_width, width)
        down, top = _along(self.y, self.height, self.canvas_height, height)
        return left + x, top + y, across, down


def _along(start: int, length: int, canvas: int, wanted: int) -> tuple[int, int]:
    """(canvas, start) along one axis where the show is `wanted` pixels long; it stays inside its canvas."""
    whole = max(_rounded(canvas * wanted, length), wanted)
    return whole, min(_rounded(start * wanted, length), whole - wanted)


def _rounded(numerator: int, denominator: int) -> int:
    """Nearest whole number, halves up; exact for any size of integer."""
    return (2 * numerator + denominator) // (2 * denominator)

"""Palette and look-up table (LUT): the two colour steps around the grade, drawn out of one table of the scene.

The palette maps a pixel's luminance to a colour, before the grade; the LUT maps the graded colour to another one, last.
Both read sRGB values and give sRGB values, 0..1. Switched off, each is one jump over its code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.field.grade import LUMA
from morphogen.field.graph import Node, branch, clamp, fma, fract, op

Uniform = Callable[[str], Node]

ENTRIES = 256  # colours of a palette
LUT_AT = 3 * ENTRIES  # where the LUT begins in a table
SLOTS = (
    "palette", "palette_amount", "palette_shift",
    "lut", "lut_cube", "lut_amount", "lut_last", "lut_green", "lut_blue",
    "lut_scale_r", "lut_scale_g", "lut_scale_b", "lut_from_r", "lut_from_g", "lut_from_b",
    "table_last",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Lut:
    """A look-up table. values: (n, 3) float32 for three curves, or (n, n, n, 3) indexed [blue, green, red]; 0..1,
    read-only. low, high: input colours of the first and the last entry. name: for people. Compared by identity."""

    values: NDArray[np.float32]
    low: tuple[float, float, float] = (0.0, 0.0, 0.0)
    high: tuple[float, float, float] = (1.0, 1.0, 1.0)
    name: str = ""

    @property
    def size(self) -> int:
        """Entries each way."""
        return len(self.values)

    @property
    def is_cube(self) -> bool:
        """Three dimensions, not three curves."""
        return self.values.ndim == 4


@dataclass(frozen=True, eq=False)
class Table:
    """What `lookup` reads, float32, read-only: a palette (256, 3), then a LUT. Compared by identity, so that what is on
    a card already is sent there again only when it changes."""

    palette: NDArray[np.float32] = field(default_factory=lambda: frozen(np.zeros((ENTRIES, 3))))
    lut: Lut | None = None
    values: NDArray[np.float32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts = [np.ravel(self.palette)] + ([] if self.lut is None else [np.ravel(self.lut.values)])
        object.__setattr__(self, "values", frozen(np.concatenate(parts)))


def frozen(values: NDArray[Any]) -> NDArray[np.float32]:
    """As float32, read-only."""
    made = np.array(values, np.float32)
    made.flags.writeable = False
    return made


NEUTRAL = Table()


@dataclass(frozen=True)
class Colours:
    """The colour steps of a scene. palette, lut: how much of each, 0..1; shift: the palette's, in turns: one goes along
    it and back."""

    palette: float = 0.0
    shift: float = 0.0
    lut: float = 0.0
    table: Table = NEUTRAL


def uniforms(colours: Colours) -> dict[str, float]:
    """The numbers of SLOTS."""
    lut, last = colours.table.lut, len(colours.table.values) - 1
    found = {
        "palette": float(colours.palette > 0), "palette_amount": colours.palette,
        "palette_shift": colours.shift % 1.0, "table_last": float(last),
    }  # fmt: skip
    if lut is None:
        return found
    n = lut.size
    found |= {"lut": float(colours.lut > 0), "lut_cube": float(lut.is_cube), "lut_amount": colours.lut}
    found |= {"lut_last": n - 1.0, "lut_green": 3.0 * n, "lut_blue": 3.0 * n * n}
    for axis, low, high in zip("rgb", lut.low, lut.high, strict=True):
        found[f"lut_scale_{axis}"] = scale = (n - 1) / (high - low)
        found[f"lut_from_{axis}"] = -low * scale
    return found


def palette(rgb: Sequence[Node], u: Uniform) -> tuple[Node, ...]:
    """The colour of the palette for the pixel's luminance. It runs along the palette and back, so no shift has a seam:
    at shift 0 luminance 0..1 is the palette from end to end."""
    luminance = clamp(fma(rgb[0], LUMA[0], fma(rgb[1], LUMA[1], rgb[2] * LUMA[2])))
    turns = fract(fma(luminance, 0.5, u("palette_shift")))
    place = (1.0 - abs(1.0 - turns * 2.0)) * (ENTRIES - 1.0)
    first = op("min", op("floor", place), ENTRIES - 2.0)
    share, at = place - first, first * 3.0
    drawn = [_between(at + float(c), 3.0, share) for c in range(3)]
    mixed = tuple(fma(new - old, u("palette_amount"), old) for new, old in zip(drawn, rgb, strict=True))
    return branch(u("palette"), mixed, tuple(rgb))


def _between(at: Node, step: Node | float, share: Node) -> Node:
    a, b = op("lookup", at), op("lookup", at + step)
    return fma(b - a, share, a)


def lut(rgb: Sequence[Node], u: Uniform) -> tuple[Node, ...]:
    """The graded colour through the LUT."""
    places = [fma(c, u(f"lut_scale_{axis}"), u(f"lut_from_{axis}")) for c, axis in zip(rgb, "rgb", strict=True)]
    places = [op("min", op("max", place, 0.0), u("lut_last")) for place in places]
    whole = [op("min", op("floor", place), u("lut_last") - 1.0) for place in places]
    shares = [place - first for place, first in zip(places, whole, strict=True)]
    drawn = branch(u("lut_cube"), _cube(whole, shares, u), _curves(whole, shares))
    mixed = tuple(fma(new - old, u("lut_amount"), old) for new, old in zip(drawn, rgb, strict=True))
    return branch(u("lut"), mixed, tuple(rgb))


def _curves(whole: Sequence[Node], shares: Sequence[Node]) -> list[Node]:
    return [
        _between(fma(first, 3.0, float(LUT_AT + c)), 3.0, share)
        for c, (first, share) in enumerate(zip(whole, shares, strict=True))
    ]


def _cube(whole: Sequence[Node], shares: Sequence[Node], u: Uniform) -> list[Node]:
    """Tetrahedral: from the cell's first corner along the axis of the largest share, then the middle one, then the
    smallest. Greys between greys stay greys, which trilinear interpolation does not promise."""
    red, green, blue = shares
    steps = (Node("const", (3.0,)), u("lut_green"), u("lut_blue"))
    larger, smaller = op("max", red, green), op("min", red, green)
    largest, smallest = op("max", larger, blue), op("min", smaller, blue)
    first = op("less", larger, blue, steps[2], op("less", red, green, steps[1], steps[0]))
    last = op("less", blue, smaller, steps[2], op("less", green, red, steps[1], steps[0]))
    middle = red + green + blue - largest - smallest
    all_three = steps[0] + steps[1] + steps[2]
    base = fma(whole[2], steps[2], fma(whole[1], steps[1], fma(whole[0], steps[0], float(LUT_AT))))
    corners = (base, base + first, base + (all_three - last), base + all_three)
    weights = (1.0 - largest, largest - middle, middle - smallest, smallest)
    out = []
    for c in range(3):
        total = op("lookup", corners[0] + float(c)) * weights[0]
        for corner, weight in zip(corners[1:], weights[1:], strict=True):
            total = fma(op("lookup", corner + float(c)), weight, total)
        out.append(total)
    return out

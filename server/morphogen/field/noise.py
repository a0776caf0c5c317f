"""Scattered numbers, and the noise made of them.

Numbers come from permutation polynomials (Gustavson and McEwan, "Efficient computational noise in GLSL", 2012): whole
numbers below 2**24 all the way, so that every backend and the reference scatter alike, bit for bit. Residues of 289 are
kept around zero, so that two may be added and hashed again without another reduction.

The noise is gradient noise on triangles (Gustavson, "psrdnoise"): three corners a pixel instead of four, and gradients
that turn, so that it can boil in its place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from morphogen.field.entry import Field, Parameter, scattered, seed_parameter
from morphogen.field.graph import Array, Node, as_node, fma, op

CELLS = 289  # a prime squared: what the polynomial permutes
OCTAVES = 4
STEP = ((2.0, 1.0), (-1.0, 2.0))  # from octave to octave: whole, so that what wraps in one wraps in all
LACUNARITY = math.sqrt(5)
PERIOD = 2 * CELLS  # of the whole noise, in cells of the first octave
HEIGHT = 15.0  # makes the noise reach about +-1
PER_OCTAVE = 6


def residue(whole: Node) -> Node:
    """A whole number modulo 289, -144 .. 144; exact below 2**22."""
    turns = op("floor", fma(whole, 1 / CELLS, 0.5))
    return fma(turns, float(-CELLS), whole)


def permuted(whole: Node) -> Node:
    """Scattered: a residue of the sum of two residues. |whole| up to 290."""
    return residue(fma(whole, 34.0, 10.0) * whole)


def wave(turns: Node) -> Node:
    """About sin(2 pi turns), of two parabolas: six operations, no polynomial."""
    s = turns - op("floor", turns + 0.5)
    return s * fma(abs(s), -16.0, 8.0)


def directions(turns: Node) -> tuple[Node, Node]:
    """About (cos, sin): a circle to within 6 %."""
    s = turns - op("floor", turns + 0.5)
    size = abs(s)
    q = 0.25 - size
    return q * fma(abs(q), -16.0, 8.0), s * fma(size, -16.0, 8.0)


def octave(x: Node, y: Node, u: Sequence[Node]) -> Node:
    """u: fractions and whole numbers to add to the place, turns of the gradients, height."""
    shift_x, shift_y, cell_x, cell_y, turns, _ = u
    x, y = fma(y, 0.5, x + shift_x), y + shift_y
    left, low = op("floor", x), op("floor", y)
    fx, fy = x - left, y - low
    right = op("less", fx, fy, 0.0, 1.0)  # the second corner lies to the right of the first, or above it
    dx, dy = fma(fy, -0.5, fx), fy
    i, j = residue(left + cell_x), residue(low + cell_y)
    bottom, top = permuted(j), permuted(j + 1.0)
    corners = (
        (dx, dy, bottom + i),
        (fma(right, -1.5, dx + 0.5), dy - 1.0 + right, op("less", fx, fy, top, bottom) + i + right),
        (dx - 0.5, dy - 1.0, top + i + 1.0),
    )
    total = as_node(0.0)
    for ex, ey, place in corners:
        reach = op("max", 0.8 - fma(ex, ex, ey * ey), 0.0)
        reach = reach * reach
        gx, gy = directions(fma(permuted(place), 1 / CELLS, turns))
        slope = fma(gx, ex, gy * ey)
        total = fma(reach * reach, slope, total)
    return total


def _noise(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    scale, bend = u[0], u[1]
    x, y = x * scale, y * scale
    coarse = clouds = ridges = as_node(0.0)
    for k in range(OCTAVES):
        numbers = u[2 + PER_OCTAVE * k : 2 + PER_OCTAVE * (k + 1)]
        value, height = octave(x, y, numbers), numbers[-1]
        clouds = fma(value, height, clouds)
        ridges = fma(abs(value), height, ridges)
        coarse = clouds if k == 1 else coarse
        (a, b), (c, d) = STEP
        bent_x, bent_y = fma(value, bend, x), fma(value, -bend, y)
        x, y = fma(bent_x, a, bent_y * b), fma(bent_x, c, bent_y * d)
    return {"noise": coarse, "clouds": clouds, "ridges": fma(ridges, -1.5, 1.0)}


def split(places: Array) -> Array:
    """(n, 2) offsets to a grid as (n, 4) fractions and cells, so that float32 adds small numbers only, ten hours out as
    well."""
    cells = np.floor(places)
    return np.concatenate([places - cells, cells % CELLS], axis=1)


_STEPS = np.stack([np.linalg.matrix_power(np.array(STEP), k) for k in range(OCTAVES)])
_LEAN = np.array([[1.0, 0.0], [0.5, 1.0]])  # each row of triangles lies half a cell further


def _fold(p: Mapping[str, float]) -> Array:
    luck = scattered(p["seed"], 3, 3 * OCTAVES).reshape(OCTAVES, 3)
    places = (_STEPS @ np.array([p["x"], p["y"]]) + luck[:, :2] * CELLS) @ _LEAN
    turns = (luck[:, 2] + p["boil"] * (1 + 0.25 * np.arange(OCTAVES))) % 1.0
    heights = p["rough"] ** np.arange(OCTAVES)
    columns = [split(places), turns[:, None], (HEIGHT / heights.sum() * heights)[:, None]]
    return np.concatenate([[p["scale"], p["bend"] * 3.8], np.concatenate(columns, axis=1).ravel()])


NOISE = Field(
    "gradient noise of four octaves, each 2.2 times as fine as the last",
    {
        "noise": "two octaves, soft", "clouds": "all octaves, about -1 to 1",
        "ridges": "their absolute values: bright where the noise crosses zero, like filaments",
    },
    _noise,
    (
        seed_parameter(),
        Parameter("scale", 2.2, 0.1, 8, "cells", "patches in one picture height, of the coarsest octave"),
        Parameter("rough", 0.55, 0, 1, "", "height of each octave against the one before"),
        Parameter("bend", 0.2, 0, 1.2, "", "how far each octave pushes the next aside: billows"),
        Parameter("boil", 0.0, 0, 4, "turns", "it changes in its place", "wrap"),
        Parameter("x", 0.0, 0, PERIOD, "cells", "it moves sideways", "wrap"),
        Parameter("y", 0.0, 0, PERIOD, "cells", "it moves upwards or down", "wrap"),
    ),
    2 + PER_OCTAVE * OCTAVES,
    _fold,
)  # fmt: skip

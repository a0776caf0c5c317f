"""Fields of cells: distances to scattered points (Worley 1996), blobs, creatures laid about, stars.

All of it is continuous: what belongs to the nearest point fades where another one becomes the nearest, and what a pixel
does not look at is too far away to count. So no rounding can flip anything, and no two backends differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from morphogen.field.entry import Field, Parameter, light_parameter, scattered, seed_parameter
from morphogen.field.graph import Array, Node, as_node, cos_turns, fma, op, sin_turns
from morphogen.field.noise import CELLS, permuted, residue, split, wave

Point = tuple[Node, Node, Node]  # x, y, number
SPREAD = 17.0  # times a number: another one; the pairs fill a grid of 17 by 17
DRIFT = (1.0, 0.625)  # turns of a point in x and y for each turn of `drift`
DRIFT_PERIOD = 8
LAYERS = 3
FLAT = 0.15  # squared slope of a blob, in its own size, below which it counts as flat
ROUND, SLOPE = 5.0, 1.8  # of cells as pebbles: their rim is a fifth of a cell wide; light on their flank
SMALLEST = 0.6  # of creatures: one over it the largest
STAR_STEPS = ((1.0, 0.0), (1.0, 1.0), (2.0, 1.0))  # of the layers: whole, so that all of them wrap


def grid(x: Node, y: Node, u: Sequence[Node]) -> tuple[Node, Node, Node, Node]:
    """(column, row) of the cell as residues, and the place in it. u: fractions and cells to add."""
    x, y = x + u[0], y + u[1]
    left, low = op("floor", x), op("floor", y)
    return residue(left + u[2]), residue(low + u[3]), x - left, y - low


def _points(place: tuple[Node, Node, Node, Node], loose: Node, drift_x: Node, drift_y: Node) -> Iterator[Point]:
    """From the pixel to the point of its own cell and of the eight around it, and its number. place: as of `grid`."""
    column, row, fx, fy = place
    for dy in (-1, 0, 1):
        line = permuted(row + float(dy)) + column
        for dx in (-1, 0, 1):
            number = permuted(line + float(dx)) * (1 / CELLS)
            px = fma(wave(number + drift_x), loose, dx + 0.5 - fx)
            yield px, fma(wave(fma(number, SPREAD, drift_y)), loose, dy + 0.5 - fy), number


def _cells(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    scale, loose, drift_x, drift_y, light_x, light_y = u[:6]
    place = grid(x * scale, y * scale, u[6:])
    points = [(px, py, fma(px, px, py * py), n) for px, py, n in _points(place, loose, drift_x, drift_y)]
    # A point that is not looked at lies at least so far away.
    border = 1.5 - loose
    nearest, mx, my = border * border, as_node(2.0), as_node(0.0)
    for px, py, square, _ in points:
        mx, my = op("less", square, nearest, px, mx), op("less", square, nearest, py, my)
        nearest = op("min", square, nearest)
    near = op("sqrt", nearest)
    halves = op("max", border - near, 0.0) * 0.5
    halves = halves * halves  # squared distances to the bisectors: one root at the end
    weight = shade = as_node(0.0)
    for px, py, square, number in points:
        ex, ey, further = px - mx, py - my, square - nearest
        apart = fma(ex, ex, ey * ey)
        halfway = further * further / fma(apart, 4.0, 1e-12)
        halves = op("min", halves, op("less", apart, 1e-4, 1.0, halfway))
        part = op("exp2_neg", further * 40.0)
        weight, shade = weight + part, fma(part, number, shade)
    edge = op("sqrt", halves)
    sure = op("min", edge * ROUND, 1.0)  # where the next cell begins, neither is meant
    light = fma(mx, light_x, my * light_y) * sure
    return {"cell": near, "cell_edge": edge, "cell_id": shade / weight * 2.0, "cell_light": light}


def _fold_cells(p: Mapping[str, float]) -> Array:
    luck = scattered(p["seed"], 4, 4)
    drift = (luck[:2] + p["drift"] * np.array(DRIFT)) % 1.0
    light = (-SLOPE * math.cos(math.tau * p["light"]), -SLOPE * math.sin(math.tau * p["light"]))
    return np.array([p["scale"], p["loose"] / 2, *drift, *light, *split(luck[None, 2:] * CELLS)[0]])


CELL = Field(
    "cells around scattered points",
    {
        "cell": "distance to the nearest point, in cells", "cell_edge": "distance to the nearest wall, in cells",
        "cell_id": "a number of its own for each cell, -1 to 1",
        "cell_light": "as if cells were pebbles: -1 in the shade to 1 towards the light",
    },
    _cells,
    (
        seed_parameter(),
        Parameter("scale", 3.0, 0.2, 32, "cells", "cells in one picture height"),
        Parameter("loose", 0.9, 0, 1, "", "0 a chess board, 1 anything"),
        Parameter("drift", 0.0, 0, DRIFT_PERIOD, "turns", "the points move about", "wrap"),
        light_parameter(),
    ),
    10,
    _fold_cells,
)  # fmt: skip


def _blobs(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    scale, loose, drift_x, drift_y, narrow, light_x, light_y = u[:7]
    place = grid(x * scale, y * scale, u[7:])
    total = slope_x = slope_y = as_node(0.0)
    for px, py, number in _points(place, loose, drift_x, drift_y):
        # The larger ones reach as far as a pixel looks; there their light has ended.
        own = narrow * fma(number, -0.8, 1.4)
        rest = op("max", fma(fma(px, px, py * py), own, 1.0), 0.0)
        square = rest * rest
        total = fma(square, rest, total)
        steep = square * own
        slope_x, slope_y = fma(steep, px, slope_x), fma(steep, py, slope_y)
    long = op("sqrt", fma(slope_x, slope_x, fma(slope_y, slope_y, -narrow * FLAT)))
    return {"blob": total, "blob_light": fma(slope_x, light_x, slope_y * light_y) / long}


def _fold_blobs(p: Mapping[str, float]) -> Array:
    luck = scattered(p["seed"], 13, 4)
    drift = (luck[:2] + p["drift"] * np.array(DRIFT)) % 1.0
    loose = p["loose"] / 2
    reach = p["size"] * (1.5 - loose)
    light = (math.cos(math.tau * p["light"]), math.sin(math.tau * p["light"]))
    return np.array([p["scale"], loose, *drift, -1 / reach**2, *light, *split(luck[None, 2:] * CELLS)[0]])


BLOB = Field(
    "soft blobs that melt into one another where they meet",
    {
        "blob": "0 far from all of them, 1 in the middle of one, more where several meet",
        "blob_light": "their slopes: -1 in the shade to 1 towards the light; 0 far from all of them",
    },
    _blobs,
    (
        seed_parameter(),
        Parameter("scale", 2.2, 0.2, 32, "cells", "blobs in one picture height"),
        Parameter("loose", 0.9, 0, 1, "", "0 in rows, 1 scattered"),
        Parameter("size", 0.75, 0.1, 1, "", "how far their light reaches"),
        Parameter("drift", 0.0, 0, DRIFT_PERIOD, "turns", "they swim about", "wrap"),
        light_parameter(),
    ),
    11,
    _fold_blobs,
)


def _stamps(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    scale, loose, drift_x, drift_y, turn, half, thick, border, floor = u[:9]
    # The four nearest cells: those of the grid's corner that is nearest.
    column, row, fx, fy = grid(fma(x, scale, 0.5), fma(y, scale, 0.5), u[9:])
    best = second = border  # those that a pixel does not look at are at least so far away
    along = across = own = as_node(0.0)
    for dy in (0, 1):
        line = permuted(row + float(dy)) + column
        for dx in (0, 1):
            number = permuted(line + float(dx)) * (1 / CELLS)
            px = fx - float(dx) - wave(number + drift_x) * loose
            py = fy - float(dy) - wave(fma(number, SPREAD, drift_y)) * loose
            angle = fma(number, 7.0, op("less", number, 0.0, turn, -turn))
            c, s = cos_turns(angle), sin_turns(angle)
            lx, ly = fma(px, c, py * s), fma(py, c, -(px * s))
            size = fma(number, 0.8, 1.0)
            reach = half * size
            ex = lx - op("min", op("max", lx, -reach), reach)
            square = fma(ex, ex, ly * ly) * size
            along, across = op("less", square, best, lx, along), op("less", square, best, ly, across)
            own = op("less", square, best, number, own)
            second = op("min", second, op("max", square, best))
            best = op("min", best, square)
    # Where two are equally far away neither is meant.
    sure = op("min", (second - best) * 16.0, 1.0)
    inside = 1.0 / op("sqrt", fma(best, thick, 1.0))
    return {
        "stamp": fma(inside, 1.0 + floor, -floor), "stamp_x": along * sure * 4.0,
        "stamp_y": across * sure * 4.0, "stamp_id": own * sure * 2.0,
    }  # fmt: skip


def _fold_stamps(p: Mapping[str, float]) -> Array:
    luck = scattered(p["seed"], 5, 4)
    drift = (luck[:2] + p["drift"] * np.array(DRIFT)) % 1.0
    loose, half, thick = p["loose"] / 3, p["length"] / 2, p["size"] ** -2.0
    border = SMALLEST * (1 - loose - half / SMALLEST) ** 2
    edge = (1 + border * thick) ** -0.5
    out = [p["scale"], loose, *drift, p["turn"], half, thick, border, edge / (1 - edge)]
    return np.array([*out, *split(luck[None, 2:] * CELLS)[0]])


STAMP = Field(
    "creatures laid about, each turned its own way: a rod with round ends",
    {
        "stamp": "1 on the creature's axis, about 0.6 at its skin, 0 between creatures",
        "stamp_x": "along its axis; 0 between two creatures", "stamp_y": "across it; 0 between two creatures",
        "stamp_id": "a number of its own, -1 to 1",
    },
    _stamps,
    (
        seed_parameter(),
        Parameter("scale", 3.2, 0.2, 32, "cells", "creatures in one picture height"),
        Parameter("length", 0.3, 0, 0.45, "cells", "of the axis; 0: all are round"),
        Parameter("size", 0.13, 0.02, 0.5, "cells", "from the axis to the skin"),
        Parameter("loose", 0.9, 0, 1, "", "0 in rows, 1 scattered"),
        Parameter("turn", 0.0, 0, 1, "turns", "they turn, half of them the other way", "wrap"),
        Parameter("drift", 0.0, 0, DRIFT_PERIOD, "turns", "they swim about", "wrap"),
    ),
    13,
    _fold_stamps,
)  # fmt: skip


def star(place: tuple[Node, Node, Node, Node], u: Sequence[Node]) -> Node:
    """Light of the star in a cell. u: sharp, few, gain, twinkle, phase."""
    sharp, few, gain, twinkle, phase = u
    column, row, fx, fy = place
    number = permuted(permuted(row) + column)
    other = permuted(number + column) * (1 / CELLS)
    number = number * (1 / CELLS)
    # A star keeps a quarter of a cell away from the cell's walls, where its light ends: no cell sees another's.
    ex, ey = fma(number, 0.5, 0.5) - fx, fma(wave(fma(number, SPREAD, 0.25)), 0.25, 0.5) - fy
    square = fma(ex, ex, ey * ey)
    rest = op("max", fma(square, -16.0, 1.0), 0.0)
    bright = op("max", other + 0.5 - few, 0.0) * gain
    bright = bright * bright * fma(wave(fma(number, 31.0, phase)), twinkle, 1.0 - twinkle)
    return rest * rest * bright / fma(square, sharp, 1.0)


def _stars(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    scale, total = u[0], as_node(0.0)
    for k, (a, b) in enumerate(STAR_STEPS):
        lx, ly = fma(x, a, y * b) * scale, fma(y, a, x * -b) * scale
        total = total + star(grid(lx, ly, u[6 + 4 * k : 10 + 4 * k]), u[1:6])
    return {"stars": op("min", total, 1.0)}


def _fold_stars(p: Mapping[str, float]) -> Array:
    luck = scattered(p["seed"], 6, 2 * LAYERS).reshape(LAYERS, 2) * CELLS
    few = 1 - p["density"]
    out = [p["scale"], 600 / p["size"] ** 2, few, 1.05 / np.maximum(1 - few, 0.05), p["twinkle"] / 2, p["phase"]]
    (x, y), (a, b) = (p["x"], p["y"]), np.array(STAR_STEPS).T
    return np.concatenate([out, split(luck + np.stack([a * x + b * y, a * y - b * x], axis=1)).ravel()])


STAR = Field(
    "small points of light, few of them bright",
    {"stars": "0 in the dark to 1 in the middle of a bright star"},
    _stars,
    (
        seed_parameter(),
        Parameter(
            "scale", 5.0, 0.5, 40, "cells", "rows of them in one picture height, of the coarsest of three layers"
        ),
        Parameter("size", 1.0, 0.2, 4, "", "of each"),
        Parameter("density", 0.6, 0, 1, "", "how many there are"),
        Parameter("twinkle", 0.5, 0, 1, "", "how deeply they flicker"),
        Parameter("phase", 0.0, 0, 1, "turns", "of the flicker", "wrap"),
        Parameter("x", 0.0, 0, CELLS, "cells", "they move sideways", "wrap"),
        Parameter("y", 0.0, 0, CELLS, "cells", "they move upwards or down", "wrap"),
    ),
    6 + 4 * LAYERS,
    _fold_stars,
)

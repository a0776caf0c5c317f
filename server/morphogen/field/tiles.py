"""Tilings: hexagons side by side, and a polygon that turns in each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from morphogen.field.entry import Field, Parameter, light_parameter
from morphogen.field.graph import Array, Node, fma, op
from morphogen.field.noise import CELLS, permuted, residue, split, wave

SIDES = 6  # of a polygon at most
SLOPE = 2.4  # of a dome at its rim
ROWS = math.sqrt(3)  # height of the rectangle that holds two hexagons, in its widths


def _rectangle(x: Node, y: Node, u: Sequence[Node], shift: float) -> tuple[Node, Node, Node, Node]:
    """(column, row, place in it from its middle) of the rectangles around every second hexagon."""
    x, y = x + u[0] + shift, y + u[1] + shift
    left, low = op("floor", x), op("floor", y)
    return residue(left + u[2]), residue(low + u[3]), x - left - 0.5, (y - low - 0.5) * ROWS


def _tiles(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    c, s, c_row, s_row, rounded, inner, phase, light_x, light_y = u[:9]
    x, y = fma(x, c, -(y * s)), fma(x, s_row, y * c_row)
    one, two = (_rectangle(x, y, u[9:13], shift) for shift in (0.0, 0.5))
    squares = [fma(dx, dx, dy * dy) for _, _, dx, dy in (one, two)]
    column, row, dx, dy = (op("less", squares[1], squares[0], b, a) for a, b in zip(one, two, strict=True))
    other = op("less", squares[1], squares[0], 0.37, 0.0)  # two lattices: numbers of their own, and the other way round
    way = op("less", squares[1], squares[0], -1.0, 1.0)
    wide, high = abs(dx), abs(dy)
    hexagon = op("max", wide, fma(wide, 0.5, high * (ROWS / 2)))
    disc = op("sqrt", op("min", squares[0], squares[1]))
    side = dy * way
    reach = fma(dx, u[13], side * u[14])
    for k in range(1, SIDES):
        reach = op("max", reach, fma(dx, u[13 + 2 * k], side * u[14 + 2 * k]))
    # What belongs to one tile fades on its walls, where the next one begins.
    number = permuted(permuted(row) + column) * (1 / CELLS)
    sure = op("min", fma(hexagon, -16.0, 8.0), 1.0)
    return {
        "tile": fma(disc - hexagon, rounded, hexagon) * 2.0,
        "tile_shape": op("max", fma(reach, -inner, 1.0), 0.0),
        "tile_id": wave(number + other + phase) * sure,
        "tile_light": fma(dx, light_x, dy * light_y) * sure,
    }  # fmt: skip


def _fold_tiles(p: Mapping[str, float]) -> Array:
    angle = math.tau * p["turn"]
    c, s = p["scale"] * np.cos(angle), p["scale"] * np.sin(angle)
    sides = int(p["sides"])
    ways = [math.tau * (k % sides / sides + p["spin"]) for k in range(SIDES)]
    inner = 2 / (p["size"] * math.cos(math.pi / sides))  # its corners never leave the tile
    polygon = [part for way in ways for part in (np.cos(way), np.sin(way))]
    place = split(np.array([[p["x"], p["y"]]]))[0]
    shone = math.tau * (p["light"] + p["turn"])  # the tiles turn under the light
    light = (SLOPE * math.cos(shone), SLOPE * math.sin(shone))
    return np.array([c, s, c / ROWS, s / ROWS, p["round"], inner, p["shuffle"], *light, *place, *polygon])


TILE = Field(
    "hexagons side by side, with a polygon that turns in each",
    {
        "tile": "0 in the middle of a tile, 1 on its walls", "tile_shape": "1 in the middle of the polygon, 0 outside",
        "tile_id": "a number of its own for each tile, -1 to 1; 0 on the walls",
        "tile_light": "as if tiles were domes: -1 in the shade to 1 towards the light; 0 on the walls",
    },
    _tiles,
    (
        Parameter("scale", 3.0, 0.2, 24, "tiles", "tiles in one picture height"),
        Parameter("round", 0.0, 0, 1, "", "0 the tiles are hexagons, 1 they are round within"),
        Parameter("sides", 3, 3, SIDES, "", "of the polygons", "whole"),
        Parameter("size", 0.8, 0.1, 1, "", "of the polygons; 1 reaches the walls"),
        Parameter("spin", 0.0, 0, 1, "turns", "the polygons turn, every second one the other way", "wrap"),
        Parameter("shuffle", 0.0, 0, 1, "turns", "the tiles' numbers run round", "wrap"),
        Parameter("turn", 0.0, 0, 1, "turns", "all of it turned", "wrap"),
        Parameter("x", 0.0, 0, CELLS, "tiles", "it moves sideways", "wrap"),
        Parameter("y", 0.0, 0, CELLS, "rows of two", "it moves upwards or down", "wrap"),
        light_parameter(),
    ),
    13 + 2 * SIDES,
    _fold_tiles,
)  # fmt: skip

"""Stars that one flies through: layers of them come nearer, one behind the other, without an end.

A layer begins far away, dark, grows as what comes nearer at an even pace does, and is gone before it would be at the
eye; then it is another one, far away. Its stars are those of `cells`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from morphogen.field.cells import grid, star
from morphogen.field.entry import Field, Parameter, scattered, seed_parameter
from morphogen.field.graph import Array, Node, as_node, fma, op
from morphogen.field.noise import CELLS, split

DEPTH = 5  # layers
NEAREST = 0.07  # distance at which a layer is gone, 1 where it begins
COMES, GOES = 0.35, 0.2  # shares of its way in which it comes out of the dark, and goes
NEXT = 37.0  # cells to another part of the sky
SHARED, OWN = 3, 8  # uniforms of all layers, and of each


def _flight(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    total = as_node(0.0)
    for k in range(DEPTH):
        c, s, sharp, gain, *cell = u[SHARED + OWN * k : SHARED + OWN * (k + 1)]
        place = grid(fma(x, c, -(y * s)), fma(x, s, y * c), cell)
        total = total + star(place, (sharp, u[0], gain, u[1], u[2]))
    return {"flight": op("min", total, 1.0)}


def _fold_flight(p: Mapping[str, float]) -> Array:
    luck = scattered(p["seed"], 14, 2 * DEPTH).reshape(DEPTH, 2)
    few = 1 - p["density"]
    out = [few, p["twinkle"] / 2, p["phase"]]
    for k in range(DEPTH):
        way = p["fly"] + k / DEPTH
        layer, way = math.floor(way), way % 1.0
        away = NEAREST + (1 - NEAREST) * (1 - way)
        cells, turn = p["scale"] * away, math.tau * (p["turn"] + k / DEPTH)
        # Nearer stars are larger, but less so than the room between them.
        sharp = 600 / p["size"] ** 2 / away
        shown = math.sqrt(_smooth(way / COMES) * _smooth((1 - way) / GOES))
        gain = 1.05 / max(1 - few, 0.05) * shown
        sky = split((luck[k : k + 1] * CELLS) + NEXT * layer)[0]
        out += [cells * math.cos(turn), cells * math.sin(turn), sharp, gain, *sky]
    return np.array(out)


def _smooth(share: float) -> float:
    share = min(share, 1.0)
    return share * share * (3 - 2 * share)


FLIGHT = Field(
    "stars that one flies through",
    {"flight": "0 in the dark to 1 in the middle of a bright star"},
    _flight,
    (
        seed_parameter(),
        Parameter("scale", 9.0, 1, 40, "cells", "rows of them in one picture height, of the farthest layer"),
        Parameter("size", 1.0, 0.2, 4, "", "of each"),
        Parameter("density", 0.6, 0, 1, "", "how many there are"),
        Parameter("twinkle", 0.3, 0, 1, "", "how deeply they flicker"),
        Parameter("phase", 0.0, 0, 1, "turns", "of the flicker", "wrap"),
        Parameter(
            "fly", 0.0, 0, CELLS, "flights", "flies on: one flight is a layer's way from its first light on", "wrap"
        ),
        Parameter("turn", 0.0, 0, 1, "turns", "all of it turned", "wrap"),
    ),
    SHARED + OWN * DEPTH,
    _fold_flight,
)

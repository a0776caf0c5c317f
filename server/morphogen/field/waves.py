"""Fields made of waves and turns: plain coordinates, a log spiral, a domain warp, rays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from morphogen.field.entry import Field, Parameter, scattered, seed_parameter
from morphogen.field.graph import Array, Node, as_node, cos_turns, fma, op, sin_turns

WARPS, RAYS = 5, 5  # waves of each
COUNTS = (0.45, 0.75, 1.0, 1.5, 2.3)  # of rays, of each wave against the parameter
HEIGHTS = (0.3, 0.32, 0.32, 0.26, 0.2)
SPEEDS = (-1, -0.75, -0.5, 0.5, 0.75, 1)  # quarters, so that four turns of `flow` close


def _place(x: Node, y: Node, _: Sequence[Node]) -> dict[str, Node]:
    return {
        "x": x, "y": y, "r": op("sqrt", fma(x, x, y * y)), "theta": op("atan2_turns", y, x) * 2.0, "abs_x": abs(x),
        "abs_y": abs(y),
    }  # fmt: skip


PLACE = Field(
    "where the pixel is",
    {
        "x": "to the right", "y": "upwards", "r": "distance from the middle",
        "theta": "angle over pi, -1 to 1, with a cut along -x", "abs_x": "|x|", "abs_y": "|y|",
    },
    _place,
    lengths=frozenset({"x", "y", "r", "abs_x", "abs_y"}),
)  # fmt: skip


def _swirl(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    rate, turn, core = u
    angle = fma(op("log2", fma(x, x, fma(y, y, core))), rate, turn)
    c, s = cos_turns(angle), sin_turns(angle)
    return {"swirl_x": fma(x, c, -(y * s)), "swirl_y": fma(x, s, y * c)}


def _fold_swirl(p: Mapping[str, float]) -> Array:
    # Turns are counted from half a picture height, so that a changing rate turns the rim less than the middle.
    rate = -p["rate"]
    return np.array([rate / 2, (p["turn"] + rate) % 1.0, p["core"] ** 2])


SWIRL = Field(
    "a logarithmic spiral: the coordinates turned by `rate` for each halving of the radius",
    {"swirl_x": "x, turned", "swirl_y": "y, turned"},
    _swirl,
    (
        Parameter("rate", 0.25, -2, 2, "turns", "turns for each halving of the radius; below 0 the other way"),
        Parameter("turn", 0.0, 0, 1, "turns", "the whole spiral turned", "wrap"),
        Parameter("core", 0.04, 0.005, 0.5, "heights", "inside it the spiral fades into a disc"),
    ),
    3,
    _fold_swirl,
)


def _warp(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    for k in range(WARPS):
        along_x, along_y, phase, across_x, across_y = u[5 * k : 5 * k + 5]
        wave = cos_turns(fma(x, along_x, fma(y, along_y, phase)))
        x, y = fma(wave, across_x, x), fma(wave, across_y, y)
    return {"warp_x": x, "warp_y": y}


def _fold_warp(p: Mapping[str, float]) -> Array:
    """Shears by waves, each finer than the one before and about a golden angle away from it. A shear moves points
    along the crests of its wave, so nothing is squeezed: it flows."""
    luck, way, out = scattered(p["seed"], 1, 2 * WARPS + 1), 0.0, []
    for k in range(WARPS):
        way += 0.309 + 0.12 * (luck[2 * k] - 0.5)
        c, s = math.cos(math.tau * (way + luck[-1])), math.sin(math.tau * (way + luck[-1]))
        frequency = p["scale"] * 1.55**k
        size = p["amount"] * 0.42 / frequency
        phase = (luck[2 * k + 1] + p["flow"] * (1 + 0.25 * k) * (-1) ** k) % 1.0
        out += [c * frequency, s * frequency, phase, -s * size, c * size]
    return np.array(out)


WARP = Field(
    "a domain warp: the coordinates bent by five waves, each finer than the last",
    {"warp_x": "x, bent", "warp_y": "y, bent"},
    _warp,
    (
        seed_parameter(),
        Parameter("scale", 0.9, 0.1, 8, "waves", "waves in one picture height, of the coarsest"),
        Parameter("amount", 0.45, 0, 1.5, "", "how far it bends; from about 1 on it folds like smoke"),
        Parameter("flow", 0.0, 0, 4, "turns", "the waves run on", "wrap"),
    ),
    5 * WARPS,
    _fold_warp,
)


def _rays(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    core = u[-1]
    square = fma(x, x, fma(y, y, core))
    angle, away = op("atan2_turns", y, x), op("log2", square)
    total = as_node(0.0)
    for k in range(RAYS):
        count, phase, twist, size = u[4 * k : 4 * k + 4]
        total = fma(cos_turns(fma(angle, count, fma(away, twist, phase))), size, total)
    # In the very middle all angles meet: there the rays fade out.
    return {"rays": total * (1.0 - core / square)}


def _fold_rays(p: Mapping[str, float]) -> Array:
    """Whole numbers of rays around, so there is no seam. The twist differs, so rays part and meet on their way out."""
    luck, out = scattered(p["seed"], 2, 4 * RAYS).reshape(RAYS, 4), []
    for k, (size, place, speed, wander) in enumerate(luck.tolist()):
        count = max(round(p["count"] * COUNTS[k] + size - 0.5), k + 1)
        phase = place + count * p["turn"] + p["flow"] * SPEEDS[int(speed * len(SPEEDS))]
        twist = p["twist"] * count / p["count"] + p["wander"] * (wander - 0.5)
        out += [count, (phase + 2 * twist) % 1.0, twist, HEIGHTS[k]]
    return np.array([*out, p["core"] ** 2])


RAY = Field(
    "uneven rays around the middle",
    {"rays": "-1 to 1, without a seam"},
    _rays,
    (
        seed_parameter(),
        Parameter("count", 9, 1, 40, "", "about how many rays", "whole"),
        Parameter("twist", 0.0, -4, 4, "turns", "how far the rays turn for each doubling of the radius"),
        Parameter("wander", 0.15, 0, 2, "turns", "how far each goes its own way"),
        Parameter("turn", 0.0, 0, 1, "turns", "all turned", "wrap"),
        Parameter("flow", 0.0, 0, 4, "turns", "rays pass through one another", "wrap"),
        Parameter("core", 0.06, 0.005, 1, "heights", "inside it they fade out"),
    ),
    4 * RAYS + 1,
    _fold_rays,
)

"""Woven fields: plasma, labyrinths as chemistry draws them, a tunnel without an end.

Sums of `noise.wave`s, each bent by the one before: continuous, and no finer than the waves that they are made of.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from morphogen.field.entry import Field, Parameter, light_parameter, scattered, seed_parameter
from morphogen.field.graph import Array, Node, as_node, fma, op
from morphogen.field.noise import directions, wave

PLASMA, MAZE = 4, 8  # waves of each; four that bend one another are as many as float32 follows
PACES = (1.0, -0.75, 1.25, -0.5)  # quarters, so that four turns of `flow` close
STRETCH = (0.7, 1.0, 1.45, 0.55)  # of each wave's frequency
LOOP = 4  # turns of `flow`
EVEN = 0.5  # squared height of waves below which a labyrinth is flat: they are sqrt(8) high on average
TRAVEL = 2  # rings after which a tunnel is the same again


def _plasma(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    bend, rings, ring_phase, core, light_x, light_y, soft = u[:7]
    bent = bend * math.tau
    last, total, apart = as_node(0.0), as_node(0.0), as_node(0.0)
    way_x, way_y, slope_x, slope_y = (as_node(0.0) for _ in range(4))  # of the last wave, of all; over 2 pi
    for k in range(PLASMA):
        across, up, phase = u[7 + 3 * k : 10 + 3 * k]
        steep, last = directions(fma(x, across, fma(y, up, fma(last, bend, phase))))
        way_x, way_y = fma(way_x, bent, across) * steep, fma(way_y, bent, up) * steep
        slope_x, slope_y = slope_x + way_x, slope_y + way_y
        total, apart = total + last, fma(last, (-1.0) ** k, apart)
    away = op("sqrt", fma(x, x, fma(y, y, core)))
    steep, ring = directions(fma(away, rings, fma(total, bend * 0.4, ring_phase)))
    outwards = rings / away
    slope_x = fma(fma(x, outwards, slope_x * (bent * 0.4)), steep, slope_x)
    slope_y = fma(fma(y, outwards, slope_y * (bent * 0.4)), steep, slope_y)
    return {
        "plasma": (total + ring) * 0.45, "plasma_cross": fma(apart, 0.4, ring * 0.4),
        "plasma_light": lit(slope_x, slope_y, light_x, light_y, soft),
    }  # fmt: skip


def lit(slope_x: Node, slope_y: Node, light_x: Node, light_y: Node, soft: Node) -> Node:
    """-1 on slopes that fall away from the light, 1 on those that face it. soft: squared slope that counts as steep."""
    steep = op("sqrt", fma(slope_x, slope_x, fma(slope_y, slope_y, soft)))
    return fma(slope_x, light_x, slope_y * light_y) / steep


def _fold_plasma(p: Mapping[str, float]) -> Array:
    luck, out = scattered(p["seed"], 11, 2 * PLASMA + 2), []
    for k in range(PLASMA):
        way = math.tau * (luck[-1] + 0.309 * k + 0.12 * (luck[2 * k] - 0.5))
        frequency = p["scale"] * STRETCH[k]
        phase = (luck[2 * k + 1] + p["flow"] * PACES[k]) % 1.0
        out += [math.cos(way) * frequency, math.sin(way) * frequency, phase]
    shine = [*towards(p["light"]), p["scale"] ** 2]
    return np.array([p["bend"] * 0.3, p["rings"] * p["scale"], (luck[-2] - p["flow"]) % 1.0, 0.01, *shine, *out])


def towards(light: float) -> tuple[float, float]:
    """Where slopes fall that face a light at this angle, in turns."""
    return -math.cos(math.tau * light), -math.sin(math.tau * light)


PLASMA_FIELD = Field(
    "plasma: waves of light through one another, each bent by the one before, and rings",
    {
        "plasma": "all of them, about -1.5 to 1.5", "plasma_cross": "every second one against the others: other shapes",
        "plasma_light": "their slopes: -1 in the shade to 1 towards the light",
    },
    _plasma,
    (
        seed_parameter(),
        Parameter("scale", 1.1, 0.1, 8, "waves", "waves in one picture height"),
        Parameter("bend", 0.8, 0, 1, "", "how far each wave bends the next"),
        Parameter("rings", 0.8, 0, 4, "", "rings around the middle for each wave"),
        Parameter("flow", 0.0, 0, LOOP, "turns", "the waves run on", "wrap"),
        light_parameter(),
    ),
    7 + 3 * PLASMA,
    _fold_plasma,
)  # fmt: skip


def _labyrinth(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    level, sway, slow, first, second, light_x, light_y, longest = u[:8]
    x = fma(wave(fma(y, slow, first)), sway, x)
    y = fma(wave(fma(x, slow, second)), sway, y)
    total, slope_x, slope_y = level, as_node(0.0), as_node(0.0)
    for k in range(MAZE):
        across, up, phase = u[8 + 3 * k : 11 + 3 * k]
        steep, high = directions(fma(x, across, fma(y, up, phase)))
        total = total + high
        slope_x, slope_y = fma(steep, across, slope_x), fma(steep, up, slope_y)
    # Of one wave, height and slope are sine and cosine: their length is how high it goes just here. Divided by it,
    # ridges are of one height and one width everywhere, as a reaction that has come to rest leaves them.
    square = fma(slope_x, slope_x, slope_y * slope_y)
    size = op("sqrt", fma(total, total, fma(square, longest, EVEN)))
    return {"labyrinth": total / size, "labyrinth_light": fma(slope_x, light_x, slope_y * light_y) / size}


def _fold_labyrinth(p: Mapping[str, float]) -> Array:
    """Waves of one length in all directions: what a reaction and diffusion settle on (Turing 1952), drawn at once
    instead of grown. Where their sum is cut decides between spots, winding stripes and holes."""
    luck, out = scattered(p["seed"], 12, 2 * MAZE + 3), []
    for k in range(MAZE):
        way = math.pi * (luck[-1] * 2 + (1 - p["order"]) * (k + 0.8 * luck[2 * k]) / MAZE)
        phase = luck[2 * k + 1] + p["boil"] * PACES[k % 4]
        out += [np.cos(way) * p["scale"], np.sin(way) * p["scale"], phase % 1.0]
    light_x, light_y = towards(p["light"])
    shine = [light_x / p["scale"], light_y / p["scale"], p["scale"] ** -2.0]
    return np.array([-3 * p["spots"], 0.12 * p["bend"], 0.9, luck[-2], luck[-3], *shine, *out])


LABYRINTH = Field(
    "what a reaction with diffusion leaves: winding stripes, spots or holes, all of one width",
    {
        "labyrinth": "-1 in the valleys to 1 on the ridges",
        "labyrinth_light": "its slopes: -1 in the shade to 1 towards the light",
    },
    _labyrinth,
    (
        seed_parameter(),
        Parameter("scale", 6.0, 0.5, 40, "waves", "stripes in one picture height"),
        Parameter("spots", 0.0, -1, 1, "", "1 spots, 0 winding stripes, -1 holes"),
        Parameter("order", 0.0, 0, 0.9, "", "0 stripes wind every way, 0.9 they lie side by side"),
        Parameter("bend", 0.4, 0, 1.5, "", "how far slow waves bend it all"),
        Parameter("boil", 0.0, 0, LOOP, "turns", "it changes in its place", "wrap"),
        light_parameter(),
    ),
    8 + 3 * MAZE,
    _fold_labyrinth,
)


def _tunnel(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    rate, travel, segments, turn, twist, core, bend, sharp = u
    square = fma(x, x, fma(y, y, core))
    away = op("log2", square)
    depth = fma(away, rate, travel)
    angle = fma(op("atan2_turns", y, x), segments, fma(away, twist, turn))
    mirrored = abs(angle - op("floor", angle + 0.5)) * 2.0
    one = wave(fma(mirrored, 0.5, depth))
    two = wave(fma(mirrored, -0.75, fma(depth, 0.5, 0.3)))
    three = wave(fma(one, bend, fma(depth, 1.5, mirrored)))
    ring = abs(depth - op("floor", depth + 0.5)) * sharp
    seam = op("min", mirrored, 1.0 - mirrored) * sharp * 0.5
    near = op("min", ring * ring, seam * seam)
    # At the far end everything meets: there it fades, before it is finer than a pixel.
    light = 1.0 - core / square
    light = light * light
    return {"tunnel": (one + two + three) * 0.5 * light, "tunnel_ribs": op("exp2_neg", near) * light}


def _fold_tunnel(p: Mapping[str, float]) -> Array:
    # Counted from half a picture height, so that a changing rate moves the rim less than the far end.
    travel, turn = p["travel"] - p["rings"], p["segments"] * p["turn"] + 2 * p["twist"]
    return np.array([
        -p["rings"] / 2, travel % TRAVEL, p["segments"], turn % 1.0, p["twist"], p["core"] ** 2, 0.5 * p["bend"],
        p["sharp"],
    ])  # fmt: skip


TUNNEL = Field(
    "an endless tunnel whose walls are mirrored like in a kaleidoscope",
    {
        "tunnel": "its walls, about -1.5 to 1.5; 0 at the far end",
        "tunnel_ribs": "1 on its rings and seams, 0 between them and at the far end",
    },
    _tunnel,
    (
        Parameter("segments", 6, 1, 24, "", "mirrored parts of the wall", "whole"),
        Parameter("rings", 1.5, 0.2, 6, "rings", "rings for each doubling of the radius"),
        Parameter("travel", 0.0, 0, TRAVEL, "rings", "flies through it", "wrap"),
        Parameter("twist", 0.0, -2, 2, "turns", "how far a segment turns for each halving of the radius squared"),
        Parameter("turn", 0.0, 0, 1, "turns", "all of it turned", "wrap"),
        Parameter("bend", 0.6, 0, 2, "", "how far the waves on its walls bend one another"),
        Parameter("sharp", 7.0, 1, 16, "", "of rings and seams"),
        Parameter("core", 0.07, 0.02, 1, "heights", "inside it, at the far end, it fades into the dark"),
    ),
    8,
    _fold_tunnel,
)

"""Woven fields: plasma, labyrinths as chemistry draws them, a tunnel without an end.

Sums of `noise.wave`s, each bent by the one before: continuous, and no finer than the waves that they are made of.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from morphogen.field.entry import Field, Parameter, scattered, seed_parameter
from morphogen.field.graph import Array, Node, as_node, fma, op
from morphogen.field.noise import wave

PLASMA, MAZE = 4, 8  # waves of each; four that bend one another are as many as float32 follows
PACES = (1.0, -0.75, 1.25, -0.5)  # quarters, so that four turns of `flow` close
STRETCH = (0.7, 1.0, 1.45, 0.55)  # of each wave's frequency
LOOP = 4  # turns of `flow`
TRAVEL = 2  # rings after which a tunnel is the same again


def _plasma(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    bend, rings, ring_phase, core = u[:4]
    last, total, apart = as_node(0.0), as_node(0.0), as_node(0.0)
    for k in range(PLASMA):
        across, up, phase = u[4 + 3 * k : 7 + 3 * k]
        last = wave(fma(x, across, fma(y, up, fma(last, bend, phase))))
        total, apart = total + last, fma(last, (-1.0) ** k, apart)
    away = op("sqrt", fma(x, x, fma(y, y, core)))
    ring = wave(fma(away, rings, fma(total, bend * 0.4, ring_phase)))
    return {"plasma": (total + ring) * 0.45, "plasma_cross": fma(apart, 0.4, ring * 0.4)}


def _fold_plasma(p: Mapping[str, float]) -> Array:
    luck, out = scattered(p["seed"], 11, 2 * PLASMA + 2), []
    for k in range(PLASMA):
        way = math.tau * (luck[-1] + 0.309 * k + 0.12 * (luck[2 * k] - 0.5))
        frequency = p["scale"] * STRETCH[k]
        phase = (luck[2 * k + 1] + p["flow"] * PACES[k]) % 1.0
        out += [math.cos(way) * frequency, math.sin(way) * frequency, phase]
    return np.array([p["bend"] * 0.3, p["rings"] * p["scale"], (luck[-2] - p["flow"]) % 1.0, 0.01, *out])


PLASMA_FIELD = Field(
    "plasma: waves of light through one another, each bent by the one before, and rings",
    {"plasma": "all of them, about -1.5 to 1.5", "plasma_cross": "every second one against the others: other shapes"},
    _plasma,
    (
        seed_parameter(),
        Parameter("scale", 1.1, 0.1, 8, "waves", "waves in one picture height"),
        Parameter("bend", 0.8, 0, 1, "", "how far each wave bends the next"),
        Parameter("rings", 0.8, 0, 4, "", "rings around the middle for each wave"),
        Parameter("flow", 0.0, 0, LOOP, "turns", "the waves run on", "wrap"),
    ),
    4 + 3 * PLASMA,
    _fold_plasma,
)


def _labyrinth(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
    level, sway, slow, first, second = u[:5]
    x = fma(wave(fma(y, slow, first)), sway, x)
    y = fma(wave(fma(x, slow, second)), sway, y)
    total = level
    for k in range(MAZE):
        across, up, phase = u[5 + 3 * k : 8 + 3 * k]
        total = total + wave(fma(x, across, fma(y, up, phase)))
    return {"labyrinth": total / op("sqrt", fma(total, total, 1.5))}


def _fold_labyrinth(p: Mapping[str, float]) -> Array:
    """Waves of one length in all directions: what a reaction and diffusion settle on (Turing 1952), drawn at once
    instead of grown. Where their sum is cut decides between spots, winding stripes and holes."""
    luck, out = scattered(p["seed"], 12, 2 * MAZE + 3), []
    for k in range(MAZE):
        way = math.pi * (luck[-1] * 2 + (1 - p["order"]) * (k + 0.8 * luck[2 * k]) / MAZE)
        phase = luck[2 * k + 1] + p["boil"] * PACES[k % 4]
        out += [np.cos(way) * p["scale"], np.sin(way) * p["scale"], phase % 1.0]
    return np.array([-3 * p["spots"], 0.12 * p["bend"], 0.9, luck[-2], luck[-3], *out])


LABYRINTH = Field(
    "what a reaction with diffusion leaves: winding stripes, spots or holes, all of one width",
    {"labyrinth": "-1 in the valleys to 1 on the ridges"},
    _labyrinth,
    (
        seed_parameter(),
        Parameter("scale", 6.0, 0.5, 40, "waves", "stripes in one picture height"),
        Parameter("spots", 0.0, -1, 1, "", "1 spots, 0 winding stripes, -1 holes"),
        Parameter("order", 0.0, 0, 0.9, "", "0 stripes wind every way, 0.9 they lie side by side"),
        Parameter("bend", 0.4, 0, 1.5, "", "how far slow waves bend it all"),
        Parameter("boil", 0.0, 0, LOOP, "turns", "it changes in its place", "wrap"),
    ),
    5 + 3 * MAZE,
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

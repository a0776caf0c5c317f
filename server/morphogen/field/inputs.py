"""The one table of what a network may read: fields of the pixel's place, and what is the same for a whole frame.

A new field is one entry here; style files, checks, docs, tests and every backend go over the table.
"""

from __future__ import annotations

from collections.abc import Sequence

from morphogen.field import branches, cells, flight, fractals, noise, tiles, waves, weaves
from morphogen.field.entry import Field
from morphogen.field.graph import Node, clamp, uniform

FRAME_INPUTS = ("time", "bass", "mid", "treble", "centroid", "rolloff", "flux", "progress", "beat", "rms")
FIELDS: dict[str, Field] = {
    "place": waves.PLACE, "swirl": waves.SWIRL, "warp": waves.WARP, "rays": waves.RAY,
    "noise": noise.NOISE, "cells": cells.CELL, "stamps": cells.STAMP, "branch": branches.BRANCHES,
    "neuron": branches.NEURONS, "stars": cells.STAR, "plasma": weaves.PLASMA_FIELD, "labyrinth": weaves.LABYRINTH,
    "tunnel": weaves.TUNNEL, "tiles": tiles.TILE, "blobs": cells.BLOB,
    "mandelbrot": fractals.MANDELBROT, "julia": fractals.JULIA, "flight": flight.FLIGHT,
}  # fmt: skip
CHANNELS = {channel: name for name, field in FIELDS.items() for channel in field.channels}  # input -> its field
PIXEL_INPUTS = tuple(CHANNELS)
INPUTS = PIXEL_INPUTS + FRAME_INPUTS
LENGTHS = frozenset(channel for field in FIELDS.values() for channel in field.lengths)
REACH = 1024.0  # network coordinates beyond it are cut off: further out floats are too coarse for any pattern


def shaped(inputs: Sequence[str]) -> list[str]:
    """The fields with geometry that these inputs belong to, in the table's order."""
    used = {CHANNELS[name] for name in inputs if name in CHANNELS}
    return [name for name, field in FIELDS.items() if name in used and field.uniforms]


def uniform_count(inputs: Sequence[str]) -> int:
    """Floats that the fields among these inputs read: the coordinates' scale, then each field's own."""
    used = shaped(inputs)
    return 1 + sum(FIELDS[name].uniforms for name in used) if used else 0


def input_nodes(inputs: Sequence[str], x: Node, y: Node, slot: int = 0) -> list[Node]:
    """Graph of those of `inputs` that differ from pixel to pixel, in their order. x, y: picture heights; slot: of the
    first of `uniform_count` uniforms."""
    made: dict[str, Node] = {}
    for name in {CHANNELS[i] for i in inputs if i in CHANNELS} - set(shaped(inputs)):
        made |= FIELDS[name].emit(x, y, ())
    at = slot + 1
    if shaped(inputs):
        scale = uniform(slot)
        x, y = (clamp(c * scale, -REACH, REACH) for c in (x, y))
    for name in shaped(inputs):
        field = FIELDS[name]
        made |= field.emit(x, y, [uniform(at + k) for k in range(field.uniforms)])
        at += field.uniforms
    return [made[name] for name in inputs if name in CHANNELS]

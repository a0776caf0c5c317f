"""Weights for wide networks that are a picture from the start.

With every unit reading every other, a sum of 128 curves is a fog whatever the gain: looked at, 12 seeds each of 4L_128D
and 8L_256D. So each unit reads four of the layer before, as in a network of the seeds' size, and the output reads six
units, the same for all channels: lines and glass panes come back. How busy the picture gets is the gain multiplied over
the layers, so a deeper network takes a smaller one. The output is set by what it reads: half of the picture lies below
the glow, and the channels share some of their direction, else every colour is a primary. With a palette: `placing`.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from morphogen.field import geometry
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.inputs import FRAME_INPUTS
from morphogen.field.network import Network, Shape, head_tensors
from morphogen.field.placing import LEVEL as DARK
from morphogen.field.placing import placed

FAN_IN, READ = 4, 6  # units that a unit, and the output, reads
BUSY, BUSIER = 1.8, 3.0  # times the hidden gain: what the layers' gains multiply to, squared; with a palette
SPREAD, LEVEL, RANGE = 2.8, -2.2, 0.75  # of the output before its sigmoid: deviation, median, and half its range
HARMONY = 0.4
SAMPLES = 400

Array = NDArray[np.float64]


def init_wide(shape: Shape, seed: int, extent: float, hidden_gain: float) -> Network:
    """`network.init_glow` for wide shapes; the same on every machine, bit for bit."""
    rng = np.random.default_rng(seed)
    busy = BUSIER if shape.head == "palette" else BUSY
    gain = round((busy * hidden_gain) ** (2 / len(shape.layers)), 4)  # powers differ in their last bit
    tensors: list[Array] = []
    for layer, (inputs, units) in enumerate(pairwise(shape.widths[:-1])):
        if layer:
            weight = _sparse(rng, units, inputs, gain)
        else:  # as wide as the seeds' first layer: the frequencies of a small network
            weight = rng.uniform(-1, 1, (units, inputs)) * hidden_gain * math.sqrt(6 / (inputs + FAN_IN))
        tensors += [weight, rng.uniform(-1.5, 1.5, units)]
    rows = np.zeros((shape.outputs, shape.widths[-2]))
    read = rng.choice(rows.shape[1], min(READ, rows.shape[1]), replace=False)
    rows[:, read] = rng.uniform(-1, 1, (shape.outputs, len(read)))
    if shape.head == "palette":
        out = placed(shape, tensors, rows, rng.uniform(*DARK, 1), extent)
        return Network(shape, (*(t.astype(np.float32) for t in tensors), *out, *head_tensors(shape, rng)), extent)
    rows = (1 - HARMONY) * rows + HARMONY * math.sqrt(1 / shape.outputs) * rows.sum(axis=0)
    level = rng.uniform(LEVEL - RANGE, LEVEL + RANGE, shape.outputs)
    tensors += _placed(rows, level, _last_hidden(shape, tensors, extent))
    return Network(shape, tuple(t.astype(np.float32) for t in tensors), extent)


def _sparse(rng: np.random.Generator, units: int, inputs: int, gain: float) -> Array:
    weight = np.zeros((units, inputs))
    count = min(FAN_IN, inputs)
    for row in weight:
        row[rng.choice(inputs, count, replace=False)] = rng.uniform(-1, 1, count) * gain * math.sqrt(3 / count)
    return weight


def _last_hidden(shape: Shape, tensors: list[Array], extent: float) -> Array:
    """Values of the last hidden layer (units, SAMPLES) over a 16:9 picture at rest."""
    rng = np.random.default_rng(2007)
    x, y = (rng.uniform(-half, half, SAMPLES) * 2 * extent for half in (8 / 9, 1 / 2))
    known = geometry.sample(shape.inputs, geometry.default(shape.inputs), 0.5, {"x": x, "y": y}, {})
    values = np.stack([np.zeros(SAMPLES) if name in FRAME_INPUTS else known[name] for name in shape.inputs])
    for layer, names in enumerate(shape.layers):
        sums = tensors[2 * layer] @ values + tensors[2 * layer + 1][:, None]
        values = np.stack([ACTIVATIONS[name].reference(row) for name, row in zip(names, sums, strict=True)])
    return values


def _placed(rows: Array, level: Array, hidden: Array) -> list[Array]:
    """Output weights and biases. What was measured is rounded, so that no machine's last bit gets into a style."""
    seen = rows @ hidden
    factor = np.round(SPREAD / np.maximum(seen.std(axis=1), 0.1), 2)
    return [rows * factor[:, None], level - np.round(np.median(seen, axis=1) * factor, 1)]

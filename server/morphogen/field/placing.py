"""The output of a random network with a palette, set by what it reads, so that every seed shows the whole palette.

Left to chance, a third of the seeds are one flat colour with a line in it, or two colours with a hard edge between
(looked at, 8 seeds of each narrow preset). So the last layer is looked at before the output is drawn, over a picture
at many moments, silent and loud: half of what it shows lies in the dark, the brightest twentieth at the bright end,
and of the two ways round the one is taken in which light is rarer than darkness, as in a night with lamps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from morphogen.field import geometry
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.inputs import FRAME_INPUTS
from morphogen.field.network import Shape

SAMPLES, MINUTE = 1200, 60.0
TAIL, REACH = 0.05, 4.2  # from the median to the brightest twentieth, before the sigmoid
LEVEL = (-2.3, -1.5)  # the median before the sigmoid: 9 to 18 % of the way along the palette
LEAST = 0.1  # a last layer flatter than that stays dim rather than noisy

Array = NDArray[np.float64]


def placed(
    shape: Shape, hidden: Sequence[NDArray[np.floating]], rows: NDArray[np.floating], level: Array, extent: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights (outputs, units) and biases (outputs,) of the output, of which the first reads the palette; the others
    stay. hidden: weights and biases of the hidden layers; rows, level: weights as drawn, medians. What was measured is
    rounded, so that no machine's last bit gets into a style."""
    seen = rows[0] @ _last(shape, [np.asarray(tensor, np.float64) for tensor in hidden], extent)
    low, middle, high = (float(value) for value in np.quantile(seen, (TAIL, 0.5, 1 - TAIL)))
    sign, reach = (1.0, high - middle) if high - middle >= middle - low else (-1.0, middle - low)
    factor = sign * round(REACH / max(reach, LEAST), 2)
    weights, biases = np.array(rows, np.float32), np.round(level, 2)
    weights[0] *= np.float32(factor)
    biases[0] -= round(middle * factor, 1)
    return weights, biases.astype(np.float32)


def _last(shape: Shape, hidden: list[Array], extent: float) -> Array:
    """Values of the last hidden layer (units, SAMPLES): places of a 16:9 picture, each at a moment of its own."""
    rng = np.random.default_rng(2007)
    x, y = (rng.uniform(-half, half, SAMPLES) * 2 * extent for half in (8 / 9, 1 / 2))
    known = geometry.sample(shape.inputs, geometry.default(shape.inputs), 0.5, {"x": x, "y": y}, {})
    loud = rng.random(SAMPLES) < 0.5
    heard = {name: rng.uniform(0, MINUTE, SAMPLES) if name == "time" else rng.uniform(0, 1, SAMPLES) * loud
             for name in FRAME_INPUTS}  # fmt: skip
    values = np.stack([heard[name] if name in heard else known[name] for name in shape.inputs])
    for layer, names in enumerate(shape.layers):
        sums = hidden[2 * layer] @ values + hidden[2 * layer + 1][:, None]
        values = np.stack([ACTIVATIONS[name].reference(row) for name, row in zip(names, sums, strict=True)])
    return values

"""The palette head: one channel through five learned colours.

The output's sigmoid is a place 0..1 on a smooth curve through colour, a quadratic B-spline with knots at 1/3 and 2/3:
it begins at the first stop, ends at the last, and is drawn towards those between (5/8 and 3/4 of their colour arrive
at most). Unlike straight lines between the stops it has no edge anywhere, neither for the eye (Mach bands: bright
seams where a ramp changes its slope) nor for training, and it never leaves the colours between its stops. It costs 12
multiply-adds; de Boor, "A practical guide to splines" (1978).

Stops are kept as logits (the colour is their sigmoid), like all other weights without bounds: what bends, drifts,
morphs or trains them stays a colour.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from morphogen.field.graph import Array, Node, clamp, fma, op, uniform

STOPS = 5
FLOATS = 15  # in the block of `fold`: 5 coefficients of each of 3 channels
EDGE = 1 / 6  # from the middle of the curve to a knot
LIGHT = ((0.04, 0.12), (0.20, 0.34), (0.48, 0.64), (0.70, 0.84), (0.90, 0.97))  # OKLab lightness, stop by stop
CHROMA = ((0.02, 0.06), (0.12, 0.18), (0.17, 0.23), (0.13, 0.19), (0.03, 0.09))
TURN = (0.15, 0.60)  # turns of hue from the first stop to the last, either way


def colours(stops: NDArray[np.floating]) -> Array:
    """The colours of stops: sRGB as screens take it, 0..1, float64, same shape."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(stops.astype(np.float64), -700, 700))))


def evaluate(stops: NDArray[np.floating], place: Array) -> list[Array]:
    """The truth: r, g, b at `place` (0..1, any shape), each stop times its own bell, in float64."""
    left, right = np.maximum(1 - 3 * place, 0.0), np.maximum(3 * place - 2, 0.0)
    bells = [
        left**2,
        np.where(place < 1 / 3, 1 - left**2 - 4.5 * place**2, 4.5 * np.maximum(2 / 3 - place, 0) ** 2),
        np.where(
            place < 1 / 3,
            4.5 * place**2,
            np.where(place > 2 / 3, 4.5 * (1 - place) ** 2, 0.75 - 9 * (place - 0.5) ** 2),
        ),
        np.where(place > 2 / 3, 1 - right**2 - 4.5 * (1 - place) ** 2, 4.5 * np.maximum(place - 1 / 3, 0) ** 2),
        right**2,
    ]
    return [np.asarray(sum(c * bell for c, bell in zip(row, bells, strict=True))) for row in colours(stops).T]


def coefficients(stops: NDArray[np.floating]) -> Array:
    """What `expand` reads, float64 (FLOATS,): for each channel value, slope and bend of the middle piece around 1/2,
    then what the outer pieces add beyond their knots."""
    p0, p1, p2, p3, p4 = colours(stops)
    rows = (
        (p1 + 6 * p2 + p3) / 8, 1.5 * (p3 - p1), 4.5 * (p1 - 2 * p2 + p3),
        9 * (p0 - 2 * p1 + 1.5 * p2 - 0.5 * p3), 9 * (p4 - 2 * p3 + 1.5 * p2 - 0.5 * p1),
    )  # fmt: skip
    return np.stack(rows, axis=1).ravel()


def expand(place: Node, slot: int) -> list[Node]:
    """Graph of r, g, b at `place`, with the `coefficients` from `slot` on. Clamped, since 1.000001 would be black."""
    at = place - 0.5
    below, above = op("max", -EDGE - at, 0.0), op("max", at - EDGE, 0.0)
    bend, below, above = at * at, below * below, above * above
    channels = []
    for first in range(slot, slot + FLOATS, 5):
        value, slope, curve, left, right = (uniform(first + k) for k in range(5))
        inner = fma(bend, curve, fma(at, slope, value))
        channels.append(clamp(fma(above, right, fma(below, left, inner))))
    return channels


def random_stops(rng: np.random.Generator) -> NDArray[np.float32]:
    """Stops from near black over saturated colours to near white, hue turning steadily; no two seeds alike. Rounded,
    so that no machine's last bit gets into a style."""
    start, turn = rng.uniform(0, 1), rng.uniform(*TURN) * rng.choice((-1, 1))
    stops = []
    for k in range(STOPS):
        light, chroma = rng.uniform(*LIGHT[k]), rng.uniform(*CHROMA[k])
        stops.append(_srgb(light, chroma, start + turn * k / (STOPS - 1)))
    rgb = np.clip(np.stack(stops), 0.002, 0.998)
    return np.round(np.log(rgb / (1 - rgb)), 2).astype(np.float32)


def _srgb(light: float, chroma: float, hue: float) -> Array:
    """Gamma-encoded sRGB of an OKLab colour, hue in turns; what a screen cannot show is cut off (Ottosson 2020)."""
    a, b = chroma * np.cos(2 * np.pi * hue), chroma * np.sin(2 * np.pi * hue)
    cones = np.array([
        [1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480],
    ])  # fmt: skip
    screen = np.array([
        [4.0767416621, -3.3077115913, 0.2309699292], [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ])  # fmt: skip
    linear = np.clip(screen @ (cones @ np.array([light, a, b])) ** 3, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)

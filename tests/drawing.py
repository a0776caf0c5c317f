"""Helpers of the tests that draw: one call from scene to pixels, and networks to draw."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from morphogen.field.inputs import FIELDS
from morphogen.field.network import Network, Shape, init_glow, preset
from morphogen.field.scene import Scene
from morphogen.frame import Crop, PixelFormat, TargetSpec

PLACES = tuple(FIELDS["place"].channels)  # the inputs that are no more than where a pixel is
VALUES = {"time": 1.25, "bass": 0.5, "mid": 0.2, "treble": 0.7, "beat": 0.9, "rms": 0.4, "progress": 0.3}


def glow(seed: int = 3, name: str = "3L_4D", head: str = "rgb") -> Network:
    return init_glow(preset(name, head=head), seed)


def scene(network: Network | None = None, **more) -> Scene:
    given = {"networks": (network or glow(),), "values": VALUES} | more
    return Scene(**given)


def draw(renderer, what: Scene, spec: TargetSpec | tuple[int, int] = (33, 17)) -> np.ndarray:
    """(height, width, 4) uint8, or float16 where the target says so, as its bytes lie."""
    spec = spec if isinstance(spec, TargetSpec) else TargetSpec(*spec)
    pixels = np.full(spec.pixel_bytes, 77, np.uint8)
    renderer.render(what, [(spec, pixels)])
    kind = np.float16 if spec.format is PixelFormat.RGBA16F else np.uint8
    return pixels.view(kind).reshape(spec.height, spec.width, 4)


def apart(a: np.ndarray, b: np.ndarray) -> int:
    """Largest difference in levels of 255."""
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def constant(level: float, inputs: tuple[str, ...] = ("x", "y")) -> Network:
    """A network that draws one grey, `level` in 0..1 (0 and 1: as near as float32 weights get)."""
    shape = Shape(inputs, (("tanh",) * 4,))
    level = min(max(level, 1e-12), 1 - 1e-12)
    bias = np.full(3, np.log(level / (1 - level)), np.float32)
    tensors = (np.zeros((4, len(inputs))), np.zeros(4), np.zeros((3, 4)), bias)
    return Network(shape, tuple(np.asarray(t, np.float32) for t in tensors))


def tiles(width: int, height: int, columns: list[int], rows: list[int]) -> list[TargetSpec]:
    """Specs of the tiles between the given cuts."""
    xs, ys = [0, *columns, width], [0, *rows, height]
    return [
        TargetSpec(x1 - x0, y1 - y0, crop=Crop(x0, y0, width, height))
        for y0, y1 in pairwise(ys)
        for x0, x1 in pairwise(xs)
    ]


def with_format(spec: TargetSpec, **more) -> TargetSpec:
    return replace(spec, **more)

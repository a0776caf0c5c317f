"""Fields as inputs: what each one costs, and the sheet of pictures in docs/images.

    python bench/fields.py cost            time of a frame with each field against none, and what was predicted
    python bench/fields.py sheet OUT.png   every channel in four shapes, grey

Cost is processor time of one thread, so that other work on the machine changes little; ratios count.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from morphogen.field import geometry
from morphogen.field.inputs import FIELDS, FRAME_INPUTS
from morphogen.field.network import init_glow, preset
from morphogen.field.scene import Scene
from morphogen.frame import TargetSpec
from morphogen.render import create
from morphogen.render.cost import Bill

FRAMES, SIZE = 15, (1920, 1080)
TILE = (144, 81)
SIGNED = (
    "swirl_x", "swirl_y", "warp_x", "warp_y", "rays", "noise", "clouds", "cell_id", "stamp_x", "stamp_y", "stamp_id",
    "mandelbrot", "julia", "plasma", "plasma_cross", "labyrinth", "tunnel", "tile_id", "cell_light", "plasma_light",
    "labyrinth_light", "tile_light", "blob_light", "mandelbrot_light", "julia_light",
)  # fmt: skip
# Four shapes of each field: parameters that are changed.
SHAPES: dict[str, list[dict[str, float]]] = {
    "swirl": [{}, {"rate": 0.6}, {"rate": -0.2, "turn": 0.3}, {"rate": 1.0, "core": 0.2}],
    "warp": [{}, {"seed": 2}, {"seed": 3, "amount": 0.9}, {"seed": 1, "scale": 2.2}],
    "rays": [{}, {"seed": 1, "count": 16}, {"seed": 2, "twist": 0.4}, {"seed": 3, "wander": 0.8}],
    "noise": [{}, {"seed": 1, "scale": 5}, {"seed": 2, "bend": 0.9}, {"seed": 3, "bend": 1.2}],
    "cells": [{}, {"seed": 1, "scale": 6}, {"seed": 2, "loose": 0.4}, {"seed": 3, "scale": 2}],
    "stamps": [{}, {"seed": 1, "length": 0}, {"seed": 2, "length": 0.45, "size": 0.09}, {"seed": 3, "scale": 5}],
    "branch": [{}, {"seed": 4}, {"seed": 8, "growth": 0.6}, {"seed": 10, "thickness": 1.8}],
    "neuron": [{}, {"seed": 4}, {"seed": 11, "growth": 0.6}, {"seed": 8, "thickness": 1.8}],
    "stars": [
        {"size": 3}, {"seed": 1, "size": 2, "scale": 9}, {"seed": 2, "size": 4, "density": 0.3},
        {"seed": 3, "size": 2.5, "scale": 7, "density": 1},
    ],
    "plasma": [{"seed": 3}, {"seed": 1, "scale": 2}, {"seed": 2, "bend": 0.2, "rings": 3}, {"seed": 4, "rings": 0}],
    "labyrinth": [{}, {"seed": 1, "spots": 0.6}, {"seed": 2, "order": 0.5, "bend": 1.2}, {"seed": 3, "scale": 11}],
    "tunnel": [
        {}, {"segments": 3, "rings": 0.8}, {"segments": 12, "twist": 0.3, "sharp": 3}, {"bend": 1.6, "core": 0.2},
    ],
    "tiles": [
        {}, {"sides": 4, "scale": 5, "spin": 0.1}, {"sides": 5, "round": 1, "scale": 2}, {"sides": 6, "turn": 0.06},
    ],
    "blobs": [{}, {"seed": 1, "scale": 4}, {"seed": 2, "size": 1}, {"seed": 3, "size": 0.4, "scale": 3}],
    "mandelbrot": [{"zoom": 0}, {}, {"place": 5, "zoom": 40}, {"place": 4, "zoom": 12}],
    "julia": [
        {"place": 0, "swing": 0.3, "reach": 0.9}, {}, {"place": 0, "swing": 0.42, "reach": 1.12},
        {"swing": 0.4, "reach": 1.2},
    ],
    "flight": [
        {"size": 3}, {"seed": 1, "size": 2, "fly": 0.1}, {"seed": 2, "size": 4, "density": 0.3},
        {"seed": 3, "size": 2.5, "scale": 20, "density": 1},
    ],
}  # fmt: skip


def channel(name: str, field: str, changed: dict[str, float]) -> NDArray[np.uint8]:
    """One grey tile with its name."""
    width, height = TILE
    numbers = geometry.default((name,))
    for row, (_, parameter) in zip(numbers, geometry.rows((name,)), strict=True):
        row[0] = changed.get(parameter.name, row[0])
    x, y = np.meshgrid((np.arange(width) + 0.5 - width / 2) / height, (height / 2 - np.arange(height) - 0.5) / height)
    values = geometry.sample((name,), numbers, 0.5, {"x": x, "y": y}, {})[name]
    grey = values * 2 if name == "cell_edge" else (values + 1) / 2 if name in SIGNED else values
    image = Image.fromarray(np.uint8(np.rint(np.clip(grey, 0, 1) * 31) * 255 / 31))
    if changed == SHAPES[field][0]:
        ImageDraw.Draw(image).text((3, 1), name, fill=255, stroke_width=1, stroke_fill=0)
    return np.asarray(image)


def sheet(path: Path) -> None:
    """All channels in two columns of four."""
    rows = [
        np.hstack([channel(name, field, changed) for changed in SHAPES[field]])
        for field in SHAPES
        for name in FIELDS[field].channels
    ]
    half = -(-len(rows) // 2)
    rows += [np.zeros_like(rows[0])] * (2 * half - len(rows))
    whole = np.hstack([np.vstack(rows[:half]), np.vstack(rows[half:])])
    Image.fromarray(whole).quantize(32).save(path, optimize=True)


def cost() -> None:
    """A 3L_8D palette network with each field's channels, on one thread."""
    renderer = create("cpu", 1)
    spec = TargetSpec(*SIZE)
    pixels = np.zeros(spec.pixel_bytes, np.uint8)
    cases = {"none": ()} | {name: tuple(field.channels) for name, field in FIELDS.items() if field.parameters}
    networks = {
        name: init_glow(preset("3L_8D", ("x", "y", "r", *channels, *FRAME_INPUTS), "palette"), 3)
        for name, channels in cases.items()
    }
    best = dict.fromkeys(cases, float("inf"))
    for frame in range(FRAMES):
        for name, network in networks.items():
            scene = Scene((network,), {"time": frame / 60})
            renderer.prepare(scene.program)
            start = time.process_time()
            renderer.render(scene, [(spec, pixels)])
            best[name] = min(best[name], time.process_time() - start)
    bare = Bill.of([networks["none"].shape]).small
    for name, network in networks.items():
        predicted = Bill.of([network.shape]).small / bare
        print(f"{name:8} {1e3 * best[name]:7.2f} ms  x {best[name] / best['none']:.2f}  predicted x {predicted:.2f}")


def main(argv: Sequence[str]) -> int:
    """Exit status."""
    if argv[:1] == ["cost"]:
        cost()
    elif argv[:1] == ["sheet"] and len(argv) == 2:
        sheet(Path(argv[1]))
    else:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""What samples do to fine patterns: `python bench/aliasing.py` draws docs/images/aliasing.png and prints the figures.

A network of gain 5, seen from far, changes by whole colours within a pixel. Drawn with 1, 4 and 16 samples a pixel, and
beside it the mean of 64 pictures' worth of pixels in each.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from morphogen.field.network import init_glow, preset
from morphogen.field.scene import SAMPLES, Scene, View
from morphogen.frame import TargetSpec
from morphogen.render import create

TARGET = Path(__file__).parents[1] / "docs" / "images" / "aliasing.png"
WIDTH, HEIGHT, PART, LARGE, FINE = 640, 360, (96, 54), 4, 8
VALUES = {"time": 4.0, "bass": 0.4, "mid": 0.3, "treble": 0.3, "rms": 0.4}
ROUNDS = 9


def drawn(renderer: object, scene: Scene, width: int, height: int) -> NDArray[np.float64]:
    """(height, width, 3) levels."""
    spec = TargetSpec(width, height)
    pixels = np.zeros(spec.pixel_bytes, np.uint8)
    renderer.render(scene, [(spec, pixels)])  # type: ignore[attr-defined]
    return pixels.reshape(height, width, 4)[..., :3].astype(np.float64)


def main() -> None:
    renderer = create("cpu", 2)
    scene = Scene((init_glow(preset("3L_4D"), 11),), VALUES, view=View(0.15), dither=False)
    truth = drawn(renderer, scene, WIDTH * FINE, HEIGHT * FINE)
    truth = truth.reshape(HEIGHT, FINE, WIDTH, FINE, 3).mean(axis=(1, 3))
    left, top = (WIDTH - PART[0]) // 2, (HEIGHT - PART[1]) // 2
    cuts, seconds = [], {}
    for samples in SAMPLES:
        one = replace(scene, samples=samples)
        seen, took = drawn(renderer, one, WIDTH, HEIGHT), []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            drawn(renderer, one, WIDTH, HEIGHT)
            took.append(time.perf_counter() - start)
        seconds[samples] = min(took)
        error = np.abs(seen - truth)
        worst, ratio = np.percentile(error, 99), seconds[samples] / seconds[1]
        print(
            f"{samples:2} samples: {error.mean():.2f} levels off, {worst:.0f} in the worst hundredth, {ratio:.1f} times"
        )
        cuts.append(seen[top : top + PART[1], left : left + PART[0]])
    cuts.append(truth[top : top + PART[1], left : left + PART[0]])
    gap = np.full((PART[1], 2, 3), 255.0)
    row = np.concatenate([part for cut in cuts for part in (cut, gap)][:-1], axis=1)
    picture = Image.fromarray(np.round(row).astype(np.uint8))
    picture.resize((picture.width * LARGE, picture.height * LARGE), Image.Resampling.NEAREST).save(
        TARGET, optimize=True
    )
    renderer.close()


if __name__ == "__main__":
    main()

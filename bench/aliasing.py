"""What samples do to fine patterns, and what they cost: draws pictures of the docs and prints the figures.

    python bench/aliasing.py          docs/images/aliasing.png: 1, 4 and 16 samples, and the mean of 64 pixels in each
    python bench/aliasing.py --cost   docs/images/samples.png: where they are taken; and what they cost, style by style

The second way, times are of the processor, of one thread, the least of several, so that a busy machine changes little;
each is the middle quarter of 1920 x 1080. `all` is as if every pixel were steep.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from morphogen.field.network import init_glow, preset
from morphogen.field.scene import SAMPLES, Scene, View
from morphogen.frame import Crop, PixelFormat, TargetSpec
from morphogen.library.find import Library
from morphogen.render import create
from morphogen.render.cpu import passes
from morphogen.render.supersample import PATTERNS, numbers

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTH, HEIGHT, PART, LARGE, FINE = 640, 360, (96, 54), 4, 8
VALUES = {"time": 4.0, "bass": 0.4, "mid": 0.3, "treble": 0.3, "rms": 0.4}
ROUNDS = 7
CANVAS, MIDDLE = (1920, 1080), (960, 540)
STYLES = ("starter/abyss", "cosmic/galaxy", "organic/neurons", "starter/velvet", "pattern/voronoi", "pattern/fractal")
SHOWN = "pattern/fractal"
SHADES = np.array(((18, 22, 40), (66, 84, 150), (255, 214, 120)), np.uint8)  # the first few; the rest beside; steep


def drawn(renderer: Any, scene: Scene, spec: TargetSpec) -> NDArray[np.float64]:
    """(height, width, 3) levels."""
    pixels = np.zeros(spec.pixel_bytes, np.uint8)
    renderer.render(scene, [(spec, pixels)])
    if spec.format is PixelFormat.RGBA16F:
        return pixels.view(np.float16).reshape(spec.height, spec.width, 4)[..., :3].astype(np.float64) * 255
    return pixels.reshape(spec.height, spec.width, 4)[..., :3].astype(np.float64)


def wild() -> Scene:
    """A network of gain 5, seen from far: it changes by whole colours within a pixel."""
    return Scene((init_glow(preset("3L_4D"), 11),), VALUES, view=View(0.15), dither=False)


def fidelity(renderer: Any) -> None:
    """How far the pictures are from what lies in a pixel; cuts of them, side by side."""
    scene, spec = wild(), TargetSpec(WIDTH, HEIGHT)
    truth = drawn(renderer, scene, TargetSpec(WIDTH * FINE, HEIGHT * FINE))
    truth = truth.reshape(HEIGHT, FINE, WIDTH, FINE, 3).mean(axis=(1, 3))
    left, top = (WIDTH - PART[0]) // 2, (HEIGHT - PART[1]) // 2
    seen = {samples: drawn(renderer, replace(scene, samples=samples), spec) for samples in SAMPLES}
    for samples, picture in seen.items():
        error = np.abs(picture - truth)
        print(
            f"{samples:2} samples: {error.mean():.2f} levels off, {np.percentile(error, 99):.0f} in the worst hundredth"
        )
    gap = np.full((PART[1], 2, 3), 255.0)
    cuts = [picture[top : top + PART[1], left : left + PART[0]] for picture in (*seen.values(), truth)]
    row = np.concatenate([part for cut in cuts for part in (cut, gap)][:-1], axis=1)
    picture = Image.fromarray(np.round(row).astype(np.uint8))
    large = picture.resize((picture.width * LARGE, picture.height * LARGE), Image.Resampling.NEAREST)
    large.save(IMAGES / "aliasing.png", optimize=True)


@contextmanager
def everywhere() -> Iterator[None]:
    """As if every pixel were steep (where all its first samples are alike to the last bit, it still is not)."""
    kept = dict(passes._PATTERNS)
    passes._PATTERNS.update({n: numbers(replace(PATTERNS[n], steep=1e-6)) for n in SAMPLES[1:]})
    yield
    passes._PATTERNS.update(kept)


def seconds(renderer: Any, scene: Scene) -> tuple[float, float]:
    """(time of the processor for a picture, samples a pixel)."""
    spec, took = middle(), []
    for _ in range(ROUNDS):
        start = time.process_time()
        drawn(renderer, scene, spec)
        took.append(time.process_time() - start)
    return min(took), renderer.describe()["taken"]


def middle(fine: int = 1, kind: PixelFormat = PixelFormat.RGBA8) -> TargetSpec:
    """The middle of the canvas, `fine` times as large."""
    (width, height), (w, h) = CANVAS, MIDDLE
    place = Crop((width - w) // 2 * fine, (height - h) // 2 * fine, width * fine, height * fine)
    return TargetSpec(w * fine, h * fine, kind, place)


def scenes() -> dict[str, Scene]:
    library = Library()
    found = {name: Scene((library.find(name).network,), VALUES) for name in STYLES}
    far = {f"{name}, zoom 0.3": replace(found[name], view=View(0.3)) for name in STYLES[:3]}
    return found | far | {"gain 5, zoom 0.15": wild()}


def cost() -> None:
    """A table: times a picture of one sample takes, and in brackets samples a pixel."""
    renderer = create("cpu", 1)
    print("| style | 2x2, all | 2x2 | 4x4, all | 4x4 |\n| --- | --- | --- | --- | --- |")
    for name, scene in scenes().items():
        one, _ = seconds(renderer, scene)
        cells = []
        for samples in SAMPLES[1:]:
            fine = replace(scene, samples=samples)
            with everywhere():
                cells.append(seconds(renderer, fine))
            cells.append(seconds(renderer, fine))
        print(f"| {name} |", " | ".join(f"{took / one:.1f} ({taken:.1f})" for took, taken in cells), "|", flush=True)
    renderer.close()


def heat(renderer: Any) -> None:
    """A style with 16 samples, and beside it where they were taken."""
    scene = Scene((Library().find(SHOWN).network,), VALUES, dither=False)
    (width, height), pattern = MIDDLE, PATTERNS[16]
    grid = drawn(renderer, scene, middle(4, PixelFormat.RGBA16F)).reshape(height, 4, width, 4, 3)
    places = [(round(4 * y + 1.5), round(4 * x + 1.5)) for x, y in pattern.offsets[: pattern.first]]
    few = np.stack([grid[:, y, :, x] for y, x in places])
    steep = np.abs(few - few[0]).max(axis=(0, 3)) > pattern.steep
    run = renderer.target.width
    runs = np.repeat(steep.reshape(height, -1, run).any(axis=2), run, axis=1)
    result = drawn(renderer, replace(scene, samples=16), middle()).astype(np.uint8)
    shade = SHADES[runs.astype(int) + steep]
    gap = np.full((height, 4, 3), 255, np.uint8)
    Image.fromarray(np.concatenate([result, gap, shade], axis=1)).save(IMAGES / "samples.png", optimize=True)
    taken = renderer.describe()["taken"]
    print(f"{SHOWN}: {taken} samples a pixel; {steep.mean():.0%} of the pixels are steep, {runs.mean():.0%} take all")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cost", action="store_true")
    renderer = create("cpu", 2)
    if parser.parse_args().cost:
        cost()
        heat(renderer)
    else:
        fidelity(renderer)
    renderer.close()


if __name__ == "__main__":
    main()

"""What the dither does to a slow dark gradient, and what is left of it: `python bench/banding.py [-o FOLDER]`.

Prints the figures of docs/quality.md and writes its pictures, banding.png (the gradient before and after, sixteen times
as bright, and histograms) and banding-spectrum.png (the power spectrum of what the 8 bits add to the picture).
Drawn by the CPU backend; "exact" is the reference before it rounds. Takes about 3 s.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parent))

from morphogen.field.network import Network, Shape
from morphogen.field.scene import Scene
from morphogen.frame import TargetSpec
from morphogen.render import create, dither
from morphogen.render.numpy import NumpyRenderer
from style_sheets import DIM, INK, PAPER, font

SIZE = (960, 540)
SPAN = 512  # pixels of the square whose spectrum is taken; eight tiles of the dither's matrix
DARK, LIGHT = 1.0, 7.0  # levels of 255 at the edge and in the middle
GAIN = 16  # of the pictures; no screen shows seven levels of 255 on a page
CURVES = (("plain", "no dither", (255, 120, 100)), ("white", "white noise", (150, 150, 150)),
          ("ours", "blue noise: ours", (110, 190, 255)))  # fmt: skip
LOW = 1 / 16  # cycles a pixel: what is coarser than 16 pixels, where the eye is keenest at any distance from a wall
Array = NDArray[np.float64]


def glow() -> Network:
    """A grey light that falls off from the middle, LIGHT levels to DARK ones over one picture height."""
    middle, edge = (np.log(level / (255 - level)) for level in (LIGHT, DARK))
    tensors = (np.array([[1.0]]), np.zeros(1), np.full((3, 1), edge - middle), np.full(3, middle))
    return Network(Shape(("r",), (("identity",),)), tuple(np.float32(tensor) for tensor in tensors))


def drawn(size: tuple[int, int] = SIZE, backend: str = "cpu") -> dict[str, Array]:
    """Red in levels of 255, (height, width): `exact`, `plain` (rounded), `ours`, `white` (dithered by white noise)."""
    scene, spec = Scene((glow(),)), TargetSpec(*size)
    exact = NumpyRenderer().levels(replace(scene, dither=False), spec)[0] - 0.5
    found = {"exact": exact, "white": np.floor(exact + np.random.default_rng(1).random(exact.shape))}
    renderer = create(backend)
    for name in ("plain", "ours"):
        pixels = np.empty(spec.pixel_bytes, np.uint8)
        renderer.render(replace(scene, dither=name == "ours"), [(spec, pixels)])
        found[name] = pixels.reshape(spec.height, spec.width, 4)[..., 0].astype(np.float64)
    renderer.close()
    return found


# --- spectra


def spectrum(error: Array) -> Array:
    """Power in levels squared for each frequency, (n, n), zero in the middle; windowed, so that the borders of the
    square add nothing. White noise of variance v has v everywhere."""
    n = len(error)
    window = np.hanning(n + 1)[:n]
    window = np.outer(window, window)
    flat = error - (error * window).sum() / window.sum()
    return np.fft.fftshift(np.abs(np.fft.fft2(flat * window)) ** 2) / (window**2).sum()


def radial(power: Array) -> tuple[Array, Array]:
    """(frequencies in cycles a pixel, mean power) over rings one bin wide, up to a half."""
    n = len(power)
    away = np.hypot(*np.meshgrid(*2 * [np.arange(n) - n // 2])).round().astype(int)
    counts = np.bincount(away.ravel())[1 : n // 2 + 1]
    return np.arange(1, n // 2 + 1) / n, np.bincount(away.ravel(), power.ravel())[1 : n // 2 + 1] / counts


def square(error: Array) -> Array:
    """The middle of a picture, SPAN each way, or as much as there is."""
    n = min(SPAN, *error.shape)
    top, left = (error.shape[0] - n) // 2, (error.shape[1] - n) // 2
    return error[top : top + n, left : left + n]


def repetition() -> float:
    """The largest amplitude, in levels, at which any even grey shows the matrix's own period: the waves of 64 pixels
    along and across, over all greys between two levels."""
    table = dither.thresholds().astype(np.float64)
    worst = 0.0
    for share in (np.arange(256) + 0.5) / 256:
        waves = np.abs(np.fft.fft2(table < share)) * 2 / table.size
        worst = max(worst, waves[0, 1], waves[1, 0])
    return worst


def figures(found: Mapping[str, Array]) -> dict[str, dict[str, float]]:
    """rms: error of a pixel; low: its power below LOW, in levels squared; seen: rms of means over 16 x 16 pixels."""
    told = {}
    for name, _, _ in CURVES:
        error = square(found[name] - found["exact"])
        frequencies, power = radial(spectrum(error))
        n = len(error) // 16 * 16
        means = error[:n, :n].reshape(n // 16, 16, n // 16, 16).mean(axis=(1, 3))
        told[name] = {"rms": float(error.std()), "low": float(power[frequencies < LOW].mean()),
                      "seen": float(np.sqrt((means**2).mean()))}  # fmt: skip
    return told


# --- pictures


def before_and_after(found: Mapping[str, Array]) -> Image.Image:
    """Above the gradient, left rounded, right dithered; below histograms of means over 8 x 8 pixels."""
    height, width = found["plain"].shape
    sheet = Image.new("RGB", (width, height // 2 + 190), PAPER)
    draw = ImageDraw.Draw(sheet)
    for n, (name, title) in enumerate((("plain", "before: rounded"), ("ours", "after: dithered"))):
        half = found[name][height // 4 : height // 4 + height // 2, width // 4 : width // 4 + width // 2]
        bright = np.clip(half * GAIN, 0, 255).astype(np.uint8)
        left = n * width // 2
        sheet.paste(Image.fromarray(bright).convert("RGB"), (left, 0))
        draw.text((left + 8, 4), f"{title}, {GAIN} times as bright", INK, font(15))
        blocks = found[name][: height // 8 * 8, : width // 8 * 8].reshape(height // 8, 8, width // 8, 8).mean((1, 3))
        histogram(draw, (left + 20, height // 2 + 12, width // 2 - 40, 130), blocks.ravel())
    return sheet


def histogram(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], values: Array) -> None:
    """box: (left, top, width, height). Levels of 255 to the right."""
    left, top, width, height = box
    counts = np.histogram(values, bins=width // 2, range=(0, LIGHT + 0.5))[0]
    for n, count in enumerate(counts):
        tall = round(height * min(count / np.percentile(counts, 99.5), 1.0))
        draw.rectangle((left + 2 * n, top + height - tall, left + 2 * n + 1, top + height), (110, 190, 255))
    for level in range(int(LIGHT) + 1):
        at = left + level / (LIGHT + 0.5) * width
        draw.text((at - 3, top + height + 4), str(level), DIM, font(12))
    draw.text((left, top + height + 20), "mean of 8 x 8 pixels, levels of 255", DIM, font(12))


def spectra(found: Mapping[str, Array]) -> Image.Image:
    """The 2-D spectra side by side, brighter for each factor of ten, and the power by frequency under them."""
    powers = [(spectrum(square(found[name] - found["exact"])), title, ink) for name, title, ink in CURVES]
    side = 320
    sheet = Image.new("RGB", (3 * side, side + 330), PAPER)
    draw = ImageDraw.Draw(sheet)
    for n, (power, title, _) in enumerate(powers):
        grey = np.clip((np.log10(power + 1e-12) + 5.0) / 5.0 * 255, 0, 255).astype(np.uint8)
        sheet.paste(Image.fromarray(grey).resize((side - 8, side - 8), Image.Resampling.BOX), (n * side + 4, 24))
        draw.text((n * side + 6, 3), title, INK, font(15))
    box = (60, side + 40, 3 * side - 90, 230)
    for power, title, ink in powers:
        curve(draw, box, *radial(power), ink)
        draw.text((box[0] + 700, box[1] + 10 + 18 * [p[1] for p in powers].index(title)), title, ink, font(14))
    for decade in range(-4, 3):
        at = box[1] + box[3] * (2 - decade) / 6
        draw.text((8, at - 7), f"1e{decade}", DIM, font(12))
    for frequency in (0.0, 0.125, 0.25, 0.375, 0.5):
        draw.text((box[0] + box[2] * 2 * frequency - 8, box[1] + box[3] + 6), f"{frequency:g}", DIM, font(12))
    draw.text((box[0], box[1] + box[3] + 24), "cycles a pixel; power in levels squared", DIM, font(12))
    return sheet


def curve(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], frequencies: Array, power: Array,
    ink: tuple[int, int, int],
) -> None:  # fmt: skip
    left, top, width, height = box
    high = np.clip((2 - np.log10(power + 1e-12)) / 6, 0, 1)
    points = [(left + width * 2 * f, top + height * h) for f, h in zip(frequencies, high, strict=True)]
    draw.line(points, ink, 2)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench/banding.py", description="What the dither does.")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images"), help="folder of the pictures")
    given = parser.parse_args(argv)
    given.output.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = drawn()
    for name, known in figures(found).items():
        print(f"{name:6} rms {known['rms']:.3f}  below {LOW:g} {known['low']:.5f}  16 x 16 means {known['seen']:.4f}")
    print(f"waves of {dither.SIZE} pixels: {repetition():.4f} levels at most")
    before_and_after(found).quantize(64).save(given.output / "banding.png", optimize=True)
    spectra(found).quantize(128).save(given.output / "banding-spectrum.png", optimize=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

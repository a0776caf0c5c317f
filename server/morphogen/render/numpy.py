"""The reference backend: the pixel program in float64, pixel by pixel as it is meant. Slow, and the truth.

It draws from unfolded weights, keeps its history in float64, and shares no arithmetic with compiled code beyond the
graph of view and grade.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.field import cppn
from morphogen.field.graph import Array, Evaluator
from morphogen.field.layers import UNDER
from morphogen.field.scene import ROW, SLOT, Pass, Program, Scene, scene_uniforms, seen, target_uniforms
from morphogen.frame import PixelFormat, TargetSpec
from morphogen.render import dither
from morphogen.render.supersample import PATTERNS, Offset, mean


class NumpyRenderer:
    """`contracts.Renderer` in NumPy float64. One thread; history is kept for each target spec."""

    name = "numpy"

    def __init__(self, threads: int = 0, cache: Path | None = None) -> None:
        self._history: dict[TargetSpec, tuple[int, list[Array]]] = {}
        self._frames = 0

    def prepare(self, program: Program) -> Program:
        return program

    def has(self, program: Program) -> bool:
        return True

    def limit(self, seconds: float) -> None:
        """The truth takes the time it takes."""

    def describe(self) -> dict[str, Any]:
        """For `stats` and `doctor`."""
        return {"backend": self.name, "precision": "float64"}

    def render(self, scene: Scene, targets: Sequence[tuple[TargetSpec, NDArray[np.uint8]]]) -> None:
        """Draw into each target's pixels (uint8, pixel_bytes long)."""
        self._frames += 1
        for spec, out in targets:
            half = spec.format is PixelFormat.RGBA16F
            pixels = out.view(np.float16 if half else np.uint8).reshape(spec.height, spec.width, 4)
            values = self.values(scene, spec) if half else np.floor(self.levels(scene, spec))
            order = (2, 1, 0, 3) if spec.format is PixelFormat.BGRA8 else (0, 1, 2, 3)
            for channel, value in zip(order, values, strict=True):
                pixels[..., channel] = value[:: -1 if spec.flip else 1]

    def levels(self, scene: Scene, spec: TargetSpec) -> Array:
        """(4, height, width) float64 before the floor to 8 bits; also moves the history on."""
        uniforms, what = target_uniforms(scene_uniforms(scene.passes[-1].scene), spec), scene.program
        rows, columns = _canvas(spec)
        *rgb, alpha = self._matted(scene, spec, uniforms)
        noise = dither.at(rows, columns) if scene.dither else [np.full(alpha.shape, 0.5)] * 3
        inputs = [{"value": value, "threshold": noise[c]} for c, value in enumerate(rgb)]
        cover = {"value": alpha, **dict(zip(("red", "green", "blue"), noise, strict=True))}
        found = [Evaluator(uniforms, known)(what.finish) for known in inputs]
        return np.stack([*found, np.broadcast_to(Evaluator(uniforms, cover)(what.alpha), alpha.shape)])

    def values(self, scene: Scene, spec: TargetSpec) -> Array:
        """(4, height, width) float64, 0..1, faded by the master, not dithered; also moves the history on."""
        uniforms = target_uniforms(scene_uniforms(scene.passes[-1].scene), spec)
        *rgb, alpha = self._matted(scene, spec, uniforms)
        return np.stack([*(c * (uniforms[SLOT["level"]] / 255) for c in rgb), alpha])

    def _matted(self, scene: Scene, spec: TargetSpec, uniforms: Array) -> list[Array]:
        rgba = self._picture(scene, spec, uniforms)
        matte = Evaluator(uniforms, dict(zip("rgba", rgba, strict=True)))
        return [np.broadcast_to(matte(node), rgba[0].shape) for node in scene.program.matte]

    def _picture(self, scene: Scene, spec: TargetSpec, uniforms: Array) -> list[Array]:
        """r, g, b and alpha after the blend with the past."""
        wide = any(shape.wide for one in scene.passes for shape in one.scene.program.shapes)
        samples, rgba = 1 if wide else scene.samples, list[Array]()
        for one in scene.passes:
            rgba = self._pass(one, spec, samples, rgba)
        blended = self._blend(scene, spec, rgba, float(uniforms[SLOT["keep"]]))
        if not uniforms[SLOT["four"]]:
            blended[3] = np.ones_like(blended[3])  # in the past as well
        return blended

    def _pass(self, one: Pass, spec: TargetSpec, samples: int, below: list[Array]) -> list[Array]:
        """r, g, b and alpha of one pass over what lies below it."""
        uniforms, pattern = target_uniforms(scene_uniforms(one.scene, one.over), spec), PATTERNS[samples]
        under: dict[str, Any] = dict(zip(UNDER, below, strict=False))
        known = dict(under)
        channels = 4 if uniforms[SLOT["cover"]] else 3
        for i in range(len(one.scene.networks)):
            taken = [self._sample(one.scene, i, uniforms, spec, offset, under) for offset in pattern.offsets]
            known |= zip(seen(i), mean(np.array(taken), pattern, channels), strict=True)
        joined = Evaluator(uniforms, known)
        return [np.broadcast_to(joined(c), (spec.height, spec.width)) for c in one.scene.program.joined]

    def _sample(
        self, scene: Scene, index: int, uniforms: Array, spec: TargetSpec, offset: Offset, under: dict[str, Array]
    ) -> list[Array]:
        """r, g, b and alpha of one sample of one network's picture over what lies below."""
        rows, columns = _canvas(spec)
        py, px = np.meshgrid(rows + offset[1], columns + offset[0], indexing="ij")

        def network(index: int, xy: Sequence[Array]) -> list[Array]:
            x, y = (np.broadcast_to(a, px.shape) for a in xy)
            return cppn.evaluate(scene.networks[index], {"x": x, "y": y}, scene.values)

        row = Evaluator(uniforms, {"py": py})
        along = {name: row(node) for name, node in zip(ROW, scene.program.row, strict=True)}
        known = {"px": px, "py": py, **along, **under}
        colour = Evaluator(uniforms, known, network, scene.colours.table.values)
        return [np.broadcast_to(colour(c), px.shape) for c in scene.program.pictures[index]]

    def _blend(self, scene: Scene, spec: TargetSpec, rgb: list[Array], keep: float) -> list[Array]:
        past = self._history.pop(spec, None)
        if scene.trail <= 1e-4:
            return rgb
        if past is not None:
            keep **= max(self._frames - past[0], 1)  # an output with a frame rate of its own skips frames
            rgb = [c + (p - c) * keep for c, p in zip(rgb, past[1], strict=True)]
        self._history[spec] = (self._frames, rgb)
        return rgb

    def close(self) -> None:
        self._history.clear()


def _canvas(spec: TargetSpec) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the canvas that a target shows."""
    return np.arange(spec.height) + spec.canvas.y, np.arange(spec.width) + spec.canvas.x

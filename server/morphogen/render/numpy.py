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
from morphogen.field.scene import ROW, SLOT, Program, Scene, scene_uniforms, target_uniforms
from morphogen.frame import PixelFormat, TargetSpec
from morphogen.render import dither
from morphogen.render.supersample import OFFSETS, Offset


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
        """r, g, b and alpha after the blend with the past, the mean of a pixel's samples."""
        wide = any(shape.wide for one in scene.passes for shape in one.scene.program.shapes)
        seen = [self._sample(scene, spec, offset) for offset in OFFSETS[1 if wide else scene.samples]]
        rgba = [np.mean(channel, axis=0) for channel in zip(*seen, strict=True)]
        blended = self._blend(scene, spec, rgba, float(uniforms[SLOT["keep"]]))
        if not uniforms[SLOT["four"]]:
            blended[3] = np.ones_like(blended[3])  # in the past as well
        return blended

    def _sample(self, scene: Scene, spec: TargetSpec, offset: Offset) -> list[Array]:
        rows, columns = _canvas(spec)
        py, px = np.meshgrid(rows.astype(float), columns.astype(float), indexing="ij")
        rgba: list[Array] = []
        for one in scene.passes:
            uniforms = target_uniforms(scene_uniforms(one.scene, one.over), spec, offset)
            rgba = self._colour(one.scene, uniforms, {"px": px, "py": py, **dict(zip(UNDER, rgba, strict=False))})
        return rgba

    def _colour(self, scene: Scene, uniforms: Array, known: dict[str, Any]) -> list[Array]:
        """r, g, b and alpha of one pass. known: px, py, and UNDER where something lies below."""
        size = known["px"].shape

        def network(index: int, xy: Sequence[Array]) -> list[Array]:
            x, y = (np.broadcast_to(a, size) for a in xy)
            return cppn.evaluate(scene.networks[index], {"x": x, "y": y}, scene.values)

        row = Evaluator(uniforms, {"py": known["py"]})
        known |= {name: row(node) for name, node in zip(ROW, scene.program.row, strict=True)}
        colour = Evaluator(uniforms, known, network, scene.colours.table.values)
        return [np.broadcast_to(colour(c), size) for c in scene.program.colour]

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

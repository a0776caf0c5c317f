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
            rgb = self.levels(scene, spec)
            pixels = out.reshape(spec.height, spec.width, 4)
            order = (2, 1, 0) if spec.format is PixelFormat.BGRA8 else (0, 1, 2)
            for channel, level in zip(order, np.floor(rgb), strict=True):
                pixels[..., channel] = level[:: -1 if spec.flip else 1]
            pixels[..., 3] = 255

    def levels(self, scene: Scene, spec: TargetSpec) -> Array:
        """(3, height, width) float64 before the floor to 8 bits; also moves the history on."""
        canvas = spec.canvas
        rows, columns = np.arange(spec.height) + canvas.y, np.arange(spec.width) + canvas.x
        py, px = np.meshgrid(rows.astype(float), columns.astype(float), indexing="ij")

        rgb: list[Array] = []
        for one in scene.passes:
            uniforms = target_uniforms(scene_uniforms(one.scene, one.over), spec)
            rgb = self._colour(one.scene, uniforms, {"px": px, "py": py, **dict(zip(UNDER, rgb, strict=False))})
        rgb = self._blend(scene, spec, rgb, float(uniforms[SLOT["keep"]]))
        noise = dither.at(rows, columns) if scene.dither else [np.float64(0.5)] * 3
        inputs: list[dict[str, Any]] = [{"value": value, "threshold": noise[c]} for c, value in enumerate(rgb)]
        return np.stack([Evaluator(uniforms, known)(scene.program.finish) for known in inputs])

    def _colour(self, scene: Scene, uniforms: Array, known: dict[str, Any]) -> list[Array]:
        """r, g, b of one pass. known: px, py, and UNDER where something lies below."""
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

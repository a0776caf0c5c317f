"""The CPU backend: the pixel program compiled by LLVM for this very processor, drawn by one thread a core.

Measured routes and why this one: research, kernels (1.7 times numba, 15 times a software OpenGL driver, 0.07 s to
compile a new shape). Kernels are cached by network shapes and released when unused.
"""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.clock import WallClock
from morphogen.errors import RenderError
from morphogen.field.scene import SLOT, Program, Scene, folded_networks, scene_uniforms, target_uniforms
from morphogen.frame import Crop, PixelFormat, TargetSpec
from morphogen.render import dither
from morphogen.render.bands import Job
from morphogen.render.cost import Governor
from morphogen.render.crew import Crew
from morphogen.render.kernel import SceneKernel
from morphogen.render.machine import Kernel, host_target, usable_cores
from morphogen.render.objects import ObjectStore
from morphogen.render.upscale import MARGIN, UpscaleKernel

CACHED_KERNELS = 24
KEPT_FRAMES = 120  # a history that was not drawn for so long is dropped: 25 MB at 1080p


class History:
    """Two sets of planes (3, height, width) uint16 for one target: the past is read while the present is written."""

    def __init__(self, spec: TargetSpec, width: int) -> None:
        self._planes = [np.zeros((3, spec.height, width), np.uint16) for _ in range(2)]
        self._newest = 0
        self.valid = False
        self.drawn = 0

    def turn(self) -> tuple[int, int]:
        """Addresses (past, present) for the frame that comes."""
        past, present = self._planes[self._newest], self._planes[1 - self._newest]
        self._newest = 1 - self._newest
        return past.ctypes.data, present.ctypes.data


class CpuRenderer:
    """`contracts.Renderer` on the CPU. `prepare` on any thread; the rest on the render thread."""

    name = "cpu"

    def __init__(self, threads: int = 0, cache: Path | None = None) -> None:
        """threads: 0 for all cores. cache: folder for compiled code, None to keep none."""
        self.threads = threads or len(usable_cores())
        self.target = host_target()
        self._objects = ObjectStore(cache / "kernels" if cache else None)
        self._kernels: OrderedDict[tuple[Any, ...], Kernel] = OrderedDict()
        self._lock = threading.Lock()
        self._crew = Crew(self.threads)
        self._history: dict[TargetSpec, History] = {}
        self._frames = 0
        self._counter = ctypes.c_int64(0)
        self._upscale: Kernel | None = None
        self._governor = Governor()
        self._clock = WallClock()
        size, pad = dither.SIZE, 2 * self.target.width
        wrapped = np.pad(dither.thresholds(), ((0, 0), (0, pad)), mode="wrap")
        self._thresholds = np.ascontiguousarray(wrapped, np.float32)
        self._flat = np.full((size, size + pad), 0.5, np.float32)

    def prepare(self, program: Program) -> Kernel:
        """Compile, or take from the cache. 0.15 to 0.4 s for a new shape: call it off the render thread first."""
        with self._lock:
            kernel = self._kernels.get(program.shapes)
            if kernel is not None:
                self._kernels.move_to_end(program.shapes)
                return kernel
        try:
            kernel = Kernel(SceneKernel, program, self.target, self._objects)
            if self._upscale is None:
                self._upscale = Kernel(UpscaleKernel, program, self.target, self._objects)
        except RuntimeError as error:
            raise RenderError(f"LLVM could not compile {program.shapes[0]}: {str(error)[:200]}") from error
        with self._lock:
            self._kernels[program.shapes] = kernel
            while len(self._kernels) > CACHED_KERNELS:
                self._kernels.popitem(last=False)
        return kernel

    def has(self, program: Program) -> bool:
        """Whether `prepare` would answer at once."""
        return program.shapes in self._kernels

    def limit(self, seconds: float) -> None:
        """How long a frame may take. When it would take longer, the largest pictures are drawn at half their width and
        height and scaled up (measured on the starters: 62 to 71 dB, at most 5 levels apart, 2.3 times as fast)."""
        self._governor.budget = seconds

    def render(self, scene: Scene, targets: Sequence[tuple[TargetSpec, NDArray[np.uint8]]]) -> None:
        """Draw into each target's pixels (uint8, pixel_bytes long)."""
        kernel = self.prepare(scene.program)
        slots, networks = scene_uniforms(scene), folded_networks(scene)
        self._frames += 1
        if self._history:
            self._forget(scene)
        specs, shapes = [spec for spec, _ in targets], scene.program.shapes
        halved = self._governor.plan(shapes, specs)
        start = self._clock.now()
        for spec, out in targets:
            draw = self._draw_half if spec in halved else self._draw
            draw(kernel, scene, slots, networks, spec, out)
        self._governor.measured(self._governor.slots(shapes, specs, halved), self._clock.now() - start)

    def _draw(
        self, kernel: Kernel, scene: Scene, slots: NDArray[np.float64], networks: NDArray[np.float32],
        spec: TargetSpec, out: NDArray[np.uint8],
    ) -> None:  # fmt: skip
        width = max(spec.width, self.target.width)  # a picture narrower than one vector is drawn wider, aside
        aside = np.empty((spec.height, width, 4), np.uint8) if width != spec.width else None
        job = self._job(scene, spec, out if aside is None else aside, width)
        self._run(kernel, job, scene, slots, networks, spec, scene.trail > 1e-4)
        if aside is not None:
            out.reshape(spec.height, spec.width, 4)[...] = aside[:, : spec.width]

    def _draw_half(
        self, kernel: Kernel, scene: Scene, slots: NDArray[np.float64], networks: NDArray[np.float32],
        spec: TargetSpec, out: NDArray[np.uint8],
    ) -> None:  # fmt: skip
        canvas, m = spec.canvas, MARGIN
        place = Crop(canvas.x // 2 - m, canvas.y // 2 - m, canvas.canvas_width // 2, canvas.canvas_height // 2)
        half = replace(spec, width=spec.width // 2 + 2 * m, height=spec.height // 2 + 2 * m, crop=place)
        samples = self._job(scene, half, out, half.width)
        samples.sampled = 1
        uniforms = self._run(kernel, samples, scene, slots, networks, half, True)
        assert self._upscale is not None
        job = self._job(scene, spec, out, spec.width)
        job.uniforms, job.past = uniforms.ctypes.data, samples.present
        self._counter.value = 0
        self._crew.run(self._upscale, job)

    def _run(
        self, kernel: Kernel, job: Job, scene: Scene, slots: NDArray[np.float64], networks: NDArray[np.float32],
        spec: TargetSpec, planes: bool,
    ) -> NDArray[np.float32]:  # fmt: skip
        """One job with its uniforms and its past; returns the uniforms, which must outlive it."""
        filled = target_uniforms(slots, spec)
        if planes:
            history = self._history.get(spec) or self._history.setdefault(spec, History(spec, job.width))
            job.past, job.present = history.turn()
            # An output with a frame rate of its own skips frames: its past is older by so many.
            filled[SLOT["keep"]] **= max(self._frames - history.drawn, 1)
            if not history.valid or scene.trail <= 1e-4:
                filled[SLOT["keep"]] = 0.0
            history.valid, history.drawn = scene.trail > 1e-4, self._frames
        uniforms = np.concatenate([filled.astype(np.float32), networks])
        job.uniforms = uniforms.ctypes.data
        self._counter.value = 0
        self._crew.run(kernel, job)
        return uniforms

    def _job(self, scene: Scene, spec: TargetSpec, pixels: NDArray[np.uint8], width: int) -> Job:
        bgra = spec.format is PixelFormat.BGRA8
        thresholds = self._thresholds if scene.dither else self._flat
        return Job(
            None, thresholds.ctypes.data, pixels.ctypes.data, width * 4, None, None, width, spec.height,
            spec.canvas.x, spec.canvas.y, 16 if bgra else 0, 0 if bgra else 16, int(spec.flip), 0,
            ctypes.addressof(self._counter),
        )  # fmt: skip

    def _forget(self, scene: Scene) -> None:
        """The past ends with the trail; planes that no picture needs any more go, with a trail a little later."""
        trail = scene.trail > 1e-4
        for spec, history in list(self._history.items()):
            history.valid = history.valid and trail
            if history.drawn < self._frames - (KEPT_FRAMES if trail else 1):
                del self._history[spec]

    def describe(self) -> dict[str, Any]:
        """For `stats` and `doctor`."""
        halved = [f"{s.width}x{s.height}" for s in self._governor.halved]
        return {
            "backend": "cpu", "simd": self.target.name, "processor": self.target.cpu, "threads": self.threads,
            "half": sorted(set(halved)),
        }  # fmt: skip

    def close(self) -> None:
        self._crew.close()
        self._kernels.clear()
        self._history.clear()

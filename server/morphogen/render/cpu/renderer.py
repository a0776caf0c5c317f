"""The CPU backend: the pixel program compiled by LLVM for this very processor, drawn by one thread a core.

Measured routes and why this one: research, kernels (1.7 times numba, 15 times a software OpenGL driver, 0.07 s to
compile a new shape). Kernels are cached by network shapes and released when unused. Wide networks: `render.wide`.
"""

from __future__ import annotations

import ctypes
import math
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
from morphogen.field.network import Shape
from morphogen.field.scene import SLOT, Pass, Program, Scene, program, scene_uniforms, target_uniforms
from morphogen.frame import Crop, PixelFormat, TargetSpec
from morphogen.render import dither
from morphogen.render.cost import Bill, Governor, Scales
from morphogen.render.cpu.bands import BandKernel, Job
from morphogen.render.cpu.crew import Crew
from morphogen.render.cpu.history import KEPT_FRAMES, History
from morphogen.render.cpu.kernel import SceneKernel
from morphogen.render.cpu.machine import Kernel, host_target, usable_cores
from morphogen.render.cpu.passes import Sheet, Shot, Shots, Tally, sample, to_planes
from morphogen.render.cpu.upscale import MARGIN, UPSCALES
from morphogen.render.objects import ObjectStore
from morphogen.render.supersample import Sampling, shares
from morphogen.render.wide.finish import SampledKernel
from morphogen.render.wide.painter import WidePainter
from morphogen.render.wide.samples import canonical, folded, sampled

CACHED_KERNELS = 64


class CpuRenderer:
    """`contracts.Renderer` on the CPU. `prepare` on any thread; the rest on the render thread."""

    name = "cpu"

    def __init__(self, threads: int = 0, cache: Path | None = None) -> None:
        """threads: 0 for all cores. cache: folder for compiled code, None to keep none."""
        self.threads = threads or len(usable_cores())
        self.target = host_target()
        self._objects = ObjectStore(cache / "kernels" if cache else None)
        self._kernels: OrderedDict[tuple[Shape, ...], Kernel] = OrderedDict()
        self._lock = threading.Lock()
        self._crew = Crew(self.threads)
        self._history: dict[tuple[TargetSpec, int], History] = {}  # by the depth of the pass
        self._frames = 0
        self._counter, self._steep, self._tally = ctypes.c_int64(0), ctypes.c_int64(0), Tally()
        self._upscales: dict[int, Kernel] = {}  # by factor
        self._wide = WidePainter(self.target.width, self._crew, self.threads, self._made)
        self._governor, self._sampling, self._samples = Governor(), Sampling(), 1
        self._tried = False
        self._clock = WallClock()
        size, pad = dither.SIZE, 2 * self.target.width
        wrapped = np.pad(dither.thresholds(), ((0, 0), (0, pad)), mode="wrap")
        self._thresholds = np.ascontiguousarray(wrapped, np.float32)
        self._flat = np.full((size, size + pad), 0.5, np.float32)

    def _made(self, kind: type[BandKernel], what: Program) -> Kernel:
        return Kernel(kind, what, self.target, self._objects)

    def prepare(self, program: Program) -> Kernel:
        """Compile, or take from the cache. 0.15 to 0.4 s for a new shape (wide ones are all one shape): call it off the
        render thread first. Two small networks need no program of their own (`_exposed`)."""
        wide = any(shape.wide for shape in program.shapes)
        try:
            if wide:
                self._wide.prepare(program.shapes)
            return [self._kernel(shapes) for shapes in self._needed(program.shapes)][-1]
        except RuntimeError as error:
            raise RenderError(f"LLVM could not compile {program.shapes[0]}: {str(error)[:200]}") from error

    def _needed(self, shapes: tuple[Shape, ...]) -> Sequence[tuple[Shape, ...]]:
        """What must be compiled to draw these."""
        if not any(shape.wide for shape in shapes):
            return [(shape,) for shape in shapes]
        return canonical(shapes, whole=False), canonical(shapes)  # a fade from small to wide, on a slow machine

    def _kernel(self, shapes: tuple[Shape, ...]) -> Kernel:
        with self._lock:
            kernel = self._kernels.get(shapes)
            if kernel is not None:
                self._kernels.move_to_end(shapes)
                return kernel
        kernel = self._compiled(shapes)
        with self._lock:
            self._kernels[shapes] = kernel
            while len(self._kernels) > CACHED_KERNELS:
                self._kernels.popitem(last=False)
        return kernel

    def _compiled(self, shapes: tuple[Shape, ...]) -> Kernel:
        what, wide = program(shapes), any(map(sampled, shapes))
        kernel = self._made(SampledKernel if wide else SceneKernel, what)
        for kind in UPSCALES:
            if kind.factor not in self._upscales:
                self._upscales[kind.factor] = self._made(kind, what)
        if wide and not self._tried:
            self._tried = True
            self._governor.expect(self._wide.trial())
        return kernel

    def has(self, program: Program) -> bool:
        """Whether `prepare` would answer at once."""
        wide = any(shape.wide for shape in program.shapes)
        made = all(shapes in self._kernels for shapes in self._needed(program.shapes))
        return made and (not wide or self._wide.has(program.shapes))

    def limit(self, seconds: float) -> None:
        """How long a frame may take. When it would take longer, the largest pictures are drawn at half their width and
        height and scaled up (measured on the starters: 62 to 71 dB, at most 5 levels apart, 2.3 times as fast); where
        that does not do, at a third; with wide networks from a sample for each 2 x 2 to 32 x 32 pixels."""
        self._governor.budget = self._sampling.budget = seconds

    def render(self, scene: Scene, targets: Sequence[tuple[TargetSpec, NDArray[np.uint8]]]) -> None:
        """Draw into each target's pixels (uint8, pixel_bytes long)."""
        passes, specs = scene.passes, [spec for spec, _ in targets]
        shapes = tuple(shape for one in passes for shape in one.scene.program.shapes)
        for one in passes:
            self.prepare(one.scene.program)
        scales = self._governor.plan(shapes, specs)
        alone = bool(scales) or any(shape.wide for shape in shapes)
        self._samples = 1 if alone else self._sampling.plan(scene.samples, _work(shapes, specs))
        self._frames += 1
        if self._history:
            self._forget(scene)
        start = self._clock.now()
        self._tally = Tally()
        sheets = [self._sheet(one, len(passes) - 1 - i) for i, one in enumerate(passes)]
        wide = any(sheet.inner for sheet in sheets)
        if not wide:
            self._wide.rest()
        for spec, out in targets:
            if spec in scales and not wide:
                self._draw_small(sheets, spec, out, scales[spec])
            else:
                self._draw(sheets, spec, out, scales.get(spec, 1))
        self._measured(shapes, specs, scales, self._clock.now() - start)

    def _measured(self, shapes: Sequence[Shape], specs: Sequence[TargetSpec], scales: Scales, seconds: float) -> None:
        """What a frame took, told to who decides about the next one."""
        if not scales and not any(shape.wide for shape in shapes):
            self._sampling.measured(self._tally.share, seconds)
        self._governor.measured(shapes, specs, scales, seconds / self._tally.taken, self._wide.spent())

    def _sheet(self, one: Pass, depth: int) -> Sheet:
        scene, shapes = one.scene, one.scene.program.shapes
        made = canonical(shapes, whole=self._governor.small == 1)
        wide = any(map(sampled, made))
        alone = [made] if wide else [(shape,) for shape in shapes]
        scenes = [scene] if wide else [replace(scene, networks=(network,)) for network in scene.networks]
        shots = [
            Shot(self._kernel(m), s, scene_uniforms(s, one.over), folded(s, m), depth)
            for m, s in zip(alone, scenes, strict=True)
        ]
        kinds = [shape.wide if sampled(m) else None for shape, m in zip(shapes, made, strict=True)]
        return Sheet(shots, kinds if wide else ())

    def _draw(self, sheets: Sequence[Sheet], spec: TargetSpec, out: NDArray[np.uint8], scale: int) -> None:
        """scale: inner scale of wide networks."""
        width = max(spec.width, self.target.width)  # a picture narrower than one vector is drawn wider, aside
        depth = spec.row_bytes // spec.width
        aside = np.empty((spec.height, width, depth), np.uint8) if width != spec.width else None
        job = self._job(sheets[-1].shots[0].scene, spec, out if aside is None else aside, width)
        sample(job, self._samples)
        self._painted(sheets, job, spec, scale)
        if aside is not None:
            out.reshape(spec.height, spec.width, depth)[...] = aside[:, : spec.width]

    def _painted(self, sheets: Sequence[Sheet], job: Job, spec: TargetSpec, scale: int = 1) -> NDArray[np.float32]:
        """Pass over pass, all but the last into planes. Returns uniforms that must outlive the job."""
        for sheet in sheets[:-1]:
            below = to_planes(job)
            self._pass(sheet, below, spec, scale)
            job.under = below.present
        return self._pass(sheets[-1], job, spec, scale)

    def _pass(self, sheet: Sheet, job: Job, spec: TargetSpec, scale: int) -> NDArray[np.float32]:
        first = sheet.shots[0]
        if not sheet.inner:
            return self._exposed(sheet.shots, job, spec)
        uniforms = self._filled(first, job, spec, bool(job.sampled) or first.scene.trail > 1e-4)
        self._wide.draw(first.kernel, job, uniforms, first.scene, spec, sheet.scales(scale, self._governor.small))
        return uniforms

    def _draw_small(self, sheets: Sequence[Sheet], spec: TargetSpec, out: NDArray[np.uint8], scale: int) -> None:
        """At 1 / scale of the width and height, then scaled up."""
        canvas, m, scene = spec.canvas, MARGIN, sheets[-1].shots[0].scene
        place = Crop(
            canvas.x // scale - m, canvas.y // scale - m, canvas.canvas_width // scale, canvas.canvas_height // scale
        )
        small = replace(spec, width=spec.width // scale + 2 * m, height=spec.height // scale + 2 * m, crop=place)
        samples = self._job(scene, small, out, small.width)
        samples.sampled = 1
        uniforms = self._painted(sheets, samples, small)
        job = self._job(scene, spec, out, spec.width)
        job.uniforms, job.past = uniforms.ctypes.data, samples.present
        self._run(self._upscales[scale], job)

    def _exposed(self, shots: Shots, job: Job, spec: TargetSpec) -> NDArray[np.float32]:
        """One picture, or the two of a cross-fade, the second over the first by the very blend that makes a trail: so
        none waits for a program of its own. Returns the last uniforms, which must outlive the job."""
        scene, over = shots[0].scene, None
        trail, fade = scene.trail > 1e-4, len(shots) == 2
        for shot in shots:
            here = job if shot is shots[-1] else to_planes(job)
            uniforms = self._filled(shot, here, spec, bool(here.sampled) or trail or fade)
            if fade:
                over = over or iter(shares((1.0 - scene.mix, scene.mix), float(uniforms[SLOT["keep"]])))
                uniforms[SLOT["trail"]], uniforms[SLOT["keep"]] = 1.0, 1.0 - next(over)
            self._sampled(shot.kernel, here)
        return uniforms

    def _sampled(self, kernel: Kernel, job: Job) -> None:
        """Draws, and counts what was taken."""
        runs = job.height * -(-job.width // self.target.width)
        self._steep.value, job.allowed = 0, math.ceil(self._sampling.allowed * runs)
        self._run(kernel, job)
        self._tally.add(runs, job.samples, self._steep.value)

    def _filled(self, shot: Shot, job: Job, spec: TargetSpec, planes: bool) -> NDArray[np.float32]:
        """Gives a job its uniforms and its past; returns the uniforms, which must outlive it."""
        filled, trail = target_uniforms(shot.slots, spec), shot.scene.trail > 1e-4
        if planes:
            key = spec, shot.depth
            history = self._history.get(key) or self._history.setdefault(key, History(spec, job.width))
            job.past, job.present = history.turn(4 if filled[SLOT["four"]] else 3)
            # An output with a frame rate of its own skips frames: its past is older by so many.
            filled[SLOT["keep"]] **= max(self._frames - history.drawn, 1)
            if not history.valid or not trail:
                filled[SLOT["keep"]] = 0.0
            history.valid, history.drawn = trail, self._frames
        uniforms = np.concatenate([filled.astype(np.float32), shot.networks])
        job.uniforms = uniforms.ctypes.data
        return uniforms

    def _run(self, kernel: Kernel, job: Job) -> None:
        self._counter.value = 0
        self._crew.run(kernel, job)

    def _job(self, scene: Scene, spec: TargetSpec, pixels: NDArray[np.uint8], width: int) -> Job:
        bgra = spec.format is PixelFormat.BGRA8
        thresholds = self._thresholds if scene.dither else self._flat
        job = Job(
            None, thresholds.ctypes.data, pixels.ctypes.data, width * spec.row_bytes // spec.width, None, None, width,
            spec.height,
            spec.canvas.x, spec.canvas.y, 16 if bgra else 0, 0 if bgra else 16, int(spec.flip), 0,
            ctypes.addressof(self._counter), int(spec.format is PixelFormat.RGBA16F),
            scene.colours.table.values.ctypes.data, steep=ctypes.addressof(self._steep),
        )  # fmt: skip
        sample(job, 1)
        return job

    def _forget(self, scene: Scene) -> None:
        """The past ends with the trail; planes that no picture needs any more go, with a trail a little later."""
        trail = scene.trail > 1e-4
        for key, history in list(self._history.items()):
            history.valid = history.valid and trail
            if history.drawn < self._frames - (KEPT_FRAMES if trail else 1):
                del self._history[key]

    def describe(self) -> dict[str, Any]:
        """For `stats` and `doctor`."""
        inner = {f"{spec.width}x{spec.height}": scale for spec, scale in self._governor.scales.items()}
        return {
            "backend": "cpu", "simd": self.target.name, "processor": self.target.cpu, "threads": self.threads,
            "samples": self._samples, "taken": round(self._tally.taken, 1), "inner": inner,
            "half": sorted(size for size, scale in inner.items() if scale == 2),
        }  # fmt: skip

    def close(self) -> None:
        self._crew.close()
        self._kernels.clear()
        self._history.clear()


def _work(shapes: Sequence[Shape], specs: Sequence[TargetSpec]) -> float:
    """Slots of one sample of every pixel."""
    return Bill.of(shapes).small * sum(spec.width * spec.height for spec in specs)

"""The CPU backend: the pixel program compiled by LLVM for this very processor, drawn by one thread a core.

Measured routes and why this one: research, kernels (1.7 times numba, 15 times a software OpenGL driver, 0.07 s to
compile a new shape). Kernels are cached by network shapes and released when unused.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from morphogen.clock import WallClock
from morphogen.errors import RenderError
from morphogen.field.scene import SLOT, Program, Scene, folded_networks, scene_uniforms, target_uniforms
from morphogen.frame import Crop, PixelFormat, TargetSpec
from morphogen.priority import first_in_line
from morphogen.render import dither
from morphogen.render.bands import BandKernel, Job
from morphogen.render.cost import Governor
from morphogen.render.kernel import SceneKernel
from morphogen.render.upscale import MARGIN, UpscaleKernel

CACHED_KERNELS = 24
KEPT_FRAMES = 120  # a history that was not drawn for so long is dropped: 25 MB at 1080p
_PROTOTYPE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_compile_lock = threading.Lock()


@dataclass(frozen=True)
class Target:
    """Which processor code is made for. width: pixels in one vector; name: for people."""

    cpu: str
    features: str
    width: int
    name: str


def host_target() -> Target:
    """The best target that this processor takes; MORPHOGEN_SIMD=avx2 or sse4.1 lowers it, for comparisons.

    Widths are measured: 64 on AVX-512 (32: 15 % slower), 32 on AVX2 (16: 10 to 20 % slower).
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    wish = os.environ.get("MORPHOGEN_SIMD", "")
    if wish == "sse4.1":
        return Target("x86-64", "+sse4.1,+ssse3", 16, wish)
    if wish == "avx2" and features.get("avx2"):
        return Target("haswell", "", 32, wish)
    wide = bool(features.get("avx512f") and features.get("avx512dq"))
    name = "avx512" if wide else "avx2" if features.get("avx2") else "neon" if features.get("neon") else "sse4.1"
    return Target(llvm.get_host_cpu_name(), features.flatten(), {"avx512": 64, "avx2": 32}.get(name, 16), name)


class Kernel:
    """Compiled machine code; callable from any thread, without the GIL."""

    def __init__(self, kind: Callable[..., BandKernel], program: Program, target: Target) -> None:
        with _compile_lock:  # llvmlite's contexts are not made for two compiling threads
            machine = llvm.Target.from_default_triple().create_target_machine(
                cpu=target.cpu, features=target.features, opt=3
            )
            layout, span = str(machine.target_data), 2 * target.width
            built = kind(program, target.width, span, llvm.get_process_triple(), layout)
            module = llvm.parse_assembly(built.build())
            module.verify()
            self._engine = llvm.create_mcjit_compiler(module, machine)
            self._engine.finalize_object()
        self.target = target
        self.run = _PROTOTYPE(self._engine.get_function_address("kernel"))


class Crew:
    """The caller and `threads - 1` workers run one job together; work is shared out inside the kernel."""

    def __init__(self, threads: int) -> None:
        self._work: list[tuple[Any, int]] = [(None, 0)]
        self._start = [threading.Semaphore(0) for _ in range(threads - 1)]
        self._done = threading.Semaphore(0)
        self._open = True
        self._threads = [
            threading.Thread(target=self._serve, args=(s,), name=f"render-{i}", daemon=True)
            for i, s in enumerate(self._start)
        ]
        for thread in self._threads:
            thread.start()

    def _serve(self, start: threading.Semaphore) -> None:
        with first_in_line():
            while True:
                start.acquire()
                if not self._open:
                    return
                run, job = self._work[0]
                run(job)
                self._done.release()

    def run(self, kernel: Kernel, job: Job) -> None:
        """Draw one job with all hands; returns when it is done."""
        address = ctypes.addressof(job)
        self._work[0] = (kernel.run, address)
        for start in self._start:
            start.release()
        kernel.run(address)
        for _ in self._start:
            self._done.acquire()

    def close(self) -> None:
        """End the workers; idempotent."""
        if self._open:
            self._open = False
            for start in self._start:
                start.release()
            for thread in self._threads:
                thread.join(1.0)


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

    def __init__(self, threads: int = 0) -> None:
        self.threads = threads or len(_usable_cores())
        self.target = host_target()
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
        """Compile, or take from the cache. About 0.1 s for a new shape: call it off the render thread first."""
        with self._lock:
            kernel = self._kernels.get(program.shapes)
            if kernel is not None:
                self._kernels.move_to_end(program.shapes)
                return kernel
        try:
            kernel = Kernel(SceneKernel, program, self.target)
            if self._upscale is None:
                self._upscale = Kernel(UpscaleKernel, program, self.target)
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


def _usable_cores() -> Sequence[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return range(os.cpu_count() or 1)

"""Wide networks on the CPU: samples on a grid of the canvas, expanded along rows, finished in the scene's kernel.

With one sample for `scale` by `scale` pixels. Samples lie in the middle of such blocks, counted from the canvas's
corner, so that tiles of one canvas take the same samples; at scale 1 they are the pixels. Large pictures are drawn in
strips of rows, so memory stays small whatever the size.
"""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from morphogen.clock import WallClock
from morphogen.field.network import Network, Shape, init_glow
from morphogen.field.scene import SCENE_SLOTS, Program, Scene, program
from morphogen.frame import TargetSpec
from morphogen.render.cpu.bands import BandKernel, Job
from morphogen.render.cpu.crew import Crew
from morphogen.render.cpu.machine import Kernel
from morphogen.render.wide.finish import ExpandJob, ExpandKernel, SampledJob
from morphogen.render.wide.kernel import TILINGS, FieldJob, FieldKernel
from morphogen.render.wide.pack import Layout, Pack
from morphogen.render.wide.samples import (
    ANGLE,
    IDLE_FRAMES,
    KEPT_PACKS,
    PHASES,
    SAMPLED,
    TAPS,
    TRIAL,
    Grid,
    columns,
    weights,
)

STRIP = 8 << 20  # bytes of samples at once: they stay in the last cache
TRIAL_SAMPLES = 2400


class WidePainter:
    """Draws targets with wide networks. Render thread, but for `prepare`. make: compiles a kernel, or finds it."""

    def __init__(
        self, width: int, crew: Crew, threads: int, make: Callable[[type[BandKernel], Program], Kernel]
    ) -> None:
        self._tiling = TILINGS[width]
        self._crew, self._threads, self._make = crew, threads, make
        self._layouts: dict[Shape, Layout] = {}
        self._kernels: dict[tuple[str, ...], Kernel] = {}  # by the columns that they compute
        self._expand: Kernel | None = None
        self._packs: OrderedDict[int, Pack] = OrderedDict()
        self._buffers: dict[str, NDArray[np.float32]] = {}
        self._counters = np.zeros(2, np.int64)
        self._unused = 0
        self._clock, self._sampling = WallClock(), 0.0

    def prepare(self, shapes: Sequence[Shape] = ()) -> bool:
        """Compile what all wide networks share, and what samples the fields of these; False: it was there. Any
        thread."""
        first = self._expand is None
        for inputs in {columns(()), *(columns(shape.inputs) for shape in shapes)} - self._kernels.keys():
            self._kernels[inputs] = self._make(FieldKernel, program((Shape(inputs, ()),)))
        if self._expand is None:
            self._expand = self._make(ExpandKernel, program((SAMPLED["rgb"],)))
        return first

    def has(self, shapes: Sequence[Shape]) -> bool:
        """Whether `prepare` would answer at once."""
        return all(columns(shape.inputs) in self._kernels for shape in shapes)

    def _layout(self, shape: Shape) -> Layout:
        layout = self._layouts.get(shape)
        if layout is None:
            layout = self._layouts[shape] = Layout(shape, self._tiling)
        return layout

    def trial(self) -> float:
        """Seconds that all threads together need for a multiply-add, from a millisecond's work of the calling thread;
        any thread. So that the first frame of the first wide style is already predicted."""
        kernel = self._kernels[columns(TRIAL.inputs)]
        pack, best = Pack(init_glow(TRIAL, 1), self._layout(TRIAL)).at({}), float("inf")
        planes, scratch = np.zeros(3 * TRIAL_SAMPLES, np.float32), np.zeros(pack.layout.room, np.float32)
        uniforms, grid = np.zeros(SCENE_SLOTS, np.float32), Grid(1, 0, 0, TRIAL_SAMPLES, 1, 0, 0)
        for _ in range(3):
            counters = np.zeros(2, np.int64)
            job = self._field_job(pack, grid, uniforms.ctypes.data, planes, scratch, counters)
            start = self._clock.now()
            kernel.run(ctypes.addressof(job))
            best = min(best, self._clock.now() - start)
        return best / (TRIAL_SAMPLES * pack.layout.work * self._threads)

    def rest(self) -> None:
        """A frame without wide networks was drawn."""
        self._unused += 1
        if self._unused > IDLE_FRAMES and self._buffers:
            self._buffers.clear()
            self._packs.clear()
            self._layouts.clear()

    def spent(self) -> float:
        """Seconds that went into samples since the last call."""
        spent, self._sampling = self._sampling, 0.0
        return spent

    def draw(
        self, finish: Kernel, job: Job, uniforms: NDArray[np.float32], scene: Scene, spec: TargetSpec,
        scales: Sequence[int],
    ) -> None:  # fmt: skip
        """Draw what `job` describes. uniforms: of the target, with the weights of networks that are not sampled.
        scales: of each network, 0 for those."""
        self._unused = 0
        packs = [self._pack(n).at(scene.values) if s else None for n, s in zip(scene.networks, scales, strict=True)]
        finest = min(scale for scale in scales if scale)
        row_bytes = 12 * (len(packs) + 1 / finest) * (job.width / finest + TAPS)
        height = max(min(int(STRIP / row_bytes), spec.height), 8)
        for top in range(0, spec.height, height):
            strip = self._strip(job, uniforms, spec, top, min(height, spec.height - top))
            for i, (pack, scale) in enumerate(zip(packs, scales, strict=True)):
                if pack is not None:
                    self._sample(strip, i, pack, Grid.of(strip.column, strip.row, strip.width, strip.height, scale))
            self._run(finish, strip)

    # --- inside

    def _pack(self, network: Network) -> Pack:
        """Weights in the kernel's order; kept by identity, since a network never changes (a morph makes new ones)."""
        pack = self._packs.get(id(network))
        if pack is None or pack.network is not network:
            pack = self._packs[id(network)] = Pack(network, self._layout(network.shape))
        self._packs.move_to_end(id(network))
        while len(self._packs) > KEPT_PACKS:
            self._packs.popitem(last=False)
        return pack

    def _strip(self, whole: Job, uniforms: NDArray[np.float32], spec: TargetSpec, top: int, height: int) -> SampledJob:
        """The job for `height` rows from `top` on."""
        job = SampledJob(*(getattr(whole, name) for name, *_ in Job._fields_))
        lines = spec.height - top - height if spec.flip else top
        job.out = whole.out + lines * whole.stride
        planes = (whole.past, whole.present, whole.under)
        job.past, job.present, job.under = (p and p + 2 * top * whole.width for p in planes)
        job.row, job.height, job.uniforms = whole.row + top, height, uniforms.ctypes.data
        job.history = whole.width * whole.height
        return job

    def _sample(self, strip: SampledJob, index: int, pack: Pack, grid: Grid) -> None:
        """Samples of network `index`, expanded along the rows, and where they lie into the strip's job."""
        assert self._expand is not None
        kernel = self._kernels[columns(pack.network.shape.inputs)]
        plane, size = grid.down * grid.pitch, max(grid.samples, self._tiling.panel)
        out, samples = self._buffer(f"expanded{index}", 3 * plane + 2 * PHASES), self._buffer("samples", 3 * size)
        scratch, table = self._buffer("scratch", self._threads * pack.layout.room), weights(grid.scale)
        start = self._clock.now()
        self._run(kernel, self._field_job(pack, grid, strip.uniforms, samples, scratch, self._counters))
        self._sampling += self._clock.now() - start
        job = ExpandJob(
            width=grid.across - TAPS + 1, height=3 * grid.down, source=samples.ctypes.data, target=out.ctypes.data,
            weights=table.ctypes.data, scale=grid.scale, rows=grid.down, source_plane=size, source_pitch=grid.across,
            target_plane=plane, target_pitch=grid.pitch,
        )  # fmt: skip
        self._run(self._expand, job)
        found = {"planes": out.ctypes.data + 4 * grid.shift, "phases": table.ctypes.data, "plane": plane,
                 "pitch": grid.pitch, "scale": grid.scale, "lead": grid.lead}  # fmt: skip
        for name, value in found.items():
            setattr(strip, f"{name}{index}", value)

    def _field_job(
        self, pack: Pack, grid: Grid, uniforms: int, planes: NDArray[np.float32], scratch: NDArray[np.float32],
        counters: NDArray[np.int64],
    ) -> FieldJob:  # fmt: skip
        layout, panel = pack.layout, self._tiling.panel
        return FieldJob(
            uniforms=uniforms, width=panel, height=-(-grid.samples // panel), counter=counters.ctypes.data,
            table=layout.table.ctypes.data, weights=pack.block.ctypes.data, scratch=scratch.ctypes.data,
            slot=counters.ctypes.data + 8, planes=planes.ctypes.data, groups=len(layout.table), room=layout.room,
            output=layout.output, plane=max(grid.samples, panel), samples=grid.samples, across=grid.across,
            left=2 * grid.scale * grid.left + grid.scale - 1, top=2 * grid.scale * grid.top + grid.scale - 1,
            step=2 * grid.scale, geometry=pack.geometry.ctypes.data, angle=ANGLE in pack.network.shape.inputs,
        )  # fmt: skip

    def _run(self, kernel: Kernel, job: Job) -> None:
        self._counters[:] = 0
        job.counter = self._counters.ctypes.data
        self._crew.run(kernel, job)

    def _buffer(self, name: str, floats: int) -> NDArray[np.float32]:
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < floats:
            buffer = self._buffers[name] = np.zeros(floats, np.float32)
        return buffer

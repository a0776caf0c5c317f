"""The CUDA backend: the pixel program on an NVIDIA card, through the driver alone.

A frame costs one launch and one asynchronous copy a target. The uniforms travel inside the launch; pixels come back
into page-locked memory and are copied from there to where they are wanted. (Page-locking the receivers' own buffers
would save that copy, 0.5 ms at 1080p, but they may be unmapped at any time by their owners.)
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import RenderError, StateError
from morphogen.field.colours import Table
from morphogen.field.scene import SCENE_SLOTS, SLOT, Pass, Program, Scene, scene_uniforms, target_uniforms
from morphogen.field.scene import program as program_of
from morphogen.frame import PixelFormat, TargetSpec
from morphogen.render import dither
from morphogen.render.cuda import pack, ptx
from morphogen.render.cuda.driver import Card, CardLost, Memory
from morphogen.render.cuda.frame import DeviceFrame
from morphogen.render.cuda.kernels import Kernel, Kernels
from morphogen.render.cuda.picture import Drawing, Picture, Sheet, Target
from morphogen.render.cuda.products import wished
from morphogen.render.cuda.wide import Timing, WidePainter
from morphogen.render.objects import ObjectStore
from morphogen.render.supersample import PATTERNS, numbers
from morphogen.render.wide.samples import canonical, folded, sampled

KEPT_FRAMES = 120  # what was not drawn for so long leaves the card: 33 MB at 1080p with a trail
VISIBLE_TRAIL = 1e-4  # seconds
ORDERS = {PixelFormat.RGBA8: pack.RGBA, PixelFormat.BGRA8: pack.BGRA, PixelFormat.RGBA16F: pack.HALVES}


class CudaRenderer:
    """`contracts.Renderer` on an NVIDIA card. Made and `prepare`d on any thread; all else on the render thread.

    Raises UsageError, Unavailable (no bindings, driver or card), RenderError with the driver's words, CardLost when the
    card's context is gone: then it is closed already.
    """

    name = "cuda"

    def __init__(self, threads: int = 0, cache: Path | None = None) -> None:
        products = wished()
        self._card = Card()
        self._kernels = Kernels(self._card, ObjectStore(cache))
        self._wide = WidePainter(self._card, self._kernels, products)
        self._pictures: dict[TargetSpec, Picture] = {}
        self._tables: WeakValueDictionary[tuple[int, int, bool], Memory] = WeakValueDictionary()
        self._table_of: tuple[Table | None, Memory | None] = (None, None)
        self._frames, self._samples = 0, 1
        self._patterns: dict[int, Memory] = {}

    def prepare(self, program: Program) -> Kernel:
        """Compile, or take from the store: 0.3 s for a new shape, half of it the driver's; 1 ms from the store. Wide
        ones are all one shape. Several samples a pixel are another kernel, made when they are first asked for and from
        then on with every program."""
        with self._on_card():
            return self._prepared(program, self._samples > 1)

    def _prepared(self, program: Program, several: bool) -> Kernel:
        wide = [shape for shape in program.shapes if shape.wide]
        if wide:
            self._wide.prepare(wide)
        return self._kernels.prepare(program_of(canonical(program.shapes)), several and not wide)

    def has(self, program: Program) -> bool:
        """Whether `prepare` would answer at once."""
        wide = any(shape.wide for shape in program.shapes)
        made = self._kernels.has(program_of(canonical(program.shapes)), self._samples > 1 and not wide)
        return made and (self._wide.ready or not wide)

    def limit(self, seconds: float) -> None:
        """How long a frame may take: wide networks are drawn from fewer samples where it would take longer. All else is
        never drawn less finely: an H100 draws the scene at 4K in 0.1 ms."""
        self._wide.governor.budget = seconds

    def render(self, scene: Scene, targets: Sequence[tuple[TargetSpec, NDArray[np.uint8]]]) -> None:
        """Draw into each target's pixels (uint8, pixel_bytes long)."""
        self.collect(self.submit(scene, [spec for spec, _ in targets]), [out for _, out in targets])

    def submit(self, scene: Scene, specs: Sequence[TargetSpec]) -> list[Drawing]:
        """Give a frame to the card and return; `collect` it later. Frames may overlap: collect them in order."""
        with self._closing_if_lost(), self._on_card():
            passes = scene.passes
            wide = any(shape.wide for one in passes for shape in one.scene.program.shapes)
            self._samples = 1 if wide else scene.samples
            sheets = [self._sheet(one, one is passes[-1]) for one in passes]
            self._frames += 1
            self._forget(scene)
            if not any(sheet.packs for sheet in sheets):
                self._wide.rest()
                return [self._draw(sheets, spec) for spec in specs]
            shapes = tuple(shape for one in passes for shape in one.scene.program.shapes)
            scales = self._wide.governor.plan(shapes, specs)
            return [self._draw(sheets, spec, scales.get(spec, 1)) for spec in specs]

    def _sheet(self, one: Pass, last: bool) -> Sheet:
        kernel, scene = self._prepared(one.scene.program, self._samples > 1), one.scene
        shapes = kernel.program.shapes
        packs = self._wide.begin(scene) if any(map(sampled, shapes)) else ()
        return Sheet(kernel, scene, scene_uniforms(scene, one.over), folded(scene, shapes), packs, last)

    def collect(self, token: Sequence[Drawing], outs: Sequence[NDArray[np.uint8]]) -> None:
        """Wait for a frame and copy it to `outs` (uint8, pixel_bytes long each). Waiting and copying let other
        threads run (cuda-bindings releases the GIL in every call)."""
        with self._closing_if_lost(), self._on_card():
            for drawing, out in zip(token, outs, strict=True):
                self._card.call("cuEventSynchronize", drawing.staging.event.handle)
                spec, picture = drawing.spec, drawing.picture
                rows = drawing.staging.bytes.reshape(spec.height, -1)[:, : spec.row_bytes]
                np.copyto(out.reshape(spec.height, -1), rows)
                picture.ready = drawing.pixels
                picture.staging.append(drawing.staging)
                for timing, shapes in drawing.timings:
                    self._wide.learn(timing, shapes)

    def device_frame(self, spec: TargetSpec) -> DeviceFrame:
        """The newest complete frame of a target where it lies, on the card. From then on two buffers take turns: it
        stays whole until the frame after the next is submitted. Raises StateError before the first frame."""
        picture = self._pictures.get(spec)
        if picture is None or picture.ready is None:
            raise StateError(
                f"No frame of {spec.width}x{spec.height} lies on the card yet.", "Ask again after the next frame."
            )
        picture.shared = True
        return DeviceFrame(picture.ready, spec, self._card.index)

    def ipc_handle(self, spec: TargetSpec) -> bytes:
        """64 bytes with which another process opens `device_frame` (cuIpcOpenMemHandle). Raises StateError."""
        frame = self.device_frame(spec)
        with self._on_card():
            handle = self._card.call("cuIpcGetMemHandle", frame.memory.handle)
        return ctypes.string_at(handle.getPtr(), 64)

    def describe(self) -> dict[str, Any]:
        """For `stats` and `doctor`."""
        card = self._card
        scales = self._wide.governor.scales.items()
        return {
            "backend": self.name, "adapter": card.name, "device": card.index, "software": False,
            "compute": "{}.{}".format(*card.capability), "driver": card.driver, "card_mb": round(card.memory / 1e6, 1),
            "products": self._wide.products.name, "inner": {f"{s.width}x{s.height}": scale for s, scale in scales},
        }  # fmt: skip

    def close(self) -> None:
        """Idempotent; frames on the card end with it."""
        self._pictures.clear()
        self._patterns.clear()
        self._table_of = (None, None)
        self._kernels.clear()
        self._wide.clear()
        self._card.close()

    @contextmanager
    def _on_card(self) -> Iterator[None]:
        if not self._card.is_open:
            raise RenderError("The CUDA backend is closed.", "Make a new one.")
        with self._card:
            yield

    @contextmanager
    def _closing_if_lost(self) -> Iterator[None]:
        try:
            yield
        except CardLost:
            self.close()
            raise

    def _draw(self, sheets: Sequence[Sheet], spec: TargetSpec, scale: int = 1) -> Drawing:
        """Launch one target, pass by pass, and send its pixels on their way. scale: of wide
        networks."""
        card = self._card
        picture = self._pictures.get(spec) or self._pictures.setdefault(spec, Picture(card, spec))
        scene = sheets[-1].scene
        pixels, picture.table, staging = picture.pixels(), self._table(spec, scene.dither), picture.host()
        colours, timings = self._loaded(scene.colours.table), []
        target = Target(spec, picture, pixels, colours, scale)
        trail = scene.trail > VISIBLE_TRAIL
        share = 1.0 - self._kept(picture, float(sheets[-1].slots[SLOT["keep"]]), trail)
        for sheet in sheets:
            timing = self._launch(sheet, target, share if trail else None)
            if timing is not None:
                timings.append((timing, sheet.scene.program.shapes))
        card.call("cuMemcpyDtoHAsync", staging.address, pixels.handle, pixels.size, card.stream)
        card.call("cuEventRecord", staging.event.handle, card.stream)
        picture.drawn(self._frames, blended=trail)
        kernels = tuple(sheet.kernel for sheet in sheets)
        return Drawing(spec, picture, pixels, staging, kernels, tuple(timings), colours)

    def _launch(self, sheet: Sheet, target: Target, share: float | None) -> Timing | None:
        """One pass into the stream; share: how much of it goes over what is there, None: all. Its block is read at
        once, so the next pass may use the same kernel."""
        card, kernel, picture, spec = self._card, sheet.kernel, target.picture, target.spec
        filled = target_uniforms(sheet.slots, spec)
        filled[SLOT["trail"]], filled[SLOT["keep"]] = share is not None, 1.0 - (share or 0.0)
        count = 4 if filled[SLOT["four"]] else 3
        planes = picture.planes(count) if sheet.last and share is not None else None
        assert picture.table is not None
        _fill(kernel.job, spec, target.pixels, picture.table, planes)
        kernel.job.table = target.colours.address
        if self._samples > 1:
            kernel.job.pattern = self._pattern(self._samples).address
            kernel.job.samples, kernel.job.first = self._samples, PATTERNS[self._samples].first
        if not sheet.last:  # a trail that keeps nothing: all that is drawn lies in the planes, too
            filled[SLOT["trail"]], filled[SLOT["keep"]] = 1.0, 0.0
            kernel.job.past = kernel.job.present = picture.under(count).address
        kernel.job.under = picture.under(count).address if filled[SLOT["layered"]] else 0
        with np.errstate(over="ignore"):  # what is not finite draws something, as on the CPU
            kernel.uniforms[:SCENE_SLOTS] = filled
        kernel.uniforms[SCENE_SLOTS:] = sheet.networks
        if kernel.constant is not None:
            card.call("cuMemcpyHtoDAsync", kernel.constant, kernel.uniforms.ctypes.data, kernel.uniforms.nbytes,
                      card.stream)  # fmt: skip
        timing = None
        if sheet.packs:
            timing = self._wide.sample(sheet.packs, spec, target.scale, kernel.uniforms[:SCENE_SLOTS], kernel.job)
        across, down = ptx.grid(kernel.program, spec.width, spec.height)
        card.call(
            "cuLaunchKernel", kernel.function, across, down, 1, *ptx.BLOCK, 1, 0, card.stream, kernel.arguments, 0
        )
        if timing is not None:
            timing.mark(2)
        return timing

    def _loaded(self, table: Table) -> Memory:
        """The scene's table on the card; sent when it is another one."""
        known, memory = self._table_of
        if memory is None or known is not table:
            memory = Memory(self._card, table.values.nbytes)
            self._card.call("cuMemcpyHtoDAsync", memory.handle, table.values.ctypes.data, table.values.nbytes,
                            self._card.stream)  # fmt: skip
            self._table_of = (table, memory)
        return memory

    def _pattern(self, samples: int) -> Memory:
        """Where the samples lie, on the card."""
        memory = self._patterns.get(samples)
        if memory is None:
            values = numbers(PATTERNS[samples])
            memory = self._patterns[samples] = Memory(self._card, values.nbytes)
            self._card.call("cuMemcpyHtoDAsync", memory.handle, values.ctypes.data, values.nbytes, self._card.stream)
        return memory

    def _kept(self, picture: Picture, keep: float, trail: bool) -> float:
        """How much of the past stays. An output with a frame rate of its own skips frames: its past is older by so
        many."""
        return keep ** max(self._frames - picture.blended, 1) if trail and picture.valid else 0.0

    def _forget(self, scene: Scene) -> None:
        """The past ends with the trail; pictures that nobody draws any more go a little later."""
        for spec, picture in list(self._pictures.items()):
            if picture.seen < self._frames - KEPT_FRAMES:
                del self._pictures[spec]
            elif scene.trail <= VISIBLE_TRAIL:
                picture.forget_past()
            if scene.layer is None:
                picture.forget_under()

    def _table(self, spec: TargetSpec, dithered: bool) -> Memory:
        """Thresholds (64, 3, 64) float32: row, channel, column from the target's own corner on."""
        canvas, size = spec.canvas, dither.SIZE
        key = (canvas.y % size, canvas.x % size, True) if dithered else (0, 0, False)
        table = self._tables.get(key)
        if table is None:
            rows, columns = (np.arange(size) + start for start in key[:2])
            values = dither.at(rows, columns).transpose(1, 0, 2) if dithered else np.full((size, 3, size), 0.5)
            block = np.ascontiguousarray(values, np.float32)
            table = Memory(self._card, block.nbytes)
            # In the stream: the plain copy may return before the data has arrived. Either has read `block` by then.
            self._card.call("cuMemcpyHtoDAsync", table.handle, block.ctypes.data, block.nbytes, self._card.stream)
            self._tables[key] = table
        return table


def _fill(job: ptx.Job, spec: TargetSpec, pixels: Memory, table: Memory, planes: tuple[Memory, Memory] | None) -> None:
    job.thresholds, job.out = table.address, pixels.address
    job.past, job.present = (plane.address for plane in planes) if planes else (0, 0)
    job.width, job.height, job.pitch = spec.width, spec.height, ptx.pitch(spec.width)
    job.column, job.row = spec.canvas.x, spec.canvas.y
    job.order = ORDERS[spec.format]
    job.flip = int(spec.flip)

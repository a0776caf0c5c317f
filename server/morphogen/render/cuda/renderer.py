"""The CUDA backend: the pixel program on an NVIDIA card, through the driver alone.

A frame costs one launch and one asynchronous copy a target. The uniforms travel inside the launch; pixels come back
into page-locked memory and are copied from there to where they are wanted. (Page-locking the receivers' own buffers
would save that copy, 0.5 ms at 1080p, but they may be unmapped at any time by their owners.)
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import RenderError, StateError
from morphogen.field.network import Shape
from morphogen.field.scene import SCENE_SLOTS, SLOT, Program, Scene, scene_uniforms, target_uniforms
from morphogen.field.scene import program as program_of
from morphogen.frame import PixelFormat, TargetSpec
from morphogen.render import dither
from morphogen.render.cuda import ptx
from morphogen.render.cuda.driver import Card, CardLost, Memory, Staging
from morphogen.render.cuda.frame import DeviceFrame
from morphogen.render.cuda.kernels import Kernel, Kernels
from morphogen.render.cuda.products import wished
from morphogen.render.cuda.wide import Packed, Timing, WidePainter
from morphogen.render.objects import ObjectStore
from morphogen.render.supersample import CENTRE, OFFSETS, shares
from morphogen.render.wide.samples import canonical, folded, sampled

KEPT_FRAMES = 120  # what was not drawn for so long leaves the card: 33 MB at 1080p with a trail
VISIBLE_TRAIL = 1e-4  # seconds
ORDERS = {PixelFormat.RGBA8: ptx.RGBA, PixelFormat.BGRA8: ptx.BGRA, PixelFormat.RGBA16F: ptx.HALVES}


class Picture:
    """What the card keeps of one target: the pixels, the past while there is a trail, and the dither's table.

    shared: someone reads the pixels on the card, so two buffers take turns. ready: the pixels of the newest frame that
    is complete. staging: host buffers that no frame is on its way to.
    """

    def __init__(self, card: Card, spec: TargetSpec) -> None:
        self._card = card
        self.area = ptx.pitch(spec.width) * spec.height
        self.bytes = self.area * spec.row_bytes // spec.width
        self._pixels = [Memory(card, self.bytes)]
        self._planes: list[Memory] = []
        self.staging: list[Staging] = []
        self.ready: Memory | None = None
        self.table: Memory | None = None
        self.shared = False
        self.valid = False
        self.blended = self.seen = 0  # frame numbers: last with a trail, last at all

    def pixels(self) -> Memory:
        """Where the frame that comes is drawn."""
        if self.shared and len(self._pixels) == 1:
            self._pixels.append(Memory(self._card, self.bytes))
        self._pixels.append(self._pixels.pop(0))
        return self._pixels[0]

    def planes(self) -> tuple[Memory, Memory]:
        """(past, present) for the frame that comes."""
        if not self._planes:
            self._planes = [Memory(self._card, 6 * self.area) for _ in range(2)]
        self._planes.reverse()
        return self._planes[0], self._planes[1]

    def drawn(self, frame: int, *, blended: bool) -> None:
        """A frame was given to the card."""
        self.seen = frame
        if blended:
            self.valid, self.blended = True, frame

    def forget_past(self, planes: bool = True) -> None:
        """A trail that begins anew begins from its first frame. planes: give back their memory too."""
        self.valid, self.blended = False, 0
        if planes:
            self._planes = []

    def host(self) -> Staging:
        """A host buffer for one frame."""
        return self.staging.pop() if self.staging else Staging(self._card, self.bytes)


@dataclass(frozen=True)
class Drawing:
    """One target of a frame that was given to the card. It keeps everything alive that the card works with."""

    spec: TargetSpec
    picture: Picture
    pixels: Memory
    staging: Staging
    kernel: Kernel
    shapes: tuple[Shape, ...]
    timing: Timing | None  # of wide networks


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
        self._frames = 0

    def prepare(self, program: Program) -> Kernel:
        """Compile, or take from the store: 0.3 s for a new shape, half of it the driver's; 1 ms from the store. Wide
        ones are all one shape."""
        with self._on_card():
            return self._prepared(program)

    def _prepared(self, program: Program) -> Kernel:
        if wide := [shape for shape in program.shapes if shape.wide]:
            self._wide.prepare(wide)
        return self._kernels.prepare(program_of(canonical(program.shapes)))

    def has(self, program: Program) -> bool:
        """Whether `prepare` would answer at once."""
        ready = self._wide.ready or not any(shape.wide for shape in program.shapes)
        return ready and program_of(canonical(program.shapes)) in self._kernels

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
            kernel = self._prepared(scene.program)
            slots, shapes = scene_uniforms(scene), kernel.program.shapes
            kernel.uniforms[SCENE_SLOTS:] = folded(scene, shapes)
            self._frames += 1
            self._forget(scene)
            if not any(map(sampled, shapes)):
                self._wide.rest()
                return [self._draw(kernel, scene, slots, spec) for spec in specs]
            packs, scales = self._wide.begin(scene), self._wide.governor.plan(scene.program.shapes, specs)
            return [self._draw(kernel, scene, slots, spec, packs, scales.get(spec, 1)) for spec in specs]

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
                if drawing.timing is not None:
                    self._wide.learn(drawing.timing, drawing.shapes)

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

    def _draw(
        self, kernel: Kernel, scene: Scene, slots: NDArray[np.float64], spec: TargetSpec,
        packs: Sequence[Packed | None] = (), scale: int = 1,
    ) -> Drawing:  # fmt: skip
        """Launch one target, sample by sample, and send its pixels on their way. packs, scale: of wide networks."""
        card = self._card
        picture = self._pictures.get(spec) or self._pictures.setdefault(spec, Picture(card, spec))
        pixels, picture.table, staging = picture.pixels(), self._table(spec, scene.dither), picture.host()
        offsets = CENTRE if packs else OFFSETS[scene.samples]
        trail = scene.trail > VISIBLE_TRAIL
        blended, timing = trail or len(offsets) > 1, None
        over = shares([1 / len(offsets)] * len(offsets), self._kept(picture, float(slots[SLOT["keep"]]), trail))
        for offset, share in zip(offsets, over, strict=True):
            filled = target_uniforms(slots, spec, offset)
            filled[SLOT["trail"]], filled[SLOT["keep"]] = blended, 1.0 - share
            with np.errstate(over="ignore"):  # what is not finite draws something, as on the CPU
                kernel.uniforms[:SCENE_SLOTS] = filled
            _fill(kernel.job, spec, pixels, picture.table, picture.planes() if blended else None)
            timing = self._launch(kernel, spec, packs, scale)
        card.call("cuMemcpyDtoHAsync", staging.address, pixels.handle, pixels.size, card.stream)
        card.call("cuEventRecord", staging.event.handle, card.stream)
        picture.drawn(self._frames, blended=trail)
        return Drawing(spec, picture, pixels, staging, kernel, scene.program.shapes, timing)

    def _launch(self, kernel: Kernel, spec: TargetSpec, packs: Sequence[Packed | None], scale: int) -> Timing | None:
        card = self._card
        if kernel.constant is not None:
            card.call("cuMemcpyHtoDAsync", kernel.constant, kernel.uniforms.ctypes.data, kernel.uniforms.nbytes,
                      card.stream)  # fmt: skip
        timing = self._wide.sample(packs, spec, scale, kernel.uniforms[:SCENE_SLOTS], kernel.job) if packs else None
        across, down = ptx.grid(kernel.program, spec.width, spec.height)
        card.call(
            "cuLaunchKernel", kernel.function, across, down, 1, *ptx.BLOCK, 1, 0, card.stream, kernel.arguments, 0
        )
        if timing is not None:
            timing.mark(2)
        return timing

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
                picture.forget_past(planes=scene.samples == 1)

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

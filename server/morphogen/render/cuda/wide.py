"""Wide networks on a card: fields sampled into planes before the scene's kernel finishes them, and what they cost.

At scale 1 there is a sample for every pixel; the governor takes fewer when the card's own clock says that a frame would
not keep its time.
"""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import RenderError
from morphogen.field.network import Network, Shape, init_glow
from morphogen.field.scene import SCENE_SLOTS, Scene
from morphogen.frame import TargetSpec
from morphogen.render.cost import Governor, work
from morphogen.render.cuda import field, ptx
from morphogen.render.cuda.driver import WITHOUT, Card, Held, Memory
from morphogen.render.cuda.inputs import CARRIED_BYTES, THREADS, UNIFORMS_AT, FieldJob
from morphogen.render.cuda.kernels import Kernels
from morphogen.render.cuda.products import Block, Products
from morphogen.render.wide.samples import ANGLE, IDLE_FRAMES, KEPT_PACKS, Grid

TRIAL = Shape(("x", "y"), (("sin",) * 128, ("tanh",) * 128, ("cos",) * 128))  # 0.3 ms on an H100
TRIAL_SAMPLES = 1 << 18


class Packed:
    """A network's weights on the card. Only what differs from frame to frame is sent again."""

    def __init__(self, card: Card, network: Network, block: Block) -> None:
        self._card, self.network, self.block = card, network, block
        self.memory = Memory(card, block.data.nbytes)
        self._send(block.data, 0)

    def at(self, scene: Scene) -> Packed:
        """The same, with the time and audio of a frame; in the stream, after whatever still reads the last ones."""
        self._send(self.block.at(scene.values), self.block.first[0])
        return self

    def _send(self, data: NDArray[np.uint8], begin: int) -> None:
        self._card.call("cuMemcpyHtoDAsync", self.memory.address + begin, data.ctypes.data, data.nbytes,
                        self._card.stream)  # fmt: skip


class Timing:
    """Three moments of one picture, by the card's clock: before the samples, after them, after the pixels. kept: what
    the card works with until then."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._events = [Held(card, card.call("cuEventCreate", 0), "cuEventDestroy") for _ in range(3)]
        self.spec, self.scale = TargetSpec(1, 1), 1
        self.kept: list[Any] = []

    def mark(self, which: int) -> None:
        """In the stream, now."""
        self._card.call("cuEventRecord", self._events[which].handle, self._card.stream)

    def seconds(self, first: int, last: int) -> float:
        """Between two moments that are over."""
        elapsed = self._card.call("cuEventElapsedTime", self._events[first].handle, self._events[last].handle)
        return float(elapsed) / 1e3

    def wait(self) -> None:
        self._card.call("cuEventSynchronize", self._events[-1].handle)


class Field:
    """The kernel on the card."""

    def __init__(self, card: Card, code: bytes, shared: int) -> None:
        self._card, self._shared = card, shared
        self._module = card.module(code)
        self._function = card.call("cuModuleGetFunction", self._module.handle, b"kernel")
        most = card.api.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        card.call("cuFuncSetAttribute", self._function, most, shared)

    def launch(self, packed: Packed, grid: Grid, uniforms: NDArray[np.float32], planes: Memory) -> None:
        """Into the stream. uniforms: of the scene, (SCENE_SLOTS,). Any thread: the driver reads a launch's block at
        once."""
        block = packed.block
        job = FieldJob(
            block=packed.memory.address, planes=planes.address, plane=grid.samples, samples=grid.samples,
            across=grid.across, left=2 * grid.scale * grid.left + grid.scale - 1,
            top=2 * grid.scale * grid.top + grid.scale - 1, step=2 * grid.scale, layers=block.hidden,
            spread=block.spread, angle=ANGLE in packed.network.shape.inputs,
        )  # fmt: skip
        carried = np.zeros(CARRIED_BYTES, np.uint8)
        carried[: ctypes.sizeof(job)] = np.frombuffer(bytes(job), np.uint8)
        carried[UNIFORMS_AT:].view(np.float32)[:] = uniforms
        pointers = (ctypes.c_void_p * 1)(carried.ctypes.data)
        card, count = self._card, -(-grid.samples // block.pixels)
        card.call("cuLaunchKernel", self._function, count, 1, 1, THREADS, 1, 1, self._shared, card.stream,
                  ctypes.addressof(pointers), 0)  # fmt: skip


class WidePainter:
    """Samples wide networks. Render thread with the card current, but for `prepare`."""

    def __init__(self, card: Card, kernels: Kernels, products: Products) -> None:
        self.products = products
        self.governor = Governor(may_sample=False)
        self._card, self._kernels = card, kernels
        self._field: Field | None = None
        self._packs: OrderedDict[int, Packed] = OrderedDict()
        self._planes: dict[int, Memory] = {}
        self._timings: list[Timing] = []
        self._lock = threading.Lock()
        self._unused = 0

    @property
    def ready(self) -> bool:
        """Whether `prepare` would answer at once."""
        return self._field is not None

    def prepare(self, shapes: Sequence[Shape]) -> None:
        """Compile what all wide networks share, and try how fast it is; 0.8 s, from the store 10 ms. Any thread.
        Raises RenderError: this card cannot, or a network is too wide."""
        widest = max(shapes, key=lambda shape: max(shape.widths[1:]))
        if self._card.capability < field.OLDEST:
            raise RenderError(
                f"{self._card.name} cannot draw {widest}: wide networks need matrix units as of 2020 (compute "
                f"{'.'.join(map(str, field.OLDEST))}, GeForce RTX 30).", WITHOUT,
            )  # fmt: skip
        for shape in shapes:
            Block.check(shape)
        with self._lock:
            if self._field is None:
                made = self._kernels.made(self._loaded, field.text, self.products.name)
                self.governor.expect(self._trial(made))
                self._field = made

    def begin(self, scene: Scene) -> list[Packed | None]:
        """The wide networks of a frame on the card; None for the others."""
        self._unused = 0
        return [self._pack(network).at(scene) if network.shape.wide else None for network in scene.networks]

    def rest(self) -> None:
        """A frame without wide networks was drawn."""
        self._unused += 1
        self.governor.plan((), ())
        if self._unused > IDLE_FRAMES:
            self.clear()

    def clear(self) -> None:
        """Give back what can be made again."""
        self._packs.clear()
        self._planes.clear()
        self._timings.clear()

    def sample(
        self, packs: Sequence[Packed | None], spec: TargetSpec, scale: int, uniforms: NDArray[np.float32], job: ptx.Job
    ) -> Timing:
        """Sample what a target needs and tell the job where it lies. Mark the pixels' moment (2) afterwards."""
        assert self._field is not None
        timing = self._timings.pop() if self._timings else Timing(self._card)
        timing.spec, timing.scale = spec, scale
        grid = Grid.of(spec.canvas.x, spec.canvas.y, spec.width, spec.height, scale)
        timing.mark(0)
        for index, pack in enumerate(packs):
            if pack is not None:
                planes = self._buffer(index, 12 * grid.samples)
                self._field.launch(pack, grid, uniforms, planes)
                timing.kept += [pack, planes]
                _fill(job, index, grid, planes)
        timing.mark(1)
        return timing

    def learn(self, timing: Timing, shapes: Sequence[Shape]) -> None:
        """A picture of these shapes is complete."""
        timing.kept.clear()
        scales = {timing.spec: timing.scale} if timing.scale > 1 else {}
        self.governor.measured(shapes, [timing.spec], scales, timing.seconds(0, 2), timing.seconds(0, 1))
        self._timings.append(timing)

    # --- inside

    def _loaded(self, code: bytes) -> Field:
        return Field(self._card, code, self.products.shared_bytes)

    def _pack(self, network: Network) -> Packed:
        """Kept by identity, since a network never changes (a morph makes new ones)."""
        pack = self._packs.get(id(network))
        if pack is None or pack.network is not network:
            pack = self._packs[id(network)] = Packed(self._card, network, Block(network, self.products))
        self._packs.move_to_end(id(network))
        while len(self._packs) > KEPT_PACKS:
            self._packs.popitem(last=False)
        return pack

    def _buffer(self, index: int, size: int) -> Memory:
        """Everything that reads or writes it is in one stream, so pictures take turns by themselves."""
        buffer = self._planes.get(index)
        if buffer is None or buffer.size < size:
            self._planes.pop(index, None)
            buffer = self._planes[index] = Memory(self._card, size)
        return buffer

    def _trial(self, made: Field) -> float:
        """Seconds that a slot (`cost.work`) takes this card."""
        packed = Packed(self._card, network := init_glow(TRIAL, 1), Block(network, self.products))
        planes, timing = Memory(self._card, 12 * TRIAL_SAMPLES), Timing(self._card)
        grid, best = Grid(1, 0, 0, TRIAL_SAMPLES, 1, 0, 0), float("inf")
        for _ in range(3):
            timing.mark(0)
            made.launch(packed, grid, np.zeros(SCENE_SLOTS, np.float32), planes)
            timing.mark(2)
            timing.wait()
            best = min(best, timing.seconds(0, 2))
        return best / (TRIAL_SAMPLES * work(TRIAL)[0])


def _fill(job: ptx.Job, index: int, grid: Grid, planes: Memory) -> None:
    found = {
        "planes": planes.address, "plane": grid.samples, "across": grid.across, "scale": grid.scale,
        "shift": grid.shift, "lead": grid.lead, "share": 1 / grid.scale,
        "middle": 0.0 if grid.scale % 2 else 0.5 / grid.scale,
    }  # fmt: skip
    for name, value in found.items():
        setattr(job, f"{name}{index}", value)

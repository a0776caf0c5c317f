"""What the CUDA backend keeps of one target and of one frame on its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from morphogen.field.network import Shape
from morphogen.field.scene import Scene
from morphogen.frame import TargetSpec
from morphogen.render.cuda import ptx
from morphogen.render.cuda.driver import Card, Memory, Staging
from morphogen.render.cuda.kernels import Kernel
from morphogen.render.cuda.wide import Packed, Timing


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
        self._count = 3
        self._under: Memory | None = None
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

    def planes(self, count: int) -> tuple[Memory, Memory]:
        """(past, present) for the frame that comes. count: 3, or with alpha 4; what was drawn without was opaque."""
        card, colours, alpha = self._card, 6 * self.area, 2 * self.area
        if not self._planes or self._planes[0].size < count * alpha:
            old, self._planes = self._planes, [Memory(card, count * alpha) for _ in range(2)]
            for before, after in zip(old, self._planes, strict=False):
                card.call("cuMemcpyDtoDAsync", after.handle, before.handle, colours, card.stream)
        if count > self._count:
            for memory in self._planes:
                card.call("cuMemsetD8Async", memory.address + colours, 0xFF, alpha, card.stream)
        self._count = count
        self._planes.reverse()
        return self._planes[0], self._planes[1]

    def under(self, count: int) -> Memory:
        """Planes for the picture below a layer, 3 or 4."""
        if self._under is None or self._under.size < 2 * count * self.area:
            self._under = Memory(self._card, 2 * count * self.area)
        return self._under

    def forget_under(self) -> None:
        """No layer any more."""
        self._under = None

    def drawn(self, frame: int, *, blended: bool) -> None:
        """A frame was given to the card."""
        self.seen = frame
        if blended:
            self.valid, self.blended = True, frame

    def forget_past(self) -> None:
        """A trail that begins anew begins from its first frame."""
        self.valid, self.blended = False, 0
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
    kernels: tuple[Kernel, ...]
    timings: tuple[tuple[Timing, tuple[Shape, ...]], ...]  # of passes with wide networks
    colours: Memory  # the scene's table


@dataclass(frozen=True)
class Target:
    """Where the passes of a frame go. colours: the scene's table; scale: of wide networks."""

    spec: TargetSpec
    picture: Picture
    pixels: Memory
    colours: Memory
    scale: int


@dataclass(frozen=True)
class Sheet:
    """One pass of a frame, ready for its targets. slots: of the scene; networks: folded weights; packs: of wide ones;
    last: nothing lies over it."""

    kernel: Kernel
    scene: Scene
    slots: NDArray[np.float64]
    networks: NDArray[np.float32]
    packs: Sequence[Packed | None]
    last: bool

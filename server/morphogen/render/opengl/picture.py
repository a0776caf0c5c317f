"""What one target needs on the card: the picture, its past, and pixel buffers that carry it back to memory."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import RenderError
from morphogen.frame import TargetSpec
from morphogen.render.opengl import calls as gl
from morphogen.render.opengl.calls import BrokenContext, Calls
from morphogen.render.opengl.context import Gpu

DEPTH = 3  # frames that may be on their way back at once
PATIENCE_S = 10.0  # a card that takes longer for one frame does not answer at all


@dataclass(frozen=True)
class Tile:
    """Part of a target that fits into one texture; target pixels, row 0 the first in memory."""

    x: int
    y: int
    width: int
    height: int


def tiles(spec: TargetSpec, side: int) -> Iterator[Tile]:
    """The target in tiles of at most `side` pixels each way; mostly one."""
    for y in range(0, spec.height, side):
        for x in range(0, spec.width, side):
            yield Tile(x, y, min(side, spec.width - x), min(side, spec.height - y))


class Pack:
    """A pixel buffer: filled by the card behind the program's back, read when its fence is passed.

    Made with STREAM_READ, so that drivers keep it where the processor reads fast (moderngl's buffers are for writing).
    """

    def __init__(self, calls: Calls, tile: Tile, depth: int = 4) -> None:
        """depth: bytes of a pixel, 4 or (float16) 8."""
        self._calls, self._tile, self._depth = calls, tile, depth
        self._name = ctypes.c_uint()
        self.bytes = tile.width * tile.height * depth
        calls.GenBuffers(1, ctypes.byref(self._name))
        with _bound(calls, self._name):
            calls.BufferData(gl.PIXEL_PACK_BUFFER, self.bytes, None, gl.STREAM_READ)

    def fill(self) -> None:
        """Start copying the bound framebuffer's pixels."""
        calls = self._calls
        with _bound(calls, self._name):
            calls.PixelStorei(gl.PACK_ALIGNMENT, 1)
            kind = gl.HALF_FLOAT if self._depth == 8 else gl.UNSIGNED_BYTE
            calls.ReadPixels(0, 0, self._tile.width, self._tile.height, gl.RGBA, kind, None)

    def copy(self, rows: NDArray[np.uint8]) -> None:
        """Into the target's pixels (height, row bytes). Raises BrokenContext."""
        calls, tile = self._calls, self._tile
        with _bound(calls, self._name):
            address = calls.MapBufferRange(gl.PIXEL_PACK_BUFFER, 0, self.bytes, gl.MAP_READ_BIT)
            if not address:
                calls.check("reading a picture back")
                raise BrokenContext("the OpenGL driver does not hand out a picture that it has drawn.")
            seen = np.ctypeslib.as_array((ctypes.c_ubyte * self.bytes).from_address(address))
            left, right = tile.x * self._depth, (tile.x + tile.width) * self._depth
            part = rows[tile.y : tile.y + tile.height, left:right]
            np.copyto(part, seen.reshape(tile.height, -1))
            calls.UnmapBuffer(gl.PIXEL_PACK_BUFFER)

    def release(self) -> None:
        self._calls.DeleteBuffers(1, ctypes.byref(self._name))


class _bound:  # noqa: N801  reads as what it does
    """The pack buffer is bound inside the block only: elsewhere reads go to memory."""

    def __init__(self, calls: Calls, name: ctypes.c_uint) -> None:
        self._calls, self._name = calls, name

    def __enter__(self) -> None:
        self._calls.BindBuffer(gl.PIXEL_PACK_BUFFER, self._name)

    def __exit__(self, *exc: object) -> None:
        self._calls.BindBuffer(gl.PIXEL_PACK_BUFFER, 0)


class Surface:
    """One tile: a texture (depth: bytes of a pixel, 4 or 8), and with a trail two planes of 16 bits a channel that take
    turns as past and present; with a layer one more, for the picture below it."""

    def __init__(self, gpu: Gpu, tile: Tile, depth: int = 4) -> None:
        self._gpu, self.tile = gpu, tile
        size = (tile.width, tile.height)
        self.texture = gpu.ctx.texture(size, 4, dtype="f2" if depth == 8 else "f1")
        self._plain = gpu.ctx.framebuffer([self.texture])
        self._planes: list[Any] = []
        self._blended: list[Any] = []
        self._newest = 0
        self._under: Any = None
        self._below: Any = None

    def bind_below(self) -> None:
        """Draw here what a layer will lie over."""
        if self._below is None:
            self._under = self._gpu.ctx.texture((self.tile.width, self.tile.height), 4, dtype="nu2")
            self._below = self._gpu.ctx.framebuffer([self.texture, self._under])
        self._below.use()

    def use_under(self, unit: int) -> None:
        """What `bind_below` has drawn, at texture `unit`."""
        self._under.use(unit)

    def forget_under(self) -> None:
        """No layer any more."""
        if self._below is not None:
            self._gpu.home.use()
            self._below.release()
            self._under.release()
            self._under = self._below = None

    def bind(self, trail: bool, unit: int) -> None:
        """Draw here next. trail: with the past at texture `unit`, and the present written for the next frame."""
        if not trail:
            self._plain.use()
            return
        if not self._planes:
            size = (self.tile.width, self.tile.height)
            self._planes = [self._gpu.ctx.texture(size, 4, dtype="nu2") for _ in range(2)]
            self._blended = [self._gpu.ctx.framebuffer([self.texture, plane]) for plane in self._planes]
        self._planes[self._newest].use(unit)
        self._newest = 1 - self._newest
        self._blended[self._newest].use()

    def fill(self, pack: Pack) -> None:
        """Start copying the picture into `pack`."""
        self._plain.use()
        pack.fill()

    def forget(self) -> None:
        """Give back the planes."""
        if not self._planes:
            return
        self._gpu.home.use()
        for part in (*self._blended, *self._planes):
            part.release()
        self._planes, self._blended = [], []

    def release(self) -> None:
        self.forget()
        self.forget_under()
        self._gpu.home.use()
        self._plain.release()
        self.texture.release()


@dataclass
class Read:
    """A frame of one picture on its way back. fence: passed when all `packs` are filled; 0 when it was collected."""

    packs: list[Pack]
    fence: int


class Picture:
    """One target: its surfaces, whether its past holds, and up to `DEPTH` frames on their way back.

    drawn: last frame that drew it; blended: last one with a trail; layered: last one with a layer; valid: whether there
    is a past.
    """

    def __init__(self, gpu: Gpu, spec: TargetSpec) -> None:
        self.spec = spec
        self._depth = spec.row_bytes // spec.width
        self.surfaces = [Surface(gpu, tile, self._depth) for tile in tiles(spec, gpu.max_side)]
        self.drawn = self.blended = self.layered = 0
        self.valid = False
        self._calls = gpu.calls
        self._free: list[list[Pack]] = []
        self._under_way: list[Read] = []

    def keep(self, factor: float, frame: int, trail: bool) -> float:
        """What is left of the past in frame `frame`: `factor` for each frame since it was last blended. Moves on."""
        since, valid = max(frame - self.blended, 1), self.valid
        self.drawn = frame
        if not trail:
            return 0.0
        self.blended, self.valid = frame, True
        return factor**since if valid else 0.0

    def forget(self, frame: int, trail: bool, kept: int) -> None:
        """The past ends with the trail, and its planes with it, or when unused for `kept` frames."""
        self.valid = self.valid and trail
        if self.blended < frame - (kept if trail else 1):
            self.valid = False
            for surface in self.surfaces:
                surface.forget()
        if self.layered < frame - kept:
            for surface in self.surfaces:
                surface.forget_under()

    def fetch(self) -> Read:
        """Start the way back to memory. The oldest frame that nobody collected makes room."""
        while len(self._under_way) >= DEPTH:
            self._end(self._under_way[0])
        packs = self._free.pop() if self._free else [self._pack(surface) for surface in self.surfaces]
        for surface, pack in zip(self.surfaces, packs, strict=True):
            surface.fill(pack)
        read = Read(packs, self._calls.FenceSync(gl.FENCE_COMPLETE, 0))
        self._under_way.append(read)
        return read

    def _pack(self, surface: Surface) -> Pack:
        return Pack(self._calls, surface.tile, self._depth)

    def collect(self, read: Read, out: NDArray[np.uint8]) -> None:
        """Wait for a frame and copy it into `out` (uint8, pixel_bytes long). Raises BrokenContext, RenderError."""
        if not read.fence:
            raise RenderError(
                f"a frame of {self.spec.width}x{self.spec.height} was collected too late or twice.",
                f"Collect each frame before {DEPTH} more are begun.",
            )
        try:
            state = self._calls.ClientWaitSync(read.fence, gl.FLUSH_COMMANDS, int(PATIENCE_S * 1e9))
            if state not in (gl.ALREADY_SIGNALED, gl.CONDITION_SATISFIED):
                self._calls.check("drawing")
                raise BrokenContext(f"the graphics card did not answer within {PATIENCE_S:g} s.", "It is opened anew.")
            rows = out.reshape(self.spec.height, -1)
            for pack in read.packs:
                pack.copy(rows)
        finally:
            self._end(read)

    def _end(self, read: Read) -> None:
        self._calls.DeleteSync(read.fence)
        read.fence = 0
        self._under_way.remove(read)
        self._free.append(read.packs)

    def release(self) -> None:
        """Give everything back to the driver."""
        for read in list(self._under_way):
            self._end(read)
        for packs in self._free:
            for pack in packs:
                pack.release()
        self._free.clear()
        for surface in self.surfaces:
            surface.release()

"""One OpenGL context with all that lives and dies with it: thresholds, uniform block, pictures, workshop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import RenderError
from morphogen.field.colours import Table
from morphogen.field.scene import Program
from morphogen.frame import PixelFormat, TargetSpec
from morphogen.render import dither
from morphogen.render.opengl.calls import BrokenContext
from morphogen.render.opengl.context import Gpu
from morphogen.render.opengl.glsl import TABLE_WIDTH, block_bytes, sampling
from morphogen.render.opengl.picture import Picture, Surface
from morphogen.render.opengl.program import (
    BLOCK,
    PAST,
    TABLE,
    THRESHOLDS,
    UNDER,
    GlProgram,
    Triangle,
    Workshop,
    chosen_functions,
)

USUAL_ROOM = 65_536  # bytes of a uniform block; OpenGL promises 16,384
Job = tuple[Surface, NDArray[np.float32]]


class Device:
    """Open on any thread; afterwards the context is current nowhere. All else inside `using`, on the render thread,
    except `workshop`. Raises Unavailable, UsageError."""

    def __init__(self) -> None:
        import moderngl

        self.gpu = Gpu()
        self.pictures: dict[TargetSpec, Picture] = {}
        self.workshop: Workshop | None = None
        self._table: tuple[Table | None, Any] = (None, None)
        self._failure: type[Exception] = moderngl.Error
        try:
            if self.gpu.twin is not None:
                self.workshop = Workshop(self.gpu, self.gpu.twin)
            with self.gpu.context:
                self.native = chosen_functions(self.gpu)
                ctx, side = self.gpu.ctx, (dither.SIZE, dither.SIZE)
                self._thresholds = ctx.texture(side, 1, dither.thresholds().tobytes(), dtype="f4")
                self._no_past = ctx.texture((3, 3), 4, dtype="nu2")
                self._block = ctx.buffer(reserve=4096, dynamic=True)
                self._triangle = Triangle(self.gpu.calls)
        except BaseException:
            self.gpu.release()
            raise

    @contextmanager
    def using(self, doing: str) -> Iterator[None]:
        """The context is current inside, and stays so. What the driver refuses comes out as BrokenContext."""
        self.gpu.enter()
        try:
            yield
        except self._failure as error:
            self.gpu.calls.check(doing)
            raise BrokenContext(f"OpenGL failed while {doing} ({error}).", "It is opened anew.") from error

    def picture(self, spec: TargetSpec) -> Picture:
        """What `spec` is drawn into, made at its first use."""
        found = self.pictures.get(spec)
        if found is None:
            found = self.pictures[spec] = Picture(self.gpu, spec)
            self.gpu.calls.check(f"making room for a picture of {spec.width}x{spec.height}")
        return found

    def forget(self, frame: int, trail: bool, kept: int) -> None:
        """Before frame `frame` is drawn: drop what was not drawn for `kept` frames."""
        for spec, picture in list(self.pictures.items()):
            picture.forget(frame, trail, kept)
            if picture.drawn < frame - kept:
                self.pictures.pop(spec).release()

    def draw(self, program: GlProgram, jobs: Sequence[Job], planes: bool, *, below: bool, layered: bool) -> None:
        """Draw each surface with its own uniform block. planes: over what is there; below: what a layer will lie over;
        layered: that layer."""
        stride = -(-program.block_bytes // self.gpu.alignment) * self.gpu.alignment
        blocks = np.zeros((len(jobs), stride), np.uint8)
        for block, (_, values) in zip(blocks, jobs, strict=True):
            block[: values.nbytes] = values.view(np.uint8)
        self._upload(blocks)
        self._thresholds.use(THRESHOLDS)
        self._table[1].use(TABLE)
        self._no_past.use(PAST)
        self._no_past.use(UNDER)
        for i, (surface, _) in enumerate(jobs):
            self._block.bind_to_uniform_block(BLOCK, offset=i * stride, size=program.block_bytes)
            if below:
                surface.bind_below()
            else:
                surface.bind(planes, PAST)
            if layered:
                surface.use_under(UNDER)
            self._triangle.draw(program.name, surface.tile.width, surface.tile.height)

    def load(self, table: Table) -> None:
        """Bring the scene's table onto the card, unless it is there."""
        if self._table[0] is table:
            return
        count = -(-len(table.values) // TABLE_WIDTH)
        texels = np.zeros(count * TABLE_WIDTH, np.float32)
        texels[: len(table.values)] = table.values
        texture = self._table[1]
        if texture is None or texture.height != count:
            if texture is not None:
                texture.release()
            texture = self.gpu.ctx.texture((TABLE_WIDTH, count), 1, dtype="f4")
        texture.write(texels)
        self._table = (table, texture)

    def _upload(self, blocks: NDArray[np.uint8]) -> None:
        if self._block.size < blocks.nbytes:
            self._block.release()
            self._block = self.gpu.ctx.buffer(reserve=2 * blocks.nbytes, dynamic=True)
        self._block.orphan()  # the card may still be reading the frame before
        self._block.write(blocks)

    def texture(self, spec: TargetSpec) -> int:
        """GL name of the newest picture of `spec`. Raises RenderError."""
        picture = self.pictures.get(spec)
        if picture is None or not picture.drawn:
            raise RenderError(f"no picture of {spec.width}x{spec.height} was drawn yet.", "Ask after its first frame.")
        if len(picture.surfaces) > 1:
            raise RenderError(
                f"a picture of {spec.width}x{spec.height} is more than one texture of this card.",
                f"Share at most {self.gpu.max_side} pixels each way.",
            )
        return int(picture.surfaces[0].texture.glo)

    def describe(self) -> dict[str, Any]:
        """Adapter and how the picture is computed."""
        polynomials = "polynomials" if not self.native else "native" if len(self.native) == 2 else "mixed"
        compiles = "aside" if self.workshop else "on the render thread"
        return {**self.gpu.describe(), "functions": polynomials, "compiles": compiles}

    def close(self) -> None:
        """Give everything back; never raises, whatever state the driver is in."""
        if self.workshop is not None:
            self.workshop.close()
        self.pictures.clear()  # what they hold goes with the context
        self.gpu.release()


def check_room(program: Program, device: Device | None) -> None:
    """Raises RenderError when the program's numbers are more than the driver takes."""
    needed, room = block_bytes(program), device.gpu.max_block if device else USUAL_ROOM
    if needed > room:
        raise RenderError(
            f"{' and '.join(map(str, program.shapes))} takes {needed} bytes of uniforms; this OpenGL driver has room "
            f"for {room}.",
            "Use --backend cpu, or smaller networks.",
        )


def head(spec: TargetSpec, surface: Surface, dithered: bool, samples: int) -> NDArray[np.int32]:
    """The whole numbers that a block begins with (see `glsl`)."""
    canvas, tile = spec.canvas, surface.tile
    order = {PixelFormat.BGRA8: 1, PixelFormat.RGBA16F: 2}.get(spec.format, 0)
    place = (canvas.x, canvas.y, tile.x, tile.y)
    return np.array([*place, spec.height, spec.flip, order, dithered, *sampling(samples)], np.int32)

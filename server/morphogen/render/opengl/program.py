"""Programs on the card: linked aside where the platform lets two contexts share them, and warmed by a first draw.

Measured on llvmpipe: linking takes 10 to 30 ms, but its machine code is made at the first draw, 0.25 to 0.5 s for each
kind of target. A draw of 3 x 3 pixels in the twin context leaves that code in Mesa's cache; the first frame then takes
3 ms instead. Real cards compile when they link.
"""

from __future__ import annotations

import ctypes
import threading

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import RenderError
from morphogen.field.scene import Program
from morphogen.render.opengl import calls as gl
from morphogen.render.opengl import glsl
from morphogen.render.opengl.calls import TRIANGLES, UNWANTED, BrokenContext, Calls
from morphogen.render.opengl.context import Context, Gpu

TOLERANCE = 1e-6  # of the driver's cosine (absolute) and power (relative); the polynomials reach 4e-7
THRESHOLDS, PAST, UNDER, TABLE = 0, 1, 2, 3  # texture units
BLOCK = 0  # binding of the uniform block


class GlProgram:
    """One program, linked or still text. name: of the linked program, 0 before."""

    def __init__(self, program: Program, native: frozenset[str]) -> None:
        self.text = glsl.fragment(program, native)
        self.block_bytes = glsl.block_bytes(program)
        self.name = 0

    def link(self, calls: Calls) -> None:
        """In the current context. Raises RenderError with the driver's log."""
        self.name = linked(calls, self.text)


def linked(calls: Calls, text: str) -> int:
    """A program of that fragment shader, its inputs tied to their places. In the current context."""
    name = calls.link(glsl.VERTEX, text)
    calls.UseProgram(name)
    for sampler, unit in (("thresholds", THRESHOLDS), ("past", PAST), ("under", UNDER), ("table", TABLE)):
        calls.Uniform1i(calls.GetUniformLocation(name, sampler.encode()), unit)
    calls.UniformBlockBinding(name, calls.GetUniformBlockIndex(name, b"Block"), BLOCK)
    return name


class Triangle:
    """An empty vertex array: what a draw without vertices needs. Belongs to one context."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._name = ctypes.c_uint()
        calls.GenVertexArrays(1, ctypes.byref(self._name))

    def draw(self, program: int, width: int, height: int) -> None:
        """Run `program` over the bound framebuffer's first width x height pixels, and nothing else."""
        for capability in UNWANTED:  # the same in both contexts, else llvmpipe makes other code
            self._calls.Disable(capability)
        self._calls.UseProgram(program)
        self._calls.BindVertexArray(self._name)
        self._calls.Viewport(0, 0, width, height)
        self._calls.DrawArrays(TRIANGLES, 0, 3)

    def release(self) -> None:
        self._calls.DeleteVertexArrays(1, ctypes.byref(self._name))


class Workshop:
    """Links and warms programs in the twin context, for one thread at a time; any thread. Made on a thread where the
    `gpu` is not current, of textures and a buffer that live there: contexts share those, but not framebuffers."""

    def __init__(self, gpu: Gpu, twin: Context) -> None:
        self._twin, self._calls, self._software = twin, gpu.calls, gpu.is_software
        self._lock = threading.Lock()
        self._closed = False
        size = (3, 3)  # no power of two, like most pictures: llvmpipe makes other code for those
        with gpu.context:
            pixel, *planes = [gpu.ctx.texture(size, 4, dtype=kind) for kind in ("f1", "nu2", "nu2")]
            thresholds, block = gpu.ctx.texture((64, 64), 1, dtype="f4"), gpu.ctx.buffer(reserve=gpu.max_block)
            table = gpu.ctx.texture((glsl.TABLE_WIDTH, 1), 1, dtype="f4")
            block.clear()
            gpu.calls.Finish()
        with twin:
            self._plain = gpu.calls.framebuffer([pixel.glo])
            self._blended = gpu.calls.framebuffer([pixel.glo, planes[0].glo])
            self._textures = {THRESHOLDS: thresholds.glo, PAST: planes[1].glo, UNDER: planes[1].glo, TABLE: table.glo}
            self._block = block.glo
            self._triangle = Triangle(gpu.calls)

    def make(self, program: GlProgram) -> bool:
        """Link and warm; False when it cannot be done aside, then the program is still text. Raises RenderError with
        the driver's log."""
        with self._lock:
            if self._closed:
                return False
            try:
                self._twin.__enter__()
            except RenderError:
                return False
            try:
                program.link(self._calls)
                self._warm(program)
            except BrokenContext:
                program.name = 0  # whatever it is, the next frame meets it too, and can mend it
                return False
            finally:
                self._twin.__exit__()
        return True

    def _warm(self, program: GlProgram) -> None:
        calls = self._calls
        for unit, texture in self._textures.items():
            calls.ActiveTexture(gl.TEXTURE + unit)
            calls.BindTexture(gl.TEXTURE_2D, texture)
        calls.BindBufferRange(gl.UNIFORM_BUFFER, BLOCK, self._block, 0, program.block_bytes)
        calls.BindFramebuffer(gl.FRAMEBUFFER, self._plain)
        self._triangle.draw(program.name, 3, 3)
        calls.BindFramebuffer(gl.FRAMEBUFFER, self._blended)
        if self._software:
            # llvmpipe rewrites a program while it makes code, so what it makes second is found by nobody else.
            spare = linked(calls, program.text)
            self._triangle.draw(spare, 3, 3)
            calls.DeleteProgram(spare)
        else:
            self._triangle.draw(program.name, 3, 3)
        calls.Finish()  # only then is the program sure to be seen by the other context
        calls.check("compiling")

    def close(self) -> None:
        """No more. A program that is being made does not hold this up: its context ends when that thread leaves it."""
        self._closed = True


def chosen_functions(gpu: Gpu) -> frozenset[str]:
    """Which of `glsl.NATIVE` the driver itself shall compute; the one place where that is decided. Current context.

    A card: those that it computes well enough, measured by a draw of 1,024 pixels, since cards differ (Intel's cosine
    is known to be off by 3e-5, which a network makes visible). A software driver has no such unit: on llvmpipe the
    polynomials compile in half the time, draw as fast or faster, and are no less exact."""
    if gpu.is_software:
        return glsl.EXACT
    x = np.linspace(-40.0, 40.0, 1024, dtype=np.float32)
    seen = _measure(gpu, x).astype(np.float64)
    exact = x.astype(np.float64)
    cosine = np.abs(seen[:, 0] - np.cos(2 * np.pi * exact)).max()
    power = np.abs(seen[:, 1] / np.exp2(exact) - 1).max()
    return frozenset(name for name, error in (("cos_turns", cosine), ("exp2", power)) if error <= TOLERANCE)


def _measure(gpu: Gpu, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 4) float32: cosine and power of the driver for each x."""
    ctx, size = gpu.ctx, (len(x), 1)
    values, result = ctx.texture(size, 1, x.tobytes(), dtype="f4"), ctx.texture(size, 4, dtype="f4")
    framebuffer = ctx.framebuffer([result])
    triangle = Triangle(gpu.calls)
    program = gpu.calls.link(glsl.VERTEX, glsl.probe())
    try:
        framebuffer.use()
        values.use(0)
        triangle.draw(program, *size)
        seen = np.frombuffer(framebuffer.read(components=4, dtype="f4"), np.float32).reshape(-1, 4)
    finally:
        gpu.calls.DeleteProgram(program)
        gpu.home.use()
        for part in (framebuffer, values, result, triangle):
            part.release()
    return seen

"""The OpenGL backend: the whole scene as one fragment shader, on any card with OpenGL 3.3, and on none (llvmpipe).

A frame is begun (`submit`: uniforms, one draw for each picture, the way back to memory started) and collected later, so
that a caller may let the card work on one frame while it plans the next; `render` does both at once. A context that
breaks (reset card, memory used up) is opened anew once, within the same frame.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import MorphogenError, RenderError
from morphogen.field.scene import SLOT, Pass, Program, Scene, folded_networks, scene_uniforms, target_uniforms
from morphogen.frame import TargetSpec
from morphogen.render.opengl.calls import BrokenContext
from morphogen.render.opengl.device import Device, Job, check_room, head
from morphogen.render.opengl.glsl import EXACT
from morphogen.render.opengl.picture import Picture, Read
from morphogen.render.opengl.program import GlProgram

CACHED_PROGRAMS = 64
KEPT_FRAMES = 120  # a picture that was not drawn for so long is dropped: 16 MB at 1080p, 49 MB with a trail
SHORTEST_TRAIL = 1e-4  # seconds


@dataclass(frozen=True)
class Token:
    """A frame that was begun: one read for each spec (None: it stays a texture), good in the context that drew it."""

    reads: tuple[tuple[Picture, Read | None], ...]
    device: Device


@dataclass(frozen=True)
class _Pass:
    """One pass of a frame. slots: of the scene; networks: folded weights."""

    what: Pass
    slots: NDArray[np.float64]
    networks: NDArray[np.float32]


class OpenGLRenderer:
    """`contracts.Renderer` on a graphics card. The constructor and `prepare` on any thread; the rest on one at a time.

    `render` gives the context back, so that another thread may draw the next frame; after `submit` or `texture` it
    stays current on the calling thread, for sinks that share it. The drivers keep compiled code themselves.

    unread: pictures that are drawn but not read back (`contracts.Textures`); those in several tiles are, all the same.
    """

    name = "opengl"
    unread: Collection[TargetSpec] = ()

    def __init__(self, threads: int = 0, cache: Path | None = None) -> None:
        """Opens the context. Raises Unavailable: no library, driver or OpenGL 3.3; UsageError: no such card."""
        self._device: Device | None = Device()
        self.contexts = 1
        self._described = self._device.describe()
        self.is_software = self._device.gpu.is_software
        self._programs: OrderedDict[tuple[Any, ...], GlProgram] = OrderedDict()
        self._unused: list[int] = []  # programs to delete where the context is current
        self._lock = threading.Lock()
        self._frames = 0
        self._shared = self._closed = False

    # --- programs

    def prepare(self, program: Program) -> GlProgram:
        """Compile, or take from the cache. Runs beside the render thread, which does not wait for it, where two
        contexts can share programs (`describe`: compiles "aside"); else the first frame compiles."""
        with self._lock:
            device, made = self._device, self._programs.get(program.shapes)
            if made is not None:
                self._programs.move_to_end(program.shapes)
                return made
        check_room(program, device)
        made = GlProgram(program, device.native if device else EXACT)
        if device is not None:
            if device.gpu.context.is_current:
                made.link(device.gpu.calls)
            elif device.workshop is not None:
                device.workshop.make(made)
        with self._lock:
            if self._device is not device:
                made.name = 0  # of a context that broke meanwhile; the next frame links it
            self._keep(program.shapes, made)
        return made

    def _keep(self, shapes: tuple[Any, ...], made: GlProgram) -> None:
        old = self._programs.pop(shapes, None)  # another thread may have been faster
        if old is not None:
            self._unused.append(old.name)
        self._programs[shapes] = made
        while len(self._programs) > CACHED_PROGRAMS:
            self._unused.append(self._programs.popitem(last=False)[1].name)

    def has(self, program: Program) -> bool:
        """Whether `prepare` would answer at once."""
        return program.shapes in self._programs

    def limit(self, seconds: float) -> None:
        """Nothing: pictures are always drawn in full. A card has room to spare (the field is a few hundred operations a
        pixel), and where there is none the CPU backend is 15 times as fast as llvmpipe."""

    # --- frames

    def render(self, scene: Scene, targets: Sequence[tuple[TargetSpec, NDArray[np.uint8]]]) -> None:
        """Draw into each target's pixels (uint8, pixel_bytes long). Raises RenderError; BrokenContext (`lost` is true)
        when a new context broke as well."""
        specs, outs = [spec for spec, _ in targets], [out for _, out in targets]
        try:
            self.collect(self.submit(scene, specs), outs)
        except BrokenContext:
            self.collect(self.submit(scene, specs), outs)  # the same frame again, in a new context
        finally:
            if self._device is not None and not self._shared:
                self._device.gpu.leave()

    def submit(self, scene: Scene, specs: Sequence[TargetSpec]) -> Token:
        """Begin a frame: everything is on its way to the card when this returns. Collect its token before three more
        are begun. Raises RenderError; after BrokenContext the next call opens a new context."""
        device = self._open()
        try:
            with device.using("drawing"):
                return self._submit(device, scene, specs)
        except BrokenContext:
            self._abandon()
            raise

    def _submit(self, device: Device, scene: Scene, specs: Sequence[TargetSpec]) -> Token:
        if self._shared:
            device.gpu.calls.forgive()
        trail = scene.trail > SHORTEST_TRAIL
        self._frames += 1
        device.forget(self._frames, trail, KEPT_FRAMES)
        pictures = [device.picture(spec) for spec in specs]
        passes = [_Pass(one, scene_uniforms(one.scene, one.over), folded_networks(one.scene)) for one in scene.passes]
        keep = float(passes[-1].slots[SLOT["keep"]])
        kept = [picture.keep(keep, self._frames, trail) for picture in pictures]
        for one in passes[:-1]:
            self._draw(device, one, pictures, None, scene.samples, below=True)
        self._draw(device, passes[-1], pictures, kept if trail else None, scene.samples, below=False)
        reads = tuple((picture, None if self._stays(picture) else picture.fetch()) for picture in pictures)
        device.gpu.calls.Flush()
        return Token(reads, device)

    def _draw(
        self, device: Device, drawn: _Pass, pictures: Sequence[Picture], kept: Sequence[float] | None, samples: int,
        *, below: bool,
    ) -> None:  # fmt: skip
        """One pass over all pictures. kept: for each of them how much of the past stays; None: there is no trail.
        below: another pass lies over it."""
        scene = drawn.what.scene
        program = self._linked(device, scene.program)
        device.load(scene.colours.table)
        jobs: list[Job] = []
        for picture, keep in zip(pictures, kept or [0.0] * len(pictures), strict=True):
            with np.errstate(all="ignore"):  # what is not finite draws something, as on the CPU
                filled = target_uniforms(drawn.slots, picture.spec)
                filled[SLOT["trail"]], filled[SLOT["keep"]] = kept is not None, keep
                numbers = np.concatenate([filled.astype(np.float32), drawn.networks])
            picture.layered = self._frames if below else picture.layered
            for surface in picture.surfaces:
                start = head(picture.spec, surface, scene.dither, samples).view(np.float32)
                jobs.append((surface, np.concatenate([start, numbers])))
        device.draw(program, jobs, kept is not None, below=below, layered=drawn.what.over is not None)

    def _stays(self, picture: Picture) -> bool:
        return picture.spec in self.unread and len(picture.surfaces) == 1

    def _linked(self, device: Device, program: Program) -> GlProgram:
        made = self._programs.get(program.shapes) or self.prepare(program)
        if not made.name:
            made.link(device.gpu.calls)
        with self._lock:
            unused, self._unused = self._unused, []
        for name in unused:
            device.gpu.calls.DeleteProgram(name)  # 0, of one that was never linked, is ignored
        return made

    def collect(self, token: Token, outs: Sequence[NDArray[np.uint8]]) -> None:
        """Wait for a frame that was begun, and copy its pictures out, in the order of its specs. Other threads run
        meanwhile."""
        device = token.device
        if device is not self._device:
            raise BrokenContext("the frame went with the OpenGL context that it was drawn in.", "Draw it again.")
        try:
            with device.using("reading a picture back"):
                for (picture, read), out in zip(token.reads, outs, strict=True):
                    if read is not None:
                        picture.collect(read, out)
                device.gpu.calls.check("drawing")
        except BrokenContext:
            self._abandon()
            raise

    def texture(self, spec: TargetSpec) -> int:
        """GL name of the texture with the newest picture of `spec`: RGBA8, bytes as the spec says (channel order, top
        row first, so upside down by OpenGL's custom). The context is current on this thread from now on."""
        if self._device is None:
            raise RenderError("the OpenGL context is being opened anew.", "Ask after the next frame.")
        self._shared = True
        self._device.gpu.enter()
        return self._device.texture(spec)

    def leave(self) -> None:
        """The context is current nowhere until the next call."""
        if self._device is not None:
            self._device.gpu.leave()

    # --- life

    def _open(self) -> Device:
        if self._closed:
            raise RenderError("the OpenGL backend was closed.")
        if self._device is None:
            device = Device()
            with self._lock:
                self._device = device
            self.contexts += 1
            self._described = device.describe()
        return self._device

    def _abandon(self) -> None:
        """The context is broken: everything goes; the next frame opens another one."""
        with self._lock:
            device, self._device = self._device, None
            self._programs.clear()
            self._unused.clear()
        if device is not None:
            device.close()

    def describe(self) -> dict[str, Any]:
        """Backend, adapter, versions, whether it is a software driver: for `stats` and `doctor`."""
        return {"backend": self.name, **self._described}

    def close(self) -> None:
        """Give everything back; idempotent."""
        self._closed = True
        with suppress(MorphogenError):
            self._abandon()

"""Syphon (macOS): the picture in every program on this Mac that knows Syphon, by name.

A Metal server whose textures are filled from the frame's bytes: any backend will do, and no OpenGL context has to be
shared (the package finds only those that AppKit made). The directory of servers is not touched here: asking it runs
Cocoa's event loop for up to a second. Nothing of this has run on a Mac: the tests hold it to the package's source.
"""

from __future__ import annotations

import sys
from typing import Any

from morphogen import log
from morphogen.contracts import Host, Sink, SinkOptions
from morphogen.errors import Unavailable
from morphogen.frame import HEADER_BYTES, Frame, PixelFormat

_LOG = log.get("syphon")
TEXTURES = 3  # filled in turn: the card may still be copying from the one before


class SyphonSink(Sink):
    """A Syphon server: `Morphogen`, then `Morphogen-syphon-2` ..., or `name`.

    It is in the directory from `open` on; pictures are drawn while somebody watches. Name and size change without a new
    server. Syphon allows equal names (it tells servers apart by an id of their own), so the name is always as wanted.
    Raises Unavailable at `open`: another system, no package, no Metal.
    """

    kind = "syphon"
    formats = (PixelFormat.BGRA8, PixelFormat.RGBA8)  # Syphon's own surfaces are BGRA: those are copied, not converted
    extras = {}  # noqa: RUF012

    def __init__(self, options: SinkOptions | None = None) -> None:
        super().__init__(options)
        self._server: Any = None
        self._metal: Any = None
        self._pool: Any = None
        self._app = ""
        self._shape: tuple[int, int, PixelFormat] | None = None
        self._textures: list[Any] = []  # the first is the next to fill
        self._as_bytes = False
        self._published = 0

    @property
    def name(self) -> str:
        """Of the server; receivers show it behind the program's."""
        return self.options.name or "Morphogen"

    def watched(self) -> bool:
        """Whether a receiver is there."""
        server = self._server
        return server is not None and bool(server.has_clients)

    def reconfigure(self, options: SinkOptions) -> None:
        """Another name is told to receivers; the server stays."""
        before, self.options = self.name, options
        if self._server is not None and self.name != before:
            with self._pool():
                self._server.name = self.name

    def stats(self) -> dict[str, Any]:
        """published: pictures handed to Syphon."""
        return {"published": self._published}

    def describe(self) -> dict[str, Any]:
        """name: of the server; app: what receivers show before it; alpha: what it means."""
        return {"name": self.name, "app": self._app, "alpha": self.options.alpha}

    # --- hooks

    def _open(self, host: Host) -> None:
        syphon, self._metal, self._pool = load()
        with self._pool():
            try:
                self._server = server = syphon.SyphonMetalServer(self.name)
            except RuntimeError as error:
                raise Unavailable(
                    f"Syphon cannot start: {error}.", "It needs a Mac whose graphics know Metal."
                ) from error
            self._app = str(server.server_description.app_name)

    def _write(self, frame: Frame) -> None:
        # What Cocoa makes on the way lives until the pool around it ends; a thread of Python's has none of its own.
        with self._pool():
            texture = self._texture(frame)
            self._fill(texture, frame)
            # Top row first, which is upside down by Syphon's custom.
            self._server.publish_frame_texture(texture, is_flipped=True)
        self._textures.append(self._textures.pop(0))
        self._published += 1

    def _close(self) -> None:
        server, self._server = self._server, None
        self._textures, self._shape = [], None
        if server is not None:
            with self._pool():
                server.stop()

    # --- inside

    def _texture(self, frame: Frame) -> Any:
        spec = frame.info.spec
        shape = spec.width, spec.height, spec.format
        if shape != self._shape:
            metal = self._metal
            bgra = spec.format is PixelFormat.BGRA8
            number = metal.MTLPixelFormatBGRA8Unorm if bgra else metal.MTLPixelFormatRGBA8Unorm
            describe = metal.MTLTextureDescriptor.texture2DDescriptorWithPixelFormat_width_height_mipmapped_
            made = [self._server.device.newTextureWithDescriptor_(describe(number, *shape[:2], False))
                    for _ in range(TEXTURES)]  # fmt: skip
            if any(texture is None for texture in made):
                raise Unavailable(
                    f"Metal makes no texture of {shape[0]}x{shape[1]}.", "Give the output a smaller size."
                )
            self._textures, self._shape = made, shape
        return self._textures[0]

    def _fill(self, texture: Any, frame: Frame) -> None:
        spec = frame.info.spec
        region = self._metal.MTLRegionMake2D(0, 0, spec.width, spec.height)
        pixels: Any = frame.buffer[HEADER_BYTES:]
        fill = texture.replaceRegion_mipmapLevel_withBytes_bytesPerRow_
        if not self._as_bytes:
            try:
                fill(region, 0, pixels, spec.row_bytes)
                return
            except (TypeError, ValueError) as error:
                # PyObjC's documentation promises any buffer, the package itself passes bytes: one copy more.
                _LOG.info("Metal wants bytes: %s", error)
                self._as_bytes = True
        fill(region, 0, pixels.tobytes(), spec.row_bytes)


def load() -> tuple[Any, Any, Any]:
    """syphon, Metal and `objc.autorelease_pool`. Raises Unavailable with the cure."""
    try:
        import Metal
        import objc
        import syphon
    except ImportError as error:
        if sys.platform != "darwin":
            other = "--out spout" if sys.platform == "win32" else "--out ndi, --out window or --out shm"
            raise Unavailable("Syphon shares pictures on macOS only.", f"Here: {other}.") from error
        raise Unavailable(
            f"Syphon needs the package syphon-python ({error}).", 'pip install "morphogen[syphon]"'
        ) from error
    return syphon, Metal, objc.autorelease_pool

"""A stand-in for syphon-python 0.2.0, Metal and objc that refuses what the real ones refuse, on a pretended Mac.

Facts and their sources (the wheel's syphon/server.py, client.py, server_directory.py, utils/raw.py; Apple's Metal
documentation; Syphon's SyphonMetalServer.m; PyObjC's documentation):

- `SyphonMetalServer(name, device, command_queue, *, is_private)`: RuntimeError without a Metal device; `name` can be
  set while it lives, RuntimeError afterwards; `stop` may be called again; publishing afterwards is an offence here;
- names need not differ: servers are told apart by a UUID;
- a texture of MTLPixelFormatRGBA8Unorm (70) or BGRA8Unorm (80), 1 to 16384 pixels a side;
- `replaceRegion:mipmapLevel:withBytes:bytesPerRow:` reads height x bytesPerRow bytes wherever they end, and wants
  whole pixels a row; it does not wait for the card, which may still copy from what was published last: an offence;
- Objective-C methods take positional arguments only;
- PyObjC takes any C-contiguous buffer for `const void *` (or, `bytes_only`, what raw.py is annotated with);
- what Cocoa autoreleases on a thread without a pool stays until the thread ends: counted in `leaked`;
- `SyphonServerDirectory.servers` runs the run loop for `run_loop_interval` (1 s unless told): an offence on the render
  thread;
- surfaces are BGRA8 and bottom row first; `is_flipped` says that a texture is top row first.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import types
import uuid
import weakref
from typing import Any

import numpy as np

RGBA8, BGRA8 = 70, 80


class Mac:
    """One pretended Mac. servers: those that run, in order of making."""

    def __init__(self) -> None:
        self.offences: list[str] = []
        self.servers: list[SyphonMetalServer] = []
        self.leaked = 0
        self.made = 0
        self.textures: weakref.WeakSet[Texture] = weakref.WeakSet()
        self.render_thread: int | None = None
        self._pools: dict[int, int] = {}
        # what a test may break
        self.metal = True
        self.room = True
        self.bytes_only = False
        self.faults: list[Exception] = []
        self.clients = 1

    def offend(self, text: str) -> None:
        self.offences.append(text)
        raise AssertionError(text)

    @contextlib.contextmanager
    def autorelease_pool(self):
        me = threading.get_ident()
        self._pools[me] = self._pools.get(me, 0) + 1
        try:
            yield
        finally:
            self._pools[me] -= 1
            if not self._pools[me]:
                del self._pools[me]

    def autoreleased(self) -> None:
        self.leaked += threading.get_ident() not in self._pools

    def left(self) -> dict[str, int]:
        counts = {"servers": len(self.servers), "textures": len(self.textures), "pools": len(self._pools),
                  "leaked": self.leaked}  # fmt: skip
        return {kind: count for kind, count in counts.items() if count}

    def modules(self) -> dict[str, types.ModuleType]:
        syphon, metal, objc = (types.ModuleType(name) for name in ("syphon", "Metal", "objc"))
        syphon.SyphonMetalServer = lambda *a, **k: SyphonMetalServer(self, *a, **k)  # type: ignore[attr-defined]
        syphon.SyphonMetalClient = lambda *a: SyphonMetalClient(self, *a)  # type: ignore[attr-defined]
        syphon.SyphonServerDirectory = lambda: SyphonServerDirectory(self)  # type: ignore[attr-defined]
        metal.MTLPixelFormatRGBA8Unorm, metal.MTLPixelFormatBGRA8Unorm = RGBA8, BGRA8  # type: ignore[attr-defined]
        metal.MTLRegionMake2D = Region  # type: ignore[attr-defined]
        metal.MTLTextureDescriptor = types.SimpleNamespace(  # type: ignore[attr-defined]
            texture2DDescriptorWithPixelFormat_width_height_mipmapped_=self._descriptor
        )
        objc.autorelease_pool = self.autorelease_pool  # type: ignore[attr-defined]
        raw = types.ModuleType("syphon.utils.raw")
        raw.copy_mtl_texture_to_bytes = lambda texture: texture.data.tobytes()  # type: ignore[attr-defined]
        utils = types.ModuleType("syphon.utils")
        utils.raw = raw  # type: ignore[attr-defined]
        syphon.utils = utils  # type: ignore[attr-defined]
        return {"syphon": syphon, "Metal": metal, "objc": objc, "syphon.utils": utils, "syphon.utils.raw": raw}

    def _descriptor(self, number: int, width: int, height: int, mipmapped: bool, /) -> tuple[int, int, int]:
        self.autoreleased()
        if number not in (RGBA8, BGRA8) or mipmapped is not False:
            self.offend("a texture that Syphon does not take")
        if not (1 <= width <= 16384 and 1 <= height <= 16384):
            self.offend(f"Metal ends the process: no texture of {width}x{height}")
        return number, width, height


class Region:
    """MTLRegionMake2D."""

    def __init__(self, x: int, y: int, width: int, height: int, /) -> None:
        self.origin, self.size = (x, y), (width, height)


class Texture:
    def __init__(self, mac: Mac, number: int, width: int, height: int) -> None:
        self._mac, self._number = mac, number
        self.data = np.zeros((height, width, 4), np.uint8)
        mac.textures.add(self)

    def width(self) -> int:
        return self.data.shape[1]

    def height(self) -> int:
        return self.data.shape[0]

    def pixelFormat(self) -> int:
        return self._number

    def replaceRegion_mipmapLevel_withBytes_bytesPerRow_(self, region, level, data, row, /) -> None:
        mac = self._mac
        if mac.bytes_only and not isinstance(data, bytes):
            raise TypeError("a bytes-like object is required")
        if not isinstance(region, Region) or level != 0:
            raise ValueError("depythonifying 'MTLRegion', got something else")
        view = memoryview(data)
        if not view.c_contiguous:
            raise ValueError("a contiguous buffer is required")
        (x, y), (width, height) = region.origin, region.size
        if (x, y) != (0, 0) or width > self.width() or height > self.height():
            mac.offend("Metal ends the process: the region reaches beyond the texture")
        if row % 4 or row < 4 * width or view.nbytes < row * height:
            mac.offend(f"Metal reads beyond the buffer: {view.nbytes} bytes, {height} rows of {row}")
        if any(server.copying is self for server in mac.servers):
            mac.offend("filled a texture that the card may still be copying from")
        rows = np.frombuffer(view, np.uint8, row * height).reshape(height, row)
        self.data[:height, :width] = rows[:, : width * 4].reshape(height, width, 4)


class Device:
    def __init__(self, mac: Mac) -> None:
        self._mac = mac

    def newTextureWithDescriptor_(self, descriptor: tuple[int, int, int], /) -> Texture | None:
        return Texture(self._mac, *descriptor) if self._mac.room else None


class SyphonMetalServer:
    def __init__(self, mac: Mac, name: str, device: Any = None, command_queue: Any = None, *, is_private: bool = False):
        if not isinstance(name, str):
            raise TypeError("a str is required")
        if not mac.metal:
            raise RuntimeError("No Metal device is available")
        mac.autoreleased()
        self._mac, self._name, self._stopped = mac, name, False
        self.device = Device(mac)
        self.uuid = str(uuid.uuid4())
        self.copying: Texture | None = None
        self.surface: np.ndarray | None = None
        self.clients: int | None = None
        self.published = 0
        mac.made += 1
        mac.servers.append(self)

    @property
    def name(self) -> str:
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        if self._stopped:
            raise RuntimeError("Syphon server is stopped")
        self._mac.autoreleased()
        self._name = value

    @property
    def has_clients(self) -> bool:
        if self._stopped:
            self._mac.offend("has_clients of a server that was stopped")
        return bool(self._mac.clients if self.clients is None else self.clients)

    @property
    def server_description(self) -> Any:
        self._mac.autoreleased()
        return types.SimpleNamespace(uuid=self.uuid, name=self._name, app_name="Python", raw=self)

    def publish_frame_texture(
        self, texture, region=None, size=None, is_flipped=False, command_buffer=None, auto_commit=True
    ) -> None:
        mac = self._mac
        if self._stopped:
            mac.offend("published on a server that was stopped")
        if not isinstance(texture, Texture):
            mac.offend("published something that is no MTLTexture")
        if mac.faults:
            raise mac.faults.pop(0)
        mac.autoreleased()  # the command buffer
        pixels = texture.data if texture.pixelFormat() == RGBA8 else texture.data[..., [2, 1, 0, 3]]
        self.surface = np.array(pixels[::-1] if is_flipped else pixels)
        self.copying = texture
        self.published += 1

    def stop(self) -> None:
        if not self._stopped:
            self._mac.autoreleased()
            self._stopped = True
            self._mac.servers.remove(self)


class SyphonServerDirectory:
    def __init__(self, mac: Mac) -> None:
        self._mac = mac
        self.run_loop_interval = 1.0

    @property
    def servers(self) -> list[Any]:
        if threading.get_ident() == self._mac.render_thread:
            self._mac.offend(f"the directory holds the render thread up for {self.run_loop_interval} s")
        return [server.server_description for server in self._mac.servers]

    def servers_matching_name(self, name: str | None = None, app_name: str | None = None) -> list[Any]:
        return [found for found in self.servers if found.name == name]


class SyphonMetalClient:
    """Gets whatever the server published since it last asked."""

    def __init__(self, mac: Mac, description: Any) -> None:
        self._mac, self._server, self._seen = mac, description.raw, 0
        self._server.clients = (self._server.clients or 0) + 1

    @property
    def is_valid(self) -> bool:
        return self._server in self._mac.servers

    @property
    def has_new_frame(self) -> bool:
        return self._server.published > self._seen

    @property
    def new_frame_image(self) -> Texture | None:
        self._seen = self._server.published
        if self._server.surface is None:
            return None
        height, width = self._server.surface.shape[:2]
        texture = Texture(self._mac, BGRA8, width, height)
        texture.data[...] = self._server.surface[..., [2, 1, 0, 3]]
        return texture

    def stop(self) -> None:
        self._server.clients -= 1


def only(servers: list[SyphonMetalServer], name: str) -> SyphonMetalServer | None:
    """The newest server of that name."""
    return next(itertools.chain((s for s in reversed(servers) if s.name == name), (None,)))

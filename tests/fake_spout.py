"""A stand-in for SpoutGL 0.1.1 that refuses what the real one refuses, on a pretended Windows.

Each fact comes from the wrapper (jlai/Python-SpoutGL, src/PySpoutGL.cpp) or from the Spout 2.007.013 that it carries
(vendor/SpoutGL: Spout.cpp, SpoutGL.cpp, SpoutSenderNames.cpp, SpoutFrameCount.cpp):

- methods take positional arguments only: `.def` without `py::arg` (PySpoutGL.cpp; `waitFrameSync` of the receiver is
  the exception); wrong types are TypeError;
- `sendImage` raises BufferError for a buffer that is too small or not C-contiguous, and opens Spout itself;
- `OpenSpout` settles once in an object's life how pictures are shared, by the context that is current on the thread;
  without one its first call returns false although Direct3D is there, the next one true (SpoutGL.cpp);
- without the OpenGL extensions BGRA is taken for RGBA (Spout.cpp, `SendImage`): red and blue swapped, an offence here;
- `SetSenderName` counts on (`name_1`) from names in the list, dead ones too, and sweeps those out only afterwards; the
  name is copied with strcpy_s into 256 bytes, which ends the process where it is longer; None is the program's name;
- `RegisterSenderName` counts on again, and does nothing at all, without a word, when the list holds 64 names;
- a receiver that holds the texture makes `sendImage` false (`CheckTextureAccess`, 67 ms);
- `ReleaseSender` forgets the name: whoever sends afterwards is called `python`; an offence here;
- OpenGL and interop objects belong to the context of one thread; another thread is an offence. When that context is
  gone, `WriteGLDXtexture` goes on saying true, and receivers see nothing new: an offence, too; and `CleanupGL`, from
  `ReleaseSender` and from the destructor, deletes by number in whatever context is current then: an offence as well;
- `CloseOpenGL` does not forget its window: closing twice fails (SpoutGL.cpp); an offence here;
- with BGRA8 textures on both sides, `invert` false keeps row 0 the top row of a receiver's picture.

What a real machine would answer with a crash or a silent fault is kept in `offences`; tests want that empty.
"""

from __future__ import annotations

import threading
import types
from typing import Any

import numpy as np

RGBA, BGRA, TEXTURE_2D = 0x1908, 0x80E1, 0x0DE1


class Machine:
    """One pretended computer. shared: name -> what its sender last shared; dead: names of crashed senders."""

    def __init__(self) -> None:
        self.offences: list[str] = []
        self.names: set[str] = set()
        self.shared: dict[str, dict[str, Any]] = {}
        self.most = 64
        self.handles: dict[str, int] = {}
        self.current: dict[int, object] = {}
        self.made = 0
        # what a test may break
        self.directx = True
        self.gl = True
        self.needs_context = False
        self.held: set[str] = set()
        self.faults: list[Exception] = []
        self.counting = True
        self.read_texture = lambda number: None

    def offend(self, text: str) -> None:
        self.offences.append(text)
        raise AssertionError(text)

    def take(self, kind: str, count: int = 1) -> None:
        self.handles[kind] = self.handles.get(kind, 0) + count

    def left(self) -> dict[str, int]:
        return {kind: count for kind, count in self.handles.items() if count}

    def foreign(self, name: str) -> None:
        """Another program sends under this name."""
        self.names.add(name)
        self.shared[name] = {"pixels": None, "size": (1, 1), "frame": 0}

    def crashed(self, name: str) -> None:
        """Another program sent under this name, and ended without a word."""
        self.names.add(name)

    def free(self, wanted: str) -> str:
        name, number = wanted, 0
        while name in self.names:
            number += 1
            name = f"{wanted}_{number}"
        return name

    def module(self) -> types.ModuleType:
        module = types.ModuleType("SpoutGL")
        module.SpoutSender = lambda: SpoutSender(self)  # type: ignore[attr-defined]
        module.SpoutReceiver = lambda: SpoutReceiver(self)  # type: ignore[attr-defined]
        module.enums = types.SimpleNamespace(GL_RGBA=RGBA, GL_BGRA_EXT=BGRA)  # type: ignore[attr-defined]
        return module


def fits(value: Any, kind: Any) -> bool:
    """As pybind11 takes arguments: no number for a bool, no bool or float for a number."""
    if kind is int:
        return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 0
    if kind == "buffer":
        try:
            memoryview(value)
        except TypeError:
            return False
        return True
    return isinstance(value, kind)


def bound(*kinds: Any):
    """A method that pybind11 bound without names: positional, exactly so many, of these types."""

    def wrap(function):
        def method(self, *arguments, **named):
            if named:
                raise TypeError(f"{function.__name__}(): incompatible function arguments: {sorted(named)} by name")
            if len(arguments) != len(kinds) or not all(map(fits, arguments, kinds)):
                raise TypeError(f"{function.__name__}(): incompatible function arguments: {arguments!r:.200}")
            self._here(function.__name__)
            return function(self, *arguments)

        return method

    return wrap


class _Common:
    def __init__(self, machine: Machine) -> None:
        self._m = machine
        self._thread = threading.get_ident()
        self._device = self._bgra = False
        self._share = ""

    def __del__(self) -> None:
        if self._device:
            self._m.take("device", -1)

    def _here(self, what: str) -> None:
        if threading.get_ident() != self._thread:
            self._m.offend(f"{what} on another thread than the one that made it")

    def _open_spout(self) -> bool:
        if self._device:
            return True
        if not self._m.directx:
            return False
        self._device = True
        self._m.take("device")
        self._share = "cpu"
        if self._thread not in self._m.current:
            return False
        self._bgra, self._share = True, "gl"
        return True


class SpoutSender(_Common):
    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self._name = ""
        self._live = self._released = self._own = self._closed = self._event = False
        self._home: object = None
        machine.made += 1

    @bound(str)
    def setSenderName(self, name: str) -> None:
        if len(name.encode()) > 255:
            self._m.offend("strcpy_s ends the process: a sender's name has at most 255 bytes")
        self._name = self._m.free(name)
        self._m.names &= set(self._m.shared)

    @bound()
    def createOpenGL(self) -> bool:
        if not self._m.gl:
            return False
        if self._thread not in self._m.current:
            self._m.current[self._thread] = self
            self._own = True
            self._m.take("context")
        self._bgra = True
        return True

    @bound()
    def closeOpenGL(self) -> bool:
        if self._closed:
            self._m.offend("closeOpenGL twice")
        if self._own:
            self._own, self._closed = False, True
            self._m.current.pop(self._thread, None)
            self._m.take("context", -1)
        return True

    @bound("buffer", int, int, int, bool, int)
    def sendImage(self, buffer: Any, width: int, height: int, gl: int, invert: bool, fbo: int) -> bool:
        view = memoryview(buffer)
        if gl not in (RGBA, BGRA):
            raise ValueError("Unknown GL format")
        if view.nbytes < width * height * 4:
            raise BufferError("Buffer not large enough")
        if not view.c_contiguous:
            raise BufferError("Buffer must be contiguous")
        if not self._live:
            self._open_spout()
        if self._m.faults:
            raise self._m.faults.pop(0)
        if gl == BGRA and not self._bgra:
            self._m.offend("BGRA without an OpenGL context: red and blue would be swapped")
        if not self._check(width, height):
            return False
        if self._share == "gl" and self._thread not in self._m.current:
            return False
        if self._m.needs_context and self._share != "gl":
            return False
        pixels = np.frombuffer(view, np.uint8, width * height * 4).reshape(height, width, 4)
        return self._put(pixels if gl == RGBA else pixels[..., [2, 1, 0, 3]], invert)

    @bound(int, int, int, int, bool, int)
    def sendTexture(self, number: int, target: int, width: int, height: int, invert: bool, fbo: int) -> bool:
        if self._thread not in self._m.current:
            self._m.offend("sendTexture without an OpenGL context on this thread")
        if self._m.faults:
            raise self._m.faults.pop(0)
        if number == 0 or target != TEXTURE_2D or not self._check(width, height):
            return False
        pixels = self._m.read_texture(number)
        if pixels is None or pixels.shape != (height, width, 4):
            self._m.offend(f"texture {number} is not {width}x{height} pixels of the context that is current")
        return self._put(pixels, invert)

    def _check(self, width: int, height: int) -> bool:
        """Spout::CheckSender."""
        if self._released and not self._name:
            self._m.offend("sent after releaseSender: the sender would be called 'python'")
        if not width or not height:
            return False
        self._name = self._name or self._m.free("python")
        if not self._live:
            if not self._open_spout():
                return False
            if len(self._m.names) < self._m.most:
                self._name = self._m.free(self._name)
                self._m.names.add(self._name)
                self._m.shared[self._name] = {"frame": 0}
            self._live = True
            self._home = self._m.current.get(self._thread)
            self._m.take("texture, mutex, semaphore")
        elif self._share == "gl" and self._m.current.get(self._thread, self._home) is not self._home:
            self._m.offend("the sender's own textures went with another context")
        self._m.shared.get(self._name, {})["size"] = (width, height)
        return True

    def _put(self, pixels: np.ndarray, invert: bool) -> bool:
        if self._name in self._m.held:
            return False
        shared = self._m.shared.get(self._name)
        if shared is not None:
            shared["pixels"] = np.array(pixels[::-1] if invert else pixels)
            shared["frame"] += self._m.counting
        return True

    @bound(str)
    def setFrameSync(self, name: str) -> None:
        if name != self._name:
            self._m.offend(f"setFrameSync({name!r}) wakes nobody: the sender is {self._name!r}")
        if self._live and not self._event:
            self._event = True
            self._m.take("event")

    @bound()
    def getFrame(self) -> int:
        return self._m.shared.get(self._name, {}).get("frame", 0)

    def __del__(self) -> None:
        self._clean_up()
        super().__del__()

    def _clean_up(self) -> None:
        """SpoutGL.cpp, CleanupGL: forgets its numbers only where a context is current."""
        now = self._m.current.get(self._thread)
        if self._home is not None and now is not None and now is not self._home:
            self._m.offences.append("deleted textures of another context")
        if now is not None:
            self._home = None

    @bound()
    def releaseSender(self) -> None:
        self._clean_up()
        if self._live:
            self._m.names.discard(self._name)
            self._m.shared.pop(self._name, None)
            self._m.take("texture, mutex, semaphore", -1)
            self._name = ""
        if self._event:
            self._m.take("event", -1)
        self._live = self._event = False
        self._released = True


class SpoutReceiver(_Common):
    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self._name = ""
        self._seen: tuple[int, int] | None = None
        self._updated = self._primed = False

    @bound()
    def getSenderList(self) -> list[str]:
        return sorted(self._m.names)[:64]

    @bound(str)
    def setReceiverName(self, name: str) -> None:
        self._name = name

    @bound()
    def isUpdated(self) -> bool:
        updated, self._updated = self._updated, False
        return updated

    @bound()
    def getSenderWidth(self) -> int:
        return self._seen[0] if self._seen else 0

    @bound()
    def getSenderHeight(self) -> int:
        return self._seen[1] if self._seen else 0

    def waitFrameSync(self, senderName: str, timeout: int = 0) -> bool:
        return senderName in self._m.shared

    def receiveImage(self, *arguments: Any) -> bool:
        buffer, gl, invert, fbo = arguments
        self._here("receiveImage")
        if gl != RGBA or type(invert) is not bool or type(fbo) is not int:
            raise TypeError("receiveImage(): incompatible function arguments")
        if buffer is not None and memoryview(buffer).nbytes < self.getSenderWidth() * self.getSenderHeight() * 4:
            raise BufferError("Buffer not large enough")
        if self._updated:
            return True
        if not self._open_spout():
            return False
        shared = self._m.shared.get(self._name)
        if shared is None or shared.get("pixels") is None:
            return False
        height, width = shared["pixels"].shape[:2]
        if (width, height) != self._seen:
            self._seen, self._updated = (width, height), True
            return True
        if buffer is None:
            return False
        if self._primed:  # the first picture is often empty (tests/test.py of the wrapper)
            np.frombuffer(buffer, np.uint8)[:] = (shared["pixels"][::-1] if invert else shared["pixels"]).reshape(-1)
        self._primed = True
        return True

    @bound()
    def releaseReceiver(self) -> None:
        self._seen = None

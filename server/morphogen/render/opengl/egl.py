"""EGL through ctypes: graphics cards without a display (Linux), and contexts that share what they hold.

moderngl's own loader can neither share a context that has no window, nor say which cards there are, nor notice that a
context could not be made current; this one does, and moderngl takes it as it is (`create_context(context=...)`). The
context asks to be told when the card was reset, where the driver can (EGL_EXT_create_context_robustness).
"""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import dataclass
from functools import cache
from typing import Any

from morphogen.errors import RenderError, Unavailable
from morphogen.render.opengl.calls import BrokenContext

PACKAGES = "Install the driver of your card, or Mesa: apt install libegl1 libgl1-mesa-dri. Or use --backend cpu."
_P, _INT = ctypes.c_void_p, ctypes.c_int
_NONE, _EXTENSIONS, _CONFIG_ID, _OPENGL_API, _DEVICE = 0x3038, 0x3055, 0x3028, 0x30A2, 0x313F
_SURFACE_TYPE, _PBUFFER_BIT, _RENDERABLE_TYPE, _OPENGL_BIT = 0x3033, 1, 0x3040, 8
_MAJOR, _MINOR, _PROFILE, _CORE = 0x3098, 0x30FB, 0x30FD, 1
_RESET_STRATEGY, _LOSE_ON_RESET = 0x31BD, 0x31BF
_LOST = 0x300E
_ERRORS = {
    0x3001: "not initialised", 0x3002: "bad access: the context is in use on another thread", 0x3003: "out of memory",
    0x3009: "bad match", _LOST: "context lost",
}  # fmt: skip
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "eglGetError": (_INT,), "eglQueryString": (ctypes.c_char_p, _P, _INT),
    "eglInitialize": (_INT, _P, _P, _P), "eglBindAPI": (_INT, ctypes.c_uint),
    "eglChooseConfig": (_INT, _P, _P, _P, _INT, _P), "eglCreateContext": (_P, _P, _P, _P, _P),
    "eglMakeCurrent": (_INT, _P, _P, _P, _P), "eglGetCurrentContext": (_P,),
    "eglDestroyContext": (_INT, _P, _P), "eglGetProcAddress": (_P, ctypes.c_char_p),
}  # fmt: skip
_EXTENSION_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "eglQueryDevicesEXT": (_INT, _INT, _P, _P), "eglQueryDeviceStringEXT": (ctypes.c_char_p, _P, _INT),
    "eglGetPlatformDisplayEXT": (_P, _INT, _P, _P),
}  # fmt: skip


@dataclass(frozen=True)
class Device:
    """One way to draw. index: what MORPHOGEN_GPU counts; software: the processor pretends to be a card."""

    index: int
    handle: int
    software: bool


class _Library:
    """libEGL's functions as attributes. Raises Unavailable."""

    def __init__(self) -> None:
        path = ctypes.util.find_library("EGL") or "libEGL.so.1"
        try:
            library = ctypes.CDLL(path)
            for name, (result, *arguments) in _SIGNATURES.items():
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
                setattr(self, name, function)
        except (OSError, AttributeError) as error:
            raise Unavailable(f"OpenGL needs the library EGL, which is not here ({error}).", PACKAGES) from error
        for name, (result, *arguments) in _EXTENSION_SIGNATURES.items():
            address = self.eglGetProcAddress(name.encode())
            if not address:
                raise Unavailable(f"this EGL does not know {name}: it cannot draw without a display.", PACKAGES)
            setattr(self, name, ctypes.CFUNCTYPE(result, *arguments)(address))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def why(self) -> str:
        """The last error of this thread, for people."""
        return _reason(self.eglGetError())


def _reason(code: int) -> str:
    return _ERRORS.get(code, f"EGL error 0x{code:x}")


@cache
def library() -> _Library:
    """EGL, loaded once. Raises Unavailable."""
    return _Library()


def devices() -> list[Device]:
    """The cards in the driver's order, software last as Mesa lists it. Raises Unavailable when there is none."""
    egl = library()
    count = _INT()
    handles = (_P * 32)()
    if not egl.eglQueryDevicesEXT(len(handles), handles, ctypes.byref(count)) or not count.value:
        raise Unavailable(f"EGL finds no device to draw with ({egl.why()}).", PACKAGES)
    found = []
    for index in range(count.value):
        extensions = egl.eglQueryDeviceStringEXT(handles[index], _EXTENSIONS) or b""
        found.append(Device(index, handles[index] or 0, b"EGL_MESA_device_software" in extensions))
    return found


class EglContext:
    """A core context without a surface, for moderngl (`load_opengl_function`, `with`, `release`).

    Not current after construction. `with`: current on the calling thread, as long as the block runs; raises
    RenderError when another thread has it, BrokenContext when it is lost.
    """

    def __init__(self, device: Device, version: int = 330, share: EglContext | None = None) -> None:
        egl = self._egl = library()
        self._display: Any = share._display if share else _display(device)
        self.handle: int | None = None
        egl.eglBindAPI(_OPENGL_API)
        wanted = (_INT * 5)(_SURFACE_TYPE, _PBUFFER_BIT, _RENDERABLE_TYPE, _OPENGL_BIT, _NONE)
        config, count = _P(), _INT()
        if not egl.eglChooseConfig(self._display, wanted, ctypes.byref(config), 1, ctypes.byref(count)) or not count:
            raise Unavailable(f"device {device.index} offers no OpenGL to EGL ({egl.why()}).", PACKAGES)
        core = (_MAJOR, version // 100, _MINOR, version // 10 % 10, _PROFILE, _CORE) if version else ()
        told = (_RESET_STRATEGY, _LOSE_ON_RESET) if _can_tell(egl, self._display) else ()
        for attributes in ((*core, *told, _NONE), (*core, _NONE)):
            packed = (_INT * len(attributes))(*attributes)
            self.handle = egl.eglCreateContext(self._display, config, share.handle if share else None, packed)
            if self.handle:
                return
        raise Unavailable(f"device {device.index} cannot open OpenGL {version / 100:.1f} ({egl.why()}).", PACKAGES)

    def __enter__(self) -> EglContext:
        if self.handle is None:
            raise RenderError("the OpenGL context was closed.")
        self._egl.eglBindAPI(_OPENGL_API)  # a setting of the thread
        if not self._egl.eglMakeCurrent(self._display, None, None, self.handle):
            code = self._egl.eglGetError()
            if code == _LOST:
                raise BrokenContext("the OpenGL context was lost.", "It is opened anew.")
            raise RenderError(f"the OpenGL context cannot be used on this thread ({_reason(code)}).")
        return self

    def __exit__(self, *exc: object) -> None:
        self._egl.eglBindAPI(_OPENGL_API)
        self._egl.eglMakeCurrent(self._display, None, None, None)

    @property
    def is_current(self) -> bool:
        """Whether the calling thread draws with this context now."""
        self._egl.eglBindAPI(_OPENGL_API)
        return self.handle is not None and bool(self._egl.eglGetCurrentContext() == self.handle)

    def load_opengl_function(self, name: str) -> int:
        """Address of a GL function, 0 where it is unknown."""
        return _address(name)

    def release(self) -> None:
        """Destroy; idempotent. One that is current on some thread ends when that thread lets go of it."""
        handle, self.handle = self.handle, None
        if handle:
            self._egl.eglDestroyContext(self._display, handle)


@cache
def _address(name: str) -> int:
    """The same number object for every context: moderngl keeps those 700 for ever, 25 KB each time."""
    return int(library().eglGetProcAddress(name.encode()) or 0)


def _display(device: Device) -> Any:
    egl = library()
    display = egl.eglGetPlatformDisplayEXT(_DEVICE, device.handle, None)
    if not display or not egl.eglInitialize(display, None, None):
        raise Unavailable(f"device {device.index} cannot be opened through EGL ({egl.why()}).", PACKAGES)
    return display


def _can_tell(egl: _Library, display: Any) -> bool:
    known = egl.eglQueryString(display, _EXTENSIONS) or b""
    # The attribute is core since EGL 1.5; the extension of the same name is for OpenGL ES, this one for both.
    version = (egl.eglQueryString(display, 0x3054) or b"1.0").split()[0].split(b".")
    return (int(version[0]), int(version[1])) >= (1, 5) or b"EGL_KHR_create_context" in known

"""An OpenGL 3.3 context on whatever this system offers, without a window, and its twin for compiling aside.

Linux: EGL, any card by number. Windows and macOS: what glcontext opens (WGL, CGL). A context is current on one thread
at a time; `Gpu.enter` takes it, `Gpu.leave` hands it on.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import os
import re
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from morphogen.errors import MorphogenError, RenderError, Unavailable, UsageError
from morphogen.render.opengl import calls as gl
from morphogen.render.opengl import egl
from morphogen.render.opengl.calls import Calls

CHOICE = "MORPHOGEN_GPU"
REQUIRED = 330
_SOFTWARE = re.compile(r"llvmpipe|softpipe|swiftshader|software|swrast|gdi generic|basic render", re.IGNORECASE)


class NativeContext:
    """A context that glcontext opened, with the interface of `EglContext`.

    make: glcontext's creator of this platform. current: the platform's question which context is current here; clear:
    its way to have none (glcontext goes back to the one before, which may be this very one).
    """

    def __init__(
        self, make: Callable[..., Any], current: Callable[[], Any], clear: Callable[[], Any], mode: str = "standalone"
    ) -> None:
        try:
            self._context = make(mode=mode, glversion=REQUIRED)
        except Exception as error:  # glcontext raises the bare class
            raise Unavailable(f"OpenGL 3.3 cannot be opened here ({error}).", egl.PACKAGES) from error
        self._current, self._clear = current, clear
        self.handle = current()
        clear()

    def __enter__(self) -> NativeContext:
        if self.handle is not None:
            self._context.__enter__()
        if not self.is_current:
            raise RenderError("the OpenGL context cannot be used here: another thread has it, or it was closed.")
        return self

    def __exit__(self, *exc: object) -> None:
        self._clear()

    @property
    def is_current(self) -> bool:
        """Whether the calling thread draws with this context now."""
        return self.handle is not None and bool(self._current() == self.handle)

    def load_opengl_function(self, name: str) -> int:
        """Address of a GL function, 0 where it is unknown."""
        return int(self._context.load_opengl_function(name) or 0)

    def release(self) -> None:
        """Destroy; idempotent."""
        if self.handle:
            self.handle = None
            self._context.release()


Context = egl.EglContext | NativeContext


class Gpu:
    """An open context. ctx: moderngl's; calls: functions that moderngl lacks; twin: a context that shares programs
    with it, for any one thread at a time, or None where the platform has no such thing.

    The constructor runs on any thread and leaves the context current nowhere. Raises Unavailable, UsageError.
    """

    def __init__(self) -> None:
        self.ctx: Any = None
        self.context, self.twin, self.index, software = _open()
        try:
            with self.context:
                self.ctx = _wrapped(self.context)
                self.calls = Calls(self.context.load_opengl_function)
                # Bound before another framebuffer is released: moderngl would go on using the name of that one.
                self.home = self.ctx.framebuffer([self.ctx.texture((1, 1), 4)])
                info = self.ctx.info
                self.adapter, self.vendor = str(info["GL_RENDERER"]), str(info["GL_VENDOR"])
                self.version = str(info["GL_VERSION"])
                self.max_side = min(map(self.calls.integer, (gl.MAX_TEXTURE_SIZE, gl.MAX_VIEWPORT_DIMS)))
                self.max_block = self.calls.integer(gl.MAX_BLOCK_SIZE)
                self.alignment = self.calls.integer(gl.BLOCK_ALIGNMENT)
        except BaseException:
            self.release()
            raise
        self.is_software = software or bool(_SOFTWARE.search(self.adapter))

    def enter(self) -> None:
        """Current on the calling thread from now on. Raises RenderError where another thread has it."""
        if not self.context.is_current:
            self.context.__enter__()

    def leave(self) -> None:
        """Current on no thread, so that another one can take it."""
        if self.context.is_current:
            self.context.__exit__()

    def describe(self) -> dict[str, Any]:
        """Adapter, vendor, versions."""
        found = re.match(r"([\d.]+)\s*(?:\(Core Profile\))?\s*(.*)", self.version)
        version, driver = found.groups() if found else ("", self.version)
        return {
            "adapter": self.adapter, "vendor": self.vendor, "opengl": version, "driver": driver, "device": self.index,
            "software": self.is_software,
        }  # fmt: skip

    def release(self) -> None:
        """Destroy both contexts and with them all that they hold; never raises."""
        with contextlib.suppress(MorphogenError):
            self.leave()
        for context in (self.ctx, self.twin, self.context):  # moderngl remembers the latest of its own
            if context is not None:
                context.release()


def _wrapped(context: Any) -> Any:
    """moderngl's view of the current context."""
    import moderngl

    try:
        return moderngl.create_context(require=REQUIRED, standalone=True, context=context)
    except Exception as error:  # moderngl raises Error, ValueError and the bare class
        raise Unavailable(f"moderngl cannot use this OpenGL driver ({error}).", egl.PACKAGES) from error


def _open() -> tuple[Context, Context | None, int, bool]:
    """Context, twin, number of the card, whether it is software for sure."""
    if sys.platform in ("win32", "darwin"):
        import glcontext

        return *native_pair(glcontext.default_backend(), *_platform_calls()), 0, False
    return _open_egl()


def native_pair(
    make: Callable[..., Any], current: Callable[[], Any], clear: Callable[[], Any]
) -> tuple[Context, Context | None]:
    """A context of glcontext, and one that shares with it where glcontext can (WGL; not CGL)."""
    context = NativeContext(make, current, clear)
    twin = None
    with context, contextlib.suppress(Unavailable):
        twin = NativeContext(make, current, clear, "share")
    return context, twin


def _platform_calls() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Which context is current on this thread (its address), and: none from now on."""
    if sys.platform == "win32":
        library = ctypes.WinDLL("opengl32")
        query, clear = library.wglGetCurrentContext, partial(library.wglMakeCurrent, None, None)
    else:
        library = ctypes.CDLL(ctypes.util.find_library("OpenGL"))
        query, clear = library.CGLGetCurrentContext, partial(library.CGLSetCurrentContext, None)
    query.restype = ctypes.c_void_p
    return query, clear


def _open_egl() -> tuple[Context, Context | None, int, bool]:
    candidates = _candidates(egl.devices())
    failures: list[str] = []
    for device in candidates:
        try:
            context = egl.EglContext(device, REQUIRED)
        except Unavailable as error:
            failures.append(_too_old(device) or error.message)
            continue
        try:
            twin = egl.EglContext(device, REQUIRED, share=context)
        except Unavailable:
            return context, None, device.index, device.software
        return context, twin, device.index, device.software
    raise Unavailable(" ".join(failures), egl.PACKAGES)


def _candidates(found: list[egl.Device]) -> list[egl.Device]:
    """The card that MORPHOGEN_GPU names, else all: real cards first."""
    wish = os.environ.get(CHOICE, "").strip()
    if not wish:
        return sorted(found, key=lambda device: device.software)
    if not wish.isdecimal() or int(wish) >= len(found):
        raise UsageError(
            f"{CHOICE}={wish[:20]}: there is no such graphics device.",
            f"Choose 0 to {len(found) - 1}, or leave it out.",
        )
    return [found[int(wish)]]


def _too_old(device: egl.Device) -> str:
    """Which version a device offers that has no OpenGL 3.3, for people; '' where it has none at all."""
    with contextlib.suppress(MorphogenError):
        context = egl.EglContext(device, 0)
        try:
            with context:
                address = context.load_opengl_function("glGetString")
                text = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_uint)(address)(0x1F02) or b"an unknown version"
                return f"device {device.index} has OpenGL {text.decode(errors='replace')}; at least 3.3 is needed."
        finally:
            context.release()
    return ""

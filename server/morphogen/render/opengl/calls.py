"""The OpenGL functions that moderngl does not offer, or offers without letting go of Python's lock.

A driver may take a second to compile or to read a picture back; through ctypes all other threads go on meanwhile.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

from morphogen.errors import RenderError, Unavailable

FRAGMENT_SHADER, VERTEX_SHADER = 0x8B30, 0x8B31
COMPILE_STATUS, LINK_STATUS = 0x8B81, 0x8B82
TRIANGLES, RGBA, UNSIGNED_BYTE, HALF_FLOAT, PACK_ALIGNMENT = 4, 0x1908, 0x1401, 0x140B, 0x0D05
PIXEL_PACK_BUFFER, STREAM_READ, MAP_READ_BIT = 0x88EB, 0x88E1, 1
FRAMEBUFFER, COLOR_ATTACHMENT, TEXTURE_2D, TEXTURE, UNIFORM_BUFFER = 0x8D40, 0x8CE0, 0x0DE1, 0x84C0, 0x8A11
FENCE_COMPLETE, FLUSH_COMMANDS = 0x9117, 1
ALREADY_SIGNALED, CONDITION_SATISFIED, TIMEOUT_EXPIRED = 0x911A, 0x911C, 0x911B
MAX_TEXTURE_SIZE, MAX_VIEWPORT_DIMS, MAX_BLOCK_SIZE, BLOCK_ALIGNMENT = 0x0D33, 0x0D3A, 0x8A30, 0x8A34
# Blend, scissor, depth, stencil, culling, dither, sRGB, seamless cubes: moderngl turns some on, and so may a sink that
# shares the context.
UNWANTED = (0x0BE2, 0x0C11, 0x0B71, 0x0B90, 0x0B44, 0x0BD0, 0x8DB9, 0x884F)
LOG_LINES = 6
_ERRORS = {
    0x0500: "invalid enum", 0x0501: "invalid value", 0x0502: "invalid operation", 0x0505: "out of memory",
    0x0506: "invalid framebuffer", 0x0507: "context lost",
}  # fmt: skip

_P, _I, _U, _S = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint, ctypes.c_char_p
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "CreateShader": (_U, _U), "ShaderSource": (None, _U, _I, _P, _P), "CompileShader": (None, _U),
    "GetShaderiv": (None, _U, _U, _P), "GetShaderInfoLog": (None, _U, _I, _P, _P), "DeleteShader": (None, _U),
    "CreateProgram": (_U,), "AttachShader": (None, _U, _U), "LinkProgram": (None, _U), "DeleteProgram": (None, _U),
    "GetProgramiv": (None, _U, _U, _P), "GetProgramInfoLog": (None, _U, _I, _P, _P), "UseProgram": (None, _U),
    "GetUniformLocation": (_I, _U, _S), "Uniform1i": (None, _I, _I),
    "GetUniformBlockIndex": (_U, _U, _S), "UniformBlockBinding": (None, _U, _U, _U),
    "GenVertexArrays": (None, _I, _P), "BindVertexArray": (None, _U), "DeleteVertexArrays": (None, _I, _P),
    "DrawArrays": (None, _U, _I, _I), "Viewport": (None, _I, _I, _I, _I), "Finish": (None,), "Flush": (None,),
    "GenBuffers": (None, _I, _P), "BufferData": (None, _U, ctypes.c_ssize_t, _P, _U), "DeleteBuffers": (None, _I, _P),
    "BindBuffer": (None, _U, _U), "ReadPixels": (None, _I, _I, _I, _I, _U, _U, _P), "PixelStorei": (None, _U, _I),
    "MapBufferRange": (_P, _U, ctypes.c_ssize_t, ctypes.c_ssize_t, _U), "UnmapBuffer": (ctypes.c_ubyte, _U),
    "FenceSync": (_P, _U, _U), "ClientWaitSync": (_U, _P, _U, ctypes.c_uint64), "DeleteSync": (None, _P),
    "GetError": (_U,), "GetIntegerv": (None, _U, _P), "Disable": (None, _U),
    "GenFramebuffers": (None, _I, _P), "BindFramebuffer": (None, _U, _U), "DrawBuffers": (None, _I, _P),
    "FramebufferTexture2D": (None, _U, _U, _U, _U, _I), "ActiveTexture": (None, _U), "BindTexture": (None, _U, _U),
    "BindBufferRange": (None, _U, _U, _U, ctypes.c_ssize_t, ctypes.c_ssize_t),
}  # fmt: skip


class BrokenContext(RenderError):
    """The driver failed in a way that a new context may cure: reset card, memory used up, no answer."""

    lost = True


class Calls:
    """GL functions as attributes (`calls.LinkProgram`), for whatever context of this driver is current.

    load: name of a function to its address, 0 where it is unknown.
    """

    def __init__(self, load: Callable[[str], int]) -> None:
        make = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)  # Windows has a calling convention of its own
        for name, (result, *arguments) in _SIGNATURES.items():
            address = load(f"gl{name}")
            if not address:
                raise Unavailable(f"the OpenGL driver lacks gl{name}.", "Install a newer driver, or use --backend cpu.")
            setattr(self, name, make(result, *arguments)(address))
        status = load("glGetGraphicsResetStatus") or load("glGetGraphicsResetStatusARB")
        self._reset_status = make(_U)(status) if status else lambda: 0

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def integer(self, name: int) -> int:
        """A limit of the driver, the first number of it."""
        values = (_I * 4)()
        self.GetIntegerv(name, values)
        return values[0]

    def check(self, doing: str) -> None:
        """Raises BrokenContext if the driver has anything to complain of."""
        if self._reset_status():
            raise BrokenContext(f"the graphics card was reset while {doing}.", "It is opened anew.")
        first = code = self.GetError()
        for _ in range(20):  # a lost context may report an error for ever
            if not code:
                break
            code = self.GetError()
        if first:
            raise BrokenContext(f"OpenGL reports {_ERRORS.get(first, hex(first))} while {doing}.", _cure(first))

    def forgive(self) -> None:
        """Forget what the driver complains of: it was somebody else, who shares the context."""
        for _ in range(20):
            if not self.GetError():
                return

    def framebuffer(self, textures: Sequence[int]) -> int:
        """Name of a framebuffer that draws into these textures; bound from now on."""
        name = _U()
        self.GenFramebuffers(1, ctypes.byref(name))
        self.BindFramebuffer(FRAMEBUFFER, name)
        places = [COLOR_ATTACHMENT + i for i in range(len(textures))]
        for place, texture in zip(places, textures, strict=True):
            self.FramebufferTexture2D(FRAMEBUFFER, place, TEXTURE_2D, texture, 0)
        self.DrawBuffers(len(places), (_U * len(places))(*places))
        return name.value

    def link(self, vertex: str, fragment: str) -> int:
        """Name of the program made of both shaders. Raises RenderError with the first lines of the driver's log."""
        program = self.CreateProgram()
        shaders = []
        try:
            for kind, text in ((VERTEX_SHADER, vertex), (FRAGMENT_SHADER, fragment)):
                shaders.append(self._shader(kind, text))
                self.AttachShader(program, shaders[-1])
            self.LinkProgram(program)
            self._judge(program, LINK_STATUS, self.GetProgramiv, self.GetProgramInfoLog, "link")
        except RenderError:
            self.DeleteProgram(program)
            raise
        finally:
            for shader in shaders:
                self.DeleteShader(shader)
        return int(program)

    def _shader(self, kind: int, text: str) -> int:
        shader = self.CreateShader(kind)
        source = text.encode()
        self.ShaderSource(shader, 1, ctypes.byref(_S(source)), ctypes.byref(_I(len(source))))
        self.CompileShader(shader)
        try:
            self._judge(shader, COMPILE_STATUS, self.GetShaderiv, self.GetShaderInfoLog, "compile")
        except RenderError:
            self.DeleteShader(shader)
            raise
        return int(shader)

    def _judge(self, name: int, what: int, get: Callable[..., None], log: Callable[..., None], verb: str) -> None:
        good = _I()
        get(name, what, ctypes.byref(good))
        if good.value:
            return
        self.check("compiling")
        text = ctypes.create_string_buffer(4096)
        log(name, len(text), None, text)
        lines = text.value.decode(errors="replace").split("\n")
        said = "; ".join([line.strip() for line in lines if line.strip()][:LOG_LINES]) or "nothing"
        raise RenderError(
            f"the OpenGL driver could not {verb} the picture's program. It says: {said}",
            "Use --backend cpu, and please report this with the driver's name.",
        )


def _cure(code: int) -> str:
    return "Choose a smaller --size or fewer outputs." if code == 0x0505 else "Use --backend cpu if this comes back."

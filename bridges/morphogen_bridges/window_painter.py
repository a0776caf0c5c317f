"""Draws pictures into a window, on a thread of its own that waits for the display's beat and for nothing else."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from morphogen import log
from morphogen.errors import MorphogenError, RenderError, StateError, Unavailable
from morphogen.frame import HEADER_BYTES, Frame, PixelFormat
from morphogen_bridges.window_desktop import DRIVERS, PATIENCE, why
from morphogen_bridges.window_frame import Window

Result = TypeVar("Result")
STALL = 0.5  # seconds that one picture may wait for a display that is asleep or covered
_DITHER = 0x0BD0  # GL_DITHER, on unless told otherwise: 8 bits go out as they come in
_TEXTURE_2D, _RGBA, _BYTES = 0x0DE1, 0x1908, 0x1401
_SWIZZLES = {PixelFormat.RGBA8: "RGB1", PixelFormat.BGRA8: "BGR1"}
_VERTEX = """#version 330
out vec2 at;
void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    at = vec2(corner.x, 1.0 - corner.y);
    gl_Position = vec4(2.0 * corner - 1.0, 0.0, 1.0);
}"""
_FRAGMENT = """#version 330
uniform sampler2D picture;
in vec2 at;
out vec4 colour;
void main() { colour = texture(picture, at); }"""


def fit(picture: tuple[int, int], window: tuple[int, int], fill: bool) -> tuple[int, int, int, int]:
    """Where a picture goes in a window, undistorted and in the middle: x, y from the top left, width, height, pixels.
    fill: no border, what does not fit is cut off (x or y below 0); else whole, with a border."""
    scales = window[0] / picture[0], window[1] / picture[1]
    scale = max(scales) if fill else min(scales)
    width, height = max(1, round(picture[0] * scale)), max(1, round(picture[1] * scale))
    return (window[0] - width) // 2, (window[1] - height) // 2, width, height


class _Loader:
    """GL functions of the current context, for moderngl; the context itself is GLFW's."""

    def __init__(self, glfw: Any) -> None:
        self._glfw = glfw

    def load_opengl_function(self, name: str) -> int:
        return ctypes.cast(self._glfw.get_proc_address(name), ctypes.c_void_p).value or 0

    def __enter__(self) -> _Loader:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def release(self) -> None:
        """GLFW destroys it with its window."""


def _function(glfw: Any, name: str, *arguments: Any) -> Callable[..., None]:
    """A GL function of the current context that gives the interpreter lock away while it runs."""
    function: Callable[..., None] = ctypes.CFUNCTYPE(None, *arguments)(_Loader(glfw).load_opengl_function(name))
    return function


class Canvas:
    """One textured rectangle in the current context; everything on the thread where that is current.

    Pixels are taken as they are (no sRGB conversion, no blending): at 1:1 the screen shows the frame's bytes.
    """

    def __init__(self, glfw: Any) -> None:
        import moderngl

        loader: Any = _Loader(glfw)
        try:
            # Never moderngl's idea of the present context: a backend may have one of its own.
            self.ctx = moderngl.create_context(require=330, context=loader)
        except Exception as error:  # moderngl raises Error, ValueError and the bare class
            raise Unavailable(f"moderngl cannot draw in a window ({error}).", DRIVERS) from error
        self.ctx.disable_direct(_DITHER)
        self._filters = moderngl.NEAREST, moderngl.LINEAR
        self._strip = moderngl.TRIANGLE_STRIP
        self._program = self.ctx.program(vertex_shader=_VERTEX, fragment_shader=_FRAGMENT)
        self._corners = self.ctx.vertex_array(self._program, [])
        self._largest = int(self.ctx.info["GL_MAX_TEXTURE_SIZE"])
        self._texture: Any = None
        unsigned, signed = ctypes.c_uint, ctypes.c_int
        self._bind = _function(glfw, "glBindTexture", unsigned, unsigned)
        self._upload = _function(glfw, "glTexSubImage2D", unsigned, *[signed] * 5, unsigned, unsigned, ctypes.c_void_p)

    @property
    def adapter(self) -> str:
        """Name of the card or driver."""
        return str(self.ctx.info["GL_RENDERER"])

    def load(self, frame: Frame) -> None:
        """Copy a frame's pixels to the card. Raises RenderError for one that is too large."""
        spec = frame.info.spec
        size = spec.width, spec.height
        if max(size) > self._largest:
            raise RenderError(
                f"this graphics card shows pictures up to {self._largest} pixels a side, not {size[0]}x{size[1]}.",
                "Give the output a smaller size.",
            )
        if self._texture is None or self._texture.size != size:
            if self._texture is not None:
                self._texture.release()
            self._texture = self.ctx.texture(size, 4)
        self._texture.swizzle = _SWIZZLES[spec.format]
        # Not moderngl's `write`: it keeps the interpreter lock all the while (1080p: 0.9 ms measured), and the render
        # thread would wait for it.
        pixels = frame.buffer[HEADER_BYTES:].ctypes.data
        self._bind(_TEXTURE_2D, self._texture.glo)
        self._upload(_TEXTURE_2D, 0, 0, 0, *size, _RGBA, _BYTES, pixels)

    def draw(self, target: Any, size: tuple[int, int], fill: bool) -> None:
        """The last loaded picture into a framebuffer of `size` pixels; black where it is not, or before the first."""
        target.use()
        self.ctx.viewport = (0, 0, *size)
        self.ctx.clear(0.0, 0.0, 0.0, 1.0)
        if self._texture is None:
            return
        x, y, width, height = fit(self._texture.size, size, fill)
        chosen = self._filters[(width, height) != self._texture.size]
        self._texture.filter = (chosen, chosen)
        self._texture.repeat_x = self._texture.repeat_y = False
        self._texture.use(0)
        self.ctx.viewport = (x, size[1] - y - height, width, height)
        self._corners.render(self._strip, vertices=4)

    def release(self) -> None:
        """Free what it holds on the card."""
        for thing in (self._texture, self._corners, self._program):
            if thing is not None:
                thing.release()


class Painter:
    """The thread in which a window's context is current. `run` and `show` on any other thread.

    shown: pictures that reached the screen; stalled: that had to give up waiting for it. Raises Unavailable from the
    constructor when the driver cannot do it; then no thread is left.
    """

    def __init__(self, window: Window, fill: bool = False, vsync: bool = True) -> None:
        import glfw

        self._glfw: Any = glfw
        self._window = window
        self._fill, self._vsync = fill, vsync
        self._changed = threading.Condition()
        self._job: tuple[Callable[[Canvas], Any], Future[Any]] | None = None
        self._stale = self._stopping = False
        self._repeated = log.Repeated(log.get("window"))
        self.shown = self.stalled = 0
        self.adapter = ""
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._work, args=(ready,), name="morphogen-window", daemon=True)
        self._thread.start()
        ready.result(PATIENCE)

    def show(self, frame: Frame) -> None:
        """Draw a frame and wait until it is handed to the display, at most STALL seconds. Raises what went wrong."""
        frame.hold()

        def work(canvas: Canvas) -> None:
            try:
                canvas.load(frame)
            finally:
                frame.release()
            self.shown += self._present(canvas)

        future = self._submit(work)
        try:
            future.result(STALL)
        except TimeoutError:
            self.stalled += 1
            if future.cancel():  # not begun yet
                frame.release()

    def run(self, work: Callable[[Canvas], Result]) -> Result:
        """Do something in the window's context. Raises what it raises, or StateError."""
        try:
            return self._submit(work).result(PATIENCE)
        except TimeoutError as error:
            raise StateError("the window does not draw.", "Close the output and open it again.") from error

    def redraw(self) -> None:
        """Show the last picture once more, soon. Any thread, at once."""
        with self._changed:
            self._stale = True
            self._changed.notify_all()

    def adjust(self, fill: bool, vsync: bool) -> None:
        """Take on other options, from the next picture on."""
        with self._changed:
            self._fill, self._vsync = fill, vsync
            self._stale = True
            self._changed.notify_all()

    def stop(self) -> bool:
        """End the thread; False if it hangs in the driver, which still has the window then."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(1.0)
        return not self._thread.is_alive()

    def _submit(self, work: Callable[[Canvas], Result]) -> Future[Result]:
        future: Future[Result] = Future()
        with self._changed:
            self._job = (work, future)
            self._changed.notify_all()
        return future

    # --- the thread

    def _work(self, ready: Future[None]) -> None:
        try:
            canvas = self._begin()
        except Exception as error:  # noqa: BLE001  the answer to who waits for `ready`
            self._glfw.make_context_current(None)
            ready.set_exception(error)
            return
        ready.set_result(None)
        try:
            while self._step(canvas):
                pass
            canvas.release()
        finally:
            self._glfw.make_context_current(None)

    def _begin(self) -> Canvas:
        self._glfw.make_context_current(self._window.handle)
        if not self._glfw.get_current_context():
            raise Unavailable(f"the window cannot be drawn in: {why(self._glfw)}.", DRIVERS)
        canvas = Canvas(self._glfw)
        self.adapter = canvas.adapter
        self._pace: bool | None = None
        return canvas

    def _step(self, canvas: Canvas) -> bool:
        """One job, or one redrawing; False when told to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._job or self._stale or self._stopping)
            job, self._job = self._job, None
            self._stale = False
            if self._stopping:
                return False
        if job is None:
            self._attempt(lambda: self._present(canvas))
        elif job[1].set_running_or_notify_cancel():
            self._answer(canvas, *job)
        return True

    @staticmethod
    def _answer(canvas: Canvas, work: Callable[[Canvas], Any], future: Future[Any]) -> None:
        try:
            future.set_result(work(canvas))
        except Exception as error:  # noqa: BLE001  the caller's
            future.set_exception(error)

    def _attempt(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  guard of this thread: the next picture may be drawn again
            said = error.message if isinstance(error, MorphogenError) else f"{type(error).__name__}: {error}"
            self._repeated.exception("redraw", f"a window could not be drawn again: {said}")

    def _present(self, canvas: Canvas) -> bool:
        """What was loaded last, on the screen; False while there is nothing to see of the window."""
        if self._pace is not self._vsync:
            self._pace = self._vsync
            self._glfw.swap_interval(int(self._vsync))
        size = self._window.framebuffer
        if self._window.is_closed or not all(size):  # hidden, or an icon
            return False
        canvas.draw(canvas.ctx.screen, size, self._fill)
        self._glfw.swap_buffers(self._window.handle)
        return True

"""One window: framed or full screen, on whichever display, and what people do to it with keys, mouse and cables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from morphogen.clock import WallClock
from morphogen.errors import Unavailable
from morphogen_bridges.window_desktop import CLASS, DESKTOP, DRIVERS, Display, choose, displays, guarded, why

DOUBLE_CLICK = 0.4  # seconds
SMALLEST = (64, 36)
SETTLE, TRIES = 0.5, 4  # seconds after which a covered display is looked at, and how often


class Owner(Protocol):
    """Who hears what happens to a window. Desktop thread: microseconds only."""

    def redraw(self) -> None:
        """It has another size, or was uncovered."""

    def closed(self) -> None:
        """Somebody closed it; it is hidden already."""

    def fell(self, display: str) -> None:
        """The display that it covered is gone; it has a frame on another one now."""


class Window:
    """A window with an OpenGL 3.3 context that is current nowhere.

    Public methods on any thread. `framebuffer` (pixels), `fullscreen`, `display` (its name) and `is_closed` are what
    was last seen, any thread. Raises Unavailable from the constructor, with nothing left open.
    """

    def __init__(self, owner: Owner, title: str, picture: tuple[int, int], display: str, fullscreen: bool,
                 visible: bool = True) -> None:  # fmt: skip
        self._owner = owner
        self._clock = WallClock()
        self._clicked = float("-inf")
        self._unwatch: Callable[[], None] = lambda: None
        self._lost = ""
        self._frame = (0, 0, 1, 1)
        self.handle: Any = None
        self.framebuffer = (0, 0)
        self.fullscreen = False
        self.display = ""
        self.is_closed = False
        DESKTOP.acquire()
        try:
            DESKTOP.call(lambda glfw: self._create(glfw, title, picture, display, visible))
            if fullscreen:
                self.cover(display)
        except BaseException:
            self.destroy()
            raise

    def cover(self, display: str) -> None:
        """Full screen on a display (number or name; '': the one it is on). Raises Unavailable."""
        DESKTOP.call(lambda glfw: self._cover(glfw, choose(displays(glfw), display) if display else self._here(glfw)))

    def uncover(self) -> None:
        """Back into its frame."""
        DESKTOP.call(self._uncover)

    def move(self, display: str) -> None:
        """To the middle of another display, full screen if it was. Raises Unavailable."""

        def work(glfw: Any) -> None:
            there = choose(displays(glfw), display)
            self._frame = there.centred(self._frame[2:])
            if self.fullscreen:
                self._cover(glfw, there)
            else:
                glfw.set_window_pos(self.handle, *self._frame[:2])

        DESKTOP.call(work)

    def retitle(self, title: str) -> None:
        """Another name in its bar."""
        DESKTOP.call(lambda glfw: glfw.set_window_title(self.handle, title))

    def abandon(self) -> None:
        """For a window that a driver does not let go of: out of sight; it costs its memory until the process ends."""
        DESKTOP.call(lambda glfw: glfw.hide_window(self.handle))

    def destroy(self) -> None:
        """Gone; its context must be current nowhere. Idempotent."""

        def work(glfw: Any) -> None:
            handle, self.handle = self.handle, None
            if handle:
                self._unwatch()
                glfw.destroy_window(handle)

        try:
            DESKTOP.call(work)
        finally:
            DESKTOP.release()

    # --- desktop thread

    def _create(self, glfw: Any, title: str, picture: tuple[int, int], display: str, visible: bool) -> None:
        there = choose(displays(glfw), display)
        glfw.default_window_hints()
        for hint, value in (
            (glfw.VISIBLE, False), (glfw.CONTEXT_VERSION_MAJOR, 3), (glfw.CONTEXT_VERSION_MINOR, 3),
            (glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE), (glfw.OPENGL_FORWARD_COMPAT, True),
            (glfw.ALPHA_BITS, 0), (glfw.DEPTH_BITS, 0), (glfw.STENCIL_BITS, 0),
            (glfw.AUTO_ICONIFY, False),  # a click on another display must not take the picture off its own
        ):  # fmt: skip
            glfw.window_hint(hint, value)
        glfw.window_hint_string(glfw.X11_CLASS_NAME, CLASS)
        self._frame = there.centred(picture)
        self.handle = glfw.create_window(*self._frame[2:], title, None, None)
        if not self.handle:
            raise Unavailable(f"no window with OpenGL 3.3 can be opened: {why(glfw)}.", DRIVERS)
        glfw.set_window_size_limits(self.handle, *SMALLEST, glfw.DONT_CARE, glfw.DONT_CARE)
        glfw.set_window_pos(self.handle, *self._frame[:2])
        self.display = there.name
        self._listen(glfw)
        if visible:
            glfw.show_window(self.handle)
        self.framebuffer = tuple(glfw.get_framebuffer_size(self.handle))

    def _listen(self, glfw: Any) -> None:
        handle = self.handle
        glfw.set_framebuffer_size_callback(handle, guarded(lambda _, *size: self._resized(size)))
        glfw.set_window_refresh_callback(handle, guarded(lambda _: self._owner.redraw()))
        glfw.set_window_pos_callback(handle, guarded(lambda *_: self._moved(glfw)))
        glfw.set_window_close_callback(handle, guarded(lambda _: self._close(glfw)))
        glfw.set_key_callback(handle, guarded(lambda _, key, code, action, mods: self._key(glfw, key, action)))
        glfw.set_mouse_button_callback(handle, guarded(lambda _, *what: self._click(glfw, *what[:2])))
        self._unwatch = DESKTOP.watch(lambda: self._displays_changed(glfw))

    def _resized(self, size: tuple[int, int]) -> None:
        self.framebuffer = size
        self._owner.redraw()

    def _moved(self, glfw: Any) -> None:
        if not self.fullscreen and glfw.get_monitors():
            self.display = self._here(glfw).name

    def _close(self, glfw: Any) -> None:
        self.is_closed = True
        glfw.hide_window(self.handle)
        self._owner.closed()

    def _key(self, glfw: Any, key: int, action: int) -> None:
        if action == glfw.PRESS and key == glfw.KEY_F:
            self._toggle(glfw)
        elif action == glfw.PRESS and key == glfw.KEY_ESCAPE:
            self._uncover(glfw)

    def _click(self, glfw: Any, button: int, action: int) -> None:
        if button != glfw.MOUSE_BUTTON_LEFT or action != glfw.PRESS:
            return
        now = self._clock.now()
        if now - self._clicked < DOUBLE_CLICK:
            self._clicked = float("-inf")
            self._toggle(glfw)
        else:
            self._clicked = now

    def _toggle(self, glfw: Any) -> None:
        if self.fullscreen:
            self._uncover(glfw)
        else:
            self._cover(glfw, self._here(glfw))

    def _here(self, glfw: Any) -> Display:
        """The display under the middle of the window."""
        x, y = glfw.get_window_pos(self.handle)
        width, height = glfw.get_window_size(self.handle)
        found = displays(glfw)
        return next((d for d in found if d.holds(x + width / 2, y + height / 2)), None) or choose(found, "")

    def _cover(self, glfw: Any, there: Display, tries: int = TRIES) -> None:
        if not self.fullscreen:
            self._frame = (*glfw.get_window_pos(self.handle), *glfw.get_window_size(self.handle))
        monitor = glfw.get_monitors()[there.number - 1]
        glfw.set_window_monitor(self.handle, monitor, 0, 0, *there.size, there.hz or glfw.DONT_CARE)
        glfw.set_input_mode(self.handle, glfw.CURSOR, glfw.CURSOR_HIDDEN)
        self.fullscreen, self.display, self._lost = True, there.name, ""
        self._owner.redraw()
        if tries:
            DESKTOP.later(SETTLE, lambda: self._settle(glfw, tries - 1))

    def _settle(self, glfw: Any, tries: int) -> None:
        """A window manager that has not heard of a new display yet puts the window on another one (openbox did):
        look whether it is where it belongs, and ask again."""
        there = next((d for d in displays(glfw) if d.name == self.display), None)
        if not self.handle or not self.fullscreen or there is None:
            return
        if (glfw.get_window_pos(self.handle), glfw.get_window_size(self.handle)) != (there.at, there.size):
            glfw.set_window_monitor(self.handle, None, *there.at, *there.size, 0)
            self._cover(glfw, there, tries)

    def _uncover(self, glfw: Any) -> None:
        self._lost = ""  # framed by choice: a display that comes back is no reason to cover it
        if self.fullscreen:
            self.fullscreen = False
            self._framed(glfw)

    def _framed(self, glfw: Any) -> None:
        glfw.set_window_monitor(self.handle, None, *self._frame, 0)
        glfw.set_input_mode(self.handle, glfw.CURSOR, glfw.CURSOR_NORMAL)
        self._moved(glfw)
        self._owner.redraw()

    def _displays_changed(self, glfw: Any) -> None:
        """GLFW has taken a window off a display that is gone; here it gets a place that can be seen. When the display
        comes back, the window covers it again."""
        found = displays(glfw)
        if self.fullscreen and not glfw.get_window_monitor(self.handle):
            self.fullscreen, self._lost = False, self.display
            if found:
                self._frame = found[0].centred(self._frame[2:])
                self._framed(glfw)
            self._owner.fell(self._lost)
        elif self._lost and (back := next((d for d in found if d.name == self._lost), None)):
            self._cover(glfw, back)

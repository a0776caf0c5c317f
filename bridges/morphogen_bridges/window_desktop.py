"""Displays and windows of this machine, through GLFW, which wants one thread to make, move and listen to them all.

That thread is `Desktop`'s, and nothing else calls those parts of GLFW. Drawing and waiting for a display's beat are
not its work: each window has a painter (`window_painter`), so two displays keep their own rates. It runs while somebody
uses it. On macOS windows belong to the process's first thread, which draws the show: there it is Unavailable.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Any, TypeVar

from morphogen import log
from morphogen.clock import WallClock
from morphogen.errors import StateError, Unavailable

Result = TypeVar("Result")
PATIENCE = 5.0  # seconds: the first window of a process took 0.2 s here, a slow driver's takes longer
POLL = 0.5  # seconds between two looks when no event and no request wakes the thread
CLASS = "Morphogen"
_REPEATED = log.Repeated(log.get("window"))
DRIVERS = "Install a driver with OpenGL 3.3 (Debian, Ubuntu: apt install libgl1 libgl1-mesa-dri)."


@dataclass(frozen=True)
class Display:
    """A display: its number (1 is the primary one), where it lies and how large it is on the desktop, pixels; the part
    that no task bar covers; pictures a second (0: it does not say)."""

    number: int
    name: str
    at: tuple[int, int]
    size: tuple[int, int]
    work: tuple[int, int, int, int]
    hz: int

    def holds(self, x: float, y: float) -> bool:
        """Whether a point of the desktop lies on it."""
        return 0 <= x - self.at[0] < self.size[0] and 0 <= y - self.at[1] < self.size[1]

    def centred(self, picture: tuple[int, int]) -> tuple[int, int, int, int]:
        """x, y, width, height of a framed window for a picture of this size: 1:1 if it fits into four fifths."""
        x, y, width, height = self.work
        scale = min(1.0, 0.8 * width / picture[0], 0.8 * height / picture[1])
        w, h = max(1, round(picture[0] * scale)), max(1, round(picture[1] * scale))
        return x + (width - w) // 2, y + (height - h) // 2, w, h


def choose(displays: Sequence[Display], wanted: str) -> Display:
    """A display by its number, its name, or a part of the name in any case; '' is the primary one. Raises
    Unavailable that lists what is there."""
    if not displays:
        raise Unavailable("no display is connected.", "Connect one.")
    if not wanted:
        return displays[0]
    called = [d for d in displays if d.name == wanted] or [d for d in displays if wanted.lower() in d.name.lower()]
    found = [d for d in displays if str(d.number) == wanted] or called
    if len(found) == 1:
        return found[0]
    here = ", ".join(f"{d.number} ({d.name}, {d.size[0]}x{d.size[1]})" for d in displays)
    what = f"several displays are called {wanted[:40]!r}" if found else f"there is no display {wanted[:40]!r}"
    raise Unavailable(f"{what}.", f"Displays here: {here}.")


def _load() -> Any:
    """The module glfw, ready to open windows. Raises Unavailable with the cure."""
    if sys.platform == "darwin":
        raise Unavailable(
            "windows belong to the main thread on macOS, which draws the show.", "Show the page full screen (V)."
        )
    if sys.platform != "win32":
        if not os.environ.get("DISPLAY"):
            here = " (Wayland alone is not enough)" if os.environ.get("WAYLAND_DISPLAY") else ""
            raise Unavailable(
                f"there is no display: DISPLAY is not set{here}.",
                "Start it from the desktop of this machine, or set DISPLAY=:0; under Wayland install Xwayland.",
            )
        # Under Wayland, too: only X11 lets a window choose its place, and GLFW 3.4 crashed where there was no mouse.
        os.environ["PYGLFW_LIBRARY_VARIANT"] = "x11"
    try:
        import glfw
    except ImportError as error:
        raise Unavailable(f"windows need the package glfw ({error}).", 'pip install "morphogen[window]"') from error
    glfw.ERROR_REPORTING = "ignore"  # asked for with get_error where it matters
    if not glfw.init():
        raise Unavailable(f"the desktop cannot be reached: {why(glfw)}.", "Check DISPLAY and its permissions.")
    return glfw


def why(glfw: Any) -> str:
    """GLFW's last error on this thread, in words."""
    _, text = glfw.get_error()
    return (text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text or "no reason given")).rstrip(".")


def guarded(work: Callable[..., object]) -> Callable[..., None]:
    """`work` as a callback of GLFW: what it raises is logged. (pyGLFW would raise it again from whichever call comes
    next, on whichever thread.)"""

    def callback(*args: Any) -> None:
        try:
            work(*args)
        except Exception as error:  # noqa: BLE001  guard of the desktop's thread: one event must not end all windows
            _REPEATED.exception(type(error).__name__, f"the desktop: {error}")

    return callback


class Desktop:
    """GLFW's thread. Use it between `acquire` and `release`, which count; the last release ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._thread: _Thread | None = None

    def acquire(self) -> None:
        """Start the thread if it does not run. Raises Unavailable."""
        with self._lock:
            if self._thread is None:
                thread = _Thread()
                thread.start()
                thread.wait()
                self._thread = thread
            self._users += 1

    def release(self) -> None:
        """Whoever acquired it needs it no more."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._thread is not None:
                thread, self._thread = self._thread, None
                thread.stop()

    def call(self, work: Callable[[Any], Result]) -> Result:
        """`work(glfw)` on the desktop's thread; its result or error. Raises StateError after PATIENCE seconds."""
        thread = self._thread
        if thread is None:
            raise StateError("the desktop is closed.", "Open the output again.")
        return thread.call(work)

    def displays(self) -> list[Display]:
        """What is connected now, the primary one first."""
        return self.call(displays)

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        """`listener()` on the desktop's thread whenever a display comes or goes; returns the unsubscriber."""
        watchers = self._thread.watchers if self._thread is not None else []
        watchers.append(listener)
        return lambda: watchers.remove(listener) if listener in watchers else None

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """Run `work()` on the desktop's thread then. Call it from there only."""
        if self._thread is not None:
            self._thread.later(seconds, work)


class _Thread(threading.Thread):
    """One life of GLFW: initialised, asked, terminated on the same thread."""

    def __init__(self) -> None:
        super().__init__(name="morphogen-desktop", daemon=True)
        self.ready: Future[None] = Future()
        self.watchers: list[Callable[[], None]] = []
        self._jobs: deque[tuple[Callable[[Any], Any], Future[Any]]] = deque()
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self._clock = WallClock()
        self._stopping = False
        self._glfw: Any = None

    def wait(self) -> None:
        """Until GLFW runs. Raises Unavailable."""
        try:
            self.ready.result(PATIENCE)
        except TimeoutError as error:
            self._stopping = True
            raise Unavailable(f"the desktop does not answer within {PATIENCE:g} s.", "Try again.") from error

    def call(self, work: Callable[[Any], Result]) -> Result:
        if threading.current_thread() is self:
            return work(self._glfw)
        future: Future[Result] = Future()
        self._jobs.append((work, future))
        self._glfw.post_empty_event()
        try:
            return future.result(PATIENCE)
        except (TimeoutError, CancelledError) as error:
            future.cancel()
            raise StateError(f"the desktop does not answer within {PATIENCE:g} s.", "Try again.") from error

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        self._timers.append((self._clock.now() + seconds, work))

    def stop(self) -> None:
        self._stopping = True
        self._glfw.post_empty_event()
        if threading.current_thread() is not self:
            self.join(1.0)

    def run(self) -> None:
        try:
            self._glfw = _load()
        except Exception as error:  # noqa: BLE001  whatever it is, it is the answer to who waits for `ready`
            self.ready.set_exception(error)
            return
        self._glfw.set_monitor_callback(guarded(self._displays_changed))
        self.ready.set_result(None)
        while not self._stopping:
            pause = min((at - self._clock.now() for at, _ in self._timers), default=POLL)
            self._glfw.wait_events_timeout(min(max(pause, 0.001), POLL))
            while self._jobs:
                self._answer(*self._jobs.popleft())
            self._ring()
        self._glfw.terminate()
        while self._jobs:
            self._jobs.popleft()[1].cancel()

    def _answer(self, work: Callable[[Any], Any], future: Future[Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work(self._glfw))
        except Exception as error:  # noqa: BLE001  the caller's, on whichever thread it waits
            future.set_exception(error)

    def _ring(self) -> None:
        now = self._clock.now()
        due = [work for at, work in self._timers if at <= now]
        self._timers = [timer for timer in self._timers if timer[0] > now]
        for work in due:
            guarded(work)()

    def _displays_changed(self, *_: Any) -> None:
        for watcher in list(self.watchers):
            guarded(watcher)()


def displays(glfw: Any) -> list[Display]:
    """Everything that is connected, as GLFW orders it. Desktop thread."""
    found = []
    for number, monitor in enumerate(glfw.get_monitors(), 1):
        mode = glfw.get_video_mode(monitor)
        name = glfw.get_monitor_name(monitor)
        text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name or f"display {number}")
        size = (mode.size.width, mode.size.height)
        at = tuple(glfw.get_monitor_pos(monitor))
        found.append(Display(number, text, at, size, tuple(glfw.get_monitor_workarea(monitor)), mode.refresh_rate))
    return found


DESKTOP = Desktop()

"""Screens for tests: X servers of our own, without a monitor, and a hand on their keys, mouse and cables."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageGrab

from waiting import until

PACKAGES = "xvfb xserver-xorg-core xserver-xorg-video-dummy x11-xserver-utils"
DUMMY = """
Section "ServerFlags"
  Option "AutoAddDevices" "false"
  Option "DontVTSwitch" "true"
EndSection
Section "Device"
  Identifier "card"
  Driver "dummy"
  VideoRam 32000
EndSection
Section "Monitor"
  Identifier "monitor"
  HorizSync 5-1000
  VertRefresh 5-200
EndSection
Section "Screen"
  Identifier "screen"
  Device "card"
  Monitor "monitor"
  DefaultDepth 24
  SubSection "Display"
    Modes "800x600"
    Virtual 1600 1200
  EndSubSection
EndSection
"""


def needs(*programs: str) -> None:
    """Skip the test where one of these is missing."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt install {PACKAGES}")


class Screen:
    """One X server on a display number that nobody else has. `close` ends the process that was started, no other."""

    def __init__(self, *command: str) -> None:
        needs(command[0])
        said, told = os.pipe()
        words = [*command, "-displayfd", str(told), "-nolisten", "tcp", "-noreset"]
        self._process = subprocess.Popen(words, pass_fds=(told,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(told)
        with os.fdopen(said) as answer:
            number = answer.readline().strip()
        if not number:
            self._process.wait(10)
            pytest.skip(f"{command[0]} does not start here (exit code {self._process.returncode})")
        self.name = f":{number}"

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    def picture(self) -> np.ndarray:
        """What it shows, (height, width, 3) uint8."""
        return np.asarray(ImageGrab.grab(xdisplay=self.name))

    def shows(self, wanted: np.ndarray, at: tuple[int, int] = (0, 0)) -> None:
        """Wait until these very pixels are there."""
        height, width = wanted.shape[:2]

        def there() -> bool:
            part = self.picture()[at[1] : at[1] + height, at[0] : at[0] + width]
            return np.array_equal(part, wanted[..., :3])

        until(there, f"the picture at {at}")


class TwoDisplays(Screen):
    """DUMMY0 with 800x600, and DUMMY1 with 640x480 on its right, which can be pulled out."""

    def __init__(self, folder: Path) -> None:
        needs("Xorg", "xrandr")
        (folder / "xorg.conf").write_text(DUMMY)
        super().__init__("Xorg", "-config", str(folder / "xorg.conf"), "-logfile", str(folder / "xorg.log"))
        try:
            self._xrandr("--addmode", "DUMMY1", "640x480")
        except BaseException:
            self.close()
            raise

    def _xrandr(self, *words: str) -> None:
        subprocess.run(["xrandr", "-display", self.name, *words], check=True, timeout=30, capture_output=True)

    def plug(self) -> None:
        self._xrandr("--output", "DUMMY1", "--mode", "640x480", "--right-of", "DUMMY0")
        self._xrandr("--query")  # looks at the plugs again: now it counts as connected

    def unplug(self) -> None:
        self._xrandr("--output", "DUMMY1", "--off")


class Hand:
    """Keys, mouse and the button that closes windows, as the X server's own test extension feels them."""

    def __init__(self, screen: Screen) -> None:
        from Xlib.display import Display

        self._display = Display(screen.name)
        self._root = self._display.screen().root

    def close(self) -> None:
        self._display.close()

    def window(self, title: str):
        """The visible window of this title, or None."""
        from Xlib import X, error

        for window in self._root.query_tree().children:
            try:
                if window.get_wm_name() == title and window.get_attributes().map_state == X.IsViewable:
                    return window
            except error.XError:  # gone meanwhile
                continue
        return None

    def seen(self, title: str):
        return until(lambda: self.window(title), f"a window {title!r}")

    def place(self, title: str) -> tuple[int, int, int, int]:
        found = self.seen(title).get_geometry()
        return found.x, found.y, found.width, found.height

    def _input(self, *events: tuple[int, int]) -> None:
        from Xlib.ext import xtest

        for kind, detail in events:
            xtest.fake_input(self._display, kind, detail)
        self._display.sync()

    def key(self, title: str, name: str) -> None:
        from Xlib import XK, X

        self.seen(title).set_input_focus(X.RevertToParent, X.CurrentTime)
        code = self._display.keysym_to_keycode(XK.string_to_keysym(name))
        self._input((X.KeyPress, code), (X.KeyRelease, code))

    def click(self, x: int, y: int, times: int) -> None:
        from Xlib import X

        self._root.warp_pointer(x, y)
        self._input(*[(X.ButtonPress, 1), (X.ButtonRelease, 1)] * times)

    def resize(self, title: str, width: int, height: int) -> None:
        self.seen(title).configure(width=width, height=height)
        self._display.sync()

    def ask_to_close(self, title: str) -> None:
        from Xlib import X
        from Xlib.protocol.event import ClientMessage

        window, atom = self.seen(title), self._display.intern_atom
        data = (32, [atom("WM_DELETE_WINDOW"), X.CurrentTime, 0, 0, 0])
        window.send_event(ClientMessage(window=window, client_type=atom("WM_PROTOCOLS"), data=data))
        self._display.sync()

    def cursor_is_hidden(self) -> bool:
        """Whether nothing of the mouse pointer can be seen where it is."""
        self._display.xfixes_query_version()
        return not any(pixel >> 24 for pixel in self._display.xfixes_get_cursor_image(self._root).cursor_image)


def one_display(width: int = 640, height: int = 400) -> Screen:
    """An Xvfb with one display."""
    return Screen("Xvfb", "-screen", "0", f"{width}x{height}x24")

"""One name on Spout: the calls of SpoutGL in the order, with the arguments and on the thread that they want.

What the C++ behind it does decides how it is called here (Spout 2.007.013 as in SpoutGL 0.1.1):

- Positional arguments only, in the order (buffer, width, height, ...); the wrapper's own names swap the two.
- How pictures are shared is settled once in the life of a sender, by what is current on the thread of its first
  call: with an OpenGL context, card to card; with none, through Direct3D's staging memory (1.6 ms for 1080p by Spout's
  author), and then BGRA is quietly taken for RGBA.
- `setSenderName` looks for a free name before it sweeps out those of senders that crashed. So it is called twice: the
  second time the dead are gone, and the show has its name again instead of `Morphogen_1`.
- A name that a living sender has gets `_1`, `_2` ... What came of it shows in the list of senders once a picture was
  sent, and nowhere else. With 64 senders (Spout's default) it is not registered at all, and nobody is told.
- False is not always a failure: it is also what a receiver causes that holds the picture for more than 67 ms.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from morphogen.errors import StateError, Unavailable, UsageError
from morphogen.frame import HEADER_BYTES, Frame, PixelFormat

GL_RGBA, GL_BGRA, GL_TEXTURE_2D = 0x1908, 0x80E1, 0x0DE1
LONGEST = 200  # Spout copies a name into 256 bytes, adds to it, and ends the process where it does not fit
FORMATS = {PixelFormat.RGBA8: GL_RGBA, PixelFormat.BGRA8: GL_BGRA}
_RUNTIME = "Install Microsoft's Visual C++ runtime (x64): https://aka.ms/vs/17/release/vc_redist.x64.exe"


def load() -> Any:
    """The module SpoutGL. Raises Unavailable with the cure."""
    try:
        import SpoutGL
    except ImportError as error:
        if sys.platform != "win32":
            other = "--out syphon" if sys.platform == "darwin" else "--out ndi, --out window or --out shm"
            raise Unavailable("Spout shares pictures on Windows only.", f"Here: {other}.") from error
        if isinstance(error, ModuleNotFoundError):
            raise Unavailable("Spout needs the package SpoutGL.", 'pip install "morphogen[spout]"') from error
        raise Unavailable(f"SpoutGL cannot be loaded ({error}).", _RUNTIME) from error
    except OSError as error:
        raise Unavailable(f"SpoutGL cannot be loaded ({error}).", _RUNTIME) from error
    return SpoutGL


def checked(name: str) -> str:
    """`name`, if Spout can keep it. Raises UsageError."""
    if not name.isascii() or len(name) > LONGEST:
        raise UsageError(
            f"Spout cannot call a sender {name[:40]!r}.", f"Use up to {LONGEST} letters and digits without accents."
        )
    return name


def senders(spout: Any) -> list[str]:
    """Names of all senders on this machine, crashed ones too until the next sender sweeps them out."""
    return [str(name) for name in spout.SpoutReceiver().getSenderList()]


class Sender:
    """A sender from its first call to `release`, all on one thread.

    name: as registered, '' until a picture was taken. frames: Spout's own count of pictures, 0 where it was switched
    off in Spout's settings. context: make an OpenGL context first, hidden and of its own, unless one is current on
    this thread. Raises Unavailable where that cannot be had; then nothing is left.
    """

    def __init__(self, spout: Any, wanted: str, context: bool = False) -> None:
        self.wanted = wanted
        self.name = ""
        self.frames = 0
        self.context = context
        self._spout = spout
        self._sender: Any = spout.SpoutSender()
        try:
            if context and not self._sender.createOpenGL():
                raise Unavailable(
                    "Spout cannot open OpenGL on this machine.",
                    "Install the graphics card's driver, or say format=rgba8.",
                )
            for _ in range(2):
                self._sender.setSenderName(wanted)
        except BaseException:
            self.release()
            raise

    def image(self, frame: Frame) -> bool:
        """Send a frame's bytes. False: not taken. BGRA8 needs `context`."""
        spec = frame.info.spec
        pixels = frame.buffer[HEADER_BYTES:]
        return self._send("sendImage", pixels, spec.width, spec.height, FORMATS[spec.format], False, 0)

    def texture(self, number: int, width: int, height: int) -> bool:
        """Send a texture of the context that is current here, top row first. False: not taken."""
        return self._send("sendTexture", number, GL_TEXTURE_2D, width, height, False, 0)

    def _send(self, call: str, *arguments: Any) -> bool:
        # No name for the bound method here: a traceback would keep the sender alive, to be taken down by whichever
        # thread collects garbage.
        before = set() if self.name else set(senders(self._spout))
        if not getattr(self._sender, call)(*arguments):
            return False
        if not self.name:
            self.name = self._registered(before)
        self._sender.setFrameSync(self.name)  # wakes receivers that wait for a picture
        self.frames = int(self._sender.getFrame())
        return True

    def _registered(self, before: set[str]) -> str:
        ours = re.compile(re.escape(self.wanted) + r"(_\d+)?")
        new = [name for name in senders(self._spout) if name not in before and ours.fullmatch(name)]
        if not new:
            raise StateError(
                f"Spout did not register {self.wanted}: its list of {len(before)} senders is full.",
                "Close other senders, or raise their number with SpoutSettings.",
            )
        return new[0]

    def release(self) -> None:
        """Free the name; idempotent."""
        sender, self._sender = self._sender, None
        if sender is None:
            return
        try:
            sender.releaseSender()
        finally:
            if self.context:
                sender.closeOpenGL()

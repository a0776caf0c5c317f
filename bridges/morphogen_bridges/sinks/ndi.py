"""NDI: the picture to every program on this network that knows NDI, by name.

On request only: NDI listens on every network interface, without a password and without encryption. `ndi_library` finds
the runtime, `ndi_sender` holds the calls, `docs/ndi.md` tells the rest.
NDI® is a registered trademark of Vizrt NDI AB, https://ndi.video
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from morphogen import log
from morphogen.contracts import Host, Sink, SinkOptions
from morphogen.frame import Frame, PixelFormat
from morphogen_bridges.ndi_library import load
from morphogen_bridges.ndi_sender import Sender, rate_of

FALLBACK_FPS = 60.0  # what receivers are told of a show that is drawn as fast as it can
_LOG = log.get("ndi")


class NdiSink(Sink):
    """An NDI source: `Morphogen`, then `Morphogen-ndi-2` ..., or `name`; receivers see 'MACHINE (Morphogen)'.

    Nothing is drawn while nobody receives. Another size goes to the receivers with the next picture, another name is
    another source. alpha: 'opaque' is sent without an alpha channel; 'straight' is what NDI means by alpha;
    'premultiplied' goes out as it is, and the receiver has to know. Raises Unavailable: no runtime, no sender.
    """

    kind = "ndi"
    formats = (PixelFormat.RGBA8, PixelFormat.BGRA8)
    extras = {}  # noqa: RUF012

    def __init__(self, options: SinkOptions | None = None) -> None:
        super().__init__(options)
        self._sender: Sender | None = None
        self._sent = 0

    @property
    def name(self) -> str:
        """As receivers show it in brackets, behind the machine's name."""
        return self.options.name or "Morphogen"

    def watched(self) -> bool:
        """Whether anybody receives; known within 0.1 s."""
        sender = self._sender
        return sender is not None and sender.receivers > 0

    def reconfigure(self, options: SinkOptions) -> None:
        """Another name is another source: the new one is there before the old one goes. Raises Unavailable: as before
        then."""
        before, self.options = self.options, options
        old, wanted = self._sender, self.name
        if old is None or (before.name or "Morphogen") == wanted:
            return
        try:
            sender = self._make(wanted)
        except BaseException:
            self.options = before
            raise
        self._sender = sender
        old.close()

    def stats(self) -> dict[str, Any]:
        """sent: pictures handed to NDI; receivers: how many programs are connected."""
        sender = self._sender
        return {"sent": self._sent, "receivers": sender.receivers if sender else 0}

    def describe(self) -> dict[str, Any]:
        """name; source: as receivers list it; tally: program, preview or off; rate: as receivers are told; alpha."""
        sender = self._sender
        return {
            "name": self.name, "source": sender.source if sender else "", "tally": sender.tally if sender else "off",
            "rate": str(self._rate()), "alpha": self.options.alpha,
        }  # fmt: skip

    def _open(self, host: Host) -> None:
        self._sender = self._make(self.name)
        _LOG.info("everybody on this network can watch %s: NDI has no password and no encryption", self._sender.source)

    def _write(self, frame: Frame) -> None:
        if self._sender is not None:
            self._sender.send(frame, self._rate())
            self._sent += 1

    def _close(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()

    def _make(self, name: str) -> Sender:
        return Sender(load(), name, self._told)

    def _told(self, tally: str) -> None:
        if self._host is not None:
            self._host.emit("output", {"event": "tally", "kind": self.kind, "name": self.name, "tally": tally})

    def _rate(self) -> Fraction:
        show = self._host.show_fps if self._host else 0.0
        wanted = self.options.fps
        return rate_of(min(wanted, show) if wanted and show else wanted or show or FALLBACK_FPS)

"""Spout (Windows): the picture in every program on this card that knows Spout, by name.

Where the OpenGL backend draws, its texture is handed over on the render thread and never leaves the card. Elsewhere the
frame's bytes are sent from a thread of this output's own. `spout_sender` holds the calls; `docs/spout-syphon.md` the
rest. Nothing of this has run on Windows: the tests hold it to Spout's source.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from morphogen import log
from morphogen.contracts import Host, Sink, SinkOptions, Textures
from morphogen.errors import RenderError, Unavailable, UsageError
from morphogen.frame import Frame, PixelFormat
from morphogen_bridges import spout_sender
from morphogen_bridges.spout_sender import Sender, checked

_LOG = log.get("spout")
HELD = 10  # pictures in a row that a receiver may keep us from writing before the sender is made anew
WAYS = ("auto", "image")


class SpoutSink(Sink):
    """A Spout sender: `Morphogen`, then `Morphogen-spout-2` ..., or `name`.

    The name stays when the size changes. One that another program has gets `_1` added by Spout: `name`, `describe` and
    the event `named` tell what became of it. Threads: the sender is made, used and released by whoever writes. A
    picture that Spout refuses is tried again once with a fresh sender in an OpenGL context of its own; raises
    Unavailable when that fails, too, at `open` when the package is missing.
    """

    kind = "spout"
    formats = (PixelFormat.RGBA8, PixelFormat.BGRA8)
    extras = {  # noqa: RUF012
        "via": "auto (the card's texture where the OpenGL backend draws, default) or image (always the frame's bytes)"
    }

    def __init__(self, options: SinkOptions | None = None) -> None:
        super().__init__(options)
        self._spout: Any = None
        self._sender: Sender | None = None
        self._way = ""
        self._home = 0
        self._registered = ""
        self._renewed = False
        self._in_a_row = 0
        self._counts = dict.fromkeys(("frames", "refused", "senders"), 0)

    @property
    def name(self) -> str:
        """As registered; until the first picture as wanted."""
        return self._registered or self._wanted

    @property
    def _wanted(self) -> str:
        return self.options.name or "Morphogen"

    def meet(self, host: Host) -> None:
        """Goes to the render thread where the pictures are textures already."""
        self.textured = host.textures is not None and self._may_share(self.options)
        if self.textured:
            self.thread = "render"
            with suppress(Unavailable):  # `open` tells
                spout_sender.load()  # slow the first time: not on the render thread

    def reconfigure(self, options: SinkOptions) -> None:
        """Another name is another sender, from the next picture on; anything else keeps it. Raises UsageError."""
        checked(options.name)
        _via(options)
        before, self.options = self._wanted, options
        self.textured = self.thread == "render" and self._may_share(options)
        if self._wanted != before:
            self._drop()

    def stats(self) -> dict[str, Any]:
        """frames: as Spout counts them for receivers; refused: pictures that it did not take; senders: made so far."""
        return dict(self._counts)

    def describe(self) -> dict[str, Any]:
        """name: as registered; wanted: where that differs; via: texture or image; alpha: what it means."""
        told = {"name": self.name, "via": self._way or "nothing yet", "alpha": self.options.alpha}
        return told if self.name == self._wanted else {**told, "wanted": self._wanted}

    # --- hooks

    def _open(self, host: Host) -> None:
        checked(self._wanted)
        _via(self.options)
        self._spout = spout_sender.load()
        self._renewed = False
        self._in_a_row = 0

    def _write(self, frame: Frame) -> None:
        textures = self._host.textures if self.textured and self._host is not None else None
        self._move(textures)
        texture = self._texture(textures, frame)
        way = "texture" if texture else "image"
        context = not texture and frame.info.spec.format is PixelFormat.BGRA8
        sender = self._sender
        if sender is None or way != self._way or (context and not sender.context):
            sender = self._make(way, context)
        if self._send(sender, frame, texture):
            return
        self._counts["refused"] += 1
        self._in_a_row += 1
        if sender.name and self._in_a_row < HELD:
            return
        if not self._renewed:
            self._renewed = True
            if self._send(self._make(way, context=True), frame, texture):
                return
        raise Unavailable(
            f"Spout does not take the pictures of {self._wanted}.",
            "Let SpoutSettings (Diagnostics) test this card; on a laptop with two cards run `morphogen doctor "
            "--prefer-gpu`; --out spout:via=image goes without sharing OpenGL.",
        )

    def _close(self) -> None:
        self._drop()
        self._spout = None

    # --- inside, on the thread that writes

    def _move(self, textures: Textures | None) -> None:
        """Release a sender that was made in another context, before that of the pictures becomes current here: it
        deletes its textures by number, and in another context those numbers are somebody else's (`CleanupGL`, which its
        destructor calls, too)."""
        home = textures.contexts if textures is not None else 0
        if self._sender is not None and home != self._home:
            if textures is not None and self._home:
                textures.leave()
            self._drop()
        self._home = home

    @staticmethod
    def _texture(textures: Textures | None, frame: Frame) -> int:
        """The picture's texture, its context current from now on; 0 where there is none. Then its bytes are there."""
        if textures is None:
            return 0
        try:
            return textures.texture(frame.info.spec)
        except RenderError:  # larger than one texture of this card
            return 0

    def _make(self, way: str, context: bool) -> Sender:
        self._drop()
        self._sender = sender = Sender(self._spout, self._wanted, context)
        self._way = way
        self._counts["senders"] += 1
        return sender

    def _send(self, sender: Sender, frame: Frame, texture: int) -> bool:
        spec = frame.info.spec
        taken = sender.texture(texture, spec.width, spec.height) if texture else sender.image(frame)
        if taken:
            self._in_a_row = 0
            self._counts["frames"] = sender.frames
            if sender.name != self._registered:
                self._tell(sender.name)
        return taken

    def _tell(self, registered: str) -> None:
        self._registered = registered
        if registered == self._wanted:
            return
        _LOG.warning("another program sends as %s; this output is called %s", self._wanted, registered)
        if self._host is not None:
            said = {"event": "named", "kind": self.kind, "name": registered, "wanted": self._wanted}
            self._host.emit("output", said)

    def _drop(self) -> None:
        sender, self._sender = self._sender, None
        self._registered = ""
        if sender is not None:
            sender.release()

    @staticmethod
    def _may_share(options: SinkOptions) -> bool:
        # Card to card there is no order of channels to be told: a BGRA texture would arrive with red and blue swapped.
        return options.format is not PixelFormat.BGRA8 and options.extra.get("via") != "image"


def _via(options: SinkOptions) -> None:
    way = options.extra.get("via", WAYS[0])
    if way not in WAYS:
        raise UsageError(f"spout: via={way[:40]} is not understood.", f"Allowed: {', '.join(WAYS)}.")

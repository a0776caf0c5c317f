"""Spout: the test card goes out by the real sink and comes back by a receiver of this program's own."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.clock import WallClock
from morphogen.contracts import SinkOptions
from morphogen.findings import Finding, version
from morphogen.frame import Alpha, PixelFormat
from morphogen_bridges.probes.card import card, check
from morphogen_bridges.probes.host import ProbeHost

TRIES = 10  # the first pictures may be empty
CURE = "Put Morphogen and its receivers on one graphics card (`morphogen doctor gpu`); let SpoutSettings test it."


def probe() -> Finding:
    """Send and receive until the card is there. Raises Unavailable."""
    from morphogen_bridges.sinks.spout import SpoutSink
    from morphogen_bridges.spout_sender import GL_RGBA, load

    spout = load()
    sink = SpoutSink(SinkOptions(name=f"Morphogen-probe-{os.getpid()}", alpha="straight"))
    sink.open(ProbeHost())
    receiver: Any = spout.SpoutReceiver()
    seen = f"SpoutGL {version('SpoutGL')}"
    try:
        sent = card(pixel_format=PixelFormat.RGBA8, alpha=Alpha.STRAIGHT)
        picture, started = None, 0.0
        for _ in range(TRIES):
            started = WallClock().now()
            sink.write(sent)
            picture = _received(receiver, sink.name, GL_RGBA, picture)
            if picture is not None and picture.any():
                break
        took = WallClock().now() - started
        others = [name for name in receiver.getSenderList() if name != sink.name]
        name, way = sink.name, sink.describe()["via"]
    finally:
        receiver.releaseReceiver()
        sink.close()
    if picture is None:
        return Finding("spout", "output", "failed", f"{seen}, sent as {name}, but nothing came back", CURE)
    verdict = check(picture, sent)
    summary = f"{seen}, card sent by {way} and received in {took * 1e3:.1f} ms: {verdict.seen()}"
    details = {"milliseconds": round(took * 1e3, 2), "senders": others}
    return Finding(
        "spout", "output", "works" if verdict.ok() else "failed", summary, "" if verdict.ok() else CURE, details
    )


def _received(receiver: Any, name: str, order: int, picture: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
    """What the receiver has now: a buffer of the sender's size, filled if there is a picture."""
    receiver.setReceiverName(name)
    for _ in range(3):  # the first call only looks for Direct3D, the next one for the sender
        taken = receiver.receiveImage(None if picture is None else picture, order, False, 0)
        if receiver.isUpdated():
            size = receiver.getSenderHeight(), receiver.getSenderWidth(), 4
            picture = np.zeros(size, np.uint8)
        elif taken:
            return picture
    return picture

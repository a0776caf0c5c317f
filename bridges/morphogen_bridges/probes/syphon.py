"""Syphon: the test card goes out by the real sink and comes back by a client of this program's own."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from morphogen.clock import WallClock
from morphogen.contracts import SinkOptions
from morphogen.findings import Finding, version
from morphogen.frame import Alpha, PixelFormat
from morphogen_bridges.probes.card import card, check
from morphogen_bridges.probes.host import ProbeHost

CURE = "Give Morphogen a graphical session of its own (Syphon needs one), and see that other programs find it."
SECONDS = 3.0  # for the directory to hear of the server, and the card to finish
RUN_LOOP = 0.05  # instead of the second that one look takes otherwise


def probe() -> Finding:
    """Send and receive one card. Raises Unavailable."""
    from morphogen_bridges.sinks.syphon import load

    _, _, pool = load()
    with pool():
        return _looped()


def _looped() -> Finding:
    from morphogen_bridges.sinks.syphon import SyphonSink

    sink = SyphonSink(SinkOptions(name=f"Morphogen probe {os.getpid()}", alpha="straight"))
    sink.open(ProbeHost())
    seen = f"syphon-python {version('syphon-python')}"
    try:
        client = _client(sink.name)
        if client is None:
            return Finding("syphon", "output", "failed", f"{seen}, but the server is not in the directory", CURE)
        try:
            return _compared(sink, client, seen)
        finally:
            client.stop()
    finally:
        sink.close()


def _compared(sink: Any, client: Any, seen: str) -> Finding:
    sent = card(pixel_format=PixelFormat.BGRA8, alpha=Alpha.STRAIGHT)
    watched = sink.watched()
    clock = WallClock()
    started = clock.now()
    sink.write(sent)
    while not client.has_new_frame and clock.now() < started + SECONDS:
        clock.wait_until(clock.now() + 0.001)
    texture = client.new_frame_image
    took = clock.now() - started
    if texture is None:
        return Finding("syphon", "output", "failed", f"{seen}, card sent, but nothing came back", CURE)
    from syphon.utils.raw import copy_mtl_texture_to_bytes

    data = copy_mtl_texture_to_bytes(texture)
    # The surface that receivers share: BGRA, bottom row first.
    picture = np.frombuffer(data, np.uint8).reshape(texture.height(), texture.width(), 4)[::-1]
    verdict = check(picture, sent, "BGRA")
    told = "" if watched else "; the client was not noticed"
    summary = f"{seen}, card sent and received in {took * 1e3:.1f} ms: {verdict.seen()}{told}"
    whole = verdict.ok() and watched
    details = {"milliseconds": round(took * 1e3, 2)}
    return Finding("syphon", "output", "works" if whole else "failed", summary, "" if whole else CURE, details)


def _client(name: str) -> Any:
    """A client of the server of that name, or None when the directory does not show it in time."""
    import syphon

    directory = syphon.SyphonServerDirectory()
    directory.run_loop_interval = RUN_LOOP
    clock = WallClock()
    deadline = clock.now() + SECONDS
    while clock.now() < deadline:
        found = directory.servers_matching_name(name)
        if found:
            return syphon.SyphonMetalClient(found[0])
        clock.wait_until(clock.now() + 0.01)
    return None

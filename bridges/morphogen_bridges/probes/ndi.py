"""NDI: the test card goes out through the real sink, is found by its name, received and read."""

from __future__ import annotations

import os
from typing import Any

from morphogen.contracts import SinkOptions
from morphogen.findings import Finding
from morphogen.frame import Alpha
from morphogen_bridges.ndi_library import load
from morphogen_bridges.probes.card import card, check
from morphogen_bridges.probes.host import ProbeHost

SECONDS = 5.0
STEP_MS = 100
FIREWALL = "Allow this Python in the firewall (TCP 5960 and up), also for 127.0.0.1."


def probe() -> Finding:
    """Send and receive cards with alpha until one has come back, for at most five seconds. Raises Unavailable."""
    from morphogen_bridges.sinks.ndi import NdiSink

    library, host = load(), ProbeHost()
    seen = f"NDI {library.says.split()[-1]}"
    sink = NdiSink(SinkOptions(name=f"Morphogen probe {os.getpid()}", alpha="straight"))
    sink.open(host)
    try:
        return _received(sink, library, host.clock, seen)
    finally:
        sink.close()


def _received(sink: Any, library: Any, clock: Any, seen: str) -> Finding:
    from morphogen_bridges.ndi_receiver import Finder, Receiver

    end, source = clock.now() + SECONDS, str(sink.describe()["source"])
    finder, receiver, index = Finder(library), None, 0
    try:
        while clock.now() < end:
            if receiver is None:
                found = finder.find(source, STEP_MS)
                receiver = Receiver(library, *found) if found else None
                continue
            index += 1
            sent, start = card(alpha=Alpha.STRAIGHT, index=index), clock.now()
            sink.write(sent)
            picture = receiver.receive(STEP_MS)
            took = (clock.now() - start) * 1e3
            if picture is not None:
                verdict = check(picture, sent)
                if verdict.index == index:
                    return _judged(f"{seen}, card sent and received in {took:.0f} ms: {verdict.seen()}", verdict.ok())
        what = "nothing was received" if receiver else "the source was not found on this machine"
        return Finding("ndi", "output", "failed", f"{seen}, but {what} within {SECONDS:g} s", FIREWALL)
    finally:
        if receiver is not None:
            receiver.close()
        finder.close()


def _judged(seen: str, ok: bool) -> Finding:
    return Finding(
        "ndi", "output", "works" if ok else "failed", seen, "" if ok else "Update NDI, and please report this."
    )

"""Shared memory: the test card is written by the real sink, read back and looked at."""

from __future__ import annotations

import os

from morphogen.contracts import SinkOptions
from morphogen.findings import Finding
from morphogen_bridges.probes.card import card, check
from morphogen_bridges.probes.host import ProbeHost


def probe() -> Finding:
    """Write and read one test card under a name that nobody else uses."""
    from morphogen_bridges.clients.shm import ShmReader
    from morphogen_bridges.sinks.shm import ShmSink

    name = f"morphogen-probe-{os.getpid()}"
    sink, host = ShmSink(SinkOptions(name=name)), ProbeHost()
    sink.open(host)
    try:
        sent, start = card(), host.clock.now()
        sink.write(sent)
        reader = ShmReader(name)
        try:
            found = reader.wait(1.0)
            took = (host.clock.now() - start) * 1e3
        finally:
            reader.close()
    finally:
        sink.close()
    if found is None:
        return Finding("shm", "output", "failed", "the card could not be read back", "Check the space in /dev/shm.")
    verdict = check(found[1], sent)
    seen = f"card written and read back in {took:.1f} ms: {verdict.seen()}"
    return Finding("shm", "output", "works" if verdict.ok() else "failed", seen)

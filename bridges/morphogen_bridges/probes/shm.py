"""Shared memory: a frame is written by the real sink and read back whole."""

from __future__ import annotations

import os

import numpy as np

from morphogen.contracts import SinkOptions
from morphogen.findings import Finding
from morphogen_bridges.probes.host import ProbeHost, draw_card


def probe() -> Finding:
    """Write and read one test card under a name that nobody else uses."""
    from morphogen_bridges.clients.shm import ShmReader
    from morphogen_bridges.sinks.shm import ShmSink

    name = f"morphogen-probe-{os.getpid()}"
    sink = ShmSink(SinkOptions(name=name))
    sink.open(ProbeHost())
    try:
        card = draw_card()
        sink.write(card)
        reader = ShmReader(name)
        try:
            found = reader.wait(1.0)
        finally:
            reader.close()
    finally:
        sink.close()
    whole = found is not None and np.array_equal(found[1], card.pixels)
    if not whole:
        return Finding("shm", "output", "failed", "the frame could not be read back", "Check the space in /dev/shm.")
    return Finding("shm", "output", "works", "frame written and read back")

"""ZeroMQ: a frame goes out through the real sink and comes back whole; a control call is answered."""

from __future__ import annotations

import numpy as np

from morphogen.contracts import SinkOptions
from morphogen.findings import Finding, version
from morphogen_bridges.probes.host import ProbeHost, draw_card

SECONDS = 3.0


def probe() -> Finding:
    """Publish and read one test card on a free port of this machine."""
    import zmq as library

    from morphogen_bridges.clients.frames import FrameReader
    from morphogen_bridges.sinks.zmq_frames import ZmqFrames

    host, card = ProbeHost(), draw_card()
    sink = ZmqFrames(SinkOptions(extra={"port": "0"}))
    sink.open(host)
    reader = FrameReader(f"tcp://127.0.0.1:{sink.describe()['port']}")
    seen = f"pyzmq {version('pyzmq')}, libzmq {library.zmq_version()}"
    try:
        end = host.clock.now() + SECONDS
        while host.clock.now() < end:
            if sink.watched():
                sink.write(card)
            picture = reader.read(0.05)
            if picture is not None:
                whole = bool(np.array_equal(picture[1], card.pixels))
                text = "frame sent and received" if whole else "the frame came back different"
                return Finding("zmq", "output", "works" if whole else "failed", f"{seen}, {text}")
    finally:
        reader.close()
        sink.close()
    cure = "A firewall that blocks 127.0.0.1 is the usual reason: allow Python there."
    return Finding("zmq", "output", "failed", f"{seen}, no frame came back within {SECONDS:g} s", cure)

"""ZeroMQ: the test card goes out through the real sink, comes back and is looked at."""

from __future__ import annotations

from morphogen.contracts import SinkOptions
from morphogen.findings import Finding, version
from morphogen_bridges.probes.card import card, check
from morphogen_bridges.probes.host import ProbeHost

SECONDS = 3.0


def probe() -> Finding:
    """Publish and read one test card on a free port of this machine."""
    import zmq as library

    from morphogen_bridges.clients.frames import FrameReader
    from morphogen_bridges.sinks.zmq_frames import ZmqFrames

    host, sent = ProbeHost(), card()
    sink = ZmqFrames(SinkOptions(extra={"port": "0"}))
    sink.open(host)
    reader = FrameReader(f"tcp://127.0.0.1:{sink.describe()['port']}")
    seen = f"pyzmq {version('pyzmq')}, libzmq {library.zmq_version()}"
    try:
        end = host.clock.now() + SECONDS
        while host.clock.now() < end:
            start = host.clock.now()
            if sink.watched():
                sink.write(sent)
            picture = reader.read(0.05)
            if picture is not None:
                took = (host.clock.now() - start) * 1e3
                verdict = check(picture[1], sent)
                seen += f", card sent and received in {took:.1f} ms: {verdict.seen()}"
                return Finding("zmq", "output", "works" if verdict.ok() else "failed", seen)
    finally:
        reader.close()
        sink.close()
    cure = "A firewall that blocks 127.0.0.1 is the usual reason: allow Python there."
    return Finding("zmq", "output", "failed", f"{seen}, no frame came back within {SECONDS:g} s", cure)

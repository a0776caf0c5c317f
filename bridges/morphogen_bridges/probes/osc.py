"""OSC: a packet is sent to the real source and moves a parameter."""

from __future__ import annotations

import socket
import struct

from morphogen.findings import Finding
from morphogen_bridges.probes.host import ProbeHost

SECONDS = 2.0
PACKET = b"/morphogen/view/zoom\0\0\0\0,f\0\0" + struct.pack(">f", 1.5)


def probe() -> Finding:
    """Send one message on a free UDP port of this machine."""
    from morphogen_bridges.sources.osc import OscSource

    host = ProbeHost()
    source = OscSource("127.0.0.1", 0)
    source.open(host)
    try:
        start = host.clock.now()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(PACKET, ("127.0.0.1", source.port))
        arrived = host.params.arrived.wait(SECONDS)
        took = (host.clock.now() - start) * 1e3
    finally:
        source.close()
    if arrived and host.params.get("view/zoom") == 1.5:
        return Finding("osc", "input", "works", f"message sent and received in {took:.1f} ms")
    cure = "A firewall that blocks UDP on 127.0.0.1 is the usual reason: allow Python there."
    return Finding("osc", "input", "failed", f"no message came back within {SECONDS:g} s", cure)

"""What this instrument is called in the network. Derived, so that OSCQuery, mDNS and the guard of the page agree."""

from __future__ import annotations

import re
import socket

from morphogen.ports import DEFAULT_BASE


def instance_name(osc_port: int = DEFAULT_BASE) -> str:
    """What people see in their browsers: 'Morphogen (studio)', a second one on that machine 'Morphogen (studio 8810)'.

    The same after every start, because clients find their server again by it."""
    number = "" if osc_port == DEFAULT_BASE else f" {osc_port}"
    return f"Morphogen ({_machine()}{number})"


def host_name(port: int) -> str:
    """The name whose address mDNS tells: one of our own, since the machine's own belongs to the system's responder."""
    return f"{re.sub(r'[^a-z0-9-]+', '-', _machine().lower()).strip('-') or 'host'}-morphogen-{port}.local"


def _machine() -> str:
    return socket.gethostname().partition(".")[0][:30] or "host"

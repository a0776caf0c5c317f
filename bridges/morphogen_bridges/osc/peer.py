"""Who sent a packet, and how to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Peer(NamedTuple):
    """host: IP address. origin: 'osc:IP:PORT', as parameters keep it. reply: sends one packet; never raises, never
    blocks; source's thread only."""

    host: str
    origin: str
    reply: Callable[[bytes], None]

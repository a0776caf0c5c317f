"""The ports of DESIGN section 6, as offsets from one base."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_BASE = 8710


@dataclass(frozen=True)
class Ports:
    """All ports of one instance. `--port-base N` shifts them together."""

    base: int = DEFAULT_BASE

    @property
    def osc(self) -> int:
        """OSC in: UDP, and TCP on the same number."""
        return self.base

    @property
    def osc_out(self) -> int:
        """OSC feedback goes to this port of 127.0.0.1."""
        return self.base + 1

    @property
    def http(self) -> int:
        """Page, REST, WebSockets, OSCQuery."""
        return self.base + 2

    @property
    def control(self) -> int:
        """ZeroMQ ROUTER."""
        return self.base + 3

    @property
    def params(self) -> int:
        """ZeroMQ PULL."""
        return self.base + 4

    @property
    def frames(self) -> int:
        """ZeroMQ PUB: frames."""
        return self.base + 5

    @property
    def events(self) -> int:
        """ZeroMQ PUB: events."""
        return self.base + 6

    @property
    def scenes(self) -> int:
        """ZeroMQ PUB: scenes, for the followers of a wall."""
        return self.base + 7

"""One receiver of OSC feedback: a connected UDP socket that learns from ICMP whether anybody is there. One thread."""

from __future__ import annotations

import contextlib
import socket
import struct

from morphogen.errors import Unavailable
from morphogen_bridges.osc.codec import write_message

PROBE_SECONDS = 2.0  # between two attempts at a receiver that is not there
FLOAT_MAX = 3.4e38
_FLOAT = struct.Struct(">f")


class FloatMessage:
    """A message with one float, all but the float written beforehand: thousands a second cost no text work."""

    __slots__ = ("_head",)

    def __init__(self, address: str) -> None:
        self._head = write_message(address, 0.0)[:-4]

    def __call__(self, value: float) -> bytes:
        """The packet that says `value`."""
        return self._head + _FLOAT.pack(min(max(value, -FLOAT_MAX), FLOAT_MAX))


class Target:
    """A receiver. Silence costs nothing: while nobody listens, one small probe every PROBE_SECONDS is all that is sent.

    fixed: given at start, never removed. pending: parameter values it has yet to hear, newest only.
    `alive` turns true one tick after a packet that nobody refused. Raises Unavailable for a name without an address.
    """

    def __init__(self, host: str, port: int, fixed: bool) -> None:
        flags = 0 if fixed else socket.AI_NUMERICHOST  # a subscriber's address needs no name server, and must not wait
        try:
            if not 0 < port < 65_536:  # the resolver would take it modulo 65,536
                raise OverflowError("a port is 1 to 65535")
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=flags)[0]
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        except (OSError, OverflowError, UnicodeError) as error:
            raise Unavailable(
                f"OSC feedback cannot find {host}:{port}: {error}.", "Give --osc-out an IP address and a port."
            ) from error
        self.ip, self.port = str(address[0]), port
        self.fixed = fixed
        self.alive = False
        self.reported = False
        self.refused = 0
        self.pending: dict[str, float] = {}
        self._asked = False
        self._probe_at = float("-inf")
        self._socket.setblocking(False)
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        with contextlib.suppress(OSError):  # no route yet: like nobody there, seen at the first send
            self._socket.connect(address)

    def check(self, now: float) -> bool:
        """Once a tick, before sending: hear what became of the last packets. True when it has just come alive."""
        if not self._asked:
            return False
        self._asked = False
        try:
            self._socket.recv(65_535)
        except BlockingIOError:
            pass  # no complaint
        except OSError:  # refused: Linux and macOS say ECONNREFUSED here, Windows WSAECONNRESET
            self._fail(now)
            return False
        awoke, self.alive, self.refused = not self.alive, True, 0
        return awoke

    def probe(self, packet: bytes, now: float) -> None:
        """Knock at a receiver that is not alive, at most every PROBE_SECONDS."""
        if not self.alive and now >= self._probe_at:
            self._probe_at = now + PROBE_SECONDS
            self._send(packet, now)

    def send(self, packet: bytes, now: float) -> bool:
        """One packet, if anybody is there. Never blocks, never raises. False: not sent."""
        return self.alive and self._send(packet, now)

    def revive(self) -> None:
        """It has asked for feedback just now."""
        self.refused = 0
        self.alive = False
        self._probe_at = float("-inf")

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _send(self, packet: bytes, now: float) -> bool:
        try:
            self._socket.send(packet)
        except BlockingIOError:  # its buffer is full: feedback is worth nothing late
            return False
        except OSError:
            self._fail(now)
            return False
        self._asked = True
        return True

    def _fail(self, now: float) -> None:
        self._asked = False  # this complaint was the answer: silence after it would be taken for a receiver
        self.alive = False
        self.refused += 1
        self._probe_at = now + PROBE_SECONDS

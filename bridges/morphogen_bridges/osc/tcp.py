"""One TCP client of the OSC source, and the sockets the source listens on."""

from __future__ import annotations

import errno
import socket
import sys
from contextlib import suppress

from morphogen.errors import Unavailable
from morphogen_bridges.osc.codec import OscError
from morphogen_bridges.osc.peer import Peer
from morphogen_bridges.osc.slip import StreamDecoder

RECEIVE_BUFFER = 4 << 20  # bytes asked for; the system may give less (Linux: net.core.rmem_max)
CHUNK = 16_384  # bytes read from one client a wake, so that one client cannot keep the others waiting


def listen(bind: str, port: int) -> tuple[socket.socket, socket.socket]:
    """The UDP socket and the TCP listener on one port number, non-blocking; port 0: any that is free for both.
    Raises Unavailable with the cure."""
    for _ in range(0 if port else 20):
        try:
            return _listen(bind, port)
        except Unavailable:  # free for UDP, taken for TCP: the system picks another one
            pass
    return _listen(bind, port)


def _listen(bind: str, port: int) -> tuple[socket.socket, socket.socket]:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    udp = socket.socket(family, socket.SOCK_DGRAM)
    tcp = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":  # there, another program could bind the same port and take our packets
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:  # a restart must not wait for connections in TIME_WAIT
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        udp.bind((bind, port))
        tcp.bind((bind, udp.getsockname()[1]))
        tcp.listen(8)
        udp.setblocking(False)
        tcp.setblocking(False)
    except (OSError, OverflowError) as error:
        udp.close()
        tcp.close()
        raise _unavailable(bind, port, error) from error
    return udp, tcp


def _unavailable(bind: str, port: int, error: Exception) -> Unavailable:
    number = getattr(error, "errno", None)
    if number == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return Unavailable(
            f"OSC cannot listen on {bind!r}: this machine has no such address.",
            "Use --osc-bind 127.0.0.1, or 0.0.0.0 for all networks.",
        )
    if number in (errno.EADDRINUSE, errno.EACCES):
        return Unavailable(
            f"OSC port {port} on {bind} is taken, probably by another instance.",
            "Stop it, or start this one with --port-base N (all ports shift together).",
        )
    return Unavailable(f"OSC cannot listen on {bind}:{port}: {error}.", "Choose another port with --port-base N.")


class TcpClient:
    """A connected client. `dead` says that it must be dropped; source's thread only."""

    def __init__(self, connection: socket.socket, address: tuple[str, int]) -> None:
        self.connection = connection
        self.dead = False
        self.heard = 0.0
        self._decoder = StreamDecoder()
        connection.setblocking(False)
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.peer = Peer(address[0], f"osc:{address[0]}:{address[1]}", self._reply)

    def read(self) -> list[bytes]:
        """Packets that have arrived; sets `dead` at the end of the stream. Raises OscError for broken framing."""
        try:
            data = self.connection.recv(CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.dead = True
        try:
            return self._decoder.feed(data)
        except OscError:
            self.dead = True
            raise

    def _reply(self, packet: bytes) -> None:
        # A client that does not read its answers is dropped: keeping them would let it fill our memory.
        data = self._decoder.frame(packet)
        try:
            self.dead |= self.connection.send(data) < len(data)
        except OSError:
            self.dead = True

"""The base of everything that listens on ZeroMQ and owns a thread: opening, keys, closing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from morphogen import log
from morphogen.contracts import Host, Source
from morphogen.errors import MorphogenError
from morphogen_bridges.zmq_common import SocketThread, bind, check_public, context, endpoint
from morphogen_bridges.zmq_curve import Ticket, secure_server

if TYPE_CHECKING:
    import zmq


class ZmqServer(Source):
    """Binds one socket and runs it on one thread.

    what: how errors call it. kind: name of the ZeroMQ socket type. max_message: bytes; a larger message ends its
    sender's connection unread. queue: messages waiting for (or from) each peer, beyond which they are dropped or
    held back. keys: CURVE keys folder, required off the loopback.
    """

    what: ClassVar[str]
    kind: ClassVar[str]
    max_message: ClassVar[int]
    queue: ClassVar[int]

    def __init__(self, bind: str, port: int, keys: Path | None, counters: tuple[str, ...]) -> None:
        super().__init__()
        self._bind, self._port, self._keys = bind, port, keys
        self._stats = dict.fromkeys(counters, 0)
        self._log = log.Repeated(log.get(self.name))
        self._ticket: Ticket | None = None

    def describe(self) -> dict[str, Any]:
        """Address, port and whether keys are needed."""
        return {"url": endpoint(self._bind, self._port), "port": self._port, "curve": self._keys is not None}

    def stats(self) -> dict[str, Any]:
        """Counters since the start."""
        return dict(self._stats)

    def _worker(self, socket: zmq.Socket[bytes]) -> SocketThread:
        """The thread that will own the socket, not yet started."""
        raise NotImplementedError

    def _open(self, host: Host) -> None:
        import zmq

        check_public(self.what, self._bind, self._keys)
        socket = context().socket(getattr(zmq, self.kind))
        socket.linger = 0
        socket.maxmsgsize = self.max_message
        socket.sndhwm = socket.rcvhwm = self.queue
        socket.tcp_keepalive = 1  # a client that lost its cable is forgotten some day
        try:
            if self._keys is not None:
                self._ticket = secure_server(socket, self._keys)
            self._port = bind(socket, self._bind, self._port, self.what)
        except MorphogenError:
            socket.close(0)
            self._close_ticket()
            raise
        self._host = host
        self._socket = socket
        self._thread = self._worker(socket)
        self._thread.start()

    def _close(self) -> None:
        self._thread.stop()
        self._close_ticket()

    def _close_ticket(self) -> None:
        if self._ticket is not None:
            self._ticket.close()
            self._ticket = None

"""Scenes of a leader over ZeroMQ: a SUB that hands every message on, in order (docs/walls.md)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from morphogen import log
from morphogen.contracts import Host, Source
from morphogen.errors import MorphogenError
from morphogen_bridges.zmq_common import SocketThread, context, endpoint, monitored, unpack
from morphogen_bridges.zmq_curve import secure_client

Deliver = Callable[[str, Any], bool]
QUEUE = 64
BATCH = 64
MAX_MESSAGE = 16 << 20  # two networks of 464 k weights are 4 MB
MAX_DEPTH = 8
HEARTBEAT_MS, SILENT_MS = 1000, 3000
PATIENCE = 4  # polls of a quarter of a second
SELDOM = 600.0  # seconds between two lines in the log about the same trouble


class ZmqLeader(Source):
    """Connects to the scenes of a leader, and again whenever it went away.

    deliver(topic, map): takes one message on this source's thread; raises ValueError for what is no scene, which is
    counted and left out; returns True to be sent everything again. keys: CURVE keys folder of a client (leaders beyond
    this machine ask for it). Heartbeats find out within three seconds when the leader's machine or cable is gone.
    Raises Unavailable at `open` for keys that cannot be read.
    """

    name = "zmq_leader"

    def __init__(self, host: str, port: int, deliver: Deliver, keys: Path | None = None) -> None:
        super().__init__()
        self._address = endpoint(host, port)
        self._keys = keys
        self._deliver = deliver
        self._log = log.Repeated(log.get(self.name), SELDOM)
        self._stats = dict.fromkeys(("received", "rejected", "connected", "refused"), 0)
        self._asked = False
        self._greeted = False
        self._given_up = 0

    def describe(self) -> dict[str, Any]:
        """Where the leader is."""
        return {"url": self._address, "curve": self._keys is not None}

    def stats(self) -> dict[str, Any]:
        """Messages received and rejected; how often a connection was made, and refused."""
        return dict(self._stats)

    def _open(self, host: Host) -> None:
        import zmq

        socket = context().socket(zmq.SUB)
        socket.linger = 0
        socket.rcvhwm = QUEUE
        socket.maxmsgsize = MAX_MESSAGE
        socket.ipv6 = "[" in self._address
        socket.heartbeat_ivl, socket.heartbeat_timeout, socket.heartbeat_ttl = HEARTBEAT_MS, SILENT_MS, SILENT_MS
        socket.reconnect_ivl, socket.reconnect_ivl_max = 100, 1000
        try:
            if self._keys is not None:
                secure_client(socket, self._keys)
        except MorphogenError:
            socket.close(0)
            raise
        self._socket = socket
        self._monitor = monitored(socket)
        socket.subscribe(b"")
        socket.connect(self._address)
        self._thread = SocketThread(self.name, socket, self._look, self._read, self._let_go)
        self._thread.start()

    def _close(self) -> None:
        self._thread.stop()

    # --- everything below runs on the socket's thread

    def _read(self) -> None:
        import zmq

        for _ in range(BATCH):
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._stats["received"] += 1
            try:
                again = self._take(parts)
            except ValueError as error:
                self._stats["rejected"] += 1
                self._log.warn(str(error)[:30], f"{self._address}: {error}")
                continue
            if again and not self._asked:
                self._socket.subscribe(b"again")  # whoever subscribes is sent everything; the topic itself is empty
                self._socket.unsubscribe(b"again")
            self._asked = again

    def _take(self, parts: list[bytes]) -> bool:
        if len(parts) != 2:
            raise ValueError(f"a message of {len(parts)} parts, a scene has two")
        topic = parts[0][:40].decode("ascii", "replace")
        return self._deliver(topic, unpack(parts[1], max_depth=MAX_DEPTH))

    def _look(self) -> None:
        """What became of the connection. libzmq connects again by itself, but tells nobody why it has to, and not after
        a refused key or a message too large: then it is done here, a second later."""
        from zmq.utils.monitor import recv_monitor_message

        before = self._given_up
        while self._monitor.poll(0):
            self._happened(recv_monitor_message(self._monitor)["event"])
        if before and self._given_up == before:
            self._given_up -= 1
            if not self._given_up:
                self._connect_anew()

    def _happened(self, event: int) -> None:
        from zmq import Event

        failures = (Event.HANDSHAKE_FAILED_AUTH, Event.HANDSHAKE_FAILED_PROTOCOL, Event.HANDSHAKE_FAILED_NO_DETAIL)
        if event == Event.HANDSHAKE_SUCCEEDED:
            self._greeted = True
            self._stats["connected"] += 1
        elif event in failures or event == Event.DISCONNECTED:
            if event != Event.DISCONNECTED or not self._greeted:
                self._refused()
            self._greeted = False
            self._given_up = PATIENCE
        elif event in (Event.CONNECT_RETRIED, Event.CONNECT_DELAYED, Event.CONNECTED):
            self._given_up = 0

    def _connect_anew(self) -> None:
        import zmq

        with contextlib.suppress(zmq.ZMQError):  # libzmq may have forgotten it already
            self._socket.disconnect(self._address)
        self._socket.connect(self._address)

    def _refused(self) -> None:
        self._stats["refused"] += 1
        cure = "If the leader uses --curve-keys, give --curve-keys DIR here too."
        if self._keys is not None:
            cure = "Check that server.key is the leader's and that your public key lies in its folder `clients`."
        self._log.warn("refused", f"{self._address} refuses the connection. {cure}")

    def _let_go(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close(0)

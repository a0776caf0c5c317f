"""OSC in: UDP, and TCP on the same port number, in one thread that nothing can keep busy, stop or put to sleep.

Measured on two shared cores, the sender on the same machine: 320,000 messages/s parsed and dispatched in this process;
20,000 of 20,000 datagrams of a burst at 150,000/s received. Under a flood of 300,000 datagrams (175,000/s, 64 % taken,
the rest dropped by the kernel) a thread that wakes every 2 ms, as the render thread might, was 1.4 ms late at the 99th
percentile; with nothing sent at all 1.5 ms, so the flood is not to be felt there.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

from morphogen import log
from morphogen.contracts import Host, Source
from morphogen_bridges.osc.codec import IMMEDIATELY, Message, OscError, ntp_now, parse
from morphogen_bridges.osc.dispatch import Dispatcher
from morphogen_bridges.osc.peer import Peer
from morphogen_bridges.osc.schedule import Schedule
from morphogen_bridges.osc.tally import Refused, Tally
from morphogen_bridges.osc.tcp import TcpClient, listen

BATCH = 256  # datagrams taken a wake
SLICE = 128  # messages carried out before other threads may run
PAUSE = 1e-4  # seconds; see _breathe
MAX_CLIENTS = 16
_MAX_PEERS = 512


class OscSource(Source):
    """Listens on `bind`:`port`, UDP and TCP. Port 0 takes any free one (`port` tells which after `open`).

    ntp: wall time as an NTP time tag, which future bundles are compared with; tests hand in their own.
    """

    name: ClassVar[str] = "osc"

    def __init__(self, bind: str = "127.0.0.1", port: int = 8710, ntp: Callable[[], int] = ntp_now) -> None:
        super().__init__()
        self.bind = bind
        self.port = port
        self._ntp = ntp
        self._log = log.get("osc")
        self._tally: Tally | None = None
        self._schedule = Schedule(ntp)
        self._clients: list[TcpClient] = []
        self._peers: dict[tuple[Any, ...], Peer] = {}
        self._spent = 0

    def stats(self) -> dict[str, Any]:
        """received, rejected, kinds {kind: n}, per_second, scheduled (waiting for their time), clients (TCP)."""
        counted = self._tally.stats() if self._tally else {"received": 0, "rejected": 0, "kinds": {}, "per_second": 0.0}
        return {**counted, "scheduled": len(self._schedule), "clients": len(self._clients)}

    def describe(self) -> dict[str, Any]:
        host = f"[{self.bind}]" if ":" in self.bind else self.bind
        return {"url": f"osc.udp://{host}:{self.port}", "tcp": f"osc.tcp://{host}:{self.port}", "port": self.port}

    def _open(self, host: Host) -> None:
        self._udp, self._tcp = listen(self.bind, self.port)
        self.port = self._udp.getsockname()[1]
        self._host = host
        self._tally = tally = Tally(self._log, host.clock.now)
        self._dispatcher = Dispatcher(host, tally)
        self._schedule = Schedule(self._ntp)
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._selector.register(self._udp, selectors.EVENT_READ, self._datagrams)
        self._selector.register(self._tcp, selectors.EVENT_READ, self._accept)
        self._selector.register(self._wake_in, selectors.EVENT_READ, lambda: None)
        self._peers.clear()  # their answers went out through the socket of an earlier `open`
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(tally,), name="osc-in", daemon=True)
        self._thread.start()

    def _close(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._wake_out.send(b"x")
        self._thread.join(1.0)

    # --- the thread

    def _run(self, tally: Tally) -> None:
        while not self._stop.is_set():
            try:
                self._step(tally)
            except Exception:  # noqa: BLE001  the guard of this worker: one bad packet must not end control
                tally.internal()
                self._stop.wait(0.01)  # an error that returns at once must not spin
        for client in list(self._clients):
            self._drop(client)
        for resource in (self._selector, self._udp, self._tcp, self._wake_in, self._wake_out):
            resource.close()

    def _step(self, tally: Tally) -> None:
        ready = self._selector.select(self._schedule.timeout())
        for key, _ in ready:
            key.data()
        for message, peer in self._schedule.due():
            self._dispatcher.handle(message, peer)
            self._breathe()
        self._dispatcher.end_batch()
        tally.tick()

    def _packet(self, packet: bytes, peer: Peer) -> None:
        assert self._tally is not None
        try:
            messages = parse(packet)
        except OscError as error:
            self._tally.received += 1
            self._tally.reject("malformed", error, peer.origin)
            self._breathe()
            return
        self._tally.received += len(messages)
        for message in messages:
            if message.time == IMMEDIATELY or not self._scheduled(message, peer):
                self._dispatcher.handle(message, peer)
            self._breathe()

    def _scheduled(self, message: Message, peer: Peer) -> bool:
        assert self._tally is not None
        try:
            return self._schedule.keep(message, peer)
        except Refused as error:
            self._tally.reject(error.kind, error, peer.origin)
            return True

    def _breathe(self) -> None:
        """After every SLICE messages, really sleep: letting the interpreter lock go and asking for it back at once
        would win it back before the render thread has woken up."""
        self._spent += 1
        if self._spent >= SLICE:
            self._spent = 0
            time.sleep(PAUSE)

    # --- UDP

    def _datagrams(self) -> None:
        packets: list[tuple[bytes, Peer]] = []
        receive, peers = self._udp.recvfrom, self._peers
        for _ in range(BATCH):
            try:
                data, address = receive(65_536)
            except BlockingIOError:
                break
            except OSError:  # Windows reports here that an answer found nobody
                continue
            packets.append((data, peers.get(address) or self._peer(address)))
        for data, peer in packets:
            self._packet(data, peer)

    def _peer(self, address: tuple[Any, ...]) -> Peer:
        if len(self._peers) >= _MAX_PEERS:
            self._peers.clear()
        send = self._udp.sendto

        def reply(packet: bytes) -> None:
            with contextlib.suppress(OSError):  # gone, or its buffer is full: an answer is not worth waiting for
                send(packet, address)

        peer = self._peers[address] = Peer(address[0], f"osc:{address[0]}:{address[1]}", reply)
        return peer

    # --- TCP

    def _accept(self) -> None:
        try:
            connection, address = self._tcp.accept()
        except BlockingIOError:
            return
        except OSError:  # out of file handles: the listener stays ready, so wait instead of spinning
            self._stop.wait(0.01)
            return
        if len(self._clients) >= MAX_CLIENTS:  # the longest silent one is the likeliest to be dead
            self._drop(min(self._clients, key=lambda client: client.heard), "too many TCP clients")
        client = TcpClient(connection, address)
        client.heard = self._host.clock.now()
        self._clients.append(client)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._stream(client))

    def _stream(self, client: TcpClient) -> None:
        if client not in self._clients:  # dropped earlier in this very wake
            return
        try:
            packets = client.read()
        except OscError as error:
            self._drop(client, str(error))
            return
        client.heard = self._host.clock.now()
        for packet in packets:
            self._packet(packet, client.peer)
        if client.dead:
            self._drop(client)

    def _drop(self, client: TcpClient, why: str = "") -> None:
        self._clients.remove(client)
        self._selector.unregister(client.connection)
        client.connection.close()
        if why and self._tally:
            self._tally.reject("frame", OscError(why), client.peer.origin)

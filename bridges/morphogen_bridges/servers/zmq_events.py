"""Events over ZeroMQ: a PUB with two parts, topic and msgpack map (DESIGN section 6; docs/zeromq.md)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphogen.contracts import Host
from morphogen_bridges.zmq_common import LOOPBACK, SocketThread, pack
from morphogen_bridges.zmq_server import ZmqServer

if TYPE_CHECKING:
    import zmq

TOPICS = frozenset({"state", "param", "style", "beat", "output", "log"})
QUEUE = 4096


class ZmqEvents(ZmqServer):
    """Publishes the host's events to whoever subscribes.

    The listener runs on the thread that caused the event, often the render thread, and only appends to a queue of
    4,096: measured 4 us in a burst, 20 us for a lone event with cold caches. When the queue is full the oldest goes.
    A subscriber that does not read loses events beyond 1,000. Raises Unavailable or UsageError at `open`.
    """

    name = "zmq_events"
    what = "ZeroMQ events"
    kind = "PUB"
    max_message = 4096  # subscriptions are all that comes in
    queue = 1000

    def __init__(self, bind: str = LOOPBACK, port: int = 8716, keys: Path | None = None) -> None:
        super().__init__(bind, port, keys, ("sent", "dropped", "rejected"))
        self._queue: deque[tuple[str, dict[str, Any]]] = deque()
        self._lock = threading.Lock()
        self._unsubscribe: Callable[[], None] = lambda: None

    def _worker(self, socket: zmq.Socket[bytes]) -> SocketThread:
        self._queue.clear()
        return SocketThread(self.name, socket, self._send)

    def _open(self, host: Host) -> None:
        super()._open(host)
        self._unsubscribe = host.subscribe(self._heard)

    def _close(self) -> None:
        self._unsubscribe()
        super()._close()

    def _heard(self, topic: str, data: dict[str, Any]) -> None:
        """Any thread."""
        if topic not in TOPICS:
            return
        with self._lock:
            if len(self._queue) >= QUEUE:
                self._queue.popleft()
                self._stats["dropped"] += 1
            self._queue.append((topic, data))
        self._thread.wake()

    def _send(self) -> None:
        import zmq

        for _ in range(QUEUE):
            with self._lock:
                if not self._queue:
                    return
                topic, data = self._queue.popleft()
            try:
                body = pack(data)
            except ValueError as error:
                self._stats["rejected"] += 1
                self._log.warn(topic, f"a {topic} event cannot be packed: {error}")
                continue
            try:
                self._socket.send_multipart([topic.encode(), body], zmq.NOBLOCK)
                self._stats["sent"] += 1
            except zmq.ZMQError:
                self._stats["dropped"] += 1
        self._thread.wake()

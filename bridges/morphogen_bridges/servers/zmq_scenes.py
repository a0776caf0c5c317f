"""Scenes over ZeroMQ, for the followers of a wall: an XPUB with two parts, topic and msgpack map (docs/walls.md)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from morphogen_bridges.zmq_common import LOOPBACK, SocketThread, pack
from morphogen_bridges.zmq_server import ZmqServer

if TYPE_CHECKING:
    import zmq

READ_AT_ONCE = 256


class Scenes(Protocol):
    """Where they come from: the instrument's relay. `watch` and `leave` bracket the time in which somebody follows."""

    def watch(self, wake: Callable[[], None]) -> None:
        """Begin to collect; `wake` is called from any thread when there is something to take."""

    def leave(self) -> None:
        """Stop collecting."""

    def renew(self) -> None:
        """Somebody new follows, or asks for what was sent before."""

    def take(self) -> tuple[str, dict[str, Any]] | None:
        """The next message; None when there is none."""


class ZmqScenes(ZmqServer):
    """Publishes a leader's scenes on a socket of their own, so that no flood of events stands before a frame.

    An XPUB, since a follower that joins must be noticed: while nobody subscribes, nothing is collected. A follower that
    asks for what it missed subscribes to a topic anew. Each follower has a queue of 64 messages, a second; one that is
    further behind loses scenes, and sees it in their index. Raises Unavailable or UsageError at `open`.
    """

    name = "zmq_scenes"
    what = "ZeroMQ scenes"
    kind = "XPUB"
    max_message = 4096  # subscriptions are all that comes in
    queue = 64

    def __init__(self, scenes: Scenes, bind: str = LOOPBACK, port: int = 8717, keys: Path | None = None) -> None:
        super().__init__(bind, port, keys, ("sent", "failed"))
        self._scenes = scenes
        self._followers = 0

    def stats(self) -> dict[str, Any]:
        """followers now; messages sent; failed: those that could not be."""
        return {"followers": self._followers, **self._stats}

    def _worker(self, socket: zmq.Socket[bytes]) -> SocketThread:
        import zmq

        socket.setsockopt(zmq.XPUB_VERBOSER, 1)  # tell of every subscriber, not only of the first and last
        self._followers = 0
        return SocketThread(self.name, socket, self._send, self._look_around, self._scenes.leave)

    def _look_around(self) -> None:
        import zmq

        for _ in range(READ_AT_ONCE):
            try:
                message = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            joins = message[:1] == b"\x01"
            if not joins and message[:1] != b"\x00":
                continue
            before, self._followers = self._followers, max(self._followers + (1 if joins else -1), 0)
            if joins:
                self._scenes.renew()
            if joins and not before:
                self._scenes.watch(self._thread.wake)
            elif before and not self._followers:
                self._scenes.leave()

    def _send(self) -> None:
        import zmq

        for _ in range(2 * self.queue):
            message = self._scenes.take()
            if message is None:
                return
            topic, data = message
            try:
                self._socket.send_multipart([topic.encode(), pack(data)], zmq.NOBLOCK)
                self._stats["sent"] += 1
            except (zmq.ZMQError, ValueError) as error:
                self._stats["failed"] += 1
                self._log.warn(topic, f"a {topic} cannot be sent: {error}")
        self._thread.wake()

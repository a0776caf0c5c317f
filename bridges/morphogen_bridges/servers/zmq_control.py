"""Control over ZeroMQ: a ROUTER that answers JSON-RPC 2.0 in msgpack (DESIGN section 6; docs/zeromq.md)."""

from __future__ import annotations

import functools
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphogen.errors import MorphogenError, StateError
from morphogen_bridges import zmq_rpc as rpc
from morphogen_bridges.zmq_common import LOOPBACK, SocketThread
from morphogen_bridges.zmq_server import ZmqServer

if TYPE_CHECKING:
    import zmq

MAX_PENDING = 1024
READ_AT_ONCE = 64


@dataclass(eq=False)
class _Job:
    """One message on its way to an answer."""

    envelope: list[bytes]
    replies: list[bytes]
    missing: int
    batch: bool


@dataclass(eq=False)
class _Call:
    """One request that the instrument is working on. due: on the host's clock, seconds."""

    job: _Job
    place: int
    number: Any
    method: str
    due: float


class ZmqControl(ZmqServer):
    """Answers every message: REQ and DEALER alike, all frames before the last are echoed.

    bind, port: where to listen (port 0: any free one, see `describe`). keys: CURVE keys folder, required off the
    loopback. timeout: seconds after which a call that never resolves is answered with an error. At most 1,024 calls
    are in flight; more are answered with an error at once.

    Threads: one of its own reads, calls and replies; results may resolve on any thread. Replies to a client that
    went away or does not read are dropped by the ROUTER (256 waiting each). Raises Unavailable or UsageError at `open`.
    """

    name = "zmq_control"
    what = "ZeroMQ control"
    kind = "ROUTER"
    max_message = 4 << 20  # up to here the sender of too much is told so
    queue = 256

    def __init__(
        self, bind: str = LOOPBACK, port: int = 8713, keys: Path | None = None, timeout: float = 120.0
    ) -> None:
        super().__init__(bind, port, keys, ("received", "answered", "errors", "dropped"))
        self._timeout = timeout
        self._done: deque[tuple[int, Future[Any]]] = deque()
        self._pending: dict[int, _Call] = {}
        self._count = 0
        self._closing = False

    def stats(self) -> dict[str, Any]:
        return {**self._stats, "pending": len(self._pending)}

    def _worker(self, socket: zmq.Socket[bytes]) -> SocketThread:
        self._closing = False
        self._done.clear()
        return SocketThread(self.name, socket, self._finish, self._read)

    def _close(self) -> None:
        self._closing = True
        super()._close()

    # --- everything below runs on the socket's thread, except `_resolved`

    def _read(self) -> None:
        import zmq

        for _ in range(READ_AT_ONCE):
            try:
                *envelope, data = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._stats["received"] += 1
            requests, batch = rpc.parse(data)
            job = _Job(envelope, [b""] * len(requests), len(requests), batch)
            for place, request in enumerate(requests):
                if isinstance(request, rpc.RpcError):
                    self._fail(job, place, request.number, request)
                else:
                    self._call(job, place, request)

    def _call(self, job: _Job, place: int, request: rpc.Request) -> None:
        if len(self._pending) >= MAX_PENDING:
            error = rpc.RpcError(
                rpc.BUSY, f"{MAX_PENDING} calls are waiting for an answer.", "Wait for replies before sending more."
            )
            self._fail(job, place, request.number, error)
            return
        self._count += 1
        due = self._host.clock.now() + self._timeout
        self._pending[self._count] = _Call(job, place, request.number, request.method, due)
        future: Future[Any] = Future()
        try:
            future = self._host.call(request.method, request.arguments)
        except Exception as error:  # noqa: BLE001 - worker guard: the caller waits for an answer
            future.set_exception(error)
        future.add_done_callback(functools.partial(self._resolved, self._count))

    def _resolved(self, count: int, future: Future[Any]) -> None:
        """Any thread: leave the result for the socket's thread."""
        self._done.append((count, future))
        self._thread.wake()

    def _finish(self) -> None:
        while self._done:
            count, future = self._done.popleft()
            call = self._pending.pop(count, None)
            if call is not None:
                self._conclude(call, future)
        now = self._host.clock.now()
        while self._pending:
            count, call = next(iter(self._pending.items()))  # oldest first: all wait equally long
            if not self._closing and call.due > now:
                return
            del self._pending[count]
            self._fail(call.job, call.place, call.number, self._gave_up(call))

    def _gave_up(self, call: _Call) -> MorphogenError:
        if self._closing:
            return StateError(f"{call.method} was not finished: Morphogen is closing.", "Start it again.")
        message = f"{call.method} was not finished within {self._timeout:g} s."
        return rpc.RpcError(rpc.BUSY, message, "Is the picture running? See `morphogen ctl stats`.")

    def _conclude(self, call: _Call, future: Future[Any]) -> None:
        error = None if future.cancelled() else future.exception()
        if future.cancelled():
            self._fail(call.job, call.place, call.number, StateError(f"{call.method} was called off.", "Try again."))
        elif isinstance(error, MorphogenError):
            self._fail(call.job, call.place, call.number, error)
        elif error is not None:
            self._log.warn(call.method, f"{call.method} failed: {type(error).__name__}: {error}")
            self._fail(
                call.job, call.place, call.number, rpc.internal(f"{call.method}: {type(error).__name__}: {error}")
            )
        else:
            self._reply(call.job, call.place, rpc.success(call.number, future.result()))

    def _fail(self, job: _Job, place: int, number: Any, error: MorphogenError) -> None:
        self._stats["errors"] += 1
        self._reply(job, place, rpc.failure(number, error))

    def _reply(self, job: _Job, place: int, reply: bytes) -> None:
        import zmq

        job.replies[place] = reply
        job.missing -= 1
        if job.missing:
            return
        self._stats["answered"] += 1
        try:
            self._socket.send_multipart([*job.envelope, rpc.join(job.replies, job.batch)], zmq.NOBLOCK)
        except zmq.ZMQError:
            self._stats["dropped"] += 1

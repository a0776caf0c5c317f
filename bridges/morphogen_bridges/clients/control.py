"""Calls the control methods of a running Morphogen (DESIGN section 6; docs/zeromq.md lists the methods)."""

from __future__ import annotations

import itertools
import socket as sockets
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from morphogen import errors
from morphogen.clock import WallClock
from morphogen.errors import MorphogenError, Unavailable, UsageError
from morphogen.methods import METHODS
from morphogen_bridges.zmq_common import LOOPBACK, context, endpoint, monitored, pack
from morphogen_bridges.zmq_curve import secure_client
from morphogen_bridges.zmq_rpc import UNKNOWN, read_reply

if TYPE_CHECKING:
    import zmq

MAX_REPLY = 64 << 20
_ERRORS: dict[int, type[MorphogenError]] = {
    cls.code: cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, MorphogenError) and cls is not MorphogenError
} | {UNKNOWN: UsageError}


_QUANTISED = frozenset(method.name for method in METHODS if any(arg.name == "on" for arg in method.args))


class ControlClient:
    """`with ControlClient() as morphogen: morphogen.call("style.load", name="cosmic/galaxy", seconds=2.0)`

    timeout: seconds to wait for each answer (changes on a beat or bar: longer, a bar at 30 bpm lasts 8 s). keys:
    CURVE keys folder or client key file. Connects at the first call. Thread-safe: calls wait for one another.
    """

    def __init__(self, host: str = LOOPBACK, port: int = 8713, keys: Path | None = None, timeout: float = 5.0) -> None:
        self._host, self._port, self._keys = host, port, keys
        self.timeout = timeout
        self._lock = threading.Lock()
        self._clock = WallClock()
        self._numbers = itertools.count(1)
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._answered = False

    def call(self, method: str, /, **params: Any) -> Any:
        """The method's result. Raises Unavailable when nobody answers or keys do not fit, else the MorphogenError
        that the instrument reports (with its cure)."""
        number = next(self._numbers)
        try:
            request = pack({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        except ValueError as error:
            raise UsageError(f"{method}: an argument cannot be sent ({error}).", "Send plain values.") from error
        # What does not say when it comes in may wait for a bar, too: `transition/quantise`.
        extra = 10.0 if params.get("on", "bar") != "now" and method in _QUANTISED else 0.0
        with self._lock:
            socket = self._connected()
            self._send(socket, request)
            reply = self._wait(socket, number, self.timeout + extra)
        return self._result(reply)

    def close(self) -> None:
        """Disconnect; idempotent. The next call connects again."""
        with self._lock:
            self._disconnect()

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def _connected(self) -> zmq.Socket[bytes]:
        import zmq

        if self._socket is not None and not self._lost():
            return self._socket
        self._disconnect()
        self._knock()
        socket = context().socket(zmq.DEALER)
        socket.linger = 0
        socket.maxmsgsize = MAX_REPLY
        socket.ipv6 = ":" in self._host
        try:
            if self._keys is not None:
                secure_client(socket, self._keys)
            self._monitor = monitored(socket)
            socket.connect(endpoint(self._host, self._port))
        except MorphogenError:
            socket.close(0)
            raise
        self._socket = socket
        return socket

    def _knock(self) -> None:
        """Find out at once that nobody is there; ZeroMQ would try again until the timeout."""
        try:
            sockets.create_connection((self._host, self._port), self.timeout).close()
        except OSError as error:
            raise self._nobody(str(error.strerror or error)) from error

    def _nobody(self, why: str) -> Unavailable:
        where = endpoint(self._host, self._port)
        cure = "Is `morphogen serve` running? If it uses another --port-base, give the same here."
        return Unavailable(f"Nobody answers at {where} ({why}).", cure)

    def _send(self, socket: zmq.Socket[bytes], request: bytes) -> None:
        """Never waits: a server that refused the keys before we speak leaves the socket without a peer, and libzmq
        would hold a send to it for ever."""
        import zmq

        try:
            socket.send(request, zmq.NOBLOCK)
        except zmq.Again:
            raise self._ended() from None

    def _wait(self, socket: zmq.Socket[bytes], number: int, timeout: float) -> dict[str, Any]:
        import zmq

        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        if self._monitor is not None:
            poller.register(self._monitor, zmq.POLLIN)
        end = self._clock.now() + timeout
        while (left := end - self._clock.now()) > 0:
            ready = dict(poller.poll(max(1, round(left * 1000))))
            if socket in ready:
                reply = self._read(socket, number)
                if reply is not None:
                    self._answered = True
                    return reply
            elif self._lost():
                raise self._ended()
        self._disconnect()
        raise self._nobody(f"no answer within {timeout:g} s")

    def _read(self, socket: zmq.Socket[bytes], number: int) -> dict[str, Any] | None:
        """The reply to `number`; None for one that came too late for an earlier call."""
        try:
            reply = dict(read_reply(socket.recv_multipart()[-1]))
        except ValueError as error:
            self._disconnect()
            raise self._nobody(f"the answer is {error}") from error
        return reply if reply.get("id") in (number, None) else None

    def _lost(self) -> bool:
        """Whether the connection broke or was refused since last asked."""
        import zmq
        from zmq.utils.monitor import recv_monitor_message

        bad = (
            zmq.Event.DISCONNECTED, zmq.Event.CLOSED, zmq.Event.HANDSHAKE_FAILED_AUTH,
            zmq.Event.HANDSHAKE_FAILED_PROTOCOL, zmq.Event.HANDSHAKE_FAILED_NO_DETAIL,
        )  # fmt: skip
        lost = False
        while self._monitor is not None and self._monitor.poll(0):
            lost |= recv_monitor_message(self._monitor)["event"] in bad
        return lost

    def _ended(self) -> Unavailable:
        """Why the other end closed the connection, which is given up here too."""
        error = self._nobody("it closed the connection") if self._answered else self._refused()
        self._disconnect()
        return error

    def _refused(self) -> Unavailable:
        cure = "If the daemon uses --curve-keys, give --curve-keys DIR here too."
        if self._keys is not None:
            cure = "Check that server.key is the daemon's and that your public key lies in its folder `clients`."
        return Unavailable(f"{endpoint(self._host, self._port)} refused the connection.", cure)

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.disable_monitor()
            self._socket.close(0)
        if self._monitor is not None:
            self._monitor.close(0)
        self._socket = self._monitor = None
        self._answered = False

    def _result(self, reply: dict[str, Any]) -> Any:
        error = reply.get("error")
        if error is None:
            return reply.get("result")
        if not isinstance(error, dict):
            raise self._nobody("the answer is no JSON-RPC 2.0")
        data = error.get("data")
        cure = str(data.get("cure", "")) if isinstance(data, dict) else ""
        code = error.get("code", MorphogenError.code)
        failure = _ERRORS.get(code, MorphogenError)(str(error.get("message", "")), cure)
        failure.code = code
        raise failure

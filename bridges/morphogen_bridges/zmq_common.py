"""What the ZeroMQ bridges share: one context, binding with errors that people understand, bounded msgpack, and the
one thread that may touch a socket.

pyzmq and msgpack are imported on first use, so that listing bridges imports nothing. ZeroMQ sockets are not
thread-safe: `SocketThread` owns one, and every other thread only leaves work in a deque and calls `wake`.
"""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import os
import socket as sockets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphogen import log
from morphogen.errors import Unavailable, UsageError

if TYPE_CHECKING:
    import zmq

LOOPBACK = "127.0.0.1"
POLL_MS = 250
CLOSE_LINGER_MS = 200
MAX_ITEMS = 4096
MAX_DEPTH = 32
OTHER_INSTANCE = "Another morphogen may be running: stop it, or start this one with --port-base N."

_context: dict[int, zmq.Context[zmq.Socket[bytes]]] = {}
_context_lock = threading.Lock()
_monitors = itertools.count()


def context() -> zmq.Context[zmq.Socket[bytes]]:
    """The ZeroMQ context of this process; a forked child gets its own. Never terminated: it costs two idle threads,
    and terminating would block on sockets that others still hold. Raises Unavailable without pyzmq."""
    try:
        import zmq
    except ImportError as error:
        raise Unavailable(f"pyzmq cannot be loaded ({error}).", "Install it: pip install pyzmq.") from error
    with _context_lock:
        pid = os.getpid()
        if pid not in _context:
            _context[pid] = zmq.Context()
        return _context[pid]


def is_loopback(host: str) -> bool:
    """Whether only programs of this computer can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_public(what: str, host: str, keys: Path | None) -> None:
    """Refuse to open `what` to the network without CURVE keys. Raises UsageError."""
    if keys is None and not is_loopback(host):
        raise UsageError(
            f"{what} on {host} would let everyone on the network drive this instrument.",
            "Give keys with --curve-keys DIR, or bind 127.0.0.1.",
        )


def endpoint(host: str, port: int) -> str:
    """'tcp://127.0.0.1:8713'; IPv6 addresses get their brackets, `localhost` becomes 127.0.0.1 (libzmq resolves no
    names when binding)."""
    host = LOOPBACK if host == "localhost" else host
    return f"tcp://[{host.strip('[]')}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def bind(socket: zmq.Socket[bytes], host: str, port: int, what: str) -> int:
    """Bind and return the port (which libzmq chose, for port 0). On failure closes the socket and raises Unavailable
    with the cure."""
    import zmq

    address = endpoint(host, port)
    try:
        if ":" in host:
            socket.setsockopt(zmq.IPV6, 1)
        _bind_patiently(socket, address)
    except zmq.ZMQError as error:
        socket.close(0)
        if error.errno == zmq.EADDRINUSE:
            raise Unavailable(f"Port {port} for {what} is taken on {host}.", OTHER_INSTANCE) from error
        cure = "Choose an address of this computer with --bind, and a port above 1023 with --port-base N."
        raise Unavailable(f"{what} cannot listen on {address}: {error.strerror}.", cure) from error
    return int(socket.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])


def _bind_patiently(socket: zmq.Socket[bytes], address: str) -> None:
    """libzmq frees a port some milliseconds after its socket was closed: try for 0.4 s."""
    import zmq

    for _ in range(20):
        try:
            socket.bind(address)
            return
        except zmq.ZMQError as error:
            if error.errno != zmq.EADDRINUSE:
                raise
        threading.Event().wait(0.02)
    socket.bind(address)


def monitored(socket: zmq.Socket[bytes]) -> zmq.Socket[bytes]:
    """A socket that tells what happens to the connections of `socket`. Under a name of its own: pyzmq's names repeat
    before libzmq has freed them."""
    import zmq

    address = f"inproc://morphogen-monitor-{next(_monitors)}"
    socket.monitor(address, zmq.EVENT_ALL)
    monitor = context().socket(zmq.PAIR)
    monitor.linger = 0
    monitor.connect(address)
    return monitor


def pack(value: Any) -> bytes:
    """msgpack with str and bytes kept apart. Raises ValueError for whatever cannot be packed."""
    import msgpack

    try:
        return bytes(msgpack.packb(value, use_bin_type=True))
    except (TypeError, ValueError, OverflowError, RecursionError, RuntimeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def unpack(data: bytes, max_items: int = MAX_ITEMS, max_depth: int = MAX_DEPTH) -> Any:
    """Read one msgpack value from a stranger. Raises ValueError that says what is wrong.

    Lists and maps hold at most `max_items`: msgpack allocates a list before it reads it, so that 5 bytes per level
    could ask for 8 MB each. Extension types are refused, and so is what nests deeper than `max_depth`.
    """
    import msgpack

    try:
        value = msgpack.unpackb(
            data, raw=False, strict_map_key=True, max_array_len=max_items, max_map_len=max_items, max_ext_len=0
        )
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise ValueError(f"not readable as msgpack: {error}") from error
    _check_depth(value, max_depth)
    return value


def _check_depth(value: Any, deepest: int) -> None:
    level = [value]
    for _ in range(deepest + 1):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        if not inner:
            return
        level = inner
    raise ValueError(f"nested deeper than {deepest} levels")


class Waker:
    """Interrupts a poll from any thread. A socket pair, since a ZeroMQ PAIR would need a lock around every use and
    a pipe cannot be polled on Windows. Calls between two polls cost no system call."""

    def __init__(self) -> None:
        self._read, self._write = sockets.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._pending = False
        self._lock = threading.Lock()

    def fileno(self) -> int:
        """What to poll for reading."""
        return self._read.fileno()

    def set(self) -> None:
        """End the poll. Does nothing once closed."""
        if self._pending:
            return
        with self._lock:
            self._pending = True
            with contextlib.suppress(OSError):
                self._write.send(b"\0")

    def clear(self) -> None:
        """Call after the poll and before looking for work."""
        with contextlib.suppress(BlockingIOError):
            self._read.recv(64)
        self._pending = False

    def close(self) -> None:
        """Release both ends; idempotent."""
        with self._lock:
            self._pending = True
            self._read.close()
            self._write.close()


class SocketThread:
    """Owns one socket and is the only thread that touches it.

    `on_read` runs when a message is there and must read a bounded number; `on_wake` runs after every poll, at the
    latest every 250 ms, and once more at the end, followed by `on_close`. What they raise is logged (first time whole,
    then counted) and the thread goes on.
    """

    def __init__(
        self,
        name: str,
        socket: zmq.Socket[bytes],
        on_wake: Callable[[], None] = lambda: None,
        on_read: Callable[[], None] | None = None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._socket = socket
        self._on_wake = on_wake
        self._on_read = on_read
        self._on_close = on_close
        self._waker = Waker()
        self._stopping = threading.Event()
        self._log = log.Repeated(log.get(name))
        self._thread = threading.Thread(target=self._run, name=f"morphogen-{name}", daemon=True)

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def wake(self) -> None:
        """Have `on_wake` run soon. Any thread."""
        self._waker.set()

    def stop(self, timeout: float = 1.0) -> None:
        """End the thread; it closes the socket. Waits at most `timeout` seconds, never raises."""
        self._stopping.set()
        self._waker.set()
        if self._thread is not threading.current_thread() and self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        import zmq

        poller = zmq.Poller()
        poller.register(self._waker.fileno(), zmq.POLLIN)
        if self._on_read is not None:
            poller.register(self._socket, zmq.POLLIN)
        while not self._stopping.is_set():
            with self._guard():
                ready = dict(poller.poll(POLL_MS))
                self._waker.clear()
                if self._socket in ready and self._on_read is not None:
                    self._on_read()
                self._on_wake()
        for last in (self._on_wake, self._on_close):
            with self._guard():
                last()
        # Not 0: the last reply ("stopping") is still on its way. Closing does not wait for it.
        self._socket.close(CLOSE_LINGER_MS)
        self._waker.close()

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - worker guard: one bad message must not end the server
            self._log.exception(type(error).__name__, f"{self._thread.name}: {type(error).__name__}: {error}")
            self._stopping.wait(0.01)  # an error that stays must not spin

"""Listens to the events of a running Morphogen (DESIGN section 6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from morphogen_bridges.zmq_common import LOOPBACK, context, endpoint, unpack
from morphogen_bridges.zmq_curve import secure_client


class EventReader:
    """Yields `(topic, data)`, topics `state param style beat output log`; an empty list of topics takes all.

    keys: CURVE keys folder. `rejected` counts messages that are no events. Raises Unavailable for missing keys. Use it
    from one thread at a time.
    """

    def __init__(
        self, host: str = LOOPBACK, port: int = 8716, topics: Sequence[str] = (), keys: Path | None = None
    ) -> None:
        import zmq

        self._socket = context().socket(zmq.SUB)
        self._socket.linger = 0
        if keys is not None:
            secure_client(self._socket, keys)
        for topic in topics or ("",):
            self._socket.subscribe(topic.encode())
        self._socket.connect(endpoint(host, port))
        self._closed = False
        self.rejected = 0

    def read(self, timeout: float = 1.0) -> tuple[str, dict[str, Any]] | None:
        """The next event; None after `timeout` seconds without one."""
        if self._closed or not self._socket.poll(round(timeout * 1000)):
            return None
        parts = self._socket.recv_multipart()
        try:
            topic, data = parts
            return topic.decode(), unpack(data)
        except ValueError:
            self.rejected += 1
            return None

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every event until `close`; waits while there are none."""
        while not self._closed:
            event = self.read(0.25)
            if event is not None:
                yield event

    def close(self) -> None:
        """Disconnect; idempotent."""
        self._closed = True
        self._socket.close(0)

    def __enter__(self) -> EventReader:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

"""Parameters over ZeroMQ: a PULL that takes msgpack maps, fire and forget (DESIGN section 6; docs/zeromq.md)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from morphogen.errors import ParamError
from morphogen.params.catalog import PULSES
from morphogen_bridges.zmq_common import LOOPBACK, SocketThread, unpack
from morphogen_bridges.zmq_server import ZmqServer

if TYPE_CHECKING:
    import zmq

MAX_KEYS = 1024
BATCH = 256
# Lets a flood gather into batches. A message that comes alone is not delayed; 5,000 a second took 31-50 % of a core
# without it, 23-26 % with it.
PAUSE = 0.001
ORIGIN = "zmq"


class ZmqParams(ZmqServer):
    """Sets parameters and audio features from maps like `{"view/zoom": 1.5, "audio/bass": 0.8}`.

    One thread drains up to 256 waiting messages at a time and sets each key once, to the newest good value; a pulse
    (beat, onset) that falls meanwhile is set to its height first, so that it is not lost. Good keys
    of a map are set even if others are bad; bad ones are counted in `stats` (`rejected`) and reported once each. A
    message over 64 KiB ends its sender's connection unread (it comes back by itself). Raises Unavailable or UsageError
    at `open`.
    """

    name = "zmq_params"
    what = "ZeroMQ parameters"
    kind = "PULL"
    max_message = 64 * 1024
    queue = BATCH

    def __init__(self, bind: str = LOOPBACK, port: int = 8714, keys: Path | None = None) -> None:
        super().__init__(bind, port, keys, ("received", "set", "coalesced", "rejected"))

    def _worker(self, socket: zmq.Socket[bytes]) -> SocketThread:
        return SocketThread(self.name, socket, on_read=self._read)

    def _read(self) -> None:
        import zmq

        values: dict[str, float] = {}
        for _ in range(BATCH):
            try:
                # One part a message; the parts of a multipart message are judged alone.
                data = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                break
            self._stats["received"] += 1
            self._merge(data, values)
        for key, value in values.items():
            self._put(key, value)
        time.sleep(PAUSE)

    def _put(self, key: str, value: float) -> None:
        try:
            self._host.params.set(key, value, ORIGIN)
            self._stats["set"] += 1
        except ParamError as error:
            self._reject(key, error)

    def _merge(self, data: bytes, values: dict[str, float]) -> None:
        """Add the good keys of one message. Checked here, so that a bad value cannot hide a good one before it."""
        try:
            message = unpack(data, MAX_KEYS)
            if not isinstance(message, dict):
                raise ValueError(f"a {type(message).__name__}, not a map")
        except ValueError as error:
            self._reject("message", error)
            return
        specs = self._host.params.specs
        for key, value in message.items():
            spec = specs.get(key)
            try:
                if spec is None:
                    raise ParamError(f"there is no parameter {key[:60]!r}.", "See `morphogen ctl param.list`.")
                number = spec.check(value)
            except ParamError as error:
                self._reject(str(key)[:60], error)
                continue
            before = values.get(key)
            if before is not None and key in PULSES and before > number:
                self._put(key, before)
            else:
                self._stats["coalesced"] += before is not None
            values[key] = number

    def _reject(self, kind: str, error: Exception) -> None:
        self._stats["rejected"] += 1
        self._log.warn(kind, f"ZeroMQ parameters: {error}")

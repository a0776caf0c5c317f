"""One page that is connected: what it is to be told, and the task that tells it.

Everything waits in small bounded places where the newest wins (values, meters, the picture), so a slow phone costs
nothing and never sees old news; only answers queue up, and who lets too many pile up is disconnected.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from typing import Any

from aiohttp import WSCloseCode, web

from morphogen_bridges.servers.web.calls import dumps

QUEUE = 512
STALLED = 5.0
INDEX = struct.Struct("<I")


class Client:
    """State of one WebSocket. Loop thread only."""

    def __init__(self, number: int, ws: web.WebSocketResponse) -> None:
        self.id = number
        self.origin = f"web:{number}"
        self.ws = ws
        self.preview = False
        self.divisor = 1
        self.calls = 0
        self.frames_sent = 0
        self.dead = False
        self._messages: deque[str] = deque()
        self._params: dict[str, Any] = {}
        self._newest: dict[str, Any] = {}
        self._frame: tuple[int, bytes] | None = None
        self._in_flight: int | None = None
        self._sent_at = 0.0
        self._wake = asyncio.Event()

    def tell(self, message: dict[str, Any]) -> None:
        """Queue an answer or an event."""
        if len(self._messages) >= QUEUE:
            self.dead = True
        else:
            self._messages.append(dumps(message))
        self._wake.set()

    def tell_params(self, values: dict[str, Any]) -> None:
        """Values that changed; replaces older news of the same parameters."""
        self._params.update(values)
        self._wake.set()

    def tell_newest(self, message: dict[str, Any]) -> None:
        """News of which only the newest counts: meters, tempo, statistics, state, beat."""
        self._newest.update(message)
        self._wake.set()

    def show(self, index: int, jpeg: bytes) -> None:
        """The newest picture; sent as soon as the one before is acknowledged."""
        self._frame = (index & 0xFFFFFFFF, jpeg)
        if self._in_flight is None:
            self._wake.set()

    def watch(self, preview: bool) -> None:
        """Pictures on or off."""
        self.preview = preview
        self._frame = self._in_flight = None

    def acknowledge(self, index: int) -> None:
        """The picture has been drawn. Anything but the one on its way is ignored."""
        if index == self._in_flight:
            self._in_flight = None
            self._wake.set()

    def stalled(self, now: float) -> bool:
        """Whether a picture has been on its way for so long that nobody can be looking."""
        return self._in_flight is not None and now - self._sent_at > STALLED

    async def run(self) -> None:
        """Send until the connection ends. A task of its own: a full socket holds up only this client."""
        while not self.ws.closed:
            await self._wake.wait()
            self._wake.clear()
            if self.dead:
                await self.ws.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too slow")
                return
            try:
                await self._send_all()
            except ConnectionError:
                return

    async def _send_all(self) -> None:
        while self._messages:
            await self.ws.send_str(self._messages.popleft())
        if self._params:
            values, self._params = self._params, {}
            await self.ws.send_str(dumps({"param": values}))
        if self._newest:
            newest, self._newest = self._newest, {}
            await self.ws.send_str(dumps(newest))
        if self._frame is not None and self._in_flight is None and self.preview:
            (index, jpeg), self._frame = self._frame, None
            self._in_flight, self._sent_at = index, asyncio.get_running_loop().time()
            self.frames_sent += 1
            await self.ws.send_bytes(INDEX.pack(index) + jpeg)

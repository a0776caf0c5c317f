"""All OSCQuery clients: who listens to what, OSC that comes in over their WebSockets, and news for them.

The instrument's events arrive on its own threads. An address that nobody listens to costs a look into a set; of one
that somebody does, the fact that it changed is put down, and the loop reads the value at most 60 times a second.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from morphogen import log
from morphogen.contracts import Host
from morphogen.errors import MorphogenError
from morphogen_bridges.osc import addresses as table
from morphogen_bridges.osc.codec import IMMEDIATELY, OscError, ntp_now, parse
from morphogen_bridges.osc.dispatch import Dispatcher
from morphogen_bridges.osc.schedule import Schedule
from morphogen_bridges.osc.tally import Refused as OscRefused
from morphogen_bridges.osc.tally import Tally
from morphogen_bridges.servers.web.calls import parse_json
from morphogen_bridges.servers.web.failures import Refused
from morphogen_bridges.servers.web.osc_client import OscClient
from morphogen_bridges.servers.web.osc_space import Space

MAX_CLIENTS = 32
MAX_MESSAGE = 64 * 1024
HEARTBEAT = 20.0
TICK = 1 / 60
POLL = 1 / 30
MENUS = 5.0


class OscHub:
    """Loop thread only, except `listen`."""

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        self.host = host
        self.space = Space(host)
        self.clients: dict[int, OscClient] = {}
        self.tally = Tally(log.get("oscquery"), host.clock.now)
        self.rejected = 0
        self._dispatcher = Dispatcher(host, self.tally)
        self._schedule = Schedule(ntp_now)
        self._loop = loop
        self._warn = log.Repeated(log.get("oscquery"))
        self._numbers = iter(range(1, 1 << 62))
        self._lock = threading.Lock()
        self._heard: frozenset[str] = frozenset()
        self._changed: dict[str, None] = {}
        self._armed = False
        self._flushed = float("-inf")
        self._polled: dict[str, Any] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # --- any thread

    def listen(self, topic: str, data: dict[str, Any]) -> None:
        """Subscriber of the host's events: 0.6 us while nobody listens to what changed."""
        if topic == "param":
            for prefix in (table.PREFIX, table.NORM):
                if prefix + data["key"] in self._heard:
                    self._note(prefix + data["key"])
        elif topic == "weight":
            self.space.bend(data["index"], data["value"])
            if f"{table.WEIGHT}{data['index']}" in self._heard:
                self._note(f"{table.WEIGHT}{data['index']}")
        elif topic == "state":
            self.space.state = data
        elif topic == "style" and self.clients:
            self._soon(self._turn)

    def _note(self, address: str) -> None:
        with self._lock:
            self._changed[address] = None
            armed, self._armed = self._armed, True
        if not armed:
            self._soon(self._arm)

    def _soon(self, work: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(work)
        except RuntimeError:
            pass  # the server has just been closed

    # --- news

    def _arm(self) -> None:
        self._loop.call_later(max(self._flushed + TICK - self._loop.time(), 0.0), self._flush)

    def _flush(self) -> None:
        self._flushed = self._loop.time()
        with self._lock:
            changed, self._changed, self._armed = self._changed, {}, False
        for client in self.clients.values():
            for address in changed:
                if address in client.listens:
                    client.changed(address)

    def _turn(self) -> None:
        """Another style is on: its weights are other nodes, and all have other values."""
        self._spawn(self._turned())

    async def _turned(self) -> None:
        await self.space.refresh()
        for client in self.clients.values():
            for gone in [address for address in client.listens if self.space.node(address) is None]:
                client.ignore(gone)
        self._listened()
        for address in self._heard:
            if address.startswith(table.WEIGHT):
                self._note(address)
        self._tell()

    def _tell(self) -> None:
        for client in self.clients.values():
            client.look()

    async def _poll(self) -> None:
        """Features and readings change without an event: looked at while somebody listens to them."""
        while True:
            await asyncio.sleep(POLL)
            for address in filter(self.space.is_polled, self._heard):
                value = self.space.value(address)
                if value is not None and self._polled.get(address) != value:
                    self._polled[address] = value
                    self._note(address)

    async def _menus(self) -> None:
        while True:
            await asyncio.sleep(MENUS)
            if self.clients:
                await self._look_at_menus()

    async def _look_at_menus(self) -> None:
        if await self.space.refresh_menus():
            self._tell()

    async def freshen(self) -> None:
        """Before an answer: the weights as they are now; the menus, unless they were never asked for, a little later.

        Their list is read on the control thread, and that may be busy compiling for a third of a second."""
        await self.space.refresh()
        if self.space.choices:
            self._spawn(self._look_at_menus())
        else:
            await self.space.refresh_menus()

    def _listened(self) -> None:
        self._heard = frozenset().union(*(client.listens for client in self.clients.values()))
        self._polled = {address: value for address, value in self._polled.items() if address in self._heard}

    # --- clients

    async def talk(self, request: web.Request) -> web.WebSocketResponse:
        """One connection from its beginning to its end. Raises Refused when there is no room."""
        if len(self.clients) >= MAX_CLIENTS:
            raise Refused(503, f"{MAX_CLIENTS} OSCQuery clients are connected already.", "Close one of them.")
        ws = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MAX_MESSAGE, compress=False)
        await ws.prepare(request)
        await self.freshen()
        number = next(self._numbers)
        client = self.clients[number] = OscClient(number, ws, self.space, request.remote or "")
        self._spawn(client.run())
        try:
            async for message in ws:
                if message.type is WSMsgType.TEXT:
                    self._told(client, message.data)
                elif message.type is WSMsgType.BINARY:
                    self._packet(client, message.data)
        finally:
            del self.clients[number]
            client.look()
            self._listened()
        return ws

    def _told(self, client: OscClient, text: str) -> None:
        """LISTEN and IGNORE; the proposal has no answer for anything else, so the rest is counted."""
        try:
            said = parse_json(text)
            command, path = (said.get("COMMAND"), said.get("DATA")) if isinstance(said, dict) else (None, None)
        except MorphogenError:
            command = path = None
        node = self.space.node(path) if isinstance(path, str) else None
        if node is None or command not in ("LISTEN", "IGNORE"):
            self.rejected += 1
            return
        if command == "IGNORE":
            client.ignore(node.address)
        elif node.readable:
            client.listens.add(node.address)
            if self.space.is_polled(node.address):
                self._polled.setdefault(node.address, self.space.value(node.address))
        self._listened()

    def _packet(self, client: OscClient, data: bytes) -> None:
        """OSC over the WebSocket, as over UDP."""
        try:
            messages = parse(data)
        except OscError as error:
            self.tally.received += 1
            self.tally.reject("malformed", error, client.peer.origin)
            return
        self.tally.received += len(messages)
        for message in messages:
            try:
                waits = message.time != IMMEDIATELY and self._schedule.keep(message, client.peer)
            except OscRefused as error:
                self.tally.reject(error.kind, error, client.peer.origin)
                waits = False
            if not waits:
                client.moves(message)
                self._dispatcher.handle(message, client.peer)
        self._dispatcher.end_batch()
        self._wait()

    def _wait(self) -> None:
        seconds = self._schedule.timeout()
        if seconds is not None:
            self._loop.call_later(seconds, self._due)

    def _due(self) -> None:
        for message, peer in self._schedule.due():
            self._dispatcher.handle(message, peer)
        self._dispatcher.end_batch()
        self._wait()

    # --- life

    def start(self) -> None:
        """Begin to look at what changes without an event."""
        self._spawn(self._poll())
        self._spawn(self._menus())

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._warn.warn("task", f"telling OSCQuery clients failed: {task.exception()!r}")

    async def stop(self) -> None:
        """Say goodbye; bounded by the caller."""
        for task in list(self._tasks):
            task.cancel()
        goodbyes = [c.ws.close(code=WSCloseCode.GOING_AWAY, message=b"closing") for c in self.clients.values()]
        await asyncio.gather(*goodbyes, return_exceptions=True)

    def stats(self) -> dict[str, Any]:
        """Counters; any thread."""
        clients = list(self.clients.values())
        counted = self.tally.stats()
        return {
            "clients": len(clients), "listened": len(self._heard), "sent": sum(client.sent for client in clients),
            "received": counted["received"], "rejected": self.tally.rejected + self.rejected,
        }  # fmt: skip

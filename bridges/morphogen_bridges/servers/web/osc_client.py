"""One OSCQuery client on its WebSocket: what it listens to, what it is to be told, and the task that tells it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from morphogen_bridges.osc import addresses as table
from morphogen_bridges.osc.codec import Message, OscError, Typed, write_message
from morphogen_bridges.osc.nodes import Node
from morphogen_bridges.osc.peer import Peer
from morphogen_bridges.servers.web.osc_space import Space

HUSH = 0.5  # seconds after its last move before a client hears the value that it moved
MAX_ANSWERS = 64  # pongs and answers that wait to be sent
_WEIGHTS = table.WEIGHT[:-1]


def packet(node: Node, value: Any) -> bytes:
    """The value as an OSC message of the node's type."""
    return write_message(node.address, value if node.type in "Ts" else Typed(node.type, value))


class OscClient:
    """Loop thread only. Everything waits where the newest wins, so a slow client costs nothing."""

    def __init__(self, number: int, ws: web.WebSocketResponse, space: Space, host: str) -> None:
        self.ws = ws
        self.peer = Peer(host, f"oscquery:{number}", self._reply)
        self.listens: set[str] = set()
        self.sent = 0
        self._space = space
        self._names = space.weights.names
        self._menus = space.choices
        self._pending: dict[str, None] = {}
        self._moved: dict[str, tuple[float, bytes]] = {}
        self._answers: list[bytes] = []
        self._wake = asyncio.Event()

    def changed(self, address: str) -> None:
        """An address that it listens to has another value."""
        self._pending[address] = None
        self._wake.set()

    def look(self) -> None:
        """The address space may have changed."""
        self._wake.set()

    def moves(self, message: Message) -> None:
        """It has just sent this: it is not told so while it goes on, and never what it knows."""
        if message.address not in self.listens:
            return
        try:
            said = write_message(message.address, *message.args)
        except OscError:
            return
        self._moved[message.address] = (asyncio.get_running_loop().time(), said)

    def ignore(self, address: str) -> None:
        """It no longer wants to hear this one."""
        self.listens.discard(address)
        self._pending.pop(address, None)
        self._moved.pop(address, None)

    def _reply(self, answer: bytes) -> None:
        if len(self._answers) < MAX_ANSWERS:
            self._answers.append(answer)
            self._wake.set()

    async def run(self) -> None:
        """Send until the connection ends."""
        while not self.ws.closed:
            await self._wake.wait()
            self._wake.clear()
            try:
                for command, path in self._structure():
                    await self.ws.send_str(json.dumps({"COMMAND": command, "DATA": path}))
                while self._answers:
                    await self.ws.send_bytes(self._answers.pop(0))
                await self._values()
            except ConnectionError:
                return

    def _structure(self) -> Iterator[tuple[str, str]]:
        """The difference between what it was last told and what is there now."""
        before, self._names = self._names, self._space.weights.names
        if before != self._names:
            was, now = len(before), len(self._names)
            for index in range(now, was):
                yield "PATH_REMOVED", table.WEIGHT + str(index)
            for index in range(was, now):
                yield "PATH_ADDED", table.WEIGHT + str(index)
            yield "PATH_CHANGED", _WEIGHTS
        menus, self._menus = self._menus, self._space.choices
        for address, menu in self._menus.items():
            if menus.get(address) != menu:
                yield "PATH_CHANGED", address

    async def _values(self) -> None:
        loop = asyncio.get_running_loop()
        waits: list[float] = []
        for address in list(self._pending):
            since, said = self._moved.get(address, (float("-inf"), b""))
            if since + HUSH > loop.time():
                waits.append(since + HUSH - loop.time())
                continue
            self._pending.pop(address, None)
            self._moved.pop(address, None)
            node, value = self._space.node(address), self._space.value(address)
            if node is None or value is None:
                continue
            news = packet(node, value)
            if news != said:
                self.sent += 1
                await self.ws.send_bytes(news)
        if waits:
            loop.call_later(min(waits), self._wake.set)

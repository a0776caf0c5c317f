"""All connected pages: joins and leaves, news for each, and pictures for those who look.

The instrument's events arrive on its own threads, often the render thread. They are only put down under a lock; the
loop picks them up 30 times a second, so 5,000 messages a second in cost the pages 30.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import WSCloseCode, web

from morphogen import log
from morphogen.contracts import Host
from morphogen.errors import MorphogenError
from morphogen_bridges.servers.web import describe
from morphogen_bridges.servers.web.calls import ask, plain
from morphogen_bridges.servers.web.client import Client
from morphogen_bridges.servers.web.failures import Refused

MAX_CLIENTS = 64
MAX_EVENTS = 256
NEWS_RATE = 30.0
METER_RATE = 20.0
STATS_RATE = 1.0
NEWEST = frozenset({"state", "beat"})
NOT_FOR_PAGES = frozenset({"weight", "query", "subscribe"})  # between the bridges; thousands a second
FRAME_FRESH = 0.2


class Hub:
    """Loop thread only, except `listen`, `offer` and `divisors`."""

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop, preview_width: int) -> None:
        self.host = host
        self.clients: dict[int, Client] = {}
        self.received = 0
        self.rejected = 0
        self.refused = 0
        self._loop = loop
        self._preview_width = preview_width
        self._next_id = 1
        self._someone = asyncio.Event()
        self._lock = threading.Lock()
        self._changed: dict[str, tuple[Any, str]] = {}
        self._events: list[tuple[str, dict[str, Any]]] = []
        self._offered: tuple[int, Mapping[int, bytes]] | None = None
        self._last: tuple[float, bytes] | None = None
        self._waiters: set[asyncio.Future[bytes]] = set()
        self._divisors: frozenset[int] = frozenset()
        self._features = [key for key, spec in host.params.specs.items() if spec.feature]
        self._tasks: set[asyncio.Task[None]] = set()
        self._warn = log.Repeated(log.get("http"))

    # --- from other threads

    def listen(self, topic: str, data: dict[str, Any]) -> None:
        """Subscriber of the host's events. Any thread; microseconds."""
        if not self.clients or topic in NOT_FOR_PAGES:
            return
        with self._lock:
            if topic == "param":
                self._changed[data["key"]] = (data["value"], data.get("origin", ""))
            elif len(self._events) < MAX_EVENTS:
                self._events.append((topic, data))

    @property
    def divisors(self) -> frozenset[int]:
        """Sizes of the preview that someone waits for. Any thread."""
        return self._divisors

    def offer(self, index: int, jpegs: Mapping[int, bytes]) -> None:
        """One picture. Any thread; a newer one replaces one that the loop has not picked up yet."""
        with self._lock:
            waiting, self._offered = self._offered is not None, (index, jpegs)
        if waiting:
            return
        try:
            self._loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:
            pass  # the server has just been closed

    # --- clients

    def join(self, ws: web.WebSocketResponse) -> Client:
        """A new page; it is told everything at once."""
        client = Client(self._next_id, ws)
        self._next_id += 1
        self.clients[client.id] = client
        self._someone.set()
        client.tell({"hello": {"client": client.id, "size": self.host.show_size}})
        client.tell({"params": describe.params(self.host)})
        self.spawn(client.run())
        self.spawn(self._tell_style(client))
        return client

    def leave(self, client: Client) -> None:
        """The page is gone."""
        self.clients.pop(client.id, None)
        client.dead = True
        client.tell_params({})
        if not self.clients:
            self._someone.clear()
        self.refresh()

    def has_room(self) -> None:
        """Raises Refused when too many pages are open."""
        if len(self.clients) >= MAX_CLIENTS:
            raise Refused(503, f"{MAX_CLIENTS} pages are open already.", "Close one of them.")

    def watch(self, client: Client, preview: bool, width: float) -> None:
        """A page wants pictures about `width` pixels wide, or none."""
        share = width / self._preview_width
        client.divisor = 1 if share > 0.6 else 2 if share > 0.3 else 4
        client.watch(preview)
        self.refresh()

    async def _tell_style(self, client: Client) -> None:
        try:
            client.tell({"style": await ask(self.host, "style.current")})
        except MorphogenError:
            pass  # no style yet: the page asks again when one comes

    # --- pictures

    def refresh(self) -> None:
        """Work out again who looks."""
        now = self._loop.time()
        wanted = {c.divisor for c in self.clients.values() if c.preview and not c.stalled(now)}
        self._divisors = frozenset(wanted | ({1} if self._waiters else set()))

    def _deliver(self) -> None:
        with self._lock:
            offered, self._offered = self._offered, None
        if offered is None:
            return
        index, jpegs = offered
        if 1 in jpegs:
            self._last = (self._loop.time(), jpegs[1])
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(jpegs[1])
        for client in self.clients.values():
            if client.preview and client.divisor in jpegs:
                client.show(index, jpegs[client.divisor])

    async def next_frame(self, timeout: float = 2.0) -> bytes:
        """One current JPEG; renders one if nobody looks. Raises Refused (503)."""
        if self._last is not None and self._loop.time() - self._last[0] < FRAME_FRESH:
            return self._last[1]
        waiter: asyncio.Future[bytes] = self._loop.create_future()
        self._waiters.add(waiter)
        self.refresh()
        try:
            return await asyncio.wait_for(waiter, timeout)
        except TimeoutError:
            raise Refused(503, "No frame came.", "Is the show running, and the `web` output on?") from None
        finally:
            self._waiters.discard(waiter)
            self.refresh()

    # --- the beat of the server

    def start(self) -> None:
        """Begin to send news, meters and statistics to whoever is there."""
        for rate, work in ((NEWS_RATE, self._news), (METER_RATE, self._meters), (STATS_RATE, self._stats)):
            self.spawn(self._every(1.0 / rate, work))

    def spawn(self, work: Awaitable[None]) -> None:
        """Run beside everything else until `stop`."""
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Say goodbye; bounded by the caller."""
        self._divisors = frozenset()
        for task in list(self._tasks):
            task.cancel()
        goodbyes = [c.ws.close(code=WSCloseCode.GOING_AWAY, message=b"closing") for c in self.clients.values()]
        await asyncio.gather(*goodbyes, return_exceptions=True)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._someone.wait()
            try:
                await work()
            except Exception:  # noqa: BLE001  guard of a worker: one bad value must not silence all pages
                self._warn.exception("ticker", "telling the pages failed")
            await asyncio.sleep(seconds)

    async def _news(self) -> None:
        with self._lock:
            changed, self._changed = self._changed, {}
            events, self._events = self._events, []
        self.refresh()
        for topic, data in events:
            for client in self.clients.values():
                (client.tell_newest if topic in NEWEST else client.tell)({topic: data})
        if not changed:
            return
        values = {key: (plain(value), origin) for key, (value, origin) in changed.items()}
        for client in self.clients.values():
            client.tell_params({key: value for key, (value, origin) in values.items() if origin != client.origin})

    async def _meters(self) -> None:
        levels = {key.partition("/")[2]: round(float(self.host.params.get(key)), 3) for key in self._features}
        levels["level"] = levels.get("rms", 0.0)
        tempo, now = self.host.tempo(), self.host.clock.now()
        music = {
            "bpm": round(tempo.bpm, 2), "phase": round(tempo.phase_at(now), 3),
            "bar": round(tempo.bar_phase_at(now), 3),
            "beats": tempo.beats_per_bar, "confidence": round(tempo.confidence, 2), "source": tempo.source,
        }  # fmt: skip
        for client in self.clients.values():
            client.tell_newest({"meters": levels, "tempo": music})

    async def _stats(self) -> None:
        try:
            answer = await ask(self.host, "stats", timeout=2.0)
        except MorphogenError:
            return
        for client in self.clients.values():
            client.tell_newest({"stats": answer})

    def stats(self) -> dict[str, Any]:
        """Counters; any thread."""
        clients = list(self.clients.values())
        return {
            "clients": len(clients), "watching": sum(c.preview for c in clients), "received": self.received,
            "rejected": self.rejected, "refused": self.refused,
        }  # fmt: skip

"""The page, REST, WebSocket and OSCQuery of DESIGN section 6, on one port.

aiohttp runs in a thread of its own with its own event loop, so no slow browser reaches the frame loop. aiohttp itself
is imported when the server opens. What is behind the port lies in `web/`.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, ClassVar

from morphogen import log
from morphogen.contracts import Host, Sink, Source
from morphogen.errors import Unavailable
from morphogen_bridges.osc.identity import host_name
from morphogen_bridges.servers.web.binding import check_bind

if TYPE_CHECKING:
    from morphogen_bridges.servers.web.hub import Hub
    from morphogen_bridges.servers.web.osc_hub import OscHub
    from morphogen_bridges.servers.web.preview import WebPreview

OPEN_SECONDS = 10.0
CLOSE_SECONDS = 2.0


class HttpServer(Source):
    """Serves the page on `http://bind:port/`. Port 0 takes a free one.

    token: needed by every client when given, and given by everyone who binds beyond loopback. osc: (address, port)
    where OSC is heard, for OSCQuery to tell. announced: mDNS tells programs a name of its own for here. Raises
    UsageError from the constructor if the token is missing there, Unavailable from `open` for a taken port or without
    aiohttp.
    """

    name: ClassVar[str] = "http"

    def __init__(
        self,
        bind: str = "127.0.0.1",
        port: int = 8712,
        token: str | None = None,
        osc: tuple[str, int] | None = None,
        announced: bool = False,
    ) -> None:
        super().__init__()
        check_bind(bind, token)
        self._osc, self._announced = osc, announced
        self._bind, self._port, self._token = bind, port, token
        self._thread: threading.Thread | None = None
        self._stop: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._hub: Hub | None = None
        self._osc_hub: OscHub | None = None
        self._preview: WebPreview | None = None

    @property
    def port(self) -> int:
        """The port in use (differs from what was asked only for 0)."""
        return self._port

    def sinks(self) -> Sequence[Sink]:
        return () if self._preview is None else (self._preview,)

    def stats(self) -> dict[str, Any]:
        if self._hub is None or self._osc_hub is None:
            return {}
        return {**self._hub.stats(), "oscquery": self._osc_hub.stats()}

    def describe(self) -> dict[str, Any]:
        shown = socket.gethostname() if self._bind in ("", "0.0.0.0", "::") else self._bind
        shown = f"[{shown.strip('[]')}]" if ":" in shown else shown
        return {"url": f"http://{shown}:{self._port}/", "port": self._port, "token": bool(self._token)}

    def _open(self, host: Host) -> None:
        try:
            import aiohttp  # noqa: F401
        except ImportError as error:
            raise Unavailable("The page needs aiohttp.", "pip install aiohttp, or --out -web.") from error
        listening = self._listen()
        self._port = listening.getsockname()[1]
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(host, listening, ready), name="http", daemon=True)
        self._thread.start()
        ready.result(OPEN_SECONDS)

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._bind else socket.AF_INET
        try:
            return socket.create_server((self._bind.strip("[]"), self._port), family=family, backlog=128)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                why = "is taken: another instance is running, or another program has it"
                cure = "Stop the other instance, or start with --port-base N."
            else:
                why, cure = (
                    f"cannot be opened: {error.strerror or error}",
                    "Check --bind: it must be an address of here.",
                )
            raise Unavailable(f"HTTP port {self._port} on {self._bind} {why}.", cure) from error

    def _run(self, host: Host, listening: socket.socket, ready: Future[None]) -> None:
        try:
            asyncio.run(self._serve(host, listening, ready))
        except Exception as error:  # noqa: BLE001  guard of the server's thread
            if ready.done():
                log.get("http").exception("the page's server ended")
            else:
                ready.set_exception(error)
        finally:
            listening.close()

    async def _serve(self, host: Host, listening: socket.socket, ready: Future[None]) -> None:
        from aiohttp import web

        from morphogen_bridges.servers.web.app import build
        from morphogen_bridges.servers.web.guard import Guard
        from morphogen_bridges.servers.web.hub import Hub
        from morphogen_bridges.servers.web.osc_hub import OscHub
        from morphogen_bridges.servers.web.oscquery import OscQuery
        from morphogen_bridges.servers.web.preview import WebPreview, preview_options

        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        options = preview_options(host.show_size)
        hub, osc_hub = Hub(host, loop, options.width), OscHub(host, loop)
        names = (host_name(self._port),) if self._announced else ()
        app = build(hub, Guard(self._bind, self._port, self._token, names), OscQuery(osc_hub, self._osc))
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.3, logger=_quiet())
        await runner.setup()
        await web.SockSite(runner, listening).start()
        hub.start()
        osc_hub.start()
        unsubscribe = [host.subscribe(listen) for listen in (hub.listen, osc_hub.listen)]
        self._hub, self._preview, self._stop = hub, WebPreview(hub, options), (loop, stop)
        self._osc_hub = osc_hub
        ready.set_result(None)
        try:
            await stop.wait()
        finally:
            for leave in unsubscribe:
                leave()
            await asyncio.wait({asyncio.ensure_future(one.stop()) for one in (hub, osc_hub)}, timeout=0.5)
            await asyncio.wait({asyncio.ensure_future(runner.cleanup())}, timeout=1.0)

    def _close(self) -> None:
        if self._stop is not None:
            loop, stop = self._stop
            try:
                loop.call_soon_threadsafe(stop.set)
            except RuntimeError:
                pass  # the loop has ended by itself
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)
        self._thread = self._stop = self._hub = self._osc_hub = None


def _quiet() -> logging.Logger:
    # aiohttp logs a traceback for every broken request; requests are counted instead, faults of ours are logged
    # by the app's own guard.
    quiet = log.get("http.wire")
    quiet.setLevel(logging.CRITICAL + 1)
    return quiet
